#include "core/exec/conv_columns.h"
#include "core/linalg/blas.h"

#include <string.h>

/* Elements of a tile of columns: a megabyte or two, which stay in the cache between being laid out and being
 * multiplied.
 */
enum { TILE_ELEMENTS = 1 << 18 };

/* The scratch: columns, then a product of several images (its rows are apart in y), then the table of rows. */
typedef struct scratch_plan {
    oa_conv_tile tile;
    size_t columns; /* bytes */
    size_t product;
    size_t rows;
} scratch_plan;

static bool round_up(size_t *bytes, size_t count, size_t size)
{
    const size_t unit = sizeof(size_t);
    if (oa_mul_overflows(bytes, count, size) || *bytes > SIZE_MAX - unit) {
        return false;
    }
    *bytes = (*bytes + unit - 1) / unit * unit;
    return true;
}

static bool plan_scratch(scratch_plan *plan, const oa_conv *conv, oa_dtype dtype)
{
    size_t depth, size = oa_dtype_size(dtype);
    *plan = (scratch_plan){.tile = {.images = 1}};
    if (oa_conv_is_pointwise(&conv->window)) {
        return true;
    }
    if (oa_mul_overflows(&depth, conv->in_channels, oa_window_size(conv->window.kernel, conv->window.rank))) {
        return false;
    }
    plan->tile = oa_conv_tile_plan(conv, TILE_ELEMENTS);
    size_t width = plan->tile.images * plan->tile.end, elements, product = 0;
    if (oa_mul_overflows(&elements, depth, width) ||
        (plan->tile.images > 1 && oa_mul_overflows(&product, conv->out_channels, width))) {
        return false;
    }
    return round_up(&plan->columns, elements, size) && round_up(&plan->product, product, size) &&
           round_up(&plan->rows, oa_conv_tile_rows(&plan->tile, conv), sizeof(size_t));
}

bool oa_conv_scratch(size_t *bytes, const oa_conv *conv, oa_dtype dtype)
{
    scratch_plan plan;
    return plan_scratch(&plan, conv, dtype) && !oa_add_overflows(bytes, plan.columns, plan.product) &&
           !oa_add_overflows(bytes, *bytes, plan.rows);
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

/* y (one group of the tile's first image, whole images) = (or +=) product [out_channels, images * positions]. */
static void spread_product(unsigned char *y, const unsigned char *product, const oa_conv_tile *tile,
                           const oa_conv *conv, bool accumulates, oa_dtype dtype)
{
    size_t positions = tile->end - tile->first, size = oa_dtype_size(dtype);
    for (size_t n = 0; n < tile->images; n++) {
        for (size_t m = 0; m < conv->out_channels; m++) {
            unsigned char *to = y + (n * conv->groups * conv->out_channels + m) * positions * size;
            const unsigned char *from = product + (m * tile->images + n) * positions * size;
            if (!accumulates) {
                memcpy(to, from, positions * size);
            } else if (dtype == OA_DTYPE_FLOAT) {
                for (size_t i = 0; i < positions; i++) {
                    ((float *)(void *)to)[i] += ((const float *)(const void *)from)[i];
                }
            } else {
                for (size_t i = 0; i < positions; i++) {
                    ((double *)(void *)to)[i] += ((const double *)(const void *)from)[i];
                }
            }
        }
    }
}

/* One group: y, x and w point at its part of the first image. */
static oa_status convolve_group(unsigned char *y, const unsigned char *x, const unsigned char *w, const oa_conv *conv,
                                const scratch_plan *plan, bool accumulates, oa_dtype dtype, unsigned char *scratch,
                                oa_error *error)
{
    const oa_window *window = &conv->window;
    size_t size = oa_dtype_size(dtype), positions = oa_window_size(window->out, window->rank);
    size_t in_bytes = conv->groups * conv->in_channels * oa_window_size(window->in, window->rank) * size;
    size_t out_bytes = conv->groups * conv->out_channels * positions * size;
    size_t depth = conv->in_channels * oa_window_size(window->kernel, window->rank), image = 0;
    unsigned char *product = scratch + plan->columns;
    size_t *rows = (size_t *)(void *)(product + plan->product);
    oa_conv_tile tile = {0};
    oa_status status = OA_OK;
    while (status == OA_OK && oa_conv_tile_next(&image, &tile, &plan->tile, conv)) {
        size_t columns = tile.images * (tile.end - tile.first);
        oa_conv_columns(scratch, x + image * in_bytes, &tile, conv, rows, size);
        if (tile.images > 1) {
            status = multiply(product, columns, w, scratch, columns, conv->out_channels, depth, columns, false, dtype,
                              error);
            spread_product(y + image * out_bytes, product, &tile, conv, accumulates, dtype);
        } else {
            status = multiply(y + image * out_bytes + tile.first * size, positions, w, scratch, columns,
                              conv->out_channels, depth, columns, accumulates, dtype, error);
        }
    }
    return status;
}

static oa_status convolve_pointwise(unsigned char *y, const unsigned char *x, const unsigned char *w,
                                    const oa_conv *conv, bool accumulates, oa_dtype dtype, oa_error *error)
{
    size_t size = oa_dtype_size(dtype), positions = oa_window_size(conv->window.out, conv->window.rank);
    oa_status status = OA_OK;
    for (size_t i = 0; i < conv->batch * conv->groups && status == OA_OK; i++) {
        size_t group = i % conv->groups;
        status = multiply(y + i * conv->out_channels * positions * size, positions,
                          w + group * conv->out_channels * conv->in_channels * size,
                          x + i * conv->in_channels * positions * size, positions, conv->out_channels,
                          conv->in_channels, positions, accumulates, dtype, error);
    }
    return status;
}

oa_status oa_conv_lowered(void *y, const void *x, const void *w, const oa_conv *conv, bool accumulates, oa_dtype dtype,
                          void *scratch, oa_error *error)
{
    const oa_window *window = &conv->window;
    size_t size = oa_dtype_size(dtype);
    size_t in_bytes = conv->in_channels * oa_window_size(window->in, window->rank) * size;
    size_t out_bytes = conv->out_channels * oa_window_size(window->out, window->rank) * size;
    size_t weight_bytes = conv->out_channels * conv->in_channels * oa_window_size(window->kernel, window->rank) * size;
    if (oa_conv_is_pointwise(window)) {
        return convolve_pointwise(y, x, w, conv, accumulates, dtype, error);
    }
    scratch_plan plan;
    (void)plan_scratch(&plan, conv, dtype);
    oa_status status = OA_OK;
    for (size_t g = 0; g < conv->groups && status == OA_OK; g++) {
        status = convolve_group((unsigned char *)y + g * out_bytes, (const unsigned char *)x + g * in_bytes,
                                (const unsigned char *)w + g * weight_bytes, conv, &plan, accumulates, dtype, scratch,
                                error);
    }
    return status;
}
