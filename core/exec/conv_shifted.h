/* Convolution by shifts (core/linalg/shift.h) on grids (core/exec/conv_grid.h): for few channels, where laying out
 * columns for a matrix product costs as much as multiplying them. */
#ifndef OA_EXEC_CONV_SHIFTED_H
#define OA_EXEC_CONV_SHIFTED_H

#include "core/exec/conv_grid.h"

/* Does it pay for this convolution, and can the processor run it? Sets *grid. */
bool oa_conv_shifted_pays(oa_conv_grid *grid, const oa_conv *conv);

/* y = the convolution, plus bias [groups * out_channels] unless it is NULL; float32. Uses the call's scratch.
 * OA_ERROR_MEMORY. The same cost as oa_conv_lowered. */
oa_status oa_conv_shifted(float *y, const float *x, const float *w, const float *bias, const oa_conv *conv,
                          const oa_conv_grid *grid, oa_call *call, oa_error *error);

#endif
