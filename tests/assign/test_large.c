/* The assignment solver on matrices of hundreds of rows: the prices prove every result, and what must not matter does
 * not matter. */
#include "core/assign/assign.h"
#include "core/base/memory.h"
#include "core/base/random.h"

#include "tests/assign/certificate.h"
#include "tests/assign/matrices.h"
#include "tests/support/cmocka_all.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 5 };

/* A problem and what the solver made of it. */
typedef struct assign_problem {
    size_t n;
    double *profit;       /* [n, n] */
    size_t *permutation;  /* [n] */
    double *row_price;    /* [n] */
    double *column_price; /* [n] */
    certificate proof;
} assign_problem;

static void problem_init(assign_problem *problem, size_t n)
{
    problem->n = n;
    problem->profit = oa_calloc(n * n, sizeof *problem->profit);
    problem->permutation = oa_calloc(n, sizeof *problem->permutation);
    problem->row_price = oa_calloc(n, sizeof *problem->row_price);
    problem->column_price = oa_calloc(n, sizeof *problem->column_price);
    assert_true(problem->profit && problem->permutation && problem->row_price && problem->column_price);
}

static void problem_free(assign_problem *problem)
{
    oa_free(problem->profit);
    oa_free(problem->permutation);
    oa_free(problem->row_price);
    oa_free(problem->column_price);
}

static void problem_draw(assign_problem *problem, matrix_kind kind, size_t n, uint64_t seed)
{
    problem_init(problem, n);
    oa_random random;
    oa_random_init(&random, seed);
    assert_true(matrix_fill(problem->profit, kind, n, &random));
}

static void problem_solve(assign_problem *problem, const size_t *previous, const char *name)
{
    oa_error error = {0};
    if (oa_assign_maximise(problem->permutation, problem->profit, problem->n, previous, problem->row_price,
                           problem->column_price, &error) != OA_OK) {
        fail_msg("%s: %s", name, error.message);
    }
    problem->proof =
        certificate_of(problem->permutation, problem->row_price, problem->column_price, problem->profit, problem->n);
    if (!certificate_holds(&problem->proof, problem->n)) {
        fail_msg("%s, n = %zu: violation %g, slack %g, gap %g, one rounding is %g", name, problem->n,
                 problem->proof.violation, problem->proof.slack, problem->proof.gap, problem->proof.rounding);
    }
}

/* How far two optimal values of one problem may be apart: what the certificate allows each. */
static void assert_same_value(double a, double b, const assign_problem *problem, const char *name)
{
    double allowed = 64.0 * (double)problem->n * problem->proof.rounding;
    if (!(fabs(a - b) <= allowed)) {
        fail_msg("%s, n = %zu: %.17g and %.17g, %g is allowed", name, problem->n, a, b, allowed);
    }
}

static void maximise__proves_every_kind_of_matrix_optimal(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    /* 64 rows fit a candidate list, 65 do not. */
    static const size_t sizes[] = {63, 64, 65, 66, 100, 129, 300, 517};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int kind = 0; kind < MATRIX_KINDS; kind++) {
            assign_problem problem;
            const char *name = matrix_name((matrix_kind)kind);
            problem_draw(&problem, (matrix_kind)kind, sizes[s], SEED + s);
            problem_solve(&problem, NULL, name);
            if (matrix_is_integer((matrix_kind)kind, sizes[s])) {
                /* A gap below one leaves no room for another integer. */
                assert_true(problem.proof.objective == rint(problem.proof.objective));
                assert_true(fabs(problem.proof.gap) < 0.5);
            }
            problem_free(&problem);
        }
    }
}

static void maximise__proves_larger_ones_optimal(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    static const matrix_kind kinds[] = {MATRIX_UNIFORM,    MATRIX_PRODUCT_LOW, MATRIX_WEIGHTS_LOW, MATRIX_DIGITS,
                                        MATRIX_EQUAL_ROWS, MATRIX_POINTS,      MATRIX_DEAD};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        assign_problem problem;
        problem_draw(&problem, kinds[k], 1500, SEED);
        problem_solve(&problem, NULL, matrix_name(kinds[k]));
        problem_free(&problem);
    }
}

