/* Matching by the straight-through estimator. */
#ifndef OA_SOFT_MATCH_STE_H
#define OA_SOFT_MATCH_STE_H

#include "core/match/match.h"
#include "core/soft/settings.h"

oa_soft_settings oa_ste_settings_default(void);

/* Free weights b~, from a's at first. In each step the permutations are those that weight matching finds for b and b~,
 * the loss of the model halfway between a and the reordered b is taken on a batch, and its gradient goes to b~ as if b~
 * had been merged itself (Ainsworth, Hayase and Srinivasa, "Git Re-Basin", ICLR 2023, section 3.3). Now and then the
 * permutations of the moment are judged by the loss on fixed batches, and the best ones are the result.
 *
 * permutations  in: where to start from; out: the best found, never worse than the start by that loss.
 * settings      samples are needed; the Sinkhorn fields are not read.
 * info          output, may be NULL.
 *
 * Deviations: Adam; weight matching goes on from the permutations of the step before, two sweeps at most; b~ moves by
 * steps relative to the spread of a's constant, as weights of different layers differ in size. Errors:
 * OA_ERROR_INPUT without samples, and those of oa_line_loss_create and oa_match_weights. On failure the outputs are
 * untouched. A step is a pass through the model and two sweeps of weight matching. */
oa_status oa_match_ste(oa_permutations *permutations, const oa_match_problem *problem, const oa_soft_settings *settings,
                       oa_soft_info *info, oa_error *error);

#endif
