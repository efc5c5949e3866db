/* Sinkhorn matching by the distance of the weights: what it finds, where it starts from, and that it never ends worse.
 * Distances are measured anew by oa_match_distance, which it does not take its steps by. */
#include "core/soft/match_sinkhorn.h"
#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"

#include <string.h>

typedef struct fixture {
    pair p;
    oa_permutations planted, found;
} fixture;

static void set_up(fixture *f, model_builder *build, double noise, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    pair_create(&f->p, build, seed, seed + 50);
    assert_int_equal(oa_permutations_init(&f->planted, f->p.layout, NULL), OA_OK);
    assert_int_equal(oa_permutations_init(&f->found, f->p.layout, NULL), OA_OK);
    oa_permutations_random(&f->planted, f->p.layout, &random);
    pair_plant(&f->p, &f->planted, noise, seed);
}

static void tear_down(fixture *f)
{
    oa_permutations_free(&f->planted);
    oa_permutations_free(&f->found);
    pair_free(&f->p);
}

static double distance(const fixture *f, const oa_permutations *permutations)
{
    double value = 0.0;
    assert_int_equal(oa_match_distance(&value, &f->p.problem, permutations, NULL), OA_OK);
    return value;
}

static void match(fixture *f, const oa_soft_settings *settings, oa_soft_info *info)
{
    oa_error error = {0};
    if (oa_match_sinkhorn(&f->found, &f->p.problem, settings, info, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
}

static void sinkhorn__finds_what_was_planted(void **state)
{
    model_builder *builders[] = {build_mlp, build_cnn, build_residual};
    oa_soft_settings settings = oa_sinkhorn_settings_default(NULL, NULL, 0);
    (void)state;
    settings.iterations = 300;
    print_message("seeds 1 to 10\n");
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        for (uint64_t seed = 1; seed <= 10; seed++) {
            fixture f;
            set_up(&f, builders[i], 0.1, seed);
            match(&f, &settings, NULL);
            if (!same_permutations(&f.found, &f.planted, f.p.layout)) {
                fail_msg("model %zu, seed %llu: distance %g, planted %g", i, (unsigned long long)seed,
                         distance(&f, &f.found), distance(&f, &f.planted));
            }
            tear_down(&f);
        }
    }
}

static void sinkhorn__is_never_worse_than_its_start_and_says_what_it_got(void **state)
{
    oa_soft_settings settings = oa_sinkhorn_settings_default(NULL, NULL, 0);
    (void)state;
    settings.iterations = 40;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        fixture f;
        oa_soft_info info = {0};
        oa_random random;
        set_up(&f, build_square, 1.0, seed);
        oa_random_init(&random, seed + 1000);
        oa_permutations_random(&f.found, f.p.layout, &random);
        settings.continues = seed % 2 == 0;
        double before = distance(&f, &f.found);
        match(&f, &settings, &info);
        double after = distance(&f, &f.found);
        assert_true(after <= before * (1.0 + 1e-9));
        assert_true(info.iterations == 40 && info.best <= info.start);
        assert_true(info.start > 0.999 * before && info.start < 1.001 * before);
        assert_true(info.best > 0.999 * after && info.best < 1.001 * after);
        tear_down(&f);
    }
}

/* Exchanges the partners of the first two units of every group. */
static void disturb(oa_permutations *permutations, const oa_layout *layout)
{
    for (size_t g = 0; g < layout->group_count; g++) {
        if (layout->groups[g].size > 1) {
            size_t *of = permutations->of[g], first = of[0];
            of[0] = of[1];
            of[1] = first;
        }
    }
}

static void sinkhorn__leaves_a_start_that_is_not_the_best(void **state)
{
    oa_soft_settings settings = oa_sinkhorn_settings_default(NULL, NULL, 0);
    (void)state;
    settings.iterations = 100;
    settings.continues = true;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        fixture f;
        set_up(&f, build_mlp, 0.2, seed);
        oa_permutations_copy(&f.found, &f.planted, f.p.layout);
        disturb(&f.found, f.p.layout);
        match(&f, &settings, NULL);
        if (!same_permutations(&f.found, &f.planted, f.p.layout)) {
            fail_msg("seed %llu", (unsigned long long)seed);
        }
        tear_down(&f);
    }
}

static void sinkhorn__starts_from_scores_when_there_are_any(void **state)
{
    oa_soft_settings settings = oa_sinkhorn_settings_default(NULL, NULL, 0);
    (void)state;
    settings.iterations = settings.judged_every = 1;
    settings.rate = 1e-6;
    settings.continues = true;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        fixture f;
        oa_match_scores scores = {0};
        set_up(&f, build_cnn, 0.1, seed);
        oa_permutations_copy(&f.found, &f.planted, f.p.layout);
        disturb(&f.found, f.p.layout);
        settings.scores = NULL;
        match(&f, &settings, NULL);
        assert_false(same_permutations(&f.found, &f.planted, f.p.layout)); /* such a step goes nowhere */
        assert_int_equal(oa_match_scores_init(&scores, f.p.layout, NULL), OA_OK);
        for (size_t g = 0; g < f.p.layout->group_count; g++) {
            size_t n = f.p.layout->groups[g].size;
            for (size_t i = 0; i < n * n; i++) {
                scores.of[g][i] = i % n == f.planted.of[g][i / n] ? 40.0f : (float)(i % 7);
            }
        }
        settings.scores = &scores;
        match(&f, &settings, NULL);
        assert_true(same_permutations(&f.found, &f.planted, f.p.layout));
        oa_match_scores_free(&scores);
        tear_down(&f);
    }
}

static void sinkhorn__gives_the_same_again(void **state)
{
    oa_soft_settings settings = oa_sinkhorn_settings_default(NULL, NULL, 0);
    oa_soft_info info[2] = {{0}, {0}};
    fixture f[2];
    (void)state;
    settings.iterations = 60;
    for (size_t k = 0; k < 2; k++) {
        set_up(&f[k], build_cnn, 1.0, 4);
        settings.threads = 1 + k;
        match(&f[k], &settings, &info[k]);
    }
    assert_true(same_permutations(&f[0].found, &f[1].found, f[0].p.layout));
    assert_memory_equal(&info[0].best, &info[1].best, sizeof info[0].best);
    tear_down(&f[0]);
    tear_down(&f[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sinkhorn__finds_what_was_planted),
        cmocka_unit_test(sinkhorn__is_never_worse_than_its_start_and_says_what_it_got),
        cmocka_unit_test(sinkhorn__leaves_a_start_that_is_not_the_best),
        cmocka_unit_test(sinkhorn__starts_from_scores_when_there_are_any),
        cmocka_unit_test(sinkhorn__gives_the_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
