#include "tests/exec/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

oa_attribute attribute_int(const char *name, int64_t value)
{
    return (oa_attribute){.name = name, .kind = OA_ATTRIBUTE_INT, .i = value};
}

oa_attribute attribute_float(const char *name, float value)
{
    return (oa_attribute){.name = name, .kind = OA_ATTRIBUTE_FLOAT, .f = value};
}

oa_attribute attribute_ints(const char *name, const int64_t *values, size_t count)
{
    return (oa_attribute){.name = name, .kind = OA_ATTRIBUTE_INTS, .ints = values, .count = count};
}

oa_attribute attribute_string(const char *name, const char *text)
{
    return (oa_attribute){.name = name, .kind = OA_ATTRIBUTE_STRING, .s = {.data = text, .size = strlen(text)}};
}

oa_attribute attribute_tensor(const char *name, const oa_tensor *tensor)
{
    return (oa_attribute){.name = name, .kind = OA_ATTRIBUTE_TENSOR, .tensor = tensor};
}

void add_attribute(op *node, oa_attribute attribute)
{
    assert_true(node->attribute_count < MOST_SLOTS);
    node->attributes[node->attribute_count++] = attribute;
}

/* The values i0, i1, ... or o0, o1, ... of the graph. */
static oa_status declare_values(size_t *values, oa_graph *graph, char prefix, const oa_array *const *arrays,
                                size_t count, oa_error *error)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%c%zu", prefix, i);
        if (prefix == 'i' && !arrays[i]) {
            values[i] = OA_NONE;
            continue;
        }
        oa_value declared = {.dtype = prefix == 'i' ? arrays[i]->dtype : OA_DTYPE_UNDEFINED};
        oa_status status = prefix == 'i' ? oa_graph_add_input(graph, name, &declared, error)
                                         : oa_graph_add_output(graph, name, &declared, error);
        if (status == OA_OK) {
            status = oa_graph_value(&values[i], graph, name, error);
        }
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

oa_status run_op(oa_array *outputs, const op *node, const oa_array *const *inputs, size_t input_count, oa_error *error)
{
    size_t in[MOST_SLOTS], out[MOST_SLOTS], given = 0;
    size_t output_count = node->output_count ? node->output_count : 1;
    oa_array passed[MOST_SLOTS];
    oa_executor *executor = NULL;
    oa_graph *graph = oa_graph_create();
    if (!graph) {
        return oa_fail(error, OA_ERROR_MEMORY, "no graph");
    }
    oa_status status = declare_values(in, graph, 'i', inputs, input_count, error);
    if (status == OA_OK) {
        status = declare_values(out, graph, 'o', NULL, output_count, error);
    }
    for (size_t i = 0; i < input_count; i++) {
        if (inputs[i]) {
            passed[given++] = *inputs[i];
        }
    }
    oa_attribute attributes[MOST_SLOTS];
    memcpy(attributes, node->attributes, sizeof attributes);
    const oa_node added = {.name = "the node",
                           .op_type = node->type,
                           .domain = "",
                           .version = node->version,
                           .inputs = in,
                           .input_count = input_count,
                           .outputs = out,
                           .output_count = output_count,
                           .attributes = attributes,
                           .attribute_count = node->attribute_count};
    if (status == OA_OK) {
        status = oa_graph_add_node(graph, &added, error);
    }
    if (status == OA_OK) {
        status = oa_graph_finish(graph, error);
    }
    if (status == OA_OK) {
        status = oa_executor_create(&executor, graph, error);
    }
    if (status == OA_OK) {
        status = oa_executor_run(outputs, executor, passed, NULL, error);
    }
    oa_executor_destroy(executor);
    oa_graph_destroy(graph);
    return status;
}

