/* The equation of an Einsum node, resolved against its inputs. Labels are the letters and, behind them, the axes that
 * "..." stands for, counted so that the last axis has the last label. */
#ifndef OA_EXEC_EINSUM_H
#define OA_EXEC_EINSUM_H

#include "core/exec/call.h"

enum { OA_EINSUM_LETTERS = 52, OA_EINSUM_LABELS = OA_EINSUM_LETTERS + OA_MAX_RANK, OA_EINSUM_OPERANDS = 8 };

typedef struct oa_einsum {
    size_t operand_count;
    size_t sizes[OA_EINSUM_LABELS];
    unsigned uses[OA_EINSUM_LABELS];                       /* a bit for each operand that has the label */
    ptrdiff_t steps[OA_EINSUM_OPERANDS][OA_EINSUM_LABELS]; /* in elements; 0 where broadcast or without the label */
    size_t output[OA_MAX_RANK];                            /* labels */
    size_t output_rank;
    bool is_output[OA_EINSUM_LABELS];
} oa_einsum;

/* OA_ERROR_INPUT for an equation that does not parse or fit, OA_ERROR_UNSUPPORTED for too many operands. */
oa_status oa_einsum_read(oa_einsum *einsum, oa_call *call, oa_error *error);

#endif
