/* Lists of element types, for the loops that exist once for each: X(dtype, C type, tag). */
#ifndef OA_EXEC_TYPES_H
#define OA_EXEC_TYPES_H

#include "core/ir/dtype.h"
#include "core/linalg/vector_math.h"

#define OA_REAL_TYPES(X)                                                                                               \
    X(OA_DTYPE_FLOAT, float, f32)                                                                                      \
    X(OA_DTYPE_DOUBLE, double, f64)

#define OA_SIGNED_TYPES(X)                                                                                             \
    X(OA_DTYPE_INT8, int8_t, i8)                                                                                       \
    X(OA_DTYPE_INT16, int16_t, i16)                                                                                    \
    X(OA_DTYPE_INT32, int32_t, i32)                                                                                    \
    X(OA_DTYPE_INT64, int64_t, i64)

#define OA_UNSIGNED_TYPES(X)                                                                                           \
    X(OA_DTYPE_UINT8, uint8_t, u8)                                                                                     \
    X(OA_DTYPE_UINT16, uint16_t, u16)                                                                                  \
    X(OA_DTYPE_UINT32, uint32_t, u32)                                                                                  \
    X(OA_DTYPE_UINT64, uint64_t, u64)

#define OA_INTEGER_TYPES(X) OA_SIGNED_TYPES(X) OA_UNSIGNED_TYPES(X)

/* The integers that sums and products are defined for, which wrap around. */
#define OA_WIDE_INTEGER_TYPES(X)                                                                                       \
    X(OA_DTYPE_INT32, int32_t, i32)                                                                                    \
    X(OA_DTYPE_INT64, int64_t, i64)                                                                                    \
    X(OA_DTYPE_UINT32, uint32_t, u32)                                                                                  \
    X(OA_DTYPE_UINT64, uint64_t, u64)

/* Is it one of OA_REAL_TYPES? 16-bit floats are not: kernels see them widened. */
static inline bool oa_is_real(oa_dtype dtype)
{
    return dtype == OA_DTYPE_FLOAT || dtype == OA_DTYPE_DOUBLE;
}

#endif
