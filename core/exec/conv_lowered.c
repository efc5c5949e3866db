#include "core/exec/conv.h"
#include "core/linalg/blas.h"

#include <string.h>

/* Elements of a tile of columns: a few megabytes, which stay in the cache between being laid out and being multiplied.
 */
enum { TILE_ELEMENTS = 1 << 20 };

static bool is_pointwise(const oa_window *window)
{
    for (size_t d = 0; d < window->rank; d++) {
        if (window->kernel[d] != 1 || window->stride[d] != 1 || window->pad[d] != 0 || window->pad_end[d] != 0) {
            return false;
        }
    }
    return true;
}

/* Columns in a tile: all of them, or equal shares below the limit. */
static size_t tile_columns(const oa_conv *conv, size_t depth)
{
    size_t columns = oa_window_size(conv->window.out, conv->window.rank);
    size_t most = depth ? TILE_ELEMENTS / depth : columns;
    most = most < 64 ? 64 : most; /* narrower products waste the matrix kernels */
    if (columns <= most) {
        return columns;
    }
    size_t tiles = (columns + most - 1) / most;
    return (columns + tiles - 1) / tiles;
}

bool oa_conv_scratch(size_t *bytes, const oa_conv *conv, oa_dtype dtype)
{
    size_t depth, columns_bytes, size = oa_dtype_size(dtype);
    if (is_pointwise(&conv->window)) {
        *bytes = 0;
        return true;
    }
    if (oa_mul_overflows(&depth, conv->in_channels, oa_window_size(conv->window.kernel, conv->window.rank))) {
        return false;
    }
    size_t tile = tile_columns(conv, depth), rows_bytes;
    if (oa_mul_overflows(&columns_bytes, depth, tile) || oa_mul_overflows(&columns_bytes, columns_bytes, size) ||
        oa_mul_overflows(&rows_bytes, tile + 1, sizeof(size_t)) || columns_bytes > SIZE_MAX - sizeof(size_t)) {
        return false;
    }
    /* The table of rows comes behind the columns. */
    columns_bytes = (columns_bytes + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t);
    return !oa_add_overflows(bytes, columns_bytes, rows_bytes);
}

static void copy_elements(unsigned char *dst, const unsigned char *src, size_t n, size_t stride, size_t size)
{
    if (stride == 1) {
        memcpy(dst, src, n * size);
    } else if (size == sizeof(float)) {
        for (size_t i = 0; i < n; i++) {
            memcpy(dst + i * sizeof(float), src + i * stride * sizeof(float), sizeof(float));
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            memcpy(dst + i * sizeof(double), src + i * stride * sizeof(double), sizeof(double));
        }
    }
}

/* A run of output columns, first .. end - 1, as parts of output rows. */
typedef struct tile {
    size_t first;
    size_t end;
    size_t first_row;
    size_t row_count;
    size_t *input_rows; /* [row_count] of the tap at hand: the input row that each reads, or OA_NONE */
} tile;

static void find_input_rows(tile *t, const oa_window *window, const size_t *tap)
{
    size_t outer = window->rank - 1, position[OA_MAX_RANK], rest = t->first_row;
    for (size_t d = outer; d-- > 0;) {
        position[d] = rest % window->out[d];
        rest /= window->out[d];
    }
    for (size_t i = 0; i < t->row_count; i++) {
        if (!oa_window_row(&t->input_rows[i], window, position, tap)) {
            t->input_rows[i] = OA_NONE;
        }
        (void)oa_window_next(position, window->out, outer);
    }
}

/* One row of the column matrix: what one tap reads of one channel, zero where it reads padding. */
static void lay_out_tap(unsigned char *dst, const unsigned char *channel, const tile *t, const oa_window *window,
                        size_t last_tap, size_t size)
{
    size_t last = window->rank - 1, width = window->out[last], stride = window->stride[last];
    size_t span_first, span_end, from;
    oa_window_span(&span_first, &span_end, &from, window, last, last_tap);
    for (size_t i = 0; i < t->row_count; i++) {
        size_t begin = (t->first_row + i) * width; /* of this row among all columns */
        size_t low = t->first > begin ? t->first - begin : 0;
        size_t high = t->end - begin < width ? t->end - begin : width;
        size_t first = span_first < low ? low : span_first;
        size_t end = span_end > high ? high : span_end;
        if (t->input_rows[i] == OA_NONE || first >= end) {
            memset(dst, 0, (high - low) * size);
        } else {
            const unsigned char *row = channel + t->input_rows[i] * window->in[last] * size;
            memset(dst, 0, (first - low) * size);
            copy_elements(dst + (first - low) * size, row + (from + (first - span_first) * stride) * size, end - first,
                          stride, size);
            memset(dst + (end - low) * size, 0, (high - end) * size);
        }
        dst += (high - low) * size;
    }
}

