/* onnx-align curve: loss and accuracy along the line between two models, as they are and aligned. */
#include "plugin/cli/align.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/curve_svg.h"
#include "plugin/cli/files.h"
#include "plugin/cli/html_report.h"
#include "plugin/cli/report.h"

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

static void print_text(const oa_align_run *run, const oa_curve *naive, const oa_curve *aligned)
{
    const oa_options *options = run->options;
    char chain[OA_CHAIN_TEXT_SIZE];
    printf("A %s, B %s, %zu samples of %s; aligned by %s\n\n", options->models[0], options->models[1],
           run->samples.data.count, options->data, oa_chain_text(chain, &run->methods));
    printf("share of A   naive loss  accuracy   aligned loss  accuracy\n");
    for (size_t i = 0; i < naive->count; i++) {
        char accuracies[2][32];
        accuracy_text(accuracies[0], naive, i);
        accuracy_text(accuracies[1], aligned, i);
        printf("%10.3f   %10.4f  %s   %12.4f  %s\n", naive->lambda[i], naive->loss[i], accuracies[0], aligned->loss[i],
               accuracies[1]);
    }
    printf("\n%-10s   barrier %.4f, area under the curve %.4f\n", "naive", naive->barrier, naive->auc);
    printf("%-10s   barrier %.4f, area under the curve %.4f\n", "aligned", aligned->barrier, aligned->auc);
}

static oa_status print(const oa_align_run *run, const oa_curve *naive, const oa_curve *aligned, oa_error *error)
{
    char chain[OA_CHAIN_TEXT_SIZE];
    if (run->options->is_json) {
        return oa_json_print(json_pack("{s:o, s:o, s:o, s:s}", "lambda", json_list(naive->lambda, naive->count),
                                       "naive", json_curve(naive), "aligned", json_curve(aligned), "method",
                                       oa_chain_text(chain, &run->methods)),
                             error);
    }
    print_text(run, naive, aligned);
    return oa_finish_output(error);
}

/* The page first, under another name: what fails does so before the picture is there. */
static oa_status save(const oa_align_run *run, oa_error *error)
{
    const oa_options *options = run->options;
    oa_output_file report = {0};
    oa_status status = options->report ? oa_html_report_prepare(&report, run, error) : OA_OK;
    if (status == OA_OK && options->svg) {
        status = oa_curve_svg_save(options->svg, &run->line[0], &run->line[1], options->models[0], options->models[1],
                                   error);
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
    status = status == OA_OK ? oa_run_measure_line(&run, LINE_POINTS, error) : status;
    if (status == OA_OK && options->report) {
        status = oa_run_measure_units(&run, error);
    }
    status = status == OA_OK ? save(&run, error) : status;
    status = status == OA_OK ? print(&run, &run.line[0], &run.line[1], error) : status;
    oa_run_free(&run);
    return status;
}
