/* Repairing merged models: giving each unit back the mean and spread that averaging took from it.
 *
 * The average of two layers computes, roughly, the average of two signals, whose spread is smaller than that of either
 * as far as they disagree; behind each further layer more is lost (the "variance collapse" of Jordan, Sedghi, Saukh,
 * Entezari, Neyshabur, "REPAIR: REnormalizing Permuted Activations for Interpolation Repair", ICLR 2023). On data, all
 * of it can be seen and undone:
 *
 * - a BatchNormalization's running mean and variance are recomputed from what the merged model feeds to it;
 * - a layer with weights that no BatchNormalization follows has its weights and bias rescaled, unit by unit, so that
 * mean and standard deviation of its output become the weighted means of the parents': w <- w s'/s,   b <- (b - m) s'/s
 * + m',   from (m, s) to (m', s').
 *
 * The graph stays as it is. Layers are repaired one level after the other, each measured with all before it repaired:
 * measured all at once, later layers would be set for the input that they no longer get. The last layer is repaired
 * like all others, unlike in the paper: it gains as much again (docs/repair.md). Left alone are layers that only add to
 * a stream on its way to layer normalisation, where each sample is brought to scale anyway (repairing them was measured
 * to lose), recurrent layers (their steps cannot be seen), and weights that several nodes share or that are computed in
 * the graph. */
#ifndef OA_MERGE_REPAIR_H
#define OA_MERGE_REPAIR_H

#include "core/exec/engine.h"
#include "core/exec/samples.h"
#include "core/merge/repair_plan.h"

typedef struct oa_repair_settings {
    size_t batch;            /* samples in memory at a time at most, unless the model fixes it */
    size_t samples;          /* how many are used, rounded up to batches, which are taken evenly from all */
    const oa_engine *engine; /* what runs the models; NULL: the built-in one */
    size_t held;             /* bytes of values that runs of the built-in engine may keep from level to level */
    void (*progress)(void *context, size_t done, size_t total); /* may be NULL; of one call of measure or apply */
    void *progress_context;
} oa_repair_settings;

oa_repair_settings oa_repair_settings_default(void);

typedef struct oa_repair_info {
    size_t samples;     /* that the statistics are from */
    double uncertainty; /* of the worst place: by which share of its spread a unit is off, typically */
    size_t worst;       /* that place, OA_NONE without places */
} oa_repair_info;

/* What to repair in a graph, and what its parents' units do. */
typedef struct oa_repair oa_repair;

/* A repair of merges of `models` parents, all seen through `graph`, from `data`, which must be for its inputs; all that
 * is given must outlive it, but settings are copied. OA_ERROR_INPUT (no samples), OA_ERROR_MEMORY. */
oa_status oa_repair_create(oa_repair **repair, const oa_graph *graph, size_t models, const oa_batches *data,
                           const oa_repair_settings *settings, oa_error *error);
void oa_repair_destroy(oa_repair *repair);

/* The places that are repaired, and what is left. Borrowed. */
const oa_repair_plan *oa_repair_plan_of(const oa_repair *repair);
/* Is any place of this kind? */
bool oa_repair_has(const oa_repair *repair, oa_repair_kind kind);

const oa_engine *oa_repair_engine(const oa_repair *repair);

/* The batches that are used. Reading: *inputs [graph->input_count] are borrowed until the next call on the repair;
 * *samples of those in the batch count, the others repeat them where the model's batch is fixed. Errors as
 * oa_batches_read and oa_feed_set. */
size_t oa_repair_batch_count(const oa_repair *repair);
oa_status oa_repair_read_batch(const oa_array **inputs, size_t *samples, oa_repair *repair, size_t i, oa_error *error);

/* Measures the units of parent `model`: the graph with its (aligned) constants, NULL for the graph's own. One pass over
 * the data, none when there is nothing to rescale. OA_ERROR_INPUT when the data do not fit or give units that are not
 * finite; errors of running. */
oa_status oa_repair_measure(oa_repair *repair, size_t model, const oa_payloads *payloads, oa_error *error);

/* Repairs merged constants in place: targets are the sums of the parents' means and spreads times `weights` [models].
 * Some two passes over the data on the built-in engine, as long as settings.held is enough; else as many as there are
 * levels, each up to the last value that it needs. On failure payloads are partly repaired. Errors as
 * oa_repair_measure. */
oa_status oa_repair_apply(oa_payloads *payloads, oa_repair_info *info, oa_repair *repair, const double *weights,
                          oa_error *error);

#endif
