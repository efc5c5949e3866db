/* Exp, Log, the trigonometric functions and the like: real functions without attributes. */
#include "core/grad/backward_elementwise.h"
#include "core/grad/backward_kernels.h"
#include "core/linalg/trigonometry.h"

#include <math.h>

oa_status oa_backward_elementwise(oa_backward_call *call, oa_backward_loop loop, bool is_of_output,
                                  const float *settings, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0);
    oa_sink sink;
    oa_status status = oa_backward_sink_in_place(&sink, call, 0, error);
    if (status == OA_OK) {
        loop(sink.data, g, is_of_output ? y->data : x->data, x->count, sink.adds, settings);
    }
    return status;
}

/* At zero, Abs has the gradient 0. */
OA_BACKWARD_IN(abs, v > 0.0f ? g : v < 0.0f ? -g : 0.0f)
OA_BACKWARD_IN(erf, g * 1.12837916709551257f * expf(-v * v)) /* 2 / sqrt(pi) */
OA_BACKWARD_IN(log, g / v)
OA_BACKWARD_OUT(exp, g *v)
OA_BACKWARD_OUT(reciprocal, -g *v *v)
OA_BACKWARD_OUT(relu, v > 0.0f ? g : 0.0f)
OA_BACKWARD_OUT(sigmoid, g *v *(1.0f - v))
OA_BACKWARD_OUT(sqrt, 0.5f * g / v)
OA_BACKWARD_OUT(tanh, g *(1.0f - v * v))

/* to = (or +=) sign * g * function(v). */
static void multiply(float *to, const float *g, const float *v, size_t n, bool adds, float sign,
                     void (*function)(float *y, const float *x, size_t n))
{
    float values[256];
    const size_t most = sizeof values / sizeof *values;
    for (size_t first = 0; first < n; first += most) {
        size_t count = n - first < most ? n - first : most;
        function(values, v + first, count);
        for (size_t i = 0; i < count; i++) {
            float product = sign * g[first + i] * values[i];
            to[first + i] = adds ? to[first + i] + product : product;
        }
    }
}

static void sin_loop(float *to, const float *g, const float *v, size_t n, bool adds, const float *settings)
{
    (void)settings;
    multiply(to, g, v, n, adds, 1.0f, oa_cos_floats);
}

static void cos_loop(float *to, const float *g, const float *v, size_t n, bool adds, const float *settings)
{
    (void)settings;
    multiply(to, g, v, n, adds, -1.0f, oa_sin_floats);
}

OA_BACKWARD_FUNCTION(sin, false)
OA_BACKWARD_FUNCTION(cos, false)

oa_status oa_backward_neg(oa_backward_call *call, oa_error *error)
{
    const float *g = oa_backward_output(call, 0);
    oa_sink sink;
    oa_status status = oa_backward_sink_in_place(&sink, call, 0, error);
    if (status == OA_OK) {
        oa_sink_put(&sink, g, call->forward->inputs[0]->count, -1.0f);
    }
    return status;
}
