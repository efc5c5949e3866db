/* The assignment solver on matrices small enough to try every permutation or to solve exactly another way. */
#include "core/assign/assign.h"
#include "core/base/random.h"

#include "tests/assign/certificate.h"
#include "tests/assign/matrices.h"
#include "tests/ref/assign_slow.h"
#include "tests/support/cmocka_all.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEED = 20240917, LARGEST = ASSIGN_CYCLES_LIMIT };

typedef struct solution {
    size_t permutation[LARGEST];
    double row_price[LARGEST];
    double column_price[LARGEST];
    certificate proof;
} solution;

static solution solve(const double *profit, size_t n, const size_t *previous)
{
    solution result;
    oa_error error = {0};
    oa_status status =
        oa_assign_maximise(result.permutation, profit, n, previous, result.row_price, result.column_price, &error);
    if (status != OA_OK) {
        fail_msg("n = %zu: %s", n, error.message);
    }
    result.proof = certificate_of(result.permutation, result.row_price, result.column_price, profit, n);
    return result;
}

static double magnitude(const double *profit, size_t n)
{
    double largest = 0.0;
    for (size_t k = 0; k < n * n; k++) {
        largest = fmax(largest, fabs(profit[k]));
    }
    return largest;
}

static void maximise__finds_the_best_of_all_permutations(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    size_t count = 0;
    for (size_t n = 1; n <= 8; n++) {
        size_t repeats = n < 7 ? 200 : n < 8 ? 40 : 6;
        for (int kind = 0; kind < MATRIX_KINDS; kind++) {
            for (size_t repeat = 0; repeat < repeats; repeat++) {
                double profit[8 * 8];
                assert_true(matrix_fill(profit, (matrix_kind)kind, n, &random));
                solution found = solve(profit, n, NULL);
                double best = assign_try_all(profit, n);
                double allowed = (double)(n * n) * DBL_EPSILON * magnitude(profit, n);
                if (matrix_is_integer((matrix_kind)kind, n)) {
                    allowed = 0.0;
                }
                if (!(fabs(found.proof.objective - best) <= allowed) || !certificate_holds(&found.proof, n)) {
                    fail_msg("%s, n = %zu, repeat %zu: %.17g, best %.17g, gap %g", matrix_name((matrix_kind)kind), n,
                             repeat, found.proof.objective, best, found.proof.gap);
                }
                count++;
            }
        }
    }
    print_message("%zu matrices\n", count);
}

static void maximise__is_exact_for_integers(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    static const matrix_kind kinds[] = {MATRIX_DIGITS, MATRIX_INTEGERS, MATRIX_SPARSE, MATRIX_OUTER, MATRIX_ZERO};
    for (size_t n = 9; n <= LARGEST; n += 11) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            double profit[LARGEST * LARGEST];
            int64_t integers[LARGEST * LARGEST];
            assert_true(matrix_fill(profit, kinds[k], n, &random));
            for (size_t cell = 0; cell < n * n; cell++) {
                integers[cell] = (int64_t)profit[cell];
            }
            solution found = solve(profit, n, NULL);
            int64_t best = assign_cancel_cycles(integers, n);
            if (!(found.proof.objective == (double)best && found.proof.gap == 0.0 && found.proof.violation == 0.0)) {
                fail_msg("%s, n = %zu: %.17g, best %.17g, gap %g, violation %g", matrix_name(kinds[k]), n,
                         found.proof.objective, (double)best, found.proof.gap, found.proof.violation);
            }
        }
    }
}

static void maximise__takes_the_empty_and_the_single(void **state)
{
    (void)state;
    assert_int_equal(oa_assign_maximise(NULL, NULL, 0, NULL, NULL, NULL, NULL), OA_OK);
    static const double values[] = {0.0, -0.0, 3.5, -1e308, DBL_MAX, 5e-324};
    for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
        size_t zero = 0;
        solution found = solve(&values[k], 1, &zero);
        assert_int_equal(found.permutation[0], 0);
        assert_true(found.row_price[0] + found.column_price[0] == values[k]);
    }
}

static void maximise__works_without_prices(void **state)
{
    (void)state;
    const double profit[] = {1.0, 5.0, 2.0, 4.0};
    size_t permutation[2];
    double prices[2];
    assert_int_equal(oa_assign_maximise(permutation, profit, 2, NULL, NULL, NULL, NULL), OA_OK);
    assert_int_equal(permutation[0], 1);
    assert_int_equal(permutation[1], 0);
    assert_int_equal(oa_assign_maximise(permutation, profit, 2, NULL, prices, NULL, NULL), OA_OK);
    assert_int_equal(oa_assign_maximise(permutation, profit, 2, NULL, NULL, prices, NULL), OA_OK);
}

