/* Moments and normalisation of channels: what BatchNormalization shares with normalisations of single samples; and of
 * rows: what LayerNormalization shares with its gradient. */
#ifndef OA_EXEC_NORMALISE_H
#define OA_EXEC_NORMALISE_H

#include "core/base/parallel.h"
#include "core/exec/layouts.h"

/* The mean and the (population) variance of each channel of x, float32 or float64. O(elements). */
void oa_channel_moments(double *mean, double *variance, const oa_array *x, const oa_channel_layout *layout);

/* y = (x - mean) * factor + bias; all three are [channels]. y may be x; `team` may be NULL. O(elements). */
void oa_channel_normalise(oa_array *y, const oa_array *x, const oa_channel_layout *layout, const double *mean,
                          const double *factor, const double *bias, oa_team *team);

/* Of a row of n elements: the mean (0 unless it `centres`), and 1 / sqrt(second moment around it + epsilon). O(n). */
void oa_row_moments_f32(double *mean, double *inverse, const float *x, size_t n, double epsilon, bool centres);
void oa_row_moments_f64(double *mean, double *inverse, const double *x, size_t n, double epsilon, bool centres);

#endif
