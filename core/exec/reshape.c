/* Identity, Reshape, Flatten, Squeeze and Unsqueeze: the same elements under another shape, never copied. */
#include "core/exec/kernels.h"

oa_status oa_kernel_identity(oa_call *call, oa_error *error)
{
    return oa_call_pass(call, 0, 0, call->inputs[0]->dims, call->inputs[0]->rank, error);
}

/* The sizes asked for: an attribute up to operator set 4, then an input. */
static oa_status read_shape(int64_t *sizes, size_t *rank, oa_call *call, oa_error *error)
{
    const oa_array *input = oa_call_input(call, 1);
    if (call->node->version >= 5) {
        if (!input) {
            return oa_fail(error, OA_ERROR_INPUT, "the shape is missing");
        }
        return oa_read_ints(sizes, rank, OA_MAX_RANK, input, "the shape", error);
    }
    const int64_t *ints;
    oa_call_ints(&ints, rank, call, "shape");
    if (*rank > OA_MAX_RANK || input) {
        return oa_fail(error, OA_ERROR_INPUT, "before operator set 5 the shape is an attribute of at most %d",
                       OA_MAX_RANK);
    }
    for (size_t i = 0; i < *rank; i++) {
        sizes[i] = ints[i];
    }
    return OA_OK;
}

oa_status oa_kernel_reshape(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t sizes[OA_MAX_RANK];
    size_t dims[OA_MAX_RANK], rank, inferred = OA_NONE;
    bool allows_zero = call->node->version >= 14 && oa_call_int(call, "allowzero", 0) != 0;
    oa_status status = read_shape(sizes, &rank, call, error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t i = 0; i < rank; i++) {
        dims[i] = (size_t)sizes[i];
        if (sizes[i] == -1 && inferred == OA_NONE) {
            inferred = i;
            dims[i] = 1;
        } else if (sizes[i] == 0 && !allows_zero) {
            if (i >= x->rank) {
                return oa_fail(error, OA_ERROR_INPUT,
                               "size 0 on axis %zu copies a size that a rank of %zu does not have", i, x->rank);
            }
            dims[i] = x->dims[i];
        } else if (sizes[i] < 0) {
            return oa_fail(error, OA_ERROR_INPUT, "size %lld on axis %zu", (long long)sizes[i], i);
        }
    }
    if (inferred != OA_NONE) {
        size_t others;
        status = oa_dims_count(&others, dims, rank, error);
        if (status != OA_OK) {
            return status;
        }
        /* With a size of zero among the others, any size would do: there is no answer then. */
        if (others == 0 || x->count % others != 0) {
            return oa_fail(error, OA_ERROR_INPUT, "%zu elements cannot be split into %zu to infer a size", x->count,
                           others);
        }
        dims[inferred] = x->count / others;
    }
    return oa_call_pass(call, 0, 0, dims, rank, error);
}

oa_status oa_kernel_flatten(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t given = oa_call_int(call, "axis", 1);
    size_t axis = x->rank, dims[2] = {1, 1};
    if (given != (int64_t)x->rank) { /* the end is allowed too */
        oa_status status = oa_call_axis(&axis, given, x->rank, error);
        if (status != OA_OK) {
            return status;
        }
    }
    for (size_t d = 0; d < x->rank; d++) {
        if (oa_mul_overflows(&dims[d >= axis], dims[d >= axis], x->dims[d])) {
            return oa_fail(error, OA_ERROR_INPUT, "the number of elements of a shape overflows");
        }
    }
    return oa_call_pass(call, 0, 0, dims, 2, error);
}

oa_status oa_kernel_squeeze(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    bool mask[OA_MAX_RANK], is_given;
    size_t dims[OA_MAX_RANK], rank = 0;
    oa_status status = oa_call_axes(mask, &is_given, call, 1, 13, x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d < x->rank; d++) {
        if (mask[d] && x->dims[d] != 1) {
            return oa_fail(error, OA_ERROR_INPUT, "axis %zu has size %zu and cannot be squeezed", d, x->dims[d]);
        }
        if (!(mask[d] || (!is_given && x->dims[d] == 1))) {
            dims[rank++] = x->dims[d];
        }
    }
    return oa_call_pass(call, 0, 0, dims, rank, error);
}

oa_status oa_kernel_unsqueeze(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *axes = oa_call_input(call, 1);
    bool mask[OA_MAX_RANK], is_given;
    size_t dims[OA_MAX_RANK], from = 0, added = 0;
    /* Axes count in the result, whose rank depends on how many there are. */
    if (call->node->version >= 13) {
        added = axes ? axes->count : 0;
    } else {
        const int64_t *ints;
        oa_call_ints(&ints, &added, call, "axes");
    }
    if (added > OA_MAX_RANK || x->rank + added > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "a result of rank above %d", OA_MAX_RANK);
    }
    size_t rank = x->rank + added;
    oa_status status = oa_call_axes(mask, &is_given, call, 1, 13, rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (!is_given) {
        return oa_fail(error, OA_ERROR_INPUT, "the axes are missing");
    }
    for (size_t d = 0; d < rank; d++) {
        dims[d] = mask[d] ? 1 : x->dims[from++];
    }
    return oa_call_pass(call, 0, 0, dims, rank, error);
}
