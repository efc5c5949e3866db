/* The profit of putting one unit in the place of another, against plain sums in double, over random layouts:
 * groups on several axes, twice on one, inside products and concatenations; all float types, mixed. */
#include "core/match/slices.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/random_layout.h"

#include <math.h>
#include <string.h>

enum { LAYOUTS = 1500, PAIRS = 4, AXIS_MAX = 64, TENSORS_MAX = 8 };

typedef struct fixture {
    random_layout a, b;
    size_t tensor_b[TENSORS_MAX];
    oa_match_problem problem;
    oa_permutations permutations;
} fixture;

static void fixture_create(fixture *f, uint64_t seed)
{
    oa_random random;
    random_layout_create(&f->a, seed, seed, OA_DTYPE_UNDEFINED);
    random_layout_create(&f->b, seed, seed + 1000000, OA_DTYPE_UNDEFINED);
    for (size_t t = 0; t < TENSORS_MAX; t++) {
        f->tensor_b[t] = t;
    }
    f->problem = (oa_match_problem){.layout = f->a.layout, .a = f->a.graph, .b = f->b.graph, .tensor_b = f->tensor_b};
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&f->permutations, f->a.layout, NULL), OA_OK);
    oa_permutations_random(&f->permutations, f->a.layout, &random);
}

static void fixture_free(fixture *f)
{
    oa_permutations_free(&f->permutations);
    random_layout_free(&f->a);
    random_layout_free(&f->b);
}

/* The map of one axis when one occurrence is reordered by `own` and all others as the permutations say: each sends what
 * is at positions[p(i)] to positions[i], one after the other. */
static void map_with(size_t *map, const fixture *f, const oa_occurrence *special, const size_t *own, size_t size)
{
    const oa_layout *layout = f->a.layout;
    size_t moved[AXIS_MAX];
    assert_true(size <= AXIS_MAX);
    for (size_t i = 0; i < size; i++) {
        map[i] = i;
    }
    for (size_t n = 0; n < layout->occurrence_count; n++) {
        const oa_occurrence *o = &layout->occurrences[n];
        const size_t *permutation = o == special ? own : f->permutations.of[o->group];
        if (o->tensor != special->tensor || o->axis != special->axis) {
            continue;
        }
        memcpy(moved, map, size * sizeof *map);
        for (size_t at = 0; at < layout->groups[o->group].size * o->rest; at++) {
            moved[o->positions[at]] = map[o->positions[permutation[at / o->rest] * o->rest + at % o->rest]];
        }
        memcpy(map, moved, size * sizeof *map);
    }
}

/* The inner product over one constant when one occurrence is reordered by `own`; the magnitude of its terms. */
static double inner_with(double *magnitude, const fixture *f, const oa_occurrence *special, const size_t *own)
{
    const oa_tensor *a = &f->a.graph->tensors[special->tensor];
    const oa_tensor *b = &f->b.graph->tensors[special->tensor];
    size_t maps[OA_MAX_RANK][AXIS_MAX];
    double sum = 0.0;
    for (size_t k = 0; k < a->rank; k++) {
        assert_true(a->dims[k] <= AXIS_MAX);
        oa_layout_axis_map(maps[k], f->a.layout, special->tensor, k, a->dims[k], &f->permutations);
    }
    map_with(maps[special->axis], f, special, own, a->dims[special->axis]);
    for (size_t e = 0; e < a->count; e++) {
        size_t rest = e;
        size_t from = 0;
        size_t stride = 1;
        for (size_t k = a->rank; k > 0; k--) {
            from += maps[k - 1][rest % a->dims[k - 1]] * stride;
            rest /= a->dims[k - 1];
            stride *= a->dims[k - 1];
        }
        double term = plain_element(a, e) * plain_element(b, from);
        sum += term;
        *magnitude += fabs(term);
    }
    return sum;
}

/* Float32 products of numbers of 11 bits are exact, their sums lose at most 2^-24 of all magnitudes a term. */
static const double SUM_TOLERANCE = 1e-5;

/* Insides with orders of their own and their blocks move with one another: tests/match/test_levels.c. */
static bool is_alone(const oa_layout *layout, size_t group)
{
    return layout->groups[group].block_count == 1 && oa_next_inside(layout, group, group) == OA_NONE;
}

/* With everything else in place, the objective is linear in how one occurrence is reordered, and its coefficients are
 * the profits: the difference of any two reorderings must show in both. */
