/* Planted recovery by activations: B is a random reordering of A, exactly or with Gaussian noise of a twentieth of each
 * tensor's standard deviation. The 1000 images beside the models have to be enough to find every unit. */
#include "core/match/activations.h"
#include "onnx_io/model.h"
#include "planted.h"
#include "plugin/cli/files.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 4, KEEP_ALL = 1 << 28 };

typedef struct trained {
    oa_model *model;
    const oa_graph *graph;
    oa_layout *layout;
    oa_batches images;
    size_t *same_tensor; /* the pairing of the model with itself */
    size_t *same_value;
} trained;

static void trained_load(trained *t, const char *name)
{
    char path[1024];
    oa_error error = {0};
    *t = (trained){0};
    snprintf(path, sizeof path, "%s/%s-a.onnx", OA_MODELS_DIR, name);
    if (oa_model_load(&t->model, path, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    t->graph = oa_model_graph(t->model);
    assert_int_equal(oa_layout_discover(&t->layout, t->graph, NULL, 0, &error), OA_OK);
    snprintf(path, sizeof path, "%s/fashion-test-images-1000.idx.gz", OA_MODELS_DIR);
    if (oa_data_open(&t->images, path, &t->graph->values[t->graph->inputs[0]], -1.0, KEEP_ALL, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    t->same_tensor = malloc(t->graph->tensor_count * sizeof *t->same_tensor);
    t->same_value = malloc(t->graph->value_count * sizeof *t->same_value);
    assert_true(t->same_tensor && t->same_value);
    for (size_t i = 0; i < t->graph->tensor_count; i++) {
        t->same_tensor[i] = t->layout->tensors[i].is_used ? i : OA_NONE;
    }
    for (size_t i = 0; i < t->graph->value_count; i++) {
        t->same_value[i] = i;
    }
}

static void trained_free(trained *t)
{
    free(t->same_tensor);
    free(t->same_value);
    oa_batches_close(&t->images);
    oa_layout_destroy(t->layout);
    oa_model_destroy(t->model);
}

/* How many units are not where they belong; dead ones, which nothing tells apart, do not count. Groups of several
 * carriers are assumed to have no dead units. */
static size_t wrong_units(const trained *t, uint64_t seed, double noise, bool uses_covariance)
{
    oa_error error = {0};
    oa_random random;
    oa_permutations truth, found;
    oa_activation_info info = {0};
    oa_activation_settings settings = oa_activation_settings_default();
    planted b;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&truth, t->layout, &error), OA_OK);
    assert_int_equal(oa_permutations_init(&found, t->layout, &error), OA_OK);
    oa_permutations_random(&truth, t->layout, &random);
    planted_make(&b, t->graph, t->layout, &truth, noise, &random);
    settings.uses_covariance = uses_covariance;
    oa_match_problem problem = {
        .layout = t->layout, .a = t->graph, .b = &b.graph, .tensor_b = t->same_tensor, .value_b = t->same_value};
    if (oa_match_activations(&found, &problem, &t->images, &settings, &info, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    assert_true(info.samples == 1000 && info.unmatched == 0 && info.passes == 1);
    size_t wrong = planted_wrong(&found, &truth, t->layout);
    print_message("seed %llu, noise %g: %zu units wrong, %zu dead, mean %g\n", (unsigned long long)seed, noise, wrong,
                  info.dead, info.after);
    /* Every live unit goes along with its copy fully, and a dead one with nothing. */
    size_t units = 0;
    for (size_t g = 0; g < t->layout->group_count; g++) {
        units += t->layout->groups[g].size;
    }
    if (noise == 0.0 && !uses_covariance) {
        assert_true(fabs(info.after - (1.0 - (double)info.dead / (double)units)) <= 1e-5);
    }
    planted_free(&b);
    oa_permutations_free(&truth);
    oa_permutations_free(&found);
    return info.dead > 1 && wrong <= info.dead ? 0 : wrong;
}

static void check_model(const char *name)
{
    trained t;
    trained_load(&t, name);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        assert_int_equal(wrong_units(&t, seed, seed % 2 ? 0.0 : 0.05, false), 0);
    }
    assert_int_equal(wrong_units(&t, SEEDS + 1, 0.0, true), 0);
    trained_free(&t);
}

static void activations__find_every_unit_of_a_reordered_mlp(void **state)
{
    (void)state;
    check_model("mlp");
}

static void activations__find_every_unit_of_a_reordered_cnn(void **state)
{
    (void)state;
    check_model("cnn");
}

static void activations__find_every_unit_of_a_reordered_resnet(void **state)
{
    (void)state;
    check_model("resnet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations__find_every_unit_of_a_reordered_mlp),
        cmocka_unit_test(activations__find_every_unit_of_a_reordered_cnn),
        cmocka_unit_test(activations__find_every_unit_of_a_reordered_resnet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
