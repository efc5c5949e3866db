/* One forward and one backward pass. The gradient of a value lives from its first contribution until its producer has
 * been differentiated; then its memory serves the next. */
#include "core/grad/gradient_private.h"
#include "core/grad/loss.h"

#include <string.h>

/* The executor reads payloads only, and takes them from the caller's arrays. */
static void set_weights(oa_gradient *gradient, const float *const *weights)
{
    for (size_t t = 0; t < gradient->weights.count; t++) {
        gradient->weights.data[t] = NULL;
        if (weights && weights[t]) {
            memcpy(&gradient->weights.data[t], &weights[t], sizeof weights[t]);
        }
    }
}

/* Values that the gradient passes are float32. */
static oa_status check_types(const oa_gradient *gradient, oa_error *error)
{
    const oa_graph *graph = gradient->graph;
    for (size_t v = 0; v < graph->value_count; v++) {
        if (!gradient->slots[v].is_wanted && v != graph->outputs[0]) {
            continue;
        }
        oa_dtype dtype = oa_executor_value(gradient->executor, v)->dtype;
        if (dtype != OA_DTYPE_FLOAT) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "value '%s' is %s; gradients are of float32 only",
                           graph->values[v].name, oa_dtype_name(dtype));
        }
    }
    return OA_OK;
}

static void open_slots(oa_gradient *gradient, float *const *gradients)
{
    const oa_graph *graph = gradient->graph;
    for (size_t v = 0; v < graph->value_count; v++) {
        bool is_wanted = gradient->slots[v].is_wanted;
        gradient->slots[v] = (oa_gradient_slot){.is_wanted = is_wanted};
        size_t t = graph->values[v].tensor;
        if (is_wanted && t != OA_NONE) {
            gradient->slots[v].data = gradients[t];
            gradient->slots[v].is_borrowed = true;
        }
    }
}

static void close_slot(oa_gradient *gradient, size_t value)
{
    oa_gradient_slot *slot = &gradient->slots[value];
    if (!slot->is_borrowed) {
        size_t count = oa_executor_value(gradient->executor, value)->count;
        oa_blocks_give(oa_executor_blocks(gradient->executor), slot->data, count * sizeof(float));
    }
    slot->data = NULL;
    slot->is_filled = false;
}

static oa_status run_backward_node(oa_gradient *gradient, size_t index, oa_error *error)
{
    const oa_node *node = &gradient->graph->nodes[index];
    oa_backward_call call = {.slots = gradient->slots, .statistics = gradient->statistics[index]};
    bool has_gradient = false;
    for (size_t k = 0; k < node->output_count; k++) {
        has_gradient = has_gradient || (node->outputs[k] != OA_NONE && gradient->slots[node->outputs[k]].is_filled);
    }
    oa_status status = OA_OK;
    if (has_gradient) {
        call.forward = oa_executor_recall(gradient->executor, index);
        status = gradient->rows[index]->backward(&call, error);
    }
    for (size_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] != OA_NONE) {
            close_slot(gradient, node->outputs[k]);
        }
    }
    if (status != OA_OK) {
        oa_node_context(error, gradient->graph, node);
        oa_error_context(error, "backwards");
    }
    return status;
}

/* Wanted constants that nothing on the way reads have a gradient of zero. */
static void fill_rest(oa_gradient *gradient, float *const *gradients)
{
    const oa_graph *graph = gradient->graph;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        if (gradient->is_wanted[t] && !gradient->slots[graph->tensors[t].value].is_filled && graph->tensors[t].count) {
            memset(gradients[t], 0, graph->tensors[t].count * sizeof(float));
        }
    }
}

/* From the output back to the constants. */
static oa_status run_backward(double *loss, float *const *gradients, oa_gradient *gradient, const oa_target *target,
                              oa_error *error)
{
    const oa_graph *graph = gradient->graph;
    const oa_array *output = oa_executor_value(gradient->executor, graph->outputs[0]);
    oa_gradient_slot *first = &gradient->slots[graph->outputs[0]];
    open_slots(gradient, gradients);
    if (!first->data) {
        first->data = oa_blocks_take(oa_executor_blocks(gradient->executor), output->count, sizeof(float));
        if (!first->data) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the gradient of the output");
        }
    }
    oa_status status = oa_loss_run(loss, first->data, output, target, gradient->settings.loss, error);
    first->is_filled = true;
    for (size_t i = graph->live_count; i-- > 0 && status == OA_OK;) {
        if (gradient->rows[i]) {
            status = run_backward_node(gradient, i, error);
        }
    }
    if (status == OA_OK) {
        fill_rest(gradient, gradients);
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        close_slot(gradient, v);
    }
    return status;
}

oa_status oa_gradient_run(double *loss, float *const *gradients, oa_gradient *gradient, const oa_array *inputs,
                          const oa_target *target, const float *const *weights, oa_error *error)
{
    const oa_graph *graph = gradient->graph;
    double found = 0.0;
    set_weights(gradient, weights);
    oa_executor_keep(gradient->executor, gradients ? gradient->keeps : NULL);
    oa_status status = oa_executor_forward(gradient->executor, inputs, &gradient->weights, error);
    if (status != OA_OK) {
        return status;
    }
    if (gradients) {
        status = check_types(gradient, error);
    }
    if (status == OA_OK && gradients) {
        status = run_backward(&found, gradients, gradient, target, error);
    } else if (status == OA_OK) {
        const oa_array *output = oa_executor_value(gradient->executor, graph->outputs[0]);
        status = oa_loss_run(&found, NULL, output, target, gradient->settings.loss, error);
    }
    oa_executor_release(gradient->executor);
    if (status == OA_OK) {
        *loss = found;
    }
    return status;
}
