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
