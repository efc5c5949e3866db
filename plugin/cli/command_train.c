/* onnx-align train MODELS... -o ALIGNER: learns to align from models of one or more architectures. */
#include "core/base/memory.h"
#include "core/learn/train.h"
#include "core/linalg/blas.h"
#include "onnx_io/model.h"
#include "onnx_io/output_file.h"
#include "plugin/cli/aligner_file.h"
#include "plugin/cli/checkpoint_file.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/report.h"
#include "plugin/cli/train_report.h"

#include <string.h>
#include <sys/stat.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const double NOTE_SECONDS = 20.0;

typedef struct session {
    const oa_options *options;
    oa_train_settings settings;
    oa_train_sources sources;
    oa_train_set set;
    oa_aligner *aligner;
    oa_trainer *trainer;
    oa_progress progress;
    char label[40];    /* of the bar */
    double started;    /* of the steps of this run */
    size_t resumed_at; /* steps that were done before */
    double saved;      /* when the last checkpoint was written */
    double noted;      /* when the last line was printed */
    size_t checks_noted;
    oa_status failure; /* of writing a checkpoint, which ends the run */
    oa_error error;
} session;

/* ---- While it runs ---- */

static void note_check(session *s, const oa_train_state *state)
{
    const oa_train_check *check = &state->checks[state->check_count - 1];
    oa_progress_end(&s->progress);
    oa_note(s->options, "step %zu of %zu: %.1f %% of the barrier between models held out is left%s", state->step,
            s->settings.steps, 100.0 * check->score,
            state->best_check + 1 == state->check_count ? ", the best so far" : "");
    oa_progress_start(&s->progress, s->options, s->label);
    s->checks_noted = state->check_count;
}

static void note_progress(session *s, const oa_train_state *state)
{
    double now = oa_seconds();
    size_t done = state->step - s->resumed_at;
    double left = (now - s->started) / (double)(done ? done : 1) * (double)(s->settings.steps - state->step);
    const oa_train_record *last = &state->records[state->step - 1];
    (void)snprintf(s->label, sizeof s->label, "training, %7.0f s left", left);
    if (state->check_count > s->checks_noted) {
        note_check(s, state);
    }
    oa_progress_step(&s->progress, state->step, s->settings.steps);
    if (s->options->is_verbose && now - s->noted >= NOTE_SECONDS) {
        oa_progress_end(&s->progress);
        oa_note(s->options, "step %zu of %zu: loss %.4f (copies %.4f, distance %.4f, task %.4f), %.0f s left",
                state->step, s->settings.steps, (double)last->total, (double)last->supervised, (double)last->alignment,
                (double)last->task, left);
        oa_progress_start(&s->progress, s->options, s->label);
        s->noted = now;
    }
}

static bool watch(void *context, const oa_train_state *state)
{
    session *s = context;
    bool is_last = state->step >= s->settings.steps;
    double now = oa_seconds();
    note_progress(s, state);
    if (s->options->train.checkpoint && (is_last || now - s->saved >= s->options->train.checkpoint_seconds)) {
        s->failure = oa_checkpoint_save(s->options->train.checkpoint, state, &s->error);
        s->saved = now;
    }
    return s->failure == OA_OK;
}

/* ---- The steps of the command ---- */

static oa_train_settings settings_of(const oa_options *options)
{
    oa_train_settings settings = oa_train_settings_default();
    settings.steps = options->train.steps;
    settings.batch = options->train.batch;
    settings.rate = options->train.rate;
    settings.held_out = options->train.held_out;
    if (options->train.has_factors) {
        settings.objective.supervised = options->train.factors[0];
        settings.objective.alignment = options->train.factors[1];
        settings.objective.task = options->train.factors[2];
    }
    settings.patience = options->train.patience;
    settings.seed = options->seed;
    settings.threads = (size_t)options->threads;
    settings.warm_up = settings.steps < 10 * settings.warm_up ? settings.steps / 10 : settings.warm_up;
    settings.check_every = settings.steps < 10 * settings.check_every ? settings.steps / 10 : settings.check_every;
    settings.check_every = settings.check_every ? settings.check_every : 1;
    return settings;
}

