/* Comparing arrays of floating-point numbers. cmocka's own comparison lets NaN pass. */
#ifndef OA_TESTS_SUPPORT_CLOSE_H
#define OA_TESTS_SUPPORT_CLOSE_H

#include "core/exec/exec.h"
#include "core/ir/dtype.h"

#include <stdbool.h>
#include <stddef.h>

/* How far two arrays are apart: the largest |x - y| over the largest |y|, infinity when an element of either is NaN or
 * infinite. *worst is the index where it is. */
double relative_distance(size_t *worst, const double *x, const double *y, size_t n);

/* |actual - expected| <= absolute + relative * |expected| for every element, and all of them finite; otherwise the test
 * fails and prints the worst index with both numbers. */
void assert_all_close(const void *actual, const void *expected, oa_dtype dtype, size_t n, double relative,
                      double absolute);

/* relative_distance of two float arrays; infinity when types or shapes differ. Arrays of other types: 0 when they are
 * the same, else infinity. */
double array_distance(const oa_array *x, const oa_array *y);

#endif
