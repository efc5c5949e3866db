#include "core/exec/array.h"

#include <stdio.h>
#include <string.h>

oa_status oa_array_view(oa_array *array, void *data, oa_dtype dtype, const size_t *dims, size_t rank, oa_error *error)
{
    oa_array made = {.dtype = dtype, .rank = rank, .data = data, .is_view = true};
    if (rank > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "a tensor of rank %zu; at most %d is supported", rank, OA_MAX_RANK);
    }
    if (oa_dtype_size(dtype) == 0) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "a tensor of element type %d", (int)dtype);
    }
    oa_status status = oa_dims_count(&made.count, dims, rank, error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t i = 0; i < rank; i++) {
        made.dims[i] = dims[i];
    }
    *array = made;
    return OA_OK;
}

typedef enum source { ZEROED, UNDEFINED } source;

/* `blocks` may be NULL. */
static oa_status allocate(oa_array *array, oa_blocks *blocks, oa_dtype dtype, const size_t *dims, size_t rank,
                          source from, oa_error *error)
{
    oa_array made;
    oa_status status = oa_array_view(&made, NULL, dtype, dims, rank, error);
    if (status != OA_OK) {
        return status;
    }
    size_t size = oa_dtype_size(dtype);
    made.data = blocks           ? oa_blocks_take(blocks, made.count, size)
                : from == ZEROED ? oa_calloc(made.count, size)
                                 : oa_malloc(made.count, size);
    made.is_view = false;
    if (!made.data) {
        char text[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a %s tensor of shape %s", oa_dtype_name(dtype),
                       oa_shape_text(text, dims, rank));
    }
    *array = made;
    return OA_OK;
}

oa_status oa_array_init(oa_array *array, oa_dtype dtype, const size_t *dims, size_t rank, oa_error *error)
{
    return allocate(array, NULL, dtype, dims, rank, ZEROED, error);
}

oa_status oa_array_alloc(oa_array *array, oa_dtype dtype, const size_t *dims, size_t rank, oa_error *error)
{
    return allocate(array, NULL, dtype, dims, rank, UNDEFINED, error);
}

oa_status oa_array_from_blocks(oa_array *array, oa_blocks *blocks, oa_dtype dtype, const size_t *dims, size_t rank,
                               oa_error *error)
{
    return allocate(array, blocks, dtype, dims, rank, UNDEFINED, error);
}

void oa_array_free(oa_array *array)
{
    if (!array) {
        return;
    }
    if (!array->is_view) {
        oa_free(array->data);
    }
    *array = (oa_array){0};
}

/* A block with the elements of a string array followed by the bytes they refer to, or NULL. */
static oa_string_view *packed_strings(const oa_array *array)
{
    const oa_string_view *strings = array->data;
    size_t bytes;
    if (oa_mul_overflows(&bytes, array->count, sizeof *strings)) {
        return NULL;
    }
    for (size_t i = 0; i < array->count; i++) {
        if (oa_add_overflows(&bytes, bytes, strings[i].size)) {
            return NULL;
        }
    }
    oa_string_view *packed = oa_malloc(bytes, 1);
    if (!packed) {
        return NULL;
    }
    char *text = (char *)(packed + array->count);
    for (size_t i = 0; i < array->count; i++) {
        if (strings[i].size) {
            memcpy(text, strings[i].data, strings[i].size);
        }
        packed[i] = (oa_string_view){.data = text, .size = strings[i].size};
        text += strings[i].size;
    }
    return packed;
}

oa_status oa_array_copy(oa_array *copy, const oa_array *array, oa_error *error)
{
    oa_array made = *array;
    made.is_view = false;
    if (array->dtype == OA_DTYPE_STRING) {
        made.data = packed_strings(array);
    } else {
        size_t size = oa_dtype_size(array->dtype);
        made.data = oa_malloc(array->count, size);
        if (made.data && array->count) {
            memcpy(made.data, array->data, array->count * size);
        }
    }
    if (!made.data) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the copy of a tensor of %zu elements", array->count);
    }
    *copy = made;
    return OA_OK;
}

oa_status oa_array_pack_strings(oa_array *array, oa_error *error)
{
    oa_string_view *packed = packed_strings(array);
    if (!packed) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a tensor of %zu strings", array->count);
    }
    oa_free(array->data);
    array->data = packed;
    return OA_OK;
}

const char *oa_shape_text(char *text, const size_t *dims, size_t rank)
{
    size_t at = 0;
    text[at++] = '[';
    for (size_t i = 0; i < rank; i++) {
        char number[32];
        int length = snprintf(number, sizeof number, i ? ", %zu" : "%zu", dims[i]);
        if (length < 0 || at + (size_t)length + sizeof "...]" > OA_SHAPE_TEXT_SIZE) {
            memcpy(text + at, "...", 3);
            at += 3;
            break;
        }
        memcpy(text + at, number, (size_t)length);
        at += (size_t)length;
    }
    text[at++] = ']';
    text[at] = '\0';
    return text;
}

bool oa_same_shape(const oa_array *a, const oa_array *b)
{
    if (a->rank != b->rank) {
        return false;
    }
    for (size_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) {
            return false;
        }
    }
    return true;
}
