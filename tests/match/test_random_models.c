/* The whole way on random models: pair, freeze, match, reorder. The second model, reordered, still computes its own
 * function, and is nearer to the first than it was, or as near. OA_TEST_SEED and OA_TEST_COUNT choose the models. */
#include "core/match/frozen.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/model_run.h"
#include "tests/support/random_graph.h"

#include <stdlib.h>

enum { MODELS = 800, STEPS_MAX = 12 };

static unsigned long long from_environment(const char *name, unsigned long long fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

/* The layout without the axes that both models hold the same. */
static void freeze(pair *p)
{
    oa_fixed_axis *list = NULL;
    size_t count = 0, capacity = 0;
    oa_layout *layout = NULL;
    assert_int_equal(oa_frozen_axes(&list, &count, &capacity, &p->problem, NULL), OA_OK);
    assert_int_equal(oa_layout_discover(&layout, p->problem.a, list, count, NULL), OA_OK);
    oa_layout_destroy(p->layout);
    oa_free(list);
    p->layout = layout;
    p->problem.layout = layout;
}

/* How far the outputs of b move when it is reordered; -1 when it cannot be told. */
static double distance_of_reordered(const pair *p, const oa_permutations *found, uint64_t seed)
{
    model_run run;
    oa_payloads payloads;
    model_run_start(&run, p->problem.b, seed);
    assert_int_equal(oa_payloads_init(&payloads, p->problem.b, NULL), OA_OK);
    assert_int_equal(oa_layout_apply(&payloads, p->layout, p->problem.b, p->problem.tensor_b, found, NULL), OA_OK);
    double distance = model_run_is_finite(&run) ? model_run_distance(&run, &payloads) : -1.0;
    oa_payloads_free(&payloads);
    model_run_free(&run);
    return distance;
}

static void match__keeps_the_function_and_comes_no_farther(void **state)
{
    (void)state;
    unsigned long long first = from_environment("OA_TEST_SEED", 1);
    unsigned long long count = from_environment("OA_TEST_COUNT", MODELS);
    size_t matched = 0, nearer = 0;
    print_message("seeds %llu to %llu\n", first, first + count - 1);
    for (unsigned long long seed = first; seed < first + count; seed++) {
        pair p = {.graphs = {test_graph_create(seed), test_graph_create(seed + 1000000)}};
        oa_error error = {0};
        p.graphs[0]->float_type = p.graphs[1]->float_type = seed % 2 ? OA_DTYPE_DOUBLE : OA_DTYPE_FLOAT;
        const oa_graph *a = random_graph_build(p.graphs[0], seed, 2 + seed % STEPS_MAX);
        const oa_graph *b = random_graph_build(p.graphs[1], seed, 2 + seed % STEPS_MAX);
        if (oa_pair_graphs(&p.pairing, a, b, &error) != OA_OK ||
            oa_layout_discover(&p.layout, a, NULL, 0, &error) != OA_OK) {
            fail_msg("seed %llu: %s", seed, error.message);
        }
        p.problem = (oa_match_problem){.layout = p.layout, .a = a, .b = b, .tensor_b = p.pairing.tensor_b};
        freeze(&p);
        oa_permutations found;
        double before, after;
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        oa_match_settings settings = oa_match_settings_default();
        if (oa_match_weights(&found, &p.problem, &settings, NULL, &error) != OA_OK) {
            fail_msg("seed %llu: %s", seed, error.message);
        }
        assert_int_equal(oa_match_distance(&before, &p.problem, NULL, NULL), OA_OK);
        assert_int_equal(oa_match_distance(&after, &p.problem, &found, NULL), OA_OK);
        double distance = distance_of_reordered(&p, &found, seed);
        /* Matching compares weights rounded to 11 bits, 2^-12 of them off. */
        if (!(after <= before * (1.0 + 1e-3)) || distance > (seed % 2 ? 1e-10 : 1e-4)) {
            fail_msg("seed %llu: distance %g before, %g after; the outputs of b moved by %g", seed, before, after,
                     distance);
        }
        matched += p.layout->group_count > 0;
        nearer += after < before;
        oa_permutations_free(&found);
        pair_free(&p);
    }
    print_message("%zu models with groups, %zu came nearer\n", matched, nearer);
    assert_true((double)nearer > 0.5 * (double)matched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match__keeps_the_function_and_comes_no_farther),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
