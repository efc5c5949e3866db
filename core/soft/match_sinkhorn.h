/* Matching by gradients through Sinkhorn's operator. */
#ifndef OA_SOFT_MATCH_SINKHORN_H
#define OA_SOFT_MATCH_SINKHORN_H

#include "core/match/match.h"
#include "core/soft/settings.h"

/* So many iterations of Adam (0: 1000), for the loss on samples or (NULL) the distance of the weights, from scores or
 * (NULL) without: each wants its own step size. Both are borrowed and entered in the settings. */
oa_soft_settings oa_sinkhorn_settings_default(const oa_samples *samples, const oa_match_scores *scores,
                                              size_t iterations);

/* Free scores for every group, S = Sinkhorn(scores / temperature), and Adam on the objective of a and S b: the distance
 * of the weights, or the loss on samples at random points of the line between them (Pena, Medeiros, Dubail,
 * Aminbeidokhti, Granger and Pedersoli, "Re-basin via implicit Sinkhorn differentiation", CVPR 2023, sections 3.3 and
 * 4: C_L2 and C_Rnd, C_Mid with at_midpoint). From time to time, and at the end, the permutations that maximise <S, P>
 * are judged by the true objective, and the best ones are the result.
 *
 * permutations  in: where to start from; out: the best found, never worse than the start by the objective.
 * info          output, may be NULL.
 *
 * Deviations: the distance is taken as |a|^2 + |b|^2 - 2 <a, S b>, which is the same for permutations but has its
 * optimum there and not at averages of units (measured: 249 against 253 on the shipped mlp pair, in two thirds of the
 * time); the gradient is exact, backwards through the iterations, and not implicit; without settings->continues the
 * scores start from zero, the middle of all permutations, rather than near the identity. Deterministic by seed for the
 * distance, and for the loss with one thread of the BLAS. Errors: OA_ERROR_MEMORY; OA_ERROR_INPUT when the scores
 * diverge; with samples, those of oa_line_loss_create. On failure the outputs are untouched. An iteration is O(sum over
 * groups of sinkhorn_iterations * size^2, plus size * weights of the group), and a pass through the model with samples.
 */
oa_status oa_match_sinkhorn(oa_permutations *permutations, const oa_match_problem *problem,
                            const oa_soft_settings *settings, oa_soft_info *info, oa_error *error);

#endif
