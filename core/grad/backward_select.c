/* Where, backwards: each operand gets the gradient where it was chosen. */
#include "core/exec/broadcast.h"
#include "core/grad/backward_kernels.h"

enum { CHUNK = 256 };

/* to[i] = g[i] where the condition is `chosen`, else 0. */
static void choose(float *restrict to, const float *g, const uint8_t *condition, size_t step, bool chosen, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (condition[i * step] != 0) == chosen ? g[i] : 0.0f;
    }
}

static oa_status contribute(oa_backward_call *call, size_t slot, oa_error *error)
{
    const oa_array *condition = call->forward->inputs[0], *own = call->forward->inputs[slot];
    const oa_array *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0);
    float terms[CHUNK];
    oa_sink sink;
    oa_status status = oa_backward_sink(&sink, call, slot, error);
    if (status != OA_OK) {
        return status;
    }
    oa_sink_clear(&sink, own->count);
    if (y->count == 0) {
        return OA_OK;
    }
    oa_broadcast walk;
    oa_broadcast_start(&walk, y->dims, y->rank, (const oa_array *const[]){condition, own}, 2);
    do {
        for (size_t first = 0; first < walk.run; first += CHUNK) {
            size_t n = walk.run - first < CHUNK ? walk.run - first : CHUNK, step = walk.run_step[1];
            choose(terms, g, (const uint8_t *)condition->data + walk.offsets[0] + first * walk.run_step[0],
                   walk.run_step[0], slot == 1, n);
            oa_sink part = {.data = sink.data + walk.offsets[1] + first * step, .adds = true};
            oa_array shape = {.count = step ? n : 1, .rank = 1, .dims = {step ? n : 1}};
            oa_sink_sum(&part, &shape, terms, &n, 1, 1.0f);
            g += n;
        }
    } while (oa_broadcast_next(&walk));
    return OA_OK;
}

oa_status oa_backward_where(oa_backward_call *call, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t slot = 1; slot < 3 && status == OA_OK; slot++) {
        if (oa_backward_wants(call, slot)) {
            status = contribute(call, slot, error);
        }
    }
    return status;
}
