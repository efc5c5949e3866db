#include "core/ir/graph.h"

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
    graph->values[graph->value_count] = (oa_value){.name = copy, .tensor = OA_NONE, .producer = OA_NONE};
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

static bool copy_list(size_t **copy, oa_graph *graph, const size_t *list, size_t count)
{
    *copy = oa_arena_alloc(&graph->arena, count, sizeof **copy);
    if (*copy && count) {
        memcpy(*copy, list, count * sizeof **copy);
    }
    return *copy != NULL;
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
    *added = *node;
    added->name = node->name ? node->name : "";
    added->domain = node->domain ? node->domain : "";
    if (!copy_list(&added->inputs, graph, node->inputs, node->input_count) ||
        !copy_list(&added->outputs, graph, node->outputs, node->output_count) ||
        !copy_list(&added->captures, graph, node->captures, node->capture_count)) {
        return no_memory(error);
    }
    added->attributes = oa_arena_alloc(&graph->arena, node->attribute_count, sizeof *added->attributes);
    if (!added->attributes) {
        return no_memory(error);
    }
    if (node->attribute_count) {
        memcpy(added->attributes, node->attributes, node->attribute_count * sizeof *added->attributes);
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

/* The depth-first walk of oa_graph_finish: an explicit stack, since models can be many thousand nodes deep. */
typedef struct walk_frame {
    size_t node;
    size_t next; /* which of its inputs, then captures, comes next */
} walk_frame;

typedef struct node_walk {
    size_t *position; /* [nodes] OA_NONE: not seen; OA_NONE - 1: on the stack; else place in the new order */
    size_t placed;
    walk_frame *stack; /* [nodes] */
} node_walk;

static const size_t ON_STACK = OA_NONE - 1;

static size_t used_value(const oa_node *node, size_t i)
{
    return i < node->input_count ? node->inputs[i] : node->captures[i - node->input_count];
}

static oa_status visit(node_walk *walk, const oa_graph *graph, size_t root, oa_error *error)
{
    if (walk->position[root] != OA_NONE) {
        return OA_OK;
    }
    size_t depth = 0;
    walk->stack[depth++] = (walk_frame){.node = root};
    walk->position[root] = ON_STACK;
    while (depth) {
        walk_frame *frame = &walk->stack[depth - 1];
        const oa_node *node = &graph->nodes[frame->node];
        if (frame->next == node->input_count + node->capture_count) {
            walk->position[frame->node] = walk->placed++;
            depth--;
            continue;
        }
        size_t value = used_value(node, frame->next++);
        if (value == OA_NONE) {
            continue;
        }
        const oa_value *used = &graph->values[value];
        if (used->producer == OA_NONE) {
            if (!used->is_input && used->tensor == OA_NONE && !used->is_opaque) {
                return oa_fail(error, OA_ERROR_INPUT, "node '%s' (%s) reads '%s', which nothing produces",
                               oa_node_label(graph, node), node->op_type, used->name);
            }
            continue;
        }
        if (walk->position[used->producer] == ON_STACK) {
            return oa_fail(error, OA_ERROR_INPUT, "the graph has a cycle through '%s' (%s)",
                           oa_node_label(graph, &graph->nodes[used->producer]), graph->nodes[used->producer].op_type);
        }
        if (walk->position[used->producer] == OA_NONE) {
            walk->position[used->producer] = ON_STACK;
            walk->stack[depth++] = (walk_frame){.node = used->producer};
        }
    }
    return OA_OK;
}

static oa_status order_nodes(node_walk *walk, oa_graph *graph, oa_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        walk->position[i] = OA_NONE;
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < graph->output_count && status == OA_OK; i++) {
        const oa_value *value = &graph->values[graph->outputs[i]];
        if (value->producer != OA_NONE) {
            status = visit(walk, graph, value->producer, error);
        } else if (!value->is_input && value->tensor == OA_NONE && !value->is_opaque) {
            return oa_fail(error, OA_ERROR_INPUT, "nothing produces the graph output '%s'", value->name);
        }
    }
    graph->live_count = walk->placed;
    for (size_t i = 0; i < graph->node_count && status == OA_OK; i++) {
        status = visit(walk, graph, i, error);
    }
    return status;
}

oa_status oa_graph_finish(oa_graph *graph, oa_error *error)
{
    size_t n = graph->node_count;
    node_walk walk = {.position = oa_calloc(n, sizeof *walk.position), .stack = oa_calloc(n, sizeof *walk.stack)};
    oa_node *nodes = oa_calloc(n, sizeof *nodes);
    oa_status status;
    if (!walk.position || !walk.stack || !nodes) {
        status = no_memory(error);
        goto done;
    }
    if (graph->output_count == 0) {
        status = oa_fail(error, OA_ERROR_INPUT, "the graph has no outputs");
        goto done;
    }
    status = order_nodes(&walk, graph, error);
    if (status != OA_OK) {
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        nodes[walk.position[i]] = graph->nodes[i];
        nodes[walk.position[i]].is_live = walk.position[i] < graph->live_count;
    }
    for (size_t i = 0; i < graph->value_count; i++) {
        if (graph->values[i].producer != OA_NONE) {
            graph->values[i].producer = walk.position[graph->values[i].producer];
        }
    }
    oa_free(graph->nodes);
    graph->nodes = nodes;
    graph->node_capacity = n;
    nodes = NULL;
done:
    oa_free(walk.position);
    oa_free(walk.stack);
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
