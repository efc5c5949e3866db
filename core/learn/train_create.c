/* Making a trainer: splits, plans, workspaces, and the fingerprint of all that decides what comes out. */
#include "core/learn/train_private.h"

#include <string.h>

enum { PURPOSE_SPLIT = 0x5711, FEWEST_ENTRIES = 2 };

void oa_train_random(oa_random *random, uint64_t seed, uint64_t step, uint64_t purpose)
{
    /* One number after the other goes through the generator's own mixing. */
    oa_random_init(random, seed);
    oa_random_init(random, oa_random_next(random) ^ step);
    oa_random_init(random, oa_random_next(random) ^ purpose);
}

/* ---- Splits ---- */

static oa_status split_family(oa_train_split *split, const oa_family *family, size_t index,
                              const oa_train_settings *settings, oa_error *error)
{
    size_t models_each = family->is_paired ? 2 : 1;
    size_t entries = family->model_count / models_each;
    size_t fewest = family->is_paired ? 1 : FEWEST_ENTRIES; /* that make a pair */
    size_t held = settings->held_out > 0.0 ? (size_t)((double)entries * settings->held_out) : 0;
    if (settings->held_out > 0.0 && held < fewest) {
        held = fewest;
    }
    if (entries < held + fewest) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: %zu models are too few to train on: at least %zu are needed",
                       family->name, family->model_count, (held + fewest) * models_each);
    }
    size_t *order = oa_calloc(entries, sizeof *order);
    split->checked_count = held / fewest;
    if (!family->is_paired && held > 2) {
        split->checked_count = held; /* each with the next, the last with the first */
    }
    if (split->checked_count > settings->check_pairs) {
        split->checked_count = settings->check_pairs;
    }
    split->checked = oa_calloc(split->checked_count, 2 * sizeof *split->checked);
    if (!order || !split->checked) {
        oa_free(order);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu models", entries);
    }
    oa_random random;
    oa_train_random(&random, settings->seed, index, PURPOSE_SPLIT);
    oa_random_permutation(order, entries, &random);
    for (size_t i = 0; i < split->checked_count; i++) {
        split->checked[2 * i] = family->is_paired ? 2 * order[i] : order[i];
        split->checked[2 * i + 1] = family->is_paired ? 2 * order[i] + 1 : order[(i + 1) % held];
    }
    memmove(order, order + held, (entries - held) * sizeof *order);
    split->training = order;
    split->training_count = entries - held;
    return OA_OK;
}

/* ---- Fingerprint: FNV-1a over words ---- */

static void add_word(uint64_t *hash, uint64_t word)
{
    *hash = (*hash ^ word) * UINT64_C(0x100000001b3);
    *hash ^= *hash >> 29;
}

static void add_number(uint64_t *hash, double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof word);
    add_word(hash, word);
}

static void add_floats(uint64_t *hash, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, &values[i], sizeof word);
        add_word(hash, word);
    }
}

static void add_family(uint64_t *hash, const oa_family *family)
{
    const oa_family_samples *samples = &family->samples;
    add_word(hash, family->fingerprint);
    add_word(hash, family->model_count);
    add_word(hash, family->is_paired);
    add_number(hash, family->weight);
    add_word(hash, family->map->total);
    if (samples->inputs) {
        add_word(hash, samples->inputs->dims[0]);
        add_floats(hash, samples->inputs->data, samples->inputs->count);
        for (size_t i = 0; i < samples->inputs->dims[0] && samples->labels; i++) {
            add_word(hash, (uint64_t)samples->labels[i]);
        }
        if (samples->targets) {
            add_floats(hash, samples->targets, samples->inputs->dims[0] * samples->target_size);
        }
    }
}

