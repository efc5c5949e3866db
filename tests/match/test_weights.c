/* Weight matching: it never gets worse, it finds what was planted, it is optimal where the optimum can be listed, and
 * it is the same every time. */
#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEEDS = 20 };

static const struct {
    const char *name;
    model_builder *build;
} MODELS[] = {{"mlp", build_mlp},
              {"cnn", build_cnn},
              {"residual", build_residual},
              {"attention", build_attention},
              {"grouped queries", build_grouped_queries},
              {"grouped channels", build_grouped},
              {"masked", build_masked},
              {"square", build_square},
              {"square only", build_square_only},
              {"recurrent", build_recurrent},
              {"outer product", build_outer_product}};

static void random_permutations(oa_permutations *permutations, const oa_layout *layout, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(permutations, layout, NULL), OA_OK);
    oa_permutations_random(permutations, layout, &random);
}

static oa_match_info match(oa_permutations *permutations, const pair *p, const oa_match_settings *settings)
{
    oa_error error = {0};
    oa_match_info info = {0};
    if (oa_match_weights(permutations, &p->problem, settings, &info, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    return info;
}

/* In how many of SEEDS models a planted reordering is found, every unit of it. */
static size_t recovered(const char *name, model_builder *build, double noise)
{
    size_t count = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        pair p;
        oa_permutations planted, found;
        pair_create(&p, build, seed, seed + 100);
        random_permutations(&planted, p.layout, seed);
        pair_plant(&p, &planted, noise, seed + 200);
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        oa_match_settings settings = oa_match_settings_default();
        settings.seed = seed;
        match(&found, &p, &settings);
        bool is_found = same_permutations(&found, &planted, p.layout);
        if (is_found && noise == 0.0) {
            double distance;
            assert_int_equal(oa_match_distance(&distance, &p.problem, &found, NULL), OA_OK);
            assert_true(distance == 0.0);
        }
        count += is_found;
        oa_permutations_free(&planted);
        oa_permutations_free(&found);
        pair_free(&p);
    }
    print_message("%-13s noise %.1f: %zu of %d\n", name, noise, count, SEEDS);
    return count;
}

static void match__recovers_exact_copies(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        assert_true(recovered(MODELS[i].name, MODELS[i].build, 0.0) == SEEDS);
    }
}

static void match__recovers_noisy_copies(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        assert_true(recovered(MODELS[i].name, MODELS[i].build, 0.1) == SEEDS);
    }
}

/* The objective after k sweeps is the same run cut short: it must rise with k. */
static void match__objective_never_falls_over_sweeps(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            pair p;
            oa_permutations found;
            double last = -INFINITY;
            pair_create(&p, MODELS[i].build, seed, seed + 100);
            for (size_t sweeps = 0; sweeps <= 6; sweeps++) {
                oa_match_settings settings = {.seed = seed, .starts = 1, .sweeps_max = sweeps, .continues = seed % 2};
                random_permutations(&found, p.layout, seed);
                oa_match_info info = match(&found, &p, &settings);
                double inner = plain_inner(&p.problem, &found);
                assert_true(fabs(inner - info.inner_product) <= 1e-9 * (1.0 + fabs(inner)));
                if (!(inner >= last - 1e-7 * fabs(last))) {
                    fail_msg("%s, seed %llu: %.9g after sweep %zu, %.9g before", MODELS[i].name,
                             (unsigned long long)seed, inner, sweeps, last);
                }
                last = inner;
                oa_permutations_free(&found);
            }
            pair_free(&p);
        }
    }
}

/* Whatever it starts from, it does not end worse. */
static void match__never_ends_below_its_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            pair p;
            oa_permutations found;
            oa_match_settings settings = oa_match_settings_default();
            pair_create(&p, MODELS[i].build, seed, seed + 100);
            settings.seed = seed;
            random_permutations(&found, p.layout, seed);
            match(&found, &p, &settings); /* a good start */
            double start = plain_inner(&p.problem, &found);
            settings.seed = seed + 1;
            settings.starts = 1;
            match(&found, &p, &settings);
            double end = plain_inner(&p.problem, &found);
            if (!(end >= start - 1e-7 * fabs(start))) {
                fail_msg("%s, seed %llu: started from %.9g, ended at %.9g", MODELS[i].name, (unsigned long long)seed,
                         start, end);
            }
            oa_permutations_free(&found);
            pair_free(&p);
        }
    }
}

