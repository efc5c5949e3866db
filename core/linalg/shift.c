#include "core/linalg/shift.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define SIMD __attribute__((target("avx2,fma")))
#define SIMD_INLINE static inline __attribute__((always_inline, target("avx2,fma")))

bool oa_shift_is_available(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* Four rows and `vectors` times eight columns, which is a constant for the compiler: sums stay in registers. */
SIMD_INLINE void product_tile(float *y, size_t y_stride, const float *packed, const float *x, const ptrdiff_t *offsets,
                              size_t depth, size_t vectors)
{
    __m256 sums[OA_SHIFT_ROWS][3];
    for (size_t r = 0; r < OA_SHIFT_ROWS; r++) {
        for (size_t v = 0; v < vectors; v++) {
            sums[r][v] = _mm256_setzero_ps();
        }
    }
    for (size_t k = 0; k < depth; k++) {
        const float *from = x + offsets[k];
        __m256 columns[3];
        for (size_t v = 0; v < vectors; v++) {
            columns[v] = _mm256_loadu_ps(from + v * OA_SHIFT_LANES);
        }
        for (size_t r = 0; r < OA_SHIFT_ROWS; r++) {
            const __m256 weight = _mm256_broadcast_ss(packed + k * OA_SHIFT_ROWS + r);
            for (size_t v = 0; v < vectors; v++) {
                sums[r][v] = _mm256_fmadd_ps(weight, columns[v], sums[r][v]);
            }
        }
    }
    for (size_t r = 0; r < OA_SHIFT_ROWS; r++) {
        for (size_t v = 0; v < vectors; v++) {
            _mm256_storeu_ps(y + r * y_stride + v * OA_SHIFT_LANES, sums[r][v]);
        }
    }
}

SIMD void oa_shift_product(float *y, size_t y_stride, const float *packed, size_t rows, const float *x,
                           const ptrdiff_t *offsets, size_t depth, size_t width)
{
    size_t columns = oa_shift_round(width, OA_SHIFT_LANES);
    for (size_t r = 0; r < rows; r += OA_SHIFT_ROWS) {
        float *to = y + r * y_stride;
        const float *weights = packed + r * depth;
        size_t p = 0;
        for (; p + 3 * OA_SHIFT_LANES <= columns; p += 3 * OA_SHIFT_LANES) {
            product_tile(to + p, y_stride, weights, x + p, offsets, depth, 3);
        }
        if (columns - p == 2 * OA_SHIFT_LANES) {
            product_tile(to + p, y_stride, weights, x + p, offsets, depth, 2);
        } else if (columns - p == OA_SHIFT_LANES) {
            product_tile(to + p, y_stride, weights, x + p, offsets, depth, 1);
        }
    }
}

SIMD_INLINE float sum_lanes(__m256 v)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

/* Four rows (of which `rows` are wanted) and `count` offsets, a constant. */
SIMD_INLINE void correlate_tile(float *w, size_t rows, size_t depth, const float *g, size_t g_stride, const float *x,
                                const ptrdiff_t *offsets, size_t count, size_t width)
{
    __m256 sums[OA_SHIFT_ROWS][3];
    const float *from[3];
    for (size_t k = 0; k < count; k++) {
        from[k] = x + offsets[k];
        for (size_t r = 0; r < OA_SHIFT_ROWS; r++) {
            sums[r][k] = _mm256_setzero_ps();
        }
    }
    for (size_t p = 0; p < width; p += OA_SHIFT_LANES) {
        __m256 columns[3];
        for (size_t k = 0; k < count; k++) {
            columns[k] = _mm256_loadu_ps(from[k] + p);
        }
        for (size_t r = 0; r < OA_SHIFT_ROWS; r++) {
            const __m256 gradient = _mm256_loadu_ps(g + r * g_stride + p);
            for (size_t k = 0; k < count; k++) {
                sums[r][k] = _mm256_fmadd_ps(gradient, columns[k], sums[r][k]);
            }
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < count; k++) {
            w[r * depth + k] += sum_lanes(sums[r][k]);
        }
    }
}

SIMD void oa_shift_correlate(float *w, size_t rows, size_t depth, const float *g, size_t g_stride, const float *x,
                             const ptrdiff_t *offsets, size_t width)
{
    for (size_t r = 0; r < rows; r += OA_SHIFT_ROWS) {
        size_t wanted = rows - r < OA_SHIFT_ROWS ? rows - r : OA_SHIFT_ROWS, k = 0;
        float *to = w + r * depth;
        const float *from = g + r * g_stride;
        for (; k + 3 <= depth; k += 3) {
            correlate_tile(to + k, wanted, depth, from, g_stride, x, offsets + k, 3, width);
        }
        if (depth - k == 2) {
            correlate_tile(to + k, wanted, depth, from, g_stride, x, offsets + k, 2, width);
        } else if (depth - k == 1) {
            correlate_tile(to + k, wanted, depth, from, g_stride, x, offsets + k, 1, width);
        }
    }
}

#else

bool oa_shift_is_available(void)
{
    return false;
}

/* The same in plain loops, which nothing calls as long as the answer above is no. */
void oa_shift_product(float *y, size_t y_stride, const float *packed, size_t rows, const float *x,
                      const ptrdiff_t *offsets, size_t depth, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t p = 0; p < width; p++) {
            float sum = 0.0f;
            for (size_t k = 0; k < depth; k++) {
                sum += packed[(r / OA_SHIFT_ROWS * depth + k) * OA_SHIFT_ROWS + r % OA_SHIFT_ROWS] *
                       x[offsets[k] + (ptrdiff_t)p];
            }
            y[r * y_stride + p] = sum;
        }
    }
}

void oa_shift_correlate(float *w, size_t rows, size_t depth, const float *g, size_t g_stride, const float *x,
                        const ptrdiff_t *offsets, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < depth; k++) {
            for (size_t p = 0; p < width; p++) {
                w[r * depth + k] += g[r * g_stride + p] * x[offsets[k] + (ptrdiff_t)p];
            }
        }
    }
}

#endif
