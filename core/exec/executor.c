/* Walks the nodes in their topological order. Buffers are counted: a value that is passed on under another shape shares
 * its buffer with the value it came from, and a buffer goes when the last value in it has been read for the last time.
 */
#include "core/exec/executor_private.h"

#include <string.h>

void oa_slot_bind(oa_value_slot *slot, const oa_array *array, void *data)
{
    slot->array = *array;
    slot->array.data = data;
    slot->array.is_view = true;
    slot->is_bound = true;
}

void oa_executor_forget(oa_executor *executor, size_t value)
{
    oa_value_slot *root = &executor->run->slots[executor->run->slots[value].root];
    executor->run->slots[value].is_bound = false;
    executor->run->slots[value].array.data = NULL;
    if (root->holds && --root->holds == 0) {
        oa_blocks_give(&executor->blocks, root->buffer, root->bytes);
        root->buffer = NULL;
    }
}

static bool is_kept(const oa_executor *executor, size_t value)
{
    return executor->keeps && executor->keeps[value];
}

void oa_executor_consume(oa_executor *executor, size_t value)
{
    if (--executor->run->slots[value].reads == 0 && !is_kept(executor, value)) {
        oa_executor_forget(executor, value);
    }
}

bool oa_executor_is_last_use(const oa_executor *executor, size_t value)
{
    const oa_value_slot *slot = &executor->run->slots[value];
    const oa_value_slot *root = &executor->run->slots[slot->root];
    return slot->reads == 1 && root->holds == 1 && root->buffer && !is_kept(executor, value);
}

static oa_status check_input(const oa_value *declared, const oa_array *array, oa_error *error)
{
    if (declared->dtype != OA_DTYPE_UNDEFINED && declared->dtype != array->dtype) {
        return oa_fail(error, OA_ERROR_INPUT, "input '%s' is %s and should be %s", declared->name,
                       oa_dtype_name(array->dtype), oa_dtype_name(declared->dtype));
    }
    /* The count is computed again: nothing else vouches for it. */
    oa_array checked;
    oa_status status = oa_array_view(&checked, array->data, array->dtype, array->dims, array->rank, error);
    if (status == OA_OK && (checked.count != array->count || (checked.count && !array->data))) {
        status = oa_fail(error, OA_ERROR_INPUT, "input '%s' is not a well-formed array", declared->name);
    }
    return status;
}

static oa_status bind_inputs(oa_executor *executor, const oa_array *inputs, oa_error *error)
{
    const oa_graph *graph = executor->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        size_t value = graph->inputs[i];
        if (executor->reads[value] == 0) {
            continue;
        }
        oa_status status = check_input(&graph->values[value], &inputs[i], error);
        if (status != OA_OK) {
            return status;
        }
        oa_slot_bind(&executor->run->slots[value], &inputs[i], inputs[i].data);
    }
    return OA_OK;
}

/* A run that failed may have been given data of another shape than the model declares. That alone is no error, since
 * shapes are found while running, but it is the likely reason. */
static void explain_shapes(const oa_executor *executor, const oa_array *inputs, oa_error *error)
{
    const oa_graph *graph = executor->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        const oa_value *declared = &graph->values[graph->inputs[i]];
        if (!declared->has_shape || executor->reads[graph->inputs[i]] == 0) {
            continue;
        }
        bool is_fitting = declared->rank == inputs[i].rank;
        for (size_t d = 0; is_fitting && d < declared->rank; d++) {
            is_fitting = declared->dims[d] < 0 || (uint64_t)declared->dims[d] == inputs[i].dims[d];
        }
        if (!is_fitting) {
            char text[OA_SHAPE_TEXT_SIZE];
            oa_error_context(error, "input '%s' of shape %s, which is not the shape that the model declares",
                             declared->name, oa_shape_text(text, inputs[i].dims, inputs[i].rank));
            return;
        }
    }
}

/* Constants stay where they are. Those of element types that cannot be read stay unbound, which only matters to a
 * reader. */
static void bind_constants(oa_executor *executor, const oa_payloads *payloads)
{
    const oa_graph *graph = executor->graph;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const oa_tensor *tensor = &graph->tensors[t];
        const void *payload = oa_payload(payloads, graph, t);
        void *data;
        memcpy(&data, &payload, sizeof data); /* views are not written to */
        oa_array array;
        if ((data || tensor->count == 0) &&
            oa_array_view(&array, data, tensor->dtype, tensor->dims, tensor->rank, NULL) == OA_OK) {
            oa_slot_bind(&executor->run->slots[tensor->value], &array, data);
        }
    }
}

