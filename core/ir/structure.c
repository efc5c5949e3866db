#include "core/ir/structure.h"

#include "core/ir/node_agree.h"

#include <string.h>

uint64_t oa_hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

uint64_t oa_hash_text(uint64_t hash, const char *text)
{
    return oa_hash_bytes(hash, text, strlen(text) + 1);
}

bool oa_node_commutes(const oa_node *node)
{
    return node->input_count == 2 && (oa_node_is(node, "Add") || oa_node_is(node, "Mul") || oa_node_is(node, "Sum") ||
                                      oa_node_is(node, "Max") || oa_node_is(node, "Min"));
}

bool oa_node_passes(const oa_graph *graph, const oa_node *node)
{
    enum { TRAINING_SLOT = 2 };
    if (oa_node_input(node, 0) == OA_NONE || node->output_count == 0 || node->outputs[0] == OA_NONE) {
        return false;
    }
    if (oa_node_is(node, "Dropout")) {
        const oa_tensor *training = oa_node_constant(graph, node, TRAINING_SLOT);
        bool is_off = training && training->dtype == OA_DTYPE_BOOL && training->count == 1 && training->data &&
                      *(const unsigned char *)training->data == 0;
        return oa_node_input(node, TRAINING_SLOT) == OA_NONE || is_off;
    }
    return oa_node_is(node, "Identity");
}

/* Nodes are in topological order, so what is behind an input is known when a node is reached. */
static void find_real_values(oa_structure *structure, const oa_graph *graph)
{
    for (size_t v = 0; v < graph->value_count; v++) {
        structure->real[v] = v;
    }
    for (size_t i = 0; i < graph->step_count; i++) {
        const oa_node *node = graph->steps[i];
        if (oa_node_passes(graph, node)) {
            structure->real[node->outputs[0]] = structure->real[node->inputs[0]];
        }
    }
}

static void count_uses(oa_structure *structure, const oa_graph *graph)
{
    for (size_t i = 0; i < graph->step_count; i++) {
        const oa_node *node = graph->steps[i];
        size_t count = oa_node_passes(graph, node) ? 0 : oa_node_use_count(graph, node);
        for (size_t k = 0; k < count; k++) {
            size_t value = oa_node_use(graph, node, k);
            if (value != OA_NONE) {
                structure->uses[structure->real[value]]++;
            }
        }
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        structure->uses[structure->real[graph->outputs[i]]]++;
    }
}

/* The weights themselves are what models differ in; everything else in a constant counts. */
static uint64_t hash_tensor(const oa_tensor *tensor)
{
    bool is_weight = oa_dtype_is_float(tensor->dtype);
    unsigned dtype = is_weight ? OA_DTYPE_FLOAT : (unsigned)tensor->dtype;
    uint64_t hash = oa_hash_bytes(oa_hash_text(OA_HASH_START, "constant"), &dtype, sizeof dtype);
    hash = oa_hash_bytes(hash, tensor->dims, tensor->rank * sizeof *tensor->dims);
    if (is_weight || !tensor->data) {
        return hash;
    }
    if (tensor->dtype == OA_DTYPE_STRING) {
        const oa_string_view *strings = tensor->data;
        for (size_t i = 0; i < tensor->count; i++) {
            hash = oa_hash_bytes(hash, &strings[i].size, sizeof strings[i].size);
            hash = oa_hash_bytes(hash, strings[i].data, strings[i].size);
        }
        return hash;
    }
    return oa_hash_bytes(hash, tensor->data, tensor->count * oa_dtype_size(tensor->dtype));
}

