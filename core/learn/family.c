#include "core/learn/family.h"

#include <math.h>
#include <string.h>

oa_status oa_weight_map_init(oa_weight_map *map, const oa_graph *graph, const oa_layout *layout, oa_error *error)
{
    size_t total = 0, bytes;
    size_t *offset = oa_malloc(graph->tensor_count, sizeof *offset);
    if (!offset) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a list of %zu constants", graph->tensor_count);
    }
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const oa_tensor *tensor = &graph->tensors[t];
        offset[t] = OA_NONE;
        if (!layout->tensors[t].is_used || !oa_dtype_is_float(tensor->dtype) || !tensor->data) {
            continue;
        }
        offset[t] = total;
        if (oa_add_overflows(&total, total, tensor->count) || oa_mul_overflows(&bytes, total, sizeof(float))) {
            oa_free(offset);
            return oa_fail(error, OA_ERROR_INPUT, "the model has too many weights");
        }
    }
    *map = (oa_weight_map){.offset = offset, .tensor_count = graph->tensor_count, .total = total};
    return OA_OK;
}

void oa_weight_map_free(oa_weight_map *map)
{
    oa_free(map->offset);
    *map = (oa_weight_map){0};
}

/* Whether all are finite: the exponents of NaN and infinity are all ones. Without branches, so that it vectorises. */
static bool all_finite(const float *values, size_t count)
{
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        found |= (bits & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
    }
    return !found;
}

oa_status oa_weight_map_read(float *weights, const oa_weight_map *map, const oa_graph *graph, const size_t *tensor_of,
                             oa_error *error)
{
    for (size_t t = 0; t < map->tensor_count; t++) {
        size_t own = tensor_of ? tensor_of[t] : t;
        if (map->offset[t] == OA_NONE) {
            continue;
        }
        if (own == OA_NONE) {
            return oa_fail(error, OA_ERROR_INTERNAL, "a constant of the family has no counterpart");
        }
        const oa_tensor *tensor = &graph->tensors[own];
        float *to = weights + map->offset[t];
        oa_floats_to_f32(to, tensor->data, tensor->dtype, tensor->count);
        if (!all_finite(to, tensor->count)) {
            return oa_fail(error, OA_ERROR_INPUT, "tensor '%s' holds NaN or infinity", tensor->name);
        }
    }
    return OA_OK;
}

void oa_weight_map_point(const float **pointers, const oa_weight_map *map, const float *weights)
{
    for (size_t t = 0; t < map->tensor_count; t++) {
        pointers[t] = map->offset[t] == OA_NONE ? NULL : weights + map->offset[t];
    }
}

void oa_weight_map_view(oa_graph *view, oa_tensor *tensors, const oa_weight_map *map, const oa_graph *graph,
                        const float *weights)
{
    *view = *graph;
    memcpy(tensors, graph->tensors, graph->tensor_count * sizeof *tensors);
    for (size_t t = 0; t < map->tensor_count; t++) {
        if (map->offset[t] != OA_NONE) {
            tensors[t].dtype = OA_DTYPE_FLOAT;
            tensors[t].data = weights + map->offset[t];
        }
    }
    view->tensors = tensors;
}
