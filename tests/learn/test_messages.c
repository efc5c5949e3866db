/* The messages encoder: it commutes with reordering, transposes with the order of the models, finds what was planted,
 * and its gradients are those of central differences; on random models of every structure that has a symmetry rule. */
#include "tests/learn/encoded.h"
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

/* Reordering changes the order of sums of up to a few hundred float32 terms, a few layers deep: 1e-4 of rows of norm 1
 * and of layer norms that may divide by small spreads. A wrong row is off by about 1. */
static const double FEATURE_TOLERANCE = 2e-3;

static void encoder__commutes_with_reordering_and_transposes_on_random_models(void **state)
{
    oa_aligner_config config = small_config();
    size_t with_groups = 0;
    (void)state;
    print_message("seeds 1 to %d\n", RANDOM_MODELS);
    for (uint64_t seed = 1; seed <= RANDOM_MODELS; seed++) {
        test_graph *g = test_graph_create(seed);
        const oa_graph *graph = random_graph_build(g, seed, 2 + seed % 10);
        oa_layout *layout;
        assert_int_equal(oa_layout_discover(&layout, graph, NULL, 0, NULL), OA_OK);
        with_groups += layout->group_count > 0;
        check_reordering(graph, layout, &config, seed, FEATURE_TOLERANCE);
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
    print_message("%zu of %d models have groups\n", with_groups, RANDOM_MODELS);
    assert_true(with_groups > RANDOM_MODELS / 4);
}

static void encoder__commutes_with_reordering_on_usual_models(void **state)
{
    model_builder *builders[] = {build_mlp,    build_cnn,       build_residual,        build_attention,
                                 build_square, build_recurrent, build_grouped_queries, build_grouped};
    oa_aligner_config config = small_config();
    (void)state;
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            pair p;
            pair_create(&p, builders[i], seed, seed + 50);
            check_reordering(p.problem.a, p.layout, &config, seed, FEATURE_TOLERANCE);
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
            if (oa_match_deep_align(&found, NULL, aligner, &p.problem, 1 + seed % 2, &error) != OA_OK) {
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

/* The loss of a training step without models that run: cross-entropy of refined scores against the identity. */
static double loss_of(encoded *e, const oa_layout *layout, float *gradient, const size_t *target)
{
    oa_error error = {0};
    oa_var terms[32];
    assert_true(layout->group_count <= 32);
    encoded_again(e, gradient);
    encoded_refined(terms, e, 0, 1);
    for (size_t g = 0; g < layout->group_count; g++) {
        terms[g] = oa_op_cross_entropy(e->tape, terms[g], target);
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
    model_builder *builders[] = {build_mlp,    build_cnn, build_residual, build_attention, build_grouped_queries,
                                 build_grouped};
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
        encoded_create(&e, &config, p.layout, p.problem.a, 7, first, second);
        /* Flat scores, so that the cross-entropy is smooth. */
        for (size_t i = 0; i < e.aligner->parameter_count; i++) {
            const oa_parameter *q = &e.aligner->parameters[i];
            if (strstr(q->name, "log_")) {
                e.aligner->values[q->offset] = strstr(q->name, "refine") ? 1.0f : 0.0f;
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

/* On a tape that does not record, only results stay; they must be the same, but for the order of a few sums of numbers
 * of about size 1. */
static void refined_scores__are_the_same_without_a_backward_pass(void **state)
{
    model_builder *builders[] = {
        build_mlp, build_cnn, build_residual, build_attention, build_square, build_grouped_queries, build_grouped};
    oa_aligner_config config = small_config();
    (void)state;
    for (size_t m = 0; m < sizeof builders / sizeof builders[0]; m++) {
        pair p, other;
        encoded e;
        oa_var kept[32], light[32];
        float *copies[32];
        pair_create(&p, builders[m], 5, 6);
        pair_create(&other, builders[m], 8, 9);
        size_t groups = p.layout->group_count;
        assert_true(groups <= 32);
        float **first = weights_of(p.problem.a, NULL), **second = weights_of(other.problem.a, NULL);
        encoded_create(&e, &config, p.layout, p.problem.a, 7, first, second);
        encoded_refined(kept, &e, 0, 1);
        for (size_t g = 0; g < groups; g++) {
            size_t bytes = p.layout->groups[g].size * p.layout->groups[g].size * sizeof(float);
            copies[g] = oa_malloc(bytes, 1);
            assert_non_null(copies[g]);
            memcpy(copies[g], oa_tape_data(e.tape, kept[g]), bytes);
        }
        encoded_again(&e, NULL);
        oa_tape_record(e.tape, false);
        encoded_refined(light, &e, 0, 1);
        for (size_t g = 0; g < groups; g++) {
            size_t count = p.layout->groups[g].size * p.layout->groups[g].size;
            const float *data = oa_tape_data(e.tape, light[g]);
            for (size_t i = 0; i < count; i++) {
                assert_true(fabsf(data[i] - copies[g][i]) <= 1e-5f * (1.0f + fabsf(copies[g][i])));
            }
            oa_free(copies[g]);
        }
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
        cmocka_unit_test(refined_scores__are_the_same_without_a_backward_pass),
        cmocka_unit_test(gradients__are_those_of_central_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
