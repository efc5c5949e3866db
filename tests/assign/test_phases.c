/* The parts of the assignment solver, each held to what its header promises. */
#include "core/assign/auction.h"
#include "core/assign/augment.h"
#include "core/assign/candidates.h"
#include "core/assign/heap.h"
#include "core/assign/refine.h"
#include "core/assign/state.h"
#include "core/base/random.h"

#include "tests/assign/matrices.h"
#include "tests/support/cmocka_all.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 31, SIZE = 150 };

/* Kinds that are of unit scale: the tests below compare with absolute tolerances. */
static const matrix_kind kinds[] = {MATRIX_UNIFORM,       MATRIX_DIGITS,    MATRIX_ZERO,   MATRIX_EQUAL_ROWS,
                                    MATRIX_REPEATED_ROWS, MATRIX_DISTANCES, MATRIX_SPARSE, MATRIX_PRODUCT_LOW};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static double profit_of_test[SIZE * SIZE];

static void start(oa_assign_state *state, matrix_kind kind, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    assert_true(matrix_fill(profit_of_test, kind, SIZE, &random));
    assert_int_equal(oa_assign_state_init(state, profit_of_test, SIZE, NULL), OA_OK);
    for (uint32_t i = 0; i < SIZE; i++) {
        oa_assign_refresh(state, i);
    }
}

static double reduced_cost(const oa_assign_state *state, size_t i, size_t j)
{
    return -profit_of_test[i * SIZE + j] - state->price[j];
}

static double lowest_of_row(const oa_assign_state *state, size_t i)
{
    double lowest = INFINITY;
    for (size_t j = 0; j < SIZE; j++) {
        lowest = fmin(lowest, reduced_cost(state, i, j));
    }
    return lowest;
}

/* The most by which a row with a column holds one that is dearer than its cheapest. */
static double largest_excess(const oa_assign_state *state)
{
    double largest = 0.0;
    for (size_t i = 0; i < SIZE; i++) {
        uint32_t column = state->column_of[i];
        if (column != OA_ASSIGN_NONE) {
            assert_int_equal(state->row_of[column], i);
            assert_true(state->matched_cost[i] == -profit_of_test[i * SIZE + column]);
            largest = fmax(largest, reduced_cost(state, i, column) - lowest_of_row(state, i));
        }
    }
    return largest;
}

static void assert_lists_are_valid(const oa_assign_state *state)
{
    for (size_t i = 0; i < SIZE; i++) {
        bool listed[SIZE] = {false};
        for (size_t k = 0; k < state->list_count[i]; k++) {
            uint32_t j = state->list_column[i * state->list_capacity + k];
            assert_false(listed[j]);
            listed[j] = true;
            assert_true(state->list_cost[i * state->list_capacity + k] == -profit_of_test[i * SIZE + j]);
        }
        for (size_t j = 0; j < SIZE; j++) {
            assert_true(listed[j] || reduced_cost(state, i, j) >= state->list_bound[i]);
        }
    }
}

static void assert_free_rows_are_the_free_rows(const oa_assign_state *state)
{
    size_t free_count = 0;
    for (size_t i = 0; i < SIZE; i++) {
        free_count += state->column_of[i] == OA_ASSIGN_NONE;
    }
    assert_int_equal(free_count, state->free_count);
    for (size_t k = 0; k < state->free_count; k++) {
        assert_true(state->column_of[state->free_rows[k]] == OA_ASSIGN_NONE);
    }
}

static void lists__stay_valid_while_prices_fall(void **test)
{
    (void)test;
    print_message("seed %d\n", SEED);
    for (size_t k = 0; k < KINDS; k++) {
        oa_assign_state state;
        oa_random random;
        oa_random_init(&random, SEED + k);
        start(&state, kinds[k], SEED);
        for (size_t round = 0; round < 20; round++) {
            assert_lists_are_valid(&state);
            for (uint32_t i = 0; i < SIZE; i++) {
                double lowest = lowest_of_row(&state, i);
                oa_assign_best best = oa_assign_cheapest(&state, i);
                assert_true(best.lowest == lowest);
                assert_true(reduced_cost(&state, i, best.column) == lowest);
                for (size_t j = 0; j < SIZE; j++) {
                    assert_true(j == best.column || reduced_cost(&state, i, j) >= best.second);
                }
            }
            for (size_t change = 0; change < SIZE / 4; change++) {
                state.price[oa_random_below(&random, SIZE)] -= oa_random_uniform(&random);
            }
        }
        oa_assign_state_free(&state);
    }
}

