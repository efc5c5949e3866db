/* How alike units are, against a plain sum over b as it stands once it has been reordered, and on planted models. */
#include "core/base/memory.h"
#include "core/match/similarity.h"
#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <string.h>

enum { UNITS_MAX = 128 };

static model_builder *const BUILDERS[] = {build_mlp,    build_cnn,       build_residual,     build_attention,
                                          build_square, build_recurrent, build_outer_product};
enum { BUILDER_COUNT = sizeof BUILDERS / sizeof BUILDERS[0] };

/* Sums of products of units of one tensor and occurrence: [n, n] of a with b, [n] of a and of b with themselves. */
typedef struct sums {
    double products[UNITS_MAX * UNITS_MAX], a[UNITS_MAX], b[UNITS_MAX];
} sums;

static void add_column(sums *s, size_t n, double *x, double *y)
{
    double mean_x = 0.0, mean_y = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean_x += x[i] / (double)n;
        mean_y += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        s->a[i] += (x[i] - mean_x) * (x[i] - mean_x);
        s->b[i] += (y[i] - mean_y) * (y[i] - mean_y);
        for (size_t j = 0; j < n; j++) {
            s->products[i * n + j] += (x[i] - mean_x) * (y[j] - mean_y);
        }
    }
}

/* b's constant is reordered as a whole first; then units are read where the occurrence says. */
static void add_occurrence(sums *s, const oa_match_problem *problem, const oa_occurrence *o, size_t n,
                           const oa_permutations *permutations)
{
    const oa_tensor *a = &problem->a->tensors[o->tensor];
    const oa_tensor *b = &problem->b->tensors[problem->tensor_b[o->tensor]];
    oa_tensor moved = *b;
    void *data = oa_malloc(b->count, oa_dtype_size(b->dtype));
    assert_non_null(data);
    memcpy(data, b->data, b->count * oa_dtype_size(b->dtype));
    if (permutations) {
        assert_int_equal(oa_layout_reorder(data, b->data, problem->layout, o->tensor, b, permutations, NULL), OA_OK);
    }
    moved.data = data;
    size_t inner = 1, outer = 1;
    for (size_t k = 0; k < a->rank; k++) {
        outer *= k < o->axis ? a->dims[k] : 1;
        inner *= k > o->axis ? a->dims[k] : 1;
    }
    for (size_t column = 0; column < outer * o->rest * inner; column++) {
        double x[UNITS_MAX], y[UNITS_MAX];
        for (size_t i = 0; i < n; i++) {
            size_t position = o->positions[i * o->rest + column / inner % o->rest];
            size_t at = (column / inner / o->rest * a->dims[o->axis] + position) * inner + column % inner;
            oa_floats_to_f64(&x[i], (const char *)a->data + at * oa_dtype_size(a->dtype), a->dtype, 1);
            oa_floats_to_f64(&y[i], (const char *)moved.data + at * oa_dtype_size(b->dtype), b->dtype, 1);
        }
        add_column(s, n, x, y);
    }
    oa_free(data);
}

static double share(double product, double x, double y)
{
    return x > 0.0 && y > 0.0 ? product / sqrt(x * y) : 0.0;
}

static void check_group(const oa_match_problem *problem, size_t group, const oa_permutations *permutations,
                        size_t shown_max)
{
    static sums s;
    const oa_layout *layout = problem->layout;
    size_t n = layout->groups[group].size;
    oa_similarity found = {0};
    double mean = 0.0;
    memset(&s, 0, sizeof s);
    assert_true(n <= UNITS_MAX);
    assert_int_equal(oa_similarity_measure(&found, problem, group, permutations, shown_max, NULL), OA_OK);
    for (size_t k = 0; k < layout->groups[group].occurrence_count; k++) {
        const oa_occurrence *o = &layout->occurrences[layout->groups[group].first_occurrence + k];
        bool counts = oa_dtype_is_float(problem->a->tensors[o->tensor].dtype) && layout->tensors[o->tensor].is_used &&
                      !layout->tensors[o->tensor].is_statistic;
        if (counts) {
            add_occurrence(&s, problem, o, n, permutations);
        }
    }
    for (size_t i = 0; i < n; i++) {
        mean += share(s.products[i * n + i], s.a[i], s.b[i]) / (double)n;
    }
    assert_true(fabs(found.mean - mean) < 1e-9); /* both in double; only the order of sums differs */
    assert_int_equal(found.shown, n < shown_max ? n : shown_max);
    for (size_t i = 0; i < found.shown; i++) {
        assert_true(found.units[i] < n && (!i || found.units[i] > found.units[i - 1]));
        for (size_t j = 0; j < found.shown; j++) {
            size_t u = found.units[i], v = found.units[j];
            assert_true(fabs((double)found.map[i * found.shown + j] - share(s.products[u * n + v], s.a[u], s.b[v])) <
                        1e-6); /* stored as float */
        }
    }
    oa_similarity_free(&found);
}

static void similarity__equals_plain_sums(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (size_t m = 0; m < BUILDER_COUNT; m++) {
            pair p;
            oa_permutations permutations = {0};
            oa_random random;
            oa_random_init(&random, seed);
            pair_create(&p, BUILDERS[m], seed, seed + 100);
            assert_int_equal(oa_permutations_init(&permutations, p.layout, NULL), OA_OK);
            oa_permutations_random(&permutations, p.layout, &random);
            for (size_t g = 0; g < p.layout->group_count; g++) {
                check_group(&p.problem, g, NULL, 5);
                check_group(&p.problem, g, &permutations, 32);
                check_group(&p.problem, g, &permutations, 0);
            }
            oa_permutations_free(&permutations);
            pair_free(&p);
        }
    }
}

/* A reordered copy: alike once it is put back, and not before. */
static void similarity__shows_a_planted_order(void **state)
{
    (void)state;
    for (size_t m = 0; m < BUILDER_COUNT; m++) {
        pair p;
        oa_permutations planted = {0};
        oa_random random;
        oa_random_init(&random, 5);
        pair_create(&p, BUILDERS[m], 1, 2);
        assert_int_equal(oa_permutations_init(&planted, p.layout, NULL), OA_OK);
        oa_permutations_random(&planted, p.layout, &random);
        pair_plant(&p, &planted, 0.0, 3);
        for (size_t g = 0; g < p.layout->group_count; g++) {
            oa_similarity before = {0}, after = {0};
            if (!p.layout->groups[g].occurrence_count) {
                continue; /* blocks that only lead their insides */
            }
            assert_int_equal(oa_similarity_measure(&before, &p.problem, g, NULL, 0, NULL), OA_OK);
            assert_int_equal(oa_similarity_measure(&after, &p.problem, g, &planted, 0, NULL), OA_OK);
            assert_true(after.mean > 1.0 - 1e-9);
            assert_true(before.mean < after.mean - 0.05 || p.layout->groups[g].size < 4);
            oa_similarity_free(&before);
            oa_similarity_free(&after);
        }
        oa_permutations_free(&planted);
        pair_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similarity__equals_plain_sums),
        cmocka_unit_test(similarity__shows_a_planted_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
