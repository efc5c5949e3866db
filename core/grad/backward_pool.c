/* The pools, backwards. A maximum's gradient goes to the first place in its window that holds it. */
#include "core/exec/pool.h"
#include "core/grad/backward_kernels.h"

#include <string.h>

/* One output row at a time. */
typedef struct pool_state {
    float *to;      /* the input plane's gradient, added to */
    const float *x; /* the input plane */
    const float *y; /* the output row and its gradient */
    const float *g;
    float *shares;       /* [row] of the mean: what each element of a window gets */
    unsigned char *done; /* [row] of the maximum: has its place been found? */
} pool_state;

static void take_mean(void *state_, size_t first, const void *x, size_t n, size_t stride, size_t at)
{
    const pool_state *state = state_;
    const float *shares = state->shares + first;
    float *to = state->to + at;
    (void)x;
    for (size_t i = 0; i < n; i++) {
        to[i * stride] += shares[i];
    }
}

static void take_max(void *state_, size_t first, const void *x_, size_t n, size_t stride, size_t at)
{
    const pool_state *state = state_;
    const float *x = x_, *y = state->y + first, *g = state->g + first;
    unsigned char *done = state->done + first;
    float *to = state->to + at;
    for (size_t i = 0; i < n; i++) {
        bool is_place = !done[i] && (x[i * stride] == y[i] || x[i * stride] != x[i * stride]);
        to[i * stride] += is_place ? g[i] : 0.0f;
        done[i] = done[i] || is_place;
    }
}

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a row of a pool");
}

/* The window; the attributes have been checked by the forward pass. */
static oa_status read_window(oa_window *window, oa_backward_call *call, oa_error *error)
{
    bool is_ceil = oa_call_int(call->forward, "ceil_mode", 0) != 0;
    return oa_window_read(window, call->forward, call->forward->inputs[0], NULL, is_ceil, error);
}

/* Two rows of input and their gradients, one of output, where oa_pool_is_squares: every output has four places of its
 * own, of which the first that holds it gets the gradient. */
static void squares_row(float *restrict to_upper, float *restrict to_lower, const float *restrict upper,
                        const float *restrict lower, const float *restrict y, const float *restrict g, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float most = y[i], gradient = g[i];
        const float a = upper[2 * i] == most ? gradient : 0.0f;
        const float after_a = upper[2 * i] == most ? 0.0f : gradient;
        const float b = upper[2 * i + 1] == most ? after_a : 0.0f;
        const float after_b = upper[2 * i + 1] == most ? 0.0f : after_a;
        const float c = lower[2 * i] == most ? after_b : 0.0f;
        const float d = lower[2 * i] == most ? 0.0f : after_b;
        to_upper[2 * i] = a;
        to_upper[2 * i + 1] = b;
        to_lower[2 * i] = c;
        to_lower[2 * i + 1] = d;
    }
}

/* All planes. The rows go through a buffer when they are to be added. */
static oa_status max_pool_squares(const oa_sink *sink, oa_backward_call *call, const oa_window *window, oa_error *error)
{
    const oa_array *input = call->forward->inputs[0];
    const float *x = input->data, *y = call->forward->outputs[0].data, *g = oa_backward_output(call, 0);
    size_t width = window->in[1], out = window->out[1], planes = input->dims[0] * input->dims[1];
    float *rows = oa_call_scratch(call->forward, out, 4 * sizeof *rows);
    if (!rows) {
        return no_memory(error);
    }
    if (!sink->adds && (2 * out != width || 2 * window->out[0] != window->in[0])) {
        memset(sink->data, 0, input->count * sizeof *x);
    }
    for (size_t p = 0; p < planes; p++) {
        float *to = sink->data + p * window->in[0] * width;
        const float *from = x + p * window->in[0] * width;
        for (size_t r = 0; r < window->out[0]; r++) {
            if (sink->adds) {
                const oa_sink upper = {.data = to, .adds = true}, lower = {.data = to + width, .adds = true};
                squares_row(rows, rows + 2 * out, from, from + width, y, g, out);
                oa_sink_put(&upper, rows, 2 * out, 1.0f);
                oa_sink_put(&lower, rows + 2 * out, 2 * out, 1.0f);
            } else {
                squares_row(to, to + width, from, from + width, y, g, out);
            }
            to += 2 * width;
            from += 2 * width;
            y += out;
            g += out;
        }
    }
    return OA_OK;
}

