#include "core/symmetry/window.h"

static const char *const WINDOW = "a window slides along it, so neighbours matter";

typedef struct window {
    int64_t stride, dilation, pad_begin, pad_end;
    bool is_same, is_valid, is_ceil;
} window;

static bool window_of_axis(window *result, const oa_node *node, size_t axis, size_t axis_count)
{
    const int64_t *list;
    size_t count;
    *result = (window){.stride = 1, .dilation = 1};
    oa_node_ints(&list, &count, node, "strides");
    if (count) {
        result->stride = axis < count ? list[axis] : 0;
    }
    oa_node_ints(&list, &count, node, "dilations");
    if (count) {
        result->dilation = axis < count ? list[axis] : 0;
    }
    oa_node_ints(&list, &count, node, "pads");
    if (count) {
        if (count != 2 * axis_count) {
            return false;
        }
        result->pad_begin = list[axis];
        result->pad_end = list[axis + axis_count];
    }
    result->is_same =
        oa_node_string_is(node, "auto_pad", "SAME_UPPER") || oa_node_string_is(node, "auto_pad", "SAME_LOWER");
    result->is_valid = oa_node_string_is(node, "auto_pad", "VALID");
    result->is_ceil = oa_node_int(node, "ceil_mode", 0) != 0;
    const int64_t limit = INT64_C(1) << 30;
    return result->stride > 0 && result->stride < limit && result->dilation > 0 && result->dilation < limit &&
           result->pad_begin > -limit && result->pad_begin < limit && result->pad_end > -limit &&
           result->pad_end < limit;
}

/* How many positions the window takes; 0 when that is not known. */
static oa_dim positions(const window *w, oa_dim size, oa_dim kernel)
{
    if (oa_dim_is_symbolic(size) || oa_dim_is_symbolic(kernel) || kernel < 1 || kernel >= OA_DIM_LIMIT / w->dilation) {
        return 0;
    }
    if (w->is_same) {
        return (size + w->stride - 1) / w->stride;
    }
    oa_dim padded = w->is_valid ? size : size + w->pad_begin + w->pad_end;
    oa_dim room = padded - (w->dilation * (kernel - 1) + 1);
    if (room < 0) {
        return 0;
    }
    oa_dim count = (room + (w->is_ceil ? w->stride - 1 : 0)) / w->stride + 1;
    if (w->is_ceil && !w->is_valid && (count - 1) * w->stride >= size + w->pad_begin) {
        count--; /* the last window would start in the padding at the end */
    }
    return count;
}

bool oa_window_axes(oa_axes *result, oa_discovery *discovery, const oa_node *node, const oa_axes *x,
                    const oa_dim *kernel)
{
    for (size_t i = 2; i < x->rank; i++) {
        window w;
        if (!window_of_axis(&w, node, i - 2, x->rank - 2)) {
            return false;
        }
        if (kernel[i - 2] == 1 && w.stride == 1 && w.pad_begin == 0 && w.pad_end == 0) {
            result->space[i] = x->space[i];
            continue;
        }
        oa_dim size = positions(&w, oa_axis_size(discovery, x, i), kernel[i - 2]);
        oa_pin_space(discovery, x->space[i], WINDOW);
        result->space[i] = oa_fixed(discovery, size > 0 ? size : oa_dim_fresh(&discovery->spaces.dims), WINDOW);
    }
    return true;
}

/* The size of the output, where output_shape does not say it; 0 when that is not known. */
static oa_dim transposed_size(const window *w, oa_dim size, oa_dim kernel, int64_t output_padding)
{
    const int64_t limit = INT64_C(1) << 30;
    if (oa_dim_is_symbolic(size) || oa_dim_is_symbolic(kernel) || size < 1 || size >= limit || kernel < 1 ||
        kernel >= limit / w->dilation || size >= OA_DIM_LIMIT / w->stride || output_padding < 0 ||
        output_padding >= limit) {
        return 0;
    }
    if (w->is_same) {
        return size * w->stride;
    }
    oa_dim reach = (size - 1) * w->stride + output_padding + (kernel - 1) * w->dilation + 1;
    oa_dim result = w->is_valid ? reach : reach - w->pad_begin - w->pad_end;
    return result > 0 && result < OA_DIM_LIMIT ? result : 0;
}

bool oa_transposed_window_axes(oa_axes *result, oa_discovery *discovery, const oa_node *node, const oa_axes *x,
                               const oa_dim *kernel)
{
    const int64_t *padding;
    const int64_t *shape;
    size_t padding_count;
    size_t shape_count;
    oa_node_ints(&padding, &padding_count, node, "output_padding");
    oa_node_ints(&shape, &shape_count, node, "output_shape");
    size_t first_of_shape = shape_count == x->rank ? 2 : 0; /* some exporters list all axes */
    for (size_t i = 2; i < x->rank; i++) {
        window w;
        size_t k = i - 2;
        if (!window_of_axis(&w, node, k, x->rank - 2) || (padding_count && padding_count != x->rank - 2) ||
            (shape_count && shape_count != x->rank - 2 + first_of_shape)) {
            return false;
        }
        oa_dim size = transposed_size(&w, oa_axis_size(discovery, x, i), kernel[k], padding_count ? padding[k] : 0);
        if (shape_count) {
            int64_t given = shape[first_of_shape + k];
            size = given > 0 && given < OA_DIM_LIMIT ? given : 0;
        }
        oa_pin_space(discovery, x->space[i], WINDOW);
        result->space[i] = oa_fixed(discovery, size > 0 ? size : oa_dim_fresh(&discovery->spaces.dims), WINDOW);
    }
    return true;
}
