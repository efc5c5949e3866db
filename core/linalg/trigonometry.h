/* Sines and cosines of many numbers at once, which the C library computes one by one. */
#ifndef OA_LINALG_TRIGONOMETRY_H
#define OA_LINALG_TRIGONOMETRY_H

#include <stddef.h>

/* y[i] = sin(x[i]) or cos(x[i]) for n elements, with an absolute error below 1e-7; y may be x. Numbers beyond 8192 in
 * magnitude, infinity and NaN take the C library's functions. O(n). */
void oa_sin_floats(float *y, const float *x, size_t n);
void oa_cos_floats(float *y, const float *x, size_t n);

#endif
