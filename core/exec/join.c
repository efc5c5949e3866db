/* Concat and Split. Both see arrays as [outer, axis, inner]. */
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/strided.h"

/* Checks the inputs of Concat against the first and adds up their sizes along the axis. */
static oa_status sum_sizes(size_t *total, const oa_call *call, size_t axis, oa_error *error)
{
    const oa_array *first = call->inputs[0];
    *total = 0;
    for (size_t i = 0; i < call->input_count; i++) {
        const oa_array *x = call->inputs[i];
        bool is_fitting = x && x->dtype == first->dtype && x->rank == first->rank;
        for (size_t d = 0; is_fitting && d < first->rank; d++) {
            is_fitting = d == axis || x->dims[d] == first->dims[d];
        }
        if (!is_fitting || oa_add_overflows(total, *total, x->dims[axis])) {
            return oa_fail(error, OA_ERROR_INPUT, "input %zu does not fit input 0 in type or shape", i);
        }
    }
    return OA_OK;
}

oa_status oa_kernel_concat(oa_call *call, oa_error *error)
{
    const oa_array *first = call->inputs[0];
    size_t axis, dims[OA_MAX_RANK];
    /* The axis has a default in operator sets 1 to 3 only. */
    if (call->node->version >= 4 && !oa_node_attribute(call->node, "axis")) {
        return oa_fail(error, OA_ERROR_INPUT, "the axis is missing");
    }
    oa_status status = oa_call_axis(&axis, oa_call_int(call, "axis", 1), first->rank, error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d < first->rank; d++) {
        dims[d] = first->dims[d];
    }
    status = sum_sizes(&dims[axis], call, axis, error);
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, first->dtype, dims, first->rank, error);
    }
    if (status != OA_OK) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(first, axis);
    size_t step = layout.inner * oa_dtype_size(first->dtype); /* bytes */
    unsigned char *to = y->data;
    for (size_t i = 0; i < call->input_count; i++) {
        const oa_array *x = call->inputs[i];
        size_t bytes = x->dims[axis] * step;
        for (size_t o = 0; o < layout.outer; o++) {
            oa_copy_bytes(to + o * dims[axis] * step, (const unsigned char *)x->data + o * bytes, bytes);
        }
        to += bytes;
    }
    return OA_OK;
}

/* The list of part sizes, when one is given: an attribute in operator sets 2 to 12, an input in 1 and from 13 on. */
static oa_status read_parts(const int64_t **parts, size_t *count, bool *is_given, oa_call *call, oa_error *error)
{
    const oa_array *input = oa_call_input(call, 1);
    oa_call_ints(parts, count, call, "split");
    *is_given = oa_node_attribute(call->node, "split") != NULL;
    bool takes_attribute = call->node->version < 13, takes_input = call->node->version >= 13 || call->node->version < 2;
    if ((*is_given && !takes_attribute) || (input && !takes_input) || (*is_given && input)) {
        return oa_fail(error, OA_ERROR_INPUT, "split is an attribute before operator set 13 and an input from then on");
    }
    if (!input) {
        return OA_OK;
    }
    if (input->rank != 1 || (input->dtype != OA_DTYPE_INT64 && call->node->version >= 2)) {
        return oa_fail(error, OA_ERROR_INPUT, "split must be a list of int64");
    }
    if (input->dtype != OA_DTYPE_INT64) {
        return oa_fail_dtype(input, error);
    }
    *parts = input->data;
    *count = input->count;
    *is_given = true;
    return OA_OK;
}

/* The size of part i of `count` when no list is given: equal ones; since operator set 18 the last may be smaller. */
static oa_status equal_part(size_t *part, size_t size, size_t count, size_t i, bool may_differ, oa_error *error)
{
    if (size % count != 0 && !may_differ) {
        return oa_fail(error, OA_ERROR_INPUT, "%zu elements cannot be split into %zu equal parts", size, count);
    }
    size_t most = size / count + (size % count != 0);
    size_t before = i * most < size ? i * most : size;
    *part = size - before < most ? size - before : most;
    return OA_OK;
}

static oa_status check_parts(const int64_t *parts, size_t count, const oa_call *call, size_t size, oa_error *error)
{
    size_t total = 0;
    bool is_fitting = count == call->output_count;
    for (size_t i = 0; is_fitting && i < count; i++) {
        is_fitting = parts[i] >= 0 && (size_t)parts[i] <= size - total;
        total += is_fitting ? (size_t)parts[i] : 0;
    }
    if (!is_fitting || total != size) {
        return oa_fail(error, OA_ERROR_INPUT, "a split into %zu parts does not fit %zu elements and %zu outputs", count,
                       size, call->output_count);
    }
    return OA_OK;
}

oa_status oa_kernel_split(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    const int64_t *parts;
    size_t axis, count, dims[OA_MAX_RANK], before = 0;
    bool is_given, may_differ = call->node->version >= 18;
    int64_t asked = may_differ ? oa_call_int(call, "num_outputs", (int64_t)call->output_count) : 0;
    oa_status status = oa_call_axis(&axis, oa_call_int(call, "axis", 0), x->rank, error);
    if (status == OA_OK) {
        status = read_parts(&parts, &count, &is_given, call, error);
    }
    if (status == OA_OK && is_given) {
        status = check_parts(parts, count, call, x->dims[axis], error);
    }
    if (status == OA_OK && may_differ && asked != (int64_t)call->output_count) {
        status = oa_fail(error, OA_ERROR_INPUT, "num_outputs is %lld and there are %zu", (long long)asked,
                         call->output_count);
    }
    if (status != OA_OK) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(x, axis);
    size_t step = layout.inner * oa_dtype_size(x->dtype); /* bytes */
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = x->dims[d];
    }
    for (size_t i = 0; i < call->output_count; i++) {
        size_t part = is_given ? (size_t)parts[i] : 0;
        if (!is_given) {
            status = equal_part(&part, x->dims[axis], call->output_count, i, may_differ, error);
        }
        dims[axis] = part;
        oa_array *y;
        if (status == OA_OK && call->is_wanted[i]) {
            status = oa_call_output(&y, call, i, x->dtype, dims, x->rank, error);
            for (size_t o = 0; status == OA_OK && o < layout.outer; o++) {
                oa_copy_bytes((unsigned char *)y->data + o * part * step,
                              (const unsigned char *)x->data + (o * x->dims[axis] + before) * step, part * step);
            }
        }
        if (status != OA_OK) {
            return status;
        }
        before += part;
    }
    return OA_OK;
}
