#include "plugin/cli/sample_shape.h"

#include <stdio.h>
#include <string.h>

/* A declared size, or OA_NONE when it is unknown. */
static size_t known(const oa_value *declared, size_t axis)
{
    int64_t size = declared->dims[axis];
    return size < 0 || (uint64_t)size >= OA_NONE ? OA_NONE : (size_t)size;
}

/* One sample of dims [rank] in its own shape. */
static bool fits_exactly(oa_sample_shape *shape, const oa_value *declared, const size_t *dims, size_t rank)
{
    if (rank + 1 != declared->rank) {
        return false;
    }
    for (size_t k = 0; k < rank; k++) {
        size_t size = known(declared, k + 1);
        if (size != OA_NONE && size != dims[k]) {
            return false;
        }
        shape->dims[k + 1] = dims[k];
    }
    return true;
}

/* One sample whose elements are as many as the declared shape, fully known but for the first axis, takes. */
static bool fits_by_count(oa_sample_shape *shape, const oa_value *declared, size_t elements)
{
    size_t wanted = 1;
    for (size_t k = 1; k < declared->rank; k++) {
        shape->dims[k] = known(declared, k);
        if (shape->dims[k] == OA_NONE || oa_mul_overflows(&wanted, wanted, shape->dims[k])) {
            return false;
        }
    }
    return wanted == elements;
}

/* One sample whose axes agree with the declared ones once those of size 1 are left out on both sides. */
static bool fits_without_ones(oa_sample_shape *shape, const oa_value *declared, const size_t *dims, size_t rank)
{
    size_t unknown = 0;
    size_t slots = 0;
    size_t left = 0;
    for (size_t k = 1; k < declared->rank; k++) {
        unknown += known(declared, k) == OA_NONE;
        slots += known(declared, k) != 1;
    }
    for (size_t k = 0; k < rank; k++) {
        left += dims[k] != 1;
    }
    /* A size of 1 where the declared one is unknown is only clear when it can be at one place. */
    bool is_one = unknown == 1 && left + 1 == slots;
    if (left != slots && !is_one) {
        return false;
    }
    size_t at = 0;
    for (size_t k = 1; k < declared->rank; k++) {
        size_t size = known(declared, k);
        shape->dims[k] = 1;
        if (size == 1 || (size == OA_NONE && is_one)) {
            continue;
        }
        while (dims[at] == 1) {
            at++;
        }
        shape->dims[k] = dims[at++];
        if (size != OA_NONE && size != shape->dims[k]) {
            return false;
        }
    }
    return true;
}

static bool fits_reshaped(oa_sample_shape *shape, const oa_value *declared, const size_t *dims, size_t rank,
                          size_t elements)
{
    return fits_by_count(shape, declared, elements) || fits_without_ones(shape, declared, dims, rank);
}

static oa_status misfit(const oa_value *declared, const size_t *dims, size_t rank, oa_error *error)
{
    char text[OA_DECLARED_TEXT_SIZE];
    char declared_text[OA_DECLARED_TEXT_SIZE];
    return oa_fail(
        error, OA_ERROR_INPUT,
        "holds an array of shape %s, which does not fit '%.100s' of shape %s: the first axis counts samples, "
        "the others have to fit",
        oa_dims_text(text, dims, rank), declared->name ? declared->name : "",
        oa_declared_text(declared_text, declared));
}

oa_status oa_sample_shape_fit(oa_sample_shape *shape, const oa_value *declared, const size_t *dims, size_t rank,
                              bool may_be_one, oa_error *error)
{
    size_t elements;
    oa_status status = oa_dims_count(&elements, dims, rank, error);
    if (status != OA_OK) {
        return status;
    }
    char text[OA_DECLARED_TEXT_SIZE];
    if (elements == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "holds no samples: the shape is %s", oa_dims_text(text, dims, rank));
    }
    oa_sample_shape made = {.rank = declared->has_shape ? declared->rank : rank};
    bool has_count = rank > 0;
    size_t samples = has_count ? dims[0] : 1;
    if (made.rank == 0 || (!declared->has_shape && !has_count)) {
        return misfit(declared, dims, rank, error);
    }
    if (!declared->has_shape) {
        memcpy(made.dims, dims, rank * sizeof *dims);
    } else if (has_count && fits_exactly(&made, declared, dims + 1, rank - 1)) {
        made.dims[0] = samples;
    } else if (may_be_one && fits_exactly(&made, declared, dims, rank)) {
        made.dims[0] = 1;
    } else if (has_count && fits_reshaped(&made, declared, dims + 1, rank - 1, elements / samples)) {
        made.dims[0] = samples;
    } else if (may_be_one && fits_reshaped(&made, declared, dims, rank, elements)) {
        made.dims[0] = 1;
    } else {
        return misfit(declared, dims, rank, error);
    }
    *shape = made;
    return OA_OK;
}

const char *oa_declared_text(char *text, const oa_value *declared)
{
    const size_t room = OA_DECLARED_TEXT_SIZE - sizeof ", ...]";
    size_t length = 1;
    text[0] = '[';
    for (size_t k = 0; k < declared->rank; k++) {
        char size[64];
        if (declared->dims[k] >= 0) {
            snprintf(size, sizeof size, "%lld", (long long)declared->dims[k]);
        } else {
            snprintf(size, sizeof size, "%.40s", declared->symbols[k] ? declared->symbols[k] : "?");
        }
        size_t added = strlen(size) + (k ? 2 : 0);
        if (length + added > room) {
            memcpy(text + length, ", ...", 5);
            length += 5;
            break;
        }
        memcpy(text + length, ", ", k ? 2 : 0);
        memcpy(text + length + (k ? 2 : 0), size, strlen(size));
        length += added;
    }
    text[length] = ']';
    text[length + 1] = '\0';
    return text;
}

const char *oa_dims_text(char *text, const size_t *dims, size_t rank)
{
    oa_value value = {.rank = rank};
    for (size_t k = 0; k < rank; k++) {
        value.dims[k] = dims[k] <= INT64_MAX ? (int64_t)dims[k] : -1;
    }
    return oa_declared_text(text, &value);
}
