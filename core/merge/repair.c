#include "core/merge/repair.h"

#include "core/merge/repair_apply.h"
#include "core/merge/repair_watch.h"

#include <math.h>
#include <string.h>

/* Statistics are of a few numbers a unit: more samples than this make no difference that could be measured
 * (docs/repair.md). */
enum { DEFAULT_BATCH = 100, DEFAULT_SAMPLES = 1000 };

/* So many bytes of values stay in memory from level to level: all those of 1000 images of 28 x 28 in any of the nets of
 * models/, or of 250 images of 224 x 224 where a ResNet-50 is widest. */
static const size_t DEFAULT_HELD = (size_t)1 << 30;

struct oa_repair {
    const oa_graph *graph;
    oa_repair_settings settings;
    oa_repair_plan plan;
    oa_repair_batches batches;
    oa_repair_watch watch;
    size_t models;
    double **means;   /* [models * places], each [units]; NULL until measured */
    double **spreads; /* the same */
};

oa_repair_settings oa_repair_settings_default(void)
{
    return (oa_repair_settings){.batch = DEFAULT_BATCH, .samples = DEFAULT_SAMPLES, .held = DEFAULT_HELD};
}

static oa_status prepare(oa_repair *repair, oa_error *error)
{
    oa_status status = oa_repair_plan_make(&repair->plan, repair->graph, error);
    size_t slots;
    if (status != OA_OK) {
        return status;
    }
    if (!oa_mul_overflows(&slots, repair->plan.place_count, repair->models)) {
        repair->means = oa_calloc(slots, sizeof *repair->means);
        repair->spreads = oa_calloc(slots, sizeof *repair->spreads);
    }
    if (!repair->means || !repair->spreads) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the repair");
    }
    return oa_repair_watch_init(&repair->watch, repair->graph, repair->settings.engine, &repair->plan, &repair->batches,
                                repair->settings.held, error);
}

oa_status oa_repair_create(oa_repair **repair, const oa_graph *graph, size_t models, const oa_batches *data,
                           const oa_repair_settings *settings, oa_error *error)
{
    if (data->count == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "there are no samples to repair with");
    }
    oa_repair *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the repair");
    }
    *made = (oa_repair){.graph = graph, .models = models, .settings = *settings};
    oa_repair_batches_plan(&made->batches, graph, data, settings->batch, settings->samples);
    oa_status status = prepare(made, error);
    if (status != OA_OK) {
        oa_repair_destroy(made);
        return status;
    }
    *repair = made;
    return OA_OK;
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
    oa_free(repair->means);
    oa_free(repair->spreads);
    oa_repair_watch_free(&repair->watch);
    oa_repair_batches_free(&repair->batches);
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

const oa_engine *oa_repair_engine(const oa_repair *repair)
{
    return repair->settings.engine;
}

size_t oa_repair_batch_count(const oa_repair *repair)
{
    return repair->batches.used;
}

oa_status oa_repair_read_batch(const oa_array **inputs, size_t *samples, oa_repair *repair, size_t i, oa_error *error)
{
    *samples = oa_repair_batches_samples(&repair->batches, i);
    return oa_repair_batches_read(inputs, &repair->batches, i, error);
}

static oa_status check_seen(const oa_repair *repair, size_t place, oa_error *error)
{
    const oa_unit_statistics *statistics = &repair->watch.statistics[place];
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

/* Takes down what a place of a parent does. */
static oa_status note_place(oa_repair *repair, size_t model, size_t place, oa_error *error)
{
    size_t slot = model * repair->plan.place_count + place;
    size_t units = repair->plan.places[place].units;
    oa_free(repair->means[slot]);
    oa_free(repair->spreads[slot]);
    repair->means[slot] = oa_malloc(units, sizeof **repair->means);
    repair->spreads[slot] = oa_malloc(units, sizeof **repair->spreads);
    oa_status status = repair->means[slot] && repair->spreads[slot]
                           ? check_seen(repair, place, error)
                           : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the statistics of %zu units", units);
    for (size_t u = 0; u < units && status == OA_OK; u++) {
        oa_unit_statistics_get(&repair->means[slot][u], &repair->spreads[slot][u], &repair->watch.statistics[place], u);
    }
    return status;
}

oa_status oa_repair_measure(oa_repair *repair, size_t model, const oa_payloads *payloads, oa_error *error)
{
    size_t places = repair->plan.place_count;
    bool *is_wanted = repair->watch.is_wanted;
    bool has_layers = false;
    for (size_t i = 0; i < places; i++) {
        is_wanted[i] = repair->plan.places[i].kind != OA_REPAIR_STATISTICS;
        has_layers = has_layers || is_wanted[i];
    }
    oa_status status = has_layers ? oa_repair_watch_all(&repair->watch, payloads, error) : OA_OK;
    for (size_t i = 0; i < places && status == OA_OK; i++) {
        status = is_wanted[i] ? note_place(repair, model, i, error) : OA_OK;
    }
    oa_repair_watch_forget(&repair->watch);
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
            oa_unit_statistics_get(&numbers[u], &numbers[place->units + u], &repair->watch.statistics[index], u);
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

/* Repairs the places of one level, which has been watched. */
static oa_status repair_level(oa_payloads *payloads, oa_repair_info *info, const oa_repair *repair, size_t level,
                              const double *weights, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < repair->plan.place_count && status == OA_OK; i++) {
        if (repair->plan.places[i].level != level) {
            continue;
        }
        status = repair_place(payloads, repair, i, weights, error);
        double uncertainty = oa_unit_statistics_uncertainty(&repair->watch.statistics[i]);
        if (info->worst == OA_NONE || uncertainty > info->uncertainty) {
            info->uncertainty = uncertainty;
            info->worst = i;
        }
    }
    return status;
}

oa_status oa_repair_apply(oa_payloads *payloads, oa_repair_info *info, oa_repair *repair, const double *weights,
                          oa_error *error)
{
    const oa_repair_settings *settings = &repair->settings;
    size_t levels = repair->plan.level_count;
    oa_repair_info made = {.worst = OA_NONE};
    oa_status status = OA_OK;
    for (size_t level = 0; level < levels && status == OA_OK; level++) {
        status = oa_repair_watch_level(&repair->watch, level, payloads, error);
        if (status == OA_OK) {
            status = repair_level(payloads, &made, repair, level, weights, error);
        }
        if (settings->progress) {
            settings->progress(settings->progress_context, level + 1, levels);
        }
    }
    oa_repair_watch_end(&repair->watch);
    oa_repair_watch_forget(&repair->watch);
    for (size_t i = 0; i < repair->batches.used && levels; i++) {
        made.samples += oa_repair_batches_samples(&repair->batches, i);
    }
    if (status == OA_OK) {
        *info = made;
    }
    return status;
}
