/* Running variances of merged layers: the variance of a weighted sum of signals, with correlations that are the cosines
 * of the weights to the power 0.7 (docs/running-variances.md), written here as the plain double sum over the models. */
#include "core/merge/merge.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"
#include "tests/support/layout_text.h"

#include <math.h>
#include <string.h>

enum { SEEDS = 50, CHANNELS = 6, PARTS = 2 };

typedef const oa_graph *model_builder(test_graph *g);

/* Weights near to a shared one, so that all cosines are positive. */
static size_t weight(test_graph *g, size_t rank, const int64_t *dims)
{
    oa_random own = g->random;
    oa_random_init(&g->random, 77);
    g->scale = 1.0;
    size_t value = test_graph_weight(g, "weight", rank, dims);
    g->random = own;
    const oa_tensor *tensor = &g->graph->tensors[g->graph->values[value].tensor];
    for (size_t i = 0; i < tensor->count; i++) {
        ((float *)(uintptr_t)tensor->data)[i] += (float)(0.4 * oa_random_normal(&g->random));
    }
    return value;
}

static const oa_graph *finish(test_graph *g, size_t h)
{
    h = NODE(g, "BatchNormalization", "", h, WEIGHT(g, "scale", CHANNELS), WEIGHT(g, "shift", CHANNELS),
             WEIGHT(g, "mean", CHANNELS), POSITIVE(g, "variance", CHANNELS));
    test_graph_output(g, h);
    return test_graph_finish(g);
}

static const oa_graph *build_conv(test_graph *g)
{
    return finish(g, NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 5, 5), weight(g, 4, TEST_DIMS(CHANNELS, 3, 3, 3))));
}

static const oa_graph *build_gemm(test_graph *g)
{
    return finish(g, NODE(g, "Gemm", "", INPUT(g, "x", -1, 9), weight(g, 2, TEST_DIMS(9, CHANNELS)),
                          WEIGHT(g, "bias", CHANNELS)));
}

static const oa_graph *build_gemm_transposed(test_graph *g)
{
    return finish(g, NODE(g, "Gemm", "transB=1", INPUT(g, "x", -1, 9), weight(g, 2, TEST_DIMS(CHANNELS, 9))));
}

static const oa_graph *build_matmul(test_graph *g)
{
    return finish(g, NODE(g, "MatMul", "", INPUT(g, "x", -1, 9), weight(g, 2, TEST_DIMS(9, CHANNELS))));
}

/* Nothing is known about what feeds this one. */
static const oa_graph *build_alone(test_graph *g)
{
    return finish(g, NODE(g, "Relu", "", INPUT(g, "x", -1, CHANNELS)));
}

static float *floats_of(const oa_graph *graph, const char *name)
{
    return (float *)(uintptr_t)graph->tensors[test_graph_tensor(graph, name)].data;
}

/* products[c] = the inner product of a channel's weights in two models. */
static void inner_products(double *products, const oa_graph *graph, const float *x, const float *y)
{
    const oa_tensor *tensor = &graph->tensors[test_graph_tensor(graph, "weight")];
    size_t inner = tensor->dims[0] == CHANNELS ? tensor->count / CHANNELS : 1;
    memset(products, 0, CHANNELS * sizeof *products);
    for (size_t i = 0; i < tensor->count; i++) {
        products[i / inner % CHANNELS] += (double)x[i] * (double)y[i];
    }
}

/* expected[c] = sum over pairs of models of share * share * correlation * standard deviation * standard deviation. */
static void expect_variances(double *expected, const oa_graph *const *models, const double *weights)
{
    double products[CHANNELS];
    double own[PARTS + 1][CHANNELS];
    double shares[PARTS + 1] = {1.0};
    for (size_t m = 0; m <= PARTS; m++) {
        const float *values = floats_of(models[m], "weight");
        inner_products(own[m], models[m], values, values);
        if (m) {
            shares[m] = weights[m - 1];
            shares[0] -= weights[m - 1];
        }
    }
    memset(expected, 0, CHANNELS * sizeof *expected);
    for (size_t i = 0; i <= PARTS; i++) {
        for (size_t j = 0; j <= PARTS; j++) {
            inner_products(products, models[0], floats_of(models[i], "weight"), floats_of(models[j], "weight"));
            for (size_t c = 0; c < CHANNELS; c++) {
                double cosine = i == j ? 1.0 : products[c] / sqrt(own[i][c] * own[j][c]);
                double spread =
                    sqrt((double)floats_of(models[i], "variance")[c] * (double)floats_of(models[j], "variance")[c]);
                expected[c] += shares[i] * shares[j] * pow(cosine, 0.7) * spread;
            }
        }
    }
}

