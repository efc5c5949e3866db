#include "core/ir/order.h"

#include <string.h>

/* The depth-first walk: an explicit stack, since models can be many thousand nodes deep. */
typedef struct walk_frame {
    size_t node;
    size_t next; /* which of its inputs, then captures, comes next */
} walk_frame;

typedef struct node_walk {
    const oa_graph *graph;
    const oa_node_list *list;
    size_t *position; /* [nodes] OA_NONE: not seen; ON_STACK; else place in the new order */
    size_t placed;
    walk_frame *stack; /* [nodes] */
} node_walk;

static const size_t ON_STACK = OA_NONE - 1;

/* The node of this list that makes a value, or OA_NONE. */
static size_t producer_of(const node_walk *walk, size_t value)
{
    const oa_value *v = &walk->graph->values[value];
    if (walk->list->body == OA_NONE) {
        return v->producer;
    }
    return v->body == walk->list->body ? v->body_producer : OA_NONE;
}

/* What a body uses of the graph around it counts there as captured. */
static bool is_defined(const node_walk *walk, size_t value)
{
    const oa_value *v = &walk->graph->values[value];
    return walk->list->body != OA_NONE || v->is_input || v->tensor != OA_NONE || v->is_opaque;
}

static oa_status visit(node_walk *walk, size_t root, oa_error *error)
{
    const oa_graph *graph = walk->graph;
    const oa_node *nodes = walk->list->nodes;
    if (walk->position[root] != OA_NONE) {
        return OA_OK;
    }
    size_t depth = 0;
    walk->stack[depth++] = (walk_frame){.node = root};
    walk->position[root] = ON_STACK;
    while (depth) {
        walk_frame *frame = &walk->stack[depth - 1];
        const oa_node *node = &nodes[frame->node];
        if (frame->next == node->input_count + node->capture_count) {
            walk->position[frame->node] = walk->placed++;
            depth--;
            continue;
        }
        size_t value = oa_node_source(node, frame->next++);
        if (value == OA_NONE) {
            continue;
        }
        size_t producer = producer_of(walk, value);
        if (producer == OA_NONE) {
            if (!is_defined(walk, value)) {
                return oa_fail(error, OA_ERROR_INPUT, "node '%s' (%s) reads '%s', which nothing produces",
                               oa_node_label(graph, node), node->op_type, graph->values[value].name);
            }
            continue;
        }
        if (walk->position[producer] == ON_STACK) {
            return oa_fail(error, OA_ERROR_INPUT, "the graph has a cycle through '%s' (%s)",
                           oa_node_label(graph, &nodes[producer]), nodes[producer].op_type);
        }
        if (walk->position[producer] == OA_NONE) {
            walk->position[producer] = ON_STACK;
            walk->stack[depth++] = (walk_frame){.node = producer};
        }
    }
    return OA_OK;
}

static oa_status walk_all(node_walk *walk, oa_node_order *order, oa_error *error)
{
    const oa_node_list *list = walk->list;
    oa_status status = OA_OK;
    for (size_t i = 0; i < list->count; i++) {
        walk->position[i] = OA_NONE;
    }
    for (size_t i = 0; i < list->output_count && status == OA_OK; i++) {
        size_t producer = producer_of(walk, list->outputs[i]);
        if (producer != OA_NONE) {
            status = visit(walk, producer, error);
        } else if (!is_defined(walk, list->outputs[i])) {
            return oa_fail(error, OA_ERROR_INPUT, "nothing produces the graph output '%s'",
                           walk->graph->values[list->outputs[i]].name);
        }
    }
    order->live_count = walk->placed;
    for (size_t i = 0; i < list->count && status == OA_OK; i++) {
        status = visit(walk, i, error);
    }
    return status;
}

oa_status oa_order_nodes(oa_node_order *order, const oa_graph *graph, const oa_node_list *list, oa_error *error)
{
    node_walk walk = {.graph = graph, .list = list, .stack = oa_calloc(list->count, sizeof *walk.stack)};
    order->position = walk.position = oa_calloc(list->count, sizeof *walk.position);
    oa_status status = walk.stack && walk.position
                           ? walk_all(&walk, order, error)
                           : oa_fail(error, OA_ERROR_MEMORY, "out of memory while building the graph");
    oa_free(walk.stack);
    return status;
}

void oa_node_order_free(oa_node_order *order)
{
    oa_free(order->position);
    *order = (oa_node_order){0};
}

bool oa_list_copy(size_t **copy, oa_graph *graph, const size_t *list, size_t count)
{
    *copy = oa_arena_alloc(&graph->arena, count, sizeof **copy);
    if (*copy && count) {
        memcpy(*copy, list, count * sizeof **copy);
    }
    return *copy != NULL;
}

bool oa_node_copy(oa_node *copy, oa_graph *graph, const oa_node *node)
{
    *copy = *node;
    copy->name = node->name ? node->name : "";
    copy->domain = node->domain ? node->domain : "";
    copy->attributes = oa_arena_alloc(&graph->arena, node->attribute_count, sizeof *copy->attributes);
    if (!copy->attributes || !oa_list_copy(&copy->inputs, graph, node->inputs, node->input_count) ||
        !oa_list_copy(&copy->outputs, graph, node->outputs, node->output_count) ||
        !oa_list_copy(&copy->captures, graph, node->captures, node->capture_count)) {
        return false;
    }
    if (node->attribute_count) {
        memcpy(copy->attributes, node->attributes, node->attribute_count * sizeof *copy->attributes);
    }
    return true;
}
