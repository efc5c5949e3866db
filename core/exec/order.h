/* Where the largest or smallest of some elements is. */
#ifndef OA_EXEC_ORDER_H
#define OA_EXEC_ORDER_H

#include "core/ir/dtype.h"

/* keys[i] orders src[i] among elements of its type: greater keys for greater elements, or for smaller ones with
 * `is_reversed`. Equal elements (also zeros of either sign) have equal keys, and a NaN has the greatest in both orders.
 * False, with nothing written, for types without an order here (16-bit floats, strings, ...). O(n). */
bool oa_order_keys(int64_t *keys, const void *src, oa_dtype dtype, size_t n, bool is_reversed);

/* The index of the largest element (the smallest with `is_reversed`) of n > 0 neighbours of a type that has an order:
 * the first of equals, or the last with `takes_last`. O(n). */
size_t oa_order_first(const void *src, oa_dtype dtype, size_t n, bool is_reversed, bool takes_last);

#endif
