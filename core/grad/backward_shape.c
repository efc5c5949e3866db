/* Transpose, Expand, Slice, Pad, Dropout and Cast, backwards: elements go back to where they came from. */
#include "core/exec/layouts.h"
#include "core/exec/strided.h"
#include "core/grad/backward_kernels.h"

#include <string.h>

/* A strided walk over one of two arrays while the other is packed. */
typedef struct walk {
    const size_t *dims;
    const ptrdiff_t *steps;
    size_t rank;
} walk;

/* to[sum of index * step] += source, which is packed over [dims]. */
static void scatter(float *to, const float *source, const walk *w)
{
    size_t index[OA_MAX_RANK] = {0}, last = w->rank ? w->rank - 1 : 0;
    size_t width = w->rank ? w->dims[last] : 1;
    ptrdiff_t step = w->rank ? w->steps[last] : 1, offset = 0;
    for (;;) {
        float *row = to + offset;
        for (size_t i = 0; i < width; i++) {
            row[(ptrdiff_t)i * step] += source[i];
        }
        source += width;
        size_t d = last;
        for (;;) {
            if (d == 0) {
                return;
            }
            d--;
            offset += w->steps[d];
            if (++index[d] < w->dims[d]) {
                break;
            }
            offset -= w->steps[d] * (ptrdiff_t)w->dims[d];
            index[d] = 0;
        }
    }
}

oa_status oa_backward_slice(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0];
    size_t dims[OA_MAX_RANK];
    ptrdiff_t steps[OA_MAX_RANK], offset;
    oa_sink sink;
    oa_status status = oa_slice_read(dims, steps, &offset, call->forward, error);
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status == OA_OK) {
        oa_sink_clear(&sink, x->count);
        if (call->forward->outputs[0].count) {
            scatter(sink.data + offset, oa_backward_output(call, 0), &(walk){dims, steps, x->rank});
        }
    }
    return status;
}

/* The sink, packed over the walk's dims, gets the elements of `source` at its steps. */
static oa_status gather(oa_backward_call *call, const float *source, const walk *w, oa_error *error)
{
    size_t count = call->forward->inputs[0]->count;
    oa_sink sink;
    oa_status status = oa_backward_sink(&sink, call, 0, error);
    if (status != OA_OK) {
        return status;
    }
    float *packed = sink.adds ? oa_call_scratch(call->forward, count, sizeof *packed) : sink.data;
    if (!packed) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a gradient of %zu elements", count);
    }
    oa_strided_copy(packed, source, w->dims, w->steps, w->rank, sizeof *packed);
    if (sink.adds) {
        oa_sink_put(&sink, packed, count, 1.0f);
    }
    return OA_OK;
}

oa_status oa_backward_transpose(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *y = &call->forward->outputs[0];
    const int64_t *order;
    size_t given;
    ptrdiff_t own[OA_MAX_RANK], steps[OA_MAX_RANK];
    oa_call_ints(&order, &given, call->forward, "perm");
    bool is_reversal = oa_node_attribute(call->forward->node, "perm") == NULL;
    oa_packed_steps(own, y->dims, y->rank);
    for (size_t d = 0; d < y->rank; d++) {
        size_t axis = y->rank - 1 - d;
        if (!is_reversal) {
            (void)oa_axis_normalise(&axis, order[d], y->rank);
        }
        steps[axis] = own[d];
    }
    return gather(call, oa_backward_output(call, 0), &(walk){x->dims, steps, x->rank}, error);
}

/* The part of the output's gradient that lies over the input, which may have been cut on either side. */
oa_status oa_backward_pad(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *y = &call->forward->outputs[0];
    int64_t before[OA_MAX_RANK];
    size_t dims[OA_MAX_RANK], from = 0, to = 0;
    ptrdiff_t steps_x[OA_MAX_RANK], steps_y[OA_MAX_RANK];
    oa_sink sink;
    oa_status status = oa_constant_pads(before, call->forward, error);
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    oa_packed_steps(steps_x, x->dims, x->rank);
    oa_packed_steps(steps_y, y->dims, y->rank);
    size_t count = 1;
    for (size_t d = 0; d < x->rank; d++) {
        size_t cut = before[d] < 0 ? (size_t)-before[d] : 0, skipped = before[d] > 0 ? (size_t)before[d] : 0;
        size_t left = x->dims[d] > cut ? x->dims[d] - cut : 0, room = y->dims[d] > skipped ? y->dims[d] - skipped : 0;
        dims[d] = left < room ? left : room;
        count *= dims[d];
        to += cut * (size_t)steps_x[d];
        from += skipped * (size_t)steps_y[d];
    }
    oa_sink_clear(&sink, x->count);
    if (count == 0) {
        return OA_OK;
    }
    float *packed = oa_call_scratch(call->forward, count, sizeof *packed);
    if (!packed) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a gradient of %zu elements", count);
    }
    oa_strided_copy(packed, oa_backward_output(call, 0) + from, dims, steps_y, x->rank, sizeof *packed);
    scatter(sink.data + to, packed, &(walk){dims, steps_x, x->rank});
    return OA_OK;
}

oa_status oa_backward_expand(oa_backward_call *call, oa_error *error)
{
    return oa_backward_reduce(call, 0, 1.0f, error);
}

/* For inference it is the identity. */
oa_status oa_backward_dropout(oa_backward_call *call, oa_error *error)
{
    const oa_array *training = oa_call_input(call->forward, 2);
    if (training && call->forward->node->version >= 12 && *(const uint8_t *)training->data) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "the gradient in training mode");
    }
    return oa_backward_pass(call, error);
}

oa_status oa_backward_cast(oa_backward_call *call, oa_error *error)
{
    return oa_backward_pass(call, error);
}
