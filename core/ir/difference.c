#include "core/ir/difference.h"

#include "core/ir/node_agree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 160, HOW_SIZE = 420 };

/* "node 'fc1' (Gemm)" */
static const char *node_text(char *text, const oa_graph *graph, const oa_node *node)
{
    snprintf(text, TEXT_SIZE, "node '%.60s' (%.30s%s%.40s)", oa_node_label(graph, node), node->domain,
             node->domain[0] ? "." : "", node->op_type);
    return text;
}

/* "initializer 'w' [3, 4] float32" */
static const char *tensor_text(char *text, const oa_tensor *tensor)
{
    size_t length = (size_t)snprintf(text, TEXT_SIZE, "%s '%.60s' [",
                                     tensor->is_initializer ? "initializer" : "constant", tensor->name);
    for (size_t k = 0; k < tensor->rank; k++) {
        char size[32];
        snprintf(size, sizeof size, k ? ", %zu" : "%zu", tensor->dims[k]);
        if (length + strlen(size) + sizeof ", ...] complex128" > TEXT_SIZE) {
            length += (size_t)snprintf(text + length, TEXT_SIZE - length, ", ...");
            break;
        }
        length += (size_t)snprintf(text + length, TEXT_SIZE - length, "%s", size);
    }
    snprintf(text + length, TEXT_SIZE - length, "] %s", oa_dtype_name(tensor->dtype));
    return text;
}

static const char *value_text(char *text, const oa_graph *graph, size_t v)
{
    if (v == OA_NONE) {
        snprintf(text, TEXT_SIZE, "nothing");
        return text;
    }
    const oa_value *value = &graph->values[v];
    if (value->tensor != OA_NONE) {
        return tensor_text(text, &graph->tensors[value->tensor]);
    }
    const oa_node *node = oa_value_node(graph, v);
    if (node) {
        return node_text(text, graph, node);
    }
    snprintf(text, TEXT_SIZE, "%s '%.60s'", value->is_input ? "graph input" : "value", value->name);
    return text;
}

/* Where a value comes from: the above, with the output's number when it is not the first. */
static const char *source_text(char *text, const oa_graph *graph, size_t v)
{
    value_text(text, graph, v);
    const oa_node *node = v == OA_NONE ? NULL : oa_value_node(graph, v);
    for (size_t k = 1; node && k < node->output_count; k++) {
        if (node->outputs[k] == v) {
            size_t length = strlen(text);
            snprintf(text + length, TEXT_SIZE - length, ", output %zu", k);
        }
    }
    return text;
}

static bool same_strings(const oa_tensor *a, const oa_tensor *b)
{
    const oa_string_view *texts_a = a->data;
    const oa_string_view *texts_b = b->data;
    for (size_t i = 0; i < a->count; i++) {
        if (texts_a[i].size != texts_b[i].size ||
            (texts_a[i].size && memcmp(texts_a[i].data, texts_b[i].data, texts_a[i].size) != 0)) {
            return false;
        }
    }
    return true;
}

const char *oa_constants_differ(const oa_tensor *a, const oa_tensor *b)
{
    if (a->rank != b->rank || memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) != 0) {
        return "their shapes differ";
    }
    if (oa_dtype_is_float(a->dtype) && oa_dtype_is_float(b->dtype)) {
        return a->data && b->data ? NULL : "a payload cannot be read";
    }
    if (a->dtype != b->dtype) {
        return "their types differ";
    }
    size_t size = oa_dtype_size(a->dtype);
    if (!a->data || !b->data || size == 0) {
        return NULL; /* nobody can look into it: carried along as the first model has it */
    }
    bool is_same = a->count == 0 ||
                   (a->dtype == OA_DTYPE_STRING ? same_strings(a, b) : memcmp(a->data, b->data, a->count * size) == 0);
    bool is_byte = a->dtype == OA_DTYPE_INT8 || a->dtype == OA_DTYPE_UINT8;
    return is_same   ? NULL
           : is_byte ? "quantised weights differ, which cannot be averaged: merge the models before quantising them"
                     : "constants that are no weights differ";
}

