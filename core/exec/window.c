#include "core/exec/window.h"

typedef enum pad_mode { PAD_GIVEN, PAD_NONE, PAD_SAME_UPPER, PAD_SAME_LOWER } pad_mode;

/* Sizes up to this can be added and compared without overflow. */
static const int64_t MOST_SIZE = INT64_MAX / 8;

static oa_status read_pad_mode(pad_mode *mode, oa_call *call, oa_error *error)
{
    const oa_string_view *text = oa_call_string(call, "auto_pad");
    *mode = PAD_GIVEN;
    if (!text || oa_string_is(text, "NOTSET") || text->size == 0) {
        return OA_OK;
    }
    if (oa_string_is(text, "VALID")) {
        *mode = PAD_NONE;
    } else if (oa_string_is(text, "SAME_UPPER")) {
        *mode = PAD_SAME_UPPER;
    } else if (oa_string_is(text, "SAME_LOWER")) {
        *mode = PAD_SAME_LOWER;
    } else {
        return oa_fail(error, OA_ERROR_INPUT, "auto_pad is '%.*s'; NOTSET, VALID, SAME_UPPER and SAME_LOWER are known",
                       (int)text->size, text->data);
    }
    return OA_OK;
}

/* An attribute of `count` sizes within `least` and MOST_SIZE; all `fallback` when it is absent. */
static oa_status read_sizes(size_t *sizes, oa_call *call, const char *name, size_t count, int64_t least,
                            size_t fallback, oa_error *error)
{
    const int64_t *ints;
    size_t given;
    oa_call_ints(&ints, &given, call, name);
    for (size_t i = 0; i < count; i++) {
        sizes[i] = fallback;
    }
    if (given == 0) {
        return OA_OK;
    }
    if (given != count) {
        return oa_fail(error, OA_ERROR_INPUT, "%s has %zu numbers and must have %zu", name, given, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (ints[i] < least || ints[i] > MOST_SIZE) {
            return oa_fail(error, OA_ERROR_INPUT, "%s holds %lld, which is out of range", name, (long long)ints[i]);
        }
        sizes[i] = (size_t)ints[i];
    }
    return OA_OK;
}

/* The size of the output along axis d, and the padding when it is automatic. */
static oa_status fit_axis(oa_window *window, size_t d, pad_mode mode, bool is_ceil, oa_error *error)
{
    size_t extent, in = window->in[d], stride = window->stride[d];
    const size_t most = (size_t)MOST_SIZE;
    if (window->kernel[d] == 0 || oa_mul_overflows(&extent, window->kernel[d] - 1, window->dilation[d]) ||
        extent >= most || in > most) {
        return oa_fail(error, OA_ERROR_INPUT, "a kernel of %zu with dilation %zu on axis %zu", window->kernel[d],
                       window->dilation[d], d + 2);
    }
    extent++;
    if (mode == PAD_NONE) {
        window->pad[d] = window->pad_end[d] = 0;
    } else if (mode != PAD_GIVEN) {
        /* As many outputs as strides begin inside the input; an odd padding has its larger half at the named end. */
        size_t out = in / stride + (in % stride != 0);
        size_t reach = out ? (out - 1) * stride + extent : 0;
        size_t total = reach > in ? reach - in : 0;
        window->pad[d] = mode == PAD_SAME_UPPER ? total / 2 : total - total / 2;
        window->pad_end[d] = total - window->pad[d];
        window->out[d] = out;
        return OA_OK;
    }
    size_t padded = in + window->pad[d] + window->pad_end[d];
    if (padded < extent) {
        return oa_fail(error, OA_ERROR_INPUT, "a window of %zu is larger than the padded input of %zu on axis %zu",
                       extent, padded, d + 2);
    }
    size_t room = padded - extent;
    window->out[d] = room / stride + 1;
    if (is_ceil && room % stride != 0 && window->out[d] * stride < in + window->pad[d]) {
        window->out[d]++;
    }
    return OA_OK;
}

oa_status oa_window_read(oa_window *window, oa_call *call, const oa_array *x, const size_t *kernel, bool is_ceil,
                         oa_error *error)
{
    if (x->rank < 3) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "the input has rank %zu; it must have a batch, channels and at least one more axis", x->rank);
    }
    size_t rank = x->rank - 2, pads[2 * OA_MAX_RANK], shape[OA_MAX_RANK];
    oa_window made = {.rank = rank};
    pad_mode mode;
    oa_status status = read_pad_mode(&mode, call, error);
    if (status == OA_OK) {
        status = read_sizes(made.stride, call, "strides", rank, 1, 1, error);
    }
    if (status == OA_OK) {
        status = read_sizes(made.dilation, call, "dilations", rank, 1, 1, error);
    }
    if (status == OA_OK) {
        status = read_sizes(pads, call, "pads", 2 * rank, 0, 0, error);
    }
    if (status == OA_OK) {
        status = read_sizes(shape, call, "kernel_shape", rank, 1, 0, error);
    }
    for (size_t d = 0; d < rank && status == OA_OK; d++) {
        made.in[d] = x->dims[2 + d];
        made.kernel[d] = kernel ? kernel[d] : shape[d];
        made.pad[d] = pads[d];
        made.pad_end[d] = pads[rank + d];
        if (kernel && shape[d] && shape[d] != kernel[d]) {
            return oa_fail(error, OA_ERROR_INPUT, "kernel_shape says %zu on axis %zu and the weight has %zu", shape[d],
                           d + 2, kernel[d]);
        }
        status = fit_axis(&made, d, mode, is_ceil, error);
    }
    if (status == OA_OK) {
        *window = made;
    }
    return status;
}