static void check_profit(const fixture *f, const oa_occurrence *o, uint64_t seed, oa_random *random)
{
    size_t n = f->a.layout->groups[o->group].size;
    size_t own[AXIS_MAX];
    double *profit = oa_calloc(n * n, sizeof *profit);
    assert_non_null(profit);
    assert_int_equal(oa_add_profit(profit, &f->problem, o, &f->permutations, NULL), OA_OK);
    for (size_t round = 0; round < PAIRS; round++) {
        double expected = 0.0;
        double profits = 0.0;
        double magnitude = 0.0;
        for (size_t sign = 0; sign < 2; sign++) {
            oa_random_permutation(own, n, random);
            double inner = inner_with(&magnitude, f, o, own);
            expected += sign ? inner : -inner;
            for (size_t i = 0; i < n; i++) {
                profits += sign ? profit[i * n + own[i]] : -profit[i * n + own[i]];
            }
        }
        if (!(fabs(profits - expected) <= SUM_TOLERANCE * (magnitude + 1e-3))) {
            fail_msg("seed %llu: the objective differs by %g, the profits by %g", (unsigned long long)seed, expected,
                     profits);
        }
    }
    /* It is added to what is there. */
    double first = profit[0];
    assert_int_equal(oa_add_profit(profit, &f->problem, o, &f->permutations, NULL), OA_OK);
    assert_true(profit[0] == 2.0 * first);
    oa_free(profit);
}

static void profit__is_the_slope_of_the_objective(void **state)
{
    (void)state;
    size_t checked = 0;
    size_t nested = 0;
    print_message("seeds 1 to %d\n", LAYOUTS);
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        fixture f;
        oa_random random;
        fixture_create(&f, seed);
        oa_random_init(&random, seed);
        for (size_t i = 0; i < f.a.layout->occurrence_count; i++) {
            const oa_occurrence *o = &f.a.layout->occurrences[i];
            if (is_alone(f.a.layout, o->group) &&
                f.a.layout->tensors[o->tensor].view_rank == f.a.graph->tensors[o->tensor].rank) {
                check_profit(&f, o, seed, &random);
                checked++;
                nested += o->rest > 1;
            }
        }
        fixture_free(&f);
    }
    print_message("%zu occurrences, %zu of them with several elements a unit\n", checked, nested);
    assert_true(nested > 100);
}

/* Does the group lie on at most one axis of every constant, and there only side by side? */
static bool is_linear(const oa_layout *layout, size_t group)
{
    const oa_group *g = &layout->groups[group];
    for (size_t i = 1; i < g->occurrence_count; i++) {
        const oa_occurrence *o = &layout->occurrences[g->first_occurrence + i];
        if (o[-1].tensor == o->tensor) {
            return false;
        }
    }
    return true;
}

/* For a group on one axis of each constant, the profits of its occurrences add up to the objective, up to a constant:
 * whatever two permutations are compared. */
static void profit__explains_the_objective_of_linear_groups(void **state)
{
    (void)state;
    size_t checked = 0;
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        fixture f;
        fixture_create(&f, seed);
        const oa_layout *layout = f.a.layout;
        oa_random random;
        oa_random_init(&random, seed + 7);
        for (size_t g = 0; g < layout->group_count; g++) {
            size_t n = layout->groups[g].size;
            if (!is_alone(layout, g) || !is_linear(layout, g)) {
                continue;
            }
            double *profit = oa_calloc(n * n, sizeof *profit);
            assert_non_null(profit);
            for (size_t i = 0; i < layout->groups[g].occurrence_count; i++) {
                const oa_occurrence *o = &layout->occurrences[layout->groups[g].first_occurrence + i];
                assert_int_equal(oa_add_profit(profit, &f.problem, o, &f.permutations, NULL), OA_OK);
            }
            double before = plain_inner(&f.problem, &f.permutations);
            double expected = 0.0;
            double scale = 1.0 + fabs(before);
            for (size_t i = 0; i < n; i++) {
                expected -= profit[i * n + f.permutations.of[g][i]];
            }
            oa_random_permutation(f.permutations.of[g], n, &random);
            for (size_t i = 0; i < n; i++) {
                expected += profit[i * n + f.permutations.of[g][i]];
                scale += fabs(profit[i * n + f.permutations.of[g][i]]);
            }
            double risen = plain_inner(&f.problem, &f.permutations) - before;
            if (!(fabs(risen - expected) <= 1e-4 * scale)) {
                fail_msg("seed %llu group %zu: the objective rose by %g, the profits say %g", (unsigned long long)seed,
                         g, risen, expected);
            }
            checked++;
            oa_free(profit);
        }
        fixture_free(&f);
    }
    print_message("%zu groups\n", checked);
    assert_true(checked > 1000);
}

