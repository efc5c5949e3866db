/* Depthwise convolution: every output plane is a sum of shifted input planes, row by row. */
#include "core/exec/conv.h"
#include "core/linalg/vector_math.h"

#include <string.h>

OA_VECTOR_CLONES
static void add_row(float *restrict y, const float *restrict x, float weight, size_t n, size_t stride)
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

/* y[i] += a row of the kernel times x, for a width of the kernel and a stride that the compiler knows. */
#define KERNEL_ROW(width, stride)                                                                                      \
    OA_VECTOR_CLONES                                                                                                   \
    static void add_row_##width##_##stride(float *restrict y, const float *restrict x, const float *restrict w,        \
                                           size_t n)                                                                   \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            float sum = y[i];                                                                                          \
            for (size_t k = 0; k < (width); k++) {                                                                     \
                sum += w[k] * x[(stride)*i + k];                                                                       \
            }                                                                                                          \
            y[i] = sum;                                                                                                \
        }                                                                                                              \
    }
KERNEL_ROW(3, 1)
KERNEL_ROW(3, 2)
KERNEL_ROW(5, 1)
KERNEL_ROW(5, 2)
KERNEL_ROW(7, 1)
KERNEL_ROW(7, 2)

typedef void (*kernel_row)(float *restrict y, const float *restrict x, const float *restrict w, size_t n);

/* The loop for the kernels that networks of images have; NULL for others. */
static kernel_row find_row(const oa_window *window)
{
    static const struct {
        size_t width, stride;
        kernel_row row;
    } known[] = {{3, 1, add_row_3_1}, {3, 2, add_row_3_2}, {5, 1, add_row_5_1},
                 {5, 2, add_row_5_2}, {7, 1, add_row_7_1}, {7, 2, add_row_7_2}};
    for (size_t i = 0; window->rank == 2 && window->dilation[1] == 1 && i < sizeof known / sizeof known[0]; i++) {
        if (window->kernel[1] == known[i].width && window->stride[1] == known[i].stride) {
            return known[i].row;
        }
    }
    return NULL;
}

typedef struct planes {
    float *y;
    const float *x, *w, *bias;
    const oa_conv *conv;
    kernel_row row;
    float *padded; /* [threads, padded_size], when there is a row */
    size_t padded_size, padded_width;
    const oa_finish *finish; /* or NULL */
} planes;

/* A plane of x with zeros around it, so that no row has to know where it ends. */
static void pad_plane(float *padded, const float *x, const planes *p)
{
    const oa_window *window = &p->conv->window;
    memset(padded, 0, p->padded_size * sizeof *padded);
    for (size_t r = 0; r < window->in[0]; r++) {
        memcpy(padded + (window->pad[0] + r) * p->padded_width + window->pad[1], x + r * window->in[1],
               window->in[1] * sizeof *padded);
    }
}

static void add_padded(float *y, const float *padded, const float *w, const planes *p)
{
    const oa_window *window = &p->conv->window;
    for (size_t r = 0; r < window->out[0]; r++) {
        for (size_t k = 0; k < window->kernel[0]; k++) {
            size_t from = r * window->stride[0] + k * window->dilation[0];
            p->row(y + r * window->out[1], padded + from * p->padded_width, w + k * window->kernel[1], window->out[1]);
        }
    }
}

/* Item: an input plane, and the output planes made of it. */
static oa_status make_planes(void *context, size_t item, size_t worker, oa_error *error)
{
    const planes *p = context;
    const oa_conv *conv = p->conv;
    const oa_window *window = &conv->window;
    size_t in_size = oa_window_size(window->in, window->rank), out_size = oa_window_size(window->out, window->rank);
    const float *x = p->x + item * in_size;
    float *padded = p->row ? p->padded + worker * p->padded_size : NULL;
    (void)error;
    if (padded) {
        pad_plane(padded, x, p);
    }
    for (size_t m = 0; m < conv->out_channels; m++) {
        size_t channel = item % conv->groups * conv->out_channels + m;
        const float *w = p->w + channel * oa_window_size(window->kernel, window->rank);
        float *y = p->y + (item * conv->out_channels + m) * out_size, start = p->bias ? p->bias[channel] : 0.0f;
        for (size_t i = 0; i < out_size; i++) {
            y[i] = start;
        }
        if (padded) {
            add_padded(y, padded, w, p);
        } else {
            add_plane(y, x, w, window);
        }
        if (p->finish) {
            oa_finish_apply(p->finish, y, channel, (size_t)(y - p->y), out_size);
        }
    }
    return OA_OK;
}

oa_status oa_conv_depthwise(float *y, const float *x, const float *w, const float *bias, const oa_conv *conv,
                            oa_call *call, oa_error *error)
{
    const oa_window *window = &conv->window;
    planes work = {.y = y, .x = x, .w = w, .bias = bias, .conv = conv, .row = find_row(window), .finish = call->finish};
    if (work.row) {
        size_t height = window->in[0] + window->pad[0] + window->pad_end[0], count;
        work.padded_width = window->in[1] + window->pad[1] + window->pad_end[1];
        bool fits = !oa_mul_overflows(&work.padded_size, height, work.padded_width) &&
                    !oa_mul_overflows(&count, work.padded_size, oa_team_size(call->team));
        work.padded = fits ? oa_call_scratch(call, count, sizeof *work.padded) : NULL;
        if (!work.padded) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the planes of a convolution");
        }
    }
    return oa_team_run(call->team, conv->batch * conv->groups, make_planes, &work, error);
}