/* The size of a transposed convolution's output along axis d, which is the window's input, and the padding when it is
 * automatic or follows from the size. `wanted` is 0 when no size is given, `extra` what is added at the end. */
static oa_status fit_transposed_axis(oa_window *window, size_t d, pad_mode mode, size_t wanted, size_t extra,
                                     oa_error *error)
{
    const size_t most = (size_t)MOST_SIZE;
    size_t extent, reach, stride = window->stride[d], in = window->out[d];
    if (window->kernel[d] == 0 || oa_mul_overflows(&extent, window->kernel[d] - 1, window->dilation[d]) ||
        extent >= most || in == 0 || oa_mul_overflows(&reach, in - 1, stride) || reach >= most) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "a kernel of %zu with dilation %zu and stride %zu on %zu places of axis %zu", window->kernel[d],
                       window->dilation[d], stride, in, d + 2);
    }
    reach += extent + 1 + extra;
    if (mode == PAD_NONE) {
        window->pad[d] = window->pad_end[d] = 0;
    } else if (mode != PAD_GIVEN && wanted == 0 && oa_mul_overflows(&wanted, in, stride)) {
        return oa_fail(error, OA_ERROR_INPUT, "a stride of %zu on axis %zu", stride, d + 2);
    }
    if (wanted) {
        size_t total = reach > wanted ? reach - wanted : 0;
        window->pad[d] = mode == PAD_SAME_UPPER ? total / 2 : total - total / 2;
        window->pad_end[d] = total - window->pad[d];
        window->in[d] = wanted;
        return OA_OK;
    }
    size_t pads = window->pad[d] + window->pad_end[d];
    if (pads >= reach) {
        return oa_fail(error, OA_ERROR_INPUT, "padding of %zu leaves nothing of %zu places on axis %zu", pads, reach,
                       d + 2);
    }
    window->in[d] = reach - pads;
    return OA_OK;
}

