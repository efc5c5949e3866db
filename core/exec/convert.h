/* Conversions between the numeric element types.
 *
 * Real numbers to integers without undefined behaviour: truncated towards zero, clamped to the type's range, NaN to
 * zero. ONNX leaves values out of range open. */
#ifndef OA_EXEC_CONVERT_H
#define OA_EXEC_CONVERT_H

#include "core/ir/dtype.h"

/* The bounds are exact as doubles: for the 64-bit types `above` is the first value past the range. */
#define OA_FROM_REAL(tag, type, least, above, most)                                                                    \
    static inline type oa_##tag##_from_real(double value)                                                              \
    {                                                                                                                  \
        if (value != value) {                                                                                          \
            return 0;                                                                                                  \
        }                                                                                                              \
        if (value <= (least)) {                                                                                        \
            return (type)(least);                                                                                      \
        }                                                                                                              \
        return value >= (above) ? (type)(most) : (type)value;                                                          \
    }

OA_FROM_REAL(i8, int8_t, -0x1p7, 0x1p7, INT8_MAX)
OA_FROM_REAL(i16, int16_t, -0x1p15, 0x1p15, INT16_MAX)
OA_FROM_REAL(i32, int32_t, -0x1p31, 0x1p31, INT32_MAX)
OA_FROM_REAL(i64, int64_t, -0x1p63, 0x1p63, INT64_MAX)
OA_FROM_REAL(u8, uint8_t, 0.0, 0x1p8, UINT8_MAX)
OA_FROM_REAL(u16, uint16_t, 0.0, 0x1p16, UINT16_MAX)
OA_FROM_REAL(u32, uint32_t, 0.0, 0x1p32, UINT32_MAX)
OA_FROM_REAL(u64, uint64_t, 0.0, 0x1p64, UINT64_MAX)

/* True for the types that oa_convert knows: floats, integers and bool. */
bool oa_is_number(oa_dtype dtype);

/* dst[i] = src[i] for n elements of any numeric types and bool, each rounded once to nearest even (a 64-bit integer
 * beyond 2^53 twice on its way to a 16-bit float); integers wrap around when they do not fit, bool is "not zero".
 * False, with nothing written, when a type is not numeric. The two must not overlap. O(n). */
bool oa_convert(void *dst, oa_dtype dst_dtype, const void *src, oa_dtype src_dtype, size_t n);

#endif
