/* Copies between packed arrays and any regular walk through one: what transposing, slicing and expanding are. */
#ifndef OA_EXEC_STRIDED_H
#define OA_EXEC_STRIDED_H

#include "core/base/parallel.h"
#include "core/ir/graph.h"

/* dst[packed over dims] = src[sum of index * step]. `dst` is packed, of shape [dims]; `src` is the element for index
 * zero; steps are in elements and may be zero or negative; `size` is that of an element (1, 2, 4, 8 or 16). The two
 * must not overlap. O(elements). */
void oa_strided_copy(void *dst, const void *src, const size_t *dims, const ptrdiff_t *steps, size_t rank, size_t size);

/* The same over several threads; NULL for one. */
void oa_strided_spread(oa_team *team, void *dst, const void *src, const size_t *dims, const ptrdiff_t *steps,
                       size_t rank, size_t size);

/* steps[i] = elements between neighbours along axis i of a packed array. */
void oa_packed_steps(ptrdiff_t *steps, const size_t *dims, size_t rank);

/* memcpy that accepts null pointers when there is nothing to copy. */
void oa_copy_bytes(void *dst, const void *src, size_t bytes);

#endif
