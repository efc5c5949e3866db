/* The distance of the constants that move on one axis only, through their Gram matrices. Private to this folder.
 *
 * For such a constant, with units as rows, |a - S b|^2 = |a|^2 - 2 <S, a b^T> + <S b b^T, S>: two matrices [n, n] that
 * are found once stand for all its elements, and those of all constants of a group add up. */
#ifndef OA_SOFT_SOFT_GRAM_H
#define OA_SOFT_SOFT_GRAM_H

#include "core/soft/soft_plan.h"

typedef struct soft_gram {
    size_t n;
    double constant; /* |a|^2 */
    float *ab;       /* [n, n] sum of a b^T; NULL when the group has no such constant */
    float *bb;       /* [n, n] sum of b b^T */
} soft_gram;

/* Makes the matrices anew, each constant times its factor: `grams` [groups], with buffers where they are needed; what
 * does not move counts in *constant. `factors` [tensors of the layout]. OA_ERROR_MEMORY. O(n * elements). */
oa_status oa_soft_grams(soft_gram *grams, double *constant, const soft_tensor *tensors, size_t count,
                        const oa_match_problem *problem, const double *factors, oa_error *error);

/* *sum += the distance under s [n, n]; with `gradient`, that grows by `scale` times the distance's. scratch [n, n].
 * OA_ERROR_UNSUPPORTED (sizes). O(n^3). */
oa_status oa_soft_gram_distance(double *sum, float *gradient, const soft_gram *gram, const float *s, double scale,
                                float *scratch, oa_error *error);

#endif
