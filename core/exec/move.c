/* Transpose, Expand and Slice: elements at a regular stride of the input. */
#include "core/exec/broadcast.h"
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/strided.h"

oa_status oa_kernel_transpose(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    const int64_t *order;
    size_t given, dims[OA_MAX_RANK];
    ptrdiff_t own[OA_MAX_RANK], steps[OA_MAX_RANK];
    bool is_seen[OA_MAX_RANK] = {false};
    oa_call_ints(&order, &given, call, "perm");
    bool is_reversal = oa_node_attribute(call->node, "perm") == NULL;
    if (!is_reversal && given != x->rank) {
        return oa_fail(error, OA_ERROR_INPUT, "perm has %zu axes for an input of rank %zu", given, x->rank);
    }
    oa_packed_steps(own, x->dims, x->rank);
    for (size_t d = 0; d < x->rank; d++) {
        size_t axis = x->rank - 1 - d;
        if (!is_reversal) {
            oa_status status = oa_call_axis(&axis, order[d], x->rank, error);
            if (status != OA_OK) {
                return status;
            }
        }
        if (is_seen[axis]) {
            return oa_fail(error, OA_ERROR_INPUT, "perm names axis %zu twice", axis);
        }
        is_seen[axis] = true;
        dims[d] = x->dims[axis];
        steps[d] = own[axis];
    }
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    if (status == OA_OK) {
        oa_strided_spread(call->team, y->data, x->data, dims, steps, x->rank, oa_dtype_size(x->dtype));
    }
    return status;
}

oa_status oa_kernel_expand(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t sizes[OA_MAX_RANK];
    size_t dims[OA_MAX_RANK], rank;
    ptrdiff_t own[OA_MAX_RANK], steps[OA_MAX_RANK];
    oa_array wanted = {0};
    oa_status status = oa_read_ints(sizes, &wanted.rank, OA_MAX_RANK, call->inputs[1], "the shape", error);
    for (size_t d = 0; status == OA_OK && d < wanted.rank; d++) {
        wanted.dims[d] = (size_t)sizes[d];
        if (sizes[d] < 0) {
            status = oa_fail(error, OA_ERROR_INPUT, "size %lld on axis %zu", (long long)sizes[d], d);
        }
    }
    if (status == OA_OK) {
        status = oa_broadcast_shape(dims, &rank, (const oa_array *const[]){x, &wanted}, 2, error);
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, dims, rank, error);
    }
    if (status != OA_OK) {
        return status;
    }
    size_t missing = rank - x->rank;
    oa_packed_steps(own, x->dims, x->rank);
    for (size_t d = 0; d < rank; d++) {
        steps[d] = d < missing || x->dims[d - missing] == 1 ? 0 : own[d - missing];
    }
    oa_strided_copy(y->data, x->data, dims, steps, rank, oa_dtype_size(x->dtype));
    return OA_OK;
}

/* What Slice takes: lists of `count` numbers each. */
typedef struct slice {
    int64_t starts[OA_MAX_RANK];
    int64_t ends[OA_MAX_RANK];
    int64_t axes[OA_MAX_RANK];
    int64_t steps[OA_MAX_RANK];
    size_t count;
} slice;

/* Attributes up to operator set 9. */
static oa_status read_slice_attributes(slice *s, oa_call *call, oa_error *error)
{
    const int64_t *starts, *ends, *axes;
    size_t start_count, end_count, axis_count;
    oa_call_ints(&starts, &start_count, call, "starts");
    oa_call_ints(&ends, &end_count, call, "ends");
    oa_call_ints(&axes, &axis_count, call, "axes");
    if (call->input_count > 1 || start_count != end_count || (axis_count && axis_count != start_count) ||
        start_count > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "before operator set 10, starts, ends and axes are attributes of one length");
    }
    s->count = start_count;
    for (size_t i = 0; i < start_count; i++) {
        s->starts[i] = starts[i];
        s->ends[i] = ends[i];
        s->axes[i] = axis_count ? axes[i] : (int64_t)i;
        s->steps[i] = 1;
    }
    return OA_OK;
}

