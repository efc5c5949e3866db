/* Running one node: its inputs, its kernel, its outputs. */
#include "core/exec/executor_private.h"

#include <string.h>

void oa_node_context(oa_error *error, const oa_graph *graph, const oa_node *node)
{
    oa_error_context(error, "node '%s' (%s)", oa_node_label(graph, node), node->op_type);
}

static bool is_half(oa_dtype dtype)
{
    return dtype == OA_DTYPE_FLOAT16 || dtype == OA_DTYPE_BFLOAT16;
}

static oa_status prepare_inputs(oa_executor *executor, const oa_node *node, bool widens, oa_error *error)
{
    oa_call *call = &executor->call;
    for (size_t i = 0; i < node->input_count; i++) {
        size_t value = node->inputs[i];
        if (value == OA_NONE) {
            call->inputs[i] = NULL;
            call->dtypes[i] = OA_DTYPE_UNDEFINED;
            call->is_takeable[i] = false;
            continue;
        }
        const oa_value_slot *slot = &executor->run->slots[value];
        if (!slot->is_bound) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "input '%s' is of an element type that cannot be computed with",
                           executor->graph->values[value].name);
        }
        call->inputs[i] = &slot->array;
        call->dtypes[i] = slot->array.dtype;
        call->is_takeable[i] = oa_executor_is_last_use(executor, value);
        if (widens && is_half(slot->array.dtype)) {
            oa_array *wide = &executor->widened[i];
            oa_status status = oa_array_from_blocks(wide, &executor->blocks, OA_DTYPE_FLOAT, slot->array.dims,
                                                    slot->array.rank, error);
            if (status != OA_OK) {
                return status;
            }
            oa_floats_to_f32(wide->data, slot->array.data, slot->array.dtype, slot->array.count);
            call->inputs[i] = wide;
            call->is_takeable[i] = true;
        }
    }
    return OA_OK;
}

static oa_status prepare_call(oa_executor *executor, const oa_node *node, bool widens, oa_error *error)
{
    oa_call *call = &executor->call;
    call->node = node;
    call->input_count = node->input_count;
    call->output_count = node->output_count;
    call->attributes_read = 0;
    call->bad_attribute = NULL;
    call->finish = NULL;
    call->is_finished = false;
    for (size_t i = 0; i < node->input_count; i++) {
        call->is_taken[i] = false;
        executor->widened[i] = (oa_array){0};
    }
    for (size_t i = 0; i < node->output_count; i++) {
        call->outputs[i] = (oa_array){0};
        call->is_wanted[i] = node->outputs[i] != OA_NONE && executor->reads[node->outputs[i]] > 0;
        call->passed[i] = OA_NONE;
    }
    oa_status status = prepare_inputs(executor, node, widens, error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        call->narrow[i] = widens && node->input_count ? call->dtypes[0] : OA_DTYPE_UNDEFINED;
    }
    return OA_OK;
}

/* What became of the inputs: buffers that an output took over are no longer theirs. */
static void settle_inputs(oa_executor *executor, const oa_node *node)
{
    oa_call *call = &executor->call;
    for (size_t i = 0; i < node->input_count; i++) {
        oa_array *wide = &executor->widened[i];
        if (call->is_taken[i] && wide->data) {
            wide->data = NULL;
        } else if (call->is_taken[i]) {
            executor->run->slots[executor->run->slots[node->inputs[i]].root].buffer = NULL;
        }
        oa_blocks_give(&executor->blocks, wide->data, wide->count * sizeof(float));
        *wide = (oa_array){0};
    }
}

static oa_status check_attributes(const oa_call *call, oa_error *error)
{
    if (call->bad_attribute) {
        return oa_fail(error, OA_ERROR_INPUT, "attribute '%s' is not of the type that the operator defines",
                       call->bad_attribute);
    }
    for (size_t i = 0; i < call->node->attribute_count; i++) {
        const char *name = call->node->attributes[i].name;
        /* consumed_inputs was a hint to optimisers up to operator set 5. */
        if (!(call->attributes_read >> i & 1) && strcmp(name, "consumed_inputs") != 0) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "attribute '%s' is not known in operator set %lld", name,
                           (long long)call->node->version);
        }
    }
    return OA_OK;
}

/* Rounds a float32 output to the type that it should have. */
static oa_status narrow_output(oa_array *output, oa_blocks *blocks, oa_dtype dtype, oa_error *error)
{
    oa_array narrow;
    oa_status status = oa_array_from_blocks(&narrow, blocks, dtype, output->dims, output->rank, error);
    if (status != OA_OK) {
        return status;
    }
    oa_floats_from_f32(narrow.data, dtype, output->data, output->count);
    oa_blocks_give(blocks, output->data, output->count * sizeof(float));
    *output = narrow;
    return OA_OK;
}

