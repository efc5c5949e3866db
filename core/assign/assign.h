/* Linear sum assignment, exact and dense. */
#ifndef OA_ASSIGN_ASSIGN_H
#define OA_ASSIGN_ASSIGN_H

#include "core/base/error.h"

#include <stddef.h>

/* Finds the permutation p that maximises sum_i profit[i, p[i]].
 *
 * permutation  [n], output.
 * profit       [n, n] row-major, finite; borrowed.
 * row_price, column_price  [n] each, outputs, may both be NULL: a dual solution that certifies optimality,
 *              row_price[i] + column_price[j] >= profit[i, j] for all i, j, with equality at j = p[i], up to rounding.
 * previous     [n] or NULL: a permutation to keep when it is optimal too: ties (within the rounding error of the sums)
 *              are decided for it, so that repeated solves do not wander.
 *
 * Deterministic: the same input gives the same output. Errors: OA_ERROR_MEMORY, OA_ERROR_INPUT for a profit that is NaN or
 * infinite; outputs are then untouched. O(n^3) worst case, O(n^2) memory beyond the input at most.
 * Source: see assign.c. */
oa_status oa_assign_maximise(size_t *permutation, const double *profit, size_t n, const size_t *previous,
                             double *row_price, double *column_price, oa_error *error);

#endif
