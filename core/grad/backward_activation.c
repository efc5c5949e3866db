/* Activation functions, backwards. At a kink the gradient is that of the side towards zero. */
#include "core/grad/backward_elementwise.h"
#include "core/grad/backward_kernels.h"

#include <math.h>

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* d/dx of x tanh(softplus(x)). */
static float mish_slope(float x)
{
    float t = tanhf((x < 0.0f ? 0.0f : x) + log1pf(expf(-fabsf(x))));
    return t + x * (1.0f - t * t) * sigmoid(x);
}

/* d/dx of x Phi(x): Phi(x) + x phi(x). 0.7071... is sqrt(1/2), 0.3989... is 1 / sqrt(2 pi). */
static float gelu_slope(float x)
{
    return 0.5f * (1.0f + erff(x * 0.70710678118654752f)) + x * 0.39894228040143268f * expf(-0.5f * x * x);
}

/* The same of its approximation 0.5 x (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3). */
static float gelu_tanh_slope(float x)
{
    float t = tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.79788456080286536f * (1.0f + 0.134145f * x * x);
}

OA_BACKWARD_IN(hard_swish, v <= -3.0f ? 0.0f : v >= 3.0f ? g : g * (v / 3.0f + 0.5f))
OA_BACKWARD_IN(mish, g *mish_slope(v))
OA_BACKWARD_IN(softplus, g *sigmoid(v))
OA_BACKWARD_IN(softsign, g / ((1.0f + fabsf(v)) * (1.0f + fabsf(v))))

OA_BACKWARD_LOOP(celu_loop, v < 0.0f ? g * expf(v / alpha) : g)
OA_BACKWARD_LOOP(clip_loop, v<alpha || v> beta ? 0.0f : g)
OA_BACKWARD_LOOP(elu_loop, v < 0.0f ? g * alpha * expf(v) : g)
OA_BACKWARD_LOOP(gelu_loop, g *gelu_slope(v))
OA_BACKWARD_LOOP(gelu_tanh_loop, g *gelu_tanh_slope(v))
OA_BACKWARD_LOOP(hard_sigmoid_loop, alpha *v + beta <= 0.0f || alpha * v + beta >= 1.0f ? 0.0f : g * alpha)
OA_BACKWARD_LOOP(leaky_relu_loop, v < 0.0f ? alpha * g : g)
OA_BACKWARD_LOOP(selu_loop, v <= 0.0f ? g * beta * alpha * expf(v) : g * beta)
OA_BACKWARD_LOOP(thresholded_relu_loop, v <= alpha ? 0.0f : g)

static oa_status with_alpha(oa_backward_call *call, oa_backward_loop loop, float fallback, oa_error *error)
{
    const float settings[2] = {oa_call_float(call->forward, "alpha", fallback), 0.0f};
    return oa_backward_elementwise(call, loop, false, settings, error);
}

oa_status oa_backward_celu(oa_backward_call *call, oa_error *error)
{
    return with_alpha(call, celu_loop, 1.0f, error);
}

oa_status oa_backward_elu(oa_backward_call *call, oa_error *error)
{
    return with_alpha(call, elu_loop, 1.0f, error);
}

oa_status oa_backward_leaky_relu(oa_backward_call *call, oa_error *error)
{
    return with_alpha(call, leaky_relu_loop, 0.01f, error);
}

oa_status oa_backward_thresholded_relu(oa_backward_call *call, oa_error *error)
{
    return with_alpha(call, thresholded_relu_loop, 1.0f, error);
}

oa_status oa_backward_hard_sigmoid(oa_backward_call *call, oa_error *error)
{
    const float settings[2] = {oa_call_float(call->forward, "alpha", 0.2f), oa_call_float(call->forward, "beta", 0.5f)};
    return oa_backward_elementwise(call, hard_sigmoid_loop, false, settings, error);
}

oa_status oa_backward_selu(oa_backward_call *call, oa_error *error)
{
    /* The same constants as the forward kernel's. */
    bool is_old = call->forward->node->version < 6;
    const float settings[2] = {oa_call_float(call->forward, "alpha", is_old ? 1.6732f : 1.67326319217681884765625f),
                               oa_call_float(call->forward, "gamma", is_old ? 1.0507f : 1.05070102214813232421875f)};
    return oa_backward_elementwise(call, selu_loop, false, settings, error);
}

oa_status oa_backward_gelu(oa_backward_call *call, oa_error *error)
{
    const float settings[2] = {0.0f, 0.0f};
    bool is_tanh = oa_node_string_is(call->forward->node, "approximate", "tanh");
    return oa_backward_elementwise(call, is_tanh ? gelu_tanh_loop : gelu_loop, false, settings, error);
}

/* The bounds are attributes before operator set 11, then inputs. */
static float clip_bound(oa_backward_call *call, size_t slot, const char *name, float fallback)
{
    const oa_array *input = oa_call_input(call->forward, slot);
    if (call->forward->node->version < 11) {
        return oa_call_float(call->forward, name, fallback);
    }
    return input ? *(const float *)input->data : fallback;
}

oa_status oa_backward_clip(oa_backward_call *call, oa_error *error)
{
    const float settings[2] = {clip_bound(call, 1, "min", -INFINITY), clip_bound(call, 2, "max", INFINITY)};
    return oa_backward_elementwise(call, clip_loop, false, settings, error);
}
