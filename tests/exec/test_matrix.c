/* Gemm and MatMul against sums in double precision, and in 128 bits for integers. */
#include "tests/exec/integers.h"

#include <math.h>

/* A matrix [rows, columns] or its transpose of either floats or small integers. */
static oa_array random_matrix(oa_random *random, oa_dtype dtype, size_t rows, size_t columns, bool is_transposed)
{
    const size_t dims[2] = {is_transposed ? columns : rows, is_transposed ? rows : columns};
    if (!oa_dtype_is_float(dtype)) {
        return random_integers(random, dtype, dims, 2);
    }
    oa_array made = random_floats(random, dims, 2), matrix = floats_as(&made, dtype);
    oa_array_free(&made);
    return matrix;
}

static size_t matrix_at(const oa_array *matrix, size_t i, size_t j, bool is_transposed)
{
    return is_transposed ? j * matrix->dims[1] + i : i * matrix->dims[1] + j;
}

static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16,
                                  OA_DTYPE_INT32, OA_DTYPE_INT64,  OA_DTYPE_UINT32,  OA_DTYPE_UINT64};
static const double tolerances[] = {1e-5, 1e-12, 3e-3, 3e-2};

/* alpha a b + beta c at (i, j): for floats in *real, for integers in *bits. */
static void entry(double *real, wide *bits, const oa_array *a, bool at, const oa_array *b, bool bt, const oa_array *c,
                  size_t i, size_t j, size_t k, double alpha, double beta)
{
    *real = 0.0;
    *bits = 0;
    for (size_t l = 0; l < k; l++) {
        size_t from_a = matrix_at(a, i, l, at), from_b = matrix_at(b, l, j, bt);
        if (oa_dtype_is_float(a->dtype)) {
            *real += number_at(a, from_a) * number_at(b, from_b);
        } else {
            *bits = (wide)((unsigned_wide)*bits +
                           (unsigned_wide)integer_at(a, from_a) * (unsigned_wide)integer_at(b, from_b));
        }
    }
    *real *= alpha;
    *bits = (wide)((unsigned_wide)*bits * (unsigned_wide)(wide)alpha);
    if (c) {
        size_t position[2] = {i, j}, from = ravel_broadcast(position, 2, c->dims, c->rank);
        if (oa_dtype_is_float(a->dtype)) {
            *real += beta * number_at(c, from);
        } else {
            *bits = (wide)((unsigned_wide)*bits + (unsigned_wide)(wide)beta * (unsigned_wide)integer_at(c, from));
        }
    }
}

static void gemm__equals_the_sums(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t kind = seed % 8, m = random_between(&random, 1, 9), n = random_between(&random, 1, 9);
        size_t k = oa_random_below(&random, 20);
        bool at = oa_random_below(&random, 2), bt = oa_random_below(&random, 2);
        bool is_plain = seed / 8 % 2 == 1; /* then float32 goes by panels, some of it by several */
        double alpha = kind >= 4 ? 3.0 : is_plain ? 1.0 : 0.5, beta = kind >= 4 ? -2.0 : is_plain ? 1.0 : 0.25;
        if (is_plain && kind == 0 && seed % 3 == 0) {
            m = random_between(&random, 9, 30);
            n = random_between(&random, 40, 130);
            k = random_between(&random, 150, 300);
        }
        const size_t shapes[6][2] = {{m, n}, {1, n}, {m, 1}, {1, 1}, {n, 0}, {1, 0}};
        size_t which = oa_random_below(&random, 8);
        oa_array a = random_matrix(&random, dtypes[kind], m, k, at), b = random_matrix(&random, dtypes[kind], k, n, bt),
                 c = {0};
        if (which < 6) {
            oa_array made = which < 4 ? random_matrix(&random, dtypes[kind], shapes[which][0], shapes[which][1], false)
                                      : random_matrix(&random, dtypes[kind], shapes[which][0], 1, false);
            c = made;
            c.rank = which < 4 ? 2 : 1;
        } else if (which == 6) {
            c = random_matrix(&random, dtypes[kind], 1, 1, false);
            c.rank = 0;
        }
        op node = {.type = "Gemm", .version = 13};
        add_attribute(&node, attribute_int("transA", at));
        add_attribute(&node, attribute_int("transB", bt));
        add_attribute(&node, attribute_float("alpha", (float)alpha));
        add_attribute(&node, attribute_float("beta", (float)beta));
        oa_array y = run_one(&node, (const oa_array *const[]){&a, &b, &c}, which < 7 ? 3 : 2);
        assert_seeded(y.rank == 2 && y.dims[0] == m && y.dims[1] == n && y.dtype == dtypes[kind], "shape", seed);
        for (size_t i = 0; i < y.count; i++) {
            double real;
            wide bits;
            entry(&real, &bits, &a, at, &b, bt, which < 7 ? &c : NULL, i / n, i % n, k, alpha, beta);
            bool is_right =
                kind >= 4 ? holds(&y, i, bits) : fabs(number_at(&y, i) - real) <= tolerances[kind] * (1.0 + fabs(real));
            assert_seeded(is_right, "entry of a product", seed);
        }
        oa_array_free(&a);
        oa_array_free(&b);
        oa_array_free(&c);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 400\n");
}