static void maximise__treats_both_zeros_alike(void **state)
{
    (void)state;
    oa_random random;
    oa_random_init(&random, SEED);
    double mixed[LARGEST * LARGEST];
    double plain[LARGEST * LARGEST] = {0};
    assert_true(matrix_fill(mixed, MATRIX_ZERO, LARGEST, &random));
    solution a = solve(mixed, LARGEST, NULL);
    solution b = solve(plain, LARGEST, NULL);
    assert_memory_equal(a.permutation, b.permutation, sizeof a.permutation);
}

static void previous__is_kept_when_all_is_tied(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    for (size_t n = 1; n <= LARGEST; n++) {
        double profit[LARGEST * LARGEST];
        size_t previous[LARGEST];
        assert_true(matrix_fill(profit, n % 2 ? MATRIX_ZERO : MATRIX_EQUAL_ROWS, n, &random));
        oa_random_permutation(previous, n, &random);
        solution found = solve(profit, n, previous);
        assert_memory_equal(found.permutation, previous, n * sizeof *previous);
        assert_true(certificate_holds(&found.proof, n));
    }
}

/* 0.1 + 0.2 is not 0.3 in binary: permutations that tie in decimal differ by roundings. */
static void previous__is_kept_when_only_rounding_is_lost(void **state)
{
    (void)state;
    const double profit[] = {0.1, 0.3, 0.0, 0.2};
    for (size_t first = 0; first < 2; first++) {
        size_t previous[] = {first, 1 - first};
        solution found = solve(profit, 2, previous);
        assert_memory_equal(found.permutation, previous, sizeof previous);
    }
}

/* A gain of 2^-30 in one pair of rows drowns in sums of 2^40, though not in those of the pair alone. */
static void previous__is_kept_when_the_sums_cannot_tell(void **state)
{
    (void)state;
    double profit[16] = {0.0};
    profit[0] = 0x1p40;
    profit[5] = 0x1p40;
    profit[11] = 0x1p-30; /* the pair of rows 2 and 3 gains by exchanging */
    const size_t previous[] = {0, 1, 2, 3};
    const size_t best[] = {0, 1, 3, 2};
    solution found = solve(profit, 4, previous);
    assert_memory_equal(found.permutation, previous, sizeof previous);
    found = solve(profit, 4, NULL);
    assert_memory_equal(found.permutation, best, sizeof best);
}

static void previous__yields_to_any_real_gain(void **state)
{
    (void)state;
    double profit[] = {1.0, 1.0, 1.0, 1.0};
    size_t previous[] = {0, 1};
    profit[1] += 64 * DBL_EPSILON; /* more than the rounding of sums of two ones */
    solution found = solve(profit, 2, previous);
    assert_int_equal(found.permutation[0], 1);
    assert_int_equal(found.permutation[1], 0);
}

/* Blocks of three rows: in odd ones a rotation is best, in even ones all is tied. */
static void previous__decides_the_ties_beside_a_gain(void **state)
{
    (void)state;
    enum { N = 60 };
    double profit[N * N];
    size_t previous[N];
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            bool is_odd = i / 3 % 2 == 1;
            bool is_rotation = j % 3 == (i + 1) % 3;
            profit[i * N + j] = i / 3 != j / 3 ? -1.0 : is_odd && is_rotation ? 2.0 : 1.0;
        }
        previous[i] = i / 3 * 3 + (i + 2) % 3;
    }
    solution found = solve(profit, N, previous);
    assert_true(certificate_holds(&found.proof, N));
    for (size_t i = 0; i < N; i++) {
        size_t expected = i / 3 % 2 == 1 ? i / 3 * 3 + (i + 1) % 3 : previous[i];
        assert_int_equal(found.permutation[i], expected);
    }
}

static void previous__may_be_the_output(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        enum { N = 40 };
        double profit[N * N];
        size_t apart[N];
        size_t in_place[N];
        size_t previous[N];
        assert_true(matrix_fill(profit, (matrix_kind)kind, N, &random));
        oa_random_permutation(previous, N, &random);
        memcpy(in_place, previous, sizeof previous);
        assert_int_equal(oa_assign_maximise(apart, profit, N, previous, NULL, NULL, NULL), OA_OK);
        assert_int_equal(oa_assign_maximise(in_place, profit, N, in_place, NULL, NULL, NULL), OA_OK);
        assert_memory_equal(apart, in_place, sizeof apart);
        /* What is optimal stays. */
        assert_int_equal(oa_assign_maximise(in_place, profit, N, in_place, NULL, NULL, NULL), OA_OK);
        assert_memory_equal(apart, in_place, sizeof apart);
    }
}

