/* Convolution on packed panels (core/linalg/panels.h): windows are laid out as columns a panel at a time, straight into
 * the cache, and the parts of the product are spread over the executor's threads. */
#ifndef OA_EXEC_CONV_PANELS_H
#define OA_EXEC_CONV_PANELS_H

#include "core/exec/conv.h"

/* Can the processor run it, and is the window of a usual size? */
bool oa_conv_panels_fits(const oa_conv *conv);

/* y = the convolution, plus bias [groups * out_channels] unless it is NULL; float32. No dimension of y is 0. Uses the
 * call's scratch and its threads; the result does not depend on how many they are. OA_ERROR_MEMORY. The same cost as
 * oa_conv_lowered. */
oa_status oa_conv_panels(float *y, const float *x, const float *w, const float *bias, const oa_conv *conv,
                         oa_call *call, oa_error *error);

#endif
