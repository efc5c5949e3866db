#include "core/learn/train_private.h"

#include "core/base/parallel.h"
#include "core/soft/adam.h"

#include <math.h>
#include <string.h>

enum { SKIPPED_MAX = 20, PURPOSE_FAMILY = 0, PURPOSE_PAIR = 1 };

oa_train_settings oa_train_settings_default(void)
{
    return (oa_train_settings){.steps = 2000,
                               .batch = 8,
                               .rate = 1e-3,
                               .warm_up = 50,
                               .decay = 1e-4,
                               .clip = 1.0,
                               .objective = oa_objective_settings_default(),
                               .held_out = 0.1,
                               .check_every = 100,
                               .check_pairs = 8,
                               .check_samples = 512,
                               .threads = 1,
                               .budget = (size_t)256 << 20};
}

/* ---- One step ---- */

/* A family, drawn by weight. */
static size_t draw_family(const oa_trainer *trainer, oa_random *random)
{
    double total = 0.0;
    for (size_t f = 0; f < trainer->family_count; f++) {
        total += trainer->families[f].weight;
    }
    double at = oa_random_uniform(random) * total;
    for (size_t f = 0; f + 1 < trainer->family_count; f++) {
        at -= trainer->families[f].weight;
        if (at < 0.0) {
            return f;
        }
    }
    return trainer->family_count - 1;
}

/* Two different models that may be paired, in random order. */
static void draw_pair(size_t *pair, const oa_family *family, const oa_train_split *split, oa_random *random)
{
    size_t one = oa_random_below(random, split->training_count);
    if (family->is_paired) {
        size_t first = oa_random_below(random, 2);
        pair[0] = 2 * split->training[one] + first;
        pair[1] = 2 * split->training[one] + 1 - first;
        return;
    }
    size_t other = oa_random_below(random, split->training_count - 1);
    pair[0] = split->training[one];
    pair[1] = split->training[other + (other >= one)];
}

static void draw_step(oa_trainer *trainer)
{
    const oa_train_settings *settings = &trainer->settings;
    oa_random random;
    oa_train_random(&random, settings->seed, trainer->state.step, PURPOSE_FAMILY);
    trainer->family = draw_family(trainer, &random);
    for (size_t i = 0; i < settings->batch; i++) {
        oa_train_random(&random, settings->seed, trainer->state.step, PURPOSE_PAIR + i);
        draw_pair(trainer->models + 2 * i, &trainer->families[trainer->family], &trainer->splits[trainer->family],
                  &random);
        trainer->seeds[i] = oa_random_next(&random);
    }
}

static oa_status run_pair(void *context, size_t item, size_t worker, oa_error *error)
{
    oa_trainer *trainer = context;
    oa_train_worker *own = &trainer->workers[worker];
    size_t f = trainer->family;
    oa_status status = OA_OK;
    if (!own->objectives[f]) {
        status = oa_objective_create(&own->objectives[f], &trainer->families[f], trainer->plans[f],
                                     &trainer->settings.objective, error);
    }
    if (status != OA_OK) {
        return status;
    }
    oa_objective_model a = oa_store_model(trainer->store, f, trainer->models[2 * item]);
    oa_objective_model b = oa_store_model(trainer->store, f, trainer->models[2 * item + 1]);
    memset(trainer->gradients[item], 0, trainer->state.value_count * sizeof **trainer->gradients);
    return oa_objective_run(&trainer->terms[item], trainer->gradients[item], own->objectives[f], own->tape,
                            trainer->aligner, &a, &b, trainer->seeds[item], error);
}

/* The mean of all pairs' derivatives, in the first one's place; returns its norm. */
static double average_gradients(oa_trainer *trainer)
{
    enum { CHUNK = 4096 };
    size_t count = trainer->state.value_count;
    float share = 1.0f / (float)trainer->settings.batch;
    double squares = 0.0;
    for (size_t at = 0; at < count; at += CHUNK) {
        size_t width = count - at < CHUNK ? count - at : CHUNK;
        float *restrict to = trainer->gradients[0] + at;
        for (size_t i = 1; i < trainer->settings.batch; i++) {
            const float *restrict from = trainer->gradients[i] + at;
            for (size_t k = 0; k < width; k++) {
                to[k] += from[k];
            }
        }
        for (size_t k = 0; k < width; k++) {
            to[k] *= share;
            squares += (double)to[k] * (double)to[k];
        }
    }
    return sqrt(squares);
}

/* The step size of step `step`, counted from 0: up in a straight line, then down to 0. */
static double rate_at(const oa_train_settings *settings, size_t step)
{
    double up = settings->warm_up ? fmin(1.0, ((double)step + 1.0) / (double)settings->warm_up) : 1.0;
    double done = (double)step / (double)settings->steps;
    double down = settings->is_cosine ? 0.5 * (1.0 + cos(3.14159265358979323846 * done)) : 1.0 - done;
    return settings->rate * up * down;
}

static void update_parameters(oa_trainer *trainer, double norm)
{
    static const double fast = 10.0;
    const oa_aligner *aligner = trainer->aligner;
    const oa_train_settings *settings = &trainer->settings;
    oa_train_state *state = &trainer->state;
    float *gradient = trainer->gradients[0];
    if (settings->clip > 0.0 && norm > settings->clip) {
        float scale = (float)(settings->clip / norm);
        for (size_t i = 0; i < state->value_count; i++) {
            gradient[i] *= scale;
        }
    }
    double rate = rate_at(settings, state->step);
    for (size_t i = 0; i < aligner->parameter_count; i++) {
        const oa_parameter *p = &aligner->parameters[i];
        oa_adam adam = oa_adam_default((float)(rate * (p->is_fast ? fast : 1.0)));
        adam.decay = p->decays ? (float)settings->decay : 0.0f;
        oa_adam_step(aligner->values + p->offset, gradient + p->offset, state->first + p->offset,
                     state->second + p->offset, p->rows * p->columns, state->step + 1, &adam);
    }
    memcpy(state->values, aligner->values, state->value_count * sizeof *state->values);
}

