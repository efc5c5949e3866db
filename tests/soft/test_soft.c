/* Soft permutations against slow loops in double and central differences, over random layouts (groups on several axes,
 * twice on one, inside products and concatenations; all float types, mixed) and over the models that people merge. */
#include "core/soft/soft.h"

#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/soft/soft_slow.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/random_layout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LAYOUTS = 400, TENSORS_MAX = 8, ENTRIES = 6 };

/* Sums of float products over at most a few thousand elements, through up to six steps: a few 2^-24 of the magnitudes
 * each. */
static const double TOLERANCE = 2e-5;

typedef const double *const *doubles;
typedef const float *const *floats;

static double size_of(const oa_match_problem *problem, const matrices *m)
{
    double sum = 1e-3;
    for (size_t t = 0; t < problem->a->tensor_count; t++) {
        const oa_tensor *shape = &problem->a->tensors[t];
        if (!problem->layout->tensors[t].moves || !oa_dtype_is_float(shape->dtype) || !shape->count) {
            continue;
        }
        double *b = oa_malloc(shape->count, sizeof *b);
        assert_non_null(b);
        slow_apply(b, problem, t, (doubles)m->d);
        for (size_t i = 0; i < shape->count; i++) {
            double a;
            oa_floats_to_f64(&a, (const char *)shape->data + i * oa_dtype_size(shape->dtype), shape->dtype, 1);
            sum += a * a + b[i] * b[i];
        }
        oa_free(b);
    }
    return sum;
}

/* moved, against the definition; then the gradient of sum_t <weights_t, moved_t>, which is linear in each entry of a
 * matrix but for groups with several steps on a constant. */
static void check_apply(const oa_match_problem *problem, oa_soft *soft, matrices *m, uint64_t seed)
{
    size_t count = problem->a->tensor_count;
    float **moved = oa_calloc(count, sizeof *moved), **weights = oa_calloc(count, sizeof *weights);
    oa_random random;
    oa_random_init(&random, seed + 77);
    assert_true(moved && weights);
    for (size_t t = 0; t < count; t++) {
        if (problem->layout->tensors[t].moves && oa_dtype_is_float(problem->a->tensors[t].dtype)) {
            size_t n = problem->a->tensors[t].count;
            moved[t] = oa_calloc(n, sizeof(float));
            weights[t] = oa_calloc(n, sizeof(float));
            for (size_t i = 0; i < n; i++) {
                weights[t][i] = (float)oa_random_normal(&random);
            }
        }
    }
    assert_int_equal(oa_soft_apply(moved, soft, (floats)m->f, NULL), OA_OK);
    double scale = sqrt(size_of(problem, m));
    for (size_t t = 0; t < count; t++) {
        double *expected = oa_malloc(problem->a->tensors[t].count, sizeof *expected);
        slow_apply(expected, problem, t, (doubles)m->d);
        for (size_t i = 0; moved[t] && i < problem->a->tensors[t].count; i++) {
            if (!(fabs((double)moved[t][i] - expected[i]) <= TOLERANCE * scale)) {
                fail_msg("seed %llu, constant %zu: element %zu is %g and not %g", (unsigned long long)seed, t, i,
                         (double)moved[t][i], expected[i]);
            }
        }
        oa_free(expected);
    }
    for (size_t g = 0; g < m->count; g++) {
        memset(m->gradient[g], 0, problem->layout->groups[g].size * problem->layout->groups[g].size * sizeof(float));
    }
    double between;
    if (seed % 2) { /* what else is asked in between must not matter */
        assert_int_equal(oa_soft_distance(&between, NULL, soft, (floats)m->f, NULL, 1.0, NULL), OA_OK);
    }
    assert_int_equal(oa_soft_apply_backward(m->gradient, soft, (floats)m->f, (floats)weights, NULL), OA_OK);
    for (size_t g = 0; g < m->count; g++) {
        size_t n = problem->layout->groups[g].size;
        for (size_t k = 0; k < ENTRIES; k++) {
            size_t at = oa_random_below(&random, n * n);
            double slope = 0.0, kept = m->d[g][at], largest = 1.0;
            for (int sign = -1; sign <= 1; sign += 2) {
                m->d[g][at] = kept + sign * 1e-4;
                for (size_t t = 0; t < count; t++) {
                    size_t elements = weights[t] ? problem->a->tensors[t].count : 0;
                    double *value = oa_malloc(elements, sizeof *value);
                    if (elements) {
                        slow_apply(value, problem, t, (doubles)m->d);
                    }
                    for (size_t i = 0; i < elements; i++) {
                        slope += sign * (double)weights[t][i] * value[i] / 2e-4;
                        largest = fmax(largest, (double)elements);
                    }
                    oa_free(value);
                }
            }
            m->d[g][at] = kept;
            if (!(fabs((double)m->gradient[g][at] - slope) <= 1e-4 * (scale * sqrt(largest) + fabs(slope)))) {
                fail_msg("seed %llu, group %zu: gradient %zu is %g and not %g", (unsigned long long)seed, g, at,
                         (double)m->gradient[g][at], slope);
            }
        }
    }
    for (size_t t = 0; t < count; t++) {
        oa_free(moved[t]);
        oa_free(weights[t]);
    }
    oa_free(moved);
    oa_free(weights);
}

