#include "plugin/cli/methods.h"

#include "core/linalg/blas.h"
#include "core/match/activations.h"
#include "core/soft/match_sinkhorn.h"
#include "core/soft/match_ste.h"
#include "plugin/cli/aligner_find.h"
#include "plugin/cli/report.h"

static oa_status by_weights(oa_align_run *run, size_t index, bool continues, oa_progress *progress, oa_error *error)
{
    oa_follower *follower = &run->followers[index];
    oa_match_problem problem = oa_run_problem(run, index);
    oa_match_settings settings = oa_match_settings_default();
    settings.seed = run->options->seed;
    settings.starts = run->options->starts;
    settings.continues = continues;
    settings.progress = oa_progress_step;
    settings.progress_context = progress;
    oa_status status = oa_match_weights(&follower->permutations, &problem, &settings, &follower->match, error);
    oa_progress_end(progress);
    if (status == OA_OK && run->options->is_verbose) {
        oa_note(run->options, "%s: best of %zu starts after %zu sweeps; inner product %.9g, worst start %.9g",
                run->options->models[index + 1], follower->match.starts, follower->match.sweeps,
                follower->match.inner_product, follower->match.worst_inner_product);
    }
    return status;
}

/* What another method has found is what ties keep. */
static oa_status by_activations(oa_align_run *run, size_t index, bool continues, oa_progress *progress, oa_error *error)
{
    oa_follower *follower = &run->followers[index];
    const char *name = run->options->models[index + 1];
    oa_match_problem problem = oa_run_problem(run, index);
    oa_activation_settings settings = oa_activation_settings_default();
    oa_activation_info info = {0};
    settings.uses_covariance = run->options->uses_covariance;
    settings.continues = continues;
    settings.progress = oa_progress_step;
    settings.progress_context = progress;
    oa_runnable a;
    oa_status status = oa_run_runnable(&a, run, 0, NULL, error);
    settings.engine = a.engine;
    if (status == OA_OK) {
        status = oa_match_activations(&follower->permutations, &problem, &run->samples.data, &settings, &info, error);
    }
    oa_progress_end(progress);
    if (status != OA_OK) {
        oa_error_context(error, "while matching activations of %s and %s on %s", run->options->models[0], name,
                         run->options->data);
        return status;
    }
    if (info.unmatched) {
        oa_note(run->options, "%s: %zu of %zu groups show in no activation by themselves: matched by weights", name,
                info.unmatched, run->layout->group_count);
    }
    if (run->options->is_verbose) {
        oa_note(run->options, "%s: mean %s of matched units %.4f -> %.4f on %zu samples; %zu dead units", name,
                settings.uses_covariance ? "covariance" : "correlation", info.before, info.after, info.samples,
                info.dead);
    }
    return OA_OK;
}

/* One pass of the aligner, which is read when it is first needed. What another method has found does not matter to it.
 */
static oa_status by_aligner(oa_align_run *run, size_t index, bool wants_scores, oa_error *error)
{
    oa_follower *follower = &run->followers[index];
    oa_status status = OA_OK;
    if (!run->aligner) {
        status = oa_aligner_find(&run->aligner, run->options->aligner, run->layout, oa_run_graph(run, 0), error);
    }
    if (status != OA_OK) {
        return status;
    }
    status = wants_scores ? oa_match_scores_init(&follower->scores, run->layout, error) : OA_OK;
    if (status != OA_OK) {
        return status;
    }
    oa_match_problem problem = oa_run_problem(run, index);
    size_t threads = (size_t)run->options->threads;
    if (threads > 1) {
        oa_blas_set_threads(1); /* models are encoded beside one another instead */
    }
    status = oa_match_deep_align(&follower->permutations, wants_scores ? &follower->scores : NULL, run->aligner,
                                 &problem, threads, error);
    if (threads > 1) {
        oa_blas_set_threads(run->options->threads);
    }
    return status;
}

/* One of the two methods, for the loss on samples or (NULL) the distance of the weights. */
static oa_status follow(oa_soft_info *info, oa_method method, oa_align_run *run, size_t index, bool continues,
                        const oa_samples *samples, oa_progress *progress, oa_error *error)
{
    const oa_options *options = run->options;
    oa_follower *follower = &run->followers[index];
    oa_match_problem problem = oa_run_problem(run, index);
    bool is_ste = method == OA_METHOD_STE;
    const oa_match_scores *scores = follower->scores.of ? &follower->scores : NULL;
    oa_soft_settings settings =
        is_ste ? oa_ste_settings_default() : oa_sinkhorn_settings_default(samples, scores, run->iterations);
    settings.samples = samples;
    settings.iterations = run->iterations ? run->iterations : settings.iterations;
    settings.rate = options->learning_rate > 0.0 ? options->learning_rate : settings.rate;
    settings.seed = options->seed;
    settings.threads = (size_t)options->threads;
    settings.continues = continues;
    settings.progress = oa_progress_step;
    settings.progress_context = progress;
    oa_status status = is_ste ? oa_match_ste(&follower->permutations, &problem, &settings, info, error)
                              : oa_match_sinkhorn(&follower->permutations, &problem, &settings, info, error);
    oa_progress_end(progress);
    return status;
}

