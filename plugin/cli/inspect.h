/* What `inspect` says beside its table. */
#ifndef OA_CLI_INSPECT_H
#define OA_CLI_INSPECT_H

#include "core/symmetry/layout.h"

#include <jansson.h>

/* Explains one axis, given as "TENSOR:AXIS", on standard output: of what it is made, what moves with it, or why it
 * stays. OA_ERROR_USAGE when there is no such axis. */
oa_status oa_inspect_axis(const char *axis, bool is_json, const oa_graph *graph, const oa_layout *layout,
                          oa_error *error);

/* How the indices of an axis are made up, by a part of the layout: {size, and one of
 *   fixed: why they stay;
 *   group: the group that reorders them;
 *   concat: [parts], one after the other;
 *   product: [parts], the first being the outermost}. NULL when memory runs out, here and below. */
json_t *oa_json_index(const oa_layout *layout, size_t part);
/* {tensor, axis, index} of one axis. */
json_t *oa_json_axis(const oa_layout *layout, const oa_graph *graph, size_t tensor, size_t axis);
/* Those of all axes on which something moves, in canonical order: with them, a permutation file says all. */
json_t *oa_json_moving_axes(const oa_layout *layout, const oa_graph *graph);

/* Draws the graph for Graphviz: a box a node, with the groups that its constants carry, in a colour for the group that
 * it computes. OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing half-written. */
oa_status oa_inspect_dot(const char *path, const char *title, const oa_graph *graph, const oa_layout *layout,
                         oa_error *error);

#endif
