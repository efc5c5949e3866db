#include "core/merge/statistics.h"

#include <math.h>
#include <string.h>

static const double CORRELATION_EXPONENT = 0.7; /* statistics.h says why */

/* One BatchNormalization with the layer that feeds it. */
typedef struct fed_layer {
    size_t variance; /* constants of a */
    size_t weight;
    size_t axis; /* of the weight: its output channels */
} fed_layer;

/* A constant of one of the models: 0 is a itself. */
typedef struct view {
    const void *data;
    oa_dtype dtype;
} view;

static bool view_of(view *result, const oa_graph *a, const oa_merge_part *parts, size_t model, size_t t)
{
    const oa_merge_part *part = model ? &parts[model - 1] : NULL;
    const oa_graph *graph = part ? part->graph : a;
    size_t own = part && part->tensor_of ? part->tensor_of[t] : t;
    if (own == OA_NONE) {
        return false;
    }
    *result = (view){.data = oa_payload(part ? part->payloads : NULL, graph, own), .dtype = graph->tensors[own].dtype};
    return true;
}

static bool find_layer(fed_layer *layer, const oa_graph *graph, const oa_node *node)
{
    size_t input = oa_node_input(node, 0);
    const oa_tensor *variance = oa_node_constant(graph, node, 4);
    const oa_node *source = input == OA_NONE ? NULL : oa_value_node(graph, input);
    if (!oa_node_is(node, "BatchNormalization") || !variance || !source) {
        return false;
    }
    const oa_tensor *weight = oa_node_constant(graph, source, 1);
    if (!weight || weight->rank < 2 || !weight->data || !oa_dtype_is_float(weight->dtype)) {
        return false;
    }
    if (oa_node_is(source, "Conv")) {
        layer->axis = 0;
    } else if (oa_node_is(source, "Gemm") && oa_node_int(source, "transA", 0) == 0) {
        layer->axis = oa_node_int(source, "transB", 0) ? 0 : 1;
    } else if (oa_node_is(source, "MatMul") && weight->rank == 2) {
        layer->axis = 1;
    } else {
        return false;
    }
    layer->variance = graph->values[variance->value].tensor;
    layer->weight = graph->values[weight->value].tensor;
    return weight->dims[layer->axis] == variance->count;
}

/* 2 (1 - estimated correlation) for each channel of two views of the weight: exactly 0 where they are equal. */
static void add_gaps(double *gaps, const oa_tensor *weight, size_t axis, view x, view y, double *scratch)
{
    size_t channels = weight->dims[axis];
    size_t inner = 1;
    for (size_t k = axis + 1; k < weight->rank; k++) {
        inner *= weight->dims[k];
    }
    double *xy = scratch;
    double *xx = scratch + channels;
    double *yy = scratch + 2 * channels;
    double *difference = scratch + 3 * channels;
    memset(scratch, 0, 4 * channels * sizeof *scratch);
    for (size_t i = 0; i < weight->count; i++) {
        size_t channel = i / inner % channels;
        double a;
        double b;
        oa_floats_to_f64(&a, (const char *)x.data + i * oa_dtype_size(x.dtype), x.dtype, 1);
        oa_floats_to_f64(&b, (const char *)y.data + i * oa_dtype_size(y.dtype), y.dtype, 1);
        xy[channel] += a * b;
        xx[channel] += a * a;
        yy[channel] += b * b;
        difference[channel] += (a - b) * (a - b);
    }
    for (size_t c = 0; c < channels; c++) {
        double norm = sqrt(xx[c] * yy[c]);
        double cosine = norm > 0.0 ? xy[c] / norm : 1.0;
        /* Opposite signals would leave no variance at all; without data that is not to be believed. */
        cosine = cosine < 0.0 ? 0.0 : cosine;
        gaps[c] = difference[c] > 0.0 && cosine < 1.0 ? 2.0 * (1.0 - pow(cosine, CORRELATION_EXPONENT)) : 0.0;
    }
}

static double weight_of(const oa_merge_part *parts, size_t count, size_t model)
{
    if (model) {
        return parts[model - 1].weight;
    }
    double rest = 1.0;
    for (size_t i = 0; i < count; i++) {
        rest -= parts[i].weight;
    }
    return rest;
}

static oa_status correct_layer(double *correction, const fed_layer *layer, const oa_graph *a,
                               const oa_merge_part *parts, size_t count, oa_error *error)
{
    const oa_tensor *weight = &a->tensors[layer->weight];
    size_t channels = weight->dims[layer->axis];
    double *scratch = oa_calloc(channels, 5 * sizeof *scratch);
    if (!scratch) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging '%s'", weight->name);
    }
    double *gaps = scratch + 4 * channels;
    for (size_t i = 0; i <= count; i++) {
        for (size_t j = i + 1; j <= count; j++) {
            view x, y, variance_x, variance_y;
            double share = weight_of(parts, count, i) * weight_of(parts, count, j);
            if (!view_of(&x, a, parts, i, layer->weight) || !view_of(&y, a, parts, j, layer->weight) ||
                !view_of(&variance_x, a, parts, i, layer->variance) ||
                !view_of(&variance_y, a, parts, j, layer->variance)) {
                continue;
            }
            add_gaps(gaps, weight, layer->axis, x, y, scratch);
            for (size_t c = 0; c < channels; c++) {
                double v;
                double w;
                oa_floats_to_f64(&v, (const char *)variance_x.data + c * oa_dtype_size(variance_x.dtype),
                                 variance_x.dtype, 1);
                oa_floats_to_f64(&w, (const char *)variance_y.data + c * oa_dtype_size(variance_y.dtype),
                                 variance_y.dtype, 1);
                double root_v = sqrt(fmax(v, 0.0));
                double root_w = sqrt(fmax(w, 0.0));
                correction[c] += share * ((root_v - root_w) * (root_v - root_w) + gaps[c] * root_v * root_w);
            }
        }
    }
    oa_free(scratch);
    return OA_OK;
}

oa_status oa_corrections_init(oa_corrections *corrections, const oa_graph *a, const oa_merge_part *parts, size_t count,
                              oa_error *error)
{
    oa_corrections made = {.of = oa_calloc(a->tensor_count, sizeof *made.of), .count = a->tensor_count};
    oa_status status = made.of ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging");
    for (size_t i = 0; i < a->step_count && status == OA_OK; i++) {
        fed_layer layer;
        if (!find_layer(&layer, a, a->steps[i]) || made.of[layer.variance]) {
            continue; /* a variance that several layers share keeps its first layer's correction */
        }
        made.of[layer.variance] = oa_calloc(a->tensors[layer.variance].count, sizeof **made.of);
        status = made.of[layer.variance] ? correct_layer(made.of[layer.variance], &layer, a, parts, count, error)
                                         : oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging");
    }
    if (status != OA_OK) {
        oa_corrections_free(&made);
        return status;
    }
    *corrections = made;
    return OA_OK;
}

void oa_corrections_free(oa_corrections *corrections)
{
    for (size_t i = 0; i < corrections->count && corrections->of; i++) {
        oa_free(corrections->of[i]);
    }
    oa_free(corrections->of);
    *corrections = (oa_corrections){0};
}
