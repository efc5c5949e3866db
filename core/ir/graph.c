#include "core/ir/order.h"

#include <string.h>

oa_graph *oa_graph_create(void)
{
    oa_graph *graph = oa_calloc(1, sizeof *graph);
    if (graph) {
        graph->name = "";
    }
    return graph;
}

void oa_graph_destroy(oa_graph *graph)
{
    if (!graph) {
        return;
    }
    oa_free(graph->values);
    oa_free(graph->tensors);
    oa_free(graph->nodes);
    oa_free(graph->inputs);
    oa_free(graph->outputs);
    oa_free(graph->bodies);
    oa_free(graph->steps);
    oa_names_free(&graph->value_names);
    oa_arena_free(&graph->arena);
    oa_free(graph);
}

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while building the graph");
}

oa_status oa_dims_count(size_t *count, const size_t *dims, size_t rank, oa_error *error)
{
    size_t product = 1;
    bool is_empty = false;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] == 0) {
            is_empty = true;
        } else if (oa_mul_overflows(&product, product, dims[i])) {
            return oa_fail(error, OA_ERROR_INPUT, "the number of elements of a shape overflows");
        }
    }
    *count = is_empty ? 0 : product;
    return OA_OK;
}

oa_status oa_graph_value(size_t *index, oa_graph *graph, const char *name, oa_error *error)
{
    if (!name || !*name) {
        return oa_fail(error, OA_ERROR_INPUT, "a value without a name");
    }
    size_t found = oa_names_find(&graph->value_names, name);
    if (found != OA_NONE) {
        *index = found;
        return OA_OK;
    }
    char *copy = oa_arena_strdup(&graph->arena, name);
    if (!copy || !oa_grow(&graph->values, &graph->value_capacity, graph->value_count + 1, sizeof *graph->values) ||
        !oa_names_put(&graph->value_names, copy, graph->value_count)) {
        return no_memory(error);
    }
    graph->values[graph->value_count] =
        (oa_value){.name = copy, .tensor = OA_NONE, .producer = OA_NONE, .body = OA_NONE, .body_producer = OA_NONE};
    *index = graph->value_count++;
    return OA_OK;
}

oa_status oa_graph_add_tensor(size_t *index, oa_graph *graph, const oa_tensor *tensor, oa_error *error)
{
    size_t value;
    oa_status status = oa_graph_value(&value, graph, tensor->name, error);
    if (status != OA_OK) {
        return status;
    }
    if (tensor->rank > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT, "tensor '%s' has %zu dimensions, and %d are the most that are supported",
                       tensor->name, tensor->rank, OA_MAX_RANK);
    }
    if (graph->values[value].tensor != OA_NONE || graph->values[value].producer != OA_NONE ||
        graph->values[value].is_input) {
        return oa_fail(error, OA_ERROR_INPUT, "tensor '%s' is defined twice", tensor->name);
    }
    size_t count = 0;
    status = oa_dims_count(&count, tensor->dims, tensor->rank, error);
    if (status != OA_OK || count != tensor->count) {
        return oa_fail(error, OA_ERROR_INPUT, "tensor '%s': the shape does not fit its number of elements",
                       tensor->name);
    }
    if (!oa_grow(&graph->tensors, &graph->tensor_capacity, graph->tensor_count + 1, sizeof *graph->tensors)) {
        return no_memory(error);
    }
    oa_tensor *added = &graph->tensors[graph->tensor_count];
    *added = *tensor;
    added->name = graph->values[value].name;
    added->value = value;
    graph->values[value].tensor = graph->tensor_count;
    if (index) {
        *index = graph->tensor_count;
    }
    graph->tensor_count++;
    return OA_OK;
}

static oa_status declare(size_t *index, oa_graph *graph, const char *name, const oa_value *declared, oa_error *error)
{
    oa_status status = oa_graph_value(index, graph, name, error);
    if (status != OA_OK || !declared) {
        return status;
    }
    if (declared->rank > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT, "'%s' has %zu dimensions, and %d are the most that are supported", name,
                       declared->rank, OA_MAX_RANK);
    }
    oa_value *value = &graph->values[*index];
    value->dtype = declared->dtype;
    value->has_shape = declared->has_shape;
    value->is_opaque = value->is_opaque || declared->is_opaque;
    value->rank = declared->rank;
    for (size_t i = 0; i < declared->rank; i++) {
        value->dims[i] = declared->dims[i];
        value->symbols[i] = NULL;
        if (declared->symbols[i]) {
            value->symbols[i] = oa_arena_strdup(&graph->arena, declared->symbols[i]);
            if (!value->symbols[i]) {
                return no_memory(error);
            }
        }
    }
    return OA_OK;
}

