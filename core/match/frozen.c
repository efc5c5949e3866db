#include "core/match/frozen.h"

#include <string.h>

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
        bool is_equal = a->dtype == b->dtype && memcmp(a->data, b->data, a->count * oa_dtype_size(a->dtype)) == 0;
        if (!oa_dtype_is_float(a->dtype) || !is_equal || !oa_tensor_varies_along(a, o->own_axis)) {
            continue;
        }
        if (!oa_grow(list, capacity, *count + 1, sizeof **list)) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory while comparing the models");
        }
        (*list)[(*count)++] =
            (oa_fixed_axis){.tensor = o->tensor, .axis = o->own_axis, .why = "both models hold the same here"};
    }
    return OA_OK;
}
