/* Preparing a gradient: which values it passes, and what must be kept for it. */
#include "core/grad/backward_kernels.h"
#include "core/grad/gradient_private.h"

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while preparing a gradient");
}

/* Does an output of the node depend on the input in this slot in a way that has a gradient? Of an unknown operator,
 * every one may. */
static bool passes(const oa_backward_row *row, size_t slot)
{
    return !row || (row->backward && (row->slots == OA_NONE || slot < row->slots));
}

/* Conversions to anything but floats are roundings: constant wherever they have a gradient. */
static bool is_rounding(const oa_node *node)
{
    int64_t to = oa_node_int(node, "to", OA_DTYPE_FLOAT);
    return oa_node_is(node, "Cast") && !(to > 0 && to <= OA_DTYPE_BFLOAT16 && oa_dtype_is_float((oa_dtype)to));
}

/* Flags of values [value_count]: from[v]: a wanted constant is behind it; to[v]: the output is before it. */
static void find_way(bool *from, bool *to, const oa_gradient *gradient, const oa_backward_row *const *rows)
{
    const oa_graph *graph = gradient->graph;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        from[graph->tensors[t].value] = gradient->is_wanted[t];
    }
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        bool is_behind = false;
        for (size_t k = 0; k < node->input_count && !is_rounding(node); k++) {
            is_behind = is_behind || (node->inputs[k] != OA_NONE && from[node->inputs[k]] && passes(rows[i], k));
        }
        for (size_t k = 0; k < node->output_count && is_behind; k++) {
            if (node->outputs[k] != OA_NONE) {
                from[node->outputs[k]] = true;
            }
        }
    }
    to[graph->outputs[0]] = true;
    for (size_t i = graph->live_count; i-- > 0;) {
        const oa_node *node = &graph->nodes[i];
        bool is_before = false;
        for (size_t k = 0; k < node->output_count; k++) {
            is_before = is_before || (node->outputs[k] != OA_NONE && to[node->outputs[k]]);
        }
        for (size_t k = 0; k < node->input_count && is_before && !is_rounding(node); k++) {
            if (node->inputs[k] != OA_NONE && passes(rows[i], k)) {
                to[node->inputs[k]] = true;
            }
        }
    }
}

/* Is the node on the way: has it an output that lies between a wanted constant and the output? */
static bool is_active(const oa_gradient *gradient, const oa_node *node)
{
    for (size_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] != OA_NONE && gradient->slots[node->outputs[k]].is_wanted) {
            return true;
        }
    }
    return false;
}

static void keep_for(oa_gradient *gradient, const oa_node *node, const oa_backward_row *row)
{
    for (size_t k = 0; k < node->input_count; k++) {
        /* Inputs without a gradient are what an operator is told with: axes, indices, bounds. */
        if (node->inputs[k] != OA_NONE && ((row->reads & OA_READS_INPUTS) || !passes(row, k))) {
            gradient->keeps[node->inputs[k]] = true;
        }
    }
    for (size_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] != OA_NONE && (row->reads & OA_READS_OUTPUT)) {
            gradient->keeps[node->outputs[k]] = true;
        }
    }
}

/* Sets rows, keeps and the slots' is_wanted. */
static oa_status plan(oa_gradient *gradient, bool *from, bool *to, oa_error *error)
{
    const oa_graph *graph = gradient->graph;
    for (size_t i = 0; i < graph->live_count; i++) {
        gradient->rows[i] = oa_backward_find(graph->nodes[i].domain, graph->nodes[i].op_type);
    }
    find_way(from, to, gradient, gradient->rows);
    for (size_t v = 0; v < graph->value_count; v++) {
        gradient->slots[v].is_wanted = from[v] && to[v];
        /* Constants and inputs cost nothing to keep. */
        gradient->keeps[v] = graph->values[v].tensor != OA_NONE || graph->values[v].is_input;
    }
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        if (!is_active(gradient, node)) {
            gradient->rows[i] = NULL;
        } else if (!gradient->rows[i]) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "node '%s': the gradient of operator %s%s%s is not known",
                           oa_node_label(graph, node), node->domain, node->domain[0] ? "." : "", node->op_type);
        } else {
            keep_for(gradient, node, gradient->rows[i]);
        }
    }
    return OA_OK;
}