static void maximise__gives_the_same_again(void **state)
{
    (void)state;
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        assign_problem a;
        assign_problem b;
        problem_draw(&a, (matrix_kind)kind, 150, SEED);
        problem_draw(&b, (matrix_kind)kind, 150, SEED);
        problem_solve(&a, NULL, matrix_name((matrix_kind)kind));
        problem_solve(&b, NULL, matrix_name((matrix_kind)kind));
        assert_memory_equal(a.permutation, b.permutation, a.n * sizeof *a.permutation);
        assert_memory_equal(a.row_price, b.row_price, a.n * sizeof *a.row_price);
        assert_memory_equal(a.column_price, b.column_price, a.n * sizeof *a.column_price);
        problem_free(&a);
        problem_free(&b);
    }
}

/* A copy of a problem, with rows and columns reordered: copy[i, j] = original[rows[i], columns[j]]. */
static void problem_reorder(assign_problem *copy, const assign_problem *original, const size_t *rows,
                            const size_t *columns)
{
    size_t n = original->n;
    problem_init(copy, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            copy->profit[i * n + j] = original->profit[rows[i] * n + columns[j]];
        }
    }
}

static void maximise__follows_a_reordering(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        enum { N = 170 };
        const char *name = matrix_name((matrix_kind)kind);
        size_t rows[N];
        size_t columns[N];
        oa_random_permutation(rows, N, &random);
        oa_random_permutation(columns, N, &random);
        assign_problem original;
        assign_problem reordered;
        problem_draw(&original, (matrix_kind)kind, N, SEED);
        problem_reorder(&reordered, &original, rows, columns);
        problem_solve(&original, NULL, name);
        problem_solve(&reordered, NULL, name);
        assert_same_value(original.proof.objective, reordered.proof.objective, &original, name);
        /* Where no two sums tie, the permutation itself is determined. */
        if (kind == MATRIX_UNIFORM || kind == MATRIX_NORMAL || kind == MATRIX_WEIGHTS) {
            for (size_t i = 0; i < N; i++) {
                assert_int_equal(columns[reordered.permutation[i]], original.permutation[rows[i]]);
            }
        }
        problem_free(&original);
        problem_free(&reordered);
    }
}

static void maximise__gives_a_transpose_the_same_value(void **state)
{
    (void)state;
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        const char *name = matrix_name((matrix_kind)kind);
        assign_problem original;
        assign_problem transpose;
        problem_draw(&original, (matrix_kind)kind, 140, SEED);
        problem_init(&transpose, original.n);
        for (size_t i = 0; i < original.n; i++) {
            for (size_t j = 0; j < original.n; j++) {
                transpose.profit[j * original.n + i] = original.profit[i * original.n + j];
            }
        }
        problem_solve(&original, NULL, name);
        problem_solve(&transpose, NULL, name);
        assert_same_value(original.proof.objective, transpose.proof.objective, &original, name);
        problem_free(&original);
        problem_free(&transpose);
    }
}

static void maximise__shifts_with_constants_on_rows_and_columns(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        if (kind == MATRIX_HUGE || kind == MATRIX_TINY) {
            continue; /* the constants would vanish, or the profits */
        }
        const char *name = matrix_name((matrix_kind)kind);
        assign_problem original;
        assign_problem shifted;
        problem_draw(&original, (matrix_kind)kind, 160, SEED);
        problem_draw(&shifted, (matrix_kind)kind, 160, SEED);
        double total = 0.0;
        for (size_t i = 0; i < original.n; i++) {
            double on_row = (double)oa_random_below(&random, 64) - 32.0;
            double on_column = (double)oa_random_below(&random, 64) - 32.0;
            total += on_row + on_column;
            for (size_t j = 0; j < original.n; j++) {
                shifted.profit[i * original.n + j] += on_row;
                shifted.profit[j * original.n + i] += on_column;
            }
        }
        problem_solve(&original, NULL, name);
        problem_solve(&shifted, NULL, name);
        assert_same_value(original.proof.objective + total, shifted.proof.objective, &shifted, name);
        problem_free(&original);
        problem_free(&shifted);
    }
}

