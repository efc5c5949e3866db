/* Sinkhorn normalisation: the doubly stochastic matrix of a matrix of scores, and its gradient. */
#ifndef OA_SOFT_SINKHORN_H
#define OA_SOFT_SINKHORN_H

#include "core/base/error.h"

#include <stddef.h>

/* Workspace for square matrices up to a size; sized once. */
typedef struct oa_sinkhorn oa_sinkhorn;

/* `iterations` >= 1 passes (rows, then columns). OA_ERROR_MEMORY. O(n^2 + n * iterations) floats. */
oa_status oa_sinkhorn_create(oa_sinkhorn **sinkhorn, size_t n, size_t iterations, oa_error *error);
void oa_sinkhorn_destroy(oa_sinkhorn *sinkhorn);

/* p [n, n] = the matrix diag(exp(f)) exp(scores) diag(exp(g)) after the iterations; the columns sum to 1. Equal to the
 * log-domain iteration for any finite scores (large ranges included). Keeps what backward needs. `p` may be `scores`.
 * OA_ERROR_INPUT for a score that is not finite. O(n^2 * iterations). */
oa_status oa_sinkhorn_forward(float *p, oa_sinkhorn *sinkhorn, const float *scores, oa_error *error);

/* Adds to `score_gradients` [n, n] the gradient of the last forward's scores, given that of p: exact reverse mode
 * through the iterations. O(n^2 * iterations). */
void oa_sinkhorn_backward(float *score_gradients, oa_sinkhorn *sinkhorn, const float *p_gradients);

#endif
