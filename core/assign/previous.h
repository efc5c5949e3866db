/* Ties decided for an earlier permutation. */
#ifndef OA_ASSIGN_PREVIOUS_H
#define OA_ASSIGN_PREVIOUS_H

#include "core/assign/state.h"

/* Moves an optimal assignment towards an earlier one as far as that costs nothing.
 *
 * The rows on which two permutations differ fall into cycles that can be exchanged on their own. When all of them
 * together gain no more than the rounding error of the two sums of profits, the assignment becomes `previous`;
 * otherwise those cycles that gain no more than the rounding error of their own sums are taken over from it.
 *
 * state     complete assignment; column_of is rewritten, the other fields of the assignment are not. Uses scratch.
 * previous  [n], a permutation.
 *
 * O(n). The error of summing m terms is bounded by (m - 1) u times the sum of their absolute values, u = 2^-53: Higham
 * (2002), "Accuracy and Stability of Numerical Algorithms", section 4.2. */
void oa_assign_prefer(oa_assign_state *state, const size_t *previous);

#endif
