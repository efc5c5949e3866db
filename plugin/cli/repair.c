#include "plugin/cli/repair.h"

#include "core/base/memory.h"
#include "plugin/cli/report.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Above these a repair is doubted; docs/repair.md says what they were chosen by. */
static const double UNCERTAINTY_MOST = 0.15;
static const double AGREEMENT_LEAST = 0.95;
static const double DIFFERENCE_MOST = 0.1;

oa_status oa_run_prepare_repair(oa_align_run *run, oa_error *error)
{
    const oa_options *options = run->options;
    size_t count = oa_follower_count(run);
    if (!options->repairs) {
        return OA_OK;
    }
    double start = oa_seconds();
    oa_runnable first;
    oa_repair_settings settings = oa_repair_settings_default();
    settings.progress = oa_progress_step;
    settings.progress_context = &run->repairing;
    oa_progress_start(&run->repairing, options, "parents");
    oa_merge_part *parts = oa_calloc(count, sizeof *parts);
    run->ends = oa_calloc(count + 1, sizeof *run->ends);
    oa_status status = parts && run->ends ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the repair");
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        parts[i] = (oa_merge_part){.graph = oa_run_graph(run, i + 1),
                                   .tensor_of = run->followers[i].pairing.tensor_b,
                                   .payloads = &run->followers[i].payloads};
    }
    if (status == OA_OK) {
        status = oa_run_runnable(&first, run, 0, NULL, error);
    }
    if (status == OA_OK) {
        settings.engine = first.engine;
        status = oa_repair_create(&run->repair, oa_run_graph(run, 0), count + 1, &run->samples.data, &settings, error);
    }
    if (status == OA_OK) {
        status =
            oa_repair_measure_parents(run->ends, run->repair, oa_run_graph(run, 0), run->layout, parts, count, error);
    }
    oa_progress_end(&run->repairing);
    oa_free(parts);
    if (status != OA_OK) {
        oa_error_context(error, "--repair of %s on %s", options->models[0], options->data);
    }
    run->seconds.repair += oa_seconds() - start;
    return status;
}

oa_status oa_run_repair(oa_align_run *run, oa_error *error)
{
    if (!run->repair) {
        return OA_OK;
    }
    double start = oa_seconds();
    oa_progress_start(&run->repairing, run->options, "repair");
    oa_status status = oa_repair_apply(&run->merged, &run->repaired, run->repair, run->options->weights, error);
    oa_progress_end(&run->repairing);
    if (status != OA_OK) {
        oa_error_context(error, "--repair of the merged model on %s", run->options->data);
    }
    run->seconds.repair += oa_seconds() - start;
    return status;
}

typedef struct warning {
    char *text;
    size_t length;
} warning;

