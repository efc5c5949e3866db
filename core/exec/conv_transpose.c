/* ConvTranspose: what Conv's gradient does to its input. Shapes: x [batch, groups * in, places...],
 * w [groups * in, out, kernel...], y [batch, groups * out, ...]. For each image and group, w^T x are the columns that a
 * convolution from y to x would read, and they are added up where it would read them. */
#include "core/exec/conv.h"
#include "core/exec/kernels.h"
#include "core/exec/types.h"
#include "core/linalg/blas.h"

enum { MOST_ELEMENTS = 1 << 20 }; /* of columns at a time, unless those of one channel are more */

typedef struct transposed {
    oa_window window; /* over y */
    size_t batch;
    size_t groups;
    size_t in_channels;  /* of x in one group */
    size_t out_channels; /* of y in one group */
    size_t positions;    /* places of x */
    size_t kernel_size;
} transposed;

static oa_status read_transposed(transposed *t, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *w = call->inputs[1], *bias = oa_call_input(call, 2);
    int64_t groups = oa_call_int(call, "group", 1);
    char text[2][OA_SHAPE_TEXT_SIZE];
    if (x->rank < 3 || w->rank != x->rank || groups < 1 || w->dims[0] != x->dims[1] ||
        x->dims[1] % (uint64_t)groups != 0) {
        return oa_fail(
            error, OA_ERROR_INPUT, "an input of shape %s and a weight of shape %s do not fit for %lld groups",
            oa_shape_text(text[0], x->dims, x->rank), oa_shape_text(text[1], w->dims, w->rank), (long long)groups);
    }
    size_t channels;
    if (oa_mul_overflows(&channels, w->dims[1], (size_t)groups) ||
        (bias && (bias->rank != 1 || bias->dims[0] != channels))) {
        return oa_fail(error, OA_ERROR_INPUT, "%lld groups of %zu output channels, or their bias", (long long)groups,
                       w->dims[1]);
    }
    *t = (transposed){.batch = x->dims[0],
                      .groups = (size_t)groups,
                      .in_channels = x->dims[1] / (uint64_t)groups,
                      .out_channels = w->dims[1]};
    oa_status status = oa_call_same_dtype(call, 0, 1, error);
    if (status == OA_OK && bias) {
        status = oa_call_same_dtype(call, 0, 2, error);
    }
    if (status == OA_OK) {
        status = oa_window_read_transposed(&t->window, call, x, w->dims + 2, error);
    }
    return status;
}

/* Adds columns [channels, kernel, positions] to y [channels, ...]. */
#define ADD_COLUMNS(dtype, type, tag)                                                                                  \
    static void add_columns_##tag(type *y, const type *columns, size_t channels, const transposed *t)                  \
    {                                                                                                                  \
        const oa_window *window = &t->window;                                                                          \
        size_t last = window->rank - 1, width = window->out[last], rows = oa_window_rows(window->out, window->rank);   \
        size_t plane = oa_window_size(window->in, window->rank), stride = window->stride[last];                        \
        for (size_t c = 0; c < channels; c++, y += plane) {                                                            \
            size_t tap[OA_MAX_RANK] = {0};                                                                             \
            for (size_t k = 0; k < t->kernel_size; k++, (void)oa_window_next(tap, window->kernel, window->rank)) {     \
                size_t first, end, from, row, out[OA_MAX_RANK] = {0};                                                  \
                oa_window_span(&first, &end, &from, window, last, tap[last]);                                          \
                for (size_t r = 0; r < rows; r++, columns += width) {                                                  \
                    if (oa_window_row(&row, window, out, tap)) {                                                       \
                        type *to = y + row * window->in[last] + from;                                                  \
                        for (size_t i = first; i < end; i++) {                                                         \
                            to[(i - first) * stride] += columns[i];                                                    \
                        }                                                                                              \
                    }                                                                                                  \
                    (void)oa_window_next(out, window->out, last);                                                      \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
OA_REAL_TYPES(ADD_COLUMNS)

/* One group of one image: some output channels at a time. */
static oa_status run_group(unsigned char *y, const unsigned char *x, const unsigned char *w, void *columns,
                           size_t channels_at_once, const transposed *t, oa_dtype dtype, oa_error *error)
{
    size_t depth = t->out_channels * t->kernel_size, size = oa_dtype_size(dtype);
    size_t plane = oa_window_size(t->window.in, t->window.rank);
    oa_status status = OA_OK;
    for (size_t c = 0; c < t->out_channels && status == OA_OK; c += channels_at_once) {
        size_t channels = t->out_channels - c < channels_at_once ? t->out_channels - c : channels_at_once;
        size_t rows = channels * t->kernel_size;
        const void *part = w + c * t->kernel_size * size;
        if (dtype == OA_DTYPE_FLOAT) {
            status = oa_gemm((oa_matrix_view){columns, rows, t->positions, t->positions},
                             (oa_const_matrix_view){part, t->in_channels, rows, depth}, true,
                             (oa_const_matrix_view){(const void *)x, t->in_channels, t->positions, t->positions}, false,
                             1.0f, 0.0f, error);
        } else {
            status = oa_gemm_double(columns, t->positions, part, depth, true, (const void *)x, t->positions, false,
                                    rows, t->positions, t->in_channels, 1.0, 0.0, error);
        }
        if (status == OA_OK && dtype == OA_DTYPE_FLOAT) {
            add_columns_f32((void *)(y + c * plane * size), columns, channels, t);
        } else if (status == OA_OK) {
            add_columns_f64((void *)(y + c * plane * size), columns, channels, t);
        }
    }
    return status;
}

oa_status oa_kernel_conv_transpose(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *w = call->inputs[1];
    transposed t;
    if (x->dtype != OA_DTYPE_FLOAT && x->dtype != OA_DTYPE_DOUBLE) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = read_transposed(&t, call, error);
    if (status != OA_OK) {
        return status;
    }
    size_t dims[OA_MAX_RANK] = {t.batch, t.groups * t.out_channels}, size = oa_dtype_size(x->dtype);
    for (size_t d = 0; d < t.window.rank; d++) {
        dims[2 + d] = t.window.in[d];
    }
    oa_array *y;
    status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    oa_conv_fill_bias(y, oa_call_input(call, 2));
    if (x->count == 0) {
        return OA_OK;
    }
    t.positions = oa_window_size(t.window.out, t.window.rank);
    t.kernel_size = oa_window_size(t.window.kernel, t.window.rank);
    size_t of_channel, elements, at_once = 1;
    void *columns = NULL;
    if (!oa_mul_overflows(&of_channel, t.positions, t.kernel_size)) {
        at_once = MOST_ELEMENTS / of_channel;
        at_once = at_once < 1 ? 1 : at_once > t.out_channels ? t.out_channels : at_once;
        if (!oa_mul_overflows(&elements, of_channel, at_once)) {
            columns = oa_call_scratch(call, elements, size);
        }
    }
    if (!columns) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the columns of a convolution");
    }
    size_t plane = oa_window_size(t.window.in, t.window.rank);
    for (size_t i = 0; i < t.batch * t.groups && status == OA_OK; i++) {
        const unsigned char *part =
            (const unsigned char *)w->data + i % t.groups * t.in_channels * t.out_channels * t.kernel_size * size;
        status = run_group((unsigned char *)y->data + i * t.out_channels * plane * size,
                           (const unsigned char *)x->data + i * t.in_channels * t.positions * size, part, columns,
                           at_once, &t, x->dtype, error);
    }
    return status;
}
