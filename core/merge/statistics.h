/* Running variances of averaged models, estimated without data. Private to this folder.
 *
 * BatchNormalization divides by the spread of what the layer before it computes. Averaging the weights of several
 * models averages these signals, and the variance of a weighted sum of signals with variances v_i and correlations r_ij
 * is
 *
 *     sum_i w_i^2 v_i + 2 sum_{i<j} w_i w_j r_ij sqrt(v_i v_j)
 *         = sum_i w_i v_i - sum_{i<j} w_i w_j ((sqrt v_i - sqrt v_j)^2 + 2 (1 - r_ij) sqrt(v_i v_j)),
 *
 * less than the average of the variances unless the signals agree: plain averages leave every channel too quiet (the
 * "variance collapse" of Jordan et al., "REPAIR", ICLR 2023). Without data, the correlation of two channels has to be
 * guessed from the cosine c of their weights. It is c when the layer's inputs are uncorrelated and of one scale, and
 * more when they go together, as pixels and rectified signals do: c^0.7, the exponent being measured
 * (docs/running-variances.md). The second form is computed, since its correction is exactly zero where models agree. */
#ifndef OA_MERGE_STATISTICS_H
#define OA_MERGE_STATISTICS_H

#include "core/merge/merge.h"

/* For each constant of a that is the running variance behind a layer with constant weights, the correction to subtract
 * from its average, [channels] each; NULL for all others. Owned. */
typedef struct oa_corrections {
    double **of; /* [a->tensor_count] */
    size_t count;
} oa_corrections;

/* OA_ERROR_MEMORY. O(models^2 * weights of those layers). */
oa_status oa_corrections_init(oa_corrections *corrections, const oa_graph *a, const oa_merge_part *parts, size_t count,
                              oa_error *error);
void oa_corrections_free(oa_corrections *corrections);

#endif
