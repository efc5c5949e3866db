/* Functions that the compiler can vectorise, where the C library's cannot be: polynomials after an exact range
 * reduction. */
#ifndef OA_LINALG_VECTOR_MATH_H
#define OA_LINALG_VECTOR_MATH_H

#include <stdint.h>
#include <string.h>

/* Before a function with loops over floats: the compiler makes a second version of it for processors with wider
 * vectors, and the right one is taken when the program starts. Without fused multiplications, which round otherwise,
 * all versions compute the same bytes. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define OA_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define OA_VECTOR_CLONES
#endif

/* Before a loop whose output may be the very buffer of an input: each element is read before it is written, so
 * iterations are independent and may be vectorised, which the compiler cannot know from the pointers. Clang's
 * counterpart warns at every loop that it cannot vectorise, so it goes without. */
#if defined(__GNUC__) && !defined(__clang__)
#define OA_INDEPENDENT _Pragma("GCC ivdep")
#else
#define OA_INDEPENDENT
#endif

/* exp(x), relative error below 3e-7 on [-87, 88]; 0 below, a large finite number above. No branches.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2, ln 2 split in two so that r is exact to rounding (Cody and Waite 1980); exp(r)
 * by its Taylor polynomial of degree 6, whose remainder is below 2e-7 there; 2^n by the exponent's bits. */
static inline float oa_exp_fast(float x)
{
    float clamped = x < -87.0f ? -87.0f : x;
    clamped = clamped > 88.0f ? 88.0f : clamped;
    /* Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits. */
    const float magic = 12582912.0f;
    float shifted = clamped * 1.44269504f + magic;
    float n = shifted - magic;
    float r = clamped - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits;
    float power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - UINT32_C(0x4b400000) + 127u) << 23; /* less the bits of the magic number: n */
    memcpy(&power, &bits, sizeof power);
    float result = p * power;
    return x < -87.0f ? 0.0f : result;
}

/* tanh(x), absolute error below 3e-7. */
static inline float oa_tanh_fast(float x)
{
    float bounded = x > 10.0f ? 10.0f : x;
    bounded = bounded < -10.0f ? -10.0f : bounded;
    float e = oa_exp_fast(2.0f * bounded);
    return 1.0f - 2.0f / (e + 1.0f);
}

#endif