oa_array run_one(const op *node, const oa_array *const *inputs, size_t input_count)
{
    oa_array output = {0};
    oa_error error = {0};
    if (run_op(&output, node, inputs, input_count, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    return output;
}

void expect_failure(const op *node, const oa_array *const *inputs, size_t input_count, oa_status status)
{
    oa_array outputs[MOST_SLOTS] = {{0}};
    oa_error error = {0};
    oa_status actual = run_op(outputs, node, inputs, input_count, &error);
    if (actual != status || error.status != status || !strstr(error.message, node->type)) {
        fail_msg("%s: status %d and should be %d; message: %s", node->type, (int)actual, (int)status, error.message);
    }
    assert_null(outputs[0].data);
}

oa_array make_array(oa_dtype dtype, const size_t *dims, size_t rank)
{
    oa_array array = {0};
    assert_int_equal(oa_array_init(&array, dtype, dims, rank, NULL), OA_OK);
    return array;
}

oa_array random_floats(oa_random *random, const size_t *dims, size_t rank)
{
    oa_array array = make_array(OA_DTYPE_FLOAT, dims, rank);
    for (size_t i = 0; i < array.count; i++) {
        ((float *)array.data)[i] = (float)oa_random_normal(random);
    }
    return array;
}

oa_array random_integers(oa_random *random, oa_dtype dtype, const size_t *dims, size_t rank)
{
    oa_array array = make_array(dtype, dims, rank);
    size_t size = oa_dtype_size(dtype);
    for (size_t i = 0; i < array.count; i++) {
        uint64_t bits = oa_random_next(random);
        bits = dtype == OA_DTYPE_BOOL ? bits & 1 : bits;
        memcpy((unsigned char *)array.data + i * size, &bits, size); /* the low bytes */
    }
    return array;
}

oa_array int64_list(const int64_t *values, size_t count)
{
    oa_array array = make_array(OA_DTYPE_INT64, &count, 1);
    for (size_t i = 0; i < count; i++) {
        ((int64_t *)array.data)[i] = values[i];
    }
    return array;
}

oa_array float_list(const float *values, size_t count)
{
    oa_array array = make_array(OA_DTYPE_FLOAT, &count, 1);
    for (size_t i = 0; i < count; i++) {
        ((float *)array.data)[i] = values[i];
    }
    return array;
}

oa_array scalar_float(float value)
{
    oa_array array = make_array(OA_DTYPE_FLOAT, NULL, 0);
    *(float *)array.data = value;
    return array;
}

void free_arrays(oa_array *arrays, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        oa_array_free(&arrays[i]);
    }
}

oa_array floats_as(const oa_array *array, oa_dtype dtype)
{
    oa_array copy = make_array(dtype, array->dims, array->rank);
    for (size_t i = 0; i < array->count; i++) {
        double value = number_at(array, i);
        oa_floats_from_f64((unsigned char *)copy.data + i * oa_dtype_size(dtype), dtype, &value, 1);
    }
    return copy;
}

double number_at(const oa_array *array, size_t i)
{
    switch (array->dtype) {
    case OA_DTYPE_FLOAT:
        return (double)((const float *)array->data)[i];
    case OA_DTYPE_DOUBLE:
        return ((const double *)array->data)[i];
    case OA_DTYPE_FLOAT16:
        return (double)oa_half_to_float(((const uint16_t *)array->data)[i]);
    case OA_DTYPE_BFLOAT16:
        return (double)oa_bfloat_to_float(((const uint16_t *)array->data)[i]);
    case OA_DTYPE_INT8:
        return (double)((const int8_t *)array->data)[i];
    case OA_DTYPE_INT16:
        return (double)((const int16_t *)array->data)[i];
    case OA_DTYPE_INT32:
        return (double)((const int32_t *)array->data)[i];
    case OA_DTYPE_INT64:
        return (double)((const int64_t *)array->data)[i];
    case OA_DTYPE_UINT16:
        return (double)((const uint16_t *)array->data)[i];
    case OA_DTYPE_UINT32:
        return (double)((const uint32_t *)array->data)[i];
    case OA_DTYPE_UINT64:
        return (double)((const uint64_t *)array->data)[i];
    default: /* uint8 and bool */
        return (double)((const uint8_t *)array->data)[i];
    }
}

void assert_agree(const oa_array *actual, const oa_array *expected, double relative, double absolute, const char *what,
                  uint64_t seed)
{
    char message[512];
    const closeness limits = {.relative = relative, .absolute = absolute};
    if (!arrays_agree(message, sizeof message, actual, expected, &limits)) {
        fail_msg("%s, seed %llu: %s", what, (unsigned long long)seed, message);
    }
}

void assert_seeded(bool is_true, const char *what, uint64_t seed)
{
    if (!is_true) {
        fail_msg("%s, seed %llu", what, (unsigned long long)seed);
    }
}

size_t random_between(oa_random *random, size_t low, size_t high)
{
    return low + oa_random_below(random, high - low + 1);
}

void unravel(size_t *position, size_t i, const size_t *dims, size_t rank)
{
    for (size_t d = rank; d-- > 0;) {
        position[d] = i % dims[d];
        i /= dims[d];
    }
}

size_t ravel_broadcast(const size_t *position, size_t position_rank, const size_t *dims, size_t rank)
{
    size_t at = 0;
    for (size_t d = 0; d < rank; d++) {
        at = at * dims[d] + (dims[d] == 1 ? 0 : position[position_rank - rank + d]);
    }
    return at;
}