/* columns[in_channels * kernel, end - first] = the windows of x [in_channels, in...]. */
static void lay_out_columns(unsigned char *columns, const unsigned char *x, tile *t, const oa_conv *conv, size_t size)
{
    const oa_window *window = &conv->window;
    size_t in_size = oa_window_size(window->in, window->rank);
    size_t kernel_size = oa_window_size(window->kernel, window->rank);
    size_t row_bytes = (t->end - t->first) * size;
    size_t tap[OA_MAX_RANK] = {0};
    for (size_t k = 0; k < kernel_size; k++) {
        find_input_rows(t, window, tap);
        for (size_t c = 0; c < conv->in_channels; c++) {
            lay_out_tap(columns + (c * kernel_size + k) * row_bytes, x + c * in_size * size, t, window,
                        tap[window->rank - 1], size);
        }
        (void)oa_window_next(tap, window->kernel, window->rank);
    }
}

/* y[rows, columns of a wider matrix] = (or +=) w[rows, depth] times b[depth, columns]. */
static oa_status multiply(void *y, size_t y_stride, const void *w, const void *b, size_t b_stride, size_t rows,
                          size_t depth, size_t columns, bool accumulates, oa_dtype dtype, oa_error *error)
{
    if (dtype == OA_DTYPE_DOUBLE) {
        return oa_gemm_double(y, y_stride, w, depth, false, b, b_stride, false, rows, columns, depth, 1.0,
                              accumulates ? 1.0 : 0.0, error);
    }
    return oa_gemm((oa_matrix_view){y, rows, columns, y_stride}, (oa_const_matrix_view){w, rows, depth, depth}, false,
                   (oa_const_matrix_view){b, depth, columns, b_stride}, false, 1.0f, accumulates ? 1.0f : 0.0f, error);
}

/* One group of one image. */
static oa_status convolve_group(unsigned char *y, const unsigned char *x, const unsigned char *w, const oa_conv *conv,
                                bool accumulates, oa_dtype dtype, unsigned char *scratch, oa_error *error)
{
    const oa_window *window = &conv->window;
    size_t size = oa_dtype_size(dtype), width = window->out[window->rank - 1];
    size_t out_size = oa_window_size(window->out, window->rank);
    size_t depth = conv->in_channels * oa_window_size(window->kernel, window->rank);
    if (is_pointwise(window)) {
        return multiply(y, out_size, w, x, out_size, conv->out_channels, depth, out_size, accumulates, dtype, error);
    }
    size_t columns = tile_columns(conv, depth);
    size_t table = (depth * columns * size + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t);
    for (size_t first = 0; first < out_size; first += columns) {
        tile t = {.first = first, .end = out_size - first < columns ? out_size : first + columns};
        t.first_row = first / width;
        t.row_count = (t.end - 1) / width - t.first_row + 1;
        t.input_rows = (size_t *)(void *)(scratch + table);
        lay_out_columns(scratch, x, &t, conv, size);
        oa_status status = multiply(y + first * size, out_size, w, scratch, t.end - first, conv->out_channels, depth,
                                    t.end - first, accumulates, dtype, error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

oa_status oa_conv_lowered(void *y, const void *x, const void *w, const oa_conv *conv, bool accumulates, oa_dtype dtype,
                          void *scratch, oa_error *error)
{
    const oa_window *window = &conv->window;
    size_t size = oa_dtype_size(dtype);
    size_t in_bytes = conv->in_channels * oa_window_size(window->in, window->rank) * size;
    size_t out_bytes = conv->out_channels * oa_window_size(window->out, window->rank) * size;
    size_t weight_bytes = conv->out_channels * conv->in_channels * oa_window_size(window->kernel, window->rank) * size;
    for (size_t n = 0; n < conv->batch; n++) {
        for (size_t g = 0; g < conv->groups; g++) {
            size_t at = n * conv->groups + g;
            oa_status status =
                convolve_group((unsigned char *)y + at * out_bytes, (const unsigned char *)x + at * in_bytes,
                               (const unsigned char *)w + g * weight_bytes, conv, accumulates, dtype, scratch, error);
            if (status != OA_OK) {
                return status;
            }
        }
    }
    return OA_OK;
}
