/* Planted recovery on the trained models of models/: B is a random reordering of A, exactly or with Gaussian noise of a
 * tenth of each tensor's standard deviation. Weight matching has to find every unit, in every one of 100 seeds. */
#include "core/match/match.h"
#include "onnx_io/model.h"
#include "planted.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 100 };

/* How many units are not where they belong, for one seed. */
static size_t wrong_units(const oa_graph *a, const oa_layout *layout, const size_t *same, uint64_t seed, double noise)
{
    oa_error error = {0};
    oa_random random;
    oa_permutations truth;
    oa_permutations found;
    planted b;
    double distance = -1.0;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&truth, layout, &error), OA_OK);
    assert_int_equal(oa_permutations_init(&found, layout, &error), OA_OK);
    oa_permutations_random(&truth, layout, &random);
    planted_make(&b, a, layout, &truth, noise, &random);

    oa_match_problem problem = {.layout = layout, .a = a, .b = &b.graph, .tensor_b = same};
    oa_match_settings settings = oa_match_settings_default();
    settings.seed = seed;
    settings.starts = 1; /* the first start alone has to find it */
    assert_int_equal(oa_match_weights(&found, &problem, &settings, NULL, &error), OA_OK);
    assert_int_equal(oa_match_distance(&distance, &problem, &found, &error), OA_OK);

    size_t wrong = planted_wrong(&found, &truth, layout);
    /* The distance left must be the noise's own, but for rounding of sums over some 1e6 squares in double. */
    if (wrong == 0 && fabs(distance - b.noise) > 1e-9 * b.noise + 1e-12) {
        print_message("seed %llu: distance %.12g, noise %.12g\n", (unsigned long long)seed, distance, b.noise);
        wrong = 1;
    }
    planted_free(&b);
    oa_permutations_free(&truth);
    oa_permutations_free(&found);
    return wrong;
}

static void check_model(const char *name, double noise)
{
    char path[1024];
    oa_error error = {0};
    oa_model *model = NULL;
    oa_layout *layout = NULL;
    snprintf(path, sizeof path, "%s/%s-a.onnx", OA_MODELS_DIR, name);
    if (oa_model_load(&model, path, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    const oa_graph *a = oa_model_graph(model);
    assert_int_equal(oa_layout_discover(&layout, a, NULL, 0, &error), OA_OK);
    size_t *same = malloc(a->tensor_count * sizeof *same);
    assert_non_null(same);
    for (size_t t = 0; t < a->tensor_count; t++) {
        same[t] = layout->tensors[t].is_used ? t : OA_NONE;
    }
    size_t recovered = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        size_t wrong = wrong_units(a, layout, same, seed, noise);
        recovered += wrong == 0;
        if (wrong) {
            print_message("%s, noise %g, seed %llu: %zu units wrong\n", name, noise, (unsigned long long)seed, wrong);
        }
    }
    print_message("%s, noise %g: %zu of %d seeds recovered\n", name, noise, recovered, SEEDS);
    assert_int_equal(recovered, SEEDS);
    free(same);
    oa_layout_destroy(layout);
    oa_model_destroy(model);
}

static void recovery__finds_every_unit_of_a_reordered_mlp(void **state)
{
    (void)state;
    check_model("mlp", 0.0);
}

static void recovery__finds_every_unit_of_a_noisy_mlp(void **state)
{
    (void)state;
    check_model("mlp", 0.1);
}

static void recovery__finds_every_unit_of_a_reordered_cnn(void **state)
{
    (void)state;
    check_model("cnn", 0.0);
}

static void recovery__finds_every_unit_of_a_noisy_cnn(void **state)
{
    (void)state;
    check_model("cnn", 0.1);
}

static void recovery__finds_every_unit_of_a_reordered_resnet(void **state)
{
    (void)state;
    check_model("resnet", 0.0);
}

static void recovery__finds_every_unit_of_a_noisy_resnet(void **state)
{
    (void)state;
    check_model("resnet", 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovery__finds_every_unit_of_a_reordered_mlp),
        cmocka_unit_test(recovery__finds_every_unit_of_a_noisy_mlp),
        cmocka_unit_test(recovery__finds_every_unit_of_a_reordered_cnn),
        cmocka_unit_test(recovery__finds_every_unit_of_a_noisy_cnn),
        cmocka_unit_test(recovery__finds_every_unit_of_a_reordered_resnet),
        cmocka_unit_test(recovery__finds_every_unit_of_a_noisy_resnet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