/* Rows sorted up, down and with low cells at a regular distance: what quantiles estimated from parts get wrong. */
static void lists__hold_enough_in_any_order(void **test)
{
    (void)test;
    oa_assign_state state;
    start(&state, MATRIX_UNIFORM, SEED);
    for (size_t stride = 1; stride <= 80; stride++) {
        for (size_t j = 0; j < SIZE; j++) {
            profit_of_test[j] = (double)j;
            profit_of_test[SIZE + j] = -(double)j;
            profit_of_test[(size_t)2 * SIZE + j] = j % stride == 0 ? 100.0 + (double)j : 0.0;
            profit_of_test[(size_t)3 * SIZE + j] = j % stride == 0 ? 1.0 : 0.0;
        }
        for (uint32_t i = 0; i < 4; i++) {
            oa_assign_refresh(&state, i);
            assert_in_range(state.list_count[i], OA_ASSIGN_RANK, OA_ASSIGN_LIST);
        }
        assert_lists_are_valid(&state);
    }
    oa_assign_state_free(&state);
}

static void auction__keeps_rows_within_epsilon(void **test)
{
    (void)test;
    static const double epsilons[] = {1.0, 0.125, 0x1p-7};
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t e = 0; e < sizeof epsilons / sizeof epsilons[0]; e++) {
            oa_assign_state state;
            start(&state, kinds[k], SEED);
            assert_true(oa_assign_auction(&state, epsilons[e], SIZE_MAX));
            assert_int_equal(state.free_count, 0);
            assert_free_rows_are_the_free_rows(&state);
            assert_true(largest_excess(&state) <= epsilons[e] + 1e-12);
            assert_lists_are_valid(&state);
            oa_assign_state_free(&state);
        }
    }
}

static void auction__stops_at_its_budget(void **test)
{
    (void)test;
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t budget = 0; budget < (size_t)3 * SIZE; budget += 1 + budget / 2) {
            oa_assign_state state;
            start(&state, kinds[k], SEED);
            size_t before = state.work;
            bool is_complete = oa_assign_auction(&state, 0.0, budget);
            assert_true(is_complete == (state.free_count == 0));
            assert_true(state.work - before <= budget + 1 + 2 * state.refresh_work);
            assert_free_rows_are_the_free_rows(&state);
            assert_true(largest_excess(&state) <= 1e-12);
            oa_assign_state_free(&state);
        }
    }
}

/* All cells of a row cost the same; the one column without a row is not in its list. */
static void unheld__looks_beyond_the_list_among_ties(void **test)
{
    (void)test;
    enum { FREE = 70 };
    const size_t last = SIZE - 1;
    oa_assign_state state;
    start(&state, MATRIX_ZERO, SEED);
    for (uint32_t i = 0; i < last; i++) {
        (void)oa_assign_hold(&state, i, i == FREE ? (uint32_t)last : i, 0.0);
    }
    for (size_t k = 0; k < state.list_count[last]; k++) {
        assert_int_not_equal(state.list_column[last * state.list_capacity + k], FREE);
    }
    double cost = 1.0;
    assert_int_equal(oa_assign_unheld(&cost, &state, (uint32_t)last, 0.0), FREE);
    assert_true(cost == 0.0);
    (void)oa_assign_hold(&state, (uint32_t)last, FREE, cost);
    assert_true(oa_assign_unheld(&cost, &state, (uint32_t)last, 0.0) == OA_ASSIGN_NONE);
    oa_assign_state_free(&state);
}

