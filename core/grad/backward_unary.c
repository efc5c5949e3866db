/* Exp, Log, the trigonometric functions and the like: real functions without attributes. */
#include "core/grad/backward_elementwise.h"
#include "core/grad/backward_kernels.h"

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
OA_BACKWARD_IN(cos, -g *sinf(v))
OA_BACKWARD_IN(erf, g * 1.12837916709551257f * expf(-v * v)) /* 2 / sqrt(pi) */
OA_BACKWARD_IN(log, g / v)
OA_BACKWARD_IN(sin, g *cosf(v))
OA_BACKWARD_OUT(exp, g *v)
OA_BACKWARD_OUT(reciprocal, -g *v *v)
OA_BACKWARD_OUT(relu, v > 0.0f ? g : 0.0f)
OA_BACKWARD_OUT(sigmoid, g *v *(1.0f - v))
OA_BACKWARD_OUT(sqrt, 0.5f * g / v)
OA_BACKWARD_OUT(tanh, g *(1.0f - v * v))

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
