#include "models/tools/layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INPUTS_MAX = 5 };

oa_spread oa_spread_default(size_t fan_in)
{
    double bound = 1.0 / sqrt((double)fan_in);
    return (oa_spread){.weight = bound, .bias = bound};
}

void oa_layers_free(oa_layers *layers)
{
    oa_free(layers->numbers);
    *layers = (oa_layers){0};
}

void oa_layers_node(oa_layers *layers, const char *op_type, const char *const *more, size_t more_count,
                    const oa_attribute *attributes, size_t attribute_count)
{
    char result[OA_LAYER_NAME_SIZE];
    const char *inputs[INPUTS_MAX] = {layers->current};
    const char *outputs[1] = {result};
    for (size_t i = 0; i < more_count; i++) {
        inputs[i + 1] = more[i];
    }
    if (layers->output) {
        snprintf(result, sizeof result, "%s", layers->output);
    } else {
        snprintf(result, sizeof result, "value%zu", layers->value_count++);
    }
    oa_builder_add_node(layers->builder, &(oa_builder_node){.op_type = op_type,
                                                            .name = result,
                                                            .inputs = inputs,
                                                            .input_count = more_count + 1,
                                                            .outputs = outputs,
                                                            .output_count = 1,
                                                            .attributes = attributes,
                                                            .attribute_count = attribute_count});
    memcpy(layers->current, result, sizeof result);
    layers->output = NULL;
}

void oa_layers_weights(char name[OA_LAYER_NAME_SIZE], oa_layers *layers, const char *kind, const char *part,
                       const size_t *dims, size_t rank, double center, double spread)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        count *= dims[i]; /* sizes are limited when architectures are read: this fits */
    }
    snprintf(name, OA_LAYER_NAME_SIZE, "%s%zu.%s", kind, layers->weight_count, part);
    if (!oa_grow(&layers->numbers, &layers->number_capacity, count, sizeof *layers->numbers)) {
        layers->status = OA_ERROR_MEMORY;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        layers->numbers[i] =
            (float)(spread > 0.0 ? center + spread * (2.0 * oa_random_uniform(layers->random) - 1.0) : center);
    }
    oa_builder_add_tensor(layers->builder, name, OA_DTYPE_FLOAT, dims, rank, layers->numbers);
}

void oa_layers_dense(oa_layers *layers, size_t units, oa_spread spread)
{
    char weight[OA_LAYER_NAME_SIZE];
    char bias[OA_LAYER_NAME_SIZE];
    const size_t dims[] = {units, layers->channels};
    const oa_attribute attributes[] = {{.name = "transB", .kind = OA_ATTRIBUTE_INT, .i = 1}};
    oa_layers_weights(weight, layers, "dense", "weight", dims, 2, 0.0, spread.weight);
    oa_layers_weights(bias, layers, "dense", "bias", dims, 1, 0.0, spread.bias);
    layers->weight_count++;
    oa_layers_node(layers, "Gemm", (const char *[]){weight, bias}, 2, attributes, 1);
    layers->channels = units;
}

void oa_layers_conv(oa_layers *layers, size_t channels, size_t window, size_t stride, bool has_bias)
{
    char weight[OA_LAYER_NAME_SIZE];
    char bias[OA_LAYER_NAME_SIZE];
    const size_t dims[] = {channels, layers->channels, window, window};
    int64_t margin = (int64_t)(window / 2);
    const int64_t windows[] = {(int64_t)window, (int64_t)window};
    const int64_t pads[] = {margin, margin, margin, margin};
    const int64_t strides[] = {(int64_t)stride, (int64_t)stride};
    const oa_attribute attributes[] = {
        {.name = "kernel_shape", .kind = OA_ATTRIBUTE_INTS, .count = 2, .ints = windows},
        {.name = "pads", .kind = OA_ATTRIBUTE_INTS, .count = 4, .ints = pads},
        {.name = "strides", .kind = OA_ATTRIBUTE_INTS, .count = 2, .ints = strides},
    };
    double bound = oa_spread_default(layers->channels * window * window).weight;
    oa_layers_weights(weight, layers, "conv", "weight", dims, 4, 0.0, bound);
    if (has_bias) {
        oa_layers_weights(bias, layers, "conv", "bias", dims, 1, 0.0, bound);
    }
    layers->weight_count++;
    oa_layers_node(layers, "Conv", (const char *[]){weight, bias}, has_bias ? 2 : 1, attributes, 3);
    layers->channels = channels;
    layers->side = (layers->side + stride - 1) / stride;
}

