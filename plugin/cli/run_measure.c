/* What is only measured to be shown: the line between two models, and how alike their units are. */
#include "core/base/memory.h"
#include "plugin/cli/html_report.h"
#include "plugin/cli/report.h"

enum { LINE_BATCH = 100 };

const char *oa_line_name(oa_line line)
{
    static const char *const names[OA_LINES] = {"naive", "aligned", "repaired"};
    return names[line];
}

static oa_status measure_line(oa_align_run *run, size_t points, oa_line line, oa_error *error)
{
    oa_progress progress;
    oa_merge_part b = {.graph = oa_run_graph(run, 1),
                       .tensor_of = run->followers[0].pairing.tensor_b,
                       .payloads = line == OA_LINE_NAIVE ? NULL : &run->followers[0].payloads};
    oa_runnable a;
    oa_progress_start(&progress, run->options, oa_line_name(line));
    oa_status status = oa_run_runnable(&a, run, 0, NULL, error);
    if (status == OA_OK) {
        status = oa_curve_measure(&run->line[line], points, a.graph, run->layout, &b,
                                  line == OA_LINE_REPAIRED ? run->repair : NULL, &run->samples, LINE_BATCH, a.engine,
                                  oa_progress_step, &progress, error);
    }
    oa_progress_end(&progress);
    if (status != OA_OK) {
        oa_error_context(error, "along the line from %s to %s", run->options->models[1], run->options->models[0]);
    }
    return status;
}

oa_status oa_run_measure_line(oa_align_run *run, size_t points, oa_error *error)
{
    double start = oa_seconds();
    size_t settled = run->options->points ? run->options->points : points;
    oa_status status = measure_line(run, settled, OA_LINE_NAIVE, error);
    if (status == OA_OK) {
        /* Where nothing is reordered, both lines are one. */
        status = oa_run_is_plain(run) ? oa_curve_copy(&run->line[OA_LINE_ALIGNED], &run->line[OA_LINE_NAIVE], error)
                                      : measure_line(run, settled, OA_LINE_ALIGNED, error);
    }
    status = status == OA_OK && run->repair ? measure_line(run, settled, OA_LINE_REPAIRED, error) : status;
    run->seconds.report += oa_seconds() - start;
    return status;
}

static oa_status measure_units(oa_align_run *run, size_t index, oa_error *error)
{
    oa_follower *follower = &run->followers[index];
    size_t count = run->layout->group_count;
    oa_match_problem problem = oa_run_problem(run, index);
    follower->before = oa_calloc(count, sizeof *follower->before);
    follower->after = oa_calloc(count, sizeof *follower->after);
    oa_status status = follower->before && follower->after
                           ? OA_OK
                           : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the report on %zu groups", count);
    for (size_t g = 0; g < count && status == OA_OK; g++) {
        size_t shown = index == 0 && oa_html_has_map(run->layout, g) ? OA_HTML_UNITS_MAX : 0;
        status = oa_similarity_measure(&follower->before[g], &problem, g, NULL, shown, error);
        if (status == OA_OK) {
            status = oa_similarity_measure(&follower->after[g], &problem, g, &follower->permutations, shown, error);
        }
    }
    return status;
}

oa_status oa_run_measure_units(oa_align_run *run, oa_error *error)
{
    double start = oa_seconds();
    oa_status status = OA_OK;
    for (size_t i = 0; i < oa_follower_count(run) && status == OA_OK; i++) {
        status = measure_units(run, i, error);
    }
    run->seconds.report += oa_seconds() - start;
    return status;
}
