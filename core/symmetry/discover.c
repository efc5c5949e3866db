/* Symmetry discovery: one walk over the graph with the operators' rules, then the layout is read off the index spaces.
 */
#include "core/symmetry/discovery.h"
#include "core/symmetry/layout_build.h"
#include "core/symmetry/stacks.h"

#include <stdio.h>
#include <string.h>

enum { OA_WHY_SIZE = 320 };

static oa_status failure(const oa_discovery *discovery, oa_error *error)
{
    if (discovery->spaces.is_nested_too_deeply) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "the graph nests products and concatenations of axes too deeply");
    }
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while looking for symmetries");
}

/* A pin whose reason is the graph's own: "graph input 'x'". */
static oa_pin graph_pin(oa_discovery *discovery, const char *what, const char *name)
{
    char text[OA_WHY_SIZE];
    snprintf(text, sizeof text, "%s '%s'", what, name);
    const char *copy = oa_arena_strdup(&discovery->spaces.arena, text);
    if (!copy) {
        discovery->spaces.is_out_of_memory = true;
        copy = what;
    }
    return (oa_pin){.node = OA_NONE, .why = copy};
}

static void start_inputs(oa_discovery *discovery)
{
    const oa_graph *graph = discovery->graph;
    oa_spaces *spaces = &discovery->spaces;
    for (size_t i = 0; i < graph->input_count; i++) {
        const oa_value *value = &graph->values[graph->inputs[i]];
        oa_axes *axes = &discovery->axes[graph->inputs[i]];
        if (!value->has_shape || value->is_opaque) {
            continue;
        }
        oa_pin pin = graph_pin(discovery, "graph input", value->name);
        axes->has_rank = true;
        axes->rank = value->rank;
        for (size_t k = 0; k < value->rank; k++) {
            oa_dim size = value->dims[k] >= 0 && value->dims[k] < OA_DIM_LIMIT ? value->dims[k]
                          : value->symbols[k] ? oa_dim_symbol(&spaces->dims, value->symbols[k])
                                              : oa_dim_fresh(&spaces->dims);
            axes->space[k] = oa_space_pinned(spaces, size, pin);
        }
    }
}

/* Small integer constants are shape arithmetic's numbers. */
static void start_contents(oa_discovery *discovery, oa_axes *axes, const oa_tensor *tensor)
{
    bool is_int64 = tensor->dtype == OA_DTYPE_INT64;
    if ((!is_int64 && tensor->dtype != OA_DTYPE_INT32) || tensor->rank > 1 || tensor->count > OA_CONTENTS_MAX ||
        !tensor->data) {
        return;
    }
    oa_dim *contents = oa_arena_alloc(&discovery->spaces.arena, tensor->count, sizeof *contents);
    if (!contents) {
        discovery->spaces.is_out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < tensor->count; i++) {
        contents[i] = is_int64 ? ((const int64_t *)tensor->data)[i] : ((const int32_t *)tensor->data)[i];
        /* Slices to "the end" give INT64_MAX; any number past the limit means the same there. */
        contents[i] = contents[i] >= OA_DIM_LIMIT    ? OA_DIM_LIMIT - 1
                      : contents[i] <= -OA_DIM_LIMIT ? -OA_DIM_LIMIT + 1
                                                     : contents[i];
    }
    axes->has_contents = true;
    axes->content_rank = tensor->rank;
    axes->content_count = tensor->count;
    axes->contents = contents;
}

/* Constants that are no weights cannot be averaged: their elements stay, but where all are equal. So do sizes and
 * positions, which rules need not fix. Quantised weights, which only DequantizeLinear reads, are weights. */