/* Batches of matrices, broadcast together; vectors on either side. */
static void matmul__equals_the_sums(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t kind = seed % 8, batch[3], rank = oa_random_below(&random, 4), dims[2][5], ranks[2];
        size_t m = random_between(&random, 1, 5), n = random_between(&random, 1, 5), k = random_between(&random, 1, 9);
        for (size_t d = 0; d < rank; d++) {
            batch[d] = random_between(&random, 1, 3);
        }
        for (size_t i = 0; i < 2; i++) {
            ranks[i] = 0;
            for (size_t d = oa_random_below(&random, rank + 1); d < rank; d++) {
                dims[i][ranks[i]++] = oa_random_below(&random, 2) ? batch[d] : 1;
            }
            dims[i][ranks[i]++] = i ? k : m;
            dims[i][ranks[i]++] = i ? n : k;
        }
        bool a_is_vector = oa_random_below(&random, 5) == 0, b_is_vector = oa_random_below(&random, 5) == 0;
        oa_array inputs[2];
        for (size_t i = 0; i < 2; i++) {
            if (i ? b_is_vector : a_is_vector) {
                ranks[i] = 1;
                dims[i][0] = k;
                m = i ? m : 1;
                n = i ? 1 : n;
            }
            oa_array made = kind < 4 ? random_floats(&random, dims[i], ranks[i])
                                     : random_integers(&random, dtypes[kind], dims[i], ranks[i]);
            inputs[i] = kind < 4 ? floats_as(&made, dtypes[kind]) : made;
            if (kind < 4) {
                oa_array_free(&made);
            }
        }
        op node = {.type = "MatMul", .version = 13};
        oa_array y = run_one(&node, (const oa_array *const[]){&inputs[0], &inputs[1]}, 2);
        /* The batch axes of the result are what is left without the matrix axes. */
        size_t batch_rank = y.rank - (a_is_vector ? 0 : 1) - (b_is_vector ? 0 : 1);
        for (size_t i = 0; i < y.count; i++) {
            size_t at[3], entry_of = i % (m * n);
            unravel(at, i / (m * n), y.dims, batch_rank);
            oa_array slices[2];
            for (size_t s = 0; s < 2; s++) {
                size_t own_rank = ranks[s] > 2 ? ranks[s] - 2 : 0, size = s ? k * n : m * k;
                size_t from = ravel_broadcast(at, batch_rank, inputs[s].dims, own_rank) * size;
                slices[s] = inputs[s];
                slices[s].data = (char *)inputs[s].data + from * oa_dtype_size(inputs[s].dtype);
                slices[s].dims[1] = s ? n : k; /* the step between rows */
            }
            double real;
            wide bits;
            entry(&real, &bits, &slices[0], false, &slices[1], false, NULL, entry_of / n, entry_of % n, k, 1.0, 0.0);
            bool is_right =
                kind >= 4 ? holds(&y, i, bits) : fabs(number_at(&y, i) - real) <= tolerances[kind] * (1.0 + fabs(real));
            assert_seeded(is_right, "entry of a product", seed);
        }
        oa_array_free(&inputs[0]);
        oa_array_free(&inputs[1]);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 400\n");
}

static void matrix__refuses_shapes_that_do_not_fit(void **state)
{
    (void)state;
    static const size_t dims[] = {3, 4}, cube[] = {2, 3, 4}, pair[] = {3, 4, 2}, five[] = {5, 1};
    oa_random random;
    oa_random_init(&random, 4);
    oa_array a = random_floats(&random, dims, 2), b = random_floats(&random, cube, 3),
             c = random_floats(&random, pair, 3);
    oa_array row = random_floats(&random, five, 1), column = random_floats(&random, five, 2),
             scalar = scalar_float(1.0f);
    oa_array square = random_floats(&random, (const size_t[]){4, 4}, 2);
    oa_array bools = random_integers(&random, OA_DTYPE_BOOL, (const size_t[]){4, 4}, 2);
    op gemm = {.type = "Gemm", .version = 11}, matmul = {.type = "MatMul", .version = 9};
    expect_failure(&gemm, (const oa_array *const[]){&a, &a}, 2, OA_ERROR_INPUT);
    expect_failure(&gemm, (const oa_array *const[]){&a, &b}, 2, OA_ERROR_INPUT);
    expect_failure(&gemm, (const oa_array *const[]){&a, &square, &row}, 3, OA_ERROR_INPUT);
    expect_failure(&gemm, (const oa_array *const[]){&a, &square, &column}, 3, OA_ERROR_INPUT);
    expect_failure(&gemm, (const oa_array *const[]){&a, &square, &b}, 3, OA_ERROR_INPUT);
    expect_failure(&gemm, (const oa_array *const[]){&bools, &bools}, 2, OA_ERROR_UNSUPPORTED);
    expect_failure(&matmul, (const oa_array *const[]){&a, &a}, 2, OA_ERROR_INPUT);
    expect_failure(&matmul, (const oa_array *const[]){&a, &scalar}, 2, OA_ERROR_INPUT);
    expect_failure(&matmul, (const oa_array *const[]){&b, &c}, 2, OA_ERROR_INPUT); /* batches of 2 and 3 */
    oa_array_free(&a);
    oa_array_free(&b);
    oa_array_free(&c);
    oa_array_free(&row);
    oa_array_free(&column);
    oa_array_free(&scalar);
    oa_array_free(&square);
    oa_array_free(&bools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm__equals_the_sums),
        cmocka_unit_test(matmul__equals_the_sums),
        cmocka_unit_test(matrix__refuses_shapes_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
