#include "core/exec/pool.h"

void oa_pool_row(void *state, const void *plane, size_t size, const oa_window *window, const size_t *position,
                 oa_pool_take take)
{
    size_t last = window->rank - 1, first_tap, past_tap;
    oa_window_box box;
    oa_window_last_taps(&first_tap, &past_tap, window);
    bool is_inside = oa_window_box_start(&box, window, position);
    while (is_inside) {
        size_t row = 0;
        (void)oa_window_row(&row, window, position, box.tap);
        for (size_t k = first_tap; k < past_tap; k++) {
            size_t first, end, from;
            oa_window_span(&first, &end, &from, window, last, k);
            if (first < end) {
                size_t at = row * window->in[last] + from;
                take(state, first, (const unsigned char *)plane + at * size, end - first, window->stride[last], at);
            }
        }
        is_inside = oa_window_box_next(&box, window);
    }
}

oa_status oa_pool_prepare(oa_window *window, oa_array **y, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    bool is_ceil = oa_call_int(call, "ceil_mode", 0) != 0;
    oa_status status = oa_window_read(window, call, x, NULL, is_ceil, error);
    if (status != OA_OK) {
        return status;
    }
    size_t dims[OA_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (size_t d = 0; d < window->rank; d++) {
        dims[2 + d] = window->out[d];
    }
    /* First the output, whose size bounds the loop below. */
    status = oa_call_output(y, call, 0, x->dtype, dims, x->rank, error);
    for (size_t d = 0; status == OA_OK && (*y)->count && d < window->rank; d++) {
        bool has_input = true;
        for (size_t i = 0; has_input && i < window->out[d]; i++) {
            size_t first, past;
            oa_window_taps(&first, &past, window, d, i, false);
            has_input = first < past;
        }
        if (!has_input) {
            return oa_fail(error, OA_ERROR_INPUT, "a window on axis %zu covers padding only", d + 2);
        }
    }
    return status;
}

bool oa_pool_is_squares(const oa_window *window)
{
    bool is_so = window->rank == 2;
    for (size_t d = 0; d < 2 && is_so; d++) {
        is_so = window->kernel[d] == 2 && window->stride[d] == 2 && window->dilation[d] == 1 && window->pad[d] == 0 &&
                2 * window->out[d] <= window->in[d];
    }
    return is_so;
}

oa_status oa_pool_order(double *p, oa_call *call, oa_error *error)
{
    bool is_old = call->node->version < 2;
    *p = is_old ? (double)oa_call_float(call, "p", 2.0f) : (double)oa_call_int(call, "p", 2);
    if (!(*p > 0.0)) {
        return oa_fail(error, OA_ERROR_INPUT, "p is %g and must be positive", *p);
    }
    return OA_OK;
}