static void check_distance(const oa_match_problem *problem, oa_soft *soft, matrices *m, const double *factors,
                           uint64_t seed)
{
    const double share = 0.75; /* the gradient's scale */
    double distance = -1.0, expected = slow_distance(problem, (doubles)m->d, factors), scale = size_of(problem, m);
    oa_random random;
    oa_random_init(&random, seed + 99);
    for (size_t g = 0; g < m->count; g++) {
        size_t n = problem->layout->groups[g].size;
        for (size_t i = 0; i < n * n; i++) {
            m->gradient[g][i] = 1.0f; /* what is there is added to */
        }
    }
    assert_int_equal(oa_soft_distance(&distance, m->gradient, soft, (floats)m->f, factors, share, NULL), OA_OK);
    if (!(fabs(distance - expected) <= TOLERANCE * scale)) {
        fail_msg("seed %llu: the distance is %g and not %g", (unsigned long long)seed, distance, expected);
    }
    double again = -1.0;
    assert_int_equal(oa_soft_distance(&again, NULL, soft, (floats)m->f, factors, 1.0, NULL), OA_OK);
    assert_true(again == distance);
    for (size_t g = 0; g < m->count; g++) {
        size_t n = problem->layout->groups[g].size;
        for (size_t k = 0; k < ENTRIES; k++) {
            size_t at = oa_random_below(&random, n * n);
            double kept = m->d[g][at];
            m->d[g][at] = kept + 1e-4;
            double above = slow_distance(problem, (doubles)m->d, factors);
            m->d[g][at] = kept - 1e-4;
            double below = slow_distance(problem, (doubles)m->d, factors);
            m->d[g][at] = kept;
            double slope = 1.0 + share * (above - below) / 2e-4;
            if (!(fabs((double)m->gradient[g][at] - slope) <= 1e-4 * (scale + fabs(slope)))) {
                fail_msg("seed %llu, group %zu: gradient %zu is %g and not %g", (unsigned long long)seed, g, at,
                         (double)m->gradient[g][at], slope);
            }
        }
    }
}

/* Sum of <a, S b>, each constant times its factor. */
static double slow_inner(const oa_match_problem *problem, doubles s, const double *factors)
{
    double sum = 0.0;
    for (size_t t = 0; t < problem->a->tensor_count; t++) {
        const oa_tensor *shape = &problem->a->tensors[t];
        const oa_layout_tensor *item = &problem->layout->tensors[t];
        if (!item->moves || item->is_statistic || !oa_dtype_is_float(shape->dtype) || !shape->count) {
            continue;
        }
        double *b = oa_malloc(shape->count, sizeof *b);
        assert_non_null(b);
        slow_apply(b, problem, t, s);
        for (size_t i = 0; i < shape->count; i++) {
            double a;
            oa_floats_to_f64(&a, (const char *)shape->data + i * oa_dtype_size(shape->dtype), shape->dtype, 1);
            sum += factors[t] * a * b[i];
        }
        oa_free(b);
    }
    return sum;
}

