/* What `inspect` says beside its table. */
#ifndef OA_CLI_INSPECT_H
#define OA_CLI_INSPECT_H

#include "core/symmetry/layout.h"

/* Explains one axis, given as "TENSOR:AXIS", on standard output: of what it is made, what moves with it, or why it
 * stays. OA_ERROR_USAGE when there is no such axis. */
oa_status oa_inspect_axis(const char *axis, const oa_graph *graph, const oa_layout *layout, oa_error *error);

/* Draws the graph for Graphviz: a box a node, with the groups that its constants carry, in a colour for the group that
 * it computes. OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing half-written. */
oa_status oa_inspect_dot(const char *path, const char *title, const oa_graph *graph, const oa_layout *layout,
                         oa_error *error);

#endif
