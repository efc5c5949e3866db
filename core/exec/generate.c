/* Shape, Size, Constant, ConstantOfShape and Range: outputs that do not depend on the elements of a tensor. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/strided.h"

#include <math.h>
#include <string.h>

oa_status oa_kernel_shape(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t rank = (int64_t)x->rank, start = 0, end = rank;
    if (call->node->version >= 15) {
        start = oa_call_int(call, "start", 0);
        end = oa_call_int(call, "end", rank);
    }
    start = start < -rank ? 0 : start < 0 ? start + rank : start > rank ? rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    size_t count = start < end ? (size_t)(end - start) : 0;
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, OA_DTYPE_INT64, &count, 1, error);
    for (size_t i = 0; status == OA_OK && i < count; i++) {
        ((int64_t *)y->data)[i] = (int64_t)x->dims[(size_t)start + i];
    }
    return status;
}

oa_status oa_kernel_size(oa_call *call, oa_error *error)
{
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, OA_DTYPE_INT64, NULL, 0, error);
    if (status == OA_OK) {
        *(int64_t *)y->data = (int64_t)call->inputs[0]->count;
    }
    return status;
}

/* A list attribute as a 1-D tensor of elements of `size` bytes. */
static oa_status list_output(oa_call *call, oa_dtype dtype, const void *list, size_t count, oa_error *error)
{
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, dtype, &count, 1, error);
    if (status == OA_OK) {
        oa_copy_bytes(y->data, list, count * oa_dtype_size(dtype));
    }
    return status;
}

static oa_status scalar_output(oa_call *call, oa_dtype dtype, const void *value, oa_error *error)
{
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, dtype, NULL, 0, error);
    if (status == OA_OK) {
        oa_copy_bytes(y->data, value, oa_dtype_size(dtype));
    }
    return status;
}

/* The attribute that is there says what the constant is; the readers of models usually fold these nodes before. */
oa_status oa_kernel_constant(oa_call *call, oa_error *error)
{
    static const char *const names[] = {"value",      "value_float",  "value_floats", "value_int",
                                        "value_ints", "value_string", "value_strings"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const oa_attribute *attribute = oa_call_attribute(call, names[i]);
        if (!attribute) {
            continue;
        }
        switch (attribute->kind) {
        case OA_ATTRIBUTE_TENSOR:
            return oa_call_borrow(call, 0, attribute->tensor, error);
        case OA_ATTRIBUTE_FLOAT:
            return scalar_output(call, OA_DTYPE_FLOAT, &attribute->f, error);
        case OA_ATTRIBUTE_FLOATS:
            return list_output(call, OA_DTYPE_FLOAT, attribute->floats, attribute->count, error);
        case OA_ATTRIBUTE_INT:
            return scalar_output(call, OA_DTYPE_INT64, &attribute->i, error);
        case OA_ATTRIBUTE_INTS:
            return list_output(call, OA_DTYPE_INT64, attribute->ints, attribute->count, error);
        case OA_ATTRIBUTE_STRING:
            return scalar_output(call, OA_DTYPE_STRING, &attribute->s, error);
        case OA_ATTRIBUTE_STRINGS:
            return list_output(call, OA_DTYPE_STRING, attribute->strings, attribute->count, error);
        case OA_ATTRIBUTE_OTHER:
        default:
            break;
        }
    }
    return oa_fail(error, OA_ERROR_UNSUPPORTED, "a constant without a dense value");
}

oa_status oa_kernel_constant_of_shape(oa_call *call, oa_error *error)
{
    int64_t sizes[OA_MAX_RANK];
    size_t dims[OA_MAX_RANK], rank;
    const oa_attribute *value = oa_call_attribute(call, "value");
    const float zero = 0.0f;
    oa_status status = oa_read_ints(sizes, &rank, OA_MAX_RANK, call->inputs[0], "the shape", error);
    for (size_t d = 0; status == OA_OK && d < rank; d++) {
        dims[d] = (size_t)sizes[d];
        if (sizes[d] < 0) {
            status = oa_fail(error, OA_ERROR_INPUT, "size %lld on axis %zu", (long long)sizes[d], d);
        }
    }
    if (status == OA_OK && value &&
        (value->kind != OA_ATTRIBUTE_TENSOR || value->tensor->count != 1 || !value->tensor->data)) {
        status = oa_fail(error, OA_ERROR_INPUT, "value must be a tensor of one element");
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, value ? value->tensor->dtype : OA_DTYPE_FLOAT, dims, rank, error);
    }
    if (status == OA_OK) {
        const ptrdiff_t step = 0;
        oa_strided_copy(y->data, value ? value->tensor->data : &zero, &y->count, &step, 1, oa_dtype_size(y->dtype));
    }
    return status;
}

/* How many numbers from `start` on lie before `limit`. */
static oa_status range_count(size_t *count, double start, double limit, double delta, oa_error *error)
{
    double numbers = ceil((limit - start) / delta);
    if (!(delta != 0.0) || !(numbers < 0x1p53)) {
        return oa_fail(error, OA_ERROR_INPUT, "a range from %g to %g by %g", start, limit, delta);
    }
    *count = numbers > 0.0 ? (size_t)numbers : 0;
    return OA_OK;
}

/* The same for integers, exactly: differences are taken in uint64, where they always fit. */
static oa_status integer_range_count(size_t *count, int64_t start, int64_t limit, int64_t delta, oa_error *error)
{
    if (delta == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "a range by 0");
    }
    bool is_empty = delta > 0 ? start >= limit : start <= limit;
    uint64_t distance = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    *count = is_empty ? 0 : (size_t)((distance - 1) / step + 1);
    return OA_OK;
}

oa_status oa_kernel_range(oa_call *call, oa_error *error)
{
    const oa_array *const *inputs = call->inputs;
    oa_dtype dtype = inputs[0]->dtype;
    double reals[3];
    int64_t integers[3];
    size_t count;
    bool is_real = oa_dtype_is_float(dtype);
    for (size_t i = 0; i < 3; i++) {
        if (inputs[i]->count != 1 || inputs[i]->dtype != dtype) {
            return oa_fail(error, OA_ERROR_INPUT, "start, limit and delta must be single numbers of one type");
        }
        if (!oa_convert(&reals[i], OA_DTYPE_DOUBLE, inputs[i]->data, dtype, 1) ||
            !oa_convert(&integers[i], OA_DTYPE_INT64, inputs[i]->data, dtype, 1) || dtype == OA_DTYPE_BOOL ||
            dtype == OA_DTYPE_UINT64) {
            return oa_fail_dtype(inputs[i], error);
        }
    }
    oa_status status = is_real ? range_count(&count, reals[0], reals[1], reals[2], error)
                               : integer_range_count(&count, integers[0], integers[1], integers[2], error);
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, dtype, &count, 1, error);
    }
    size_t size = oa_dtype_size(dtype);
    for (size_t i = 0; status == OA_OK && i < count; i++) {
        unsigned char *to = (unsigned char *)y->data + i * size;
        if (is_real) {
            double value = reals[0] + (double)i * reals[2];
            (void)oa_convert(to, dtype, &value, OA_DTYPE_DOUBLE, 1);
        } else {
            uint64_t value = (uint64_t)integers[0] + i * (uint64_t)integers[2];
            (void)oa_convert(to, dtype, &value, OA_DTYPE_UINT64, 1);
        }
    }
    return status;
}
