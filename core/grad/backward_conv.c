/* Conv, backwards, by matrix products over tiles of columns: with the windows of x as columns X, Y = W X, so that
 * dW = G X^T, and dX = W^T G put back to where the columns came from. */
#include "core/grad/backward_conv.h"
#include "core/exec/conv_columns.h"
#include "core/grad/backward_kernels.h"
#include "core/linalg/blas.h"

#include <string.h>

enum { TILE_ELEMENTS = 1 << 18 };

/* The scratch of one tile: columns, the gradient's rows side by side, the table of rows. */
typedef struct workspace {
    oa_conv_tile plan;
    float *columns;
    float *gradient; /* [out_channels, images * positions] */
    size_t *rows;
} workspace;

static oa_status make_workspace(workspace *w, oa_backward_call *call, const oa_conv *conv, oa_error *error)
{
    size_t depth = conv->in_channels * oa_window_size(conv->window.kernel, conv->window.rank);
    size_t columns, gradient, total, bytes;
    w->plan = oa_conv_tile_plan(conv, TILE_ELEMENTS);
    size_t width = w->plan.images * w->plan.end;
    if (oa_mul_overflows(&columns, depth, width) || oa_mul_overflows(&gradient, conv->out_channels, width) ||
        oa_add_overflows(&total, columns, gradient) || oa_mul_overflows(&bytes, total + 1, sizeof(float)) ||
        oa_add_overflows(&bytes, bytes, oa_conv_tile_rows(&w->plan, conv) * sizeof(size_t))) {
        return oa_fail(error, OA_ERROR_MEMORY, "the columns of a convolution are too many");
    }
    unsigned char *scratch = oa_call_scratch(call->forward, bytes, 1);
    if (!scratch) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the columns of a convolution");
    }
    size_t unit = sizeof(size_t) / sizeof(float), before = (total + unit - 1) / unit * unit;
    w->columns = (float *)(void *)scratch;
    w->gradient = w->columns + columns;
    w->rows = (size_t *)(void *)(w->columns + before);
    return OA_OK;
}

/* w->gradient = the rows of g, of the group's part of the tile's first image, side by side. */
static void gather_gradient(workspace *w, const float *g, const oa_conv_tile *tile, const oa_conv *conv)
{
    size_t positions = oa_window_size(conv->window.out, conv->window.rank), span = tile->end - tile->first;
    for (size_t m = 0; m < conv->out_channels; m++) {
        for (size_t n = 0; n < tile->images; n++) {
            memcpy(w->gradient + (m * tile->images + n) * span,
                   g + (n * conv->groups * conv->out_channels + m) * positions + tile->first, span * sizeof(float));
        }
    }
}

static oa_const_matrix_view view(const float *data, size_t rows, size_t columns)
{
    return (oa_const_matrix_view){.data = data, .rows = rows, .columns = columns, .stride = columns};
}

/* One group: every pointer is at its part. `to_x` and `to_w` may be NULL; to_w is added to when `adds_w`. */
static oa_status run_group(float *to_x, float *to_w, bool adds_w, const float *x, const float *weight, const float *g,
                           const oa_conv *conv, workspace *w, oa_error *error)
{
    const oa_window *window = &conv->window;
    size_t depth = conv->in_channels * oa_window_size(window->kernel, window->rank), image = 0;
    size_t in_step = conv->groups * conv->in_channels * oa_window_size(window->in, window->rank);
    size_t out_step = conv->groups * conv->out_channels * oa_window_size(window->out, window->rank);
    oa_conv_tile tile = {0};
    oa_status status = OA_OK;
    while (status == OA_OK && oa_conv_tile_next(&image, &tile, &w->plan, conv)) {
        size_t width = tile.images * (tile.end - tile.first);
        const oa_const_matrix_view gradient = view(w->gradient, conv->out_channels, width);
        gather_gradient(w, g + image * out_step, &tile, conv);
        if (to_w) {
            oa_conv_columns(w->columns, x + image * in_step, &tile, conv, w->rows, sizeof(float));
            status = oa_gemm((oa_matrix_view){to_w, conv->out_channels, depth, depth}, gradient, false,
                             view(w->columns, depth, width), true, 1.0f, adds_w ? 1.0f : 0.0f, error);
            adds_w = true;
        }
        if (to_x && status == OA_OK) {
            status = oa_gemm((oa_matrix_view){w->columns, depth, width, width}, view(weight, conv->out_channels, depth),
                             true, gradient, false, 1.0f, 0.0f, error);
        }
        if (to_x && status == OA_OK) {
            oa_conv_add_columns(to_x + image * in_step, w->columns, &tile, conv, w->rows, OA_DTYPE_FLOAT);
        }
    }
    return status;
}

