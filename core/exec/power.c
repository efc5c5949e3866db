/* Pow, whose base and exponent may be of different types; the result has the type of the base. */
#include "core/exec/binary.h"
#include "core/exec/broadcast.h"
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/types.h"

#include <tgmath.h>

/* By repeated squaring, modulo 2^64: the low bits of the power are right for any narrower integer too. */
static uint64_t integer_power(uint64_t base, uint64_t exponent)
{
    uint64_t power = 1;
    for (; exponent; exponent >>= 1) {
        power = exponent & 1 ? power * base : power;
        base *= base;
    }
    return power;
}

OA_BINARY_LOOP(pow_f32, float, float, pow(a, b))
OA_BINARY_LOOP(pow_f64, double, double, pow(a, b))
OA_BINARY_LOOP(pow_u64, uint64_t, uint64_t, integer_power(a, b))
OA_BINARY_LOOP(square_f32, float, float, ((void)b, a *a))

/* A copy of `array` converted to `dtype`, owned. */
static oa_status converted(oa_array *copy, const oa_array *array, oa_dtype dtype, oa_error *error)
{
    oa_status status = oa_array_alloc(copy, dtype, array->dims, array->rank, error);
    if (status == OA_OK && !oa_convert(copy->data, dtype, array->data, array->dtype, array->count)) {
        return oa_fail_dtype(array, error);
    }
    return status;
}

static oa_status check_exponents(const oa_array *exponents, oa_error *error)
{
    for (size_t i = 0; exponents->dtype == OA_DTYPE_INT64 && i < exponents->count; i++) {
        if (((const int64_t *)exponents->data)[i] < 0) {
            return oa_fail(error, OA_ERROR_INPUT, "an integer to a negative integer power");
        }
    }
    return OA_OK;
}

/* Base and exponent of different or of integer types: both are converted to double, or when both are integers to 64
 * bits, and the result is converted back. */
static oa_status mixed_power(oa_array *y, const oa_array *base, const oa_array *exponent, oa_error *error)
{
    oa_array wide_base = {0}, wide_exponent = {0}, wide = {0};
    bool is_integer = !oa_is_real(base->dtype) && !oa_is_real(exponent->dtype);
    oa_dtype exponent_dtype = exponent->dtype == OA_DTYPE_UINT64 ? OA_DTYPE_UINT64 : OA_DTYPE_INT64;
    oa_status status = converted(&wide_base, base, is_integer ? OA_DTYPE_INT64 : OA_DTYPE_DOUBLE, error);
    if (status == OA_OK) {
        status = converted(&wide_exponent, exponent, is_integer ? exponent_dtype : OA_DTYPE_DOUBLE, error);
    }
    if (status == OA_OK && is_integer) {
        status = check_exponents(&wide_exponent, error);
    }
    if (status == OA_OK) {
        status = oa_array_alloc(&wide, is_integer ? OA_DTYPE_INT64 : OA_DTYPE_DOUBLE, y->dims, y->rank, error);
    }
    if (status == OA_OK) {
        oa_binary_apply(&wide, &wide_base, &wide_exponent, is_integer ? pow_u64 : pow_f64, NULL);
        (void)oa_convert(y->data, y->dtype, wide.data, wide.dtype, wide.count);
    }
    oa_array_free(&wide_base);
    oa_array_free(&wide_exponent);
    oa_array_free(&wide);
    return status;
}

oa_status oa_kernel_pow(oa_call *call, oa_error *error)
{
    const oa_array *base = call->inputs[0], *exponent = call->inputs[1];
    oa_array second;
    size_t dims[OA_MAX_RANK], rank;
    if (base->dtype == OA_DTYPE_BOOL || exponent->dtype == OA_DTYPE_BOOL) {
        return oa_fail_dtype(base->dtype == OA_DTYPE_BOOL ? base : exponent, error);
    }
    oa_status status = oa_binary_second(&second, call, error);
    if (status == OA_OK) {
        status = oa_broadcast_shape(dims, &rank, (const oa_array *const[]){base, &second}, 2, error);
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, base->dtype, dims, rank, error);
    }
    if (status != OA_OK) {
        return status;
    }
    if (base->dtype == OA_DTYPE_FLOAT && exponent->dtype == OA_DTYPE_FLOAT) {
        bool is_square = second.count == 1 && *(const float *)second.data == 2.0f;
        oa_binary_apply(y, base, &second, is_square ? square_f32 : pow_f32, call->team);
        return OA_OK;
    }
    if (base->dtype == OA_DTYPE_DOUBLE && exponent->dtype == OA_DTYPE_DOUBLE) {
        oa_binary_apply(y, base, &second, pow_f64, call->team);
        return OA_OK;
    }
    return mixed_power(y, base, &second, error);
}