static void check_inner(const oa_match_problem *problem, oa_soft *soft, matrices *m, const double *factors,
                        uint64_t seed)
{
    const double share = -1.5;
    double inner = -1.0, expected = slow_inner(problem, (doubles)m->d, factors), scale = size_of(problem, m);
    oa_random random;
    oa_random_init(&random, seed + 55);
    for (size_t g = 0; g < m->count; g++) {
        size_t n = problem->layout->groups[g].size;
        memset(m->gradient[g], 0, n * n * sizeof(float));
    }
    assert_int_equal(oa_soft_inner(&inner, m->gradient, soft, (floats)m->f, factors, share, NULL), OA_OK);
    if (!(fabs(inner - expected) <= TOLERANCE * scale)) {
        fail_msg("seed %llu: the inner product is %g and not %g", (unsigned long long)seed, inner, expected);
    }
    double again = -1.0;
    assert_int_equal(oa_soft_inner(&again, NULL, soft, (floats)m->f, factors, 1.0, NULL), OA_OK);
    assert_true(again == inner);
    for (size_t g = 0; g < m->count; g++) {
        size_t n = problem->layout->groups[g].size;
        for (size_t k = 0; k < ENTRIES; k++) {
            size_t at = oa_random_below(&random, n * n);
            double kept = m->d[g][at];
            m->d[g][at] = kept + 1e-3;
            double above = slow_inner(problem, (doubles)m->d, factors);
            m->d[g][at] = kept - 1e-3;
            double below = slow_inner(problem, (doubles)m->d, factors);
            m->d[g][at] = kept;
            double slope = share * (above - below) / 2e-3;
            if (!(fabs((double)m->gradient[g][at] - slope) <= 1e-4 * (scale + fabs(slope)))) {
                fail_msg("seed %llu, group %zu: gradient %zu is %g and not %g", (unsigned long long)seed, g, at,
                         (double)m->gradient[g][at], slope);
            }
        }
    }
}

static void check(const oa_match_problem *problem, uint64_t seed)
{
    oa_soft *soft = NULL;
    oa_error error = {0};
    matrices m;
    double *factors = oa_calloc(problem->a->tensor_count, sizeof *factors);
    assert_non_null(factors);
    for (size_t t = 0; t < problem->a->tensor_count; t++) {
        factors[t] = 0.5 + (double)(t % 3);
    }
    make_matrices(&m, problem->layout, seed);
    if (oa_soft_create(&soft, problem, &error) != OA_OK) {
        fail_msg("seed %llu: %s", (unsigned long long)seed, error.message);
    }
    check_distance(problem, soft, &m, NULL, seed);
    check_apply(problem, soft, &m, seed);
    check_distance(problem, soft, &m, factors, seed);
    check_inner(problem, soft, &m, factors, seed);
    check_distance(problem, soft, &m, NULL, seed);
    oa_soft_destroy(soft);
    oa_free(factors);
    free_matrices(&m);
}

static void soft__equals_plain_sums_on_random_layouts(void **state)
{
    size_t groups = 0, tensor_b[TENSORS_MAX];
    (void)state;
    for (size_t t = 0; t < TENSORS_MAX; t++) {
        tensor_b[t] = t;
    }
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        random_layout a, b;
        random_layout_create(&a, seed, seed, OA_DTYPE_UNDEFINED);
        random_layout_create(&b, seed, seed + 1000000, OA_DTYPE_UNDEFINED);
        check(&(oa_match_problem){.layout = a.layout, .a = a.graph, .b = b.graph, .tensor_b = tensor_b}, seed);
        groups += a.layout->group_count;
        random_layout_free(&a);
        random_layout_free(&b);
    }
    print_message("%d layouts, %zu groups\n", LAYOUTS, groups);
    assert_true(groups > LAYOUTS);
}

