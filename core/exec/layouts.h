/* How operators see their inputs: what kernels share with those who differentiate them. Each reads the attributes and
 * the shapes of a call; errors are OA_ERROR_INPUT for what does not fit. */
#ifndef OA_EXEC_LAYOUTS_H
#define OA_EXEC_LAYOUTS_H

#include "core/exec/call.h"

/* BatchNormalization: the input is [outer, channels, inner]. */
typedef struct oa_channel_layout {
    size_t outer;
    size_t channels;
    size_t inner;
} oa_channel_layout;

oa_channel_layout oa_channel_layout_read(oa_call *call);

/* Softmax and its like: the input is [outer, n, inner], and n is what they normalise over. */
typedef struct oa_axis_layout {
    size_t outer;
    size_t n;
    size_t inner;
} oa_axis_layout;

/* The same for any axis of any array. */
static inline oa_axis_layout oa_axis_layout_at(const oa_array *array, size_t axis)
{
    oa_axis_layout layout = {.outer = 1, .n = array->dims[axis], .inner = 1};
    for (size_t d = 0; d < array->rank; d++) {
        layout.outer *= d < axis ? array->dims[d] : 1;
        layout.inner *= d > axis ? array->dims[d] : 1;
    }
    return layout;
}

oa_status oa_axis_layout_read(oa_axis_layout *layout, oa_call *call, oa_error *error);

/* LayerNormalization and its like: the input is [rows, n], and n is all axes from `axis` on. */
typedef struct oa_row_layout {
    size_t axis;
    size_t rows;
    size_t n;
} oa_row_layout;

oa_status oa_row_layout_read(oa_row_layout *layout, oa_call *call, oa_error *error);
/* How a parameter in `slot` is read along each normalised axis when it is broadcast to them: steps[input 0's rank -
 * axis], in elements. */
oa_status oa_row_parameter_steps(ptrdiff_t *steps, const oa_call *call, size_t slot, const oa_row_layout *layout,
                                 oa_error *error);

/* Reductions: `kept` is the shape of the output with the axes that go as 1, and [dims] the shape as it will be. The
 * axes are an input from operator set `since` on. With *is_nothing the input is passed on. */
oa_status oa_reduced_axes(oa_array *kept, size_t *dims, size_t *rank, bool *is_nothing, oa_call *call, int64_t since,
                          oa_error *error);

/* Slice: the output [dims] (of the input's rank) is x[offset + sum of index * step], in elements. */
oa_status oa_slice_read(size_t *dims, ptrdiff_t *steps, ptrdiff_t *offset, oa_call *call, oa_error *error);

/* Pad by constants: how many elements come before each axis [input's rank]; negative: are cut off.
 * OA_ERROR_UNSUPPORTED for another mode. */
oa_status oa_constant_pads(int64_t *before, oa_call *call, oa_error *error);

/* PRelu: the slope as it is broadcast to the input; a view. */
void oa_prelu_slope(oa_array *slope, const oa_call *call);

#endif
