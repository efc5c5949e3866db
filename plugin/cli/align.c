/* The steps of an alignment run, up to the reordered constants of each model. */
#include "plugin/cli/align.h"

#include "core/base/memory.h"
#include "core/match/frozen.h"
#include "plugin/cli/auto.h"
#include "plugin/cli/inputs.h"
#include "plugin/cli/methods.h"
#include "plugin/cli/report.h"

size_t oa_follower_count(const oa_align_run *run)
{
    return run->options->model_count - 1;
}

const oa_graph *oa_run_graph(const oa_align_run *run, size_t model)
{
    return oa_model_graph(run->models[model]);
}

oa_match_problem oa_run_problem(const oa_align_run *run, size_t follower)
{
    return (oa_match_problem){.layout = run->layout,
                              .a = oa_run_graph(run, 0),
                              .b = oa_run_graph(run, follower + 1),
                              .tensor_b = run->followers[follower].pairing.tensor_b,
                              .value_b = run->followers[follower].pairing.value_b,
                              .input_b = run->followers[follower].pairing.input_b};
}

oa_status oa_run_runnable(oa_runnable *runnable, oa_align_run *run, size_t model, const oa_payloads *payloads,
                          oa_error *error)
{
    oa_status status =
        oa_engine_choose(&run->engine, run->options, run->models, run->options->model_count, &run->samples.data, error);
    *runnable = (oa_runnable){.graph = oa_run_graph(run, model),
                              .payloads = payloads,
                              .input_of = model ? run->followers[model - 1].pairing.input_b : NULL,
                              .engine = run->engine.engine};
    return status;
}

oa_status oa_run_load(oa_align_run *run, oa_error *error)
{
    size_t count = run->options->model_count;
    double start = oa_seconds();
    run->models = oa_calloc(count, sizeof *run->models);
    run->followers = oa_calloc(count, sizeof *run->followers);
    if (!run->models || !run->followers) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu models", count);
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        status = oa_model_load(&run->models[i], run->options->models[i], error);
    }
    if (status == OA_OK) {
        status = oa_load_samples(&run->samples, run->options, oa_run_graph(run, 0), error);
    }
    run->seconds.load = oa_seconds() - start;
    return status;
}

oa_status oa_run_find_layout(oa_align_run *run, oa_error *error)
{
    const oa_options *options = run->options;
    oa_fixed_axis *fixed = NULL;
    size_t fixed_count = 0;
    size_t fixed_capacity = 0;
    double start = oa_seconds();
    oa_status status = oa_layout_discover(&run->layout, oa_run_graph(run, 0), NULL, 0, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", options->models[0]);
        return status;
    }
    oa_note_unknown(options, options->models[0], run->layout);
    status = oa_check_finite(oa_run_graph(run, 0), run->layout, NULL, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", options->models[0]);
    }
    for (size_t i = 0; i < oa_follower_count(run) && status == OA_OK; i++) {
        oa_follower *follower = &run->followers[i];
        status = oa_pair_graphs(&follower->pairing, oa_run_graph(run, 0), oa_run_graph(run, i + 1), error);
        if (status != OA_OK) {
            oa_error_context(error, "%s and %s", options->models[0], options->models[i + 1]);
            break;
        }
        status = oa_check_finite(oa_run_graph(run, i + 1), run->layout, follower->pairing.tensor_b, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s", options->models[i + 1]);
            break;
        }
        oa_match_problem problem = oa_run_problem(run, i);
        status = oa_frozen_axes(&fixed, &fixed_count, &fixed_capacity, &problem, error);
    }
    if (status == OA_OK && fixed_count) {
        oa_layout_destroy(run->layout);
        run->layout = NULL;
        status = oa_layout_discover(&run->layout, oa_run_graph(run, 0), fixed, fixed_count, error);
    }
    oa_free(fixed);
    run->seconds.symmetry = oa_seconds() - start;
    return status;
}

bool oa_run_is_plain(const oa_align_run *run)
{
    return run->methods.of[0] == OA_METHOD_NONE;
}

void oa_run_settle_method(oa_align_run *run)
{
    run->methods = run->options->methods;
    run->iterations = run->options->iterations;
    if (run->methods.of[0] == OA_METHOD_AUTO) {
        oa_auto_list(run);
    }
}

oa_status oa_run_match(oa_align_run *run, size_t index, oa_error *error)
{
    oa_follower *follower = &run->followers[index];
    oa_match_problem problem = oa_run_problem(run, index);
    double start = oa_seconds();
    oa_status status = oa_permutations_init(&follower->permutations, run->layout, error);
    if (status == OA_OK) {
        status = oa_match_distance(&follower->distance_before, &problem, NULL, error);
    }
    if (status == OA_OK) {
        status = run->candidate_count > 1 ? oa_auto_choose(run, index, error) : oa_run_methods(run, index, error);
    }
    if (status == OA_OK) {
        status = oa_match_distance(&follower->distance_after, &problem, &follower->permutations, error);
    }
    run->seconds.align += oa_seconds() - start;
    return status;
}

oa_status oa_run_reorder(oa_align_run *run, size_t index, oa_error *error)
{
    oa_follower *follower = &run->followers[index];
    const oa_graph *graph = oa_run_graph(run, index + 1);
    oa_status status = oa_payloads_init(&follower->payloads, graph, error);
    if (status == OA_OK) {
        status = oa_layout_apply(&follower->payloads, run->layout, graph, follower->pairing.tensor_b,
                                 &follower->permutations, error);
    }
    return status;
}

void oa_run_forget_answers(oa_align_run *run)
{
    for (size_t i = 0; i < run->options->model_count + 2 && run->answers; i++) {
        oa_answers_free(&run->answers[i]);
    }
    oa_free(run->answers);
    run->answers = NULL;
}

static void free_similarities(oa_similarity *list, const oa_layout *layout)
{
    for (size_t g = 0; list && g < layout->group_count; g++) {
        oa_similarity_free(&list[g]);
    }
    oa_free(list);
}

void oa_run_free(oa_align_run *run)
{
    size_t count = run->options->model_count;
    for (size_t i = 0; i + 1 < count && run->followers; i++) {
        oa_pairing_free(&run->followers[i].pairing);
        oa_permutations_free(&run->followers[i].permutations);
        oa_match_scores_free(&run->followers[i].scores);
        oa_payloads_free(&run->followers[i].payloads);
        free_similarities(run->followers[i].before, run->layout);
        free_similarities(run->followers[i].after, run->layout);
    }
    oa_payloads_free(&run->merged);
    oa_repair_destroy(run->repair);
    oa_free(run->ends);
    oa_run_forget_answers(run);
    for (size_t c = 0; c < OA_LINES; c++) {
        oa_curve_free(&run->line[c]);
    }
    oa_verdict_free(&run->verdict);
    oa_engine_choice_free(&run->engine);
    oa_samples_close(&run->samples);
    oa_layout_destroy(run->layout);
    oa_aligner_destroy(run->aligner);
    for (size_t i = 0; i < count && run->models; i++) {
        oa_model_destroy(run->models[i]);
    }
    oa_free(run->followers);
    oa_free(run->models);
}