/* Rows of small profits are not decided by the roundings of large ones. */
static void maximise__is_as_exact_for_small_rows_as_for_large(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    for (uint64_t seed = SEED; seed < SEED + 20; seed++) {
        assign_problem problem;
        problem_draw(&problem, MATRIX_SCALES, 80, seed);
        problem_solve(&problem, NULL, "scales");
        if (!(problem.proof.own_slack <= 32.0)) {
            fail_msg("seed %zu: %g roundings of its own", (size_t)seed, problem.proof.own_slack);
        }
        problem_free(&problem);
    }
}

/* One profit is 2^1074 times the smallest: no sum of profits tells the others apart, but the solver does. */
static void maximise__tells_subnormal_profits_apart(void **state)
{
    (void)state;
    assign_problem whole;
    assign_problem tiny;
    problem_draw(&whole, MATRIX_OUTER, 300, SEED);
    problem_draw(&tiny, MATRIX_OUTER, 300, SEED);
    for (size_t k = 0; k < whole.n * whole.n; k++) {
        tiny.profit[k] = ldexp(whole.profit[k], -1074);
    }
    whole.profit[0] = -0x1p40;
    tiny.profit[0] = -1.0;
    problem_solve(&whole, NULL, "whole");
    problem_solve(&tiny, NULL, "tiny");
    assert_true(tiny.proof.objective == ldexp(whole.proof.objective, -1074));
    problem_free(&whole);
    problem_free(&tiny);
}

/* Powers of two change nothing but the exponents, up to the ends of the range. */
static void maximise__scales_with_powers_of_two(void **state)
{
    (void)state;
    static const int exponents[] = {-900, -30, 1, 900, 1013};
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        if (kind == MATRIX_HUGE || kind == MATRIX_TINY || kind == MATRIX_SCALES) {
            continue; /* they reach the ends by themselves */
        }
        for (size_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
            const char *name = matrix_name((matrix_kind)kind);
            assign_problem original;
            assign_problem scaled;
            problem_draw(&original, (matrix_kind)kind, 90, SEED);
            problem_init(&scaled, original.n);
            /* Below 1 before, so that prices of some hundred times the largest profit fit below 2^1024 after. */
            double largest = 0.0;
            for (size_t k = 0; k < original.n * original.n; k++) {
                largest = fmax(largest, fabs(original.profit[k]));
            }
            int exponent;
            (void)frexp(largest, &exponent);
            for (size_t k = 0; k < original.n * original.n; k++) {
                original.profit[k] = ldexp(original.profit[k], -exponent);
                scaled.profit[k] = ldexp(original.profit[k], exponents[e]);
            }
            problem_solve(&original, NULL, name);
            problem_solve(&scaled, NULL, name);
            assert_memory_equal(original.permutation, scaled.permutation, original.n * sizeof *original.permutation);
            for (size_t i = 0; i < original.n; i++) {
                assert_true(scaled.row_price[i] == ldexp(original.row_price[i], exponents[e]));
                assert_true(scaled.column_price[i] == ldexp(original.column_price[i], exponents[e]));
            }
            problem_free(&original);
            problem_free(&scaled);
        }
    }
}

/* Differences of the profits overflow here: only the permutation and its sum are asked for. */
static void maximise__solves_the_whole_range_of_doubles(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    enum { N = 100 };
    assign_problem plain;
    problem_draw(&plain, MATRIX_UNIFORM, N, SEED);
    for (size_t k = 0; k < (size_t)N * N; k++) {
        plain.profit[k] = 2.0 * plain.profit[k] - 1.0;
    }
    problem_solve(&plain, NULL, "plain");
    size_t permutation[N];
    for (size_t k = 0; k < (size_t)N * N; k++) {
        plain.profit[k] = ldexp(plain.profit[k], 1023) * 1.9375;
        assert_true(isfinite(plain.profit[k]));
    }
    assert_int_equal(oa_assign_maximise(permutation, plain.profit, N, NULL, NULL, NULL, NULL), OA_OK);
    assert_memory_equal(permutation, plain.permutation, sizeof permutation);
    problem_free(&plain);
}

