/* Which neighbouring axes of a constant are taken as one, because insides lie on another of them than their blocks. */
#include "core/symmetry/layout_build.h"

/* The factors of all axes, one after the other. */
typedef struct all_factors {
    size_t *list;
    size_t count, capacity;
    size_t first[OA_MAX_RANK + 1]; /* of each axis */
} all_factors;

/* Insides with orders of their own are joined with the axis on which the nearest blocks before them lie. */
static void join_axes(bool *is_joined, const oa_layout_builder *b, const all_factors *factors, size_t axis)
{
    oa_spaces *spaces = &b->discovery->spaces;
    for (size_t i = factors->first[axis]; i < factors->first[axis + 1]; i++) {
        size_t group = b->group_of[oa_space_find(spaces, factors->list[i])], at = i, from = axis;
        if (group == OA_NONE || b->layout->groups[group].block_count == 1) {
            continue;
        }
        while (at > 0 && b->group_of[oa_space_find(spaces, factors->list[at - 1])] != b->layout->groups[group].parent) {
            at--;
        }
        while (at > 0 && factors->first[from] >= at) {
            from--;
        }
        for (size_t k = at > 0 ? from + 1 : axis + 1; k <= axis; k++) {
            is_joined[k] = true;
        }
    }
}

oa_status oa_layout_view(size_t *axis_of, oa_layout_builder *b, size_t t, oa_error *error)
{
    const oa_tensor *tensor = &b->discovery->graph->tensors[t];
    const oa_axes *axes = &b->discovery->axes[tensor->value];
    oa_layout_tensor *made = &b->layout->tensors[t];
    all_factors factors = {0};
    bool is_joined[OA_MAX_RANK] = {false}; /* with the axis before */
    oa_status status = OA_OK;
    made->view_rank = 0;
    for (size_t k = 0; k < tensor->rank && status == OA_OK; k++) {
        bool is_good =
            oa_space_factors(&factors.list, &factors.count, &factors.capacity, &b->discovery->spaces, axes->space[k]);
        status = is_good ? OA_OK : oa_layout_no_memory(error);
        factors.first[k + 1] = factors.count;
    }
    for (size_t k = 0; k < tensor->rank && status == OA_OK; k++) {
        join_axes(is_joined, b, &factors, k);
    }
    for (size_t k = 0, next; k < tensor->rank && status == OA_OK; k = next) {
        size_t v = made->view_rank++;
        axis_of[v] = k;
        made->view_dims[v] = tensor->dims[k];
        made->view_part[v] = made->part[k];
        for (next = k + 1; next < tensor->rank && is_joined[next]; next++) {
            made->view_dims[v] *= tensor->dims[next];
        }
        if (next > k + 1) {
            status = oa_layout_product(&made->view_part[v], b, factors.list + factors.first[k],
                                       factors.first[next] - factors.first[k], error);
        }
    }
    axis_of[made->view_rank] = tensor->rank;
    oa_free(factors.list);
    return status;
}
