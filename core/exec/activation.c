/* Activation functions of floats. Written so that neither tail overflows, and NaN stays NaN. */
#include "core/exec/kernels.h"
#include "core/exec/unary.h"
#include "core/linalg/exponentials.h"

#include <tgmath.h>

#define ACTIVATION_LOOPS(name, expression)                                                                             \
    OA_UNARY_REAL_LOOP(name##_f32, float, expression)                                                                  \
    OA_UNARY_REAL_LOOP(name##_f64, double, expression)

/* log(1 + e^x) = max(x, 0) + log1p(e^-|x|): the exponential never overflows. */
#define SOFTPLUS(x) (((x) < 0 ? 0 : (x)) + log1p(exp(-fabs(x))))

/* The functions for float32 that run on vectors. */
#define VECTOR_LOOPS(name, function, expression)                                                                       \
    static void name##_f32(void *y, const void *x, size_t n, const double *settings)                                   \
    {                                                                                                                  \
        (void)settings;                                                                                                \
        function(y, x, n);                                                                                             \
    }                                                                                                                  \
    OA_UNARY_REAL_LOOP(name##_f64, double, expression)

VECTOR_LOOPS(sigmoid, oa_sigmoid_floats, 1 / (1 + exp(-x)))
ACTIVATION_LOOPS(softplus, SOFTPLUS(x))
ACTIVATION_LOOPS(softsign, x / (1 + fabs(x)))
ACTIVATION_LOOPS(hard_swish, x *(x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + (real)0.5))
ACTIVATION_LOOPS(mish, x *tanh(SOFTPLUS(x)))
VECTOR_LOOPS(gelu_erf, oa_gelu_floats, (real)0.5 * x * (1 + erf(x * (real)0.70710678118654752440)))
/* 0.79788... is sqrt(2 / pi). */
VECTOR_LOOPS(gelu_tanh, oa_gelu_tanh_floats,
             (real)0.5 * x * (1 + tanh((real)0.79788456080286535588 * (x + (real)0.044715 * x * x * x))))
ACTIVATION_LOOPS(leaky_relu, x < 0 ? alpha * x : x)
ACTIVATION_LOOPS(elu, x < 0 ? alpha * expm1(x) : x)
ACTIVATION_LOOPS(celu, x < 0 ? alpha * expm1(x / alpha) : x)
ACTIVATION_LOOPS(selu, beta *(x <= 0 ? alpha * expm1(x) : x))
ACTIVATION_LOOPS(thresholded_relu, x <= alpha ? 0 : x)
ACTIVATION_LOOPS(hard_sigmoid, alpha *x + beta < 0 ? 0 : alpha * x + beta > 1 ? 1 : alpha * x + beta)

#define SIMPLE_KERNEL(name)                                                                                            \
    oa_status oa_kernel_##name(oa_call *call, oa_error *error)                                                         \
    {                                                                                                                  \
        const double settings[2] = {0.0, 0.0};                                                                         \
        return oa_unary_run_real(call, name##_f32, name##_f64, settings, error);                                       \
    }

#define ALPHA_KERNEL(name, alpha_default)                                                                              \
    oa_status oa_kernel_##name(oa_call *call, oa_error *error)                                                         \
    {                                                                                                                  \
        const double settings[2] = {(double)oa_call_float(call, "alpha", alpha_default), 0.0};                         \
        return oa_unary_run_real(call, name##_f32, name##_f64, settings, error);                                       \
    }

#define ALPHA_BETA_KERNEL(name, alpha_default, beta_name, beta_default)                                                \
    oa_status oa_kernel_##name(oa_call *call, oa_error *error)                                                         \
    {                                                                                                                  \
        const double settings[2] = {(double)oa_call_float(call, "alpha", alpha_default),                               \
                                    (double)oa_call_float(call, beta_name, beta_default)};                             \
        return oa_unary_run_real(call, name##_f32, name##_f64, settings, error);                                       \
    }

SIMPLE_KERNEL(sigmoid)
SIMPLE_KERNEL(softplus)
SIMPLE_KERNEL(softsign)
SIMPLE_KERNEL(hard_swish)
SIMPLE_KERNEL(mish)
ALPHA_KERNEL(leaky_relu, 0.01f)
ALPHA_KERNEL(elu, 1.0f)
ALPHA_KERNEL(celu, 1.0f)
ALPHA_KERNEL(thresholded_relu, 1.0f)
ALPHA_BETA_KERNEL(hard_sigmoid, 0.2f, "beta", 0.5f)

oa_status oa_kernel_selu(oa_call *call, oa_error *error)
{
    /* Operator sets 1 to 5 rounded the constants to four decimals. */
    bool is_old = call->node->version < 6;
    const double settings[2] = {(double)oa_call_float(call, "alpha", is_old ? 1.6732f : 1.67326319217681884765625f),
                                (double)oa_call_float(call, "gamma", is_old ? 1.0507f : 1.05070102214813232421875f)};
    return oa_unary_run_real(call, selu_f32, selu_f64, settings, error);
}

oa_status oa_kernel_gelu(oa_call *call, oa_error *error)
{
    const double settings[2] = {0.0, 0.0};
    const oa_string_view *approximate = oa_call_string(call, "approximate");
    if (!approximate || oa_string_is(approximate, "none")) {
        return oa_unary_run_real(call, gelu_erf_f32, gelu_erf_f64, settings, error);
    }
    if (oa_string_is(approximate, "tanh")) {
        return oa_unary_run_real(call, gelu_tanh_f32, gelu_tanh_f64, settings, error);
    }
    return oa_fail(error, OA_ERROR_UNSUPPORTED, "approximate is '%.*s'; none and tanh are known",
                   (int)approximate->size, approximate->data);
}
