/* The messages encoder: it commutes with reordering, transposes with the order of the models, finds what was planted,
 * and its gradients are those of central differences; on random models of every structure that has a symmetry rule. */
#include "core/learn/aligner.h"
#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/random_graph.h"

#include <math.h>
#include <string.h>

enum { RANDOM_MODELS = 150 };

static oa_aligner_config small_config(void)
{
    oa_aligner_config config = oa_aligner_config_default(OA_ENCODER_MESSAGES);
    config.channels = 24;
    config.rounds = 3;
    config.features = 32;
    config.probes = 16;
    return config;
}

/* All constants of a graph as float32, reordered when payloads are given. */
static float **weights_of(const oa_graph *graph, const oa_payloads *payloads)
{
    float **weights = oa_calloc(graph->tensor_count, sizeof *weights);
    assert_non_null(weights);
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const oa_tensor *tensor = &graph->tensors[t];
        if (oa_dtype_is_float(tensor->dtype)) {
            weights[t] = oa_malloc(tensor->count, sizeof(float));
            assert_non_null(weights[t]);
            oa_floats_to_f32(weights[t], oa_payload(payloads, graph, t), tensor->dtype, tensor->count);
        }
    }
    return weights;
}

static void free_weights(float **weights, const oa_graph *graph)
{
    for (size_t t = 0; t < graph->tensor_count; t++) {
        oa_free(weights[t]);
    }
    oa_free(weights);
}

/* Two models on a tape. */
typedef struct encoded {
    oa_aligner_plan *plan;
    oa_aligner *aligner;
    oa_aligner_leaves leaves;
    oa_packed *packed[2];
    oa_tape *tape;
    oa_var *features;
} encoded;

static void encode(encoded *e, const oa_aligner_config *config, const oa_layout *layout, const oa_graph *graph,
                   float **first, float **second)
{
    oa_error error = {0};
    *e = (encoded){0};
    assert_int_equal(oa_aligner_plan_create(&e->plan, config, layout, graph, &error), OA_OK);
    assert_int_equal(oa_aligner_create(&e->aligner, config, e->plan, 7, &error), OA_OK);
    assert_int_equal(oa_tape_create(&e->tape, &error), OA_OK);
    assert_int_equal(oa_packed_create(&e->packed[0], e->plan, (const float *const *)first, &error), OA_OK);
    assert_int_equal(oa_packed_create(&e->packed[1], e->plan, (const float *const *)second, &error), OA_OK);
    assert_int_equal(oa_aligner_leaves_init(&e->leaves, e->tape, e->aligner, NULL, &error), OA_OK);
    e->features = oa_calloc(layout->group_count, sizeof *e->features);
    assert_non_null(e->features);
    oa_aligner_encode(e->features, e->tape, &e->leaves, e->plan, (const oa_packed *const *)e->packed, 2);
    if (oa_tape_status(e->tape, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
}

static void encoded_free(encoded *e)
{
    oa_free(e->features);
    oa_aligner_leaves_free(&e->leaves);
    oa_tape_destroy(e->tape);
    oa_packed_destroy(e->packed[0]);
    oa_packed_destroy(e->packed[1]);
    oa_aligner_destroy(e->aligner);
    oa_aligner_plan_destroy(e->plan);
}

/* Reordering changes the order of sums of up to a few hundred float32 terms, a few layers deep: 1e-4 of rows of norm 1
 * and of layer norms that may divide by small spreads. A wrong row is off by about 1. */
static const double FEATURE_TOLERANCE = 2e-3;

static void check_reordering(const oa_graph *graph, const oa_layout *layout, uint64_t seed)
{
    oa_permutations p;
    oa_payloads payloads;
    oa_random random;
    oa_aligner_config config = small_config();
    encoded e;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&p, layout, NULL), OA_OK);
    oa_permutations_random(&p, layout, &random);
    assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
    assert_int_equal(oa_layout_apply(&payloads, layout, graph, NULL, &p, NULL), OA_OK);
    float **plain = weights_of(graph, NULL), **moved = weights_of(graph, &payloads);
    encode(&e, &config, layout, graph, plain, moved);
    for (size_t g = 0; g < layout->group_count; g++) {
        size_t n = layout->groups[g].size;
        const float *f = oa_tape_data(e.tape, e.features[g]), *f_moved = f + n * config.features;
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < config.features; k++) {
                double x = (double)f[p.of[g][i] * config.features + k], y = (double)f_moved[i * config.features + k];
                if (!(fabs(x - y) <= FEATURE_TOLERANCE)) {
                    fail_msg("seed %llu, group %zu of size %zu, unit %zu, feature %zu: %g, reordered %g",
                             (unsigned long long)seed, g, n, i, k, x, y);
                }
            }
        }
        oa_var forward =
            oa_aligner_scores(e.tape, &e.leaves, e.plan, (const oa_packed *const *)e.packed, e.features, g, 0, 1);
        oa_var backward =
            oa_aligner_scores(e.tape, &e.leaves, e.plan, (const oa_packed *const *)e.packed, e.features, g, 1, 0);
        assert_int_equal(oa_tape_status(e.tape, NULL), OA_OK);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                double x = (double)oa_tape_data(e.tape, forward)[i * n + j];
                double y = (double)oa_tape_data(e.tape, backward)[j * n + i];
                assert_true(fabs(x - y) <= 1e-4 * (1.0 + fabs(x))); /* the same products, in the same order or not */
            }
        }
    }
    encoded_free(&e);
    free_weights(plain, graph);
    free_weights(moved, graph);
    oa_payloads_free(&payloads);
    oa_permutations_free(&p);
}

