/* What commands print: text for people, one JSON object for programs; and progress on a terminal. */
#ifndef OA_CLI_REPORT_H
#define OA_CLI_REPORT_H

#include "core/base/error.h"
#include "core/check/verify.h"
#include "core/symmetry/layout.h"
#include "plugin/cli/options.h"

#include <jansson.h>
#include <stdio.h>

/* Seconds since some fixed point, monotonic. */
double oa_seconds(void);

/* A progress bar on standard error; draws only when that is a terminal and the run is not quiet. */
typedef struct oa_progress {
    const char *label;
    bool is_shown;
    double drawn; /* when it was last drawn */
} oa_progress;

void oa_progress_start(oa_progress *progress, const oa_options *options, const char *label);
void oa_progress_step(void *progress, size_t done, size_t total);
void oa_progress_end(oa_progress *progress);

/* A message on standard error, unless the run is quiet. */
void oa_note(const oa_options *options, const char *format, ...) OA_PRINTF(2, 3);

/* [{id, size, kind, moved, axes: [{tensor, axis}]}]; `moved` (summed over the list of permutations) is left out when
 * the list is empty. NULL when memory runs out. */
json_t *oa_json_groups(const oa_layout *layout, const oa_graph *graph, const oa_permutations *permutations,
                       size_t count);
/* The number, or null for NaN and infinities, which JSON has not. NULL when memory runs out. */
json_t *oa_json_number(double value);
/* {engine, max_abs_diff, max_rel_diff}, and unreached where there is something, or null without info. */
json_t *oa_json_verified(const oa_verify_info *info);
/* How many weights the runs did not reach; NULL: none. */
json_t *oa_json_unreached(const oa_verify_info *info);
/* A message when the runs of a verification left out weights of a model, since they lie in subgraphs that were not
 * entered. */
void oa_note_unreached(const oa_options *options, const char *model, const oa_verify_info *info);
/* Ends the writing of results: OA_ERROR_OUTPUT when standard output did not take them. */
oa_status oa_finish_output(oa_error *error);
/* Prints and releases a JSON object. OA_ERROR_MEMORY for NULL, OA_ERROR_OUTPUT when standard output cannot be written.
 */
oa_status oa_json_print(json_t *object, oa_error *error);

const char *oa_group_kind_name(oa_group_kind kind);

/* Says in one line that operators without a rule kept their axes; nothing when there are none. */
void oa_note_unknown(const oa_options *options, const char *path, const oa_layout *layout);

#endif
