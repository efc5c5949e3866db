/* Reading nodes: attributes, slots, axes; and the replaced payloads of a graph's constants. */
#include "core/ir/graph.h"

#include <string.h>

const oa_attribute *oa_node_attribute(const oa_node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, name) == 0) {
            return &node->attributes[i];
        }
    }
    return NULL;
}

int64_t oa_node_int(const oa_node *node, const char *name, int64_t fallback)
{
    const oa_attribute *attribute = oa_node_attribute(node, name);
    return attribute && attribute->kind == OA_ATTRIBUTE_INT ? attribute->i : fallback;
}

float oa_node_float(const oa_node *node, const char *name, float fallback)
{
    const oa_attribute *attribute = oa_node_attribute(node, name);
    return attribute && attribute->kind == OA_ATTRIBUTE_FLOAT ? attribute->f : fallback;
}

bool oa_node_string_is(const oa_node *node, const char *name, const char *text)
{
    const oa_attribute *attribute = oa_node_attribute(node, name);
    return attribute && attribute->kind == OA_ATTRIBUTE_STRING && attribute->s.size == strlen(text) &&
           (attribute->s.size == 0 || memcmp(attribute->s.data, text, attribute->s.size) == 0);
}

void oa_node_ints(const int64_t **ints, size_t *count, const oa_node *node, const char *name)
{
    const oa_attribute *attribute = oa_node_attribute(node, name);
    bool is_found = attribute && attribute->kind == OA_ATTRIBUTE_INTS;
    *ints = is_found ? attribute->ints : NULL;
    *count = is_found ? attribute->count : 0;
}

bool oa_node_is(const oa_node *node, const char *op_type)
{
    return node->domain[0] == '\0' && strcmp(node->op_type, op_type) == 0;
}

size_t oa_node_input(const oa_node *node, size_t slot)
{
    return slot < node->input_count ? node->inputs[slot] : OA_NONE;
}

size_t oa_node_source(const oa_node *node, size_t k)
{
    return k < node->input_count ? node->inputs[k] : node->captures[k - node->input_count];
}

const oa_tensor *oa_node_constant(const oa_graph *graph, const oa_node *node, size_t slot)
{
    size_t value = oa_node_input(node, slot);
    if (value == OA_NONE || graph->values[value].tensor == OA_NONE) {
        return NULL;
    }
    return &graph->tensors[graph->values[value].tensor];
}

const char *oa_node_label(const oa_graph *graph, const oa_node *node)
{
    if (node->name && node->name[0]) {
        return node->name;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != OA_NONE) {
            return graph->values[node->outputs[i]].name;
        }
    }
    return "unnamed";
}

void oa_graph_needs(bool *nodes, const oa_graph *graph, const bool *values)
{
    memset(nodes, 0, graph->live_count * sizeof *nodes);
    for (size_t i = graph->live_count; i-- > 0;) {
        const oa_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->output_count && !nodes[i]; k++) {
            nodes[i] = node->outputs[k] != OA_NONE && values[node->outputs[k]];
        }
        for (size_t k = 0; k < node->input_count + node->capture_count && nodes[i]; k++) {
            size_t value = oa_node_source(node, k);
            size_t maker = value == OA_NONE ? OA_NONE : graph->values[value].producer;
            if (maker != OA_NONE) {
                nodes[maker] = true; /* before i, in topological order */
            }
        }
    }
}

bool oa_axis_normalise(size_t *axis, int64_t given, size_t rank)
{
    int64_t r = (int64_t)rank;
    if (given < -r || given >= r) {
        return false;
    }
    *axis = (size_t)(given < 0 ? given + r : given);
    return true;
}

oa_status oa_payloads_init(oa_payloads *payloads, const oa_graph *graph, oa_error *error)
{
    void **data = oa_calloc(graph->tensor_count, sizeof *data);
    if (!data) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of %zu tensors", graph->tensor_count);
    }
    *payloads = (oa_payloads){.data = data, .count = graph->tensor_count};
    return OA_OK;
}

void oa_payloads_free(oa_payloads *payloads)
{
    if (!payloads) {
        return;
    }
    for (size_t i = 0; i < payloads->count; i++) {
        oa_free(payloads->data[i]);
    }
    oa_free(payloads->data);
    *payloads = (oa_payloads){0};
}

const void *oa_payload(const oa_payloads *payloads, const oa_graph *graph, size_t t)
{
    return payloads && payloads->data && payloads->data[t] ? payloads->data[t] : graph->tensors[t].data;
}
