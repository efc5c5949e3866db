#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/strided.h"

/* y [outer, indices, inner] = x [outer, size, inner] at the indices along the middle axis. */
oa_status oa_kernel_gather(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *indices = call->inputs[1];
    size_t axis, dims[2 * OA_MAX_RANK], rank = 0;
    oa_status status = oa_call_axis(&axis, oa_call_int(call, "axis", 0), x->rank, error);
    if (status == OA_OK) {
        status = oa_check_indices(indices, "indices", error);
    }
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d < axis; d++) {
        dims[rank++] = x->dims[d];
    }
    for (size_t d = 0; d < indices->rank; d++) {
        dims[rank++] = indices->dims[d];
    }
    for (size_t d = axis + 1; d < x->rank; d++) {
        dims[rank++] = x->dims[d];
    }
    oa_array *y;
    status = oa_call_output(&y, call, 0, x->dtype, dims, rank, error);
    if (status != OA_OK) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(x, axis);
    size_t bytes = layout.inner * oa_dtype_size(x->dtype);
    for (size_t i = 0; i < indices->count; i++) {
        int64_t given = oa_index_at(indices, i);
        size_t index;
        if (!oa_axis_normalise(&index, given, x->dims[axis])) {
            return oa_fail(error, OA_ERROR_INPUT, "index %lld is out of range for the %zu elements of axis %zu",
                           (long long)given, x->dims[axis], axis);
        }
        for (size_t o = 0; o < layout.outer; o++) {
            oa_copy_bytes((unsigned char *)y->data + (o * indices->count + i) * bytes,
                          (const unsigned char *)x->data + (o * x->dims[axis] + index) * bytes, bytes);
        }
    }
    return OA_OK;
}
