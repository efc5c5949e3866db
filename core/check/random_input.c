#include "core/check/random_input.h"

#include <string.h>

/* Operators that pass indices on as they are. */
static bool passes_on(const oa_node *node)
{
    static const char *const names[] = {"Cast",    "Flatten", "Identity",  "Reshape",
                                        "Squeeze", "Slice",   "Transpose", "Unsqueeze"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (oa_node_is(node, names[i])) {
            return true;
        }
    }
    return false;
}

/* How many entries the table of a Gather has; OA_NONE when that is not known. */
static size_t table_size(const oa_graph *graph, const oa_node *node)
{
    size_t axis;
    const oa_tensor *table = oa_node_constant(graph, node, 0);
    /* A table of 8-bit integers is behind DequantizeLinear, a shared one may be behind Identity. */
    for (const oa_node *maker = node; !table && maker;) {
        size_t value = oa_node_input(maker, 0);
        maker = value == OA_NONE ? NULL : oa_value_node(graph, value);
        if (maker && !oa_node_is(maker, "DequantizeLinear") && !oa_node_is(maker, "Identity") &&
            !oa_node_is(maker, "Cast")) {
            return OA_NONE;
        }
        table = maker ? oa_node_constant(graph, maker, 0) : NULL;
    }
    bool is_known = table && oa_axis_normalise(&axis, oa_node_int(node, "axis", 0), table->rank);
    return is_known ? table->dims[axis] : OA_NONE;
}

/* `carries` [value_count] is room for flags: the value holds what the input holds. */
static size_t limit_of(const oa_graph *graph, size_t input, bool *carries)
{
    size_t limit = OA_NONE;
    memset(carries, 0, graph->value_count * sizeof *carries);
    carries[input] = true;
    for (size_t i = 0; i < graph->step_count; i++) {
        const oa_node *node = graph->steps[i];
        size_t first = oa_node_input(node, 0), second = oa_node_input(node, 1);
        if (passes_on(node) && first != OA_NONE && carries[first] && node->output_count &&
            node->outputs[0] != OA_NONE) {
            carries[node->outputs[0]] = true;
        }
        if (oa_node_is(node, "Gather") && second != OA_NONE && carries[second]) {
            size_t size = table_size(graph, node);
            limit = size < limit ? size : limit;
        }
    }
    return limit == OA_NONE || limit == 0 ? 2 : limit;
}

oa_status oa_input_limits(size_t *limits, const oa_graph *graph, oa_error *error)
{
    bool *carries = oa_malloc(graph->value_count, sizeof *carries);
    if (!carries) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while looking at inputs");
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        limits[i] = limit_of(graph, graph->inputs[i], carries);
    }
    oa_free(carries);
    return OA_OK;
}

static size_t dimension_of(const oa_value *declared, size_t axis, const oa_sizes *sizes)
{
    if (declared->dims[axis] >= 0) {
        return (size_t)declared->dims[axis];
    }
    for (size_t i = 0; i < sizes->named_count && declared->symbols[axis]; i++) {
        if (strcmp(sizes->named[i].name, declared->symbols[axis]) == 0) {
            return sizes->named[i].value;
        }
    }
    size_t counting = 0;
    while (sizes->counts_anywhere && declared->dims[counting] >= 0) {
        counting++; /* up to this axis */
    }
    return axis != counting && sizes->others ? sizes->others : 1;
}

/* What all integers of so many bytes can hold, signed ones too. */
static uint64_t bounded(size_t limit, size_t size)
{
    uint64_t most = (uint64_t)1 << (8 * size - 1);
    return limit < most ? limit : most;
}

static void fill(oa_array *input, size_t limit, oa_random *random)
{
    size_t size = oa_dtype_size(input->dtype);
    unsigned char *bytes = input->data;
    for (size_t i = 0; i < input->count; i++) {
        if (oa_dtype_is_float(input->dtype)) {
            float value = (float)oa_random_normal(random);
            oa_floats_from_f32(bytes + i * size, input->dtype, &value, 1);
        } else {
            uint64_t drawn = oa_random_below(random, input->dtype == OA_DTYPE_BOOL ? 2 : bounded(limit, size));
            memcpy(bytes + i * size, &drawn, size); /* little-endian: the lowest bytes come first */
        }
    }
}

oa_status oa_random_input(oa_array *input, const oa_value *declared, size_t limit, const oa_sizes *sizes,
                          oa_random *random, oa_error *error)
{
    size_t dims[OA_MAX_RANK] = {0};
    bool is_drawable = oa_dtype_is_float(declared->dtype) ||
                       (declared->dtype >= OA_DTYPE_UINT8 && declared->dtype <= OA_DTYPE_INT64) ||
                       declared->dtype == OA_DTYPE_BOOL || declared->dtype == OA_DTYPE_UINT32 ||
                       declared->dtype == OA_DTYPE_UINT64;
    if (!is_drawable || declared->is_opaque) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "input '%s' is of type %s, for which no random values can be drawn",
                       declared->name, oa_dtype_name(declared->dtype));
    }
    if (!declared->has_shape) {
        return oa_fail(error, OA_ERROR_INPUT, "input '%s' declares no shape: give samples with --data", declared->name);
    }
    for (size_t k = 0; k < declared->rank; k++) {
        dims[k] = dimension_of(declared, k, sizes);
    }
    oa_status status = oa_array_init(input, declared->dtype, dims, declared->rank, error);
    if (status == OA_OK) {
        fill(input, limit, random);
    }
    return status;
}
