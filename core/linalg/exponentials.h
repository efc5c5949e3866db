/* The exponential and what is made of it, of many numbers at once, which the C library computes one by one.
 *
 * Everywhere y may be x. Relative errors hold where the result is a normal number; with infinite arguments the results
 * are the limits, and NaN stays NaN. O(n). */
#ifndef OA_LINALG_EXPONENTIALS_H
#define OA_LINALG_EXPONENTIALS_H

#include <stddef.h>

void oa_exp_floats(float *y, const float *x, size_t n);     /* relative error below 2e-7; overflow is infinite */
void oa_sigmoid_floats(float *y, const float *x, size_t n); /* 1 / (1 + e^-x), relative error below 4e-7 */
void oa_tanh_floats(float *y, const float *x, size_t n);    /* relative error below 4e-7 */
void oa_erf_floats(float *y, const float *x, size_t n);     /* relative error below 4e-7 */
/* x (1 + erf(x / sqrt 2)) / 2 and x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, with an absolute error below
 * 2e-7 |x|, and 0 relative to that. Minus infinity gives NaN, as the formula does. */
void oa_gelu_floats(float *y, const float *x, size_t n);
void oa_gelu_tanh_floats(float *y, const float *x, size_t n);

/* e^(x - max) over its sum, of one row; errors as those of the exponential, the sum in double precision. */
void oa_softmax_floats(float *y, const float *x, size_t n);

#endif