/* BatchNormalization by the batch's own statistics, on the way or before it. */
static oa_status set_up_training(oa_gradient *gradient, oa_error *error)
{
    const oa_graph *graph = gradient->graph;
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        bool is_own = node->version >= 14 && oa_node_int(node, "training_mode", 0) != 0;
        if (!oa_node_is(node, "BatchNormalization") || !(gradient->settings.is_training || is_own)) {
            continue;
        }
        oa_batch_statistics *statistics = oa_calloc(1, sizeof *statistics);
        if (!statistics) {
            return no_memory(error);
        }
        gradient->statistics[i] = statistics;
        oa_status status =
            oa_executor_override(gradient->executor, i, oa_forward_batch_normalization, statistics, error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

static bool make_lists(oa_gradient *gradient)
{
    const oa_graph *graph = gradient->graph;
    gradient->rows = oa_calloc(graph->live_count, sizeof *gradient->rows);
    gradient->keeps = oa_calloc(graph->value_count, sizeof *gradient->keeps);
    gradient->is_wanted = oa_calloc(graph->tensor_count, sizeof *gradient->is_wanted);
    gradient->slots = oa_calloc(graph->value_count, sizeof *gradient->slots);
    gradient->statistics = oa_calloc(graph->live_count, sizeof *gradient->statistics);
    gradient->weights.data = oa_calloc(graph->tensor_count, sizeof *gradient->weights.data);
    gradient->weights.count = graph->tensor_count;
    return gradient->rows && gradient->keeps && gradient->is_wanted && gradient->slots && gradient->statistics &&
           gradient->weights.data;
}

static oa_status check_wanted(const oa_graph *graph, const bool *wants, oa_error *error)
{
    for (size_t t = 0; t < graph->tensor_count; t++) {
        if (wants[t] && graph->tensors[t].dtype != OA_DTYPE_FLOAT) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "the gradient of constant '%s', which is %s and not float32",
                           graph->tensors[t].name, oa_dtype_name(graph->tensors[t].dtype));
        }
    }
    return graph->output_count ? OA_OK : oa_fail(error, OA_ERROR_INPUT, "the graph has no output");
}

oa_status oa_gradient_create(oa_gradient **gradient, const oa_graph *graph, const bool *wants,
                             const oa_gradient_settings *settings, oa_error *error)
{
    bool *from = NULL, *to = NULL;
    oa_gradient *made = NULL;
    oa_status status = check_wanted(graph, wants, error);
    if (status != OA_OK) {
        return status;
    }
    made = oa_calloc(1, sizeof *made);
    from = oa_calloc(graph->value_count, sizeof *from);
    to = oa_calloc(graph->value_count, sizeof *to);
    if (made) {
        made->graph = graph;
        made->settings = *settings;
    }
    if (!made || !from || !to || !make_lists(made)) {
        status = no_memory(error);
        goto done;
    }
    for (size_t t = 0; t < graph->tensor_count; t++) {
        made->is_wanted[t] = wants[t];
    }
    status = plan(made, from, to, error);
    if (status == OA_OK) {
        status = oa_executor_create(&made->executor, graph, error);
    }
    if (status == OA_OK) {
        status = set_up_training(made, error);
    }
done:
    oa_free(from);
    oa_free(to);
    if (status == OA_OK) {
        *gradient = made;
    } else {
        oa_gradient_destroy(made);
    }
    return status;
}

void oa_gradient_destroy(oa_gradient *gradient)
{
    if (!gradient) {
        return;
    }
    oa_executor_destroy(gradient->executor);
    for (size_t i = 0; gradient->statistics && i < gradient->graph->live_count; i++) {
        if (gradient->statistics[i]) {
            oa_batch_statistics_free(gradient->statistics[i]);
            oa_free(gradient->statistics[i]);
        }
    }
    oa_free(gradient->rows);
    oa_free(gradient->keeps);
    oa_free(gradient->is_wanted);
    oa_free(gradient->slots);
    oa_free(gradient->statistics);
    oa_free(gradient->weights.data);
    oa_free(gradient);
}

bool oa_gradient_batch_statistics(const float **mean, const float **variance, size_t *channels,
                                  const oa_gradient *gradient, size_t node)
{
    const oa_batch_statistics *statistics = node < gradient->graph->live_count ? gradient->statistics[node] : NULL;
    if (!statistics || !statistics->sums) {
        return false;
    }
    *mean = statistics->mean;
    *variance = statistics->variance;
    *channels = statistics->channels;
    return true;
}
