#include "plugin/cli/inspect.h"

static bool add_parts(json_t *item, const char *key, const oa_layout *layout, const oa_part *part)
{
    json_t *parts = json_array();
    bool is_good = parts != NULL;
    for (size_t i = 0; i < part->child_count && is_good; i++) {
        is_good = json_array_append_new(parts, oa_json_index(layout, layout->children[part->first_child + i])) == 0;
    }
    if (!is_good) {
        json_decref(parts);
        return false;
    }
    return json_object_set_new(item, key, parts) == 0;
}

json_t *oa_json_index(const oa_layout *layout, size_t at)
{
    const oa_part *part = &layout->parts[at];
    json_t *item = json_pack("{s:I}", "size", (json_int_t)part->size);
    bool is_good = false;
    switch (part->kind) {
    case OA_PART_FIXED:
        is_good = item && json_object_set_new(item, "fixed", json_string(part->reason)) == 0;
        break;
    case OA_PART_GROUP:
        is_good = item && json_object_set_new(item, "group", json_integer((json_int_t)part->group)) == 0;
        break;
    case OA_PART_PRODUCT:
        is_good = item && add_parts(item, "product", layout, part);
        break;
    case OA_PART_CONCAT:
        is_good = item && add_parts(item, "concat", layout, part);
        break;
    }
    if (!is_good) {
        json_decref(item);
        return NULL;
    }
    return item;
}

json_t *oa_json_axis(const oa_layout *layout, const oa_graph *graph, size_t tensor, size_t axis)
{
    const oa_tensor *shown = &graph->tensors[tensor];
    size_t part = layout->tensors[tensor].part[axis];
    json_t *index = part != OA_NONE ? oa_json_index(layout, part)
                                    : json_pack("{s:I, s:s}", "size", (json_int_t)shown->dims[axis], "fixed",
                                                oa_layout_fixed_reason(layout, tensor, axis));
    return index ? json_pack("{s:s, s:I, s:o}", "tensor", shown->name, "axis", (json_int_t)axis, "index", index) : NULL;
}

json_t *oa_json_moving_axes(const oa_layout *layout, const oa_graph *graph)
{
    json_t *axes = json_array();
    for (size_t i = 0; i < layout->order_count; i++) {
        size_t t = layout->order[i];
        for (size_t k = 0; axes && k < graph->tensors[t].rank; k++) {
            if (oa_layout_axis_moves(layout, t, k) &&
                json_array_append_new(axes, oa_json_axis(layout, graph, t, k)) != 0) {
                json_decref(axes);
                axes = NULL;
            }
        }
    }
    return axes;
}