static oa_status finish_outputs(oa_executor *executor, const oa_node *node, oa_error *error)
{
    oa_call *call = &executor->call;
    for (size_t i = 0; i < node->output_count; i++) {
        oa_array *output = &call->outputs[i];
        if (call->is_wanted[i] && output->dtype == OA_DTYPE_UNDEFINED) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "output %zu is not computed", i);
        }
        if (call->passed[i] != OA_NONE) {
            const oa_array *origin = &executor->run->slots[node->inputs[call->passed[i]]].array;
            output->data = origin->data; /* not a widened copy */
            output->dtype = origin->dtype;
            continue;
        }
        oa_status status = OA_OK;
        if (output->dtype == OA_DTYPE_FLOAT && is_half(call->narrow[i])) {
            status = narrow_output(output, &executor->blocks, call->narrow[i], error);
        } else if (output->dtype == OA_DTYPE_STRING && !output->is_view) {
            status = oa_array_pack_strings(output, error);
        }
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

/* Puts the outputs of the call into the slots of the node's, which own them from here on. */
static void install_outputs(oa_executor *executor, const oa_node *node)
{
    oa_call *call = &executor->call;
    for (size_t i = 0; i < node->output_count; i++) {
        oa_array *output = &call->outputs[i];
        if (!call->is_wanted[i]) {
            oa_array_free(output);
            continue;
        }
        size_t value = node->outputs[i];
        oa_value_slot *slot = &executor->run->slots[value];
        slot->root = call->passed[i] == OA_NONE ? value : executor->run->slots[node->inputs[call->passed[i]]].root;
        executor->run->slots[slot->root].holds++;
        if (!output->is_view) {
            slot->buffer = output->data;
            slot->bytes = output->dtype == OA_DTYPE_STRING ? 0 : output->count * oa_dtype_size(output->dtype);
        }
        oa_slot_bind(slot, output, output->data);
        *output = (oa_array){0};
    }
}

static oa_status show_outputs(const oa_executor *executor, const oa_node *node, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; executor->watcher && i < node->output_count && status == OA_OK; i++) {
        size_t value = node->outputs[i];
        if (value != OA_NONE && executor->reads[value] > 0) {
            status = executor->watcher(executor->watcher_context, value, &executor->run->slots[value].array, error);
        }
    }
    return status;
}

oa_status oa_executor_run_node(oa_executor *executor, size_t index, oa_error *error)
{
    const oa_node *node = &executor->graph->nodes[index];
    const oa_operator *row = executor->operators[index];
    oa_call *call = &executor->call;
    oa_chain chain = {.last = index};
    oa_status status = prepare_call(executor, node, row->widens, error);
    if (status == OA_OK) {
        const oa_override *override = executor->overrides ? &executor->overrides[index] : NULL;
        bool is_overridden = override && override->kernel;
        call->context = is_overridden ? override->context : NULL;
        oa_executor_plan_chain(&chain, executor, index);
        call->finish = chain.finish.count ? &chain.finish : NULL;
        status = is_overridden ? override->kernel(call, error) : row->kernel(call, error);
    }
    oa_executor_end_chain(&chain, executor);
    settle_inputs(executor, node);
    if (status == OA_OK) {
        status = check_attributes(call, error);
    }
    if (status == OA_OK) {
        status = finish_outputs(executor, node, error);
    }
    if (status != OA_OK) {
        for (size_t i = 0; i < node->output_count; i++) {
            oa_array_free(&call->outputs[i]);
        }
        oa_node_context(error, executor->graph, node);
        return status;
    }
    install_outputs(executor, call->is_finished ? &executor->graph->nodes[chain.last] : node);
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != OA_NONE) {
            oa_executor_consume(executor, node->inputs[i]);
        }
    }
    if (call->is_finished) {
        oa_executor_skip_chain(executor, index, &chain);
    }
    return show_outputs(executor, node, error);
}

oa_call *oa_executor_recall(oa_executor *executor, size_t node)
{
    const oa_node *recalled = &executor->graph->nodes[node];
    oa_call *call = &executor->call;
    call->node = recalled;
    call->input_count = recalled->input_count;
    call->output_count = recalled->output_count;
    call->attributes_read = 0;
    call->bad_attribute = NULL;
    call->context = executor->overrides ? executor->overrides[node].context : NULL;
    for (size_t i = 0; i < recalled->input_count; i++) {
        size_t value = recalled->inputs[i];
        call->inputs[i] = value == OA_NONE ? NULL : &executor->run->slots[value].array;
        call->dtypes[i] = value == OA_NONE ? OA_DTYPE_UNDEFINED : executor->run->slots[value].array.dtype;
        call->is_takeable[i] = call->is_taken[i] = false;
    }
    for (size_t i = 0; i < recalled->output_count; i++) {
        size_t value = recalled->outputs[i];
        call->is_wanted[i] = value != OA_NONE && executor->reads[value] > 0;
        call->outputs[i] = call->is_wanted[i] ? executor->run->slots[value].array : (oa_array){0};
        call->passed[i] = OA_NONE;
    }
    return call;
}
