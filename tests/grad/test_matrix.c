/* Gemm and MatMul. */
#include "tests/grad/differences.h"

GRADIENT_TEST(gemm, return NODE(g, "Gemm", "", WEIGHT(g, "x", 5, 4), WEIGHT(g, "w", 4, 3), WEIGHT(g, "b", 3));)
GRADIENT_TEST(gemm_transposed_b,
              return NODE(g, "Gemm", "transB=1", WEIGHT(g, "x", 5, 4), WEIGHT(g, "w", 3, 4), WEIGHT(g, "b", 1, 3));)
GRADIENT_TEST(gemm_transposed_a,
              return NODE(g, "Gemm", "transA=1", WEIGHT(g, "x", 4, 5), WEIGHT(g, "w", 4, 3), WEIGHT(g, "b", 5, 1));)
GRADIENT_TEST(gemm_transposed_both, return NODE(g, "Gemm", "transA=1 transB=1 alpha=0.5 beta=2.0", WEIGHT(g, "x", 4, 5),
                                                WEIGHT(g, "w", 3, 4), WEIGHT(g, "b", 5, 3));)
GRADIENT_TEST(gemm_without_c, return NODE(g, "Gemm", "alpha=1.5", WEIGHT(g, "x", 5, 4), WEIGHT(g, "w", 4, 3));)
GRADIENT_TEST(gemm_of_itself, size_t x = WEIGHT(g, "x", 4, 4); return NODE(g, "Gemm", "transB=1", x, x, x);)
GRADIENT_TEST(matmul, return NODE(g, "MatMul", "", WEIGHT(g, "x", 5, 4), WEIGHT(g, "w", 4, 3));)
GRADIENT_TEST(matmul_of_a_batch_and_a_matrix,
              return NODE(g, "MatMul", "", WEIGHT(g, "x", 2, 3, 5, 4), WEIGHT(g, "w", 4, 3));)
GRADIENT_TEST(matmul_of_a_matrix_and_a_batch,
              return NODE(g, "MatMul", "", WEIGHT(g, "x", 5, 4), WEIGHT(g, "w", 3, 4, 2));)
GRADIENT_TEST(matmul_of_batches, return NODE(g, "MatMul", "", WEIGHT(g, "x", 2, 3, 2, 4), WEIGHT(g, "w", 2, 3, 4, 3));)
GRADIENT_TEST(matmul_of_broadcast_batches,
              return NODE(g, "MatMul", "", WEIGHT(g, "x", 2, 1, 2, 4), WEIGHT(g, "w", 3, 4, 2));)
GRADIENT_TEST(matmul_of_vectors,
              return NODE(g, "Unsqueeze", "", NODE(g, "MatMul", "", WEIGHT(g, "x", 4), WEIGHT(g, "w", 4)), INTS(g, 0));)
GRADIENT_TEST(matmul_of_a_vector_and_a_batch, return NODE(g, "MatMul", "", WEIGHT(g, "x", 4), WEIGHT(g, "w", 3, 4, 2));)
GRADIENT_TEST(matmul_of_a_batch_and_a_vector, return NODE(g, "MatMul", "", WEIGHT(g, "x", 2, 3, 4), WEIGHT(g, "w", 4));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(gemm),
        GRADIENT_ROW(gemm_transposed_b),
        GRADIENT_ROW(gemm_transposed_a),
        GRADIENT_ROW(gemm_transposed_both),
        GRADIENT_ROW(gemm_without_c),
        GRADIENT_ROW(gemm_of_itself),
        GRADIENT_ROW(matmul),
        GRADIENT_ROW(matmul_of_a_batch_and_a_matrix),
        GRADIENT_ROW(matmul_of_a_matrix_and_a_batch),
        GRADIENT_ROW(matmul_of_batches),
        GRADIENT_ROW(matmul_of_broadcast_batches),
        GRADIENT_ROW(matmul_of_vectors),
        GRADIENT_ROW(matmul_of_a_vector_and_a_batch),
        GRADIENT_ROW(matmul_of_a_batch_and_a_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
