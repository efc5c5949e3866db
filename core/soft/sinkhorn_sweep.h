/* Both half steps of a Sinkhorn iteration in one reading of the kernel. Private to this folder.
 *
 * The kernel K [n, n] is larger than the first cache from n = 100 on and than the second from n = 400 on; what an
 * iteration costs is reading it. A few rows at a time are multiplied with v, which settles their part of u, and added
 * up for the columns' step while they are at hand. Sums run in a fixed number of lanes: the same bytes on every
 * machine. */
#ifndef OA_SOFT_SINKHORN_SWEEP_H
#define OA_SOFT_SINKHORN_SWEEP_H

#include <stddef.h>

/* u = 1 / (K v), sums = K^T u; all [n], none of them may overlap. O(n^2). */
void oa_sinkhorn_sweep(float *u, float *sums, const float *kernel, const float *v, size_t n);

/* The same backwards: change_i = (change_i - u_i (K dv)_i) u_i, sums = K^T change. O(n^2). */
void oa_sinkhorn_sweep_back(float *change, float *sums, const float *kernel, const float *u, const float *dv, size_t n);

#endif