static uint64_t fingerprint(const oa_trainer *trainer)
{
    const oa_train_settings *s = &trainer->settings;
    const oa_objective_settings *o = &s->objective;
    const oa_aligner_config *c = &trainer->aligner->config;
    const uint64_t words[] = {s->steps,          s->batch,    s->is_cosine,  s->warm_up,       s->check_every,
                              s->check_pairs,    s->patience, s->seed,       o->batch,         o->sinkhorn_iterations,
                              (uint64_t)c->kind, c->channels, c->rounds,     c->features,      c->refinements,
                              c->probes,         c->inputs,   c->probe_seed, s->check_samples, trainer->family_count};
    const double numbers[] = {s->rate,
                              s->decay,
                              s->clip,
                              s->held_out,
                              o->supervised,
                              o->alignment,
                              o->task,
                              o->augmentation.noise,
                              o->augmentation.zeroing};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        add_word(&hash, words[i]);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        add_number(&hash, numbers[i]);
    }
    add_floats(&hash, trainer->aligner->values, trainer->aligner->value_count);
    for (size_t f = 0; f < trainer->family_count; f++) {
        add_family(&hash, &trainer->families[f]);
    }
    return hash;
}

/* ---- Workspaces ---- */

static oa_status claim(oa_trainer *trainer, oa_error *error)
{
    const oa_train_settings *settings = &trainer->settings;
    size_t families = trainer->family_count, models;
    size_t pairs = settings->batch > settings->check_pairs ? settings->batch : settings->check_pairs;
    if (oa_mul_overflows(&models, pairs, 2)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu pairs a step", pairs);
    }
    trainer->plans = oa_calloc(families, sizeof *trainer->plans);
    trainer->splits = oa_calloc(families, sizeof *trainer->splits);
    trainer->reference = oa_calloc(families, sizeof *trainer->reference);
    trainer->naive = oa_calloc(families, sizeof *trainer->naive);
    trainer->unit = oa_calloc(families, sizeof *trainer->unit);
    trainer->workers = oa_calloc(settings->threads, sizeof *trainer->workers);
    trainer->models = oa_calloc(models, sizeof *trainer->models);
    trainer->seeds = oa_calloc(settings->batch, sizeof *trainer->seeds);
    trainer->gradients = oa_calloc(settings->batch, sizeof *trainer->gradients);
    trainer->terms = oa_calloc(settings->batch, sizeof *trainer->terms);
    trainer->found = oa_calloc(pairs, sizeof *trainer->found);
    bool is_made = trainer->plans && trainer->splits && trainer->reference && trainer->naive && trainer->unit &&
                   trainer->workers && trainer->models && trainer->seeds && trainer->gradients && trainer->terms &&
                   trainer->found;
    for (size_t i = 0; i < settings->batch && is_made; i++) {
        trainer->gradients[i] = oa_malloc(trainer->aligner->value_count, sizeof **trainer->gradients);
        is_made = trainer->gradients[i] != NULL;
    }
    for (size_t w = 0; w < settings->threads && is_made; w++) {
        trainer->workers[w].objectives = oa_calloc(families, sizeof *trainer->workers[w].objectives);
        trainer->workers[w].bench = oa_calloc(families, sizeof *trainer->workers[w].bench);
        is_made = trainer->workers[w].objectives && trainer->workers[w].bench &&
                  oa_tape_create(&trainer->workers[w].tape, NULL) == OA_OK;
    }
    return is_made ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for training");
}

static oa_status prepare_family(oa_trainer *trainer, size_t f, oa_error *error)
{
    const oa_family *family = &trainer->families[f];
    if (!family->layout->group_count) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: nothing in these models can be reordered, so nothing can be learned",
                       family->name);
    }
    oa_status status = split_family(&trainer->splits[f], family, f, &trainer->settings, error);
    if (status != OA_OK) {
        return status;
    }
    trainer->reference[f] = oa_calloc(trainer->splits[f].checked_count, sizeof **trainer->reference);
    if (!trainer->reference[f]) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the checks of %s", family->name);
    }
    status =
        oa_aligner_plan_create(&trainer->plans[f], &trainer->aligner->config, family->layout, family->graph, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", family->name);
    }
    return status;
}