static void encoder__commutes_with_reordering_and_transposes_on_random_models(void **state)
{
    size_t with_groups = 0;
    (void)state;
    print_message("seeds 1 to %d\n", RANDOM_MODELS);
    for (uint64_t seed = 1; seed <= RANDOM_MODELS; seed++) {
        test_graph *g = test_graph_create(seed);
        const oa_graph *graph = random_graph_build(g, seed, 2 + seed % 10);
        oa_layout *layout;
        assert_int_equal(oa_layout_discover(&layout, graph, NULL, 0, NULL), OA_OK);
        with_groups += layout->group_count > 0;
        check_reordering(graph, layout, seed);
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
    print_message("%zu of %d models have groups\n", with_groups, RANDOM_MODELS);
    assert_true(with_groups > RANDOM_MODELS / 4);
}

static void encoder__commutes_with_reordering_on_usual_models(void **state)
{
    model_builder *builders[] = {build_mlp, build_cnn, build_residual, build_attention, build_square, build_recurrent};
    (void)state;
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            pair p;
            pair_create(&p, builders[i], seed, seed + 50);
            check_reordering(p.problem.a, p.layout, seed);
            pair_free(&p);
        }
    }
}

/* Proposition 5 of the paper: for weights in general position the planted reordering comes out, whatever the
 * parameters. */
static void deep_align__finds_what_was_planted(void **state)
{
    model_builder *builders[] = {build_mlp, build_cnn, build_residual, build_square};
    oa_aligner_config config = small_config();
    oa_aligner *aligner;
    (void)state;
    assert_int_equal(oa_aligner_create(&aligner, &config, NULL, 3, NULL), OA_OK);
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        for (uint64_t seed = 1; seed <= 10; seed++) {
            pair p;
            oa_permutations planted, found;
            oa_random random;
            oa_error error = {0};
            oa_random_init(&random, seed);
            pair_create(&p, builders[i], seed, seed + 50);
            assert_int_equal(oa_permutations_init(&planted, p.layout, NULL), OA_OK);
            assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
            oa_permutations_random(&planted, p.layout, &random);
            pair_plant(&p, &planted, 0.0, seed);
            if (oa_match_deep_align(&found, NULL, aligner, &p.problem, &error) != OA_OK) {
                fail_msg("%s", error.message);
            }
            if (!same_permutations(&found, &planted, p.layout)) {
                fail_msg("model %zu, seed %llu: another reordering", i, (unsigned long long)seed);
            }
            oa_permutations_free(&planted);
            oa_permutations_free(&found);
            pair_free(&p);
        }
    }
    oa_aligner_destroy(aligner);
}

