#include "core/exec/conv.h"

static void add_row(float *y, const float *x, float weight, size_t n, size_t stride)
{
    if (stride == 1) {
        for (size_t i = 0; i < n; i++) {
            y[i] += weight * x[i];
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

void oa_conv_depthwise(float *y, const float *x, const float *w, const oa_conv *conv)
{
    const oa_window *window = &conv->window;
    size_t in_size = oa_window_size(window->in, window->rank);
    size_t out_size = oa_window_size(window->out, window->rank);
    size_t kernel_size = oa_window_size(window->kernel, window->rank);
    if (out_size == 0) {
        return;
    }
    for (size_t n = 0; n < conv->batch; n++) {
        for (size_t g = 0; g < conv->groups; g++) {
            const float *plane = x + (n * conv->groups + g) * in_size;
            for (size_t m = 0; m < conv->out_channels; m++) {
                size_t channel = g * conv->out_channels + m;
                add_plane(y + (n * conv->groups * conv->out_channels + channel) * out_size, plane,
                          w + channel * kernel_size, window);
            }
        }
    }
}
