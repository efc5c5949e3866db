/* What one pass over many floats finds, on vectors. */
#ifndef OA_LINALG_SUMS_H
#define OA_LINALG_SUMS_H

#include <stdbool.h>
#include <stddef.h>

/* The sum of n numbers, in double precision. O(n). */
double oa_sum(const float *x, size_t n);

/* The sum of the squares of n numbers, in double precision. O(n). */
double oa_sum_of_squares(const float *x, size_t n);

/* Is none of n numbers infinite or NaN? O(n). */
bool oa_all_finite(const float *x, size_t n);

#endif