/* The loss of a training step without the soft part: cross-entropy of scores against the identity. */
static double loss_of(encoded *e, const oa_layout *layout, float *gradient, const size_t *target)
{
    oa_error error = {0};
    oa_tape_reset(e->tape);
    oa_aligner_leaves_free(&e->leaves);
    assert_int_equal(oa_aligner_leaves_init(&e->leaves, e->tape, e->aligner, gradient, &error), OA_OK);
    oa_aligner_encode(e->features, e->tape, &e->leaves, e->plan, (const oa_packed *const *)e->packed, 2);
    oa_var terms[32];
    assert_true(layout->group_count <= 32);
    for (size_t g = 0; g < layout->group_count; g++) {
        terms[g] = oa_op_cross_entropy(
            e->tape,
            oa_aligner_scores(e->tape, &e->leaves, e->plan, (const oa_packed *const *)e->packed, e->features, g, 0, 1),
            target);
    }
    oa_var loss = oa_op_sum(e->tape, terms, NULL, layout->group_count);
    assert_int_equal(oa_tape_status(e->tape, &error), OA_OK);
    double value = (double)oa_tape_data(e->tape, loss)[0];
    if (gradient) {
        assert_int_equal(oa_tape_backward(e->tape, loss, 1.0f, &error), OA_OK);
    }
    return value;
}

/* Along random directions of the parameters: the slope of a central difference. The loss is of size 10 in float32, so
 * that a step of 1e-2 leaves 1e-4 of rounding; third derivatives along a direction of norm 1 add as much. */
static void gradients__are_those_of_central_differences(void **state)
{
    model_builder *builders[] = {build_mlp, build_cnn, build_residual, build_attention};
    oa_aligner_config config = small_config();
    size_t target[64];
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        target[i] = i;
    }
    for (size_t m = 0; m < sizeof builders / sizeof builders[0]; m++) {
        pair p;
        encoded e;
        pair_create(&p, builders[m], 5, 6);
        float **first = weights_of(p.problem.a, NULL);
        pair other;
        pair_create(&other, builders[m], 8, 9);
        float **second = weights_of(other.problem.a, NULL);
        encode(&e, &config, p.layout, p.problem.a, first, second);
        /* Flat scores, so that the cross-entropy is smooth. */
        for (size_t i = 0; i < e.aligner->parameter_count; i++) {
            const oa_parameter *q = &e.aligner->parameters[i];
            if (strcmp(q->name, "log_scale") == 0 || strncmp(q->name, "raw_", 4) == 0) {
                e.aligner->values[q->offset] = 1.0f;
            }
        }
        size_t count = e.aligner->value_count;
        float *gradient = oa_calloc(count, sizeof *gradient), *direction = oa_calloc(count, sizeof *direction);
        float *kept = oa_malloc(count, sizeof *kept);
        assert_true(gradient && direction && kept);
        memcpy(kept, e.aligner->values, count * sizeof *kept);
        (void)loss_of(&e, p.layout, gradient, target);
        for (uint64_t seed = 1; seed <= 6; seed++) {
            oa_random random;
            double norm = 0.0, expected = 0.0, slope[2];
            oa_random_init(&random, seed);
            for (size_t i = 0; i < count; i++) {
                direction[i] = (float)oa_random_normal(&random);
                norm += (double)direction[i] * (double)direction[i];
            }
            for (size_t i = 0; i < count; i++) {
                direction[i] /= (float)sqrt(norm);
                expected += (double)direction[i] * (double)gradient[i];
            }
            for (size_t k = 0; k < 2; k++) {
                float step = k ? -5e-2f : 5e-2f;
                for (size_t i = 0; i < count; i++) {
                    e.aligner->values[i] = kept[i] + step * direction[i];
                }
                slope[k] = loss_of(&e, p.layout, NULL, target);
            }
            double difference = (slope[0] - slope[1]) / 0.1;
            memcpy(e.aligner->values, kept, count * sizeof *kept);
            if (!(fabs(difference - expected) <= 2e-3 + 0.02 * fabs(expected))) {
                fail_msg("model %zu, direction %llu: slope %g, gradient %g", m, (unsigned long long)seed, difference,
                         expected);
            }
        }
        oa_free(gradient);
        oa_free(direction);
        oa_free(kept);
        free_weights(first, p.problem.a);
        free_weights(second, other.problem.a);
        encoded_free(&e);
        pair_free(&other);
        pair_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder__commutes_with_reordering_and_transposes_on_random_models),
        cmocka_unit_test(encoder__commutes_with_reordering_on_usual_models),
        cmocka_unit_test(deep_align__finds_what_was_planted),
        cmocka_unit_test(gradients__are_those_of_central_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
