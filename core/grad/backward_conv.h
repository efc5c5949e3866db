/* The ways in which a convolution is differentiated. */
#ifndef OA_GRAD_BACKWARD_CONV_H
#define OA_GRAD_BACKWARD_CONV_H

#include "core/exec/conv_shifted.h"
#include "core/grad/backward.h"

/* Data is NULL for what is not wanted. */
typedef struct oa_conv_sinks {
    oa_sink x;
    oa_sink w;
} oa_conv_sinks;

/* By matrix products, for any convolution. OA_ERROR_MEMORY, and the errors of oa_gemm. Twice the cost of the forward
 * pass. */
oa_status oa_backward_conv_lowered(const oa_conv_sinks *sinks, oa_backward_call *call, const oa_conv *conv,
                                   oa_error *error);

/* By shifts, where oa_conv_shifted_pays says so and sets the grid. OA_ERROR_MEMORY. */
oa_status oa_backward_conv_shifted(const oa_conv_sinks *sinks, oa_backward_call *call, const oa_conv *conv,
                                   const oa_conv_grid *grid, oa_error *error);

/* For one input channel a group: row by row. The same cost. */
void oa_backward_conv_depthwise(const oa_conv_sinks *sinks, oa_backward_call *call, const oa_conv *conv);

#endif
