#include "core/linalg/blas.h"

#include <cblas.h>
#include <limits.h>

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