static void add_sentence(warning *w, const char *format, ...) OA_PRINTF(2, 3);
static void add_sentence(warning *w, const char *format, ...)
{
    va_list arguments;
    size_t room = OA_REPAIR_WARNING_SIZE - w->length;
    if (w->length && room > 2) {
        memcpy(w->text + w->length, "; ", 3);
        w->length += 2;
        room -= 2;
    }
    va_start(arguments, format);
    int length = vsnprintf(w->text + w->length, room, format, arguments);
    va_end(arguments);
    w->length += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

static bool is_moved(const oa_repair_end *end)
{
    return end->agreement < AGREEMENT_LEAST || end->difference > DIFFERENCE_MOST;
}

bool oa_repair_warning(char *text, const oa_align_run *run)
{
    const oa_repair_plan *plan = oa_repair_plan_of(run->repair);
    warning w = {.text = text};
    text[0] = '\0';
    if (plan->place_count == 0) {
        add_sentence(&w, "nothing in this model can be repaired: it stays as it was averaged");
        return true;
    }
    if (run->repaired.uncertainty > UNCERTAINTY_MOST) {
        const oa_graph *graph = oa_run_graph(run, 0);
        const char *name = oa_node_label(graph, &graph->nodes[plan->places[run->repaired.worst].node]);
        if (isfinite(run->repaired.uncertainty)) {
            add_sentence(&w,
                         "%zu samples are few: means and spreads of '%s' are uncertain by %.0f %% of the spread, which "
                         "can do more harm than good; give more, or go without --repair",
                         run->repaired.samples, name, 100.0 * run->repaired.uncertainty);
        } else {
            add_sentence(&w, "one sample says nothing about spread; give many, or go without --repair");
        }
    }
    for (size_t i = 0; i < run->options->model_count; i++) {
        if (!is_moved(&run->ends[i])) {
            continue;
        }
        add_sentence(
            &w,
            "%s itself, repaired in the same way, no longer computes the same (predictions differ on %.1f %% of "
            "the samples, outputs by %.0f %% of their spread): these are too few, or not what it was trained for",
            run->options->models[i], 100.0 * (1.0 - run->ends[i].agreement), 100.0 * run->ends[i].difference);
    }
    return w.length > 0;
}

void oa_note_repair(const oa_align_run *run)
{
    char text[OA_REPAIR_WARNING_SIZE];
    if (run->repair && oa_repair_warning(text, run)) {
        oa_note(run->options, "warning: --repair: %s", text);
    }
}

void oa_count_repair(size_t *normalisations, size_t *layers, size_t *left, const oa_align_run *run)
{
    const oa_repair_plan *plan = oa_repair_plan_of(run->repair);
    *normalisations = *layers = 0;
    for (size_t i = 0; i < plan->place_count; i++) {
        *(plan->places[i].kind == OA_REPAIR_STATISTICS ? normalisations : layers) += 1;
    }
    *left = plan->left_count;
}

void oa_print_repair(const oa_align_run *run)
{
    if (!run->repair) {
        return;
    }
    const oa_repair_plan *plan = oa_repair_plan_of(run->repair);
    size_t normalisations, layers, left;
    oa_count_repair(&normalisations, &layers, &left, run);
    printf("  repaired from %zu samples (batch normalisations: %zu, other layers: %zu, left as averaged: %zu)\n",
           run->repaired.samples, normalisations, layers, left);
    for (size_t i = 0; i < plan->left_count && run->options->is_verbose; i++) {
        printf("    %s: %s\n", oa_node_label(oa_run_graph(run, 0), plan->left[i].node), plan->left[i].reason);
    }
}

static json_t *json_layers(const oa_repair_plan *plan, const oa_graph *graph)
{
    static const char *const kinds[] = {[OA_REPAIR_STATISTICS] = "statistics",
                                        [OA_REPAIR_SCALE_SHIFT] = "scale and shift",
                                        [OA_REPAIR_SCALE] = "scale"};
    json_t *list = json_array();
    for (size_t i = 0; i < plan->place_count && list; i++) {
        const oa_repair_place *place = &plan->places[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:I}", "name", oa_node_label(graph, &graph->nodes[place->node]),
                                        "kind", kinds[place->kind], "units", (json_int_t)place->units));
    }
    return list;
}

static json_t *json_left(const oa_repair_plan *plan, const oa_graph *graph)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->left_count && list; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", oa_node_label(graph, plan->left[i].node), "reason",
                                              plan->left[i].reason));
    }
    return list;
}

static json_t *json_ends(const oa_align_run *run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < run->options->model_count && list; i++) {
        const oa_repair_end *end = &run->ends[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "model", run->options->models[i], "agreement",
                                              end->has_classes ? json_real(end->agreement) : json_null(), "difference",
                                              isfinite(end->difference) ? json_real(end->difference) : json_null()));
    }
    return list;
}

json_t *oa_json_repair(const oa_align_run *run)
{
    char text[OA_REPAIR_WARNING_SIZE];
    if (!run->repair) {
        return json_null();
    }
    const oa_repair_plan *plan = oa_repair_plan_of(run->repair);
    const oa_graph *graph = oa_run_graph(run, 0);
    bool is_known = plan->place_count && isfinite(run->repaired.uncertainty);
    return json_pack("{s:I, s:f, s:o, s:o, s:o, s:o, s:o}", "samples", (json_int_t)run->repaired.samples, "seconds",
                     run->seconds.repair, "uncertainty", is_known ? json_real(run->repaired.uncertainty) : json_null(),
                     "layers", json_layers(plan, graph), "left", json_left(plan, graph), "ends", json_ends(run),
                     "warning", oa_repair_warning(text, run) ? json_string(text) : json_null());
}