/* Sinkhorn and straight-through matching. With samples the loss counts: from labels or targets, or without any from
 * what the models say. Without samples, and where a loss without labels cannot be followed, Sinkhorn takes the
 * distance. */
static oa_status by_gradients(oa_method method, oa_align_run *run, size_t index, bool continues, oa_progress *progress,
                              oa_error *error)
{
    const oa_options *options = run->options;
    bool has_targets = run->samples.targets.count && !run->skips_labels;
    oa_samples own = {.data = run->samples.data, .loss = run->samples.loss};
    const oa_samples *samples = !own.data.count ? NULL : has_targets ? &run->samples : &own;
    bool can_do_without = method == OA_METHOD_SINKHORN && !has_targets;
    oa_soft_info info = {0};
    oa_status status = follow(&info, method, run, index, continues, samples, progress, error);
    if (status == OA_ERROR_UNSUPPORTED && can_do_without && samples) {
        oa_note(options, "the loss on samples cannot be followed (%s): sinkhorn takes the distance of the weights",
                error->message);
        *error = (oa_error){0};
        samples = NULL;
        status = follow(&info, method, run, index, continues, NULL, progress, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "method '%s'%s", oa_method_name(method),
                         status == OA_ERROR_UNSUPPORTED
                             ? " follows the loss on samples, by gradients that the built-in engine alone has"
                             : "");
    } else if (options->is_verbose) {
        oa_note(options, "%s: %s %.6g -> %.6g after %zu of %zu steps", options->models[index + 1],
                !samples      ? "squared distance"
                : has_targets ? "loss between the models"
                              : "loss between the models, from what they say",
                info.start, info.best, info.best_iteration, info.iterations);
    }
    return status;
}

/* Method `place` of the chain. The first one gets identities that mean nothing. */
static oa_status run_method(oa_align_run *run, size_t follower, size_t place, oa_error *error)
{
    oa_method method = run->methods.of[place];
    bool continues = place > 0;
    bool wants_scores = place + 1 < run->methods.count && run->methods.of[place + 1] == OA_METHOD_SINKHORN;
    oa_progress progress;
    oa_status status = OA_OK;
    oa_progress_start(&progress, run->options, oa_method_name(method));
    switch (method) {
    case OA_METHOD_WEIGHTS:
        status = by_weights(run, follower, continues, &progress, error);
        break;
    case OA_METHOD_ACTIVATIONS:
        status = by_activations(run, follower, continues, &progress, error);
        break;
    case OA_METHOD_SINKHORN:
    case OA_METHOD_STE:
        status = by_gradients(method, run, follower, continues, &progress, error);
        break;
    case OA_METHOD_DEEP_ALIGN:
        status = by_aligner(run, follower, wants_scores, error);
        break;
    case OA_METHOD_AUTO:
    case OA_METHOD_NONE:
    case OA_METHOD_COUNT:
        break;
    }
    oa_progress_end(&progress);
    return status;
}

/* Where a method of auto's choice, not the user's, cannot be used: what the methods before it have found stays, and
 * without any, weights do. */
static oa_status do_without(oa_align_run *run, size_t follower, size_t place, oa_error *error)
{
    oa_note(run->options, "%s cannot be used here (%s); going on without", oa_method_name(run->methods.of[place]),
            error->message);
    run->methods.count = place;
    if (place > 0) {
        return OA_OK;
    }
    run->methods = (oa_method_chain){.of = {OA_METHOD_WEIGHTS}, .count = 1};
    return run_method(run, follower, 0, error);
}

oa_status oa_run_methods(oa_align_run *run, size_t follower, oa_error *error)
{
    oa_match_scores *scores = &run->followers[follower].scores;
    oa_status status = OA_OK;
    for (size_t i = 0; i < run->methods.count && status == OA_OK; i++) {
        bool is_to_use_scores = scores->of != NULL;
        status = run_method(run, follower, i, error);
        if (status == OA_ERROR_UNSUPPORTED && run->method_reason && run->methods.of[i] != OA_METHOD_WEIGHTS) {
            status = do_without(run, follower, i, error);
        }
        if (is_to_use_scores) {
            oa_match_scores_free(scores); /* they were the last method's, not this one's */
        }
    }
    return status;
}
