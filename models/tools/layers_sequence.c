/* Layers of transformers and recurrent networks. */
#include "models/tools/layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RANK_MAX = 4, GATES = 4 };

static oa_attribute ints_attribute(const char *name, const int64_t *ints, size_t count)
{
    return (oa_attribute){.name = name, .kind = OA_ATTRIBUTE_INTS, .count = count, .ints = ints};
}

static void transpose(oa_layers *layers, const int64_t *order, size_t rank)
{
    oa_layers_node(layers, "Transpose", NULL, 0, (const oa_attribute[]){ints_attribute("perm", order, rank)}, 1);
}

static void reshape(oa_layers *layers, const int64_t *shape, size_t rank)
{
    char name[OA_LAYER_NAME_SIZE];
    snprintf(name, sizeof name, "shape%zu", layers->value_count);
    oa_builder_add_tensor(layers->builder, name, OA_DTYPE_INT64, &rank, 1, shape);
    oa_layers_node(layers, "Reshape", (const char *[]){name}, 1, NULL, 0);
}

void oa_layers_patches(oa_layers *layers, size_t units, size_t window)
{
    char weight[OA_LAYER_NAME_SIZE], bias[OA_LAYER_NAME_SIZE], positions[OA_LAYER_NAME_SIZE];
    const size_t dims[] = {units, layers->channels, window, window};
    const int64_t windows[] = {(int64_t)window, (int64_t)window};
    const oa_attribute attributes[] = {ints_attribute("kernel_shape", windows, 2),
                                       ints_attribute("strides", windows, 2)};
    double bound = oa_spread_default(layers->channels * window * window).weight;
    size_t steps = (layers->side / window) * (layers->side / window);
    oa_layers_weights(weight, layers, "patch", "weight", dims, 4, 0.0, bound);
    oa_layers_weights(bias, layers, "patch", "bias", dims, 1, 0.0, bound);
    oa_layers_weights(positions, layers, "patch", "positions", (const size_t[]){steps, units}, 2, 0.0, 0.1);
    layers->weight_count++;
    oa_layers_node(layers, "Conv", (const char *[]){weight, bias}, 2, attributes, 2);
    reshape(layers, (const int64_t[]){0, 0, -1}, 3);
    transpose(layers, (const int64_t[]){0, 2, 1}, 3);
    oa_layers_add(layers, positions);
    layers->channels = units;
    layers->side = 0;
}

void oa_layers_rows(oa_layers *layers)
{
    reshape(layers, (const int64_t[]){0, (int64_t)layers->side, (int64_t)layers->side}, 3);
    transpose(layers, (const int64_t[]){1, 0, 2}, 3);
    layers->channels = layers->side;
    layers->side = 0;
}

void oa_layers_project(oa_layers *layers, size_t units)
{
    char weight[OA_LAYER_NAME_SIZE], bias[OA_LAYER_NAME_SIZE];
    oa_spread spread = oa_spread_default(layers->channels);
    oa_layers_weights(weight, layers, "project", "weight", (const size_t[]){layers->channels, units}, 2, 0.0,
                      spread.weight);
    oa_layers_weights(bias, layers, "project", "bias", &units, 1, 0.0, spread.bias);
    layers->weight_count++;
    oa_layers_node(layers, "MatMul", (const char *[]){weight}, 1, NULL, 0);
    oa_layers_add(layers, bias);
    layers->channels = units;
}

void oa_layers_layer_norm(oa_layers *layers)
{
    char scale[OA_LAYER_NAME_SIZE], bias[OA_LAYER_NAME_SIZE];
    oa_layers_weights(scale, layers, "norm", "weight", &layers->channels, 1, 1.0, 0.0);
    oa_layers_weights(bias, layers, "norm", "bias", &layers->channels, 1, 0.0, 0.0);
    layers->weight_count++;
    oa_layers_node(layers, "LayerNormalization", (const char *[]){scale, bias}, 2, NULL, 0);
}

/* A projection of `from`, cut into heads and transposed; `name` receives what it is called. */
static void project_heads(char *name, oa_layers *layers, const char *from, size_t heads, const int64_t *order)
{
    memcpy(layers->current, from, OA_LAYER_NAME_SIZE);
    oa_layers_project(layers, layers->channels);
    reshape(layers, (const int64_t[]){0, 0, (int64_t)heads, (int64_t)(layers->channels / heads)}, 4);
    transpose(layers, order, 4);
    memcpy(name, layers->current, OA_LAYER_NAME_SIZE);
}

