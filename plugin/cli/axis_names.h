/* The axes that a group reorders, by name: what a permutation file says about the model that it belongs to. */
#ifndef OA_CLI_AXIS_NAMES_H
#define OA_CLI_AXIS_NAMES_H

#include "core/symmetry/layout.h"

/* Texts "tensor:axis"; everything lives in the arena that they were made in. */
typedef struct oa_axis_names {
    const char **texts; /* [count] */
    size_t count;
} oa_axis_names;

/* The axes of a group, in the layout's order, of blocks also those of the insides that they lead. `graph` names the
 * tensors; `tensor_of` maps the layout's tensors to the graph's (NULL: the same). The texts are UTF-8, as JSON wants:
 * other bytes of a name, and '%', become %XX. Errors: OA_ERROR_MEMORY, OA_ERROR_INTERNAL when tensor_of leaves out a
 * tensor of the group. O(characters). */
oa_status oa_axis_names_of(oa_axis_names *names, oa_arena *arena, const oa_layout *layout, const oa_graph *graph,
                           const size_t *tensor_of, size_t group, oa_error *error);

/* Sorts in place, by bytes; then two lists are of the same axes when they are equal. */
void oa_axis_names_sort(oa_axis_names *names);
bool oa_axis_names_equal(const oa_axis_names *a, const oa_axis_names *b);

/* "a:0, b:1" for messages; `text` has room for OA_AXIS_LIST_SIZE characters, longer lists end in "...". Returns text.
 */
enum { OA_AXIS_LIST_SIZE = 240 };
const char *oa_axis_names_list(char *text, const oa_axis_names *names);

#endif
