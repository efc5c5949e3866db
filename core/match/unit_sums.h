/* How the units of two activations vary together, added up batch after batch. Private to this folder. */
#ifndef OA_MATCH_UNIT_SUMS_H
#define OA_MATCH_UNIT_SUMS_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* An activation [outer, axis_size, inner] whose units lie on the middle axis. What unit i shows at one outer index, one
 * of its elements of the axis and one inner index is one sample of it. Everything is borrowed. */
typedef struct oa_unit_view {
    const float *data;
    size_t outer, axis_size, inner;
    size_t rest;             /* elements of the axis that a unit has */
    const size_t *positions; /* [units, rest], where they are */
    const size_t *outer_map; /* [outer], or NULL: sample o is taken from outer_map[o] */
    const size_t *inner_map; /* [inner], or NULL */
} oa_unit_view;

/* What is known of one side's units. Samples are shifted and scaled by what the first batch says of their mean and
 * spread, so that sums of squares lose nothing by cancellation and do not leave float32's range. */
typedef struct oa_unit_moments {
    float *centre;   /* [n] */
    float *scale;    /* [n] one over the spread; 1 where there is none */
    double *sums;    /* [n] of (sample - centre) * scale */
    double *squares; /* [n] of its square */
} oa_unit_moments;

typedef struct oa_unit_sums {
    size_t n;
    size_t count; /* samples of a unit so far */
    oa_unit_moments side[2];
    double *products; /* [n, n] sum over samples of unit i of a times unit j of b */
} oa_unit_sums;

/* Memory that is used by one call after the other. Zero-initialise; free with oa_unit_workspace_free. */
typedef struct oa_unit_workspace {
    float *rows[2];
    float *products;
    size_t row_capacity[2], product_capacity;
} oa_unit_workspace;
void oa_unit_workspace_free(oa_unit_workspace *workspace);

/* Zeroed sums for n units on either side. OA_ERROR_MEMORY. Free with oa_unit_sums_free, zeroed ones too. */
oa_status oa_unit_sums_init(oa_unit_sums *sums, size_t n, oa_error *error);
void oa_unit_sums_free(oa_unit_sums *sums);

/* Adds the samples of two activations of equal outer, inner and rest, sample by sample. Products of up to some thousand
 * samples are summed in float32 (which costs about 1e-6 of a correlation: the samples are centred and of unit spread),
 * and these sums in double. OA_ERROR_MEMORY. O(n^2 samples). */
oa_status oa_unit_sums_add(oa_unit_sums *sums, const oa_unit_view *a, const oa_unit_view *b,
                           oa_unit_workspace *workspace, oa_error *error);

/* profit[i, j] += the correlation (or covariance) of unit i of a and unit j of b; profit is [n, n]. Units that do not
 * vary, beyond the rounding of their value, have nothing in common with any. OA_ERROR_INPUT when samples were NaN or
 * infinite (the error names nothing: callers do). O(n^2). */
oa_status oa_unit_sums_profit(double *profit, const oa_unit_sums *sums, bool uses_covariance, oa_error *error);

#endif
