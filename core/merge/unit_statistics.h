/* Mean and spread of each unit of an activation over data that come in batches, and how sure one can be of them.
 * Private to this folder.
 *
 * What a unit shows at the positions of one sample (pixels, steps) goes together, so that only samples count as
 * independent. For each sample s, the mean a_s of x - K and the mean b_s of (x - K)^2 over its positions are formed, K
 * being the unit's mean in the first sample, so that squares lose nothing by cancellation. Then
 *
 *     mean = K + <a>,   variance = <b> - <a>^2,
 *
 * and with their variances and covariance from sample to sample follow the standard errors of both: that of the mean is
 * sd(a) / sqrt(n), that of the variance, to first order, sd(b - 2 <a> a) / sqrt(n). */
#ifndef OA_MERGE_UNIT_STATISTICS_H
#define OA_MERGE_UNIT_STATISTICS_H

#include "core/exec/exec.h"

/* Zeroed: nothing. Free with oa_unit_statistics_free. */
typedef struct oa_unit_statistics {
    size_t units;
    size_t samples;        /* added so far */
    double *centre;        /* [units] K */
    double *a, *b;         /* [units] sums over samples */
    double *aa, *ab, *bb;  /* [units] sums of products */
    double *one_a, *one_b; /* [units] scratch: of the sample that is being added */
    double *row;           /* [row_capacity] scratch: elements, widened */
    size_t row_capacity;
} oa_unit_statistics;

oa_status oa_unit_statistics_init(oa_unit_statistics *statistics, size_t units, oa_error *error);
void oa_unit_statistics_free(oa_unit_statistics *statistics);

/* Adds an activation of `samples` samples, with its units along `axis`. When the axes in front of that do not divide by
 * the samples, the whole of it counts as one. OA_ERROR_INPUT when it is no float or has another number of units,
 * OA_ERROR_MEMORY. O(elements). */
oa_status oa_unit_statistics_add(oa_unit_statistics *statistics, const oa_array *array, size_t axis, size_t samples,
                                 oa_error *error);

/* The mean and the standard deviation (of the population) of unit u; exactly 0 when it varies no more than its value is
 * rounded. Something must have been added. */
void oa_unit_statistics_get(double *mean, double *spread, const oa_unit_statistics *statistics, size_t u);

/* The standard errors of mean and standard deviation, both relative to the standard deviation and added as squares,
 * averaged over the units that vary, then the root: by how much of its spread a unit is off. Infinite for less than two
 * samples, 0 when no unit varies. O(units). */
double oa_unit_statistics_uncertainty(const oa_unit_statistics *statistics);

#endif