/* An auction whose epsilon is below 1 / n leaves an assignment of integers optimal: only prices are missing. */
static void refine__finds_prices_for_an_optimal_assignment(void **test)
{
    (void)test;
    static const matrix_kind integers[] = {MATRIX_ZERO, MATRIX_DIGITS, MATRIX_SPARSE, MATRIX_OUTER};
    for (size_t k = 0; k < sizeof integers / sizeof integers[0]; k++) {
        oa_assign_state state;
        start(&state, integers[k], SEED);
        for (double epsilon = 1024.0; epsilon >= 0x1p-8; epsilon /= 4.0) {
            oa_assign_release(&state);
            assert_true(oa_assign_auction(&state, epsilon, SIZE_MAX));
        }
        uint32_t before[SIZE];
        memcpy(before, state.column_of, sizeof before);
        oa_assign_refine(&state, SIZE_MAX);
        assert_memory_equal(before, state.column_of, sizeof before);
        assert_true(largest_excess(&state) == 0.0);
        assert_lists_are_valid(&state);
        oa_assign_release(&state);
        assert_int_equal(state.free_count, 0);
        oa_assign_state_free(&state);
    }
}

static void release__leaves_rows_with_a_cheapest_column(void **test)
{
    (void)test;
    for (size_t k = 0; k < KINDS; k++) {
        oa_assign_state state;
        start(&state, kinds[k], SEED);
        (void)oa_assign_auction(&state, 0.25, (size_t)2 * SIZE);
        oa_assign_refine(&state, SIZE);
        oa_assign_release(&state);
        assert_free_rows_are_the_free_rows(&state);
        assert_true(largest_excess(&state) <= 1e-12);
        assert_lists_are_valid(&state);
        oa_assign_state_free(&state);
    }
}

static void augment__assigns_row_by_row_and_keeps_the_cheapest(void **test)
{
    (void)test;
    for (size_t k = 0; k < KINDS; k++) {
        oa_assign_state state;
        start(&state, kinds[k], SEED);
        for (size_t left = SIZE; left > 0; left--) {
            double before[SIZE];
            memcpy(before, state.price, sizeof before);
            assert_int_equal(state.free_count, left);
            assert_true(oa_assign_augment(&state, 1) == (left == 1));
            assert_free_rows_are_the_free_rows(&state);
            assert_true(largest_excess(&state) <= 1e-12);
            for (size_t j = 0; j < SIZE; j++) {
                assert_true(state.price[j] <= before[j]);
            }
        }
        assert_lists_are_valid(&state);
        oa_assign_state_free(&state);
    }
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void heap__pops_in_order_with_keys_lowered(void **test)
{
    (void)test;
    print_message("seed %d\n", SEED);
    enum { ITEMS = 300 };
    oa_random random;
    oa_random_init(&random, SEED);
    for (size_t count = 1; count <= ITEMS; count++) {
        uint32_t items[ITEMS];
        uint32_t position[ITEMS];
        double key[ITEMS];
        oa_heap heap = {.items = items, .position = position, .key = key};
        memset(position, 0xff, sizeof position);
        for (uint32_t item = 0; item < count; item++) {
            key[item] = (double)oa_random_below(&random, 100);
            oa_heap_lower(&heap, item);
        }
        for (size_t change = 0; change < count / 2; change++) {
            uint32_t item = (uint32_t)oa_random_below(&random, count);
            key[item] -= (double)oa_random_below(&random, 50);
            oa_heap_lower(&heap, item);
        }
        double sorted[ITEMS];
        memcpy(sorted, key, sizeof sorted);
        qsort(sorted, count, sizeof *sorted, compare_doubles);
        for (size_t k = 0; k < count - count / 3; k++) {
            uint32_t item = oa_heap_pop(&heap);
            assert_true(key[item] == sorted[k]);
            assert_int_equal(position[item], UINT32_MAX);
        }
        oa_heap_clear(&heap);
        assert_int_equal(heap.count, 0);
        for (size_t item = 0; item < count; item++) {
            assert_int_equal(position[item], UINT32_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists__stay_valid_while_prices_fall),
        cmocka_unit_test(lists__hold_enough_in_any_order),
        cmocka_unit_test(auction__keeps_rows_within_epsilon),
        cmocka_unit_test(auction__stops_at_its_budget),
        cmocka_unit_test(unheld__looks_beyond_the_list_among_ties),
        cmocka_unit_test(refine__finds_prices_for_an_optimal_assignment),
        cmocka_unit_test(release__leaves_rows_with_a_cheapest_column),
        cmocka_unit_test(augment__assigns_row_by_row_and_keeps_the_cheapest),
        cmocka_unit_test(heap__pops_in_order_with_keys_lowered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
