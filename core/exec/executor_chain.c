/* Chains: a convolution and the elementwise nodes behind it, each the only reader of the one before, which run as one.
 * The values between them are never there; so only in runs of the whole graph, where nobody watches values or keeps
 * them.
 */
#include "core/exec/executor_private.h"

#include <math.h>
#include <string.h>

static bool is_operator(const oa_node *node, const char *op_type)
{
    return node->domain[0] == '\0' && strcmp(node->op_type, op_type) == 0;
}

/* Are the node's attributes those that normalising by given statistics has? */
static bool is_plain_normalisation(const oa_node *node)
{
    for (size_t i = 0; i < node->attribute_count; i++) {
        const oa_attribute *attribute = &node->attributes[i];
        bool is_number = strcmp(attribute->name, "epsilon") == 0 || strcmp(attribute->name, "momentum") == 0;
        bool is_mode = strcmp(attribute->name, "training_mode") == 0 && node->version >= 14;
        if (!(is_number && attribute->kind == OA_ATTRIBUTE_FLOAT) &&
            !(is_mode && attribute->kind == OA_ATTRIBUTE_INT && attribute->i == 0)) {
            return false;
        }
    }
    return node->version >= 9;
}

/* Can the node be a step behind another, in whose output `value` is? What is left out here runs by itself. */
static bool can_follow(const oa_node *node, size_t value)
{
    if (node->output_count != 1 || node->outputs[0] == OA_NONE || node->input_count == 0) {
        return false;
    }
    if (is_operator(node, "BatchNormalization")) {
        return node->inputs[0] == value && is_plain_normalisation(node);
    }
    if (node->attribute_count) {
        return false;
    }
    if (is_operator(node, "Add")) { /* of two different values: the value has one reader, once */
        return node->version >= 7 && (node->inputs[0] == value || node->inputs[1] == value);
    }
    if (is_operator(node, "Clip")) {
        return node->version >= 11 && node->inputs[0] == value;
    }
    return is_operator(node, "Relu") || is_operator(node, "HardSwish");
}

void oa_executor_find_chains(oa_executor *executor)
{
    const oa_graph *graph = executor->graph;
    for (size_t i = 0; i < graph->live_count; i++) {
        executor->followers[i] = OA_NONE;
    }
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->input_count; k++) {
            size_t value = node->inputs[k];
            const oa_node *maker = value == OA_NONE ? NULL : oa_value_node(graph, value);
            bool is_first = maker && maker->outputs[0] == value && executor->reads[value] == 1;
            size_t index = maker ? (size_t)(maker - graph->nodes) : OA_NONE;
            if (is_first && index < i && can_follow(node, value)) {
                executor->followers[index] = i;
            }
        }
    }
}

/* The array of an input that is there already, of float32; else NULL. */
static const oa_array *bound_input(const oa_executor *executor, const oa_node *node, size_t slot)
{
    const oa_value_slot *value =
        slot < node->input_count && node->inputs[slot] != OA_NONE ? &executor->run->slots[node->inputs[slot]] : NULL;
    return value && value->is_bound && value->array.dtype == OA_DTYPE_FLOAT ? &value->array : NULL;
}

/* The parameters as BatchNormalization computes them; the factors are the chain's own. */
static bool read_normalisation(oa_finish_step *step, oa_executor *executor, const oa_node *node)
{
    const oa_array *parameters[4];
    const oa_attribute *attribute = oa_node_attribute(node, "epsilon");
    double epsilon = (double)(attribute ? attribute->f : 1e-5f);
    for (size_t i = 0; i < 4; i++) {
        parameters[i] = bound_input(executor, node, 1 + i);
        if (!parameters[i] || parameters[i]->count != parameters[0]->count) {
            return false;
        }
    }
    size_t channels = parameters[0]->count;
    const float *scale = parameters[0]->data, *mean = parameters[2]->data, *variance = parameters[3]->data;
    float *factor = oa_blocks_take(&executor->blocks, channels, sizeof *factor);
    if (!factor) {
        return false;
    }
    for (size_t c = 0; c < channels; c++) {
        factor[c] = (float)((double)scale[c] / sqrt((double)variance[c] + epsilon));
    }
    *step = (oa_finish_step){
        .kind = OA_FINISH_NORMALISE, .mean = mean, .factor = factor, .bias = parameters[1]->data, .channels = channels};
    return true;
}

static bool read_clip(oa_finish_step *step, const oa_executor *executor, const oa_node *node)
{
    float bounds[2] = {-INFINITY, INFINITY};
    for (size_t i = 0; i < 2; i++) {
        if (oa_node_input(node, 1 + i) != OA_NONE) {
            const oa_array *bound = bound_input(executor, node, 1 + i);
            if (!bound || bound->count != 1) {
                return false;
            }
            bounds[i] = *(const float *)bound->data;
        }
    }
    *step = (oa_finish_step){.kind = OA_FINISH_CLIP, .least = bounds[0], .most = bounds[1]};
    return node->input_count <= 3;
}

static bool read_step(oa_finish_step *step, oa_executor *executor, const oa_node *node, size_t value)
{
    if (is_operator(node, "BatchNormalization")) {
        return read_normalisation(step, executor, node);
    }
    if (is_operator(node, "Clip")) {
        return read_clip(step, executor, node);
    }
    if (is_operator(node, "Add")) {
        *step = (oa_finish_step){.kind = OA_FINISH_ADD,
                                 .other = bound_input(executor, node, node->inputs[0] == value ? 1 : 0)};
        return step->other != NULL;
    }
    *step = (oa_finish_step){.kind = is_operator(node, "Relu") ? OA_FINISH_RELU : OA_FINISH_HARD_SWISH};
    return true;
}

void oa_executor_plan_chain(oa_chain *chain, oa_executor *executor, size_t index)
{
    const oa_graph *graph = executor->graph;
    *chain = (oa_chain){.last = index};
    const oa_node *head = &graph->nodes[index];
    if (executor->run->nodes || executor->watcher || executor->keeps || executor->overrides ||
        !is_operator(head, "Conv") ||
        !bound_input(executor, head, 0)) { /* 16-bit floats are rounded after every node */
        return;
    }
    while (executor->followers[chain->last] != OA_NONE && chain->finish.count < OA_FINISH_MOST) {
        size_t next = executor->followers[chain->last], value = graph->nodes[chain->last].outputs[0];
        if (!read_step(&chain->finish.steps[chain->finish.count], executor, &graph->nodes[next], value)) {
            return;
        }
        chain->finish.count++;
        chain->last = next;
    }
}

void oa_executor_end_chain(oa_chain *chain, oa_executor *executor)
{
    for (size_t i = 0; i < chain->finish.count; i++) {
        const oa_finish_step *step = &chain->finish.steps[i];
        if (step->kind == OA_FINISH_NORMALISE) {
            float *factor;
            memcpy(&factor, &step->factor, sizeof factor);
            oa_blocks_give(&executor->blocks, factor, step->channels * sizeof *factor);
        }
    }
}

void oa_executor_skip_chain(oa_executor *executor, size_t index, const oa_chain *chain)
{
    const oa_graph *graph = executor->graph;
    for (size_t i = index; i != chain->last;) {
        size_t value = graph->nodes[i].outputs[0], next = executor->followers[i];
        const oa_node *node = &graph->nodes[next];
        executor->run->is_done[next] = true;
        for (size_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k] != OA_NONE && node->inputs[k] != value) {
                oa_executor_consume(executor, node->inputs[k]);
            }
        }
        i = next;
    }
}
