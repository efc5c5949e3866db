/* Depthwise convolution: every output plane is a sum of shifted input planes, row by row. */
#include "core/exec/conv.h"
#include "core/linalg/vector_math.h"

OA_VECTOR_CLONES
static void add_row(float *restrict y, const float *restrict x, float weight, size_t n, size_t stride)
{
    if (stride == 1) {
        for (size_t i = 0; i < n; i++) {
            y[i] += weight * x[i];
        }
        return;
    }
    if (stride == 2) { /* known to the compiler, which then uses vectors */
        for (size_t i = 0; i < n; i++) {
            y[i] += weight * x[2 * i];
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] += weight * x[i * stride];
    }
}

/* One output plane. */
static void add_plane(float *y, const float *x, const float *w, const oa_window *window)
{
    size_t last = window->rank - 1;
    size_t position[OA_MAX_RANK] = {0};
    do {
        oa_window_box box;
        bool is_inside = oa_window_box_start(&box, window, position);
        while (is_inside) {
            size_t row = 0, tap_row = 0;
            (void)oa_window_row(&row, window, position, box.tap);
            for (size_t d = 0; d < last; d++) {
                tap_row = tap_row * window->kernel[d] + box.tap[d];
            }
            for (size_t k = 0; k < window->kernel[last]; k++) {
                size_t first, end, from;
                oa_window_span(&first, &end, &from, window, last, k);
                add_row(y + first, x + row * window->in[last] + from, w[tap_row * window->kernel[last] + k],
                        end - first, window->stride[last]);
            }
            is_inside = oa_window_box_next(&box, window);
        }
        y += window->out[last];
    } while (oa_window_next(position, window->out, last));
}

typedef struct planes {
    float *y;
    const float *x, *w, *bias;
    const oa_conv *conv;
} planes;

/* Item: an output plane. */
static oa_status make_plane(void *context, size_t item, size_t worker, oa_error *error)
{
    const planes *p = context;
    const oa_conv *conv = p->conv;
    const oa_window *window = &conv->window;
    size_t in_size = oa_window_size(window->in, window->rank), out_size = oa_window_size(window->out, window->rank);
    size_t channel = item % (conv->groups * conv->out_channels);
    float *y = p->y + item * out_size, start = p->bias ? p->bias[channel] : 0.0f;
    (void)worker;
    (void)error;
    for (size_t i = 0; i < out_size; i++) {
        y[i] = start;
    }
    add_plane(y, p->x + item / conv->out_channels * in_size,
              p->w + channel * oa_window_size(window->kernel, window->rank), window);
    return OA_OK;
}

oa_status oa_conv_depthwise(float *y, const float *x, const float *w, const float *bias, const oa_conv *conv,
                            oa_team *team, oa_error *error)
{
    planes work = {y, x, w, bias, conv};
    return oa_team_run(team, conv->batch * conv->groups * conv->out_channels, make_plane, &work, error);
}
