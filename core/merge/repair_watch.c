#include "core/merge/repair_watch.h"

#include <string.h>

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the repair");
}

oa_status oa_repair_watch_init(oa_repair_watch *watch, const oa_graph *graph, const oa_engine *engine,
                               const oa_repair_plan *plan, oa_repair_batches *batches, size_t most, oa_error *error)
{
    *watch = (oa_repair_watch){.graph = graph, .engine = engine, .plan = plan, .batches = batches, .most = most};
    watch->is_wanted = oa_calloc(plan->place_count, sizeof *watch->is_wanted);
    watch->statistics = oa_calloc(plan->place_count, sizeof *watch->statistics);
    watch->values = oa_calloc(graph->value_count, sizeof *watch->values);
    watch->runs = oa_calloc(batches->used, sizeof *watch->runs);
    watch->bytes = oa_calloc(batches->used, sizeof *watch->bytes);
    watch->before = oa_calloc(graph->live_count, sizeof *watch->before);
    watch->own = oa_calloc(graph->live_count, sizeof *watch->own);
    bool is_made = watch->is_wanted && watch->statistics && watch->values && watch->runs && watch->bytes &&
                   watch->before && watch->own;
    return is_made ? OA_OK : no_memory(error);
}

void oa_repair_watch_forget(oa_repair_watch *watch)
{
    for (size_t i = 0; watch->statistics && i < watch->plan->place_count; i++) {
        oa_unit_statistics_free(&watch->statistics[i]);
    }
}

void oa_repair_watch_end(oa_repair_watch *watch)
{
    for (size_t i = 0; watch->runs && i < watch->batches->used; i++) {
        oa_execution_destroy(watch->runs[i]);
        watch->runs[i] = NULL;
    }
    if (watch->bytes) {
        memset(watch->bytes, 0, watch->batches->used * sizeof *watch->bytes);
    }
    watch->held = 0;
    oa_executor_destroy(watch->executor);
    watch->executor = NULL;
}

void oa_repair_watch_free(oa_repair_watch *watch)
{
    oa_repair_watch_end(watch);
    oa_repair_watch_forget(watch);
    oa_free(watch->is_wanted);
    oa_free(watch->statistics);
    oa_free(watch->values);
    oa_free(watch->runs);
    oa_free(watch->bytes);
    oa_free(watch->before);
    oa_free(watch->own);
    *watch = (oa_repair_watch){0};
}

/* Fresh statistics for what is wanted, and the values to look at. */
static oa_status choose(oa_repair_watch *watch, oa_error *error)
{
    oa_status status = OA_OK;
    oa_repair_watch_forget(watch);
    memset(watch->values, 0, watch->graph->value_count * sizeof *watch->values);
    for (size_t i = 0; i < watch->plan->place_count && status == OA_OK; i++) {
        const oa_repair_place *place = &watch->plan->places[i];
        if (watch->is_wanted[i]) {
            watch->values[place->value] = true;
            status = oa_unit_statistics_init(&watch->statistics[i], place->units, error);
        }
    }
    return status;
}

/* Adds up what is wanted. */
static oa_status see(void *context, size_t value, const oa_array *array, oa_error *error)
{
    oa_repair_watch *watch = context;
    oa_status status = OA_OK;
    for (size_t i = 0; watch->values[value] && i < watch->plan->place_count && status == OA_OK; i++) {
        const oa_repair_place *place = &watch->plan->places[i];
        if (watch->is_wanted[i] && place->value == value) {
            size_t axis = place->is_last && array->rank ? array->rank - 1 : 1;
            status = oa_unit_statistics_add(&watch->statistics[i], array, axis, watch->size, error);
        }
    }
    if (status != OA_OK) {
        oa_error_context(error, "value '%s'", watch->graph->values[value].name);
    }
    return status;
}

static void set_size(oa_repair_watch *watch, size_t batch)
{
    const oa_repair_batches *batches = watch->batches;
    watch->size = batches->is_fixed ? batches->step : oa_repair_batches_samples(batches, batch);
}