oa_status oa_backward_conv_lowered(const oa_conv_sinks *sinks, oa_backward_call *call, const oa_conv *conv,
                                   oa_error *error)
{
    const float *x = call->forward->inputs[0]->data, *weight = call->forward->inputs[1]->data;
    const float *g = oa_backward_output(call, 0);
    size_t in_size = conv->in_channels * oa_window_size(conv->window.in, conv->window.rank);
    size_t out_size = conv->out_channels * oa_window_size(conv->window.out, conv->window.rank);
    size_t w_size = conv->out_channels * conv->in_channels * oa_window_size(conv->window.kernel, conv->window.rank);
    workspace w;
    oa_status status = make_workspace(&w, call, conv, error);
    oa_sink to_x = sinks->x;
    if (to_x.data && status == OA_OK) {
        oa_sink_clear(&to_x, conv->batch * conv->groups * in_size);
    }
    for (size_t i = 0; i < conv->groups && status == OA_OK; i++) {
        status =
            run_group(to_x.data ? to_x.data + i * in_size : NULL, sinks->w.data ? sinks->w.data + i * w_size : NULL,
                      sinks->w.adds, x + i * in_size, weight + i * w_size, g + i * out_size, conv, &w, error);
    }
    return status;
}

/* The sum of every channel's gradient. */
static oa_status give_bias(oa_backward_call *call, oa_error *error)
{
    const oa_array *y = &call->forward->outputs[0];
    oa_array shape = *call->forward->inputs[2];
    oa_sink sink;
    oa_status status = oa_backward_sink(&sink, call, 2, error);
    if (status == OA_OK) {
        shape.rank = y->rank - 1;
        for (size_t d = 1; d < shape.rank; d++) {
            shape.dims[d] = 1;
        }
        oa_sink_sum(&sink, &shape, oa_backward_output(call, 0), y->dims, y->rank, 1.0f);
    }
    return status;
}

oa_status oa_backward_conv(oa_backward_call *call, oa_error *error)
{
    oa_conv conv;
    oa_conv_sinks sinks = {.x = {0}};
    oa_status status = oa_conv_read(&conv, call->forward, error);
    if (status == OA_OK && oa_backward_wants(call, 2)) {
        status = give_bias(call, error);
    }
    if (status == OA_OK && oa_backward_wants(call, 1)) {
        status = oa_backward_sink(&sinks.w, call, 1, error);
    }
    if (status == OA_OK && oa_backward_wants(call, 0)) {
        status = oa_backward_sink(&sinks.x, call, 0, error);
    }
    if (status != OA_OK || (!sinks.x.data && !sinks.w.data)) {
        return status;
    }
    if (call->forward->outputs[0].count == 0) {
        if (sinks.x.data) {
            oa_sink_clear(&sinks.x, call->forward->inputs[0]->count);
        }
        if (sinks.w.data) {
            oa_sink_clear(&sinks.w, call->forward->inputs[1]->count);
        }
        return OA_OK;
    }
    oa_conv_grid grid;
    if (oa_conv_shifted_pays(&grid, &conv)) {
        return oa_backward_conv_shifted(&sinks, call, &conv, &grid, error);
    }
    if (conv.in_channels == 1 && conv.out_channels <= 4) {
        oa_backward_conv_depthwise(&sinks, call, &conv);
        return OA_OK;
    }
    return oa_backward_conv_lowered(&sinks, call, &conv, error);
}