static void refused(const double *profit, size_t n, const size_t *previous, const char *expected)
{
    enum { MARK = 77 };
    size_t permutation[LARGEST];
    double prices[2][LARGEST];
    size_t permutation_before[LARGEST];
    double prices_before[2][LARGEST];
    memset(permutation, MARK, sizeof permutation);
    memset(prices, MARK, sizeof prices);
    memcpy(permutation_before, permutation, sizeof permutation);
    memcpy(prices_before, prices, sizeof prices);
    oa_error error = {0};
    assert_int_equal(oa_assign_maximise(permutation, profit, n, previous, prices[0], prices[1], &error),
                     OA_ERROR_INPUT);
    assert_int_equal(error.status, OA_ERROR_INPUT);
    if (!strstr(error.message, expected)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, expected);
    }
    assert_memory_equal(permutation, permutation_before, sizeof permutation);
    assert_memory_equal(prices, prices_before, sizeof prices);
    assert_int_equal(oa_assign_maximise(permutation, profit, n, previous, NULL, NULL, NULL), OA_ERROR_INPUT);
}

static void maximise__refuses_what_is_not_finite(void **state)
{
    (void)state;
    static const double values[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t n = 1; n <= LARGEST; n += 9) {
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            double profit[LARGEST * LARGEST];
            for (size_t cell = 0; cell < n * n; cell++) {
                profit[cell] = cell % 2 ? DBL_MAX : -DBL_MAX;
            }
            size_t at = n * n * (k + 1) / 4 - 1;
            at = n == 1 ? 0 : at;
            profit[at] = values[k];
            char expected[64];
            snprintf(expected, sizeof expected, "row %zu and column %zu is %s", at / n, at % n,
                     isnan(values[k]) ? "not a number" : "infinite");
            refused(profit, n, NULL, expected);
        }
    }
}

static void maximise__refuses_a_previous_that_is_no_permutation(void **state)
{
    (void)state;
    const double profit[9] = {0};
    refused(profit, 3, (const size_t[]){0, 1, 1}, "not a permutation");
    refused(profit, 3, (const size_t[]){0, 1, 3}, "not a permutation");
    refused(profit, 3, (const size_t[]){0, 1, SIZE_MAX}, "not a permutation");
}

static void maximise__refuses_an_impossible_size(void **state)
{
    (void)state;
    double profit = 1.0;
    size_t permutation = 0;
    oa_error error = {0};
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 40, (size_t)1 << 31};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        assert_int_equal(oa_assign_maximise(&permutation, &profit, sizes[k], NULL, NULL, NULL, &error), OA_ERROR_INPUT);
        assert_non_null(strstr(error.message, "too large"));
    }
    assert_int_equal(permutation, 0);
}

/* Entries near the largest double: nothing overflows on the way. */
static void maximise__works_at_the_ends_of_the_range(void **state)
{
    (void)state;
    const double large[] = {DBL_MAX, -DBL_MAX, DBL_MAX, -DBL_MAX, DBL_MAX, -DBL_MAX, DBL_MAX, DBL_MAX, -DBL_MAX};
    const size_t expected[] = {2, 1, 0};
    size_t permutation[3];
    assert_int_equal(oa_assign_maximise(permutation, large, 3, NULL, NULL, NULL, NULL), OA_OK);
    assert_memory_equal(permutation, expected, sizeof expected);
    const double mixed[] = {DBL_MAX, 5e-324, 5e-324, 0.0};
    assert_int_equal(oa_assign_maximise(permutation, mixed, 2, NULL, NULL, NULL, NULL), OA_OK);
    assert_int_equal(permutation[0], 0);
    const double small[] = {0.0, 5e-324, 5e-324, 5e-324};
    assert_int_equal(oa_assign_maximise(permutation, small, 2, NULL, NULL, NULL, NULL), OA_OK);
    assert_int_equal(permutation[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maximise__finds_the_best_of_all_permutations),
        cmocka_unit_test(maximise__is_exact_for_integers),
        cmocka_unit_test(maximise__takes_the_empty_and_the_single),
        cmocka_unit_test(maximise__works_without_prices),
        cmocka_unit_test(maximise__treats_both_zeros_alike),
        cmocka_unit_test(previous__is_kept_when_all_is_tied),
        cmocka_unit_test(previous__is_kept_when_only_rounding_is_lost),
        cmocka_unit_test(previous__is_kept_when_the_sums_cannot_tell),
        cmocka_unit_test(previous__yields_to_any_real_gain),
        cmocka_unit_test(previous__decides_the_ties_beside_a_gain),
        cmocka_unit_test(previous__may_be_the_output),
        cmocka_unit_test(maximise__refuses_what_is_not_finite),
        cmocka_unit_test(maximise__refuses_a_previous_that_is_no_permutation),
        cmocka_unit_test(maximise__refuses_an_impossible_size),
        cmocka_unit_test(maximise__works_at_the_ends_of_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
