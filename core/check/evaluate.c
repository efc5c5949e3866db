#include "core/check/evaluate.h"

#include "core/check/score.h"
#include "core/exec/feed.h"

/* What stays from batch to batch. */
typedef struct evaluation_run {
    const oa_runnable *model;
    const oa_samples *samples;
    oa_session *session;
    oa_array *results; /* [outputs] */
    oa_rows rows;
    oa_feed feed;
    oa_array targets;
    oa_score score;
} evaluation_run;

static oa_status check_samples(const oa_samples *samples, bool needs_targets, oa_error *error)
{
    if (!needs_targets && samples->data.count && !samples->targets.count) {
        return OA_OK;
    }
    if (samples->data.count == 0 || samples->targets.count != samples->data.count) {
        return oa_fail(error, OA_ERROR_INPUT, "there are %zu samples and %zu %s", samples->data.count,
                       samples->targets.count, samples->loss == OA_LOSS_CROSS_ENTROPY ? "labels" : "targets");
    }
    oa_dtype wanted = samples->loss == OA_LOSS_CROSS_ENTROPY ? OA_DTYPE_INT64 : OA_DTYPE_FLOAT;
    if (samples->targets.dtype != wanted) {
        return oa_fail(error, OA_ERROR_INPUT, "the targets are of type %s and should be %s",
                       oa_dtype_name(samples->targets.dtype), oa_dtype_name(wanted));
    }
    return OA_OK;
}

/* Runs the model on n samples, padded to `size`. */
static oa_status run_batch(evaluation_run *run, size_t first, size_t n, size_t size, oa_error *error)
{
    const oa_graph *graph = run->model->graph;
    bool has_targets = run->samples->targets.count > 0;
    oa_status status = oa_rows_read(&run->rows, &run->samples->data, first, n, size, error);
    if (status == OA_OK) {
        status = oa_feed_set(&run->feed, graph, &run->rows, run->model->input_of, error);
    }
    if (status == OA_OK && has_targets) {
        status = oa_batches_read(&run->targets, &run->samples->targets, first, n, size, error);
    }
    if (status == OA_OK) {
        status = oa_session_run(run->results, run->session, run->feed.inputs, NULL, NULL, error);
    }
    if (status == OA_OK) {
        status = oa_score_add(&run->score, &run->results[0], has_targets ? &run->targets : NULL, n, error);
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        oa_array_free(&run->results[i]);
    }
    return status;
}

oa_status oa_evaluate(oa_evaluation *evaluation, const oa_runnable *model, const oa_samples *samples, size_t batch,
                      oa_error *error)
{
    return oa_evaluate_answers(evaluation, NULL, model, samples, batch, error);
}

oa_status oa_evaluate_answers(oa_evaluation *evaluation, oa_answers *answers, const oa_runnable *model,
                              const oa_samples *samples, size_t batch, oa_error *error)
{
    oa_status status = check_samples(samples, !answers, error);
    if (status != OA_OK) {
        return status;
    }
    size_t fixed = oa_fixed_batch(model->graph);
    size_t total = samples->data.count;
    size_t step = fixed ? fixed : oa_batches_fit(&samples->data, batch);
    evaluation_run run = {
        .model = model, .samples = samples, .score = {.kind = samples->loss, .answers = answers, .expected = total}};
    run.results = oa_calloc(model->graph->output_count, sizeof *run.results);
    status = run.results ? oa_session_create(&run.session, model->engine, model->graph, model->payloads, NULL, error)
                         : oa_fail(error, OA_ERROR_MEMORY, "out of memory while evaluating");
    for (size_t first = 0; first < total && status == OA_OK; first += step) {
        size_t n = total - first < step ? total - first : step;
        status = run_batch(&run, first, n, fixed ? step : n, error);
    }
    if (status == OA_OK) {
        *evaluation = oa_score_result(&run.score);
    } else if (answers) {
        oa_answers_free(answers);
    }
    oa_score_free(&run.score);
    oa_rows_free(&run.rows);
    oa_feed_free(&run.feed);
    oa_array_free(&run.targets);
    oa_session_destroy(run.session);
    oa_free(run.results);
    return status;
}