static oa_status load(session *s, oa_error *error)
{
    oa_progress_start(&s->progress, s->options, "reading");
    oa_status status = oa_train_sources_read(&s->sources, s->options, error);
    if (status == OA_OK) {
        status = oa_train_set_load(&s->set, &s->sources, s->options->data_scale, oa_progress_step, &s->progress, error);
    }
    oa_progress_end(&s->progress);
    for (size_t f = 0; f < s->set.count && status == OA_OK; f++) {
        oa_note_unknown(s->options, s->set.families[f].name, s->set.families[f].layout);
        if (s->options->is_verbose) {
            oa_note(s->options, "%zu models like %s: %zu groups, %zu weights each", s->set.families[f].model_count,
                    s->set.families[f].name, s->set.families[f].layout->group_count, s->set.families[f].map->total);
        }
    }
    return status;
}

/* Where training starts: at the aligner that was named, or at random. */
static oa_status make_aligner(session *s, oa_error *error)
{
    const oa_train_options *options = &s->options->train;
    const oa_family *first = &s->set.families[0];
    oa_status status = OA_OK;
    if (s->options->aligner) {
        status = oa_aligner_file_load(&s->aligner, s->options->aligner, first->layout, first->graph, error);
    }
    oa_encoder_kind kind = s->aligner ? s->aligner->config.kind : options->encoder;
    if (status == OA_OK && kind == OA_ENCODER_DWS && s->set.count > 1) {
        status = oa_fail(error, OA_ERROR_ARCHITECTURE,
                         "an aligner with the encoder 'dws' fits one architecture, but %s is of another than %s; the "
                         "encoder 'messages' fits any",
                         s->set.families[1].name, first->name);
    }
    if (status != OA_OK || s->aligner) {
        return status;
    }
    oa_aligner_config config = oa_aligner_config_default(options->encoder);
    oa_aligner_plan *plan = NULL;
    config.channels = options->channels ? options->channels : config.channels;
    config.rounds = options->rounds ? options->rounds : config.rounds;
    config.refinements = options->refinements != OA_NONE ? options->refinements : config.refinements;
    status = oa_aligner_plan_create(&plan, &config, first->layout, first->graph, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", first->name);
        return status;
    }
    status = oa_aligner_create(&s->aligner, &config, plan, s->options->seed, error);
    oa_aligner_plan_destroy(plan);
    return status;
}

static oa_status resume(session *s, oa_error *error)
{
    const char *path = s->options->train.checkpoint;
    oa_train_state state = {0};
    bool found = false;
    if (!path) {
        return OA_OK;
    }
    oa_status status = oa_checkpoint_load(&found, &state, path, error);
    if (status != OA_OK || !found) {
        return status;
    }
    status = oa_trainer_resume(s->trainer, &state, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s cannot be gone on from (remove it to begin again, or name another)", path);
        oa_train_state_free(&state);
        return status;
    }
    s->resumed_at = oa_trainer_state(s->trainer)->step;
    s->checks_noted = oa_trainer_state(s->trainer)->check_count;
    oa_note(s->options, "%s: going on after step %zu", path, s->resumed_at);
    return OA_OK;
}

