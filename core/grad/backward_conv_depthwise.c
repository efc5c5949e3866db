#include "core/grad/backward_conv.h"

enum { LANES = 8 };

static float dot(const float *g, const float *x, size_t n, size_t stride)
{
    float lanes[LANES] = {0.0f}, sum = 0.0f;
    size_t i = 0;
    for (; stride == 1 && i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            lanes[l] += g[i + l] * x[i + l];
        }
    }
    for (; i < n; i++) {
        sum += g[i] * x[i * stride];
    }
    for (size_t l = 0; l < LANES; l++) {
        sum += lanes[l];
    }
    return sum;
}

static void add_row(float *to, const float *g, float weight, size_t n, size_t stride)
{
    if (stride == 1) {
        for (size_t i = 0; i < n; i++) {
            to[i] += weight * g[i];
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        to[i * stride] += weight * g[i];
    }
}

/* One output plane g, of input plane x and kernel w; to_x and to_w are added to, or NULL. */
static void run_plane(float *to_x, float *to_w, const float *x, const float *w, const float *g, const oa_window *window)
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
                size_t first, end, from, tap = tap_row * window->kernel[last] + k;
                oa_window_span(&first, &end, &from, window, last, k);
                size_t at = row * window->in[last] + from;
                if (to_w) {
                    to_w[tap] += dot(g + first, x + at, end - first, window->stride[last]);
                }
                if (to_x) {
                    add_row(to_x + at, g + first, w[tap], end - first, window->stride[last]);
                }
            }
            is_inside = oa_window_box_next(&box, window);
        }
        g += window->out[last];
    } while (oa_window_next(position, window->out, last));
}

void oa_backward_conv_depthwise(const oa_conv_sinks *sinks, oa_backward_call *call, const oa_conv *conv)
{
    const oa_window *window = &conv->window;
    const float *x = call->forward->inputs[0]->data, *w = call->forward->inputs[1]->data;
    const float *g = oa_backward_output(call, 0);
    size_t in_size = oa_window_size(window->in, window->rank);
    size_t out_size = oa_window_size(window->out, window->rank);
    size_t kernel_size = oa_window_size(window->kernel, window->rank);
    oa_conv_sinks to = *sinks;
    if (to.x.data) {
        oa_sink_clear(&to.x, conv->batch * conv->groups * in_size);
    }
    if (to.w.data) {
        oa_sink_clear(&to.w, conv->groups * conv->out_channels * kernel_size);
    }
    for (size_t i = 0; i < conv->batch * conv->groups; i++) {
        for (size_t m = 0; m < conv->out_channels; m++) {
            size_t channel = i % conv->groups * conv->out_channels + m;
            run_plane(to.x.data ? to.x.data + i * in_size : NULL, to.w.data ? to.w.data + channel * kernel_size : NULL,
                      x + i * in_size, w + channel * kernel_size, g, window);
            g += out_size;
        }
    }
}