/* Any optimal permutation is kept, not only the solver's own: each is reached by solving reordered. */
static void previous__is_kept_among_ties(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    static const matrix_kind kinds[] = {MATRIX_DIGITS,        MATRIX_ZERO,          MATRIX_SPARSE,
                                        MATRIX_DEAD,          MATRIX_EQUAL_ROWS,    MATRIX_DISTANCES,
                                        MATRIX_REPEATED_ROWS, MATRIX_REPEATED_UNITS};
    size_t moved = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        enum { N = 200 };
        const char *name = matrix_name(kinds[k]);
        size_t rows[N];
        size_t columns[N];
        size_t previous[N];
        oa_random_permutation(rows, N, &random);
        oa_random_permutation(columns, N, &random);
        assign_problem original;
        assign_problem reordered;
        problem_draw(&original, kinds[k], N, SEED);
        problem_reorder(&reordered, &original, rows, columns);
        problem_solve(&reordered, NULL, name);
        for (size_t i = 0; i < N; i++) {
            previous[rows[i]] = columns[reordered.permutation[i]];
        }
        problem_solve(&original, NULL, name);
        moved += memcmp(previous, original.permutation, sizeof previous) != 0;
        problem_solve(&original, previous, name);
        assert_memory_equal(original.permutation, previous, sizeof previous);
        problem_free(&original);
        problem_free(&reordered);
    }
    print_message("%zu of the kinds had another optimum\n", moved);
    assert_true(moved >= 5);
}

static void previous__gives_way_to_the_optimum(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    oa_random random;
    oa_random_init(&random, SEED);
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        enum { N = 130 };
        const char *name = matrix_name((matrix_kind)kind);
        size_t previous[N];
        oa_random_permutation(previous, N, &random);
        assign_problem problem;
        problem_draw(&problem, (matrix_kind)kind, N, SEED);
        problem_solve(&problem, NULL, name);
        double best = problem.proof.objective;
        problem_solve(&problem, previous, name);
        assert_same_value(best, problem.proof.objective, &problem, name);
        problem_free(&problem);
    }
}

static void maximise__recovers_a_planted_permutation(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    enum { N = 400, INNER = 32 };
    oa_random random;
    oa_random_init(&random, SEED);
    size_t planted[N];
    oa_random_permutation(planted, N, &random);
    assign_problem problem;
    problem_init(&problem, N);
    double *units = oa_calloc((size_t)N * INNER, sizeof *units);
    assert_non_null(units);
    for (size_t k = 0; k < (size_t)N * INNER; k++) {
        units[k] = oa_random_normal(&random);
    }
    /* profit[i, j] = -|unit i - unit of j|^2 with the units of j reordered: zero just at the planted pairs. */
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            double sum = 0.0;
            for (size_t l = 0; l < INNER; l++) {
                double difference = units[i * INNER + l] - units[j * INNER + l];
                sum += difference * difference;
            }
            problem.profit[i * N + planted[j]] = -sum;
        }
    }
    problem_solve(&problem, NULL, "planted");
    assert_memory_equal(problem.permutation, planted, sizeof planted);
    oa_free(units);
    problem_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maximise__proves_every_kind_of_matrix_optimal),
        cmocka_unit_test(maximise__proves_larger_ones_optimal),
        cmocka_unit_test(maximise__gives_the_same_again),
        cmocka_unit_test(maximise__follows_a_reordering),
        cmocka_unit_test(maximise__gives_a_transpose_the_same_value),
        cmocka_unit_test(maximise__shifts_with_constants_on_rows_and_columns),
        cmocka_unit_test(maximise__is_as_exact_for_small_rows_as_for_large),
        cmocka_unit_test(maximise__tells_subnormal_profits_apart),
        cmocka_unit_test(maximise__scales_with_powers_of_two),
        cmocka_unit_test(maximise__solves_the_whole_range_of_doubles),
        cmocka_unit_test(previous__is_kept_among_ties),
        cmocka_unit_test(previous__gives_way_to_the_optimum),
        cmocka_unit_test(maximise__recovers_a_planted_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