static oa_status train(session *s, oa_error *error)
{
    oa_status status = oa_trainer_create(&s->trainer, s->aligner, s->set.families, s->set.count, &s->settings, error);
    status = status == OA_OK ? resume(s, error) : status;
    if (status != OA_OK) {
        return status;
    }
    s->started = s->saved = s->noted = oa_seconds();
    (void)snprintf(s->label, sizeof s->label, "training");
    oa_progress_start(&s->progress, s->options, s->label);
    status = oa_trainer_run(s->trainer, watch, s, error);
    oa_progress_end(&s->progress);
    if (status == OA_OK && s->failure != OA_OK) {
        return oa_fail(error, s->failure, "%s", s->error.message);
    }
    if (status == OA_OK && s->options->train.checkpoint) {
        /* Patience may have been lost between two checkpoints. */
        status = oa_checkpoint_save(s->options->train.checkpoint, oa_trainer_state(s->trainer), error);
    }
    return status;
}

static oa_status save(const session *s, oa_error *error)
{
    const oa_options *options = s->options;
    const oa_train_state *state = oa_trainer_state(s->trainer);
    size_t best = state->best_check;
    oa_aligner_facts facts = {.families = s->set.count,
                              .models = s->set.model_count,
                              .steps = best == OA_NONE ? state->step : (size_t)state->checks[best].step,
                              .seed = options->seed};
    oa_trainer_finish(s->trainer);
    oa_status status = oa_aligner_file_save(options->output, s->aligner, &facts, error);
    if (status == OA_OK && options->train.losses) {
        status = oa_train_table_save(options->train.losses, state, error);
    }
    if (status == OA_OK && options->svg) {
        status = oa_train_picture_save(options->svg, state, error);
    }
    return status;
}

/* Can a file be made there? */
static oa_status try_output(const char *path, oa_error *error)
{
    oa_output_file file = {0};
    struct stat info;
    if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return oa_fail(error, OA_ERROR_OUTPUT, "%s: is not a regular file; give another name", path);
    }
    oa_status status = oa_output_file_create(&file, path, error);
    if (status == OA_OK) {
        oa_output_file_discard(&file);
    }
    return status;
}

/* An output that cannot be written, or would replace an input: say so before hours of work. */
static oa_status check_outputs(const session *s, oa_error *error)
{
    const char *const outputs[] = {s->options->output, s->options->svg, s->options->train.losses,
                                   s->options->train.checkpoint};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        oa_status status = outputs[i] ? try_output(outputs[i], error) : OA_OK;
        if (status != OA_OK) {
            return status;
        }
        for (size_t f = 0; f < s->set.count && outputs[i]; f++) {
            for (size_t m = 0; m < s->set.members[f].count; m++) {
                if (oa_same_file(outputs[i], s->set.members[f].paths[m])) {
                    return oa_fail(error, OA_ERROR_OUTPUT, "the output %s is one of the models; give another name",
                                   outputs[i]);
                }
            }
        }
    }
    return OA_OK;
}

oa_status oa_command_train(const oa_options *options, oa_error *error)
{
    session s = {.options = options, .settings = settings_of(options)};
    double started = oa_seconds();
#ifdef __GLIBC__
    /* Blocks that come and go with every pair stay with the process: fetching pages anew costs as much as the
     * arithmetic on them. */
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that it takes */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
    oa_blas_set_threads(1); /* pairs are spread over threads instead */
    oa_status status = load(&s, error);
    status = status == OA_OK ? check_outputs(&s, error) : status;
    status = status == OA_OK ? make_aligner(&s, error) : status;
    status = status == OA_OK ? train(&s, error) : status;
    status = status == OA_OK ? save(&s, error) : status;
    if (status == OA_OK) {
        oa_train_summary summary = {.set = &s.set,
                                    .aligner = s.aligner,
                                    .state = oa_trainer_state(s.trainer),
                                    .naive = oa_trainer_naive(s.trainer),
                                    .steps = s.settings.steps,
                                    .resumed_at = s.resumed_at,
                                    .seconds = oa_seconds() - started};
        status = oa_train_print(options, &summary, error);
    }
    oa_trainer_destroy(s.trainer);
    oa_aligner_destroy(s.aligner);
    oa_train_set_free(&s.set);
    oa_train_sources_free(&s.sources);
    return status;
}
