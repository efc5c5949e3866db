/* Elementwise functions that are defined for integers too: Abs, Neg, Sign, Relu, Shrink; and those that give a bool. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/types.h"
#include "core/exec/unary.h"

#include <tgmath.h>

/* Negation wraps: the most negative integer has no counterpart. */
#define SIGNED_LOOPS(dtype, type, tag)                                                                                 \
    OA_UNARY_LOOP(abs_##tag, type, x < 0 ? (real)(0 - (uint64_t)x) : x)                                                \
    OA_UNARY_LOOP(neg_##tag, type, 0 - (uint64_t)x)                                                                    \
    OA_UNARY_LOOP(relu_##tag, type, x < 0 ? 0 : x)                                                                     \
    OA_UNARY_LOOP(sign_##tag, type, (x > 0) - (x < 0))                                                                 \
    OA_UNARY_LOOP(shrink_##tag, type, SHRINK_INTEGER(tag))
#define UNSIGNED_LOOPS(dtype, type, tag)                                                                               \
    OA_UNARY_LOOP(abs_##tag, type, x)                                                                                  \
    OA_UNARY_LOOP(relu_##tag, type, x)                                                                                 \
    OA_UNARY_LOOP(sign_##tag, type, x != 0)                                                                            \
    OA_UNARY_LOOP(shrink_##tag, type, SHRINK_INTEGER(tag))
#define REAL_LOOPS(dtype, type, tag)                                                                                   \
    OA_UNARY_LOOP(abs_##tag, type, fabs(x))                                                                            \
    OA_UNARY_LOOP(neg_##tag, type, -x)                                                                                 \
    OA_UNARY_LOOP(relu_##tag, type, x < 0 ? 0 : x)                                                                     \
    OA_UNARY_LOOP(sign_##tag, type, x > 0 ? 1 : x < 0 ? -1 : x)                                                        \
    OA_UNARY_REAL_LOOP(shrink_##tag, type, x<-beta ? x + alpha : x> beta ? x - alpha : 0)

/* The settings are bias and lambd, which are floats for integers too. */
#define SHRINK_INTEGER(tag)                                                                                            \
    ((double)x < -settings[1]  ? oa_##tag##_from_real((double)x + settings[0])                                         \
     : (double)x > settings[1] ? oa_##tag##_from_real((double)x - settings[0])                                         \
                               : 0)

OA_SIGNED_TYPES(SIGNED_LOOPS)
OA_UNSIGNED_TYPES(UNSIGNED_LOOPS)
OA_REAL_TYPES(REAL_LOOPS)

#define ABS_ROW(dtype, type, tag) {dtype, abs_##tag},
#define NEG_ROW(dtype, type, tag) {dtype, neg_##tag},
#define RELU_ROW(dtype, type, tag) {dtype, relu_##tag},
#define SIGN_ROW(dtype, type, tag) {dtype, sign_##tag},
#define SHRINK_ROW(dtype, type, tag) {dtype, shrink_##tag},

static const double no_settings[2];

oa_status oa_kernel_abs(oa_call *call, oa_error *error)
{
    static const oa_unary_row rows[] = {OA_REAL_TYPES(ABS_ROW) OA_INTEGER_TYPES(ABS_ROW)};
    return oa_unary_run(call, rows, sizeof rows / sizeof rows[0], no_settings, error);
}

oa_status oa_kernel_neg(oa_call *call, oa_error *error)
{
    static const oa_unary_row rows[] = {OA_REAL_TYPES(NEG_ROW) OA_SIGNED_TYPES(NEG_ROW)};
    return oa_unary_run(call, rows, sizeof rows / sizeof rows[0], no_settings, error);
}

oa_status oa_kernel_relu(oa_call *call, oa_error *error)
{
    static const oa_unary_row rows[] = {OA_REAL_TYPES(RELU_ROW) OA_INTEGER_TYPES(RELU_ROW)};
    return oa_unary_run(call, rows, sizeof rows / sizeof rows[0], no_settings, error);
}

oa_status oa_kernel_sign(oa_call *call, oa_error *error)
{
    static const oa_unary_row rows[] = {OA_REAL_TYPES(SIGN_ROW) OA_INTEGER_TYPES(SIGN_ROW)};
    return oa_unary_run(call, rows, sizeof rows / sizeof rows[0], no_settings, error);
}

oa_status oa_kernel_shrink(oa_call *call, oa_error *error)
{
    static const oa_unary_row rows[] = {OA_REAL_TYPES(SHRINK_ROW) OA_INTEGER_TYPES(SHRINK_ROW)};
    const double settings[2] = {(double)oa_call_float(call, "bias", 0.0f), (double)oa_call_float(call, "lambd", 0.5f)};
    return oa_unary_run(call, rows, sizeof rows / sizeof rows[0], settings, error);
}

#define TEST_LOOP(name, type, expression)                                                                              \
    static void name(uint8_t *y, const type *xs, size_t n)                                                             \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const type x = xs[i];                                                                                      \
            y[i] = (expression);                                                                                       \
        }                                                                                                              \
    }

TEST_LOOP(is_nan_f32, float, x != x)
TEST_LOOP(is_nan_f64, double, x != x)
TEST_LOOP(is_infinite_f32, float, x == INFINITY)
TEST_LOOP(is_infinite_f64, double, x == (double)INFINITY)
TEST_LOOP(is_minus_infinite_f32, float, x == -INFINITY)
TEST_LOOP(is_minus_infinite_f64, double, x == -(double)INFINITY)
TEST_LOOP(is_any_infinite_f32, float, x == INFINITY || x == -INFINITY)
TEST_LOOP(is_any_infinite_f64, double, x == (double)INFINITY || x == -(double)INFINITY)
TEST_LOOP(is_zero, uint8_t, x == 0)

/* Output 0 is bool, with the shape of input 0. */
static oa_status run_test(oa_call *call, void (*f32)(uint8_t *, const float *, size_t),
                          void (*f64)(uint8_t *, const double *, size_t), oa_error *error)
{
    const oa_array *x = call->inputs[0];
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, OA_DTYPE_BOOL, x->dims, x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (x->dtype == OA_DTYPE_FLOAT) {
        f32(y->data, x->data, x->count);
    } else {
        f64(y->data, x->data, x->count);
    }
    return OA_OK;
}

oa_status oa_kernel_is_nan(oa_call *call, oa_error *error)
{
    return run_test(call, is_nan_f32, is_nan_f64, error);
}

oa_status oa_kernel_is_inf(oa_call *call, oa_error *error)
{
    bool positive = oa_call_int(call, "detect_positive", 1) != 0;
    bool negative = oa_call_int(call, "detect_negative", 1) != 0;
    if (positive && negative) {
        return run_test(call, is_any_infinite_f32, is_any_infinite_f64, error);
    }
    if (positive) {
        return run_test(call, is_infinite_f32, is_infinite_f64, error);
    }
    if (negative) {
        return run_test(call, is_minus_infinite_f32, is_minus_infinite_f64, error);
    }
    oa_array *y;
    const oa_array *x = call->inputs[0];
    oa_status status = oa_call_output(&y, call, 0, OA_DTYPE_BOOL, x->dims, x->rank, error);
    for (size_t i = 0; status == OA_OK && i < y->count; i++) {
        ((uint8_t *)y->data)[i] = 0;
    }
    return status;
}

oa_status oa_kernel_not(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    if (x->dtype != OA_DTYPE_BOOL) {
        return oa_fail_dtype(x, error);
    }
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, OA_DTYPE_BOOL, x->dims, x->rank, error);
    if (status == OA_OK) {
        is_zero(y->data, x->data, x->count);
    }
    return status;
}
