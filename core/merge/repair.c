#include "core/merge/repair.h"

#include "core/exec/feed.h"
#include "core/merge/repair_apply.h"
#include "core/merge/unit_statistics.h"

#include <math.h>
#include <string.h>

/* Statistics are of a few numbers a unit: more samples than this make no difference that could be measured
 * (docs/repair.md), and every level reads them again. */
enum { DEFAULT_BATCH = 100, DEFAULT_SAMPLES = 1000 };

struct oa_repair {
    const oa_graph *graph;
    const oa_batches *data;
    oa_repair_settings settings;
    size_t step;    /* samples in a batch, but perhaps in the last */
    size_t total;   /* samples in all batches; what is left over of a fixed batch is not among them */
    size_t batches; /* that there are ... */
    size_t used;    /* ... and that are used, evenly spread */
    bool is_fixed;  /* the model runs on `step` samples only */
    oa_repair_plan plan;
    oa_executor *executor;
    oa_array *outputs; /* [outputs] scratch */
    size_t models;
    double **means;   /* [models * places], each [units]; NULL until measured */
    double **spreads; /* the same */
    /* What the pass that is running sees. */
    oa_unit_statistics *statistics; /* [places] */
    bool *is_wanted;                /* [places] */
    size_t wanted, seen;            /* in this batch */
    size_t batch_samples;
};

oa_repair_settings oa_repair_settings_default(void)
{
    return (oa_repair_settings){.batch = DEFAULT_BATCH, .samples = DEFAULT_SAMPLES};
}

static void plan_batches(oa_repair *repair)
{
    size_t fixed = oa_fixed_batch(repair->graph);
    size_t count = repair->data->count;
    repair->is_fixed = fixed > 0;
    repair->step = fixed ? fixed : repair->settings.batch;
    size_t step = repair->step;
    repair->total = repair->is_fixed && count > step ? count / step * step : count;
    repair->batches = repair->total / step + (repair->total % step != 0);
    size_t most = repair->settings.samples / step + (repair->settings.samples % step != 0);
    repair->used = repair->batches < most ? repair->batches : most;
}

static oa_status prepare(oa_repair *repair, oa_error *error)
{
    oa_status status = oa_repair_plan_make(&repair->plan, repair->graph, error);
    size_t places = repair->plan.place_count;
    size_t slots;
    if (status != OA_OK) {
        return status;
    }
    if (!oa_mul_overflows(&slots, places, repair->models)) {
        repair->means = oa_calloc(slots, sizeof *repair->means);
        repair->spreads = oa_calloc(slots, sizeof *repair->spreads);
        repair->statistics = oa_calloc(places, sizeof *repair->statistics);
        repair->is_wanted = oa_calloc(places, sizeof *repair->is_wanted);
        repair->outputs = oa_calloc(repair->graph->output_count, sizeof *repair->outputs);
    }
    if (!repair->means || !repair->spreads || !repair->statistics || !repair->is_wanted || !repair->outputs) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the repair");
    }
    return oa_executor_create(&repair->executor, repair->graph, error);
}

oa_status oa_repair_create(oa_repair **repair, const oa_graph *graph, size_t models, const oa_batches *data,
                           const oa_repair_settings *settings, oa_error *error)
{
    if (graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_INPUT, "samples fit models with one input only, this one has %zu",
                       graph->input_count);
    }
    if (data->count == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "there are no samples to repair with");
    }
    oa_repair *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the repair");
    }
    *made = (oa_repair){.graph = graph, .models = models, .data = data, .settings = *settings};
    plan_batches(made);
    oa_status status = prepare(made, error);
    if (status != OA_OK) {
        oa_repair_destroy(made);
        return status;
    }
    *repair = made;
    return OA_OK;
}

static void forget_statistics(oa_repair *repair)
{
    for (size_t i = 0; i < repair->plan.place_count && repair->statistics; i++) {
        oa_unit_statistics_free(&repair->statistics[i]);
    }
}

void oa_repair_destroy(oa_repair *repair)
{
    if (!repair) {
        return;
    }
    for (size_t i = 0; i < repair->models * repair->plan.place_count; i++) {
        oa_free(repair->means ? repair->means[i] : NULL);
        oa_free(repair->spreads ? repair->spreads[i] : NULL);
    }
    forget_statistics(repair);
    oa_free(repair->means);
    oa_free(repair->spreads);
    oa_free(repair->statistics);
    oa_free(repair->is_wanted);
    oa_free(repair->outputs);
    oa_executor_destroy(repair->executor);
    oa_repair_plan_free(&repair->plan);
    oa_free(repair);
}

const oa_repair_plan *oa_repair_plan_of(const oa_repair *repair)
{
    return &repair->plan;
}