void oa_layers_norm(oa_layers *layers)
{
    char names[4][OA_LAYER_NAME_SIZE];
    static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
    static const double starts[4] = {1.0, 0.0, 0.0, 1.0};
    for (size_t i = 0; i < 4; i++) {
        oa_layers_weights(names[i], layers, "norm", parts[i], &layers->channels, 1, starts[i], 0.0);
    }
    layers->weight_count++;
    oa_layers_node(layers, "BatchNormalization", (const char *[]){names[0], names[1], names[2], names[3]}, 4, NULL, 0);
}

/* x / 2 * (1 + erf(x / sqrt 2)), in the operators that exporters write for it. */
static void add_gelu(oa_layers *layers)
{
    static const float numbers[3] = {1.41421356f, 1.0f, 0.5f};
    char names[3][OA_LAYER_NAME_SIZE];
    char x[OA_LAYER_NAME_SIZE];
    memcpy(x, layers->current, sizeof x);
    for (size_t i = 0; i < 3; i++) {
        snprintf(names[i], sizeof names[i], "gelu%zu.%zu", layers->value_count, i);
        oa_builder_add_tensor(layers->builder, names[i], OA_DTYPE_FLOAT, NULL, 0, &numbers[i]);
    }
    oa_layers_node(layers, "Div", (const char *[]){names[0]}, 1, NULL, 0);
    oa_layers_node(layers, "Erf", NULL, 0, NULL, 0);
    oa_layers_node(layers, "Add", (const char *[]){names[1]}, 1, NULL, 0);
    oa_layers_node(layers, "Mul", (const char *[]){x}, 1, NULL, 0);
    oa_layers_node(layers, "Mul", (const char *[]){names[2]}, 1, NULL, 0);
}

void oa_layers_activation(oa_layers *layers, oa_net_activation activation)
{
    switch (activation) {
    case OA_NET_RELU:
        oa_layers_node(layers, "Relu", NULL, 0, NULL, 0);
        break;
    case OA_NET_GELU:
        add_gelu(layers);
        break;
    case OA_NET_TANH:
        oa_layers_node(layers, "Tanh", NULL, 0, NULL, 0);
        break;
    case OA_NET_SIN:
        oa_layers_node(layers, "Sin", NULL, 0, NULL, 0);
        break;
    }
}

void oa_layers_max_pool(oa_layers *layers)
{
    static const int64_t two[] = {2, 2};
    const oa_attribute attributes[] = {
        {.name = "kernel_shape", .kind = OA_ATTRIBUTE_INTS, .count = 2, .ints = two},
        {.name = "strides", .kind = OA_ATTRIBUTE_INTS, .count = 2, .ints = two},
    };
    oa_layers_node(layers, "MaxPool", NULL, 0, attributes, 2);
    layers->side /= 2;
}

void oa_layers_flatten(oa_layers *layers)
{
    oa_layers_node(layers, "Flatten", NULL, 0, NULL, 0);
    layers->channels *= layers->side * layers->side;
    layers->side = 0;
}

void oa_layers_mean_pool(oa_layers *layers)
{
    oa_layers_node(layers, "GlobalAveragePool", NULL, 0, NULL, 0);
    layers->side = 1;
    oa_layers_flatten(layers);
}

void oa_layers_add(oa_layers *layers, const char *other)
{
    oa_layers_node(layers, "Add", &other, 1, NULL, 0);
}
