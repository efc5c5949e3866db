/* Integers of any type in 128 bits: the oracle of the tests on integer arithmetic. Little-endian machines only. */
#ifndef OA_TESTS_EXEC_INTEGERS_H
#define OA_TESTS_EXEC_INTEGERS_H

#include "tests/exec/support.h"

#include <string.h>

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

static inline wide integer_at(const oa_array *array, size_t i)
{
    switch (array->dtype) {
    case OA_DTYPE_INT64:
        return ((const int64_t *)array->data)[i];
    case OA_DTYPE_UINT64:
        return (wide)((const uint64_t *)array->data)[i];
    default:
        return (wide)number_at(array, i); /* exact: at most 32 bits */
    }
}

/* The low bits of `value` as element i. */
static inline bool holds(const oa_array *array, size_t i, wide value)
{
    uint64_t bits = (uint64_t)value;
    return memcmp((const unsigned char *)array->data + i * oa_dtype_size(array->dtype), &bits,
                  oa_dtype_size(array->dtype)) == 0;
}

#endif
