/* Soft permutations: one doubly stochastic matrix a group of a layout, and what they do to a model's constants.
 *
 * Row i of matrix S_g says which units of b go to place i: aligned unit i = sum_j S[i, j] * unit j of b. For a hard
 * permutation p, S[i, p[i]] = 1. A tensor with several groups is contracted along each of its axes. */
#ifndef OA_SOFT_SOFT_H
#define OA_SOFT_SOFT_H

#include "core/match/match.h"

typedef struct oa_soft oa_soft;

/* Prepares the problem (borrowed): which constants move and how, with workspaces. Constants are read as float32,
 * whatever their dtype. Statistics of normalisations move but do not count in the distance. OA_ERROR_MEMORY. */
oa_status oa_soft_create(oa_soft **soft, const oa_match_problem *problem, oa_error *error);
void oa_soft_destroy(oa_soft *soft);

/* Constants of b, softly reordered. moved[t] [count of tensor t] for each constant of a's graph that moves (a NULL
 * entry is skipped). `s` [group_count] matrices [size, size]. */
oa_status oa_soft_apply(float *const *moved, oa_soft *soft, const float *const *s, oa_error *error);
/* Adds to s_gradients[g] the gradient of the last oa_soft_apply, given moved_gradients[t] (NULL entries: zero). */
oa_status oa_soft_apply_backward(float *const *s_gradients, oa_soft *soft, const float *const *s,
                                 const float *const *moved_gradients, oa_error *error);

/* sum over moving float parameters (statistics excluded) of |a - S#b|^2, each tensor times factors[t] (NULL: 1), and,
 * when s_gradients is not NULL, adds its gradient times `scale` to s_gradients[g]. Tensors on one axis only go through
 * their Gram matrices, computed once. */
oa_status oa_soft_distance(double *distance, float *const *s_gradients, oa_soft *soft, const float *const *s,
                           const double *factors, double scale, oa_error *error);

/* The same for the inner product, sum of <a, S#b>. For permutations the distance is a constant less twice this; for
 * soft ones it lacks |S#b|^2, which rewards averages of units. Linear in each matrix, and fewer products. */
oa_status oa_soft_inner(double *inner, float *const *s_gradients, oa_soft *soft, const float *const *s,
                        const double *factors, double scale, oa_error *error);

#endif
