#include "core/exec/conv_columns.h"

#include "core/exec/types.h"

#include <string.h>

enum { LEAST_COLUMNS = 64 };

bool oa_conv_is_pointwise(const oa_window *window)
{
    for (size_t d = 0; d < window->rank; d++) {
        if (window->kernel[d] != 1 || window->stride[d] != 1 || window->pad[d] != 0 || window->pad_end[d] != 0) {
            return false;
        }
    }
    return oa_window_size(window->out, window->rank) >= LEAST_COLUMNS;
}

oa_conv_tile oa_conv_tile_plan(const oa_conv *conv, size_t most)
{
    size_t positions = oa_window_size(conv->window.out, conv->window.rank);
    size_t depth = conv->in_channels * oa_window_size(conv->window.kernel, conv->window.rank);
    size_t columns = depth ? most / depth : positions;
    oa_conv_tile plan = {.images = 1, .end = positions};
    columns = columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns;
    if (positions > columns) { /* equal shares */
        size_t parts = (positions + columns - 1) / columns;
        plan.end = (positions + parts - 1) / parts;
    } else if (positions) {
        plan.images = columns / positions;
        plan.images = plan.images < conv->batch ? plan.images : conv->batch;
        size_t parts = plan.images ? (conv->batch + plan.images - 1) / plan.images : 1;
        plan.images = (conv->batch + parts - 1) / parts;
    }
    return plan;
}

bool oa_conv_tile_next(size_t *image, oa_conv_tile *tile, const oa_conv_tile *plan, const oa_conv *conv)
{
    size_t positions = oa_window_size(conv->window.out, conv->window.rank);
    size_t first = tile->end;
    if (first >= positions) {
        *image += tile->images;
        first = 0;
    }
    if (*image >= conv->batch || positions == 0) {
        return false;
    }
    size_t left = conv->batch - *image;
    tile->images = plan->images < left ? plan->images : left;
    tile->first = first;
    tile->end = positions - first < plan->end ? positions : first + plan->end;
    return true;
}

size_t oa_conv_tile_rows(const oa_conv_tile *plan, const oa_conv *conv)
{
    size_t width = conv->window.out[conv->window.rank - 1];
    return width ? (plan->end + width - 1) / width + 1 : 0;
}

/* A tile as parts of output rows. */
typedef struct row_range {
    size_t first_row;
    size_t row_count;
    size_t *input_rows; /* [row_count] of the tap at hand: the input row that each reads, or OA_NONE */
} row_range;

static row_range rows_of(const oa_conv_tile *tile, const oa_window *window, size_t *rows)
{
    size_t width = window->out[window->rank - 1];
    row_range range = {.first_row = tile->first / width, .input_rows = rows};
    range.row_count = (tile->end - 1) / width - range.first_row + 1;
    return range;
}

static void find_input_rows(row_range *range, const oa_window *window, const size_t *tap)
{
    size_t outer = window->rank - 1, position[OA_MAX_RANK], rest = range->first_row;
    for (size_t d = outer; d-- > 0;) {
        position[d] = rest % window->out[d];
        rest /= window->out[d];
    }
    for (size_t i = 0; i < range->row_count; i++) {
        if (!oa_window_row(&range->input_rows[i], window, position, tap)) {
            range->input_rows[i] = OA_NONE;
        }
        (void)oa_window_next(position, window->out, outer);
    }
}

/* What a tap reads along the last axis: outputs first .. end - 1 read real input, the one at `first` place `from`. */
typedef struct tap_span {
    size_t first;
    size_t end;
    size_t from;
} tap_span;

static tap_span span_of(const oa_window *window, const size_t *tap)
{
    tap_span span;
    oa_window_span(&span.first, &span.end, &span.from, window, window->rank - 1, tap[window->rank - 1]);
    return span;
}

/* The part of output row i of a tile that lies in the tile (low .. high - 1), and in it what reads real input
 * (first .. end - 1), at place `at` of the channel. */
typedef struct row_part {
    size_t low, high;
    size_t first, end;
    size_t at;
} row_part;

