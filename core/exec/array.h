/* What the executor and its kernels do to run-time tensors, besides oa_array_init and oa_array_free. */
#ifndef OA_EXEC_ARRAY_H
#define OA_EXEC_ARRAY_H

#include "core/exec/blocks.h"
#include "core/exec/exec.h"

/* As oa_array_init, with undefined elements: for kernels that write every one of them. */
oa_status oa_array_alloc(oa_array *array, oa_dtype dtype, const size_t *dims, size_t rank, oa_error *error);

/* The same from idle memory where there is some. */
oa_status oa_array_from_blocks(oa_array *array, oa_blocks *blocks, oa_dtype dtype, const size_t *dims, size_t rank,
                               oa_error *error);

/* A view of `data` with this shape; owns nothing. Errors as oa_array_init, without the allocation. */
oa_status oa_array_view(oa_array *array, void *data, oa_dtype dtype, const size_t *dims, size_t rank, oa_error *error);

/* A copy that owns all of its memory, the bytes of strings included. O(bytes). */
oa_status oa_array_copy(oa_array *copy, const oa_array *array, oa_error *error);

/* Moves the bytes that the elements of a string array refer to behind the elements, into one block that the array owns,
 * so that they outlive what they were copied from. `array` must own its elements. Untouched on failure. O(bytes). */
oa_status oa_array_pack_strings(oa_array *array, oa_error *error);

/* "[2, 3]" for messages; `text` has room for OA_SHAPE_TEXT_SIZE characters, longer shapes end in "...". */
enum { OA_SHAPE_TEXT_SIZE = 128 };
const char *oa_shape_text(char *text, const size_t *dims, size_t rank);

bool oa_same_shape(const oa_array *a, const oa_array *b);

#endif
