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

/* Windows of two by two, side by side, over rows of `width` and an even or odd rest: every output has four places of
 * its own, so that they are written without a look at neighbours. */
static void max_pool_squares(float *restrict to, const float *restrict x, const float *restrict y,
                             const float *restrict g, const oa_window *window)
{
    size_t width = window->in[1], out = window->out[1];
    for (size_t r = 0; r < window->out[0]; r++) {
        const float *upper = x + 2 * r * width, *lower = upper + width;
        float *to_upper = to + 2 * r * width, *to_lower = to_upper + width;
        for (size_t i = 0; i < out; i++) {
            const float most = y[i], gradient = g[i];
            const bool is_a = upper[2 * i] == most;
            const bool is_b = !is_a & (upper[2 * i + 1] == most);
            const bool is_c = !is_a & !is_b & (lower[2 * i] == most);
            const bool is_d = !is_a & !is_b & !is_c;
            to_upper[2 * i] += is_a ? gradient : 0.0f;
            to_upper[2 * i + 1] += is_b ? gradient : 0.0f;
            to_lower[2 * i] += is_c ? gradient : 0.0f;
            to_lower[2 * i + 1] += is_d ? gradient : 0.0f;
        }
        y += out;
        g += out;
    }
}

static bool is_squares(const oa_window *window)
{
    bool is_so = window->rank == 2;
    for (size_t d = 0; d < 2 && is_so; d++) {
        is_so = window->kernel[d] == 2 && window->stride[d] == 2 && window->dilation[d] == 1 && window->pad[d] == 0 &&
                2 * window->out[d] <= window->in[d];
    }
    return is_so;
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
        if (is_squares(&window)) {
            max_pool_squares(state.to, state.x, state.y, state.g, &window);
            continue;
        }
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
