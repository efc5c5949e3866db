/* Exp, Log, the trigonometric functions and the like: real functions without attributes. */
#include "core/exec/kernels.h"
#include "core/exec/unary.h"
#include "core/linalg/exponentials.h"
#include "core/linalg/trigonometry.h"

#include <tgmath.h>

#define KERNEL(name)                                                                                                   \
    oa_status oa_kernel_##name(oa_call *call, oa_error *error)                                                         \
    {                                                                                                                  \
        const double settings[2] = {0.0, 0.0};                                                                         \
        return oa_unary_run_real(call, name##_f32, name##_f64, settings, error);                                       \
    }
#define MATH_KERNEL(name, expression)                                                                                  \
    OA_UNARY_LOOP(name##_f32, float, expression)                                                                       \
    OA_UNARY_LOOP(name##_f64, double, expression)                                                                      \
    KERNEL(name)

MATH_KERNEL(log, log(x))
MATH_KERNEL(sqrt, sqrt(x))
MATH_KERNEL(reciprocal, 1 / x)
MATH_KERNEL(floor, floor(x))
MATH_KERNEL(ceil, ceil(x))
MATH_KERNEL(round, rint(x)) /* ties to even, as the operator asks, in the default rounding mode */
MATH_KERNEL(tan, tan(x))
MATH_KERNEL(asin, asin(x))
MATH_KERNEL(acos, acos(x))
MATH_KERNEL(atan, atan(x))
MATH_KERNEL(sinh, sinh(x))
MATH_KERNEL(cosh, cosh(x))
MATH_KERNEL(asinh, asinh(x))
MATH_KERNEL(acosh, acosh(x))
MATH_KERNEL(atanh, atanh(x))

/* Networks spend their time here: the functions for float32 are those that run on vectors. */
#define VECTOR_KERNEL(name, function, expression)                                                                      \
    static void name##_f32(void *y, const void *x, size_t n, const double *settings)                                   \
    {                                                                                                                  \
        (void)settings;                                                                                                \
        function(y, x, n);                                                                                             \
    }                                                                                                                  \
    OA_UNARY_LOOP(name##_f64, double, expression)                                                                      \
    KERNEL(name)

VECTOR_KERNEL(sin, oa_sin_floats, sin(x))
VECTOR_KERNEL(cos, oa_cos_floats, cos(x))
VECTOR_KERNEL(exp, oa_exp_floats, exp(x))
VECTOR_KERNEL(tanh, oa_tanh_floats, tanh(x))
VECTOR_KERNEL(erf, oa_erf_floats, erf(x))
