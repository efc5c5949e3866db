/* Comparisons and logic: the result is bool. */
#include "core/exec/binary.h"
#include "core/exec/kernels.h"

#include <string.h>

static bool same_string(oa_string_view a, oa_string_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#define COMPARISON_LOOPS(dtype, type, tag)                                                                             \
    OA_BINARY_LOOP(equal_##tag, type, uint8_t, a == b)                                                                 \
    OA_BINARY_LOOP(less_##tag, type, uint8_t, a < b)                                                                   \
    OA_BINARY_LOOP(less_equal_##tag, type, uint8_t, a <= b)                                                            \
    OA_BINARY_LOOP(greater_##tag, type, uint8_t, a > b)                                                                \
    OA_BINARY_LOOP(greater_equal_##tag, type, uint8_t, a >= b)

OA_REAL_TYPES(COMPARISON_LOOPS)
OA_INTEGER_TYPES(COMPARISON_LOOPS)
OA_BINARY_LOOP(equal_strings, oa_string_view, uint8_t, same_string(a, b))
/* A bool read from a file may be any byte: all but zero are true. */
OA_BINARY_LOOP(equal_bools, uint8_t, uint8_t, (a != 0) == (b != 0))
OA_BINARY_LOOP(and_bools, uint8_t, uint8_t, (a != 0) & (b != 0))
OA_BINARY_LOOP(or_bools, uint8_t, uint8_t, (a != 0) | (b != 0))
OA_BINARY_LOOP(xor_bools, uint8_t, uint8_t, (a != 0) != (b != 0))

#define EQUAL_ROW(dtype, type, tag) {dtype, equal_##tag},
#define LESS_ROW(dtype, type, tag) {dtype, less_##tag},
#define LESS_EQUAL_ROW(dtype, type, tag) {dtype, less_equal_##tag},
#define GREATER_ROW(dtype, type, tag) {dtype, greater_##tag},
#define GREATER_EQUAL_ROW(dtype, type, tag) {dtype, greater_equal_##tag},

oa_status oa_kernel_equal(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(EQUAL_ROW)
                                             OA_INTEGER_TYPES(EQUAL_ROW){OA_DTYPE_BOOL, equal_bools},
                                         {OA_DTYPE_STRING, equal_strings}};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_BOOL, error);
}

oa_status oa_kernel_less(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(LESS_ROW) OA_INTEGER_TYPES(LESS_ROW)};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_BOOL, error);
}

oa_status oa_kernel_less_or_equal(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(LESS_EQUAL_ROW) OA_INTEGER_TYPES(LESS_EQUAL_ROW)};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_BOOL, error);
}

oa_status oa_kernel_greater(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(GREATER_ROW) OA_INTEGER_TYPES(GREATER_ROW)};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_BOOL, error);
}

oa_status oa_kernel_greater_or_equal(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {OA_REAL_TYPES(GREATER_EQUAL_ROW) OA_INTEGER_TYPES(GREATER_EQUAL_ROW)};
    return oa_binary_run(call, rows, sizeof rows / sizeof rows[0], OA_DTYPE_BOOL, error);
}

oa_status oa_kernel_and(oa_call *call, oa_error *error)
{
    static const oa_binary_row row = {OA_DTYPE_BOOL, and_bools};
    return oa_binary_run(call, &row, 1, OA_DTYPE_BOOL, error);
}

oa_status oa_kernel_or(oa_call *call, oa_error *error)
{
    static const oa_binary_row row = {OA_DTYPE_BOOL, or_bools};
    return oa_binary_run(call, &row, 1, OA_DTYPE_BOOL, error);
}

oa_status oa_kernel_xor(oa_call *call, oa_error *error)
{
    static const oa_binary_row row = {OA_DTYPE_BOOL, xor_bools};
    return oa_binary_run(call, &row, 1, OA_DTYPE_BOOL, error);
}
