#include "core/linalg/panels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

/* Sums of all cells of a tile stay in registers: rows times three vectors, three of b and one of a. */
enum { VECTORS = 3 };

#define DEFINE_MULTIPLY(name, instructions, vector, rows_, lanes, zero, set1, load, store, fmadd, add)                 \
    __attribute__((target(instructions))) static void name(float *c, size_t stride, const float *a, size_t row_step,   \
                                                           size_t step, const float *b, size_t depth,                  \
                                                           const float *start)                                         \
    {                                                                                                                  \
        vector sums[rows_][VECTORS];                                                                                   \
        for (size_t r = 0; r < (rows_); r++) {                                                                         \
            __builtin_prefetch(c + r * stride, 1);                                                                     \
            __builtin_prefetch(c + r * stride + VECTORS * (lanes)-1, 1);                                               \
            for (size_t v = 0; v < VECTORS; v++) {                                                                     \
                sums[r][v] = zero();                                                                                   \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t k = 0; k < depth; k++) {                                                                           \
            vector columns[VECTORS];                                                                                   \
            for (size_t v = 0; v < VECTORS; v++) {                                                                     \
                columns[v] = load(b + v * (lanes));                                                                    \
            }                                                                                                          \
            for (size_t r = 0; r < (rows_); r++) {                                                                     \
                const vector weight = set1(a[r * row_step]);                                                           \
                for (size_t v = 0; v < VECTORS; v++) {                                                                 \
                    sums[r][v] = fmadd(weight, columns[v], sums[r][v]);                                                \
                }                                                                                                      \
            }                                                                                                          \
            a += step;                                                                                                 \
            b += VECTORS * (lanes);                                                                                    \
        }                                                                                                              \
        _Pragma("GCC unroll 8") for (size_t r = 0; r < (rows_); r++)                                                   \
        {                                                                                                              \
            _Pragma("GCC unroll 3") for (size_t v = 0; v < VECTORS; v++)                                               \
            {                                                                                                          \
                float *to = c + r * stride + v * (lanes);                                                              \
                store(to, add(start ? set1(start[r]) : load(to), sums[r][v]));                                         \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_MULTIPLY(multiply_avx512, "avx512f", __m512, 8, 16, _mm512_setzero_ps, _mm512_set1_ps, _mm512_loadu_ps,
                _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps)
DEFINE_MULTIPLY(multiply_avx2, "avx2,fma", __m256, 4, 8, _mm256_setzero_ps, _mm256_set1_ps, _mm256_loadu_ps,
                _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps)

#define AVX512 __attribute__((target("avx512f,bmi2")))
#define AVX2 __attribute__((target("avx2,fma")))

/* Every second float, as strides of 2 read them, is picked out of two vectors. */
AVX512 static void copy_second_avx512(float *row, const float *from, const oa_panel_copy *copies, size_t count)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    for (size_t i = 0; i < count; i++) {
        const uint32_t mask = _pdep_u32(copies[i].mask, UINT32_C(0x55555555));
        const float *at = from + copies[i].from;
        const __m512 low = _mm512_maskz_loadu_ps((__mmask16)(mask & 0xffff), at);
        const __m512 high = _mm512_maskz_loadu_ps((__mmask16)(mask >> 16), at + OA_PANEL_MOST_LANES);
        _mm512_storeu_ps(row + copies[i].to, _mm512_permutex2var_ps(low, even, high));
    }
}

AVX512 static void copy_avx512(float *row, const float *from, const oa_panel_copy *copies, size_t count, size_t step)
{
    if (step == 2) {
        copy_second_avx512(row, from, copies, count);
        return;
    }
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i places = _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)step));
    for (size_t i = 0; i < count; i++) {
        const __mmask16 mask = (__mmask16)copies[i].mask;
        const float *at = from + copies[i].from;
        _mm512_storeu_ps(row + copies[i].to,
                         step == 1 ? _mm512_maskz_loadu_ps(mask, at)
                                   : _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, places, at, sizeof(float)));
    }
}

AVX2 static void copy_avx2(float *row, const float *from, const oa_panel_copy *copies, size_t count, size_t step)
{
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i places = _mm256_mullo_epi32(lanes, _mm256_set1_epi32((int)step));
    for (size_t i = 0; i < count; i++) {
        const __m256i mask = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)copies[i].mask), bits), bits);
        const float *at = from + copies[i].from;
        _mm256_storeu_ps(row + copies[i].to, step == 1
                                                 ? _mm256_maskload_ps(at, mask)
                                                 : _mm256_mask_i32gather_ps(_mm256_setzero_ps(), at, places,
                                                                            _mm256_castsi256_ps(mask), sizeof(float)));
    }
}

const oa_panel_kernel *oa_panel_kernel_at(size_t index)
{
    static const oa_panel_kernel avx512 = {8, 48, 16, multiply_avx512, copy_avx512};
    static const oa_panel_kernel avx2 = {4, 24, 8, multiply_avx2, copy_avx2};
    const oa_panel_kernel *kernels[2];
    size_t count = 0;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("bmi2")) {
        kernels[count++] = &avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        kernels[count++] = &avx2;
    }
    return index < count ? kernels[index] : NULL;
}

#else

const oa_panel_kernel *oa_panel_kernel_at(size_t index)
{
    (void)index;
    return NULL;
}

#endif

const oa_panel_kernel *oa_panel_kernel_find(void)
{
    return oa_panel_kernel_at(0);
}