/* Holds some groups, never an inside without what it lies in, where `given` has them. The others start in order. */
static void hold_some(bool *held, oa_permutations *start, const oa_permutations *given, const oa_layout *layout,
                      oa_random *random)
{
    for (size_t leader = 0; leader < layout->group_count; leader++) {
        for (size_t g = oa_leads(layout, leader) ? leader : OA_NONE; g != OA_NONE;
             g = oa_next_inside(layout, leader, g)) {
            held[g] = held[leader] || g == leader ? oa_random_below(random, 2) == 0 : false;
            if (held[g]) {
                memcpy(start->of[g], given->of[g], layout->groups[g].size * sizeof *given->of[g]);
            } else if (g != leader) {
                oa_permutations_follow(start, layout, g);
            }
        }
    }
}

/* Groups that are held stay, right or wrong; beside those that are right the others are found. */
static void match__leaves_what_is_held(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof MODELS / sizeof *MODELS; k++) {
        size_t found_all = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            pair p;
            oa_permutations planted, other, start, found;
            oa_random random;
            oa_match_settings settings = oa_match_settings_default();
            bool held[64] = {false};
            pair_create(&p, MODELS[k].build, seed, seed + 100);
            assert_true(p.layout->group_count <= 64);
            random_permutations(&planted, p.layout, seed);
            random_permutations(&other, p.layout, seed + 500);
            pair_plant(&p, &planted, 0.0, seed + 200);
            oa_random_init(&random, seed + 300);
            settings.held = held;
            settings.continues = seed % 4 == 0;
            for (size_t is_right = 0; is_right < 2; is_right++) {
                assert_int_equal(oa_permutations_init(&start, p.layout, NULL), OA_OK);
                assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
                hold_some(held, &start, is_right ? &planted : &other, p.layout, &random);
                oa_permutations_copy(&found, &start, p.layout);
                assert_int_equal(match(&found, &p, &settings).starts, 1);
                for (size_t g = 0; g < p.layout->group_count; g++) {
                    size_t bytes = p.layout->groups[g].size * sizeof *found.of[g];
                    assert_true(!held[g] || memcmp(found.of[g], start.of[g], bytes) == 0);
                }
                double before, after;
                assert_int_equal(oa_match_distance(&before, &p.problem, &start, NULL), OA_OK);
                assert_int_equal(oa_match_distance(&after, &p.problem, &found, NULL), OA_OK);
                assert_true(after <= before * (1.0 + 1e-6));
                found_all += is_right && same_permutations(&found, &planted, p.layout);
                oa_permutations_free(&start);
                oa_permutations_free(&found);
            }
            oa_permutations_free(&planted);
            oa_permutations_free(&other);
            pair_free(&p);
        }
        print_message("%-16s %zu of %d\n", MODELS[k].name, found_all, SEEDS);
        assert_true(found_all * 2 >= SEEDS);
    }
}

static void match__is_deterministic(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        pair p;
        oa_permutations found, again;
        oa_match_settings settings = oa_match_settings_default();
        settings.seed = 5;
        pair_create(&p, MODELS[i].build, 1, 2);
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        assert_int_equal(oa_permutations_init(&again, p.layout, NULL), OA_OK);
        oa_match_info info = match(&found, &p, &settings);
        oa_match_info info_again = match(&again, &p, &settings);
        assert_true(same_permutations(&found, &again, p.layout));
        assert_true(info.inner_product == info_again.inner_product && info.sweeps == info_again.sweeps);
        assert_true(info.worst_inner_product <= info.inner_product && info.starts == settings.starts);
        oa_permutations_free(&found);
        oa_permutations_free(&again);
        pair_free(&p);
    }
}