bool oa_repair_has(const oa_repair *repair, oa_repair_kind kind)
{
    for (size_t i = 0; i < repair->plan.place_count; i++) {
        if (repair->plan.places[i].kind == kind) {
            return true;
        }
    }
    return false;
}

size_t oa_repair_batch_count(const oa_repair *repair)
{
    return repair->used;
}

oa_status oa_repair_read_batch(oa_array *batch, size_t *samples, const oa_repair *repair, size_t i, oa_error *error)
{
    size_t index = i * (repair->batches / repair->used) + i * (repair->batches % repair->used) / repair->used;
    size_t first = index * repair->step;
    size_t rest = repair->total - first;
    size_t n = rest < repair->step ? rest : repair->step;
    *samples = n;
    return oa_batches_read(batch, repair->data, first, n, repair->is_fixed ? repair->step : n, error);
}

/* Adds up what is wanted, and ends the run when all of it has been seen. */
static oa_status see(void *context, size_t value, const oa_array *array, oa_error *error)
{
    oa_repair *repair = context;
    for (size_t i = 0; i < repair->plan.place_count; i++) {
        const oa_repair_place *place = &repair->plan.places[i];
        if (!repair->is_wanted[i] || place->value != value) {
            continue;
        }
        size_t axis = place->is_last && array->rank ? array->rank - 1 : 1;
        oa_status status = oa_unit_statistics_add(&repair->statistics[i], array, axis, repair->batch_samples, error);
        if (status != OA_OK) {
            oa_error_context(error, "value '%s'", repair->graph->values[value].name);
            return status;
        }
        repair->seen++;
    }
    return repair->seen == repair->wanted ? OA_ERROR_DIFFERENT : OA_OK; /* no failure: run_batch knows */
}

/* Runs the model on one batch until `see` has seen what it wants. */
static oa_status run_batch(oa_repair *repair, const oa_array *batch, const oa_payloads *payloads, oa_error *error)
{
    oa_error own = {0};
    repair->seen = 0;
    oa_status status = oa_executor_run(repair->outputs, repair->executor, batch, payloads, &own);
    for (size_t i = 0; i < repair->graph->output_count && status == OA_OK; i++) {
        oa_array_free(&repair->outputs[i]);
    }
    if (status == OA_ERROR_DIFFERENT && repair->seen == repair->wanted) {
        return OA_OK;
    }
    return status == OA_OK ? OA_OK : oa_fail(error, status, "%s", own.message);
}

static oa_status run_data(size_t *samples, oa_repair *repair, const oa_payloads *payloads, oa_error *error)
{
    oa_array batch = {0};
    oa_status status = OA_OK;
    *samples = 0;
    for (size_t i = 0; i < repair->used && status == OA_OK; i++) {
        size_t n;
        status = oa_repair_read_batch(&batch, &n, repair, i, error);
        repair->batch_samples = batch.rank ? batch.dims[0] : 0;
        status = status == OA_OK ? run_batch(repair, &batch, payloads, error) : status;
        *samples += n;
    }
    oa_array_free(&batch);
    return status;
}

/* Statistics of all places that are wanted, zeroed before. */
static oa_status watch(size_t *samples, oa_repair *repair, const oa_payloads *payloads, oa_error *error)
{
    oa_status status = OA_OK;
    forget_statistics(repair);
    repair->wanted = 0;
    for (size_t i = 0; i < repair->plan.place_count && status == OA_OK; i++) {
        if (repair->is_wanted[i]) {
            status = oa_unit_statistics_init(&repair->statistics[i], repair->plan.places[i].units, error);
            repair->wanted++;
        }
    }
    if (status == OA_OK && repair->wanted) {
        oa_executor_watch(repair->executor, see, repair);
        status = run_data(samples, repair, payloads, error);
        oa_executor_watch(repair->executor, NULL, NULL);
    }
    return status;
}

static oa_status check_seen(const oa_repair *repair, size_t place, oa_error *error)
{
    const oa_unit_statistics *statistics = &repair->statistics[place];
    const char *name = repair->graph->values[repair->plan.places[place].value].name;
    if (statistics->samples == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "value '%s' has no elements on these data", name);
    }
    for (size_t u = 0; u < statistics->units; u++) {
        double mean;
        double spread;
        oa_unit_statistics_get(&mean, &spread, statistics, u);
        if (!isfinite(mean) || !isfinite(spread)) {
            return oa_fail(error, OA_ERROR_INPUT,
                           "value '%s' is not finite on these data, so there is nothing to go by", name);
        }
    }
    return OA_OK;
}

