/* The report of a run as a page: what was done, whether it is any good, and what shows it. */
#ifndef OA_CLI_HTML_REPORT_H
#define OA_CLI_HTML_REPORT_H

#include "onnx_io/output_file.h"
#include "plugin/cli/align.h"
#include "plugin/cli/plot.h"

/* OA_ERROR_OUTPUT when the report would be another file of the command line, too. */
oa_status oa_html_report_check(const oa_options *options, oa_error *error);

/* Measure what is only shown, into the run. The line between two models has options->points points, or `points` when
 * that is 0; once the second model is reordered, before it is averaged. OA_ERROR_MEMORY, and the errors of
 * oa_curve_measure. */
oa_status oa_run_measure_line(oa_align_run *run, size_t points, oa_error *error);
oa_status oa_run_measure_units(oa_align_run *run, oa_error *error);

/* Writes the page of a run to its file, which is to be finished or discarded (oa_text_file_finish). Its size is
 * bounded, whatever the models: the largest groups are shown, and how many are left out is said. OA_ERROR_OUTPUT,
 * OA_ERROR_MEMORY. */
oa_status oa_html_report_prepare(oa_output_file *file, const oa_align_run *run, oa_error *error);

/* Does the page show a map of this group? */
bool oa_html_has_map(const oa_layout *layout, size_t group);

/* The parts of the page in html_figures.c ... */
void oa_html_put_curve(oa_svg *page, const oa_align_run *run);
void oa_html_put_maps(oa_svg *page, const oa_align_run *run);
void oa_html_put_groups(oa_svg *page, const oa_align_run *run);
/* ... and in html_verdict.c. */
void oa_html_put_verdict(oa_svg *page, const oa_align_run *run);

/* The first lines of a table or a list that is long; the rest is counted. */
enum { OA_HTML_MODELS_MAX = 24, OA_HTML_GROUPS_MAX = 60, OA_HTML_MAPS_MAX = 16, OA_HTML_UNITS_MAX = 32 };

#endif
