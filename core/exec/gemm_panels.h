/* Products of float32 matrices on packed panels (core/linalg/panels.h), over the executor's threads: of one matrix with
 * another, or of many pairs. */
#ifndef OA_EXEC_GEMM_PANELS_H
#define OA_EXEC_GEMM_PANELS_H

#include "core/exec/call.h"

/* Where element (i, j) of a matrix is: i * row_step + j * column_step. */
typedef struct oa_strides {
    size_t row_step;
    size_t column_step; /* of b: below 2^26 */
} oa_strides;

/* One product: c [m, n] packed, a [m, k], b [k, n], of one element type. */
typedef struct oa_matrix_triple {
    void *c;
    const void *a, *b;
} oa_matrix_triple;

typedef struct oa_matrix_product {
    size_t m, n, k;
    oa_strides a, b;
    bool adds; /* c += the product, else c = */
} oa_matrix_product;

/* Can the processor run it? */
bool oa_gemm_panels_available(void);

/* `count` products of one shape, of float32; no size of c is 0. Uses the call's scratch. Sums are in the same order
 * whatever the threads. OA_ERROR_MEMORY. O(count * m * n * k). */
oa_status oa_gemm_panels(const oa_matrix_triple *products, size_t count, const oa_matrix_product *shape, oa_call *call,
                         oa_error *error);

#endif
