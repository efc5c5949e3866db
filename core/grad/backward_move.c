/* Concat, Split and Gather, backwards. Arrays are seen as [outer, axis, inner]. */
#include "core/grad/backward_kernels.h"

static void measure(size_t *outer, size_t *inner, const oa_array *array, size_t axis)
{
    *outer = *inner = 1;
    for (size_t d = 0; d < array->rank; d++) {
        if (d < axis) {
            *outer *= array->dims[d];
        } else if (d > axis) {
            *inner *= array->dims[d];
        }
    }
}

oa_status oa_backward_concat(oa_backward_call *call, oa_error *error)
{
    const oa_array *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0);
    size_t axis, outer, inner;
    oa_status status = oa_call_axis(&axis, oa_call_int(call->forward, "axis", 1), y->rank, error);
    if (status != OA_OK) {
        return status;
    }
    measure(&outer, &inner, y, axis);
    for (size_t i = 0; i < call->forward->input_count; i++) {
        size_t run = call->forward->inputs[i]->dims[axis] * inner;
        if (oa_backward_wants(call, i)) {
            oa_sink sink;
            status = oa_backward_sink(&sink, call, i, error);
            for (size_t o = 0; o < outer && status == OA_OK; o++) {
                oa_sink part = {.data = sink.data + o * run, .adds = sink.adds};
                oa_sink_put(&part, g + o * y->dims[axis] * inner, run, 1.0f);
            }
        }
        if (status != OA_OK) {
            return status;
        }
        g += run;
    }
    return OA_OK;
}

/* The size of output i along the axis. Outputs that nothing reads are not computed and have no shape: in their place
 * stands what the list of parts says, or an equal share. */
static size_t part_size(const oa_backward_call *call, size_t i, size_t axis, const int64_t *parts)
{
    const oa_call *forward = call->forward;
    size_t size = forward->inputs[0]->dims[axis], count = forward->output_count;
    if (parts) {
        return (size_t)parts[i];
    }
    size_t most = size / count + (size % count != 0), before = i * most < size ? i * most : size;
    return size - before < most ? size - before : most;
}

oa_status oa_backward_split(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *list = oa_call_input(call->forward, 1);
    const int64_t *parts;
    size_t axis, outer, inner, part_count, before = 0;
    oa_sink sink;
    oa_status status = oa_call_axis(&axis, oa_call_int(call->forward, "axis", 0), x->rank, error);
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    oa_call_ints(&parts, &part_count, call->forward, "split");
    parts = list ? list->data : parts;
    measure(&outer, &inner, x, axis);
    oa_sink_clear(&sink, x->count);
    for (size_t i = 0; i < call->forward->output_count; i++) {
        size_t part = part_size(call, i, axis, parts);
        const float *g = oa_backward_output(call, i);
        for (size_t o = 0; o < outer && g; o++) {
            oa_sink row = {.data = sink.data + (o * x->dims[axis] + before) * inner, .adds = true};
            oa_sink_put(&row, g + o * part * inner, part * inner, 1.0f);
        }
        before += part;
    }
    return OA_OK;
}

/* y [outer, indices, inner] came from x [outer, size, inner]; an index may occur more than once. */
oa_status oa_backward_gather(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *indices = call->forward->inputs[1];
    const float *g = oa_backward_output(call, 0);
    size_t axis, outer, inner;
    oa_sink sink;
    oa_status status = oa_call_axis(&axis, oa_call_int(call->forward, "axis", 0), x->rank, error);
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    measure(&outer, &inner, x, axis);
    oa_sink_clear(&sink, x->count);
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < indices->count; i++) {
            int64_t given = indices->dtype == OA_DTYPE_INT64 ? ((const int64_t *)indices->data)[i]
                                                             : ((const int32_t *)indices->data)[i];
            size_t index = 0;
            (void)oa_axis_normalise(&index, given, x->dims[axis]);
            oa_sink row = {.data = sink.data + (o * x->dims[axis] + index) * inner, .adds = true};
            oa_sink_put(&row, g, inner, 1.0f);
            g += inner;
        }
    }
    return OA_OK;
}
