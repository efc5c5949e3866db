#include "core/check/curve.h"

#include <math.h>
#include <string.h>

void oa_curve_free(oa_curve *curve)
{
    oa_free(curve->lambda);
    oa_free(curve->loss);
    oa_free(curve->accuracy);
    *curve = (oa_curve){0};
}

oa_status oa_curve_copy(oa_curve *copy, const oa_curve *curve, oa_error *error)
{
    const size_t count = curve->count;
    oa_curve made = *curve;
    made.lambda = oa_malloc(count, sizeof *made.lambda);
    made.loss = oa_malloc(count, sizeof *made.loss);
    made.accuracy = oa_malloc(count, sizeof *made.accuracy);
    if (!made.lambda || !made.loss || !made.accuracy) {
        oa_curve_free(&made);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a curve of %zu points", count);
    }
    memcpy(made.lambda, curve->lambda, count * sizeof *made.lambda);
    memcpy(made.loss, curve->loss, count * sizeof *made.loss);
    memcpy(made.accuracy, curve->accuracy, count * sizeof *made.accuracy);
    *copy = made;
    return OA_OK;
}

void oa_curve_summarise(oa_curve *curve)
{
    size_t last = curve->count - 1;
    double barrier = 0.0;
    double auc = 0.0;
    double before = 0.0;
    for (size_t i = 0; i < curve->count; i++) {
        double lambda = curve->lambda[i];
        double rise = curve->loss[i] - (lambda * curve->loss[last] + (1.0 - lambda) * curve->loss[0]);
        barrier = fmax(barrier, rise);
        auc += i ? 0.5 * (rise + before) * (lambda - curve->lambda[i - 1]) : 0.0;
        before = rise;
    }
    curve->barrier = barrier;
    curve->auc = fmax(auc, 0.0);
}

static oa_status measure_point(oa_curve *curve, size_t i, const oa_graph *a, const oa_layout *layout,
                               const oa_merge_part *b, oa_repair *repair, const oa_samples *samples, size_t batch,
                               const oa_engine *engine, oa_error *error)
{
    oa_merge_part part = *b;
    oa_payloads mixed = {0};
    oa_evaluation evaluation = {0};
    part.weight = 1.0 - curve->lambda[i];
    part.keeps_payloads = true;
    oa_status status = oa_payloads_init(&mixed, a, error);
    if (status == OA_OK) {
        status = oa_merge(&mixed, a, layout, &part, 1, error);
    }
    if (status == OA_OK && repair && i > 0 && i + 1 < curve->count) {
        oa_repair_info info;
        status = oa_repair_apply(&mixed, &info, repair, (double[]){curve->lambda[i], part.weight}, error);
        if (status == OA_OK && (curve->repaired.samples == 0 || info.uncertainty > curve->repaired.uncertainty)) {
            curve->repaired = info;
        }
    }
    if (status == OA_OK) {
        status = oa_evaluate(&evaluation, &(oa_runnable){.graph = a, .payloads = &mixed, .engine = engine}, samples,
                             batch, error);
    }
    curve->loss[i] = evaluation.loss;
    curve->accuracy[i] = evaluation.accuracy;
    curve->has_accuracy = evaluation.has_accuracy;
    oa_payloads_free(&mixed);
    return status;
}

oa_status oa_curve_measure(oa_curve *curve, size_t count, const oa_graph *a, const oa_layout *layout,
                           const oa_merge_part *b, oa_repair *repair, const oa_samples *samples, size_t batch,
                           const oa_engine *engine, void (*progress)(void *context, size_t done, size_t total),
                           void *progress_context, oa_error *error)
{
    if (count < 2) {
        return oa_fail(error, OA_ERROR_USAGE, "a curve needs at least 2 points, not %zu", count);
    }
    oa_curve made = {.count = count,
                     .lambda = oa_calloc(count, sizeof *made.lambda),
                     .loss = oa_calloc(count, sizeof *made.loss),
                     .accuracy = oa_calloc(count, sizeof *made.accuracy)};
    oa_status status = made.lambda && made.loss && made.accuracy
                           ? OA_OK
                           : oa_fail(error, OA_ERROR_MEMORY, "out of memory for a curve of %zu points", count);
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        made.lambda[i] = (double)i / (double)(count - 1);
        status = measure_point(&made, i, a, layout, b, repair, samples, batch, engine, error);
        if (progress) {
            progress(progress_context, i + 1, count);
        }
    }
    if (status != OA_OK) {
        oa_curve_free(&made);
        return status;
    }
    oa_curve_summarise(&made);
    *curve = made;
    return OA_OK;
}
