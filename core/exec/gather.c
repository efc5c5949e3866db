#include "core/exec/kernels.h"
#include "core/exec/strided.h"

/* y [outer, indices, inner] = x [outer, size, inner] at the indices along the middle axis. */
oa_status oa_kernel_gather(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *indices = call->inputs[1];
    size_t axis, dims[2 * OA_MAX_RANK], rank = 0, outer = 1, inner = 1;
    oa_status status = oa_call_axis(&axis, oa_call_int(call, "axis", 0), x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (indices->dtype != OA_DTYPE_INT64 && indices->dtype != OA_DTYPE_INT32) {
        return oa_fail(error, OA_ERROR_INPUT, "indices must be int64 or int32, not %s", oa_dtype_name(indices->dtype));
    }
    for (size_t d = 0; d < axis; d++) {
        dims[rank++] = x->dims[d];
        outer *= x->dims[d];
    }
    for (size_t d = 0; d < indices->rank; d++) {
        dims[rank++] = indices->dims[d];
    }
    for (size_t d = axis + 1; d < x->rank; d++) {
        dims[rank++] = x->dims[d];
        inner *= x->dims[d];
    }
    oa_array *y;
    status = oa_call_output(&y, call, 0, x->dtype, dims, rank, error);
    if (status != OA_OK) {
        return status;
    }
    size_t bytes = inner * oa_dtype_size(x->dtype);
    for (size_t i = 0; i < indices->count; i++) {
        int64_t given = indices->dtype == OA_DTYPE_INT64 ? ((const int64_t *)indices->data)[i]
                                                         : ((const int32_t *)indices->data)[i];
        size_t index;
        if (!oa_axis_normalise(&index, given, x->dims[axis])) {
            return oa_fail(error, OA_ERROR_INPUT, "index %lld is out of range for the %zu elements of axis %zu",
                           (long long)given, x->dims[axis], axis);
        }
        for (size_t o = 0; o < outer; o++) {
            oa_copy_bytes((unsigned char *)y->data + (o * indices->count + i) * bytes,
                          (const unsigned char *)x->data + (o * x->dims[axis] + index) * bytes, bytes);
        }
    }
    return OA_OK;
}
