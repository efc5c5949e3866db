/* onnx-align curve: loss and accuracy along the line between two models, as they are and aligned. */
#include "core/check/curve.h"
#include "plugin/cli/align.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/curve_svg.h"
#include "plugin/cli/repair.h"
#include "plugin/cli/report.h"

#include <string.h>

enum { OA_CURVE_BATCH = 100 };

/* The lines that are measured. */
typedef enum line { NAIVE, ALIGNED, REPAIRED, LINES } line;

static const char *const line_names[LINES] = {"naive", "aligned", "repaired"};

static oa_status measure(oa_curve *curve, oa_align_run *run, line kind, oa_error *error)
{
    oa_progress progress;
    oa_merge_part b = {.graph = oa_run_graph(run, 1),
                       .tensor_of = run->followers[0].pairing.tensor_b,
                       .payloads = kind == NAIVE ? NULL : &run->followers[0].payloads};
    oa_progress_start(&progress, run->options, line_names[kind]);
    oa_status status = oa_curve_measure(curve, run->options->points, oa_run_graph(run, 0), run->layout, &b,
                                        kind == REPAIRED ? run->repair : NULL, &run->samples, OA_CURVE_BATCH,
                                        oa_progress_step, &progress, error);
    oa_progress_end(&progress);
    if (status != OA_OK) {
        oa_error_context(error, "along the line from %s to %s", run->options->models[1], run->options->models[0]);
    }
    return status;
}

static json_t *json_list(const double *values, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && list; i++) {
        if (json_array_append_new(list, json_real(values[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *json_curve(const oa_curve *curve)
{
    json_t *accuracy = curve->has_accuracy ? json_list(curve->accuracy, curve->count) : json_null();
    return json_pack("{s:o, s:o, s:f, s:f}", "loss", json_list(curve->loss, curve->count), "accuracy", accuracy,
                     "barrier", curve->barrier, "auc", curve->auc);
}

/* In eight columns. */
static void accuracy_text(char text[static 32], const oa_curve *curve, size_t i)
{
    if (curve->has_accuracy) {
        snprintf(text, 32, "%7.2f%%", 100.0 * curve->accuracy[i]);
    } else {
        snprintf(text, 32, "%8s", "-");
    }
}

static void print_text(const oa_align_run *run, const oa_curve *curves, size_t count)
{
    const oa_options *options = run->options;
    char chain[OA_CHAIN_TEXT_SIZE];
    printf("A %s, B %s, %zu samples of %s; aligned by %s\n", options->models[0], options->models[1],
           run->samples.data.count, options->data, oa_chain_text(chain, &run->methods));
    oa_print_repair(run);
    printf("\nshare of A");
    for (size_t c = 0; c < count; c++) {
        printf("   %s loss  accuracy", line_names[c]);
    }
    printf("\n");
    for (size_t i = 0; i < curves[0].count; i++) {
        printf("%10.3f", curves[0].lambda[i]);
        for (size_t c = 0; c < count; c++) {
            char accuracy[32];
            accuracy_text(accuracy, &curves[c], i);
            printf("   %*.4f  %s", (int)strlen(line_names[c]) + 5, curves[c].loss[i], accuracy);
        }
        printf("\n");
    }
    printf("\n");
    for (size_t c = 0; c < count; c++) {
        printf("%-10s   barrier %.4f, area under the curve %.4f\n", line_names[c], curves[c].barrier, curves[c].auc);
    }
}

static oa_status print(const oa_align_run *run, const oa_curve *curves, size_t count, oa_error *error)
{
    char chain[OA_CHAIN_TEXT_SIZE];
    if (!run->options->is_json) {
        print_text(run, curves, count);
        return oa_finish_output(error);
    }
    json_t *object = json_pack("{s:o, s:o, s:o, s:s}", "lambda", json_list(curves[0].lambda, curves[0].count), "naive",
                               json_curve(&curves[NAIVE]), "aligned", json_curve(&curves[ALIGNED]), "method",
                               oa_chain_text(chain, &run->methods));
    if (object && count > REPAIRED) {
        json_object_set_new(object, "repaired", json_curve(&curves[REPAIRED]));
        json_object_set_new(object, "repair", oa_json_repair(run));
    }
    return oa_json_print(object, error);
}

oa_status oa_command_curve(const oa_options *options, oa_error *error)
{
    oa_align_run run = {.options = options, .started = oa_seconds()};
    oa_curve curves[LINES] = {0};
    size_t count = options->repairs ? LINES : REPAIRED;
    oa_status status = oa_run_load(&run, error);
    status = status == OA_OK ? oa_run_find_layout(&run, error) : status;
    oa_run_settle_method(&run);
    status = status == OA_OK ? oa_run_match(&run, 0, error) : status;
    status = status == OA_OK ? oa_run_reorder(&run, 0, error) : status;
    status = status == OA_OK ? oa_run_prepare_repair(&run, error) : status;
    for (size_t c = 0; c < count && status == OA_OK; c++) {
        status = measure(&curves[c], &run, (line)c, error);
    }
    if (status == OA_OK && options->svg) {
        status = oa_curve_svg_save(options->svg, curves, count, options->models[0], options->models[1], error);
    }
    if (status == OA_OK) {
        run.repaired = curves[REPAIRED].repaired;
        oa_note_repair(&run);
        status = print(&run, curves, count, error);
    }
    for (size_t c = 0; c < LINES; c++) {
        oa_curve_free(&curves[c]);
    }
    oa_run_free(&run);
    return status;
}