static void check_variance(model_builder *build, const double *weights, uint64_t seed)
{
    test_graph *graphs[PARTS + 1];
    const oa_graph *models[PARTS + 1];
    oa_merge_part parts[PARTS];
    oa_payloads payloads;
    double lengths[CHANNELS];
    for (size_t m = 0; m <= PARTS; m++) {
        graphs[m] = test_graph_create(seed * 10 + m);
        models[m] = build(graphs[m]);
        inner_products(lengths, models[m], floats_of(models[m], "weight"), floats_of(models[m], "weight"));
        for (size_t c = 0; c < CHANNELS; c++) {
            floats_of(models[m], "variance")[c] = (float)lengths[c];
        }
        if (m) {
            parts[m - 1] = (oa_merge_part){.graph = models[m], .weight = weights[m - 1]};
        }
    }
    oa_layout *layout = discover(models[0]);
    assert_int_equal(oa_payloads_init(&payloads, models[0], NULL), OA_OK);
    assert_int_equal(oa_merge(&payloads, models[0], layout, parts, PARTS, NULL), OA_OK);
    expect_variances(lengths, models, weights);
    const float *variance = payloads.data[test_graph_tensor(models[0], "variance")];
    for (size_t c = 0; c < CHANNELS; c++) {
        if (!(fabs((double)variance[c] - lengths[c]) <= 1e-5 * lengths[c])) {
            fail_msg("seed %llu, channel %zu: %g, expected %g", (unsigned long long)seed, c, (double)variance[c],
                     lengths[c]);
        }
    }
    oa_payloads_free(&payloads);
    oa_layout_destroy(layout);
    for (size_t m = 0; m <= PARTS; m++) {
        test_graph_destroy(graphs[m]);
    }
}

static void variance__is_that_of_the_merged_layer(void **state)
{
    (void)state;
    static model_builder *const builders[] = {build_conv, build_gemm, build_gemm_transposed, build_matmul};
    static const double weights[][PARTS] = {{0.5, 0.0}, {0.3, 0.3}, {0.6, 0.4}, {1.0, 0.0}, {0.0, 0.0}};
    for (size_t b = 0; b < TEST_COUNT(builders); b++) {
        for (size_t w = 0; w < TEST_COUNT(weights); w++) {
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                check_variance(builders[b], weights[w], seed);
            }
        }
    }
}

/* Merges two models of the last layer kind and gives the merged variances. */
static void merged_variance(float *variance, const oa_graph *a, const oa_graph *b, double share)
{
    oa_payloads payloads;
    oa_layout *layout = discover(a);
    oa_merge_part part = {.graph = b, .weight = share};
    assert_int_equal(oa_payloads_init(&payloads, a, NULL), OA_OK);
    assert_int_equal(oa_merge(&payloads, a, layout, &part, 1, NULL), OA_OK);
    memcpy(variance, payloads.data[test_graph_tensor(a, "variance")], CHANNELS * sizeof *variance);
    oa_payloads_free(&payloads);
    oa_layout_destroy(layout);
}

static void variance__of_opposite_or_dead_channels_stays_sensible(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1), *k = test_graph_create(1);
    const oa_graph *a = build_conv(g), *b = build_conv(k);
    float variance[CHANNELS];
    for (size_t i = 0; i < 27; i++) {
        floats_of(b, "weight")[i] = -floats_of(a, "weight")[i];                 /* channel 0: opposite */
        floats_of(b, "weight")[27 + i] = floats_of(a, "weight")[27 + i] = 0.0f; /* channel 1: dead in both */
        floats_of(b, "weight")[54 + i] = 0.0f;                                  /* channel 2: dead in one */
    }
    merged_variance(variance, a, b, 0.5);
    for (size_t c = 0; c < CHANNELS; c++) {
        assert_true(isfinite(variance[c]) && variance[c] > 0.0f);
    }
    /* Without data opposite signals are taken as unrelated: half of the variance is left. */
    assert_true(fabsf(variance[0] - 0.5f * floats_of(a, "variance")[0]) <= 1e-5f * variance[0]);
    assert_true(variance[1] == floats_of(a, "variance")[1]);
    assert_true(memcmp(variance + 3, floats_of(a, "variance") + 3, 3 * sizeof *variance) == 0);
    test_graph_destroy(g);
    test_graph_destroy(k);
}

static void variance__behind_anything_else_is_averaged(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1), *k = test_graph_create(2);
    const oa_graph *a = build_alone(g), *b = build_alone(k);
    float variance[CHANNELS];
    merged_variance(variance, a, b, 0.25);
    for (size_t c = 0; c < CHANNELS; c++) {
        float expected = 0.75f * floats_of(a, "variance")[c] + 0.25f * floats_of(b, "variance")[c];
        assert_true(fabsf(variance[c] - expected) <= 1e-6f * expected);
    }
    test_graph_destroy(g);
    test_graph_destroy(k);
}

static void variance__of_a_model_with_itself_is_its_own_bit_for_bit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        test_graph *g = test_graph_create(seed), *k = test_graph_create(seed);
        const oa_graph *a = build_conv(g), *b = build_conv(k);
        float variance[CHANNELS];
        merged_variance(variance, a, b, 0.3);
        assert_memory_equal(variance, floats_of(a, "variance"), sizeof variance);
        test_graph_destroy(g);
        test_graph_destroy(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variance__is_that_of_the_merged_layer),
        cmocka_unit_test(variance__of_opposite_or_dead_channels_stays_sensible),
        cmocka_unit_test(variance__behind_anything_else_is_averaged),
        cmocka_unit_test(variance__of_a_model_with_itself_is_its_own_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