static void soft__equals_plain_sums_on_models(void **state)
{
    static model_builder *const models[] = {
        build_mlp,    build_cnn,           build_residual, build_attention,       build_recurrent,
        build_square, build_outer_product, build_six,      build_grouped_queries, build_grouped};
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(models); i++) {
        pair p;
        pair_create(&p, models[i], i + 1, i + 50);
        check(&p.problem, i);
        pair_free(&p);
    }
}

/* A hard permutation's matrix moves as the permutation does: statistics too, and to the byte where only one group
 * moves a constant (sums with zeros are exact). */
static void soft__with_hard_permutations_reorders(void **state)
{
    static model_builder *const models[] = {
        build_mlp, build_cnn, build_attention, build_outer_product, build_grouped_queries, build_grouped};
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(models); i++) {
        pair p;
        matrices m;
        oa_random random;
        oa_permutations permutations;
        oa_soft *soft = NULL;
        oa_payloads payloads;
        double hard, distance;
        pair_create(&p, models[i], 3, 4);
        make_matrices(&m, p.layout, 1);
        oa_random_init(&random, 5);
        assert_int_equal(oa_permutations_init(&permutations, p.layout, NULL), OA_OK);
        oa_permutations_random(&permutations, p.layout, &random);
        for (size_t g = 0; g < m.count; g++) {
            size_t n = p.layout->groups[g].size;
            memset(m.f[g], 0, n * n * sizeof(float));
            for (size_t k = 0; k < n; k++) {
                m.f[g][k * n + permutations.of[g][k]] = 1.0f;
            }
        }
        assert_int_equal(oa_payloads_init(&payloads, p.problem.b, NULL), OA_OK);
        assert_int_equal(oa_layout_apply(&payloads, p.layout, p.problem.b, p.problem.tensor_b, &permutations, NULL),
                         OA_OK);
        float **moved = oa_calloc(p.problem.a->tensor_count, sizeof *moved);
        for (size_t t = 0; t < p.problem.a->tensor_count; t++) {
            if (p.layout->tensors[t].moves) {
                moved[t] = oa_calloc(p.problem.a->tensors[t].count, sizeof(float));
            }
        }
        assert_int_equal(oa_soft_create(&soft, &p.problem, NULL), OA_OK);
        assert_int_equal(oa_soft_apply(moved, soft, (floats)m.f, NULL), OA_OK);
        for (size_t t = 0; t < p.problem.a->tensor_count; t++) {
            if (moved[t]) {
                assert_memory_equal(moved[t], payloads.data[p.problem.tensor_b[t]],
                                    p.problem.a->tensors[t].count * sizeof(float));
                oa_free(moved[t]);
            }
        }
        /* Constants that do not move count in the one and not in the other. */
        double fixed = 0.0;
        for (size_t t = 0; t < p.problem.a->tensor_count; t++) {
            const oa_layout_tensor *item = &p.layout->tensors[t];
            const oa_tensor *a = &p.problem.a->tensors[t];
            for (size_t k = 0;
                 k < a->count && item->is_used && !item->moves && !item->is_statistic && oa_dtype_is_float(a->dtype);
                 k++) {
                double change = (double)((const float *)a->data)[k] -
                                (double)((const float *)p.problem.b->tensors[p.problem.tensor_b[t]].data)[k];
                fixed += change * change;
            }
        }
        assert_int_equal(oa_soft_distance(&distance, NULL, soft, (floats)m.f, NULL, 1.0, NULL), OA_OK);
        assert_int_equal(oa_match_distance(&hard, &p.problem, &permutations, NULL), OA_OK);
        assert_true(fabs(distance + fixed - hard) < 1e-5 * hard);
        oa_soft_destroy(soft);
        oa_free(moved);
        oa_payloads_free(&payloads);
        oa_permutations_free(&permutations);
        free_matrices(&m);
        pair_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft__equals_plain_sums_on_random_layouts),
        cmocka_unit_test(soft__equals_plain_sums_on_models),
        cmocka_unit_test(soft__with_hard_permutations_reorders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