/* A model and itself: nothing moves. */
static void match__of_a_model_with_itself_moves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        pair p;
        oa_permutations found;
        oa_match_settings settings = oa_match_settings_default();
        pair_create(&p, MODELS[i].build, 3, 3);
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        match(&found, &p, &settings);
        for (size_t g = 0; g < p.layout->group_count; g++) {
            assert_int_equal(oa_permutations_moved(&found, p.layout, g), 0);
        }
        oa_permutations_free(&found);
        pair_free(&p);
    }
}

/* Rows of zeros fit everywhere equally well: they stay where they are. */
static void match__keeps_dead_units_in_place(void **state)
{
    (void)state;
    pair p;
    oa_permutations found;
    oa_match_settings settings = oa_match_settings_default();
    static const char *const names[] = {"w1", "b1"};
    pair_create(&p, build_mlp, 4, 4);
    for (size_t i = 0; i < 2; i++) {
        for (size_t side = 0; side < 2; side++) {
            const oa_graph *graph = side ? p.problem.b : p.problem.a;
            const oa_tensor *w = &graph->tensors[test_graph_tensor(graph, names[i])];
            memset((char *)(uintptr_t)w->data + w->count / 4 * sizeof(float), 0, w->count / 2 * sizeof(float));
        }
    }
    const oa_tensor *w2 = &p.problem.a->tensors[test_graph_tensor(p.problem.a, "w2")];
    const oa_tensor *w2_b = &p.problem.b->tensors[test_graph_tensor(p.problem.b, "w2")];
    for (size_t row = 0; row < w2->dims[0]; row++) {
        memset((char *)(uintptr_t)w2->data + (row * 32 + 8) * sizeof(float), 0, 16 * sizeof(float));
        memset((char *)(uintptr_t)w2_b->data + (row * 32 + 8) * sizeof(float), 0, 16 * sizeof(float));
    }
    assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
    match(&found, &p, &settings);
    for (size_t g = 0; g < p.layout->group_count; g++) {
        assert_int_equal(oa_permutations_moved(&found, p.layout, g), 0);
    }
    oa_permutations_free(&found);
    pair_free(&p);
}

static void match__does_not_count_statistics(void **state)
{
    (void)state;
    pair p;
    oa_permutations planted, found;
    double before, after;
    oa_match_settings settings = oa_match_settings_default();
    pair_create(&p, build_cnn, 6, 7);
    random_permutations(&planted, p.layout, 8);
    pair_plant(&p, &planted, 0.0, 9);
    static const char *const names[] = {"mean", "variance"};
    for (size_t i = 0; i < 2; i++) {
        const oa_tensor *statistic = &p.problem.b->tensors[test_graph_tensor(p.problem.b, names[i])];
        for (size_t k = 0; k < statistic->count; k++) {
            ((float *)(uintptr_t)statistic->data)[k] = k % 2 ? 1e6f : -1e6f;
        }
    }
    assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
    assert_int_equal(oa_match_distance(&before, &p.problem, NULL, NULL), OA_OK);
    match(&found, &p, &settings);
    assert_int_equal(oa_match_distance(&after, &p.problem, &found, NULL), OA_OK);
    assert_true(same_permutations(&found, &planted, p.layout));
    assert_true(after == 0.0 && before > 1.0 && before < 1e6);
    oa_permutations_free(&planted);
    oa_permutations_free(&found);
    pair_free(&p);
}