oa_status oa_repair_measure(oa_repair *repair, size_t model, const oa_payloads *payloads, oa_error *error)
{
    size_t places = repair->plan.place_count;
    size_t samples = 0;
    for (size_t i = 0; i < places; i++) {
        repair->is_wanted[i] = repair->plan.places[i].kind != OA_REPAIR_STATISTICS;
    }
    oa_status status = watch(&samples, repair, payloads, error);
    for (size_t i = 0; i < places && status == OA_OK; i++) {
        if (!repair->is_wanted[i]) {
            continue;
        }
        size_t slot = model * places + i;
        size_t units = repair->plan.places[i].units;
        oa_free(repair->means[slot]);
        oa_free(repair->spreads[slot]);
        repair->means[slot] = oa_malloc(units, sizeof **repair->means);
        repair->spreads[slot] = oa_malloc(units, sizeof **repair->spreads);
        status = repair->means[slot] && repair->spreads[slot]
                     ? check_seen(repair, i, error)
                     : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the statistics of %zu units", units);
        for (size_t u = 0; u < units && status == OA_OK; u++) {
            oa_unit_statistics_get(&repair->means[slot][u], &repair->spreads[slot][u], &repair->statistics[i], u);
        }
    }
    forget_statistics(repair);
    return status;
}

/* The weighted sums of the parents' means and spreads, each [units] of `targets`. */
static oa_status add_targets(double *means, double *spreads, const oa_repair *repair, size_t place,
                             const double *weights, oa_error *error)
{
    size_t units = repair->plan.places[place].units;
    memset(means, 0, units * sizeof *means);
    memset(spreads, 0, units * sizeof *spreads);
    for (size_t m = 0; m < repair->models; m++) {
        size_t slot = m * repair->plan.place_count + place;
        if (weights[m] == 0.0) {
            continue;
        }
        if (!repair->spreads[slot]) {
            return oa_fail(error, OA_ERROR_INTERNAL, "model %zu has not been measured", m + 1);
        }
        for (size_t u = 0; u < units; u++) {
            means[u] += weights[m] * repair->means[slot][u];
            spreads[u] += weights[m] * repair->spreads[slot][u];
        }
    }
    return OA_OK;
}

/* Repairs one place by what has been seen there. */
static oa_status repair_place(oa_payloads *payloads, const oa_repair *repair, size_t index, const double *weights,
                              oa_error *error)
{
    const oa_repair_place *place = &repair->plan.places[index];
    double *numbers = oa_malloc(place->units, 4 * sizeof *numbers);
    oa_status status =
        numbers ? check_seen(repair, index, error) : oa_fail(error, OA_ERROR_MEMORY, "out of memory while repairing");
    if (status == OA_OK) {
        oa_unit_change change = {.mean = numbers,
                                 .spread = numbers + place->units,
                                 .target_mean = numbers + 2 * place->units,
                                 .target_spread = numbers + 3 * place->units};
        for (size_t u = 0; u < place->units; u++) {
            oa_unit_statistics_get(&numbers[u], &numbers[place->units + u], &repair->statistics[index], u);
        }
        if (place->kind == OA_REPAIR_STATISTICS) {
            status = oa_repair_set_statistics(payloads, repair->graph, place, &change, error);
        } else {
            status = add_targets(numbers + 2 * place->units, numbers + 3 * place->units, repair, index, weights, error);
            status = status == OA_OK ? oa_repair_rescale(payloads, repair->graph, place, &change, error) : status;
        }
    }
    oa_free(numbers);
    return status;
}

oa_status oa_repair_apply(oa_payloads *payloads, oa_repair_info *info, oa_repair *repair, const double *weights,
                          oa_error *error)
{
    const oa_repair_plan *plan = &repair->plan;
    oa_repair_info made = {.worst = OA_NONE};
    oa_status status = OA_OK;
    for (size_t level = 0; level < plan->level_count && status == OA_OK; level++) {
        for (size_t i = 0; i < plan->place_count; i++) {
            repair->is_wanted[i] = plan->places[i].level == level;
        }
        status = watch(&made.samples, repair, payloads, error);
        for (size_t i = 0; i < plan->place_count && status == OA_OK; i++) {
            if (!repair->is_wanted[i]) {
                continue;
            }
            status = repair_place(payloads, repair, i, weights, error);
            double uncertainty = oa_unit_statistics_uncertainty(&repair->statistics[i]);
            if (made.worst == OA_NONE || uncertainty > made.uncertainty) {
                made.uncertainty = uncertainty;
                made.worst = i;
            }
        }
        if (repair->settings.progress) {
            repair->settings.progress(repair->settings.progress_context, level + 1, plan->level_count);
        }
    }
    forget_statistics(repair);
    if (status == OA_OK) {
        *info = made;
    }
    return status;
}
