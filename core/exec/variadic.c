/* Max, Min, Sum and Mean of any number of inputs, folded one after the other. */
#include "core/exec/binary.h"
#include "core/exec/broadcast.h"
#include "core/exec/kernels.h"
#include "core/exec/strided.h"

/* A NaN in either operand is the result. */
#define REAL_LOOPS(dtype, type, tag)                                                                                   \
    OA_BINARY_LOOP(max_##tag, type, type, a > b || a != a ? a : b)                                                     \
    OA_BINARY_LOOP(min_##tag, type, type, a < b || a != a ? a : b)                                                     \
    OA_BINARY_LOOP(sum_##tag, type, type, a + b)                                                                       \
    OA_BINARY_LOOP(quotient_##tag, type, type, a / b)
#define INTEGER_LOOPS(dtype, type, tag)                                                                                \
    OA_BINARY_LOOP(max_##tag, type, type, a > b ? a : b)                                                               \
    OA_BINARY_LOOP(min_##tag, type, type, a < b ? a : b)

OA_REAL_TYPES(REAL_LOOPS)
OA_INTEGER_TYPES(INTEGER_LOOPS)

#define MAX_ROW(dtype, type, tag) {dtype, max_##tag},
#define MIN_ROW(dtype, type, tag) {dtype, min_##tag},
#define SUM_ROW(dtype, type, tag) {dtype, sum_##tag},
#define QUOTIENT_ROW(dtype, type, tag) {dtype, quotient_##tag},

/* `array` repeated to the shape of y. */
static void expand_into(oa_array *y, const oa_array *array)
{
    ptrdiff_t own[OA_MAX_RANK], steps[OA_MAX_RANK];
    size_t missing = y->rank - array->rank;
    oa_packed_steps(own, array->dims, array->rank);
    for (size_t d = 0; d < y->rank; d++) {
        steps[d] = d < missing || array->dims[d - missing] == 1 ? 0 : own[d - missing];
    }
    oa_strided_copy(y->data, array->data, y->dims, steps, y->rank, oa_dtype_size(y->dtype));
}

static oa_status check_inputs(const oa_call *call, oa_error *error)
{
    for (size_t i = 0; i < call->input_count; i++) {
        if (!call->inputs[i]) {
            return oa_fail(error, OA_ERROR_INPUT, "input %zu is missing", i);
        }
        oa_status status = oa_call_same_dtype(call, 0, i, error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

/* *y = the inputs folded with `loop`; with one input, that input is passed on and *y is NULL. */
static oa_status fold(oa_array **y, oa_call *call, oa_binary_loop loop, oa_error *error)
{
    size_t dims[OA_MAX_RANK], rank;
    *y = NULL;
    oa_status status = check_inputs(call, error);
    if (status != OA_OK) {
        return status;
    }
    const oa_array *first = call->inputs[0];
    if (!loop) {
        return oa_fail_dtype(first, error);
    }
    if (call->input_count == 1) {
        return oa_call_pass(call, 0, 0, first->dims, first->rank, error);
    }
    status = oa_broadcast_shape(dims, &rank, call->inputs, call->input_count, error);
    if (status != OA_OK) {
        return status;
    }
    oa_array shape = {.rank = rank};
    for (size_t d = 0; d < rank; d++) {
        shape.dims[d] = dims[d];
    }
    bool is_whole = oa_same_shape(first, &shape);
    status = is_whole ? oa_call_output_like(y, call, 0, 0, error)
                      : oa_call_output(y, call, 0, first->dtype, dims, rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (!is_whole) {
        expand_into(*y, first);
    }
    for (size_t i = 1; i < call->input_count; i++) {
        oa_binary_apply(*y, i == 1 && is_whole ? first : *y, call->inputs[i], loop, call->team);
    }
    return OA_OK;
}

oa_status oa_kernel_max(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(MAX_ROW) OA_INTEGER_TYPES(MAX_ROW)};
    oa_array *y;
    return fold(&y, call, oa_binary_find(rows, sizeof rows / sizeof rows[0], call->inputs[0]->dtype), error);
}

oa_status oa_kernel_min(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(MIN_ROW) OA_INTEGER_TYPES(MIN_ROW)};
    oa_array *y;
    return fold(&y, call, oa_binary_find(rows, sizeof rows / sizeof rows[0], call->inputs[0]->dtype), error);
}

static const oa_binary_row sum_rows[] = {OA_REAL_TYPES(SUM_ROW)};

oa_status oa_kernel_sum(oa_call *call, oa_error *error)
{
    oa_array *y;
    return fold(&y, call, oa_binary_find(sum_rows, sizeof sum_rows / sizeof sum_rows[0], call->inputs[0]->dtype),
                error);
}

oa_status oa_kernel_mean(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(QUOTIENT_ROW)};
    oa_dtype dtype = call->inputs[0]->dtype;
    oa_array *y;
    oa_status status = fold(&y, call, oa_binary_find(sum_rows, sizeof sum_rows / sizeof sum_rows[0], dtype), error);
    if (status != OA_OK || !y) {
        return status;
    }
    float count_f32 = (float)call->input_count;
    double count_f64 = (double)call->input_count;
    oa_array count;
    status =
        oa_array_view(&count, dtype == OA_DTYPE_FLOAT ? (void *)&count_f32 : (void *)&count_f64, dtype, NULL, 0, error);
    if (status == OA_OK) {
        oa_binary_apply(y, y, &count, oa_binary_find(rows, sizeof rows / sizeof rows[0], dtype), call->team);
    }
    return status;
}