/* Input number k of a node, or what else it reads, past Identity. */
static size_t used_value(const oa_two_graphs *two, size_t side, const oa_node *node, size_t k, size_t inputs)
{
    const oa_graph *graph = two->graph[side];
    size_t value = OA_NONE;
    if (k < inputs) {
        value = oa_node_input(node, k);
    } else if (k - inputs < oa_node_use_count(graph, node) - node->input_count) {
        value = oa_node_use(graph, node, node->input_count + k - inputs);
    }
    return value == OA_NONE ? OA_NONE : two->structure[side]->real[value];
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The first two values that the nodes read and that come from different things; false when there are none. */
static bool first_difference(size_t *v, size_t *w, const oa_two_graphs *two, const oa_node *a, const oa_node *b)
{
    size_t inputs = larger(a->input_count, b->input_count);
    size_t uses = inputs + larger(oa_node_use_count(two->graph[0], a) - a->input_count,
                                  oa_node_use_count(two->graph[1], b) - b->input_count);
    for (size_t k = 0; k < uses; k++) {
        *v = used_value(two, 0, a, k, inputs);
        *w = used_value(two, 1, b, k, inputs);
        if (*v != OA_NONE && *w != OA_NONE && two->structure[0]->value_hash[*v] != two->structure[1]->value_hash[*w]) {
            return true;
        }
    }
    return false;
}

/* How two used values differ on sight; false when they do not. */
static bool uses_differ(char *how, const oa_two_graphs *two, size_t v, size_t w)
{
    if ((v == OA_NONE) != (w == OA_NONE)) {
        snprintf(how, HOW_SIZE, "an input is missing on one side");
        return true;
    }
    size_t tensor_a = v == OA_NONE ? OA_NONE : two->graph[0]->values[v].tensor;
    size_t tensor_b = w == OA_NONE ? OA_NONE : two->graph[1]->values[w].tensor;
    if (tensor_a == OA_NONE || tensor_b == OA_NONE) {
        return false;
    }
    const oa_tensor *a = &two->graph[0]->tensors[tensor_a];
    const oa_tensor *b = &two->graph[1]->tensors[tensor_b];
    const char *problem = oa_constants_differ(a, b);
    if (!problem && oa_dtype_is_float(a->dtype) && two->structure[0]->uses[v] != two->structure[1]->uses[w]) {
        problem = "it is shared in one model only";
    }
    if (problem) {
        char text_a[TEXT_SIZE];
        char text_b[TEXT_SIZE];
        snprintf(how, HOW_SIZE, "%s against %s: %s", tensor_text(text_a, a), tensor_text(text_b, b), problem);
    }
    return problem != NULL;
}

static bool same_operator(const oa_node *a, const oa_node *b)
{
    return strcmp(a->op_type, b->op_type) == 0 && strcmp(a->domain, b->domain) == 0;
}

/* How two nodes of one operator differ by themselves; false when they do not. */
static bool nodes_differ(char *how, const oa_two_graphs *two, const oa_node *a, const oa_node *b)
{
    const char *name = "";
    size_t inputs = larger(a->input_count, b->input_count);
    size_t uses = inputs + larger(oa_node_use_count(two->graph[0], a) - a->input_count,
                                  oa_node_use_count(two->graph[1], b) - b->input_count);
    for (size_t k = 0; k < uses; k++) {
        size_t v = used_value(two, 0, a, k, inputs);
        size_t w = used_value(two, 1, b, k, inputs);
        bool is_attribute = k < inputs && oa_slot_attribute(a, k);
        if (!is_attribute && uses_differ(how, two, v, w)) {
            return true;
        }
    }
    if (!oa_nodes_agree(&name, two->graph[0], a, two->graph[1], b)) {
        snprintf(how, HOW_SIZE, "attribute '%.60s' differs", name);
        return true;
    }
    return false;
}

/* Follows what is different up to where it starts, inside of bodies. False when it starts outside. */
static bool explain_bodies(char *how, const oa_two_graphs *two, const oa_node *a, const oa_node *b)
{
    size_t v;
    size_t w;
    const oa_node *inner_a = a;
    const oa_node *inner_b = b;
    char inside[HOW_SIZE] = "";
    while (inner_a && inner_b && same_operator(inner_a, inner_b) && !nodes_differ(inside, two, inner_a, inner_b) &&
           first_difference(&v, &w, two, inner_a, inner_b)) {
        if (two->graph[0]->values[v].body == OA_NONE) {
            return false;
        }
        inner_a = oa_value_node(two->graph[0], v);
        inner_b = oa_value_node(two->graph[1], w);
    }
    if (!inner_a || !inner_b || inner_a == a) {
        return false;
    }
    char text_a[TEXT_SIZE];
    char text_b[TEXT_SIZE];
    snprintf(how, HOW_SIZE, "inside, %.140s meets %.140s%s%.100s", node_text(text_a, two->graph[0], inner_a),
             node_text(text_b, two->graph[1], inner_b), *inside ? ": " : "", inside);
    return true;
}

/* How two nodes that should be the same differ; *how is empty when their operators do. */
static void explain(char *how, const oa_two_graphs *two, const oa_node *a, const oa_node *b)
{
    size_t v;
    size_t w;
    char text_a[TEXT_SIZE];
    char text_b[TEXT_SIZE];
    how[0] = '\0';
    if (!same_operator(a, b) || nodes_differ(how, two, a, b) || explain_bodies(how, two, a, b)) {
        return;
    }
    snprintf(how, HOW_SIZE, "they read different values");
    if (first_difference(&v, &w, two, a, b)) {
        snprintf(how, HOW_SIZE, "they read %s and %s", source_text(text_a, two->graph[0], v),
                 source_text(text_b, two->graph[1], w));
    }
}

static int compare_hashes(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* A node that is only looked through. */
static bool is_transparent(const oa_graph *graph, const oa_structure *structure, const oa_node *node)
{
    bool passes = oa_node_passes(graph, node);
    for (size_t k = 1; k < node->output_count && passes; k++) {
        passes = node->outputs[k] == OA_NONE || structure->uses[node->outputs[k]] == 0;
    }
    return passes;
}

/* The first live node of one graph that is like none of the other, or OA_NONE; also without memory. */
static size_t first_unlike(const oa_graph *graph, const oa_structure *structure, const oa_graph *other,
                           const oa_structure *other_structure)
{
    size_t found = OA_NONE;
    uint64_t *hashes = oa_malloc(other->live_count, sizeof *hashes);
    if (!hashes) {
        return OA_NONE;
    }
    if (other->live_count) {
        memcpy(hashes, other_structure->node_hash, other->live_count * sizeof *hashes);
        qsort(hashes, other->live_count, sizeof *hashes, compare_hashes);
    }
    for (size_t i = 0; i < graph->live_count && found == OA_NONE; i++) {
        bool is_like = is_transparent(graph, structure, &graph->nodes[i]) ||
                       bsearch(&structure->node_hash[i], hashes, other->live_count, sizeof *hashes, compare_hashes);
        found = is_like ? OA_NONE : i;
    }
    oa_free(hashes);
    return found;
}

static oa_status report(oa_error *error, const char *what, const char *how)
{
    return oa_fail(error, OA_ERROR_ARCHITECTURE,
                   "the models do not share an architecture: %s%s%s; give models trained from one architecture", what,
                   *how ? ": " : "", how);
}

static oa_status report_two(oa_error *error, const char *first, const char *second, const char *how)
{
    char what[2 * TEXT_SIZE + 64];
    snprintf(what, sizeof what, "%s of the first meets %s of the second", first, second);
    return report(error, what, how);
}

static oa_status report_misfit(const oa_two_graphs *two, const oa_misfit *misfit, oa_error *error)
{
    char first[TEXT_SIZE];
    char second[TEXT_SIZE];
    oa_status status = report_two(error, value_text(first, two->graph[0], misfit->value[0]),
                                  value_text(second, two->graph[1], misfit->value[1]), misfit->how);
    if (misfit->reader[0] != OA_NONE && misfit->reader[1] != OA_NONE) {
        node_text(first, two->graph[0], &two->graph[0]->nodes[misfit->reader[0]]);
        node_text(second, two->graph[1], &two->graph[1]->nodes[misfit->reader[1]]);
        oa_error_context(error, "at %s of the first and %s of the second", first, second);
    }
    return status;
}

oa_status oa_graphs_differ(const oa_two_graphs *two, const oa_misfit *misfit, oa_error *error)
{
    const oa_graph *a = two->graph[0];
    const oa_graph *b = two->graph[1];
    size_t i = first_unlike(a, two->structure[0], b, two->structure[1]);
    size_t j = first_unlike(b, two->structure[1], a, two->structure[0]);
    char first[TEXT_SIZE];
    char second[TEXT_SIZE];
    char how[HOW_SIZE];
    if (i != OA_NONE && j != OA_NONE) {
        explain(how, two, &a->nodes[i], &b->nodes[j]);
        return report_two(error, node_text(first, a, &a->nodes[i]), node_text(second, b, &b->nodes[j]), how);
    }
    if (i != OA_NONE) {
        snprintf(how, sizeof how, "%s of the first", node_text(first, a, &a->nodes[i]));
        return report(error, how, "the second has nothing like it");
    }
    if (j != OA_NONE) {
        snprintf(how, sizeof how, "%s of the second", node_text(second, b, &b->nodes[j]));
        return report(error, how, "the first has nothing like it");
    }
    return report_misfit(two, misfit, error);
}