static void inner__and_distance_equal_plain_sums(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        fixture f;
        fixture_create(&f, seed);
        double inner = 0.0;
        double expected = plain_inner(&f.problem, &f.permutations);
        double squares = 0.0;
        for (size_t t = 0; t < f.a.graph->tensor_count; t++) {
            const oa_tensor *a = &f.a.graph->tensors[t];
            const oa_tensor *b = &f.b.graph->tensors[t];
            char *moved = oa_malloc(b->count, oa_dtype_size(b->dtype));
            assert_non_null(moved);
            assert_int_equal(oa_layout_reorder(moved, b->data, f.a.layout, t, b, &f.permutations, NULL), OA_OK);
            if (f.a.layout->tensors[t].moves) {
                assert_int_equal(oa_add_inner(&inner, &f.problem, t, &f.permutations, false, NULL), OA_OK);
            }
            for (size_t i = 0; i < a->count; i++) {
                double x, y;
                oa_floats_to_f64(&x, (const char *)a->data + i * oa_dtype_size(a->dtype), a->dtype, 1);
                oa_floats_to_f64(&y, moved + i * oa_dtype_size(b->dtype), b->dtype, 1);
                squares += (x - y) * (x - y);
            }
            oa_free(moved);
        }
        double distance = -1.0;
        assert_int_equal(oa_match_distance(&distance, &f.problem, &f.permutations, NULL), OA_OK);
        assert_true(fabs(inner - expected) <= 1e-9 * (1.0 + fabs(expected)));
        assert_true(fabs(distance - squares) <= 1e-9 * (1.0 + squares));
        fixture_free(&f);
    }
}

/* Constants larger than the pieces that products are made of: behind the units, in front of them, and on both sides. */
static const oa_graph *long_rows(test_graph *g)
{
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", INPUT(g, "x", -1, 9001), WEIGHT(g, "w1", 9001, 7)));
    h = NODE(g, "Relu", "", NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 7, 9002)));
    h = NODE(g, "Reshape", "", h, INTS(g, 0, 7, 1286));
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w3", 7, 1286, 5)));
    return test_graph_finish(g);
}

static void profit__of_long_rows_is_summed_in_pieces(void **state)
{
    (void)state;
    pair p;
    pair_create(&p, long_rows, 1, 2);
    assert_groups(p.layout, p.problem.a, "7: w1.1 w2.0; 1286: w2.1*7 w3.1");
    oa_permutations permutations;
    assert_int_equal(oa_permutations_init(&permutations, p.layout, NULL), OA_OK);
    oa_random random;
    oa_random_init(&random, 3);
    oa_permutations_random(&permutations, p.layout, &random);
    double profit[49] = {0};
    for (size_t i = 0; i < p.layout->groups[0].occurrence_count; i++) {
        assert_int_equal(oa_add_profit(profit, &p.problem, &p.layout->occurrences[i], &permutations, NULL), OA_OK);
    }
    double before = plain_inner(&p.problem, &permutations);
    double expected = 0.0;
    for (size_t i = 0; i < 7; i++) {
        expected += profit[i * 7 + (permutations.of[0][i] + 1) % 7] - profit[i * 7 + permutations.of[0][i]];
    }
    for (size_t i = 0; i < 7; i++) {
        permutations.of[0][i] = (permutations.of[0][i] + 1) % 7;
    }
    double risen = plain_inner(&p.problem, &permutations) - before;
    /* The terms are products of numbers around 0.5: a random walk of 2 * 9000 * 7 of them, each 0.25. */
    assert_true(fabs(risen - expected) <= 1e-5 * 0.25 * sqrt(2.0 * 9000.0 * 7.0) * 100.0);
    oa_permutations_free(&permutations);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profit__is_the_slope_of_the_objective),
        cmocka_unit_test(profit__explains_the_objective_of_linear_groups),
        cmocka_unit_test(inner__and_distance_equal_plain_sums),
        cmocka_unit_test(profit__of_long_rows_is_summed_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