static void hash_sources(oa_structure *structure, const oa_graph *graph)
{
    for (size_t v = 0; v < graph->value_count; v++) {
        const oa_value *value = &graph->values[v];
        structure->value_hash[v] = OA_HASH_START;
        if (value->tensor == OA_NONE) {
            continue;
        }
        const oa_tensor *tensor = &graph->tensors[value->tensor];
        structure->value_hash[v] = hash_tensor(tensor);
        if (oa_dtype_is_float(tensor->dtype)) {
            structure->value_hash[v] =
                oa_hash_bytes(structure->value_hash[v], &structure->uses[v], sizeof structure->uses[v]);
        }
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        uint64_t hash = oa_hash_text(OA_HASH_START, "input");
        structure->value_hash[graph->inputs[i]] = oa_hash_bytes(hash, &i, sizeof i);
    }
}

static uint64_t hash_node(const oa_structure *structure, const oa_graph *graph, const oa_node *node)
{
    uint64_t hash = oa_hash_text(oa_hash_text(OA_HASH_START, node->op_type), node->domain);
    uint64_t meaning = oa_node_meaning(graph, node);
    uint64_t sum = 0;
    hash = oa_hash_bytes(hash, &meaning, sizeof meaning);
    size_t count = oa_node_use_count(graph, node);
    for (size_t k = 0; k < count; k++) {
        bool is_input = k < node->input_count;
        size_t value = oa_node_use(graph, node, k);
        if (value == OA_NONE || (is_input && oa_slot_attribute(node, k) && oa_node_constant(graph, node, k))) {
            continue; /* constants that stand for an attribute are in the meaning */
        }
        /* Inputs by their slot: omitted ones at the end make no difference. */
        size_t slot = is_input ? k : SIZE_MAX - (k - node->input_count);
        uint64_t from = structure->value_hash[structure->real[value]];
        sum += from * UINT64_C(0x9e3779b97f4a7c15);
        if (!oa_node_commutes(node)) {
            hash = oa_hash_bytes(oa_hash_bytes(hash, &slot, sizeof slot), &from, sizeof from);
        }
    }
    return oa_hash_bytes(hash, &sum, sizeof sum);
}

/* Nodes come before what reads them. Recursive like the bodies; only the hashes of the graph's own nodes are kept. */
static void hash_nodes(oa_structure *structure, const oa_graph *graph, const oa_node *nodes, size_t count,
                       uint64_t *node_hash)
{
    for (size_t i = 0; i < count; i++) {
        const oa_node *node = &nodes[i];
        for (size_t b = 0; b < node->body_count; b++) {
            const oa_body *body = &graph->bodies[node->bodies[b]];
            for (size_t k = 0; k < body->input_count; k++) {
                uint64_t hash = oa_hash_text(OA_HASH_START, "body input");
                structure->value_hash[body->inputs[k]] = oa_hash_bytes(hash, &k, sizeof k);
            }
            hash_nodes(structure, graph, body->nodes, body->node_count, NULL);
        }
        uint64_t hash = hash_node(structure, graph, node);
        if (node_hash) {
            node_hash[i] = hash;
        }
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != OA_NONE) {
                structure->value_hash[node->outputs[k]] = oa_hash_bytes(hash, &k, sizeof k);
            }
        }
    }
}

oa_status oa_structure_init(oa_structure *structure, const oa_graph *graph, oa_error *error)
{
    oa_structure made = {.real = oa_calloc(graph->value_count, sizeof *made.real),
                         .uses = oa_calloc(graph->value_count, sizeof *made.uses),
                         .value_hash = oa_calloc(graph->value_count, sizeof *made.value_hash),
                         .node_hash = oa_calloc(graph->live_count, sizeof *made.node_hash)};
    if (!made.real || !made.uses || !made.value_hash || !made.node_hash) {
        oa_structure_free(&made);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while pairing the models");
    }
    find_real_values(&made, graph);
    count_uses(&made, graph);
    hash_sources(&made, graph);
    hash_nodes(&made, graph, graph->nodes, graph->live_count, made.node_hash);
    *structure = made;
    return OA_OK;
}

void oa_structure_free(oa_structure *structure)
{
    if (structure) {
        oa_free(structure->real);
        oa_free(structure->uses);
        oa_free(structure->value_hash);
        oa_free(structure->node_hash);
        *structure = (oa_structure){0};
    }
}