/* Moves the graph's outputs into `results`, copying those whose memory is not the executor's or is needed again. */
static oa_status collect(oa_executor *executor, oa_error *error)
{
    const oa_graph *graph = executor->graph;
    for (size_t i = 0; i < graph->output_count; i++) {
        size_t value = graph->outputs[i];
        oa_value_slot *slot = &executor->run->slots[value];
        if (!slot->is_bound) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "graph output '%s' has no elements that can be read",
                           graph->values[value].name);
        }
        if (oa_executor_is_last_use(executor, value)) {
            executor->results[i] = slot->array;
            executor->results[i].is_view = false;
            executor->run->slots[slot->root].buffer = NULL;
        } else {
            oa_status status = oa_array_copy(&executor->results[i], &slot->array, error);
            if (status != OA_OK) {
                return status;
            }
        }
        oa_executor_consume(executor, value);
    }
    return OA_OK;
}

oa_status oa_execution_start(oa_execution *run, const oa_array *inputs, oa_error *error)
{
    oa_executor *executor = run->executor;
    const oa_graph *graph = executor->graph;
    for (size_t i = 0; i < graph->value_count; i++) {
        run->slots[i] = (oa_value_slot){.root = i, .reads = executor->reads[i]};
    }
    memset(run->is_done, 0, graph->live_count * sizeof *run->is_done);
    run->nodes = NULL;
    run->inputs = inputs;
    executor->run = run;
    oa_status status = bind_inputs(executor, inputs, error);
    if (status == OA_ERROR_INPUT) {
        explain_shapes(executor, inputs, error);
    }
    return status;
}

oa_status oa_execution_run_nodes(oa_execution *run, const oa_payloads *payloads, oa_error *error)
{
    oa_executor *executor = run->executor;
    oa_status status = OA_OK;
    executor->run = run;
    bind_constants(executor, payloads);
    for (size_t i = 0; i < executor->graph->live_count && status == OA_OK; i++) {
        if (!run->is_done[i] && (!run->nodes || run->nodes[i])) {
            status = oa_executor_run_node(executor, i, error);
            run->is_done[i] = true;
        }
    }
    if (status == OA_ERROR_INPUT && run->inputs) {
        explain_shapes(executor, run->inputs, error);
    }
    return status;
}

/* Runs all nodes; the values that are left stay in their slots. */
static oa_status run_whole(oa_executor *executor, const oa_array *inputs, const oa_payloads *payloads, oa_error *error)
{
    oa_status status = oa_execution_start(&executor->whole, inputs, error);
    return status == OA_OK ? oa_execution_run_nodes(&executor->whole, payloads, error) : status;
}

void oa_execution_release(oa_execution *run)
{
    oa_executor *executor = run->executor;
    for (size_t i = 0; i < executor->graph->value_count; i++) {
        oa_value_slot *slot = &run->slots[i];
        oa_blocks_give(&executor->blocks, slot->buffer, slot->bytes);
        slot->buffer = NULL;
    }
    oa_blocks_age(&executor->blocks);
}

void oa_executor_release(oa_executor *executor)
{
    oa_execution_release(&executor->whole);
}

oa_status oa_executor_run(oa_array *outputs, oa_executor *executor, const oa_array *inputs, const oa_payloads *payloads,
                          oa_error *error)
{
    oa_status status = run_whole(executor, inputs, payloads, error);
    if (status == OA_OK) {
        status = collect(executor, error);
    }
    oa_executor_release(executor);
    for (size_t i = 0; i < executor->graph->output_count; i++) {
        if (status == OA_OK) {
            outputs[i] = executor->results[i];
        } else {
            oa_array_free(&executor->results[i]);
        }
        executor->results[i] = (oa_array){0};
    }
    return status;
}

oa_status oa_executor_forward(oa_executor *executor, const oa_array *inputs, const oa_payloads *payloads,
                              oa_error *error)
{
    oa_status status = run_whole(executor, inputs, payloads, error);
    if (status != OA_OK) {
        oa_executor_release(executor);
    }
    return status;
}

const oa_array *oa_executor_value(const oa_executor *executor, size_t value)
{
    return &executor->run->slots[value].array;
}
