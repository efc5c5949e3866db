/* Softmax and LogSoftmax, backwards. With y the output, g its gradient and sums over the axis:
 * softmax: y (g - sum(g y));  log-softmax: g - exp(y) sum(g). */
#include "core/exec/layouts.h"
#include "core/grad/backward_kernels.h"

#include <math.h>

/* One row of n elements, `step` apart. */
typedef void (*row_loop)(float *to, const float *g, const float *y, size_t n, size_t step, bool adds);

static void softmax_row(float *to, const float *g, const float *y, size_t n, size_t step, bool adds)
{
    double sum = 0.0;
    for (size_t i = 0; i < n * step; i += step) {
        sum += (double)g[i] * (double)y[i];
    }
    for (size_t i = 0; i < n * step; i += step) {
        float term = y[i] * (g[i] - (float)sum);
        to[i] = adds ? to[i] + term : term;
    }
}

static void log_softmax_row(float *to, const float *g, const float *y, size_t n, size_t step, bool adds)
{
    double sum = 0.0;
    for (size_t i = 0; i < n * step; i += step) {
        sum += (double)g[i];
    }
    for (size_t i = 0; i < n * step; i += step) {
        float term = g[i] - expf(y[i]) * (float)sum;
        to[i] = adds ? to[i] + term : term;
    }
}

static oa_status run(oa_backward_call *call, row_loop loop, oa_error *error)
{
    const float *g = oa_backward_output(call, 0), *y = call->forward->outputs[0].data;
    oa_axis_layout layout;
    oa_sink sink;
    oa_status status = oa_axis_layout_read(&layout, call->forward, error);
    if (status == OA_OK) {
        status = oa_backward_sink_in_place(&sink, call, 0, error);
    }
    for (size_t o = 0; o < layout.outer && status == OA_OK; o++) {
        for (size_t i = 0; i < layout.inner; i++) {
            size_t at = o * layout.n * layout.inner + i;
            loop(sink.data + at, g + at, y + at, layout.n, layout.inner, sink.adds);
        }
    }
    return status;
}

oa_status oa_backward_softmax(oa_backward_call *call, oa_error *error)
{
    return run(call, softmax_row, error);
}

oa_status oa_backward_log_softmax(oa_backward_call *call, oa_error *error)
{
    return run(call, log_softmax_row, error);
}
