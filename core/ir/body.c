/* The bodies of a graph: subgraphs of its nodes, at any depth. */
#include "core/ir/order.h"

#include <stdio.h>

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while building the graph");
}

oa_status oa_graph_open_body(size_t *body, oa_graph *graph, const char *attribute, oa_error *error)
{
    if (!oa_grow(&graph->bodies, &graph->body_capacity, graph->body_count + 1, sizeof *graph->bodies)) {
        return no_memory(error);
    }
    graph->bodies[graph->body_count] = (oa_body){.attribute = attribute};
    *body = graph->body_count++;
    return OA_OK;
}

/* A name that no value has yet. The number of values makes it likely at once. */
static const char *free_name(oa_graph *graph, size_t body, const char *owner, const char *name)
{
    static const char *const form = "%s/%s/%s:%zu";
    const char *attribute = graph->bodies[body].attribute;
    if (oa_names_find(&graph->value_names, name) == OA_NONE) {
        return name;
    }
    for (size_t number = graph->value_count;; number++) {
        int length = snprintf(NULL, 0, form, owner, attribute, name, number);
        char *text = length < 0 ? NULL : oa_arena_alloc(&graph->arena, (size_t)length + 1, 1);
        if (!text) {
            return NULL;
        }
        snprintf(text, (size_t)length + 1, form, owner, attribute, name, number);
        if (oa_names_find(&graph->value_names, text) == OA_NONE) {
            return text;
        }
    }
}

oa_status oa_graph_body_value(size_t *index, oa_graph *graph, size_t body, const char *owner, const char *name,
                              oa_error *error)
{
    const char *own = free_name(graph, body, owner, name);
    if (!own) {
        return no_memory(error);
    }
    size_t value;
    oa_status status = oa_graph_value(&value, graph, own, error);
    if (status == OA_OK) {
        graph->values[value].body = body;
        *index = value;
    }
    return status;
}

static oa_status claim_outputs(oa_graph *graph, size_t body, const oa_body *parts, oa_error *error)
{
    for (size_t i = 0; i < parts->node_count; i++) {
        const oa_node *node = &parts->nodes[i];
        for (size_t k = 0; k < node->output_count; k++) {
            oa_value *value = node->outputs[k] == OA_NONE ? NULL : &graph->values[node->outputs[k]];
            if (!value) {
                continue;
            }
            if (value->body != body || value->body_producer != OA_NONE || value->tensor != OA_NONE) {
                return oa_fail(error, OA_ERROR_INPUT, "node '%s' (%s) produces '%s', which is defined already",
                               oa_node_label(graph, node), node->op_type, value->name);
            }
            value->body_producer = i;
        }
    }
    return OA_OK;
}

/* Puts the live nodes into their order. */
static oa_status place_nodes(oa_graph *graph, oa_body *made, const oa_body *parts, const oa_node_order *order,
                             oa_error *error)
{
    made->node_count = made->step_count = order->live_count;
    made->nodes = oa_arena_alloc(&graph->arena, order->live_count, sizeof *made->nodes);
    if (!made->nodes) {
        return no_memory(error);
    }
    for (size_t i = 0; i < parts->node_count; i++) {
        const oa_node *node = &parts->nodes[i];
        size_t place = order->position[i] < order->live_count ? order->position[i] : OA_NONE;
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != OA_NONE) {
                graph->values[node->outputs[k]].body_producer = place;
            }
        }
        if (place == OA_NONE) {
            continue;
        }
        if (!oa_node_copy(&made->nodes[place], graph, node)) {
            return no_memory(error);
        }
        made->nodes[place].is_live = true;
        made->step_count += oa_node_inner_steps(graph, node);
    }
    return OA_OK;
}

oa_status oa_graph_close_body(oa_graph *graph, size_t body, const oa_body *parts, oa_error *error)
{
    oa_body made = *parts;
    oa_node_order order = {0};
    made.attribute = graph->bodies[body].attribute;
    oa_status status = oa_list_copy(&made.inputs, graph, parts->inputs, parts->input_count) &&
                               oa_list_copy(&made.outputs, graph, parts->outputs, parts->output_count)
                           ? claim_outputs(graph, body, parts, error)
                           : no_memory(error);
    if (status == OA_OK) {
        status = oa_order_nodes(&order, graph,
                                &(oa_node_list){.nodes = parts->nodes,
                                                .count = parts->node_count,
                                                .body = body,
                                                .outputs = parts->outputs,
                                                .output_count = parts->output_count},
                                error);
    }
    if (status == OA_OK) {
        status = place_nodes(graph, &made, parts, &order, error);
    }
    if (status == OA_OK) {
        graph->bodies[body] = made;
    }
    oa_node_order_free(&order);
    return status;
}

size_t oa_node_inner_steps(const oa_graph *graph, const oa_node *node)
{
    size_t count = 0;
    for (size_t k = 0; k < node->body_count; k++) {
        count += graph->bodies[node->bodies[k]].step_count;
    }
    return count;
}

size_t oa_node_use_count(const oa_graph *graph, const oa_node *node)
{
    size_t count = node->input_count + (node->body_count ? 0 : node->capture_count);
    for (size_t k = 0; k < node->body_count; k++) {
        count += graph->bodies[node->bodies[k]].output_count;
    }
    return count;
}

size_t oa_node_use(const oa_graph *graph, const oa_node *node, size_t k)
{
    if (k < node->input_count) {
        return node->inputs[k];
    }
    k -= node->input_count;
    if (node->body_count == 0) {
        return node->captures[k];
    }
    for (size_t b = 0; b < node->body_count; b++) {
        const oa_body *body = &graph->bodies[node->bodies[b]];
        if (k < body->output_count) {
            return body->outputs[k];
        }
        k -= body->output_count;
    }
    return OA_NONE;
}

const oa_node *oa_value_node(const oa_graph *graph, size_t value)
{
    const oa_value *v = &graph->values[value];
    if (v->producer != OA_NONE) {
        return &graph->nodes[v->producer];
    }
    return v->body != OA_NONE && v->body_producer != OA_NONE ? &graph->bodies[v->body].nodes[v->body_producer] : NULL;
}
