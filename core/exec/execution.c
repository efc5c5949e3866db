/* Runs that stop on their way. What they hold lies in their slots; everything else is the executor's, which they take
 * turns to use. */
#include "core/exec/executor_private.h"

#include <string.h>

oa_status oa_execution_init(oa_execution *run, oa_executor *executor, oa_error *error)
{
    *run = (oa_execution){.executor = executor,
                          .slots = oa_calloc(executor->graph->value_count, sizeof *run->slots),
                          .is_done = oa_calloc(executor->graph->live_count, sizeof *run->is_done)};
    return run->slots && run->is_done ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for a run of the graph");
}

void oa_execution_free(oa_execution *run)
{
    oa_free(run->slots);
    oa_free(run->is_done);
    *run = (oa_execution){0};
}

oa_status oa_execution_create(oa_execution **run, oa_executor *executor, const oa_array *inputs, oa_error *error)
{
    oa_execution *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a run of the graph");
    }
    oa_status status = oa_execution_init(made, executor, error);
    if (status == OA_OK) {
        status = oa_execution_start(made, inputs, error);
    }
    if (status != OA_OK) {
        oa_execution_destroy(made);
        return status;
    }
    *run = made;
    return OA_OK;
}

void oa_execution_destroy(oa_execution *run)
{
    if (!run) {
        return;
    }
    if (run->executor->run == run) {
        run->executor->run = &run->executor->whole;
    }
    if (run->slots) {
        oa_execution_release(run);
    }
    oa_execution_free(run);
    oa_free(run);
}

oa_status oa_execution_advance(oa_execution *run, const bool *nodes, const oa_payloads *payloads, oa_error *error)
{
    run->nodes = nodes;
    return oa_execution_run_nodes(run, payloads, error);
}

/* One more use of each input of the nodes, so that running them is never the last. */
static void reserve_inputs(oa_execution *run, const bool *nodes)
{
    const oa_graph *graph = run->executor->graph;
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->input_count && nodes[i]; k++) {
            if (node->inputs[k] != OA_NONE) {
                run->slots[node->inputs[k]].reads++;
            }
        }
    }
}

static void take_back(oa_execution *run, const bool *nodes)
{
    const oa_graph *graph = run->executor->graph;
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->output_count && nodes[i]; k++) {
            size_t value = node->outputs[k];
            if (value == OA_NONE) {
                continue;
            }
            if (run->slots[value].is_bound) {
                oa_executor_forget(run->executor, value);
            }
            run->slots[value] = (oa_value_slot){.root = value, .reads = run->executor->reads[value]};
        }
        run->is_done[i] = run->is_done[i] && !nodes[i];
    }
}

oa_status oa_execution_try(oa_execution *run, const bool *nodes, const oa_payloads *payloads, oa_error *error)
{
    reserve_inputs(run, nodes);
    oa_status status = oa_execution_advance(run, nodes, payloads, error);
    if (status == OA_OK) {
        take_back(run, nodes);
    }
    return status;
}

static oa_status copy_input(oa_value_slot *root, oa_blocks *blocks, const oa_array *given, oa_error *error)
{
    oa_array copy = {0};
    bool has_texts = given->dtype == OA_DTYPE_STRING; /* whose bytes lie behind the elements */
    oa_status status = has_texts ? oa_array_copy(&copy, given, error)
                                 : oa_array_from_blocks(&copy, blocks, given->dtype, given->dims, given->rank, error);
    if (status != OA_OK) {
        return status;
    }
    size_t bytes = given->count * oa_dtype_size(given->dtype);
    if (!has_texts && bytes) {
        memcpy(copy.data, given->data, bytes);
    }
    root->buffer = copy.data;
    root->bytes = has_texts ? 0 : bytes;
    return OA_OK;
}

/* Copies an input that is still to be read, and lets all values that lie in it (the same elements under other shapes)
 * lie in the copy. */
static oa_status own_input(oa_execution *run, size_t input, oa_error *error)
{
    oa_value_slot *root = &run->slots[input];
    size_t holds = 0;
    for (size_t v = 0; v < run->executor->graph->value_count; v++) {
        oa_value_slot *slot = &run->slots[v];
        if (slot->root != input || !slot->is_bound) {
            continue;
        }
        oa_status status = holds ? OA_OK : copy_input(root, &run->executor->blocks, &slot->array, error);
        if (status != OA_OK) {
            return status;
        }
        slot->array.data = root->buffer;
        holds++;
    }
    root->holds = holds;
    return OA_OK;
}

oa_status oa_execution_hold(size_t *bytes, oa_execution *run, oa_error *error)
{
    const oa_graph *graph = run->executor->graph;
    for (size_t i = 0; i < graph->input_count && run->inputs; i++) {
        oa_status status = own_input(run, graph->inputs[i], error);
        if (status != OA_OK) {
            return status;
        }
    }
    run->inputs = NULL;
    *bytes = graph->value_count * sizeof *run->slots + graph->live_count * sizeof *run->is_done;
    for (size_t v = 0; v < graph->value_count; v++) {
        *bytes += run->slots[v].buffer ? run->slots[v].bytes : 0;
    }
    return OA_OK;
}