oa_status oa_repair_watch_all(oa_repair_watch *watch, const oa_payloads *payloads, oa_error *error)
{
    oa_session *session = NULL;
    oa_status status = choose(watch, error);
    if (status == OA_OK) {
        status = oa_session_create(&session, watch->engine, watch->graph, payloads, watch->values, error);
    }
    for (size_t i = 0; i < watch->batches->used && status == OA_OK; i++) {
        const oa_array *inputs = NULL;
        set_size(watch, i);
        status = oa_repair_batches_read(&inputs, watch->batches, i, error);
        if (status == OA_OK) {
            status = oa_session_run(NULL, session, inputs, see, watch, error);
        }
    }
    oa_session_destroy(session);
    return status;
}

/* Finds the nodes that this level runs. Those that it repairs are kept apart: they will run again. A normalisation is
 * not among them, since it is its input that is looked at. */
static void find_nodes(oa_repair_watch *watch)
{
    const oa_graph *graph = watch->graph;
    oa_graph_needs(watch->before, graph, watch->values);
    memset(watch->own, 0, graph->live_count * sizeof *watch->own);
    for (size_t i = 0; i < watch->plan->place_count; i++) {
        const oa_repair_place *place = &watch->plan->places[i];
        if (!watch->is_wanted[i] || place->kind == OA_REPAIR_STATISTICS) {
            continue;
        }
        const size_t repaired[] = {place->turn, place->node, place->adder};
        for (size_t k = 0; k < sizeof repaired / sizeof repaired[0]; k++) {
            if (repaired[k] != OA_NONE) {
                watch->own[repaired[k]] = true;
                watch->before[repaired[k]] = false;
            }
        }
    }
}

static void drop(oa_repair_watch *watch, size_t batch)
{
    oa_execution_destroy(watch->runs[batch]);
    watch->runs[batch] = NULL;
    watch->held -= watch->bytes[batch];
    watch->bytes[batch] = 0;
}

/* Lets the run of a batch stand where it is, if there is room. */
static oa_status hold(oa_repair_watch *watch, size_t batch, oa_error *error)
{
    size_t bytes = 0;
    oa_status status = oa_execution_hold(&bytes, watch->runs[batch], error);
    size_t others = watch->held - watch->bytes[batch];
    if (status != OA_OK || others > watch->most || bytes > watch->most - others) {
        drop(watch, batch);
        return status;
    }
    watch->bytes[batch] = bytes;
    watch->held = others + bytes;
    return OA_OK;
}

/* Goes on with a batch, or begins. */
static oa_status run_batch(oa_repair_watch *watch, size_t batch, const oa_payloads *payloads, oa_error *error)
{
    oa_execution **run = &watch->runs[batch];
    oa_status status = OA_OK;
    set_size(watch, batch);
    if (!*run) {
        const oa_array *inputs = NULL;
        status = oa_repair_batches_read(&inputs, watch->batches, batch, error);
        if (status == OA_OK) {
            status = oa_execution_create(run, watch->executor, inputs, error);
        }
    }
    if (status == OA_OK) {
        status = oa_execution_advance(*run, watch->before, payloads, error);
    }
    return status == OA_OK ? oa_execution_try(*run, watch->own, payloads, error) : status;
}

oa_status oa_repair_watch_level(oa_repair_watch *watch, size_t level, const oa_payloads *payloads, oa_error *error)
{
    for (size_t i = 0; i < watch->plan->place_count; i++) {
        watch->is_wanted[i] = watch->plan->places[i].level == level;
    }
    if (watch->engine && watch->engine != oa_engine_builtin()) {
        return oa_repair_watch_all(watch, payloads, error);
    }
    oa_status status = choose(watch, error);
    find_nodes(watch);
    if (status == OA_OK && !watch->executor) {
        status = oa_executor_create(&watch->executor, watch->graph, error);
        if (status == OA_OK) {
            oa_executor_watch(watch->executor, see, watch);
        }
    }
    for (size_t i = 0; i < watch->batches->used && status == OA_OK; i++) {
        status = run_batch(watch, i, payloads, error);
        if (status == OA_OK && level + 1 < watch->plan->level_count) {
            status = hold(watch, i, error);
        } else {
            drop(watch, i);
        }
    }
    return status;
}
