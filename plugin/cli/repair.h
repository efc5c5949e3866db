/* Repairing the merge of an alignment run, and what is said about it. Private to the command line. */
#ifndef OA_CLI_REPAIR_H
#define OA_CLI_REPAIR_H

#include "plugin/cli/align.h"

#include <jansson.h>

/* With --repair: measures the parents, all followers being reordered and their constants still there. Does nothing
 * without. */
oa_status oa_run_prepare_repair(oa_align_run *run, oa_error *error);
/* Repairs run->merged. */
oa_status oa_run_repair(oa_align_run *run, oa_error *error);

/* After a repair: how many batch normalisations and other layers it changed, and how many layers it left. */
void oa_count_repair(size_t *normalisations, size_t *layers, size_t *left, const oa_align_run *run);

/* What makes the repair doubtful, as sentences; `text` has room for OA_REPAIR_WARNING_SIZE characters. False when there
 * is nothing to say. */
enum { OA_REPAIR_WARNING_SIZE = 1024 };
bool oa_repair_warning(char *text, const oa_align_run *run);
/* Prints the warning on standard error. */
void oa_note_repair(const oa_align_run *run);

/* Two lines of the text report. */
void oa_print_repair(const oa_align_run *run);
/* {samples, seconds, uncertainty, layers: [{name, kind, units}], left: [{name, reason}], ends: [{model, agreement,
 * difference}], warning}, or null without --repair. */
json_t *oa_json_repair(const oa_align_run *run);

#endif