oa_status oa_graph_add_input(oa_graph *graph, const char *name, const oa_value *declared, oa_error *error)
{
    size_t index;
    oa_status status = declare(&index, graph, name, declared, error);
    if (status != OA_OK || graph->values[index].tensor != OA_NONE || graph->values[index].is_input) {
        return status;
    }
    if (graph->values[index].producer != OA_NONE) {
        return oa_fail(error, OA_ERROR_INPUT, "graph input '%s' is produced by a node", name);
    }
    if (!oa_grow(&graph->inputs, &graph->input_capacity, graph->input_count + 1, sizeof *graph->inputs)) {
        return no_memory(error);
    }
    graph->values[index].is_input = true;
    graph->inputs[graph->input_count++] = index;
    return OA_OK;
}

oa_status oa_graph_add_output(oa_graph *graph, const char *name, const oa_value *declared, oa_error *error)
{
    size_t index;
    oa_status status = declare(&index, graph, name, declared, error);
    if (status != OA_OK) {
        return status;
    }
    if (!oa_grow(&graph->outputs, &graph->output_capacity, graph->output_count + 1, sizeof *graph->outputs)) {
        return no_memory(error);
    }
    graph->values[index].is_output = true;
    graph->outputs[graph->output_count++] = index;
    return OA_OK;
}

/* Takes the first `count` outputs away again from a node that is not added after all. */
static void disown(oa_graph *graph, const size_t *outputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (outputs[i] != OA_NONE) {
            graph->values[outputs[i]].producer = OA_NONE;
        }
    }
}

oa_status oa_graph_add_node(oa_graph *graph, const oa_node *node, oa_error *error)
{
    if (!oa_grow(&graph->nodes, &graph->node_capacity, graph->node_count + 1, sizeof *graph->nodes)) {
        return no_memory(error);
    }
    oa_node *added = &graph->nodes[graph->node_count];
    if (!oa_node_copy(added, graph, node)) {
        return no_memory(error);
    }
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == OA_NONE) {
            continue;
        }
        oa_value *value = &graph->values[node->outputs[i]];
        if (value->producer != OA_NONE || value->tensor != OA_NONE || value->is_input) {
            disown(graph, node->outputs, i);
            return oa_fail(error, OA_ERROR_INPUT, "node '%s' (%s) produces '%s', which is defined already", added->name,
                           added->op_type, value->name);
        }
        value->producer = graph->node_count;
    }
    graph->node_count++;
    return OA_OK;
}

/* The live nodes and those of their bodies. Recursive like the bodies. */
static void add_steps(oa_graph *graph, const oa_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        graph->steps[graph->step_count++] = &nodes[i];
        for (size_t k = 0; k < nodes[i].body_count; k++) {
            const oa_body *body = &graph->bodies[nodes[i].bodies[k]];
            add_steps(graph, body->nodes, body->node_count);
        }
    }
}

static oa_status list_steps(oa_graph *graph, oa_error *error)
{
    size_t count = graph->live_count;
    for (size_t i = 0; i < graph->live_count; i++) {
        count += oa_node_inner_steps(graph, &graph->nodes[i]);
    }
    graph->steps = oa_calloc(count, sizeof *graph->steps);
    if (!graph->steps) {
        return no_memory(error);
    }
    add_steps(graph, graph->nodes, graph->live_count);
    return OA_OK;
}

oa_status oa_graph_finish(oa_graph *graph, oa_error *error)
{
    size_t n = graph->node_count;
    oa_node_order order = {0};
    oa_node *nodes = oa_calloc(n, sizeof *nodes);
    oa_status status;
    if (!nodes) {
        status = no_memory(error);
        goto done;
    }
    if (graph->output_count == 0) {
        status = oa_fail(error, OA_ERROR_INPUT, "the graph has no outputs");
        goto done;
    }
    status = oa_order_nodes(&order, graph,
                            &(oa_node_list){.nodes = graph->nodes,
                                            .count = n,
                                            .body = OA_NONE,
                                            .outputs = graph->outputs,
                                            .output_count = graph->output_count},
                            error);
    if (status != OA_OK) {
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        nodes[order.position[i]] = graph->nodes[i];
        nodes[order.position[i]].is_live = order.position[i] < order.live_count;
    }
    for (size_t i = 0; i < graph->value_count; i++) {
        if (graph->values[i].producer != OA_NONE) {
            graph->values[i].producer = order.position[graph->values[i].producer];
        }
    }
    oa_free(graph->nodes);
    graph->nodes = nodes;
    graph->node_capacity = n;
    graph->live_count = order.live_count;
    nodes = NULL;
    status = list_steps(graph, error);
done:
    oa_node_order_free(&order);
    oa_free(nodes);
    return status;
}

bool oa_tensor_varies_along(const oa_tensor *tensor, size_t axis)
{
    size_t inner = oa_dtype_size(tensor->dtype);
    size_t outer = 1;
    for (size_t k = 0; k < axis; k++) {
        outer *= tensor->dims[k];
    }
    for (size_t k = axis + 1; k < tensor->rank; k++) {
        inner *= tensor->dims[k];
    }
    const char *data = tensor->data;
    for (size_t o = 0; o < outer; o++) {
        const char *first = data + o * tensor->dims[axis] * inner;
        for (size_t i = 1; i < tensor->dims[axis]; i++) {
            if (memcmp(first, first + i * inner, inner) != 0) {
                return true;
            }
        }
    }
    return false;
}
