/* onnx-align A B ... -o OUT: align all models to the first, then average or write them. */
#include "core/base/memory.h"
#include "core/merge/merge.h"
#include "plugin/cli/align.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/files.h"
#include "plugin/cli/html_report.h"
#include "plugin/cli/inputs.h"
#include "plugin/cli/output_folder.h"
#include "plugin/cli/repair.h"
#include "plugin/cli/report.h"

static oa_status verify(oa_align_run *run, size_t index, oa_error *error)
{
    const oa_options *options = run->options;
    oa_follower *follower = &run->followers[index];
    oa_runnable before = {0}, after = {0};
    oa_verify_inputs inputs = {0};
    oa_verify_settings settings;
    double start = oa_seconds();
    oa_status status = oa_run_runnable(&before, run, index + 1, NULL, error);
    if (status == OA_OK) {
        status = oa_verify_settings_from(&settings, &inputs, options, &run->engine, before.graph, before.input_of,
                                         &run->samples, error);
    }
    if (status == OA_OK) {
        before.input_of = NULL; /* the inputs are in this model's own order by now */
        after = before;
        after.payloads = &follower->payloads;
        status = oa_verify(&follower->verified, &before, &after, &settings, error);
    }
    oa_verify_inputs_free(&inputs);
    run->seconds.verify += oa_seconds() - start;
    if (status == OA_ERROR_UNSUPPORTED) {
        oa_error_context(error, "cannot verify %s (--no-verify goes on without)", options->models[index + 1]);
    } else if (status != OA_OK) {
        oa_error_context(error, "while verifying %s", options->models[index + 1]);
    } else if (follower->verified.is_same) {
        oa_note_unreached(options, options->models[index + 1], &follower->verified);
    } else {
        status = oa_fail(error, OA_ERROR_DIFFERENT,
                         "%s: verification failed, reordered it differs by %.3g relative (tolerance %.3g); nothing was "
                         "written",
                         options->models[index + 1], follower->verified.max_rel_diff, follower->verified.tolerance);
    }
    return status;
}

/* Runs a model on the samples: its loss when they have labels, and its answers (into place `at`; OA_NONE: nobody wants
 * them) when the merged model is to be judged. */
static oa_status evaluate(oa_evaluation *evaluation, oa_align_run *run, size_t model, const oa_payloads *payloads,
                          size_t at, oa_error *error)
{
    enum { OA_EVALUATION_BATCH = 100 };
    oa_answers *answers = run->answers && at != OA_NONE ? &run->answers[at] : NULL;
    if (!run->samples.targets.count && !answers) {
        return OA_OK;
    }
    double start = oa_seconds();
    oa_runnable runnable;
    oa_status status = oa_run_runnable(&runnable, run, model, payloads, error);
    if (status == OA_OK) {
        status = oa_evaluate_answers(evaluation, answers, &runnable, &run->samples, OA_EVALUATION_BATCH, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "while evaluating %s on %s", run->options->models[model], run->options->data);
    }
    run->seconds.evaluate += oa_seconds() - start;
    return status;
}

/* Averages the models as they stand: with the followers' reordered constants, or (naive) without. */
static oa_status average(oa_payloads *merged, const oa_align_run *run, bool is_naive, oa_error *error)
{
    size_t count = oa_follower_count(run);
    oa_merge_part *parts = oa_calloc(count, sizeof *parts);
    oa_status status = parts ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging");
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        parts[i] = (oa_merge_part){.graph = oa_run_graph(run, i + 1),
                                   .tensor_of = run->followers[i].pairing.tensor_b,
                                   .payloads = is_naive ? NULL : &run->followers[i].payloads,
                                   .weight = run->options->weights[i + 1]};
    }
    if (status == OA_OK) {
        status = oa_payloads_init(merged, oa_run_graph(run, 0), error);
    }
    if (status == OA_OK) {
        status = oa_merge(merged, oa_run_graph(run, 0), run->layout, parts, count, error);
    }
    oa_free(parts);
    return status;
}

/* The parents and the plain average: before anything is reordered, so that at most one further copy of the weights is
 * alive at a time. */
static oa_status evaluate_each(oa_align_run *run, oa_error *error)
{
    size_t count = run->options->model_count;
    oa_payloads naive = {0};
    oa_status status = evaluate(&run->first, run, 0, NULL, 0, error);
    for (size_t i = 1; i < count && status == OA_OK; i++) {
        status = evaluate(&run->followers[i - 1].evaluation, run, i, NULL, i, error);
    }
    if (status == OA_OK && (run->samples.targets.count || run->answers)) {
        status = average(&naive, run, true, error);
    }
    if (status == OA_OK) {
        status = evaluate(&run->naive, run, 0, &naive, count, error);
    }
    oa_payloads_free(&naive);
    return status;
}

/* Without labels a model that cannot be run, or answers with something else than numbers, is no reason to give up: then
 * there is no verdict. */
static oa_status evaluate_before(oa_align_run *run, oa_error *error)
{
    if (run->samples.data.count && run->options->emit == OA_EMIT_MERGED) {
        run->answers = oa_calloc(run->options->model_count + 2, sizeof *run->answers);
        if (!run->answers) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory");
        }
    }
    oa_status status = evaluate_each(run, error);
    bool can_do_without = !run->samples.targets.count && (status == OA_ERROR_UNSUPPORTED || status == OA_ERROR_INPUT);
    if (!can_do_without) {
        return status;
    }
    oa_note(run->options, "no verdict on the merged model: %s", error->message);
    *error = (oa_error){0};
    oa_run_forget_answers(run);
    return OA_OK;
}