oa_status oa_backward_max_pool(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0);
    oa_window window;
    oa_sink sink;
    oa_status status = read_window(&window, call, error);
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    if (oa_pool_is_squares(&window) && y->count) {
        return max_pool_squares(&sink, call, &window, error);
    }
    oa_sink_clear(&sink, x->count);
    size_t last = window.rank - 1, width = window.out[last], planes = y->count ? x->dims[0] * x->dims[1] : 0;
    size_t in_size = oa_window_size(window.in, window.rank), out_size = oa_window_size(window.out, window.rank);
    unsigned char *done = oa_call_scratch(call->forward, width, 1);
    if (!done) {
        return no_memory(error);
    }
    for (size_t p = 0; p < planes; p++) {
        pool_state state = {.to = sink.data + p * in_size,
                            .x = (const float *)x->data + p * in_size,
                            .y = (const float *)y->data + p * out_size,
                            .g = g + p * out_size,
                            .done = done};
        size_t position[OA_MAX_RANK] = {0};
        do {
            memset(done, 0, width);
            oa_pool_row(&state, state.x, sizeof(float), &window, position, take_max);
            state.y += width;
            state.g += width;
        } while (oa_window_next(position, window.out, last));
    }
    return OA_OK;
}

/* counts[i] = 1 / the elements of window i along the last axis, which what the other axes have divides further. */
static void find_shares(float *shares, const float *g, const float *counts, const oa_window *window,
                        const size_t *position, bool counts_padding)
{
    size_t last = window->rank - 1, first, past;
    float outer = 1.0f;
    for (size_t d = 0; d < last; d++) {
        oa_window_taps(&first, &past, window, d, position[d], counts_padding);
        outer *= (float)(past - first);
    }
    for (size_t i = 0; i < window->out[last]; i++) {
        shares[i] = g[i] / (counts[i] * outer);
    }
}

oa_status oa_backward_average_pool(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0);
    bool counts_padding = oa_call_int(call->forward, "count_include_pad", 0) != 0;
    oa_window window;
    oa_sink sink;
    oa_status status = read_window(&window, call, error);
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    oa_sink_clear(&sink, x->count);
    size_t last = window.rank - 1, width = window.out[last], planes = y->count ? x->dims[0] * x->dims[1] : 0;
    size_t in_size = oa_window_size(window.in, window.rank);
    float *counts = oa_call_scratch(call->forward, width, 2 * sizeof *counts);
    if (!counts) {
        return no_memory(error);
    }
    for (size_t i = 0; i < width; i++) {
        size_t first, past;
        oa_window_taps(&first, &past, &window, last, i, counts_padding);
        counts[i] = (float)(past - first);
    }
    for (size_t p = 0; p < planes; p++) {
        pool_state state = {.to = sink.data + p * in_size, .shares = counts + width};
        size_t position[OA_MAX_RANK] = {0};
        do {
            find_shares(state.shares, g, counts, &window, position, counts_padding);
            oa_pool_row(&state, sink.data, sizeof(float), &window, position, take_mean);
            g += width;
        } while (oa_window_next(position, window.out, last));
    }
    return OA_OK;
}

oa_status oa_backward_global_average_pool(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0];
    const float *g = oa_backward_output(call, 0);
    size_t planes = call->forward->outputs[0].count, size = planes ? x->count / planes : 0;
    oa_sink sink;
    oa_status status = oa_backward_sink(&sink, call, 0, error);
    for (size_t p = 0; p < planes && status == OA_OK; p++) {
        const float share = g[p] / (float)size;
        float *to = sink.data + p * size;
        for (size_t i = 0; i < size; i++) {
            to[i] = sink.adds ? to[i] + share : share;
        }
    }
    return status;
}

oa_status oa_backward_global_max_pool(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0), *from = x->data, *most = y->data;
    size_t planes = y->count, size = planes ? x->count / planes : 0;
    oa_sink sink;
    oa_status status = oa_backward_sink(&sink, call, 0, error);
    if (status != OA_OK) {
        return status;
    }
    oa_sink_clear(&sink, x->count);
    for (size_t p = 0; p < planes; p++) {
        size_t at = 0;
        while (at + 1 < size && from[p * size + at] != most[p]) {
            at++;
        }
        sink.data[p * size + at] += g[p];
    }
    return OA_OK;
}