static oa_status read_slice_inputs(slice *s, oa_call *call, oa_error *error)
{
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    int64_t *const lists[] = {s->starts, s->ends, s->axes, s->steps};
    for (size_t i = 0; i < 4; i++) {
        const oa_array *input = oa_call_input(call, 1 + i);
        size_t count;
        if (!input) {
            if (i < 2) {
                return oa_fail(error, OA_ERROR_INPUT, "%s is missing", names[i]);
            }
            for (size_t k = 0; k < s->count; k++) {
                lists[i][k] = i == 2 ? (int64_t)k : 1;
            }
            continue;
        }
        oa_status status = oa_read_ints(lists[i], &count, OA_MAX_RANK, input, names[i], error);
        if (status != OA_OK) {
            return status;
        }
        if (i > 0 && count != s->count) {
            return oa_fail(error, OA_ERROR_INPUT, "%s has %zu numbers and starts has %zu", names[i], count, s->count);
        }
        s->count = count;
    }
    return OA_OK;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* One axis of `size` elements cut from `start` to `end` at a step that is not zero, negative positions counting from
 * the end: *first is where it begins, the result is how many elements it has. */
static size_t cut(int64_t *first, int64_t start, int64_t end, int64_t step, int64_t size)
{
    if (start < 0) {
        start = start < -size ? -1 : start + size;
    }
    if (end < 0) {
        end = end < -size ? -1 : end + size;
    }
    if (step > 0) {
        start = clamp(start, 0, size);
        end = clamp(end, 0, size);
        *first = start;
        return start < end ? (size_t)((end - start - 1) / step + 1) : 0;
    }
    start = clamp(start, -1, size - 1);
    end = clamp(end, -1, size - 1);
    *first = start;
    return start > end ? (size_t)((start - end - 1) / -step + 1) : 0;
}

oa_status oa_slice_read(size_t *dims, ptrdiff_t *steps, ptrdiff_t *offset, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    slice s = {.count = 0};
    bool is_seen[OA_MAX_RANK] = {false};
    oa_status status =
        call->node->version < 10 ? read_slice_attributes(&s, call, error) : read_slice_inputs(&s, call, error);
    if (status != OA_OK) {
        return status;
    }
    oa_packed_steps(steps, x->dims, x->rank);
    *offset = 0;
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = x->dims[d];
    }
    for (size_t i = 0; i < s.count; i++) {
        size_t axis;
        int64_t first, step = s.steps[i];
        status = oa_call_axis(&axis, s.axes[i], x->rank, error);
        if (status != OA_OK) {
            return status;
        }
        if (step == 0 || is_seen[axis]) {
            return oa_fail(error, OA_ERROR_INPUT, "a step of 0, or axis %zu is named twice", axis);
        }
        is_seen[axis] = true;
        /* A step beyond the axis takes one element, as any such step does: kept where products cannot overflow. */
        int64_t size = (int64_t)x->dims[axis];
        step = clamp(step, -size - 1, size + 1);
        dims[axis] = cut(&first, s.starts[i], s.ends[i], step, size);
        if (dims[axis]) {
            *offset += (ptrdiff_t)first * steps[axis];
        }
        steps[axis] *= (ptrdiff_t)step;
    }
    return OA_OK;
}

oa_status oa_kernel_slice(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t dims[OA_MAX_RANK];
    ptrdiff_t steps[OA_MAX_RANK], offset;
    oa_array *y = NULL;
    oa_status status = oa_slice_read(dims, steps, &offset, call, error);
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    }
    if (status == OA_OK && y->count) {
        size_t size = oa_dtype_size(x->dtype);
        oa_strided_copy(y->data, (const unsigned char *)x->data + offset * (ptrdiff_t)size, dims, steps, x->rank, size);
    }
    return status;
}
