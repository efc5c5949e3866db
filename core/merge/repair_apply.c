#include "core/merge/repair_apply.h"

#include <math.h>
#include <string.h>

/* The constant's elements among the payloads, copied there when they are not yet. */
static void *own_elements(oa_payloads *payloads, const oa_graph *graph, size_t t, oa_error *error)
{
    const oa_tensor *tensor = &graph->tensors[t];
    if (!payloads->data[t]) {
        payloads->data[t] = oa_malloc(tensor->count, oa_dtype_size(tensor->dtype));
        if (payloads->data[t]) {
            memcpy(payloads->data[t], tensor->data, tensor->count * oa_dtype_size(tensor->dtype));
        } else {
            oa_fail(error, OA_ERROR_MEMORY, "out of memory while repairing '%s'", tensor->name);
        }
    }
    return payloads->data[t];
}

oa_status oa_repair_set_statistics(oa_payloads *payloads, const oa_graph *graph, const oa_repair_place *place,
                                   const oa_unit_change *change, oa_error *error)
{
    char *mean = own_elements(payloads, graph, place->mean, error);
    char *variance = mean ? own_elements(payloads, graph, place->variance, error) : NULL;
    if (!variance) {
        return OA_ERROR_MEMORY;
    }
    oa_dtype of_mean = graph->tensors[place->mean].dtype;
    oa_dtype of_variance = graph->tensors[place->variance].dtype;
    for (size_t u = 0; u < place->units; u++) {
        double square = change->spread[u] * change->spread[u];
        oa_floats_from_f64(mean + u * oa_dtype_size(of_mean), of_mean, &change->mean[u], 1);
        if (square > 0.0) {
            oa_floats_from_f64(variance + u * oa_dtype_size(of_variance), of_variance, &square, 1);
        }
    }
    return OA_OK;
}

/* x <- x * factor + shift, n elements that stand next to each other. False when one leaves the range of its type. */
static bool change_elements(char *elements, oa_dtype dtype, size_t n, double factor, double shift)
{
    size_t size = oa_dtype_size(dtype);
    bool is_finite = true;
    for (size_t i = 0; i < n; i++) {
        double x;
        oa_floats_to_f64(&x, elements + i * size, dtype, 1);
        x = x * factor + shift;
        oa_floats_from_f64(elements + i * size, dtype, &x, 1);
        oa_floats_to_f64(&x, elements + i * size, dtype, 1);
        is_finite = is_finite && isfinite(x);
    }
    return is_finite;
}

oa_status oa_repair_rescale(oa_payloads *payloads, const oa_graph *graph, const oa_repair_place *place,
                            const oa_unit_change *change, oa_error *error)
{
    const oa_tensor *tensor = &graph->tensors[place->weight];
    char *weight = own_elements(payloads, graph, place->weight, error);
    char *bias = weight && place->bias != OA_NONE ? own_elements(payloads, graph, place->bias, error) : NULL;
    if (!weight || (place->bias != OA_NONE && !bias)) {
        return OA_ERROR_MEMORY;
    }
    size_t size = oa_dtype_size(tensor->dtype);
    oa_dtype of_bias = bias ? graph->tensors[place->bias].dtype : OA_DTYPE_UNDEFINED;
    size_t outer = 1;
    size_t inner = 1;
    for (size_t k = 0; k < tensor->rank; k++) {
        outer *= k < place->weight_axis ? tensor->dims[k] : 1;
        inner *= k > place->weight_axis ? tensor->dims[k] : 1;
    }
    bool is_finite = true;
    for (size_t u = 0; u < place->units; u++) {
        bool can_scale = change->spread[u] > 0.0 && change->target_spread[u] > 0.0;
        double factor = can_scale ? change->target_spread[u] / change->spread[u] : 1.0;
        double shift = (change->target_mean[u] - factor * change->mean[u]) / place->bias_factor;
        for (size_t o = 0; o < outer && factor != 1.0; o++) {
            char *row = weight + (o * place->units + u) * inner * size;
            is_finite = change_elements(row, tensor->dtype, inner, factor, 0.0) && is_finite;
        }
        if (bias && (factor != 1.0 || shift != 0.0)) {
            char *element = bias + u * oa_dtype_size(of_bias);
            is_finite = change_elements(element, of_bias, 1, factor, shift) && is_finite;
        }
    }
    return is_finite ? OA_OK
                     : oa_fail(error, OA_ERROR_INPUT,
                               "'%s' or its bias leaves the range of %s when it is rescaled: go without --repair",
                               tensor->name, oa_dtype_name(tensor->dtype));
}