static oa_status judge(oa_align_run *run, oa_error *error)
{
    size_t count = run->options->model_count;
    if (!run->answers) {
        return OA_OK;
    }
    const oa_answers *answers = run->answers;
    oa_status status = oa_judge(&run->verdict, answers, count, &answers[count], &answers[count + 1], error);
    run->is_judged = status == OA_OK;
    oa_run_forget_answers(run);
    return status;
}

static oa_status merge(oa_align_run *run, oa_error *error)
{
    oa_status status = oa_run_prepare_repair(run, error);
    double start = oa_seconds();
    status = status == OA_OK ? average(&run->merged, run, false, error) : status;
    run->seconds.merge = oa_seconds() - start;
    if (status == OA_OK && run->repair) {
        status = evaluate(&run->unrepaired, run, 0, &run->merged, OA_NONE, error);
        status = status == OA_OK ? oa_run_repair(run, error) : status;
    }
    if (status == OA_OK) {
        status = evaluate(&run->result, run, 0, &run->merged, run->options->model_count + 1, error);
    }
    return status == OA_OK ? judge(run, error) : status;
}

static oa_status save_aligned(const oa_align_run *run, oa_error *error)
{
    const oa_options *options = run->options;
    if (options->model_count == 2) {
        return oa_model_save(options->output, run->models[1], &run->followers[0].payloads, error);
    }
    return oa_output_folder_save(options->output, options, run->models, run->followers, error);
}

static oa_status save_models(oa_align_run *run, oa_error *error)
{
    const oa_options *options = run->options;
    double start = oa_seconds();
    oa_status status = options->emit == OA_EMIT_MERGED
                           ? oa_model_save(options->output, run->models[0], &run->merged, error)
                           : save_aligned(run, error);
    if (status == OA_OK && options->save_permutation) {
        status = oa_permutation_file_save(options->save_permutation, run->layout, oa_run_graph(run, 1),
                                          run->followers[0].pairing.tensor_b, &run->followers[0].permutations, error);
    }
    run->seconds.save = oa_seconds() - start;
    return status;
}

/* A report that cannot be written is found out before the model is. */
static oa_status save(oa_align_run *run, oa_error *error)
{
    oa_output_file report = {0};
    oa_status status = run->options->report ? oa_html_report_prepare(&report, run, error) : OA_OK;
    if (status != OA_OK) {
        return status;
    }
    status = save_models(run, error);
    if (run->options->report && status == OA_OK) {
        status = oa_text_file_finish(&report, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s is written, its report is not", run->options->output);
        }
        return status;
    }
    oa_output_file_discard(&report);
    return status;
}

/* An output that is one of the inputs would replace it; say so before any work. */
static oa_status check_outputs(const oa_options *options, oa_error *error)
{
    for (size_t i = 0; i < options->model_count; i++) {
        if (oa_same_file(options->output, options->models[i])) {
            return oa_fail(error, OA_ERROR_OUTPUT, "the output %s is the input %s: give another name with -o",
                           options->output, options->models[i]);
        }
        if (options->save_permutation && oa_same_file(options->save_permutation, options->models[i])) {
            return oa_fail(error, OA_ERROR_OUTPUT, "--save-permutation %s is the input %s: give another name",
                           options->save_permutation, options->models[i]);
        }
    }
    if (options->report) {
        oa_status status = oa_html_report_check(options, error);
        if (status != OA_OK) {
            return status;
        }
    }
    if (options->save_permutation && options->model_count > 2) {
        return oa_fail(error, OA_ERROR_USAGE, "--save-permutation is for two models, %zu given", options->model_count);
    }
    return OA_OK;
}

static oa_status measure_for_report(oa_align_run *run, oa_error *error)
{
    enum { LINE_POINTS = 9 }; /* each costs running a model on all samples, twice */
    oa_status status = oa_run_measure_units(run, error);
    bool has_line = run->samples.targets.count && oa_follower_count(run) == 1;
    return status == OA_OK && has_line ? oa_run_measure_line(run, LINE_POINTS, error) : status;
}

static oa_status run_all(oa_align_run *run, oa_error *error)
{
    size_t count = oa_follower_count(run);
    oa_status status = check_outputs(run->options, error);
    status = status == OA_OK ? oa_run_load(run, error) : status;
    status = status == OA_OK ? oa_run_find_layout(run, error) : status;
    oa_run_settle_method(run);
    status = status == OA_OK ? evaluate_before(run, error) : status;
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        status = oa_run_match(run, i, error);
    }
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        status = oa_run_reorder(run, i, error);
    }
    for (size_t i = 0; i < count && status == OA_OK && run->options->verifies; i++) {
        status = verify(run, i, error);
    }
    if (status == OA_OK && run->options->report) {
        status = measure_for_report(run, error);
    }
    if (status == OA_OK && run->options->emit == OA_EMIT_MERGED) {
        status = merge(run, error);
    }
    status = status == OA_OK ? save(run, error) : status;
    if (status == OA_OK) {
        oa_note_repair(run);
    }
    return status == OA_OK ? oa_align_print(run, error) : status;
}

oa_status oa_command_align(const oa_options *options, oa_error *error)
{
    oa_align_run run = {.options = options, .started = oa_seconds()};
    oa_status status = run_all(&run, error);
    oa_run_free(&run);
    return status;
}