void oa_layers_attention(oa_layers *layers, size_t heads)
{
    static const int64_t heads_first[] = {0, 2, 1, 3}, keys_last[] = {0, 2, 3, 1};
    char from[OA_LAYER_NAME_SIZE], q[OA_LAYER_NAME_SIZE], k[OA_LAYER_NAME_SIZE], v[OA_LAYER_NAME_SIZE];
    char scale[OA_LAYER_NAME_SIZE];
    const float factor = (float)(1.0 / sqrt((double)layers->channels / (double)heads));
    memcpy(from, layers->current, sizeof from);
    project_heads(q, layers, from, heads, heads_first);
    project_heads(k, layers, from, heads, keys_last);
    project_heads(v, layers, from, heads, heads_first);
    snprintf(scale, sizeof scale, "scale%zu", layers->value_count);
    oa_builder_add_tensor(layers->builder, scale, OA_DTYPE_FLOAT, NULL, 0, &factor);
    memcpy(layers->current, q, sizeof q);
    oa_layers_node(layers, "Mul", (const char *[]){scale}, 1, NULL, 0);
    oa_layers_node(layers, "MatMul", (const char *[]){k}, 1, NULL, 0);
    const oa_attribute last = {.name = "axis", .kind = OA_ATTRIBUTE_INT, .i = -1};
    oa_layers_node(layers, "Softmax", NULL, 0, &last, 1);
    oa_layers_node(layers, "MatMul", (const char *[]){v}, 1, NULL, 0);
    transpose(layers, heads_first, 4);
    reshape(layers, (const int64_t[]){0, 0, (int64_t)layers->channels}, 3);
    oa_layers_project(layers, layers->channels);
}

void oa_layers_mean_step(oa_layers *layers)
{
    const int64_t axis = 1;
    const oa_attribute attributes[] = {ints_attribute("axes", &axis, 1),
                                       {.name = "keepdims", .kind = OA_ATTRIBUTE_INT, .i = 0}};
    oa_layers_node(layers, "ReduceMean", NULL, 0, attributes, 2);
}

void oa_layers_lstm(oa_layers *layers, size_t units, bool last_only)
{
    char w[OA_LAYER_NAME_SIZE], r[OA_LAYER_NAME_SIZE], b[OA_LAYER_NAME_SIZE], all[OA_LAYER_NAME_SIZE];
    char last[OA_LAYER_NAME_SIZE];
    const size_t gates = GATES * units;
    const int64_t axis = last_only ? 0 : 1;
    double bound = oa_spread_default(units).weight;
    oa_layers_weights(w, layers, "lstm", "weight", (const size_t[]){1, gates, layers->channels}, 3, 0.0, bound);
    oa_layers_weights(r, layers, "lstm", "recurrent", (const size_t[]){1, gates, units}, 3, 0.0, bound);
    oa_layers_weights(b, layers, "lstm", "bias", (const size_t[]){1, 2 * gates}, 2, 0.0, bound);
    layers->weight_count++;
    snprintf(all, sizeof all, "value%zu", layers->value_count++);
    snprintf(last, sizeof last, "value%zu", layers->value_count++);
    const oa_attribute size = {.name = "hidden_size", .kind = OA_ATTRIBUTE_INT, .i = (int64_t)units};
    oa_builder_add_node(layers->builder,
                        &(oa_builder_node){.op_type = "LSTM",
                                           .name = all,
                                           .inputs = (const char *[]){layers->current, w, r, b},
                                           .input_count = 4,
                                           .outputs = (const char *[]){last_only ? "" : all, last_only ? last : ""},
                                           .output_count = last_only ? 2 : 1,
                                           .attributes = &size,
                                           .attribute_count = 1});
    memcpy(layers->current, last_only ? last : all, sizeof layers->current);
    char axes[OA_LAYER_NAME_SIZE];
    const size_t one = 1;
    snprintf(axes, sizeof axes, "axes%zu", layers->value_count);
    oa_builder_add_tensor(layers->builder, axes, OA_DTYPE_INT64, &one, 1, &axis);
    oa_layers_node(layers, "Squeeze", (const char *[]){axes}, 1, NULL, 0);
    layers->channels = units;
}