static oa_status take_step(oa_trainer *trainer, oa_error *error)
{
    const oa_train_settings *settings = &trainer->settings;
    oa_train_state *state = &trainer->state;
    draw_step(trainer);
    oa_status status = oa_store_fetch(trainer->store, trainer->family, trainer->models, 2 * settings->batch, true,
                                      settings->threads, error);
    if (status == OA_OK) {
        status = oa_parallel(settings->batch, settings->threads, run_pair, trainer, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s", trainer->families[trainer->family].name);
        }
    }
    if (status != OA_OK) {
        return status;
    }
    oa_store_trim(trainer->store);
    oa_objective_terms mean = {0};
    for (size_t i = 0; i < settings->batch; i++) {
        mean.total += trainer->terms[i].total / (double)settings->batch;
        mean.supervised += trainer->terms[i].supervised / (double)settings->batch;
        mean.alignment += trainer->terms[i].alignment / (double)settings->batch;
        mean.task += trainer->terms[i].task / (double)settings->batch;
    }
    double norm = average_gradients(trainer);
    state->records[state->step] = (oa_train_record){.family = (uint32_t)trainer->family,
                                                    .total = (float)mean.total,
                                                    .supervised = (float)mean.supervised,
                                                    .alignment = (float)mean.alignment,
                                                    .task = (float)mean.task,
                                                    .norm = (float)norm};
    if (isfinite(norm) && isfinite(mean.total)) {
        update_parameters(trainer, norm);
        state->skipped = 0;
    } else if (++state->skipped >= SKIPPED_MAX) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "the last %d losses or their derivatives were not finite: try a lower --rate", SKIPPED_MAX);
    }
    state->step++;
    return OA_OK;
}

/* ---- Checks ---- */

static bool has_checks(const oa_trainer *trainer)
{
    return trainer->settings.held_out > 0.0;
}

static oa_status take_check(oa_trainer *trainer, oa_error *error)
{
    oa_train_state *state = &trainer->state;
    double *measures = state->measures + state->check_count * state->family_count;
    oa_status status = oa_train_check_run(measures, trainer, error);
    if (status != OA_OK) {
        return status;
    }
    /* Families are compared by what is left of what models as they are would get: their losses have scales of their
     * own. */
    double score = 0.0, weights = 0.0;
    for (size_t f = 0; f < trainer->family_count; f++) {
        score += trainer->families[f].weight * measures[f] / trainer->unit[f];
        weights += trainer->families[f].weight;
    }
    score /= weights;
    state->checks[state->check_count] = (oa_train_check){.step = state->step, .score = score};
    if (state->best_check == OA_NONE || score < state->checks[state->best_check].score) {
        state->best_check = state->check_count;
        memcpy(state->best, state->values, state->value_count * sizeof *state->best);
    }
    state->check_count++;
    return OA_OK;
}

bool oa_trainer_is_done(const oa_trainer *trainer)
{
    const oa_train_state *state = &trainer->state;
    size_t patience = trainer->settings.patience;
    bool has_lost_patience =
        patience && state->best_check != OA_NONE && state->check_count - 1 - state->best_check >= patience;
    return state->step >= trainer->settings.steps || has_lost_patience;
}

oa_status oa_trainer_run(oa_trainer *trainer, oa_train_watch watch, void *context, oa_error *error)
{
    const oa_train_settings *settings = &trainer->settings;
    oa_train_state *state = &trainer->state;
    oa_status status = OA_OK;
    while (!oa_trainer_is_done(trainer)) {
        status = oa_train_state_grow(state, error);
        status = status == OA_OK ? take_step(trainer, error) : status;
        bool is_due = state->step % settings->check_every == 0 || state->step == settings->steps;
        if (status == OA_OK && has_checks(trainer) && is_due) {
            status = take_check(trainer, error);
        }
        if (status != OA_OK || (watch && !watch(context, state))) {
            break;
        }
    }
    return status;
}

/* ---- The state ---- */

const oa_train_state *oa_trainer_state(const oa_trainer *trainer)
{
    return &trainer->state;
}

oa_status oa_trainer_resume(oa_trainer *trainer, oa_train_state *state, oa_error *error)
{
    if (state->fingerprint != trainer->state.fingerprint || state->value_count != trainer->state.value_count ||
        state->family_count != trainer->state.family_count || state->step > trainer->settings.steps) {
        return oa_fail(error, OA_ERROR_INPUT, "it belongs to a training with other models, data or settings");
    }
    oa_train_state_free(&trainer->state);
    trainer->state = *state;
    *state = (oa_train_state){0};
    memcpy(trainer->aligner->values, trainer->state.values, trainer->state.value_count * sizeof(float));
    return OA_OK;
}

void oa_trainer_finish(oa_trainer *trainer)
{
    const oa_train_state *state = &trainer->state;
    const float *values = state->best_check == OA_NONE ? state->values : state->best;
    memcpy(trainer->aligner->values, values, state->value_count * sizeof *values);
}

const double *oa_trainer_naive(const oa_trainer *trainer)
{
    return trainer->naive;
}
