/* Concat, Split and Gather, backwards. Arrays are seen as [outer, axis, inner]. */
#include "core/exec/layouts.h"
#include "core/grad/backward_kernels.h"

oa_status oa_backward_concat(oa_backward_call *call, oa_error *error)
{
    const oa_array *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0);
    size_t axis;
    oa_status status = oa_call_axis(&axis, oa_call_int(call->forward, "axis", 1), y->rank, error);
    if (status != OA_OK) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(y, axis);
    for (size_t i = 0; i < call->forward->input_count; i++) {
        size_t run = call->forward->inputs[i]->dims[axis] * layout.inner;
        if (oa_backward_wants(call, i)) {
            oa_sink sink;
            status = oa_backward_sink(&sink, call, i, error);
            for (size_t o = 0; o < layout.outer && status == OA_OK; o++) {
                oa_sink part = {.data = sink.data + o * run, .adds = sink.adds};
                oa_sink_put(&part, g + o * y->dims[axis] * layout.inner, run, 1.0f);
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
    size_t axis, part_count, before = 0;
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
    const oa_axis_layout layout = oa_axis_layout_at(x, axis);
    oa_sink_clear(&sink, x->count);
    for (size_t i = 0; i < call->forward->output_count; i++) {
        size_t part = part_size(call, i, axis, parts);
        const float *g = oa_backward_output(call, i);
        for (size_t o = 0; o < layout.outer && g; o++) {
            oa_sink row = {.data = sink.data + (o * x->dims[axis] + before) * layout.inner, .adds = true};
            oa_sink_put(&row, g + o * part * layout.inner, part * layout.inner, 1.0f);
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
    size_t axis;
    oa_sink sink;
    oa_status status = oa_call_axis(&axis, oa_call_int(call->forward, "axis", 0), x->rank, error);
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(x, axis);
    oa_sink_clear(&sink, x->count);
    for (size_t o = 0; o < layout.outer; o++) {
        for (size_t i = 0; i < indices->count; i++) {
            size_t index = 0;
            (void)oa_axis_normalise(&index, oa_index_at(indices, i), x->dims[axis]);
            oa_sink row = {.data = sink.data + (o * x->dims[axis] + index) * layout.inner, .adds = true};
            oa_sink_put(&row, g, layout.inner, 1.0f);
            g += layout.inner;
        }
    }
    return OA_OK;
}
