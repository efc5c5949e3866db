#include "core/check/branches.h"

#include <string.h>

/* What is known of a condition or a count; of one that is no single number nothing. */
enum { UNKNOWN = 0, ZERO, NOT_ZERO };

/* The first inputs of these are a condition, or a count and a condition. */
enum { TELLING_INPUTS = 2 };

static bool is_if(const oa_node *node)
{
    return oa_node_is(node, "If") && node->body_count == 2;
}

static bool is_loop(const oa_node *node)
{
    return oa_node_is(node, "Loop") && node->body_count == 1;
}

static size_t telling(const oa_node *node)
{
    return !is_if(node) && !is_loop(node) ? 0 : node->input_count < TELLING_INPUTS ? node->input_count : TELLING_INPUTS;
}

oa_status oa_branches_init(oa_branches *branches, const oa_graph *graph, oa_error *error)
{
    branches->graph = graph;
    if (graph->body_count == 0) {
        return OA_OK;
    }
    branches->is_entered = oa_calloc(graph->body_count, sizeof *branches->is_entered);
    branches->tells = oa_calloc(graph->value_count, sizeof *branches->tells);
    branches->known = oa_calloc(graph->value_count, sizeof *branches->known);
    if (!branches->is_entered || !branches->tells || !branches->known) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu subgraphs", graph->body_count);
    }
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        for (size_t k = 0; k < telling(node); k++) {
            size_t value = node->inputs[k];
            if (value != OA_NONE && graph->values[value].producer != OA_NONE) {
                branches->tells[value] = branches->shows = true;
            }
        }
    }
    return OA_OK;
}

void oa_branches_free(oa_branches *branches)
{
    oa_free(branches->is_entered);
    oa_free(branches->tells);
    oa_free(branches->known);
    *branches = (oa_branches){0};
}

static char look_at(oa_dtype dtype, size_t count, const void *data)
{
    static const char zeros[8];
    size_t size = oa_dtype_size(dtype);
    if (count != 1 || !data || size == 0 || size > sizeof zeros) {
        return UNKNOWN;
    }
    return memcmp(data, zeros, size) == 0 ? ZERO : NOT_ZERO;
}

void oa_branches_begin(oa_branches *branches, const oa_array *inputs)
{
    const oa_graph *graph = branches->graph;
    if (graph->body_count == 0) {
        return;
    }
    memset(branches->known, UNKNOWN, graph->value_count);
    for (size_t i = 0; i < graph->input_count; i++) {
        branches->known[graph->inputs[i]] = look_at(inputs[i].dtype, inputs[i].count, inputs[i].data);
    }
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const oa_tensor *tensor = &graph->tensors[i];
        branches->known[tensor->value] = look_at(tensor->dtype, tensor->count, tensor->data);
    }
}

oa_status oa_branches_see(void *context, size_t value, const oa_array *array, oa_error *error)
{
    (void)error;
    const oa_branches *branches = context;
    branches->known[value] = look_at(array->dtype, array->count, array->data);
    return OA_OK;
}

void oa_branches_end(oa_branches *branches)
{
    const oa_graph *graph = branches->graph;
    for (size_t i = 0; i < graph->live_count && graph->body_count; i++) {
        const oa_node *node = &graph->nodes[i];
        bool is_shut[OA_BODIES_MAX] = {false};
        for (size_t k = 0; k < telling(node); k++) {
            char known = node->inputs[k] == OA_NONE ? UNKNOWN : branches->known[node->inputs[k]];
            is_shut[0] = is_shut[0] || known == ZERO; /* then_branch, or the loop */
            is_shut[1] = is_shut[1] || known == NOT_ZERO;
        }
        for (size_t k = 0; k < node->body_count; k++) {
            branches->is_entered[node->bodies[k]] = branches->is_entered[node->bodies[k]] || !is_shut[k];
        }
    }
}

static void use(bool *is_used, const oa_graph *graph, size_t value)
{
    if (value != OA_NONE && graph->values[value].tensor != OA_NONE) {
        is_used[graph->values[value].tensor] = true;
    }
}

/* Flags the constants that the steps [first, first + count) use: a node, those of its bodies, and so on. */
static void use_steps(bool *is_used, const oa_graph *graph, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        for (size_t k = 0; k < oa_node_use_count(graph, graph->steps[i]); k++) {
            use(is_used, graph, oa_node_use(graph, graph->steps[i], k));
        }
    }
}

/* Walks the graph's own nodes: what runs use, and what only unentered bodies hold. */
static void walk(bool *is_used, bool *is_left, oa_unentered *found, const oa_branches *branches)
{
    const oa_graph *graph = branches->graph;
    for (size_t step = 0; step < graph->step_count;) {
        const oa_node *node = graph->steps[step++];
        for (size_t k = 0; k < (node->body_count ? node->input_count : oa_node_use_count(graph, node)); k++) {
            use(is_used, graph, oa_node_use(graph, node, k));
        }
        for (size_t k = 0; k < node->body_count; k++) {
            const oa_body *body = &graph->bodies[node->bodies[k]];
            bool is_entered = branches->is_entered[node->bodies[k]];
            use_steps(is_entered ? is_used : is_left, graph, step, body->step_count);
            for (size_t o = 0; o < body->output_count; o++) {
                use(is_entered ? is_used : is_left, graph, body->outputs[o]);
            }
            step += body->step_count;
            if (!is_entered && !found->node) {
                found->node = oa_node_label(graph, node);
                found->attribute = body->attribute;
            }
        }
    }
}

oa_status oa_branches_unentered(oa_unentered *found, const oa_branches *branches, const oa_payloads *payloads,
                                oa_error *error)
{
    const oa_graph *graph = branches->graph;
    *found = (oa_unentered){0};
    if (graph->body_count == 0) {
        return OA_OK;
    }
    bool *is_used = oa_calloc(graph->tensor_count, sizeof *is_used);
    bool *is_left = oa_calloc(graph->tensor_count, sizeof *is_left);
    oa_status status = OA_OK;
    if (is_used && is_left) {
        walk(is_used, is_left, found, branches);
    } else {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu constants", graph->tensor_count);
    }
    for (size_t t = 0; t < graph->tensor_count && status == OA_OK; t++) {
        bool counts = oa_dtype_is_float(graph->tensors[t].dtype) && (!payloads || payloads->data[t]);
        found->weights += is_left[t] && !is_used[t] && counts;
    }
    oa_free(is_used);
    oa_free(is_left);
    return status;
}
