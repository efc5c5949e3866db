/* x = q pi / 2 + r with |r| <= pi / 4, where pi / 2 is split into three parts of which the first two have so few bits
 * that their products with q are exact (Cody and Waite 1980). Then sin(x) is sin(r), cos(r), -sin(r) or -cos(r) as q
 * modulo 4 says; both are Taylor polynomials with a remainder below 4e-8. */
#include "core/linalg/trigonometry.h"

#include "core/linalg/vector_math.h"

#include <math.h>
#include <stdbool.h>

enum { CHUNK = 256 };

/* sin(x + quarter pi / 2) for |x| <= 8192. */
static inline float sine(float x, uint32_t quarter)
{
    /* Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits. */
    const float shifted = x * 0.636619772f + 12582912.0f, q = shifted - 12582912.0f;
    const float r = ((x - q * 1.5703125f) - q * 4.83751297e-4f) - q * 7.54978995e-8f, z = r * r;
    uint32_t bits, sine_bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits += quarter;
    const float s = r + r * z * (-1.0f / 6.0f + z * (1.0f / 120.0f + z * (-1.0f / 5040.0f + z * (1.0f / 362880.0f))));
    const float c = 1.0f - 0.5f * z +
                    z * z * (1.0f / 24.0f + z * (-1.0f / 720.0f + z * (1.0f / 40320.0f + z * (-1.0f / 3628800.0f))));
    const float chosen = bits & 1 ? c : s;
    memcpy(&sine_bits, &chosen, sizeof sine_bits);
    sine_bits ^= (bits & 2) << 30; /* the sign */
    float result;
    memcpy(&result, &sine_bits, sizeof result);
    return result;
}

/* Writes y[n], at most CHUNK elements; false when one of them is out of range. */
OA_VECTOR_CLONES
static bool sines(float *restrict y, const float *restrict x, size_t n, uint32_t quarter)
{
    /* The bits of a positive float are ordered as it is, NaN above all. */
    const uint32_t most = UINT32_C(0x46000000); /* of 8192 */
    uint32_t is_out = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        is_out |= (bits & UINT32_C(0x7fffffff)) > most;
    }
    if (is_out) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] = sine(x[i], quarter);
    }
    return true;
}

static void run(float *y, const float *x, size_t n, uint32_t quarter)
{
    float found[CHUNK];
    for (size_t first = 0; first < n; first += CHUNK) {
        size_t count = n - first < CHUNK ? n - first : CHUNK;
        bool is_done = sines(found, x + first, count, quarter);
        for (size_t i = 0; i < count; i++) {
            if (!is_done) {
                found[i] = quarter ? cosf(x[first + i]) : sinf(x[first + i]);
            }
            y[first + i] = found[i];
        }
    }
}

void oa_sin_floats(float *y, const float *x, size_t n)
{
    run(y, x, n, 0);
}

void oa_cos_floats(float *y, const float *x, size_t n)
{
    run(y, x, n, 1);
}