static bool pin_numbers(oa_discovery *discovery)
{
    const oa_graph *graph = discovery->graph;
    bool *is_number = oa_calloc(graph->tensor_count, sizeof *is_number);
    if (!is_number) {
        return false;
    }
    for (size_t i = 0; i < graph->step_count; i++) {
        const oa_node *node = graph->steps[i];
        bool dequantises = oa_node_is(node, "DequantizeLinear");
        size_t count = oa_node_use_count(graph, node);
        for (size_t k = 0; k < count; k++) {
            size_t value = oa_node_use(graph, node, k);
            size_t index = value == OA_NONE ? OA_NONE : graph->values[value].tensor;
            const oa_tensor *tensor = index == OA_NONE ? NULL : &graph->tensors[index];
            if (tensor && tensor->data && !oa_dtype_is_float(tensor->dtype) && !(dequantises && k != 1)) {
                is_number[index] = true;
            }
        }
    }
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const oa_tensor *tensor = &graph->tensors[t];
        const oa_axes *axes = &discovery->axes[tensor->value];
        for (size_t k = 0; k < tensor->rank && is_number[t]; k++) {
            if (oa_tensor_varies_along(tensor, k)) {
                oa_space_pin(&discovery->spaces, axes->space[k],
                             (oa_pin){.node = OA_NONE, .why = "it is no weight, so it cannot be averaged"});
            }
        }
    }
    oa_free(is_number);
    return true;
}

static void start_tensors(oa_discovery *discovery)
{
    const oa_graph *graph = discovery->graph;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const oa_tensor *tensor = &graph->tensors[t];
        oa_axes *axes = &discovery->axes[tensor->value];
        axes->has_rank = true;
        axes->rank = tensor->rank;
        for (size_t k = 0; k < tensor->rank; k++) {
            bool is_plain = tensor->data != NULL && tensor->dims[k] < (size_t)OA_DIM_LIMIT;
            axes->space[k] = is_plain ? oa_space_leaf(&discovery->spaces, (oa_dim)tensor->dims[k])
                                      : oa_space_pinned(&discovery->spaces, oa_dim_fresh(&discovery->spaces.dims),
                                                        (oa_pin){.node = OA_NONE, .why = "its payload cannot be read"});
        }
        start_contents(discovery, axes, tensor);
    }
}

/* Pins everything that a node without a fitting rule touches. Of its outputs nothing is known from there on. */
static void pin_node(oa_discovery *discovery, const oa_node *node, bool is_known)
{
    const char *why = is_known ? "this use of the operator is not understood" : "the operator is not known";
    size_t count = oa_node_use_count(discovery->graph, node);
    for (size_t i = 0; i < count; i++) {
        size_t value = oa_node_use(discovery->graph, node, i);
        if (value != OA_NONE) {
            oa_pin_axes(discovery, &discovery->axes[value], why);
        }
    }
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != OA_NONE) {
            discovery->axes[node->outputs[i]] = (oa_axes){0};
        }
    }
}

bool oa_is_operator(const char *name, const oa_node *node)
{
    size_t length = strlen(node->domain);
    if (length && (strncmp(name, node->domain, length) != 0 || name[length] != '.')) {
        return false;
    }
    return strcmp(name + length + (length ? 1 : 0), node->op_type) == 0;
}

oa_rule *oa_rule_of(const oa_node *node)
{
    static const oa_rule_entry *const families[] = {oa_rules_attention, oa_rules_elementwise, oa_rules_einsum,
                                                    oa_rules_linear,    oa_rules_normalise,   oa_rules_order,
                                                    oa_rules_quantise,  oa_rules_reduce,      oa_rules_recurrent,
                                                    oa_rules_select,    oa_rules_shape};
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        for (const oa_rule_entry *entry = families[f]; entry->op_type; entry++) {
            if (oa_is_operator(entry->op_type, node)) {
                return entry->rule;
            }
        }
    }
    return NULL;
}

bool oa_symmetry_has_rule(const oa_node *node)
{
    return node->body_count || oa_rule_of(node) != NULL;
}

