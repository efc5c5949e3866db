/* The loss of a pair and its derivative. */
#include "core/learn/objective.h"
#include "tests/learn/small_family.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Everything that one run of the objective needs. */
typedef struct bench {
    small_family *f;
    oa_aligner_plan *plan;
    oa_aligner *aligner;
    oa_objective *objective;
    oa_tape *tape;
    oa_objective_model models[2];
    float *weights[2];
    oa_packed *packed[2];
} bench;

static void prepare(bench *b, small_family *f, const oa_objective_settings *settings)
{
    oa_error error = {.status = OA_OK};
    oa_aligner_config config = oa_aligner_config_default(OA_ENCODER_MESSAGES);
    config.channels = 8;
    config.rounds = 2;
    config.features = 8;
    config.probes = 8;
    *b = (bench){.f = f};
    assert_int_equal(oa_aligner_plan_create(&b->plan, &config, f->layout, f->graphs[0], &error), OA_OK);
    assert_int_equal(oa_aligner_create(&b->aligner, &config, b->plan, 5, &error), OA_OK);
    if (oa_objective_create(&b->objective, &f->family, b->plan, settings, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(oa_tape_create(&b->tape, &error), OA_OK);
    for (size_t m = 0; m < 2; m++) {
        const float **pointers = oa_calloc(f->map.tensor_count, sizeof *pointers);
        b->weights[m] = small_family_weights(f, m);
        oa_weight_map_point(pointers, &f->map, b->weights[m]);
        assert_int_equal(oa_packed_create(&b->packed[m], b->plan, pointers, &error), OA_OK);
        b->models[m] = (oa_objective_model){.weights = b->weights[m], .packed = b->packed[m]};
        oa_free(pointers);
    }
}

static void finish(bench *b)
{
    for (size_t m = 0; m < 2; m++) {
        oa_packed_destroy(b->packed[m]);
        oa_free(b->weights[m]);
    }
    oa_tape_destroy(b->tape);
    oa_objective_destroy(b->objective);
    oa_aligner_destroy(b->aligner);
    oa_aligner_plan_destroy(b->plan);
    small_family_destroy(b->f);
}

static oa_objective_terms run(bench *b, float *gradient, uint64_t seed)
{
    oa_objective_terms terms = {0};
    oa_error error = {.status = OA_OK};
    if (oa_objective_run(&terms, gradient, b->objective, b->tape, b->aligner, &b->models[0], &b->models[1], seed,
                         &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    return terms;
}

static oa_objective_settings small_settings(double supervised, double alignment, double task)
{
    oa_objective_settings settings = oa_objective_settings_default();
    settings.supervised = supervised;
    settings.alignment = alignment;
    settings.task = task;
    settings.sinkhorn_iterations = 5;
    settings.batch = 8;
    return settings;
}

/* Compares the derivative along random directions with central differences. One direction through all parameters adds
 * up what single ones would hide in the rounding of a float loss: a loss of about 1 is known to 1e-7, a difference over
 * a step of 2h = 5e-4 in units of |direction| = 1 then to 4e-4, and the third derivative adds h^2 of its size, which is
 * large where a factor is an exponential; 3 % of the derivative's norm in each of six directions are above both and far
 * below a missing term. */
static void check_derivative(bench *b, uint64_t seed)
{
    enum { DIRECTIONS = 6 };
    const double h = 2.5e-4;
    size_t count = b->aligner->value_count;
    float *gradient = oa_calloc(count, sizeof *gradient);
    float *direction = oa_calloc(count, sizeof *direction);
    float *start = oa_calloc(count, sizeof *start);
    oa_random random;
    oa_random_init(&random, seed);
    assert_true(gradient && direction && start);
    memcpy(start, b->aligner->values, count * sizeof *start);
    oa_objective_terms terms = run(b, gradient, seed);
    assert_true(isfinite(terms.total) && terms.total > 0.0);
    double norm = 0.0;
    for (size_t i = 0; i < count; i++) {
        norm += (double)gradient[i] * (double)gradient[i];
    }
    norm = sqrt(norm);
    assert_true(norm > 1e-3);
    for (int k = 0; k < DIRECTIONS; k++) {
        double along = 0.0, length = 0.0;
        for (size_t i = 0; i < count; i++) {
            /* Half towards the gradient, so that the derivative is not lost among thousands of parameters. */
            direction[i] = (float)(oa_random_normal(&random) / sqrt((double)count) + (double)gradient[i] / norm);
            length += (double)direction[i] * (double)direction[i];
        }
        for (size_t i = 0; i < count; i++) {
            direction[i] /= (float)sqrt(length);
            along += (double)direction[i] * (double)gradient[i];
        }
        double at[2];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < count; i++) {
                b->aligner->values[i] = start[i] + (float)(side ? h : -h) * direction[i];
            }
            at[side] = run(b, NULL, seed).total;
        }
        memcpy(b->aligner->values, start, count * sizeof *start);
        double difference = (at[1] - at[0]) / (2.0 * h);
        if (!(fabs(difference - along) <= 0.03 * norm + 1e-4)) {
            fail_msg("seed %llu, direction %d: derivative %g, central difference %g, norm %g", (unsigned long long)seed,
                     k, along, difference, norm);
        }
    }
    oa_free(gradient);
    oa_free(direction);
    oa_free(start);
}

static void objective__has_the_derivative_of_each_term_alone(void **state)
{
    (void)state;
    for (int term = 0; term < 3; term++) {
        bench b;
        small_family *f = small_family_create(SMALL_MLP, 2, 11, false);
        small_family_add_samples(f, 12, SMALL_LABELS, 3);
        oa_objective_settings settings = small_settings(term == 0, term == 1, term == 2);
        prepare(&b, f, &settings);
        check_derivative(&b, 21 + (uint64_t)term);
        finish(&b);
    }
}

static void objective__has_the_derivative_of_all_terms_of_a_cnn(void **state)
{
    (void)state;
    bench b;
    small_family *f = small_family_create(SMALL_CNN, 2, 31, false);
    small_family_add_samples(f, 12, SMALL_LABELS, 3);
    oa_objective_settings settings = small_settings(1.0, 0.5, 1.0);
    prepare(&b, f, &settings);
    check_derivative(&b, 41);
    finish(&b);
}

static void objective__has_the_derivative_with_targets_and_with_own_outputs(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        bench b;
        small_family *f = small_family_create(SMALL_INR, 2, 51, false);
        small_family_add_samples(f, 12, own ? SMALL_OWN : SMALL_TARGETS, 3);
        oa_objective_settings settings = small_settings(0.0, 0.0, 1.0);
        prepare(&b, f, &settings);
        check_derivative(&b, 61);
        finish(&b);
    }
}

static void objective__adds_to_the_gradient_and_depends_on_the_seed_alone(void **state)
{
    (void)state;
    bench b;
    small_family *f = small_family_create(SMALL_MLP, 2, 71, false);
    oa_objective_settings settings = small_settings(1.0, 0.5, 1.0);
    prepare(&b, f, &settings);
    size_t count = b.aligner->value_count;
    float *once = oa_calloc(count, sizeof *once);
    float *twice = oa_calloc(count, sizeof *twice);
    assert_true(once && twice);
    oa_objective_terms first = run(&b, once, 7);
    (void)run(&b, twice, 8); /* another one between leaves no trace */
    memset(twice, 0, count * sizeof *twice);
    oa_objective_terms second = run(&b, twice, 7);
    assert_memory_equal(&first, &second, sizeof first);
    assert_memory_equal(once, twice, count * sizeof *once);
    (void)run(&b, twice, 7);
    for (size_t i = 0; i < count; i++) {
        /* The pass adds its terms one after the other to what is there: rounding, a few units in the last place. */
        assert_true(fabsf(twice[i] - 2.0f * once[i]) <= 1e-5f * fabsf(once[i]) + 1e-6f);
    }
    oa_objective_terms other = run(&b, NULL, 8);
    assert_true(other.supervised != first.supervised && other.alignment == first.alignment);
    oa_free(once);
    oa_free(twice);
    finish(&b);
}

static void objective__is_near_zero_for_copies_told_apart_with_certainty(void **state)
{
    (void)state;
    bench b;
    small_family *f = small_family_create(SMALL_MLP, 2, 81, true);
    oa_objective_settings settings = small_settings(1.0, 0.5, 0.0);
    settings.augmentation = (oa_augmentation){0};
    settings.sinkhorn_iterations = 20;
    prepare(&b, f, &settings);
    for (size_t i = 0; i < b.aligner->parameter_count; i++) {
        if (strcmp(b.aligner->parameters[i].name, "log_scale") == 0) {
            b.aligner->values[b.aligner->parameters[i].offset] = 7.0f; /* scores of a thousand: hard choices */
        }
    }
    oa_objective_terms terms = run(&b, NULL, 7);
    assert_true(terms.supervised < 0.05); /* a wrong unit would cost at least log 2 / 7 */
    assert_true(terms.alignment < 0.05);  /* what noise of 5 % leaves is 0.0025; unrelated weights leave 2 */
    finish(&b);
}

static void augment__reorders_and_keeps_everything_without_noise(void **state)
{
    (void)state;
    small_family *f = small_family_create(SMALL_CNN, 2, 91, false);
    oa_permutations p = {0};
    oa_random random;
    oa_augmentation none = {0}, much = {.noise = 0.4, .zeroing = 0.5};
    float *a = small_family_weights(f, 0), *copy = small_family_weights(f, 1), *scratch = small_family_weights(f, 1);
    float *restored = small_family_weights(f, 1);
    oa_random_init(&random, 4);
    assert_int_equal(oa_permutations_init(&p, f->layout, NULL), OA_OK);
    oa_permutations_random(&p, f->layout, &random);
    assert_int_equal(oa_augment(copy, scratch, &f->family, a, &p, &none, &random, NULL), OA_OK);
    assert_memory_not_equal(copy, a, f->map.total * sizeof *a);
    oa_permutations_invert(&p, f->layout);
    assert_int_equal(oa_augment(restored, scratch, &f->family, copy, &p, &none, &random, NULL), OA_OK);
    assert_memory_equal(restored, a, f->map.total * sizeof *a);
    assert_int_equal(oa_augment(restored, scratch, &f->family, copy, &p, &much, &random, NULL), OA_OK);
    size_t zeros = 0, changed = 0;
    for (size_t i = 0; i < f->map.total; i++) {
        zeros += restored[i] == 0.0f;
        changed += restored[i] != a[i];
    }
    assert_true(zeros > 0 && changed > f->map.total / 2);
    size_t variance = test_graph_tensor(f->graphs[0], "variance");
    assert_memory_equal(restored + f->map.offset[variance], a + f->map.offset[variance], 4 * sizeof *a);
    oa_permutations_free(&p);
    oa_free(a);
    oa_free(copy);
    oa_free(scratch);
    oa_free(restored);
    small_family_destroy(f);
}

static void augment__makes_noise_of_the_spread_asked_for(void **state)
{
    (void)state;
    enum { ROUNDS = 200 };
    small_family *f = small_family_create(SMALL_CNN, 1, 95, false);
    size_t t = test_graph_tensor(f->graphs[0], "w3"), at = f->map.offset[t], count = f->graphs[0]->tensors[t].count;
    float *a = small_family_weights(f, 0), *copy = small_family_weights(f, 0), *scratch = small_family_weights(f, 0);
    oa_permutations p = {0};
    oa_random random;
    oa_random_init(&random, 6);
    assert_int_equal(oa_permutations_init(&p, f->layout, NULL), OA_OK);
    double mean = 0.0, squares = 0.0, noise = 0.0;
    for (size_t i = 0; i < count; i++) {
        mean += (double)a[at + i] / (double)count;
        squares += (double)a[at + i] * (double)a[at + i] / (double)count;
    }
    for (int k = 0; k < ROUNDS; k++) {
        oa_augmentation augmentation = {.noise = 0.4};
        assert_int_equal(oa_augment(copy, scratch, &f->family, a, &p, &augmentation, &random, NULL), OA_OK);
        for (size_t i = 0; i < count; i++) {
            double d = (double)copy[at + i] - (double)a[at + i];
            noise += d * d / (double)(count * ROUNDS);
        }
    }
    /* The level is uniform up to 0.4, so its mean square is 0.4^2 / 3; its own spread over 200 draws is 6 %. */
    double expected = 0.16 / 3.0 * (squares - mean * mean);
    assert_true(fabs(noise / expected - 1.0) < 0.25);
    oa_permutations_free(&p);
    oa_free(a);
    oa_free(copy);
    oa_free(scratch);
    small_family_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objective__has_the_derivative_of_each_term_alone),
        cmocka_unit_test(objective__has_the_derivative_of_all_terms_of_a_cnn),
        cmocka_unit_test(objective__has_the_derivative_with_targets_and_with_own_outputs),
        cmocka_unit_test(objective__adds_to_the_gradient_and_depends_on_the_seed_alone),
        cmocka_unit_test(objective__is_near_zero_for_copies_told_apart_with_certainty),
        cmocka_unit_test(augment__reorders_and_keeps_everything_without_noise),
        cmocka_unit_test(augment__makes_noise_of_the_spread_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
