/* What the sliding pools share: the walk over the input runs that each row of the output is made of. */
#ifndef OA_EXEC_POOL_H
#define OA_EXEC_POOL_H

#include "core/exec/window.h"

/* Takes in one run of input for outputs first .. first + n - 1 of the row: x[0], x[stride], ... of which x[0] has the
 * index `at` in its plane. */
typedef void (*oa_pool_take)(void *state, size_t first, const void *x, size_t n, size_t stride, size_t at);

/* Calls `take` for every run that the output row at `position` [rank - 1] reads of a plane of elements of `size` bytes,
 * taps in row-major order. O(taps * row). */
void oa_pool_row(void *state, const void *plane, size_t size, const oa_window *window, const size_t *position,
                 oa_pool_take take);

/* Reads the window of a pool from input 0 and the attributes and makes output 0 for it, of the input's dtype. No output
 * may lie in padding alone: it would have nothing to pool. OA_ERROR_INPUT, OA_ERROR_MEMORY. O(outputs along the axes).
 */
oa_status oa_pool_prepare(oa_window *window, oa_array **y, oa_call *call, oa_error *error);

/* Windows of two by two, side by side in a plane, that read no padding: the common case, which needs no search. A last
 * odd row or column is in no window. */
bool oa_pool_is_squares(const oa_window *window);

/* The order p > 0 of the Lp pools: a float attribute in operator set 1 and an integer since. OA_ERROR_INPUT. */
oa_status oa_pool_order(double *p, oa_call *call, oa_error *error);

#endif
