/* The dense kernels that go to OpenBLAS. This is the only header of core that stands for cblas; blas.c is the only file
 * that includes it. Matrices are row-major views; the caller owns the data. */
#ifndef OA_LINALG_BLAS_H
#define OA_LINALG_BLAS_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Row-major views that own nothing: element (i, j) is data[i * stride + j]; stride >= columns, in elements. */
typedef struct oa_matrix_view {
    float *data;
    size_t rows;
    size_t columns;
    size_t stride;
} oa_matrix_view;

typedef struct oa_const_matrix_view {
    const float *data;
    size_t rows;
    size_t columns;
    size_t stride;
} oa_const_matrix_view;

/* c = alpha * op(a) * op(b) + beta * c, op being the transpose when the flag is set.
 * Shapes: op(a) [m, k], op(b) [k, n], c [m, n]. c must not overlap a or b. With beta 0, c is not read. An empty inner
 * dimension scales c by beta. Errors: OA_ERROR_INTERNAL when shapes disagree or a size passes the BLAS's int.
 * O(m n k). */
oa_status oa_gemm(oa_matrix_view c, oa_const_matrix_view a, bool transpose_a, oa_const_matrix_view b, bool transpose_b,
                  float alpha, float beta, oa_error *error);

/* The same in double precision on raw row-major arrays: c[m, n] = alpha op(a) op(b) + beta c. */
oa_status oa_gemm_double(double *c, size_t ldc, const double *a, size_t lda, bool transpose_a, const double *b,
                         size_t ldb, bool transpose_b, size_t m, size_t n, size_t k, double alpha, double beta,
                         oa_error *error);

/* Makes the BLAS use the kernels that fit the processor. OpenBLAS chooses when it is loaded, by a list of the models
 * known when it was made: 0.3.21 takes a processor of 2023 for one of 2004 and multiplies two and a half times slower
 * for it. What the processor says it can do decides here instead, unless the environment variable OPENBLAS_CORETYPE is
 * set. Process-wide; for the start of a program, before the first product. Does nothing where the BLAS cannot be told.
 */
void oa_blas_fit_processor(void);

/* How many threads the BLAS uses from now on (process-wide: that is OpenBLAS's own setting); at least 1. */
void oa_blas_set_threads(int threads);
size_t oa_blas_threads(void);

#endif
