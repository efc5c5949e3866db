/* Training: it learns, and the same comes out whatever happens on the way. */
#include "core/learn/train.h"
#include "tests/learn/small_family.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <string.h>

static oa_aligner_config small_config(void)
{
    oa_aligner_config config = oa_aligner_config_default(OA_ENCODER_MESSAGES);
    config.channels = 8;
    config.rounds = 2;
    config.features = 8;
    config.probes = 8;
    return config;
}

static oa_train_settings small_settings(size_t steps)
{
    oa_train_settings settings = oa_train_settings_default();
    settings.steps = steps;
    settings.batch = 3;
    settings.rate = 1e-2;
    settings.warm_up = 3;
    settings.objective.batch = 8;
    settings.objective.sinkhorn_iterations = 5;
    settings.held_out = 0.25;
    settings.check_every = 4;
    settings.check_samples = 16;
    settings.seed = 17;
    return settings;
}

typedef struct session {
    small_family *families[2];
    oa_family list[2];
    size_t count;
    oa_aligner *aligner;
    oa_trainer *trainer;
} session;

static void begin(session *s, const oa_train_settings *settings)
{
    oa_error error = {.status = OA_OK};
    oa_aligner_config config = small_config();
    *s = (session){.count = 2};
    s->families[0] = small_family_create(SMALL_MLP, 8, 11, false);
    small_family_add_samples(s->families[0], 24, SMALL_LABELS, 5);
    s->families[1] = small_family_create(SMALL_INR, 8, 31, true);
    for (size_t i = 0; i < s->count; i++) {
        s->list[i] = s->families[i]->family;
    }
    s->list[1].weight = 0.5;
    assert_int_equal(oa_aligner_create(&s->aligner, &config, NULL, 3, &error), OA_OK);
    if (oa_trainer_create(&s->trainer, s->aligner, s->list, s->count, settings, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
}

static void end(session *s)
{
    oa_trainer_destroy(s->trainer);
    oa_aligner_destroy(s->aligner);
    for (size_t i = 0; i < s->count; i++) {
        small_family_destroy(s->families[i]);
    }
}

static void run(session *s, oa_train_watch watch, void *context)
{
    oa_error error = {.status = OA_OK};
    if (oa_trainer_run(s->trainer, watch, context, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
}

/* The parameters that a whole training with these settings ends at; the caller's. */
static float *train(const oa_train_settings *settings)
{
    session s;
    begin(&s, settings);
    run(&s, NULL, NULL);
    oa_trainer_finish(s.trainer);
    float *values = oa_malloc(s.aligner->value_count, sizeof *values);
    assert_non_null(values);
    memcpy(values, s.aligner->values, s.aligner->value_count * sizeof *values);
    end(&s);
    return values;
}

static size_t value_count(void)
{
    oa_aligner *aligner = NULL;
    oa_aligner_config config = small_config();
    assert_int_equal(oa_aligner_create(&aligner, &config, NULL, 3, NULL), OA_OK);
    size_t count = aligner->value_count;
    oa_aligner_destroy(aligner);
    return count;
}

static double mean_loss(const oa_train_state *state, size_t first, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)state->records[first + i].supervised / (double)count;
    }
    return sum;
}

static void train__lowers_the_loss(void **state)
{
    (void)state;
    session s;
    oa_train_settings settings = small_settings(80);
    settings.objective.supervised = 1.0; /* what can be learned from networks at random */
    begin(&s, &settings);
    run(&s, NULL, NULL);
    const oa_train_state *after = oa_trainer_state(s.trainer);
    assert_int_equal(after->step, 80);
    assert_int_equal(after->check_count, 20);
    assert_true(mean_loss(after, 60, 20) < 0.7 * mean_loss(after, 0, 10));
    for (size_t i = 0; i < after->check_count; i++) {
        assert_true(isfinite(after->checks[i].score));
        assert_true(after->checks[i].score >= after->checks[after->best_check].score);
    }
    oa_trainer_finish(s.trainer);
    assert_memory_equal(s.aligner->values, after->best, s.aligner->value_count * sizeof(float));
    end(&s);
}

static bool stop_at(void *context, const oa_train_state *state)
{
    return state->step < *(size_t *)context;
}

static void train__goes_on_from_any_step_as_if_nothing_had_happened(void **state)
{
    (void)state;
    oa_train_settings settings = small_settings(11);
    size_t count = value_count();
    float *whole = train(&settings);
    for (size_t step = 1; step < 11; step += 3) {
        unsigned char *bytes = NULL;
        size_t size = 0;
        session s;
        begin(&s, &settings);
        run(&s, stop_at, &step);
        assert_int_equal(oa_trainer_state(s.trainer)->step, step);
        assert_int_equal(oa_train_state_write(&bytes, &size, oa_trainer_state(s.trainer), NULL), OA_OK);
        end(&s);
        oa_train_state read = {0};
        begin(&s, &settings);
        assert_int_equal(oa_train_state_read(&read, bytes, size, NULL), OA_OK);
        assert_int_equal(oa_trainer_resume(s.trainer, &read, NULL), OA_OK);
        run(&s, NULL, NULL);
        oa_trainer_finish(s.trainer);
        assert_memory_equal(s.aligner->values, whole, count * sizeof *whole);
        end(&s);
        oa_free(bytes);
    }
    oa_free(whole);
}

static void train__gives_the_same_on_any_number_of_threads_and_with_any_budget(void **state)
{
    (void)state;
    oa_train_settings settings = small_settings(9);
    size_t count = value_count();
    float *one = train(&settings);
    settings.threads = 3;
    settings.budget = 1; /* nothing stays in memory */
    float *three = train(&settings);
    assert_memory_equal(one, three, count * sizeof *one);
    settings.seed++;
    float *other = train(&settings);
    assert_memory_not_equal(one, other, count * sizeof *one);
    oa_free(one);
    oa_free(three);
    oa_free(other);
}

static void train__reads_models_once_when_they_fit_and_again_when_not(void **state)
{
    (void)state;
    for (int fits = 0; fits < 2; fits++) {
        session s;
        oa_train_settings settings = small_settings(12);
        settings.budget = fits ? (size_t)64 << 20 : 1;
        begin(&s, &settings);
        run(&s, NULL, NULL);
        size_t reads = s.families[0]->reads + s.families[1]->reads;
        assert_true(fits ? reads <= 16 : reads > 40);
        end(&s);
    }
}

static void train__never_trains_on_models_that_are_checked(void **state)
{
    (void)state;
    session s;
    oa_train_settings settings = small_settings(60);
    settings.objective.task = 0.0;
    settings.objective.alignment = 0.0;
    settings.check_every = 1000; /* at the end alone */
    begin(&s, &settings);
    size_t before[2] = {s.families[0]->reads, s.families[1]->reads};
    assert_int_equal(before[0], 2); /* the two held out of eight, to measure them as they are */
    assert_int_equal(before[1], 2);
    settings.steps = 59;
    run(&s, stop_at, &settings.steps);
    assert_int_equal(s.families[0]->reads, 8); /* the other six, and no second time */
    assert_int_equal(s.families[1]->reads, 8);
    end(&s);
}

static void train__ends_when_patience_is_lost(void **state)
{
    (void)state;
    session s;
    oa_train_settings settings = small_settings(1000);
    settings.rate = 1e-12; /* nothing changes, so no check is better than the first */
    settings.check_every = 1;
    settings.patience = 3;
    begin(&s, &settings);
    run(&s, NULL, NULL);
    assert_true(oa_trainer_is_done(s.trainer));
    assert_int_equal(oa_trainer_state(s.trainer)->check_count, 4);
    assert_int_equal(oa_trainer_state(s.trainer)->best_check, 0);
    end(&s);
}

static void train__refuses_a_state_of_other_settings(void **state)
{
    (void)state;
    session s;
    oa_train_settings settings = small_settings(5);
    oa_train_state read = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    oa_error error = {.status = OA_OK};
    begin(&s, &settings);
    run(&s, NULL, NULL);
    assert_int_equal(oa_train_state_write(&bytes, &size, oa_trainer_state(s.trainer), NULL), OA_OK);
    end(&s);
    settings.rate *= 2.0;
    begin(&s, &settings);
    assert_int_equal(oa_train_state_read(&read, bytes, size, NULL), OA_OK);
    assert_int_equal(oa_trainer_resume(s.trainer, &read, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "other models, data or settings"));
    oa_train_state_free(&read);
    end(&s);
    oa_free(bytes);
}

static void train_state__refuses_every_truncation_and_damaged_counts(void **state)
{
    (void)state;
    oa_train_state made = {0}, read = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    assert_int_equal(oa_train_state_init(&made, 5, 2, NULL), OA_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(oa_train_state_grow(&made, NULL), OA_OK);
        made.records[made.step++] = (oa_train_record){.family = 1, .total = 2.0f};
        made.measures[made.check_count * 2] = 1.0;
        made.measures[made.check_count * 2 + 1] = 2.0;
        made.checks[made.check_count++] = (oa_train_check){.step = i, .score = 0.5};
    }
    made.best_check = 1;
    assert_int_equal(oa_train_state_write(&bytes, &size, &made, NULL), OA_OK);
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *copy = oa_malloc(cut, 1); /* of the exact size, so that reading past it shows */
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        assert_int_equal(oa_train_state_read(&read, copy, cut, NULL), OA_ERROR_INPUT);
        oa_free(copy);
    }
    for (size_t word = 2; word < 8; word++) {
        uint64_t huge = word == 5 ? 77 : UINT64_MAX / 3; /* the best check has to be one of them */
        uint64_t kept;
        if (word == 3) {
            continue; /* how many steps were left out may be any number */
        }
        memcpy(&kept, bytes + word * sizeof kept, sizeof kept);
        memcpy(bytes + word * sizeof huge, &huge, sizeof huge);
        assert_int_equal(oa_train_state_read(&read, bytes, size, NULL), OA_ERROR_INPUT);
        memcpy(bytes + word * sizeof kept, &kept, sizeof kept);
    }
    assert_int_equal(oa_train_state_read(&read, bytes, size, NULL), OA_OK);
    assert_int_equal(read.check_count, 3);
    assert_true(read.measures[3] == 2.0 && read.checks[2].step == 2 && read.records[2].family == 1);
    oa_train_state_free(&read);
    oa_train_state_free(&made);
    oa_free(bytes);
}

static void train__says_which_family_is_too_small(void **state)
{
    (void)state;
    oa_error error = {.status = OA_OK};
    oa_aligner_config config = small_config();
    oa_train_settings settings = small_settings(5);
    oa_aligner *aligner = NULL;
    oa_trainer *trainer = NULL;
    small_family *f = small_family_create(SMALL_MLP, 3, 11, false);
    assert_int_equal(oa_aligner_create(&aligner, &config, NULL, 3, NULL), OA_OK);
    assert_int_equal(oa_trainer_create(&trainer, aligner, &f->family, 1, &settings, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "small MLPs: 3 models are too few"));
    assert_null(trainer);
    oa_aligner_destroy(aligner);
    small_family_destroy(f);
}

static oa_status fail_to_read(float *weights, void *context, size_t model, oa_error *error)
{
    (void)weights;
    (void)context;
    return oa_fail(error, OA_ERROR_INPUT, "model %zu has gone", model);
}

static void train__reports_models_that_cannot_be_read(void **state)
{
    (void)state;
    session s;
    oa_error error = {.status = OA_OK};
    oa_train_settings settings = small_settings(5);
    settings.budget = 1;
    settings.threads = 2;
    begin(&s, &settings);
    s.list[0].read = s.list[1].read = fail_to_read;
    assert_int_equal(oa_trainer_run(s.trainer, NULL, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "has gone"));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(train__lowers_the_loss),
        cmocka_unit_test(train__goes_on_from_any_step_as_if_nothing_had_happened),
        cmocka_unit_test(train__gives_the_same_on_any_number_of_threads_and_with_any_budget),
        cmocka_unit_test(train__reads_models_once_when_they_fit_and_again_when_not),
        cmocka_unit_test(train__never_trains_on_models_that_are_checked),
        cmocka_unit_test(train__ends_when_patience_is_lost),
        cmocka_unit_test(train__refuses_a_state_of_other_settings),
        cmocka_unit_test(train_state__refuses_every_truncation_and_damaged_counts),
        cmocka_unit_test(train__says_which_family_is_too_small),
        cmocka_unit_test(train__reports_models_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
