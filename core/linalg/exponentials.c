/* Polynomials are minimax in the relative error, fitted in double precision by Lawson's iteration; what is left of the
 * errors is the rounding of their evaluation. */
#include "core/linalg/exponentials.h"

#include "core/linalg/vector_math.h"

#include <math.h>

/* exp(x) = 2^n exp(r), |r| <= ln 2 / 2, as oa_exp_fast does it, with 2^n in two factors, so that results may overflow
 * and may be subnormal. */
static inline float exponential(float x)
{
    float clamped = x < -105.0f ? -105.0f : x;
    clamped = clamped > 89.0f ? 89.0f : clamped;
    /* Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits. */
    const float shifted = clamped * 1.44269504f + 12582912.0f, n = shifted - 12582912.0f;
    const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 0.00139504936f;
    p = p * r + 0.00836889219f;
    p = p * r + 0.0416662058f;
    p = p * r + 0.166665188f;
    p = p * r + 0.50000001f;
    p = (p * r) * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    const int32_t whole = (int32_t)(bits - UINT32_C(0x4b400000)), half = whole >> 1;
    const uint32_t first = ((uint32_t)half + 127u) << 23, second = ((uint32_t)(whole - half) + 127u) << 23;
    float a, b;
    memcpy(&a, &first, sizeof a);
    memcpy(&b, &second, sizeof b);
    return p * a * b;
}

/* With e = exp(-|x|), which does not overflow: 1 / (1 + e), or e / (1 + e) where x is negative. */
static inline float sigmoid(float x)
{
    const float e = exponential(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* x + x^3 p(x^2) where |x| is small, else 1 - 2 / (exp(2 |x|) + 1) with the sign of x. */
static inline float hyperbolic_tangent(float x)
{
    const float size = fabsf(x), s = x * x, bounded = size > 10.0f ? 10.0f : size;
    const float far = 1.0f - 2.0f / (exponential(2.0f * bounded) + 1.0f);
    float p = -0.0056607764f;
    p = p * s + 0.0206019956f;
    p = p * s - 0.053729226f;
    p = p * s + 0.133313289f;
    p = p * s - 0.333332783f;
    return copysignf(size > 0.63f ? far : size + size * (s * p), x);
}

/* x + x p(x^2) where |x| is below 1, else 1 - exp(q(|x|)) with the sign of x; from 4 on that is 1. */
static inline float error_function(float x)
{
    const float size = fabsf(x), s = x * x, t = size > 4.0f ? 4.0f : size;
    float q = 0.000194947032f;
    q = q * t - 0.0030336951f;
    q = q * t + 0.0221897875f;
    q = q * t - 0.103856397f;
    q = q * t - 0.637265727f;
    q = q * t - 1.12762742f;
    q = q * t - 0.000207004813f;
    const float far = 1.0f - exponential(q);
    float p = 7.8891198e-05f;
    p = p * s - 0.00080208416f;
    p = p * s + 0.00518953541f;
    p = p * s - 0.0268544447f;
    p = p * s + 0.112836002f;
    p = p * s - 0.376126271f;
    p = p * s + 0.128379166f;
    return copysignf(size > 1.0f ? far : size + size * p, x);
}

static inline float gelu(float x)
{
    return 0.5f * x * (1.0f + error_function(x * 0.707106781f));
}

/* 0.79788... is sqrt(2 / pi). */
static inline float gelu_tanh(float x)
{
    return 0.5f * x * (1.0f + hyperbolic_tangent(0.797884561f * (x + 0.044715f * x * x * x)));
}

#define OVER_FLOATS(name, function)                                                                                    \
    OA_VECTOR_CLONES                                                                                                   \
    void name(float *y, const float *x, size_t n)                                                                      \
    {                                                                                                                  \
        OA_INDEPENDENT                                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                               \
            y[i] = function(x[i]);                                                                                     \
        }                                                                                                              \
    }

OVER_FLOATS(oa_exp_floats, exponential)
OVER_FLOATS(oa_sigmoid_floats, sigmoid)
OVER_FLOATS(oa_tanh_floats, hyperbolic_tangent)
OVER_FLOATS(oa_erf_floats, error_function)
OVER_FLOATS(oa_gelu_floats, gelu)
OVER_FLOATS(oa_gelu_tanh_floats, gelu_tanh)

/* Maxima and sums that do not wait for each other. */
enum { LANES = 16 };

OA_VECTOR_CLONES
static float largest(const float *x, size_t n)
{
    float lanes[LANES], best = x[0];
    size_t i = 0;
    for (size_t k = 0; k < LANES; k++) {
        lanes[k] = best;
    }
    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            lanes[k] = x[i + k] > lanes[k] ? x[i + k] : lanes[k];
        }
    }
    for (; i < n; i++) {
        best = x[i] > best ? x[i] : best;
    }
    for (size_t k = 0; k < LANES; k++) {
        best = lanes[k] > best ? lanes[k] : best;
    }
    return best;
}

OA_VECTOR_CLONES
static double exponentials_of(float *y, const float *x, float best, size_t n)
{
    double lanes[LANES] = {0.0}, sum = 0.0;
    OA_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        y[i] = exponential(x[i] - best);
    }
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            lanes[k] += (double)y[i + k];
        }
    }
    for (; i < n; i++) {
        sum += (double)y[i];
    }
    for (size_t k = 0; k < LANES; k++) {
        sum += lanes[k];
    }
    return sum;
}

OA_VECTOR_CLONES
static void scale_by(float *y, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] *= factor;
    }
}

void oa_softmax_floats(float *y, const float *x, size_t n)
{
    if (n) {
        scale_by(y, (float)(1.0 / exponentials_of(y, x, largest(x, n), n)), n);
    }
}