static void match__refuses_nan_by_name(void **state)
{
    (void)state;
    for (size_t side = 0; side < 2; side++) {
        pair p;
        oa_permutations found;
        oa_error error = {0};
        oa_match_settings settings = oa_match_settings_default();
        pair_create(&p, build_mlp, 10, 11);
        const oa_graph *graph = side ? p.problem.b : p.problem.a;
        float *w = (float *)(uintptr_t)graph->tensors[test_graph_tensor(graph, "w3")].data;
        w[17] = side ? NAN : INFINITY;
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        found.of[0][0] = 1;
        found.of[0][1] = 0;
        assert_int_equal(oa_match_weights(&found, &p.problem, &settings, NULL, &error), OA_ERROR_INPUT);
        assert_non_null(strstr(error.message, "'w3'"));
        assert_non_null(strstr(error.message, "17"));
        assert_int_equal(found.of[0][0], 1); /* untouched */
        const size_t *of_b = side ? p.problem.tensor_b : NULL;
        assert_int_equal(oa_check_finite(graph, p.layout, of_b, &error), OA_ERROR_INPUT);
        assert_int_equal(
            oa_check_finite(side ? p.problem.a : p.problem.b, p.layout, side ? NULL : p.problem.tensor_b, &error),
            OA_OK);
        oa_permutations_free(&found);
        pair_free(&p);
    }
}

/* Steps to the next permutation in lexicographic order; false after the last. */
static bool next_permutation(size_t *p, size_t n)
{
    size_t i = n - 1;
    while (i > 0 && p[i - 1] >= p[i]) {
        i--;
    }
    for (size_t a = i, b = n - 1; a < b; a++, b--) {
        size_t swap = p[a];
        p[a] = p[b];
        p[b] = swap;
    }
    if (i == 0) {
        return false;
    }
    size_t j = i;
    while (p[j] < p[i - 1]) {
        j++;
    }
    size_t swap = p[i - 1];
    p[i - 1] = p[j];
    p[j] = swap;
    return true;
}

/* The best objective over all permutations of all groups. */
static double best_of_all(const pair *p)
{
    oa_permutations all;
    double best = -INFINITY;
    assert_int_equal(oa_permutations_init(&all, p->layout, NULL), OA_OK);
    size_t g = 0;
    while (g < p->layout->group_count) {
        best = fmax(best, plain_inner(&p->problem, &all));
        for (g = 0; g < p->layout->group_count && !next_permutation(all.of[g], p->layout->groups[g].size); g++) {
        }
    }
    oa_permutations_free(&all);
    return best;
}

static size_t optimal(model_builder *build, size_t starts)
{
    size_t count = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        pair p;
        oa_permutations found;
        oa_match_settings settings = oa_match_settings_default();
        settings.starts = starts;
        pair_create(&p, build, seed, seed + 100);
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        match(&found, &p, &settings);
        double best = best_of_all(&p);
        double inner = plain_inner(&p.problem, &found);
        assert_true(inner <= best + 1e-9 * fabs(best));
        count += inner >= best - 1e-6 * fabs(best);
        oa_permutations_free(&found);
        pair_free(&p);
    }
    return count;
}

static void match__of_one_group_is_optimal(void **state)
{
    (void)state;
    assert_int_equal(optimal(build_six, 1), SEEDS);
}

static void match__of_two_groups_is_optimal_with_enough_starts(void **state)
{
    (void)state;
    size_t one = optimal(build_four_and_four, 1);
    size_t many = optimal(build_four_and_four, 20);
    print_message("optimal in %zu of %d with one start, in %zu with 20\n", one, SEEDS, many);
    assert_int_equal(many, SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match__recovers_exact_copies),
        cmocka_unit_test(match__recovers_noisy_copies),
        cmocka_unit_test(match__objective_never_falls_over_sweeps),
        cmocka_unit_test(match__never_ends_below_its_start),
        cmocka_unit_test(match__leaves_what_is_held),
        cmocka_unit_test(match__is_deterministic),
        cmocka_unit_test(match__of_a_model_with_itself_moves_nothing),
        cmocka_unit_test(match__keeps_dead_units_in_place),
        cmocka_unit_test(match__does_not_count_statistics),
        cmocka_unit_test(match__refuses_nan_by_name),
        cmocka_unit_test(match__of_one_group_is_optimal),
        cmocka_unit_test(match__of_two_groups_is_optimal_with_enough_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
