/* ConvTranspose: what Conv's gradient does to its input. Shapes: x [batch, groups * out_channels, places...],
 * w [groups * out_channels, in_channels, kernel...], y [batch, groups * in_channels, ...], named as those of the
 * convolution from y to x. For each image and group, w^T x are the columns that this convolution would read, and they
 * are added up where it would read them. */
#include "core/exec/conv_columns.h"
#include "core/exec/kernels.h"
#include "core/exec/types.h"
#include "core/linalg/blas.h"

enum { MOST_ELEMENTS = 1 << 20 }; /* of columns at a time, unless those of one channel are more */

/* The convolution from y to x. */
static oa_status read_transposed(oa_conv *conv, oa_call *call, oa_error *error)
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
    *conv = (oa_conv){.batch = x->dims[0],
                      .groups = (size_t)groups,
                      .in_channels = w->dims[1],
                      .out_channels = x->dims[1] / (uint64_t)groups};
    oa_status status = oa_call_same_dtype(call, 0, 1, error);
    if (status == OA_OK && bias) {
        status = oa_call_same_dtype(call, 0, 2, error);
    }
    if (status == OA_OK) {
        status = oa_window_read_transposed(&conv->window, call, x, w->dims + 2, error);
    }
    return status;
}

/* The scratch: columns of so many channels of y at a time, and the table of rows that adding them up needs. */
typedef struct workspace {
    size_t at_once;
    size_t *rows;
    void *columns;
} workspace;

static oa_status make_workspace(workspace *w, oa_call *call, const oa_conv *conv, const oa_conv_tile *tile,
                                oa_error *error)
{
    size_t of_channel, elements, bytes, before = oa_conv_tile_rows(tile, conv), total;
    size_t size = oa_dtype_size(call->inputs[0]->dtype);
    *w = (workspace){0};
    if (!oa_mul_overflows(&of_channel, tile->end, oa_window_size(conv->window.kernel, conv->window.rank))) {
        size_t fitting = MOST_ELEMENTS / of_channel;
        w->at_once = fitting < 1 ? 1 : fitting > conv->in_channels ? conv->in_channels : fitting;
        if (!oa_mul_overflows(&elements, of_channel, w->at_once) && !oa_mul_overflows(&bytes, elements, size) &&
            !oa_mul_overflows(&before, before, sizeof *w->rows) && !oa_add_overflows(&total, before, bytes)) {
            w->rows = oa_call_scratch(call, total, 1);
        }
    }
    if (!w->rows) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the columns of a convolution");
    }
    w->columns = (unsigned char *)w->rows + before;
    return OA_OK;
}

/* One group of one image: some channels of y at a time. */
static oa_status run_group(unsigned char *y, const void *x, const unsigned char *w, const workspace *space,
                           const oa_conv_tile *tile, const oa_conv *conv, oa_dtype dtype, oa_error *error)
{
    size_t kernel_size = oa_window_size(conv->window.kernel, conv->window.rank), positions = tile->end;
    size_t depth = conv->in_channels * kernel_size, size = oa_dtype_size(dtype);
    size_t plane = oa_window_size(conv->window.in, conv->window.rank);
    oa_status status = OA_OK;
    for (size_t c = 0; c < conv->in_channels && status == OA_OK; c += space->at_once) {
        oa_conv part = {.window = conv->window, .batch = 1, .groups = 1, .in_channels = conv->in_channels - c};
        part.in_channels = part.in_channels < space->at_once ? part.in_channels : space->at_once;
        size_t rows = part.in_channels * kernel_size;
        const void *weights = w + c * kernel_size * size;
        if (dtype == OA_DTYPE_FLOAT) {
            status =
                oa_gemm((oa_matrix_view){space->columns, rows, positions, positions},
                        (oa_const_matrix_view){weights, conv->out_channels, rows, depth}, true,
                        (oa_const_matrix_view){x, conv->out_channels, positions, positions}, false, 1.0f, 0.0f, error);
        } else {
            status = oa_gemm_double(space->columns, positions, weights, depth, true, x, positions, false, rows,
                                    positions, conv->out_channels, 1.0, 0.0, error);
        }
        if (status == OA_OK) {
            oa_conv_add_columns(y + c * plane * size, space->columns, tile, &part, space->rows, dtype);
        }
    }
    return status;
}

oa_status oa_kernel_conv_transpose(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *w = call->inputs[1];
    oa_conv conv;
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = read_transposed(&conv, call, error);
    if (status != OA_OK) {
        return status;
    }
    size_t dims[OA_MAX_RANK] = {conv.batch, conv.groups * conv.in_channels}, size = oa_dtype_size(x->dtype);
    for (size_t d = 0; d < conv.window.rank; d++) {
        dims[2 + d] = conv.window.in[d];
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
    const oa_conv_tile tile = {.images = 1, .end = oa_window_size(conv.window.out, conv.window.rank)};
    workspace space;
    status = make_workspace(&space, call, &conv, &tile, error);
    size_t of_y = conv.in_channels * oa_window_size(conv.window.in, conv.window.rank) * size;
    size_t of_x = conv.out_channels * tile.end * size;
    size_t of_w = conv.out_channels * conv.in_channels * oa_window_size(conv.window.kernel, conv.window.rank) * size;
    for (size_t i = 0; i < conv.batch * conv.groups && status == OA_OK; i++) {
        status =
            run_group((unsigned char *)y->data + i * of_y, (const unsigned char *)x->data + i * of_x,
                      (const unsigned char *)w->data + i % conv.groups * of_w, &space, &tile, &conv, x->dtype, error);
    }
    return status;
}
