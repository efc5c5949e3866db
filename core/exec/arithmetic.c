/* Add, Sub, Mul, Div, Mod and BitShift. Integers wrap; dividing one by zero is an error. */
#include "core/exec/binary.h"
#include "core/exec/kernels.h"
#include "core/exec/types.h"

#include <tgmath.h>

/* Quotient truncated towards zero; -1 apart, for which the most negative dividend would overflow. */
#define QUOTIENT(real) (b == (real)-1 ? (real)(0 - (uint64_t)a) : (real)(a / b))
#define REMAINDER(real) (b == (real)-1 ? (real)0 : (real)(a % b))
/* The remainder with the sign of the divisor. */
#define FLOORED(real) (REMAINDER(real) != 0 && (REMAINDER(real) < 0) != (b < 0) ? REMAINDER(real) + b : REMAINDER(real))

#define INTEGER_LOOPS(dtype, type, tag)                                                                                \
    OA_BINARY_LOOP(add_##tag, type, type, (uint64_t)a + (uint64_t)b)                                                   \
    OA_BINARY_LOOP(sub_##tag, type, type, (uint64_t)a - (uint64_t)b)                                                   \
    OA_BINARY_LOOP(mul_##tag, type, type, (uint64_t)a *(uint64_t)b)
#define SIGNED_LOOPS(dtype, type, tag)                                                                                 \
    INTEGER_LOOPS(dtype, type, tag)                                                                                    \
    OA_BINARY_LOOP(div_##tag, type, type, QUOTIENT(type))                                                              \
    OA_BINARY_LOOP(mod_##tag, type, type, FLOORED(type))                                                               \
    OA_BINARY_LOOP(fmod_##tag, type, type, REMAINDER(type))
#define UNSIGNED_LOOPS(dtype, type, tag)                                                                               \
    INTEGER_LOOPS(dtype, type, tag)                                                                                    \
    OA_BINARY_LOOP(div_##tag, type, type, a / b)                                                                       \
    OA_BINARY_LOOP(mod_##tag, type, type, a % b)                                                                       \
    OA_BINARY_LOOP(fmod_##tag, type, type, a % b)                                                                      \
    OA_BINARY_LOOP(shift_left_##tag, type, type, b >= 8 * sizeof a ? 0 : (uint64_t)a << b)                             \
    OA_BINARY_LOOP(shift_right_##tag, type, type, b >= 8 * sizeof a ? 0 : (uint64_t)a >> b)
#define REAL_LOOPS(dtype, type, tag)                                                                                   \
    OA_BINARY_LOOP(add_##tag, type, type, a + b)                                                                       \
    OA_BINARY_LOOP(sub_##tag, type, type, a - b)                                                                       \
    OA_BINARY_LOOP(mul_##tag, type, type, a *b)                                                                        \
    OA_BINARY_LOOP(div_##tag, type, type, a / b)                                                                       \
    OA_BINARY_LOOP(fmod_##tag, type, type, fmod(a, b))

OA_REAL_TYPES(REAL_LOOPS)
OA_SIGNED_TYPES(SIGNED_LOOPS)
OA_UNSIGNED_TYPES(UNSIGNED_LOOPS)

#define ADD_ROW(dtype, type, tag) {dtype, add_##tag},
#define SUB_ROW(dtype, type, tag) {dtype, sub_##tag},
#define MUL_ROW(dtype, type, tag) {dtype, mul_##tag},
#define DIV_ROW(dtype, type, tag) {dtype, div_##tag},
#define MOD_ROW(dtype, type, tag) {dtype, mod_##tag},
#define FMOD_ROW(dtype, type, tag) {dtype, fmod_##tag},
#define LEFT_ROW(dtype, type, tag) {dtype, shift_left_##tag},
#define RIGHT_ROW(dtype, type, tag) {dtype, shift_right_##tag},

oa_status oa_kernel_add(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(ADD_ROW) OA_INTEGER_TYPES(ADD_ROW)};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_UNDEFINED, error);
}

oa_status oa_kernel_sub(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(SUB_ROW) OA_INTEGER_TYPES(SUB_ROW)};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_UNDEFINED, error);
}

oa_status oa_kernel_mul(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(MUL_ROW) OA_INTEGER_TYPES(MUL_ROW)};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_UNDEFINED, error);
}

/* Refuses integer divisors with a zero among them, which has no answer. */
static oa_status check_divisor(const oa_array *divisor, oa_error *error)
{
    size_t size = oa_dtype_size(divisor->dtype);
    const unsigned char *bytes = divisor->data;
    if (oa_is_real(divisor->dtype)) {
        return OA_OK;
    }
    for (size_t i = 0; i < divisor->count; i++) {
        bool is_zero = true;
        for (size_t k = 0; k < size; k++) {
            is_zero = is_zero && bytes[i * size + k] == 0;
        }
        if (is_zero) {
            return oa_fail(error, OA_ERROR_INPUT, "integer division by zero");
        }
    }
    return OA_OK;
}

oa_status oa_kernel_div(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(DIV_ROW) OA_INTEGER_TYPES(DIV_ROW)};
    oa_status status = check_divisor(call->inputs[1], error);
    if (status != OA_OK) {
        return status;
    }
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_UNDEFINED, error);
}

oa_status oa_kernel_mod(oa_call *call, oa_error *error)
{
    static const oa_binary_row floored[] = {OA_INTEGER_TYPES(MOD_ROW)};
    static const oa_binary_row truncated[] = {OA_REAL_TYPES(FMOD_ROW) OA_INTEGER_TYPES(FMOD_ROW)};
    oa_status status = check_divisor(call->inputs[1], error);
    if (status != OA_OK) {
        return status;
    }
    if (oa_call_int(call, "fmod", 0) != 0) {
        return oa_binary_run(call, truncated, sizeof truncated / sizeof truncated[0], OA_DTYPE_UNDEFINED, error);
    }
    return oa_binary_run(call, floored, sizeof floored / sizeof floored[0], OA_DTYPE_UNDEFINED, error);
}

oa_status oa_kernel_bit_shift(oa_call *call, oa_error *error)
{
    static const oa_binary_row left[] = {OA_UNSIGNED_TYPES(LEFT_ROW)};
    static const oa_binary_row right[] = {OA_UNSIGNED_TYPES(RIGHT_ROW)};
    const oa_string_view *direction = oa_call_string(call, "direction");
    if (direction && oa_string_is(direction, "LEFT")) {
        return oa_binary_run(call, left, sizeof left / sizeof left[0], OA_DTYPE_UNDEFINED, error);
    }
    if (direction && oa_string_is(direction, "RIGHT")) {
        return oa_binary_run(call, right, sizeof right / sizeof right[0], OA_DTYPE_UNDEFINED, error);
    }
    return oa_fail(error, OA_ERROR_INPUT, "direction must be LEFT or RIGHT");
}
