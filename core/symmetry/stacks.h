/* Arrays on top of one another that are taken apart again: the projections of queries, keys and values in one matrix,
 * reshaped to [..., 3, heads, units] and picked one by one.
 *
 * Seen as a product, its indices would have one order for all parts, which have nothing to do with one another. When
 * all that reads the reshaped array moves axes about (Transpose, Squeeze, Unsqueeze, Identity) and in the end picks
 * single parts (Gather by one known index, Split into all), it is a concatenation of parts, each with spaces of its
 * own. Between the reshape and the picks its axes have spaces of their own, which are on no constant. Private to this
 * folder. */
#ifndef OA_SYMMETRY_STACKS_H
#define OA_SYMMETRY_STACKS_H

#include "core/symmetry/discovery.h"

/* Rule of Reshape: is target[at], the first of the sizes that `space` becomes, the number of parts of a stack? Then
 * gives the spaces of it and the axes of the parts to `result`, whose rank is that of the target, and returns how many
 * axes these are; else 0. O(nodes) the first time, O(what reads the value) then. */
size_t oa_stack_up(oa_axes *result, size_t at, oa_discovery *discovery, const oa_node *node, size_t space,
                   const oa_dim *target, oa_pin pin);

/* Rules of what picks: when `axis` tells the parts of a stack apart, replaces its spaces by those of the part that the
 * node's index names (`output` OA_NONE) or that comes out of this output. False when it is no stack: nothing is
 * changed. O(log stacks), and the axes. */
bool oa_pick(oa_axes *part, oa_discovery *discovery, const oa_node *node, size_t axis, size_t output);

/* Pins all parts of the stack that the axes have, which do not show them. O(rank log stacks). */
void oa_stacks_pin(oa_discovery *discovery, const oa_axes *axes, oa_pin pin);

void oa_stacks_free(oa_discovery *discovery);

#endif
