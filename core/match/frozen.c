#include "core/match/frozen.h"

#include <string.h>

/* Are all slices along the axis the same? */
static bool is_constant_along(const oa_tensor *tensor, size_t axis)
{
    size_t inner = oa_dtype_size(tensor->dtype);
    size_t outer = 1;
    for (size_t k = 0; k < axis; k++) {
        outer *= tensor->dims[k];
    }
    for (size_t k = axis + 1; k < tensor->rank; k++) {
        inner *= tensor->dims[k];
    }
    const char *data = tensor->data;
    for (size_t o = 0; o < outer; o++) {
        const char *first = data + o * tensor->dims[axis] * inner;
        for (size_t i = 1; i < tensor->dims[axis]; i++) {
            if (memcmp(first, first + i * inner, inner) != 0) {
                return false;
            }
        }
    }
    return true;
}

oa_status oa_frozen_axes(oa_fixed_axis **list, size_t *count, size_t *capacity, const oa_match_problem *problem,
                         oa_error *error)
{
    const oa_layout *layout = problem->layout;
    for (size_t i = 0; i < layout->occurrence_count; i++) {
        const oa_occurrence *o = &layout->occurrences[i];
        const oa_tensor *a = &problem->a->tensors[o->tensor];
        size_t other = problem->tensor_b[o->tensor];
        if (other == OA_NONE || a->count == 0) {
            continue;
        }
        const oa_tensor *b = &problem->b->tensors[other];
        bool is_float = oa_dtype_is_float(a->dtype);
        bool is_equal = a->dtype == b->dtype && memcmp(a->data, b->data, a->count * oa_dtype_size(a->dtype)) == 0;
        if ((is_float && !is_equal) || is_constant_along(a, o->axis)) {
            continue;
        }
        if (!oa_grow(list, capacity, *count + 1, sizeof **list)) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory while comparing the models");
        }
        (*list)[(*count)++] = (oa_fixed_axis){.tensor = o->tensor,
                                              .axis = o->axis,
                                              .why = is_float ? "both models hold the same here"
                                                              : "it is no weight, so it cannot be averaged"};
    }
    return OA_OK;
}
