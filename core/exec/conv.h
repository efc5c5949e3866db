/* Convolution over any number of spatial axes, in groups.
 *
 * Shapes: x [batch, groups * in_channels, in...], w [groups * out_channels, in_channels, kernel...],
 * y [batch, groups * out_channels, out...]. All packed; x, w and y do not overlap. */
#ifndef OA_EXEC_CONV_H
#define OA_EXEC_CONV_H

#include "core/exec/window.h"

typedef struct oa_conv {
    oa_window window;
    size_t batch;
    size_t groups;
    size_t in_channels;  /* of one group */
    size_t out_channels; /* of one group */
} oa_conv;

/* Checks the inputs' shapes and types against each other and reads the attributes. OA_ERROR_INPUT. O(rank). */
oa_status oa_conv_read(oa_conv *conv, oa_call *call, oa_error *error);

/* By matrix products: for each image and group, y[out_channels, out] = w[out_channels, in_channels * kernel] times the
 * windows of x laid out as columns, a tile of columns at a time so that the scratch stays small. Without padding and
 * with a kernel and strides of 1, x itself is that matrix. y += the product with `accumulates`, else y = the product.
 * `dtype` is float32 or float64. `scratch` has oa_conv_scratch bytes and is overwritten. Errors: those of oa_gemm.
 * O(batch * groups * out_channels * in_channels * kernel * out). */
oa_status oa_conv_lowered(void *y, const void *x, const void *w, const oa_conv *conv, bool accumulates, oa_dtype dtype,
                          void *scratch, oa_error *error);
/* Bytes of scratch for oa_conv_lowered; false when that overflows. */
bool oa_conv_scratch(size_t *bytes, const oa_conv *conv, oa_dtype dtype);

/* y = the convolution, plus bias unless it is NULL, for one input channel a group (depthwise): there a matrix product
 * would have a single column of weights, so the rows are added up directly, plane by plane. float32. Uses the
 * call's scratch and threads. The same cost as above. */
oa_status oa_conv_depthwise(float *y, const float *x, const float *w, const float *bias, const oa_conv *conv,
                            oa_call *call, oa_error *error);

/* Every element of a plane of y [batch, channels, ...] starts as its channel's bias; zero without one. */
void oa_conv_fill_bias(oa_array *y, const oa_array *bias);

#endif
