/* Assigning the units of a group, and blocks together with what is inside of them. */
#ifndef OA_MATCH_TWO_LEVELS_H
#define OA_MATCH_TWO_LEVELS_H

#include "core/symmetry/layout.h"

/* Finds permutations of a group that leads and of the insides with orders of their own, if it has any, that maximise
 * the sum over all of them of profit[i, p[i]].
 *
 * permutations  output: those of these groups; others are not touched. May be `current`.
 * profits       [group_count], of these groups [size, size] each; NULL: nothing is known. Profits between units of
 *               insides count where their blocks meet
 * current       ties keep these; and where nothing is known of insides, they keep their order and follow their blocks
 * keeps_blocks  the group that leads stays as in `current`
 *
 * It is the optimum: the price of two blocks is the best that their own insides can do, and blocks are assigned by
 * price. Errors, with the permutations of these groups untouched: OA_ERROR_MEMORY, OA_ERROR_INPUT (profits that are no
 * numbers). For n blocks with m inside each O(n^2 m^3) at worst, besides the assignment of the blocks. */
oa_status oa_assign_levels(oa_permutations *permutations, const oa_layout *layout, size_t group,
                           const double *const *profits, const oa_permutations *current, bool keeps_blocks,
                           oa_error *error);

/* The same by float scores. `scores` [group_count]. */
oa_status oa_assign_scores(oa_permutations *permutations, const oa_layout *layout, size_t group,
                           const float *const *scores, const oa_permutations *current, oa_error *error);

/* What the best order of their insides is worth for each two blocks, by scores: prices [size, size] of a group that
 * leads insides, with its own scores; a mean over units, as scores are. Errors as oa_assign_levels. */
oa_status oa_price_blocks(float *prices, const oa_layout *layout, size_t group, const float *const *scores,
                          const oa_permutations *current, oa_error *error);

/* For insides that are reordered alike in all blocks: finds permutations p of n_blocks and q of n_inner that go for a
 * large sum over h, i of profit[(h, i), (p[h], q[i])], from those given, which ties keep. The blocks are assigned by
 * the best that the insides of each two can do, then one inside for all, and in turns from there; the start's own turns
 * compete. OA_ERROR_MEMORY, OA_ERROR_INPUT (profits that are no numbers). */
oa_status oa_match_two_levels(size_t *blocks, size_t *inner, const double *profit, size_t n_blocks, size_t n_inner,
                              oa_error *error);

#endif