static oa_status check_settings(const oa_train_settings *settings, size_t family_count, oa_error *error)
{
    bool is_right = settings->steps && settings->batch && settings->threads && settings->check_every &&
                    settings->check_pairs && settings->check_samples && settings->objective.batch && family_count &&
                    settings->objective.sinkhorn_iterations && settings->held_out >= 0.0 && settings->held_out < 1.0 &&
                    settings->objective.augmentation.zeroing >= 0.0 && settings->objective.augmentation.zeroing < 1.0;
    return is_right ? OA_OK : oa_fail(error, OA_ERROR_INTERNAL, "settings of training that make no sense");
}

oa_status oa_trainer_create(oa_trainer **result, oa_aligner *aligner, const oa_family *families, size_t family_count,
                            const oa_train_settings *settings, oa_error *error)
{
    oa_trainer *trainer = NULL;
    oa_status status = check_settings(settings, family_count, error);
    if (status != OA_OK) {
        return status;
    }
    trainer = oa_calloc(1, sizeof *trainer);
    if (!trainer) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for training");
    }
    trainer->aligner = aligner;
    trainer->families = families;
    trainer->family_count = family_count;
    trainer->settings = *settings;
    status = claim(trainer, error);
    for (size_t f = 0; f < family_count && status == OA_OK; f++) {
        status = prepare_family(trainer, f, error);
    }
    status = status == OA_OK
                 ? oa_store_create(&trainer->store, families, trainer->plans, family_count, settings->budget, error)
                 : status;
    status = status == OA_OK ? oa_train_state_init(&trainer->state, aligner->value_count, family_count, error) : status;
    if (status == OA_OK) {
        memcpy(trainer->state.values, aligner->values, aligner->value_count * sizeof *aligner->values);
        trainer->state.fingerprint = fingerprint(trainer);
        status = oa_train_check_naive(trainer, error);
    }
    if (status == OA_OK) {
        *result = trainer;
    } else {
        oa_trainer_destroy(trainer);
    }
    return status;
}

static void free_worker(oa_train_worker *worker, size_t families)
{
    for (size_t f = 0; f < families; f++) {
        oa_objective_destroy(worker->objectives ? worker->objectives[f] : NULL);
        oa_train_bench_destroy(worker->bench ? worker->bench[f] : NULL);
    }
    oa_free(worker->objectives);
    oa_free(worker->bench);
    oa_tape_destroy(worker->tape);
}

void oa_trainer_destroy(oa_trainer *trainer)
{
    if (!trainer) {
        return;
    }
    for (size_t w = 0; w < trainer->settings.threads && trainer->workers; w++) {
        free_worker(&trainer->workers[w], trainer->family_count);
    }
    oa_store_destroy(trainer->store);
    for (size_t f = 0; f < trainer->family_count; f++) {
        oa_aligner_plan_destroy(trainer->plans ? trainer->plans[f] : NULL);
        oa_free(trainer->reference ? trainer->reference[f] : NULL);
        if (trainer->splits) {
            oa_free(trainer->splits[f].training);
            oa_free(trainer->splits[f].checked);
        }
    }
    for (size_t i = 0; i < trainer->settings.batch && trainer->gradients; i++) {
        oa_free(trainer->gradients[i]);
    }
    oa_train_state_free(&trainer->state);
    oa_free(trainer->plans);
    oa_free(trainer->splits);
    oa_free(trainer->reference);
    oa_free(trainer->naive);
    oa_free(trainer->unit);
    oa_free(trainer->workers);
    oa_free(trainer->models);
    oa_free(trainer->seeds);
    oa_free(trainer->gradients);
    oa_free(trainer->terms);
    oa_free(trainer->found);
    oa_free(trainer);
}
