/* onnx-align curve: loss and accuracy along the line between two models, as they are and aligned. */
#include "plugin/cli/align.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/curve_svg.h"
#include "plugin/cli/files.h"
#include "plugin/cli/html_report.h"
#include "plugin/cli/repair.h"
#include "plugin/cli/report.h"

#include <string.h>

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
        printf("   %s loss  accuracy", oa_line_name((oa_line)c));
    }
    printf("\n");
    for (size_t i = 0; i < curves[0].count; i++) {
        printf("%10.3f", curves[0].lambda[i]);
        for (size_t c = 0; c < count; c++) {
            char accuracy[32];
            accuracy_text(accuracy, &curves[c], i);
            printf("   %*.4f  %s", (int)strlen(oa_line_name((oa_line)c)) + 5, curves[c].loss[i], accuracy);
        }
        printf("\n");
    }
    printf("\n");
    for (size_t c = 0; c < count; c++) {
        printf("%-10s   barrier %.4f, area under the curve %.4f\n", oa_line_name((oa_line)c), curves[c].barrier,
               curves[c].auc);
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
                               json_curve(&curves[OA_LINE_NAIVE]), "aligned", json_curve(&curves[OA_LINE_ALIGNED]),
                               "method", oa_chain_text(chain, &run->methods));
    if (object && count > OA_LINE_REPAIRED) {
        json_object_set_new(object, "repaired", json_curve(&curves[OA_LINE_REPAIRED]));
        json_object_set_new(object, "repair", oa_json_repair(run));
    }
    return oa_json_print(object, error);
}

/* The page first, under another name: what fails does so before the picture is there. */
static oa_status save(const oa_align_run *run, size_t count, oa_error *error)
{
    const oa_options *options = run->options;
    oa_output_file report = {0};
    oa_status status = options->report ? oa_html_report_prepare(&report, run, error) : OA_OK;
    if (status == OA_OK && options->svg) {
        status = oa_curve_svg_save(options->svg, run->line, count, options->models[0], options->models[1], error);
    }
    if (status == OA_OK && options->report) {
        return oa_text_file_finish(&report, error);
    }
    oa_output_file_discard(&report);
    return status;
}

oa_status oa_command_curve(const oa_options *options, oa_error *error)
{
    enum { LINE_POINTS = 25 };
    oa_align_run run = {.options = options, .started = oa_seconds()};
    oa_status status = options->report ? oa_html_report_check(options, error) : OA_OK;
    status = status == OA_OK ? oa_run_load(&run, error) : status;
    status = status == OA_OK ? oa_run_find_layout(&run, error) : status;
    oa_run_settle_method(&run);
    status = status == OA_OK ? oa_run_match(&run, 0, error) : status;
    status = status == OA_OK ? oa_run_reorder(&run, 0, error) : status;
    status = status == OA_OK ? oa_run_prepare_repair(&run, error) : status;
    status = status == OA_OK ? oa_run_measure_line(&run, LINE_POINTS, error) : status;
    if (status == OA_OK && options->report) {
        status = oa_run_measure_units(&run, error);
    }
    size_t count = run.repair ? OA_LINES : OA_LINE_REPAIRED;
    run.repaired = run.line[OA_LINE_REPAIRED].repaired;
    status = status == OA_OK ? save(&run, count, error) : status;
    if (status == OA_OK) {
        oa_note_repair(&run);
        status = print(&run, run.line, count, error);
    }
    oa_run_free(&run);
    return status;
}