oa_status oa_window_read_transposed(oa_window *window, oa_call *call, const oa_array *x, const size_t *kernel,
                                    oa_error *error)
{
    size_t rank = x->rank - 2, pads[2 * OA_MAX_RANK], shape[OA_MAX_RANK], wanted[OA_MAX_RANK], extra[OA_MAX_RANK];
    oa_window made = {.rank = rank};
    pad_mode mode;
    oa_status status = read_pad_mode(&mode, call, error);
    const struct {
        size_t *sizes;
        const char *name;
        size_t count;
        int64_t least;
        size_t fallback;
    } lists[] = {{made.stride, "strides", rank, 1, 1}, {made.dilation, "dilations", rank, 1, 1},
                 {pads, "pads", 2 * rank, 0, 0},       {shape, "kernel_shape", rank, 1, 0},
                 {wanted, "output_shape", rank, 1, 0}, {extra, "output_padding", rank, 0, 0}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && status == OA_OK; i++) {
        status =
            read_sizes(lists[i].sizes, call, lists[i].name, lists[i].count, lists[i].least, lists[i].fallback, error);
    }
    for (size_t d = 0; d < rank && status == OA_OK; d++) {
        made.out[d] = x->dims[2 + d];
        made.kernel[d] = kernel[d];
        made.pad[d] = pads[d];
        made.pad_end[d] = pads[rank + d];
        if (shape[d] && shape[d] != kernel[d]) {
            return oa_fail(error, OA_ERROR_INPUT, "kernel_shape says %zu on axis %zu and the weight has %zu", shape[d],
                           d + 2, kernel[d]);
        }
        status = fit_transposed_axis(&made, d, mode, wanted[d], extra[d], error);
    }
    if (status == OA_OK) {
        *window = made;
    }
    return status;
}

size_t oa_window_size(const size_t *sizes, size_t rank)
{
    size_t product = 1;
    for (size_t d = 0; d < rank; d++) {
        product *= sizes[d];
    }
    return product;
}

size_t oa_window_rows(const size_t *sizes, size_t rank)
{
    return oa_window_size(sizes, rank - 1);
}

bool oa_window_next(size_t *position, const size_t *sizes, size_t rank)
{
    for (size_t d = rank; d-- > 0;) {
        if (++position[d] < sizes[d]) {
            return true;
        }
        position[d] = 0;
    }
    return false;
}

void oa_window_span(size_t *first, size_t *end, size_t *from, const oa_window *window, size_t d, size_t tap)
{
    size_t stride = window->stride[d], in = window->in[d], out = window->out[d], pad = window->pad[d];
    size_t at = tap * window->dilation[d]; /* of output 0, in the padded input */
    size_t lowest = at >= pad ? 0 : (pad - at + stride - 1) / stride;
    size_t past = at >= in + pad ? 0 : (in + pad - 1 - at) / stride + 1;
    past = past < out ? past : out;
    lowest = lowest < past ? lowest : past;
    *first = lowest;
    *end = past;
    *from = lowest < past ? lowest * stride + at - pad : 0;
}

void oa_window_taps(size_t *first, size_t *past, const oa_window *window, size_t d, size_t out, bool counts_padding)
{
    size_t dilation = window->dilation[d], start = out * window->stride[d];
    size_t low = counts_padding ? 0 : window->pad[d];
    size_t high = window->in[d] + window->pad[d] + (counts_padding ? window->pad_end[d] : 0);
    size_t lowest = start >= low ? 0 : (low - start + dilation - 1) / dilation;
    size_t end = start >= high ? 0 : (high - 1 - start) / dilation + 1;
    end = end < window->kernel[d] ? end : window->kernel[d];
    *first = lowest < end ? lowest : end;
    *past = end;
}

void oa_window_last_taps(size_t *first, size_t *past, const oa_window *window)
{
    size_t d = window->rank - 1, unused;
    *first = *past = 0;
    if (window->out[d]) { /* the window moves right, so the taps inside the input move left */
        oa_window_taps(&unused, past, window, d, 0, false);
        oa_window_taps(first, &unused, window, d, window->out[d] - 1, false);
    }
}

bool oa_window_box_start(oa_window_box *box, const oa_window *window, const size_t *out)
{
    for (size_t d = 0; d + 1 < window->rank; d++) {
        oa_window_taps(&box->first[d], &box->past[d], window, d, out[d], false);
        if (box->first[d] == box->past[d]) {
            return false;
        }
        box->tap[d] = box->first[d];
    }
    return true;
}

bool oa_window_box_next(oa_window_box *box, const oa_window *window)
{
    for (size_t d = window->rank - 1; d-- > 0;) {
        if (++box->tap[d] < box->past[d]) {
            return true;
        }
        box->tap[d] = box->first[d];
    }
    return false;
}
