/* Linear sum assignment, exact and dense. */
#ifndef OA_ASSIGN_ASSIGN_H
#define OA_ASSIGN_ASSIGN_H

#include "core/base/error.h"

#include <stddef.h>

/* Finds the permutation p that maximises sum_i profit[i, p[i]].
 *
 * permutation  [n], output.
 * profit       [n, n] row-major, finite; borrowed.
 * row_price, column_price  [n] each, outputs, either may be NULL: a dual solution that certifies optimality,
 *              row_price[i] + column_price[j] >= profit[i, j] for all i, j, with equality at j = p[i], up to rounding.
 *              They are of the size of the profits, and may overflow to infinity where these come near to it.
 * previous     [n] or NULL: a permutation to prefer, so that repeated solves do not wander. When its sum of profits is
 *              optimal up to the rounding error of the sums, it is the result; otherwise each cycle of rows on which
 *              it differs from the optimum found is decided for it where that loses no more than rounding. It may be
 *              the same array as `permutation`.
 *
 * Deterministic: the same input gives the same output. For profits that are integers below 2^20 or so, nothing is
 * rounded.
 *
 * Errors, outputs then untouched: OA_ERROR_MEMORY; OA_ERROR_INPUT for a profit that is NaN or infinite (the message
 * names the first), for a `previous` that is not a permutation, and for an n beyond 2^31.
 *
 * O(n^3 log n) worst case; a few readings of the profit as a rule: 4096 rows of random or weight-matching profits take
 * about 10 to 50 times as long as reading the matrix once. O(n) memory, about 1 KiB a row.
 *
 * Source: see assign.c. */
oa_status oa_assign_maximise(size_t *permutation, const double *profit, size_t n, const size_t *previous,
                             double *row_price, double *column_price, oa_error *error);

#endif
