#include "tests/learn/encoded.h"

#include "tests/support/cmocka_all.h"

#include <math.h>

float **weights_of(const oa_graph *graph, const oa_payloads *payloads)
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

void free_weights(float **weights, const oa_graph *graph)
{
    for (size_t t = 0; t < graph->tensor_count; t++) {
        oa_free(weights[t]);
    }
    oa_free(weights);
}

void encoded_create(encoded *e, const oa_aligner_config *config, const oa_layout *layout, const oa_graph *graph,
                    uint64_t seed, float **first, float **second)
{
    oa_error error = {0};
    *e = (encoded){0};
    if (oa_aligner_plan_create(&e->plan, config, layout, graph, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(oa_aligner_create(&e->aligner, config, e->plan, seed, &error), OA_OK);
    assert_int_equal(oa_tape_create(&e->tape, &error), OA_OK);
    assert_int_equal(oa_packed_create(&e->packed[0], e->plan, (const float *const *)first, &error), OA_OK);
    assert_int_equal(oa_packed_create(&e->packed[1], e->plan, (const float *const *)second, &error), OA_OK);
    e->features = oa_calloc(layout->group_count, sizeof *e->features);
    assert_non_null(e->features);
    encoded_again(e, NULL);
}

void encoded_again(encoded *e, float *gradient)
{
    oa_error error = {0};
    oa_tape_reset(e->tape);
    oa_aligner_leaves_free(&e->leaves);
    assert_int_equal(oa_aligner_leaves_init(&e->leaves, e->tape, e->aligner, gradient, &error), OA_OK);
    oa_aligner_encode(e->features, e->tape, &e->leaves, e->plan, (const oa_packed *const *)e->packed, 2);
    if (oa_tape_status(e->tape, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
}

oa_var encoded_scores(const encoded *e, size_t group, size_t a, size_t b)
{
    return oa_aligner_scores(e->tape, &e->leaves, e->plan, (const oa_packed *const *)e->packed, e->features, group, a,
                             b);
}

void encoded_refined(oa_var *scores, const encoded *e, size_t a, size_t b)
{
    oa_aligner_refined_scores(scores, e->tape, &e->leaves, e->plan, (const oa_packed *const *)e->packed, e->features, a,
                              b);
    assert_int_equal(oa_tape_status(e->tape, NULL), OA_OK);
}

void encoded_free(encoded *e)
{
    oa_free(e->features);
    oa_aligner_leaves_free(&e->leaves);
    oa_tape_destroy(e->tape);
    oa_packed_destroy(e->packed[0]);
    oa_packed_destroy(e->packed[1]);
    oa_aligner_destroy(e->aligner);
    oa_aligner_plan_destroy(e->plan);
}

static void check_transposed(const encoded *e, oa_var forward, oa_var backward, size_t n, double tolerance)
{
    assert_int_equal(oa_tape_status(e->tape, NULL), OA_OK);
    for (size_t i = 0; i < n * n; i++) {
        double x = (double)oa_tape_data(e->tape, forward)[i];
        double y = (double)oa_tape_data(e->tape, backward)[i % n * n + i / n];
        if (!(fabs(x - y) <= tolerance * (1.0 + fabs(x)))) {
            fail_msg("units %zu and %zu: %g, transposed %g", i / n, i % n, x, y);
        }
    }
}

static void check_group(const encoded *e, const size_t *permutation, size_t group, size_t n, double tolerance,
                        uint64_t seed)
{
    size_t width = oa_tape_columns(e->tape, e->features[group]);
    assert_int_equal(oa_tape_rows(e->tape, e->features[group]), 2 * n);
    const float *plain = oa_tape_data(e->tape, e->features[group]), *moved = plain + n * width;
    for (size_t i = 0; i < n * width; i++) {
        double x = (double)plain[permutation[i / width] * width + i % width], y = (double)moved[i];
        if (!(fabs(x - y) <= tolerance)) {
            fail_msg("seed %llu, group %zu of size %zu, unit %zu, feature %zu: %g, reordered %g",
                     (unsigned long long)seed, group, n, i / width, i % width, x, y);
        }
    }
    /* The same products, in the same order or not. */
    check_transposed(e, encoded_scores(e, group, 0, 1), encoded_scores(e, group, 1, 0), n, 1e-4);
}

/* Scores between a model and its reordered copy, told of each other, are those of the model with itself, with columns
 * reordered; and they transpose. */
static void check_refined(const encoded *e, const oa_layout *layout, const oa_permutations *p, uint64_t seed)
{
    oa_var *scores[3];
    for (size_t k = 0; k < 3; k++) {
        scores[k] = oa_calloc(layout->group_count, sizeof **scores);
        assert_non_null(scores[k]);
        encoded_refined(scores[k], e, k == 1, k == 0);
    }
    for (size_t g = 0; g < layout->group_count; g++) {
        size_t n = layout->groups[g].size;
        check_transposed(e, scores[0][g], scores[1][g], n, 1e-3);
        for (size_t i = 0; i < n * n; i++) {
            double own = (double)oa_tape_data(e->tape, scores[2][g])[i / n * n + p->of[g][i % n]];
            double other = (double)oa_tape_data(e->tape, scores[0][g])[i];
            /* Of scores up to a hundred, from features that differ by rounding. */
            if (!(fabs(own - other) <= 0.3)) {
                fail_msg("seed %llu, group %zu, units %zu and %zu: refined score %g, reordered %g",
                         (unsigned long long)seed, g, i / n, i % n, own, other);
            }
        }
    }
    for (size_t k = 0; k < 3; k++) {
        oa_free(scores[k]);
    }
}

void check_reordering(const oa_graph *graph, const oa_layout *layout, const oa_aligner_config *config, uint64_t seed,
                      double tolerance)
{
    oa_permutations p;
    oa_payloads payloads;
    oa_random random;
    encoded e;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&p, layout, NULL), OA_OK);
    oa_permutations_random(&p, layout, &random);
    assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
    assert_int_equal(oa_layout_apply(&payloads, layout, graph, NULL, &p, NULL), OA_OK);
    float **plain = weights_of(graph, NULL), **moved = weights_of(graph, &payloads);
    encoded_create(&e, config, layout, graph, 7, plain, moved);
    for (size_t g = 0; g < layout->group_count; g++) {
        check_group(&e, p.of[g], g, layout->groups[g].size, tolerance, seed);
    }
    check_refined(&e, layout, &p, seed);
    encoded_free(&e);
    free_weights(plain, graph);
    free_weights(moved, graph);
    oa_payloads_free(&payloads);
    oa_permutations_free(&p);
}
