#include "core/grad/backward.h"

#include "core/exec/broadcast.h"

#include <string.h>

enum { LANES = 8 };

const float *oa_backward_output(const oa_backward_call *call, size_t index)
{
    const oa_node *node = call->forward->node;
    size_t value = index < node->output_count ? node->outputs[index] : OA_NONE;
    return value != OA_NONE && call->slots[value].is_filled ? call->slots[value].data : NULL;
}

bool oa_backward_wants(const oa_backward_call *call, size_t slot)
{
    size_t value = oa_node_input(call->forward->node, slot);
    return value != OA_NONE && call->slots[value].is_wanted;
}

oa_status oa_backward_sink(oa_sink *sink, oa_backward_call *call, size_t slot, oa_error *error)
{
    oa_gradient_slot *to = &call->slots[call->forward->node->inputs[slot]];
    size_t count = call->forward->inputs[slot]->count;
    if (!to->data) {
        to->data = oa_blocks_take(call->forward->blocks, count, sizeof(float));
    }
    if (!to->data) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a gradient of %zu elements", count);
    }
    *sink = (oa_sink){.data = to->data, .adds = to->is_filled};
    to->is_filled = true;
    return OA_OK;
}

oa_status oa_backward_sink_in_place(oa_sink *sink, oa_backward_call *call, size_t slot, oa_error *error)
{
    const oa_call *forward = call->forward;
    oa_gradient_slot *to = &call->slots[forward->node->inputs[slot]];
    oa_gradient_slot *from = &call->slots[forward->node->outputs[0]];
    if (!to->data && from->data && forward->inputs[slot]->count == forward->outputs[0].count) {
        to->data = from->data;
        from->data = NULL;
    }
    return oa_backward_sink(sink, call, slot, error);
}

void oa_sink_clear(oa_sink *sink, size_t count)
{
    if (!sink->adds && count) {
        memset(sink->data, 0, count * sizeof(float));
    }
    sink->adds = true;
}

void oa_sink_put(const oa_sink *sink, const float *source, size_t count, float factor)
{
    float *data = sink->data;
    if (sink->adds) {
        for (size_t i = 0; i < count; i++) {
            data[i] += factor * source[i];
        }
    } else if (factor == 1.0f && count) {
        memmove(data, source, count * sizeof(float)); /* they may be the same */
    } else {
        for (size_t i = 0; i < count; i++) {
            data[i] = factor * source[i];
        }
    }
}

static float sum_run(const float *source, size_t count)
{
    float lanes[LANES] = {0.0f}, sum = 0.0f;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            lanes[l] += source[i + l];
        }
    }
    for (; i < count; i++) {
        sum += source[i];
    }
    for (size_t l = 0; l < LANES; l++) {
        sum += lanes[l];
    }
    return sum;
}

void oa_sink_sum(oa_sink *sink, const oa_array *shape, const float *source, const size_t *dims, size_t rank,
                 float factor)
{
    size_t count = 1;
    for (size_t d = 0; d < rank; d++) {
        count *= dims[d];
    }
    if (shape->count == count) {
        oa_sink_put(sink, source, count, factor);
        return;
    }
    oa_sink_clear(sink, shape->count);
    if (count == 0) {
        return;
    }
    oa_broadcast walk;
    oa_broadcast_start(&walk, dims, rank, (const oa_array *const[]){shape}, 1);
    do {
        float *restrict to = sink->data + walk.offsets[0];
        if (walk.run_step[0]) {
            for (size_t i = 0; i < walk.run; i++) {
                to[i] += factor * source[i];
            }
        } else {
            *to += factor * sum_run(source, walk.run);
        }
        source += walk.run;
    } while (oa_broadcast_next(&walk));
}

oa_status oa_backward_pass(oa_backward_call *call, oa_error *error)
{
    const float *gradient = oa_backward_output(call, 0);
    oa_sink sink = {0};
    oa_status status = oa_backward_sink_in_place(&sink, call, 0, error);
    if (status == OA_OK && (sink.adds || sink.data != gradient)) {
        oa_sink_put(&sink, gradient, call->forward->inputs[0]->count, 1.0f);
    }
    return status;
}

oa_status oa_backward_reduce(oa_backward_call *call, size_t slot, float factor, oa_error *error)
{
    const oa_array *output = &call->forward->outputs[0];
    oa_sink sink = {0};
    oa_status status = oa_backward_sink(&sink, call, slot, error);
    if (status == OA_OK) {
        oa_sink_sum(&sink, call->forward->inputs[slot], oa_backward_output(call, 0), output->dims, output->rank,
                    factor);
    }
    return status;
}
