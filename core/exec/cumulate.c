/* CumSum, OneHot and NonZero. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"

#include <string.h>

/* y [outer, n, inner], row after row along n; integers wrap. */
#define CUMULATE(type, sum_type, tag)                                                                                  \
    static void cumulate_##tag(type *y, const type *x, const oa_axis_layout *layout, bool is_exclusive,                \
                               bool is_reverse)                                                                        \
    {                                                                                                                  \
        size_t n = layout->n, inner = layout->inner;                                                                   \
        for (size_t r = 0; r < layout->outer * inner; r++) {                                                           \
            size_t base = r / inner * n * inner + r % inner;                                                           \
            sum_type sum = 0;                                                                                          \
            for (size_t k = 0; k < n; k++) {                                                                           \
                size_t at = base + (is_reverse ? n - 1 - k : k) * inner;                                               \
                const sum_type value = (sum_type)x[at];                                                                \
                y[at] = (type)(is_exclusive ? sum : sum + value);                                                      \
                sum += value;                                                                                          \
            }                                                                                                          \
        }                                                                                                              \
    }
#define CUMULATE_REALS(dtype, type, tag) CUMULATE(type, type, tag)
#define CUMULATE_INTEGERS(dtype, type, tag) CUMULATE(type, uint64_t, tag)
OA_REAL_TYPES(CUMULATE_REALS)
OA_WIDE_INTEGER_TYPES(CUMULATE_INTEGERS)

oa_status oa_kernel_cum_sum(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    bool is_exclusive = oa_call_int(call, "exclusive", 0) != 0, is_reverse = oa_call_int(call, "reverse", 0) != 0;
    int64_t given;
    size_t axis, count;
    oa_array *y = NULL;
    oa_status status = oa_read_ints(&given, &count, 1, call->inputs[1], "the axis", error);
    if (status == OA_OK && count != 1) {
        status = oa_fail(error, OA_ERROR_INPUT, "the axis is empty");
    }
    if (status == OA_OK) {
        status = oa_call_axis(&axis, given, x->rank, error);
    }
    if (status == OA_OK) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(x, axis);
    switch (x->dtype) {
#define CUMULATE_CASE(name, type, tag)                                                                                 \
    case name:                                                                                                         \
        cumulate_##tag(y->data, x->data, &layout, is_exclusive, is_reverse);                                           \
        return OA_OK;
        OA_REAL_TYPES(CUMULATE_CASE)
        OA_WIDE_INTEGER_TYPES(CUMULATE_CASE)
#undef CUMULATE_CASE
    default:
        return oa_fail_dtype(x, error);
    }
}

/* Inputs: the indices [...], how many classes there are, and the values for off and on. */
oa_status oa_kernel_one_hot(oa_call *call, oa_error *error)
{
    const oa_array *indices = call->inputs[0], *depth = call->inputs[1], *values = call->inputs[2];
    int64_t given = oa_call_int(call, "axis", -1);
    double depth_value = 0.0;
    size_t axis, dims[OA_MAX_RANK], size = oa_dtype_size(values->dtype);
    if (!oa_is_number(indices->dtype) || !oa_is_number(depth->dtype) || depth->count != 1 || values->rank != 1 ||
        values->count != 2 || indices->rank == OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT, "indices and one depth must be numbers, and there must be two values");
    }
    (void)oa_convert(&depth_value, OA_DTYPE_DOUBLE, depth->data, depth->dtype, 1);
    oa_status status = oa_call_axis(&axis, given, indices->rank + 1, error);
    if (status == OA_OK && !(depth_value >= 1.0 && depth_value < 0x1p53)) {
        status = oa_fail(error, OA_ERROR_INPUT, "a depth of %g", depth_value);
    }
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d <= indices->rank; d++) {
        dims[d] = d < axis ? indices->dims[d] : d == axis ? (size_t)depth_value : indices->dims[d - 1];
    }
    oa_array *y;
    status = oa_call_output(&y, call, 0, values->dtype, dims, indices->rank + 1, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(y, axis);
    const unsigned char *off = values->data, *on = off + size;
    for (size_t i = 0; i < y->count; i++) {
        memcpy((unsigned char *)y->data + i * size, off, size);
    }
    for (size_t i = 0; i < indices->count; i++) {
        double index;
        (void)oa_convert(&index, OA_DTYPE_DOUBLE,
                         (const unsigned char *)indices->data + i * oa_dtype_size(indices->dtype), indices->dtype, 1);
        index += index < 0.0 ? depth_value : 0.0;
        if (index >= 0.0 && index < depth_value) { /* others are all off */
            size_t at = (i / layout.inner * layout.n + (size_t)index) * layout.inner + i % layout.inner;
            memcpy((unsigned char *)y->data + at * size, on, size);
        }
    }
    return OA_OK;
}

/* The positions of elements that are not zero: [rank, how many]. */
oa_status oa_kernel_non_zero(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t size = oa_dtype_size(x->dtype), count = 0, rank = x->rank ? x->rank : 1;
    if (!oa_is_number(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    uint8_t *is_set = oa_call_scratch(call, x->count, 1);
    if (!is_set) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu flags", x->count);
    }
    for (size_t i = 0; i < x->count; i++) {
        double value;
        (void)oa_convert(&value, OA_DTYPE_DOUBLE, (const unsigned char *)x->data + i * size, x->dtype, 1);
        is_set[i] = value != 0.0;
        count += is_set[i];
    }
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, OA_DTYPE_INT64, (const size_t[]){rank, count}, 2, error);
    for (size_t i = 0, k = 0; status == OA_OK && i < x->count; i++) {
        size_t rest = i;
        for (size_t d = rank; d-- > 0 && is_set[i];) {
            size_t along = x->rank ? x->dims[d] : 1;
            ((int64_t *)y->data)[d * count + k] = (int64_t)(rest % along);
            rest /= along;
        }
        k += is_set[i];
    }
    return status;
}
