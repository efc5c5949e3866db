/* The table of operators: a new operator is one kernel and one row. */
#ifndef OA_EXEC_TABLE_H
#define OA_EXEC_TABLE_H

#include "core/exec/call.h"

typedef struct oa_operator {
    const char *domain;
    const char *op_type;
    oa_kernel kernel;
    size_t least_inputs; /* these must be there */
    size_t most_inputs;  /* OA_NONE: any number */
    bool widens; /* float16 and bfloat16 inputs arrive as float32, and float32 outputs are rounded back; otherwise the
                    kernel sees elements as they are, and only moves them or converts by itself */
} oa_operator;

/* The row of an operator, or NULL. O(rows). */
const oa_operator *oa_operator_find(const char *domain, const char *op_type);
/* Row `index`, or NULL past the last. */
const oa_operator *oa_operator_at(size_t index);

#endif
