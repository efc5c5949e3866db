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

/* What belongs to no unit, in constants of which a part moves: the sums of (a - b)^2 and a b. */
typedef struct soft_fixed {
    double distance;
    double inner;
} soft_fixed;

/* Makes the matrices anew, each constant times its factor: `grams` [groups], with buffers where they are needed.
 * `factors` [tensors of the layout]. OA_ERROR_MEMORY. O(n * elements). */
oa_status oa_soft_grams(soft_gram *grams, soft_fixed *fixed, const soft_tensor *tensors, size_t count,
                        const oa_match_problem *problem, const double *factors, oa_error *error);

/* *sum += the distance under s [n, n]; with `gradient`, that grows by `scale` times the distance's. scratch [n, n].
 * OA_ERROR_UNSUPPORTED (sizes). O(n^3). */
oa_status oa_soft_gram_distance(double *sum, float *gradient, const soft_gram *gram, const float *s, double scale,
                                float *scratch, oa_error *error);

/* The same for the inner product <S, a b^T>. O(n^2). */
double oa_soft_gram_inner(float *gradient, const soft_gram *gram, const float *s, double scale);

/* <x, y>, in float32 over short pieces that are added in double. O(n). */
double oa_soft_dot(const float *x, const float *y, size_t n);

#endif
