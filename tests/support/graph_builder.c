#include "tests/support/graph_builder.h"

#include "tests/support/cmocka_all.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 64, LIST_MAX = 64 };

static void require(oa_status status, const oa_error *error)
{
    if (status != OA_OK) {
        fail_msg("building the graph failed: %s", error->message);
    }
}

static void *allocate(oa_arena *arena, size_t count, size_t size)
{
    void *memory = oa_arena_alloc(arena, count, size);
    assert_non_null(memory);
    return memory;
}

test_graph *test_graph_create(uint64_t seed)
{
    test_graph *g = oa_calloc(1, sizeof *g);
    assert_non_null(g);
    g->graph = oa_graph_create();
    assert_non_null(g->graph);
    g->float_type = OA_DTYPE_FLOAT;
    g->scale = 0.5;
    g->version = 17;
    oa_random_init(&g->random, seed);
    return g;
}

void test_graph_destroy(test_graph *g)
{
    if (g) {
        oa_graph_destroy(g->graph);
        oa_arena_free(&g->payloads);
        oa_free(g);
    }
}

static const char *made_up_name(test_graph *g, char text[static NAME_SIZE], const char *what)
{
    snprintf(text, NAME_SIZE, "%s_%zu", what, g->name_count++);
    return text;
}

size_t test_graph_input(test_graph *g, const char *name, oa_dtype dtype, size_t rank, const int64_t *dims)
{
    oa_error error = {0};
    oa_value declared = {.dtype = dtype, .has_shape = true, .rank = rank};
    char symbols[OA_MAX_RANK][NAME_SIZE];
    for (size_t i = 0; i < rank; i++) {
        declared.dims[i] = dims[i] < 0 ? -1 : dims[i];
        if (dims[i] == -1) {
            snprintf(symbols[i], NAME_SIZE, "%s%zu", name, i);
            declared.symbols[i] = symbols[i];
        } else if (dims[i] < 0) {
            snprintf(symbols[i], NAME_SIZE, "%" PRId64, -dims[i]);
            declared.symbols[i] = symbols[i];
        }
    }
    require(oa_graph_add_input(g->graph, name, &declared, &error), &error);
    return oa_names_find(&g->graph->value_names, name);
}

size_t test_graph_constant(test_graph *g, const char *name, oa_dtype dtype, size_t rank, const int64_t *dims,
                           const void *data)
{
    char text[NAME_SIZE];
    oa_error error = {0};
    oa_tensor tensor = {.name = name ? name : made_up_name(g, text, "constant"),
                        .dtype = dtype,
                        .rank = rank,
                        .count = 1,
                        .is_initializer = true};
    for (size_t i = 0; i < rank; i++) {
        tensor.dims[i] = (size_t)dims[i];
        tensor.count *= tensor.dims[i];
    }
    char *copy = allocate(&g->payloads, tensor.count, oa_dtype_size(dtype));
    if (tensor.count && oa_dtype_size(dtype)) {
        memcpy(copy, data, tensor.count * oa_dtype_size(dtype));
    }
    tensor.data = oa_dtype_size(dtype) ? copy : NULL;
    size_t index;
    require(oa_graph_add_tensor(&index, g->graph, &tensor, &error), &error);
    return g->graph->tensors[index].value;
}

static size_t add_floats(test_graph *g, const char *name, const double *values, size_t rank, const int64_t *dims)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        count *= (size_t)dims[i];
    }
    void *data = oa_calloc(count, oa_dtype_size(g->float_type));
    assert_non_null(data);
    oa_floats_from_f64(data, g->float_type, values, count);
    size_t value = test_graph_constant(g, name, g->float_type, rank, dims, data);
    oa_free(data);
    return value;
}

static double *numbers(const int64_t *dims, size_t rank, size_t *count)
{
    *count = 1;
    for (size_t i = 0; i < rank; i++) {
        *count *= (size_t)dims[i];
    }
    double *values = oa_calloc(*count, sizeof *values);
    assert_non_null(values);
    return values;
}

size_t test_graph_weight(test_graph *g, const char *name, size_t rank, const int64_t *dims)
{
    size_t count;
    double *values = numbers(dims, rank, &count);
    for (size_t i = 0; i < count; i++) {
        values[i] = g->scale * oa_random_normal(&g->random);
    }
    size_t value = add_floats(g, name, values, rank, dims);
    oa_free(values);
    return value;
}

size_t test_graph_uniform(test_graph *g, const char *name, double low, double high, size_t rank, const int64_t *dims)
{
    size_t count;
    double *values = numbers(dims, rank, &count);
    for (size_t i = 0; i < count; i++) {
        values[i] = low + (high - low) * oa_random_uniform(&g->random);
    }
    size_t value = add_floats(g, name, values, rank, dims);
    oa_free(values);
    return value;
}

size_t test_graph_ints(test_graph *g, const char *name, size_t count, const int64_t *values)
{
    return test_graph_constant(g, name, OA_DTYPE_INT64, 1, &(int64_t){(int64_t)count}, values);
}

size_t test_graph_scalar(test_graph *g, oa_dtype dtype, double value)
{
    int64_t integer = (int64_t)value;
    unsigned char truth = value != 0.0;
    char bytes[sizeof(double)];
    if (oa_dtype_is_float(dtype)) {
        oa_floats_from_f64(bytes, dtype, &value, 1);
    }
    const void *data = dtype == OA_DTYPE_INT64  ? (const void *)&integer
                       : dtype == OA_DTYPE_BOOL ? (const void *)&truth
                                                : (const void *)bytes;
    return test_graph_constant(g, NULL, dtype, 0, NULL, data);
}

