#include "core/linalg/blas.h"

#include <cblas.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool fits(size_t value)
{
    return value <= INT_MAX;
}

oa_status oa_gemm(oa_matrix_view c, oa_const_matrix_view a, bool transpose_a, oa_const_matrix_view b, bool transpose_b,
                  float alpha, float beta, oa_error *error)
{
    size_t m = transpose_a ? a.columns : a.rows;
    size_t k = transpose_a ? a.rows : a.columns;
    size_t k_of_b = transpose_b ? b.columns : b.rows;
    size_t n = transpose_b ? b.rows : b.columns;
    if (c.rows != m || c.columns != n || k != k_of_b || c.stride < n || a.stride < a.columns || b.stride < b.columns) {
        return oa_fail(error, OA_ERROR_INTERNAL, "matrix product of [%zu, %zu] and [%zu, %zu] into [%zu, %zu]", m, k,
                       k_of_b, n, c.rows, c.columns);
    }
    if (!fits(m) || !fits(n) || !fits(k) || !fits(c.stride) || !fits(a.stride) || !fits(b.stride)) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "matrix product of [%zu, %zu] and [%zu, %zu] is too large", m, k, k,
                       n);
    }
    if (m == 0 || n == 0) {
        return OA_OK;
    }
    if (k == 0) {
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < n; j++) {
                float *cell = &c.data[i * c.stride + j];
                *cell = beta == 0.0f ? 0.0f : beta * *cell;
            }
        }
        return OA_OK;
    }
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (int)m,
                (int)n, (int)k, alpha, a.data, (int)a.stride, b.data, (int)b.stride, beta, c.data, (int)c.stride);
    return OA_OK;
}

oa_status oa_gemm_double(double *c, size_t ldc, const double *a, size_t lda, bool transpose_a, const double *b,
                         size_t ldb, bool transpose_b, size_t m, size_t n, size_t k, double alpha, double beta,
                         oa_error *error)
{
    if (!fits(m) || !fits(n) || !fits(k) || !fits(lda) || !fits(ldb) || !fits(ldc)) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "matrix product of [%zu, %zu] and [%zu, %zu] is too large", m, k, k,
                       n);
    }
    if (m == 0 || n == 0) {
        return OA_OK;
    }
    if (k == 0) {
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < n; j++) {
                c[i * ldc + j] = beta == 0.0 ? 0.0 : beta * c[i * ldc + j];
            }
        }
        return OA_OK;
    }
    cblas_dgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (int)m,
                (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
    return OA_OK;
}

void oa_blas_set_threads(int threads)
{
    openblas_set_num_threads(threads < 1 ? 1 : threads);
}

size_t oa_blas_threads(void)
{
    int threads = openblas_get_num_threads();
    return threads < 1 ? 1 : (size_t)threads;
}

#if defined(__GNUC__) && defined(__x86_64__)
/* Of OpenBLAS built with kernels for many processors; absent from others. The first makes it forget its choice, the
 * second makes it choose, by OPENBLAS_CORETYPE where that is set. */
extern void gotoblas_dynamic_quit(void) __attribute__((weak));
extern void gotoblas_dynamic_init(void) __attribute__((weak));

/* Instructions that kernels use: 0 none of those that matter here, 1 AVX2 and FMA, 2 AVX-512. */
static int level_of_kernels(const char *name)
{
    static const struct {
        const char *name;
        int level;
    } known[] = {{"SkylakeX", 2}, {"Cooperlake", 2}, {"SapphireRapids", 2}, {"Haswell", 1}, {"Zen", 1}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) == 0) {
            return known[i].level;
        }
    }
    return 0;
}

static int level_of_processor(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return 2;
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
}

void oa_blas_fit_processor(void)
{
    static const char variable[] = "OPENBLAS_CORETYPE";
    int level = level_of_processor();
    if (!gotoblas_dynamic_quit || !gotoblas_dynamic_init || getenv(variable) ||
        level_of_kernels(openblas_get_corename()) >= level) {
        return;
    }
    if (setenv(variable, level == 2 ? "SKYLAKEX" : "HASWELL", 0) == 0) {
        gotoblas_dynamic_quit();
        gotoblas_dynamic_init();
    }
}
#else
void oa_blas_fit_processor(void)
{
}
#endif