/* Fills, and what only moves or repeats the elements of one. */
static void note_uniform(oa_discovery *discovery, const oa_node *node)
{
    static const char *const movers[] = {"Cast",  "Expand",  "Flatten",   "Gather",  "Identity",
                                         "Slice", "Reshape", "Transpose", "Squeeze", "Unsqueeze"};
    bool is_fill = oa_node_is(node, "ConstantOfShape");
    const oa_axes *x = oa_input_axes(discovery, node, 0);
    for (size_t i = 0; i < sizeof movers / sizeof movers[0] && x && x->is_uniform && !is_fill; i++) {
        is_fill = oa_node_is(node, movers[i]);
    }
    if (is_fill && node->output_count == 1 && node->outputs[0] != OA_NONE) {
        discovery->axes[node->outputs[0]].is_uniform = true;
    }
}

/* A rule that says nothing of an output has not accounted for it. */
static bool has_all_outputs(const oa_discovery *discovery, const oa_node *node)
{
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != OA_NONE && !discovery->axes[node->outputs[i]].has_rank) {
            return false;
        }
    }
    return true;
}

bool oa_walk_steps(oa_discovery *discovery, size_t first, size_t count)
{
    const oa_graph *graph = discovery->graph;
    for (size_t i = first; i < first + count; i += 1 + oa_node_inner_steps(graph, graph->steps[i])) {
        const oa_node *node = graph->steps[i];
        oa_rule *rule = oa_rule_of(node);
        discovery->node = i;
        if (node->body_count) {
            if (!oa_walk_bodies(discovery, node)) {
                return false;
            }
        } else if (!rule || node->capture_count || !rule(discovery, node) || !has_all_outputs(discovery, node)) {
            pin_node(discovery, node, rule != NULL);
        }
        note_uniform(discovery, node);
        if (!oa_fold(discovery, node) || oa_spaces_failed(&discovery->spaces)) {
            return false;
        }
    }
    return true;
}

static void pin_ends(oa_discovery *discovery, const oa_fixed_axis *fixed, size_t fixed_count)
{
    const oa_graph *graph = discovery->graph;
    for (size_t i = 0; i < graph->output_count; i++) {
        const oa_axes *axes = &discovery->axes[graph->outputs[i]];
        oa_pin pin = graph_pin(discovery, "graph output", graph->values[graph->outputs[i]].name);
        for (size_t k = 0; axes->has_rank && k < axes->rank; k++) {
            oa_space_pin(&discovery->spaces, axes->space[k], pin);
        }
    }
    for (size_t i = 0; i < fixed_count; i++) {
        const oa_axes *axes = &discovery->axes[graph->tensors[fixed[i].tensor].value];
        oa_space_pin(&discovery->spaces, axes->space[fixed[i].axis], (oa_pin){.node = OA_NONE, .why = fixed[i].why});
    }
}

oa_status oa_layout_discover(oa_layout **layout, const oa_graph *graph, const oa_fixed_axis *fixed, size_t fixed_count,
                             oa_error *error)
{
    oa_discovery discovery = {.graph = graph, .node = OA_NONE};
    oa_status status;
    discovery.axes = oa_calloc(graph->value_count, sizeof *discovery.axes);
    if (!discovery.axes || !oa_spaces_init(&discovery.spaces)) {
        status = failure(&discovery, error);
        goto done;
    }
    start_inputs(&discovery);
    start_tensors(&discovery);
    if (!pin_numbers(&discovery)) {
        status = failure(&discovery, error);
        goto done;
    }
    if (!oa_walk_steps(&discovery, 0, graph->step_count)) {
        status = failure(&discovery, error);
        goto done;
    }
    discovery.node = OA_NONE;
    pin_ends(&discovery, fixed, fixed_count);
    if (oa_spaces_failed(&discovery.spaces)) {
        status = failure(&discovery, error);
        goto done;
    }
    status = oa_layout_build(layout, &discovery, error);
done:
    oa_free(discovery.axes);
    oa_free(discovery.contractions);
    oa_free(discovery.assumed);
    oa_stacks_free(&discovery);
    oa_spaces_free(&discovery.spaces);
    return status;
}