/* One "name=value" of the attribute list, which `text` points at. */
static oa_attribute parse_attribute(test_graph *g, const char *text, size_t length)
{
    oa_arena *arena = &g->payloads;
    const char *equals = memchr(text, '=', length);
    assert_non_null(equals);
    oa_attribute attribute = {.name = oa_arena_strndup(arena, text, (size_t)(equals - text))};
    char *value = oa_arena_strndup(arena, equals + 1, length - (size_t)(equals + 1 - text));
    assert_true(attribute.name && value);
    if (*value == '[' && isalpha((unsigned char)value[1])) {
        oa_string_view *list = allocate(arena, LIST_MAX, sizeof *list);
        for (char *at = value + 1; *at && *at != ']';) {
            size_t size = strcspn(at, ",]");
            assert_true(attribute.count < LIST_MAX);
            list[attribute.count++] = (oa_string_view){at, size};
            at += size + (at[size] == ',');
        }
        attribute.kind = OA_ATTRIBUTE_STRINGS;
        attribute.strings = list;
    } else if (*value == '[') {
        int64_t *list = allocate(arena, LIST_MAX, sizeof *list);
        char *at = value + 1;
        while (*at != ']') {
            assert_true(attribute.count < LIST_MAX);
            list[attribute.count++] = strtoll(at, &at, 10);
            assert_true(*at == ',' || *at == ']');
            at += *at == ',';
        }
        attribute.kind = OA_ATTRIBUTE_INTS;
        attribute.ints = list;
    } else if (isalpha((unsigned char)*value)) {
        attribute.kind = OA_ATTRIBUTE_STRING;
        attribute.s = (oa_string_view){value, strlen(value)};
    } else if (strchr(value, '.')) {
        attribute.kind = OA_ATTRIBUTE_FLOAT;
        attribute.f = strtof(value, NULL);
    } else {
        attribute.kind = OA_ATTRIBUTE_INT;
        attribute.i = strtoll(value, NULL, 10);
    }
    return attribute;
}

static size_t parse_attributes(oa_attribute list[static TEST_ATTRIBUTES_MAX], test_graph *g, const char *text)
{
    size_t count = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (length) {
            assert_true(count < TEST_ATTRIBUTES_MAX);
            list[count++] = parse_attribute(g, text, length);
        }
        text += length + (text[length] == ' ');
    }
    return count;
}

static void add_node(size_t *outputs, size_t output_count, test_graph *g, const char *attributes, oa_node node)
{
    oa_attribute list[TEST_ATTRIBUTES_MAX];
    oa_error error = {0};
    char text[NAME_SIZE];
    node.attribute_count = parse_attributes(list, g, attributes);
    node.attributes = list;
    node.version = g->version;
    node.name = oa_arena_strdup(&g->payloads, made_up_name(g, text, node.op_type));
    assert_non_null(node.name);
    for (size_t i = 0; i < output_count; i++) {
        require(oa_graph_value(&outputs[i], g->graph, made_up_name(g, text, "value"), &error), &error);
    }
    node.outputs = outputs;
    node.output_count = output_count;
    require(oa_graph_add_node(g->graph, &node, &error), &error);
}

/* The lists of a node are only read, but the IR's type has no const. */
static size_t *copy_of(test_graph *g, const size_t *list, size_t count)
{
    size_t *copy = allocate(&g->payloads, count, sizeof *copy);
    if (count) {
        memcpy(copy, list, count * sizeof *copy);
    }
    return copy;
}

void test_graph_nodes(size_t *outputs, size_t output_count, test_graph *g, const char *op_type, const char *attributes,
                      const size_t *inputs, size_t count)
{
    assert_true(output_count <= TEST_OUTPUTS_MAX);
    add_node(outputs, output_count, g, attributes,
             (oa_node){.op_type = op_type, .inputs = copy_of(g, inputs, count), .input_count = count});
}

size_t test_graph_node(test_graph *g, const char *op_type, const char *attributes, const size_t *inputs, size_t count)
{
    size_t output;
    test_graph_nodes(&output, 1, g, op_type, attributes, inputs, count);
    return output;
}

size_t test_graph_foreign(test_graph *g, const char *domain, const char *op_type, const size_t *inputs, size_t count,
                          const size_t *captures, size_t capture_count)
{
    size_t output;
    add_node(&output, 1, g, "",
             (oa_node){.op_type = op_type,
                       .domain = domain,
                       .inputs = copy_of(g, inputs, count),
                       .input_count = count,
                       .captures = copy_of(g, captures, capture_count),
                       .capture_count = capture_count});
    return output;
}

void test_graph_output(test_graph *g, size_t value)
{
    oa_error error = {0};
    require(oa_graph_add_output(g->graph, g->graph->values[value].name, NULL, &error), &error);
}

const oa_graph *test_graph_finish(test_graph *g)
{
    oa_error error = {0};
    require(oa_graph_finish(g->graph, &error), &error);
    return g->graph;
}

size_t test_graph_tensor(const oa_graph *graph, const char *name)
{
    size_t value = oa_names_find(&graph->value_names, name);
    if (value == OA_NONE || graph->values[value].tensor == OA_NONE) {
        fail_msg("there is no tensor '%s'", name);
    }
    return graph->values[value].tensor;
}