static inline row_part part_of(const oa_conv_tile *tile, const row_range *range, size_t i, const oa_window *window,
                               const tap_span *span)
{
    size_t last = window->rank - 1, width = window->out[last], begin = (range->first_row + i) * width;
    row_part part = {.low = tile->first > begin ? tile->first - begin : 0,
                     .high = tile->end - begin < width ? tile->end - begin : width};
    part.first = span->first < part.low ? part.low : span->first;
    part.end = span->end > part.high ? part.high : span->end;
    if (range->input_rows[i] == OA_NONE || part.first >= part.end) {
        part.first = part.end = part.high;
    } else {
        part.at =
            range->input_rows[i] * window->in[last] + span->from + (part.first - span->first) * window->stride[last];
    }
    return part;
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

/* One row of one image's columns: what one tap reads of one channel, zero where it reads padding. */
static void lay_out_tap(unsigned char *dst, const unsigned char *channel, const oa_conv_tile *tile,
                        const row_range *range, const oa_window *window, const tap_span *span, size_t size)
{
    size_t stride = window->stride[window->rank - 1];
    for (size_t i = 0; i < range->row_count; i++) {
        row_part part = part_of(tile, range, i, window, span);
        memset(dst, 0, (part.first - part.low) * size);
        copy_elements(dst + (part.first - part.low) * size, channel + part.at * size, part.end - part.first, stride,
                      size);
        memset(dst + (part.end - part.low) * size, 0, (part.high - part.end) * size);
        dst += (part.high - part.low) * size;
    }
}

void oa_conv_columns(void *columns, const void *x, const oa_conv_tile *tile, const oa_conv *conv, size_t *rows,
                     size_t size)
{
    const oa_window *window = &conv->window;
    size_t in_size = oa_window_size(window->in, window->rank), positions = tile->end - tile->first;
    size_t kernel_size = oa_window_size(window->kernel, window->rank);
    size_t image_step = conv->groups * conv->in_channels * in_size, tap[OA_MAX_RANK] = {0};
    row_range range = rows_of(tile, window, rows);
    for (size_t k = 0; k < kernel_size; k++) {
        const tap_span span = span_of(window, tap);
        find_input_rows(&range, window, tap);
        for (size_t c = 0; c < conv->in_channels; c++) {
            unsigned char *row = (unsigned char *)columns + (c * kernel_size + k) * tile->images * positions * size;
            for (size_t n = 0; n < tile->images; n++) {
                lay_out_tap(row + n * positions * size,
                            (const unsigned char *)x + (n * image_step + c * in_size) * size, tile, &range, window,
                            &span, size);
            }
        }
        (void)oa_window_next(tap, window->kernel, window->rank);
    }
}

#define ADD_TAP(dtype, type, tag)                                                                                      \
    static void add_tap_##tag(type *channel, const type *src, const oa_conv_tile *tile, const row_range *range,        \
                              const oa_window *window, const tap_span *span)                                           \
    {                                                                                                                  \
        size_t stride = window->stride[window->rank - 1];                                                              \
        for (size_t i = 0; i < range->row_count; i++) {                                                                \
            row_part part = part_of(tile, range, i, window, span);                                                     \
            const type *from = src + (part.first - part.low);                                                          \
            type *to = channel + part.at;                                                                              \
            size_t n = part.end - part.first;                                                                          \
            for (size_t j = 0; j < n && stride == 1; j++) {                                                            \
                to[j] += from[j];                                                                                      \
            }                                                                                                          \
            for (size_t j = 0; j < n && stride != 1; j++) {                                                            \
                to[j * stride] += from[j];                                                                             \
            }                                                                                                          \
            src += part.high - part.low;                                                                               \
        }                                                                                                              \
    }
OA_REAL_TYPES(ADD_TAP)

void oa_conv_add_columns(void *x, const void *columns, const oa_conv_tile *tile, const oa_conv *conv, size_t *rows,
                         oa_dtype dtype)
{
    const oa_window *window = &conv->window;
    size_t in_size = oa_window_size(window->in, window->rank), positions = tile->end - tile->first;
    size_t kernel_size = oa_window_size(window->kernel, window->rank);
    size_t image_step = conv->groups * conv->in_channels * in_size, tap[OA_MAX_RANK] = {0};
    row_range range = rows_of(tile, window, rows);
    for (size_t k = 0; k < kernel_size; k++) {
        const tap_span span = span_of(window, tap);
        find_input_rows(&range, window, tap);
        for (size_t c = 0; c < conv->in_channels; c++) {
            for (size_t n = 0; n < tile->images; n++) {
                size_t to = n * image_step + c * in_size;
                size_t from = ((c * kernel_size + k) * tile->images + n) * positions;
                if (dtype == OA_DTYPE_FLOAT) {
                    add_tap_f32((float *)x + to, (const float *)columns + from, tile, &range, window, &span);
                } else {
                    add_tap_f64((double *)x + to, (const double *)columns + from, tile, &range, window, &span);
                }
            }
        }
        (void)oa_window_next(tap, window->kernel, window->rank);
    }
}
