/* The table of backward functions: a new one is one function and one row. */
#ifndef OA_GRAD_TABLE_H
#define OA_GRAD_TABLE_H

#include "core/grad/backward.h"

/* What a backward function reads of the forward pass. The values are kept for it; of all others only shapes are. */
typedef enum oa_backward_reads {
    OA_READS_NOTHING = 0,
    OA_READS_INPUTS = 1,
    OA_READS_OUTPUT = 2,
    OA_READS_BOTH = 3
} oa_backward_reads;

typedef oa_status (*oa_backward)(oa_backward_call *call, oa_error *error);

typedef struct oa_backward_row {
    const char *domain;
    const char *op_type;
    oa_backward backward; /* NULL: the outputs do not depend on the inputs in a way that has a gradient, which is zero
                             then (shapes, comparisons, roundings) */
    oa_backward_reads reads;
    size_t slots; /* the first so many inputs have a gradient; OA_NONE: all. Others are taken for constants */
} oa_backward_row;

/* The row of an operator, or NULL. O(rows). */
const oa_backward_row *oa_backward_find(const char *domain, const char *op_type);

#endif
