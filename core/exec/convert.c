/* Every conversion goes through one of three wide types (double, int64, uint64), a chunk at a time, so that there is
 * one loop for each type and not for each pair. */
#include "core/exec/convert.h"

#include "core/exec/types.h"

#include <string.h>

enum { CHUNK = 256 };

typedef enum number_class { CLASS_NONE, CLASS_REAL, CLASS_SIGNED, CLASS_UNSIGNED64 } number_class;

static number_class class_of(oa_dtype dtype)
{
    if (oa_dtype_is_float(dtype)) {
        return CLASS_REAL;
    }
    switch (dtype) {
    case OA_DTYPE_INT8:
    case OA_DTYPE_INT16:
    case OA_DTYPE_INT32:
    case OA_DTYPE_INT64:
    case OA_DTYPE_UINT8:
    case OA_DTYPE_UINT16:
    case OA_DTYPE_UINT32:
    case OA_DTYPE_BOOL:
        return CLASS_SIGNED; /* fits int64 */
    case OA_DTYPE_UINT64:
        return CLASS_UNSIGNED64;
    default:
        return CLASS_NONE;
    }
}

/* Integers of up to 63 bits and bool. */
static void load_signed(int64_t *dst, const void *src, oa_dtype dtype, size_t n)
{
    switch (dtype) {
#define LOAD(name, type, tag)                                                                                          \
    case name:                                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                               \
            dst[i] = (int64_t)((const type *)src)[i];                                                                  \
        }                                                                                                              \
        break;
        OA_INTEGER_TYPES(LOAD)
#undef LOAD
    default: /* bool: any byte but zero is true */
        for (size_t i = 0; i < n; i++) {
            dst[i] = ((const uint8_t *)src)[i] != 0;
        }
        break;
    }
}

static void store_real(void *dst, oa_dtype dtype, const double *src, size_t n)
{
    switch (dtype) {
#define STORE(name, type, tag)                                                                                         \
    case name:                                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                               \
            ((type *)dst)[i] = oa_##tag##_from_real(src[i]);                                                           \
        }                                                                                                              \
        break;
        OA_INTEGER_TYPES(STORE)
#undef STORE
    case OA_DTYPE_BOOL:
        for (size_t i = 0; i < n; i++) {
            ((uint8_t *)dst)[i] = src[i] != 0.0;
        }
        break;
    default:
        oa_floats_from_f64(dst, dtype, src, n);
        break;
    }
}

/* Integers to integers keep the low bits, whatever their sign, so that signed and unsigned sources share this. */
static void store_bits(void *dst, oa_dtype dtype, const uint64_t *src, size_t n)
{
    switch (dtype) {
#define STORE(name, type, tag)                                                                                         \
    case name:                                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                               \
            ((type *)dst)[i] = (type)src[i];                                                                           \
        }                                                                                                              \
        break;
        OA_INTEGER_TYPES(STORE)
#undef STORE
    default:
        for (size_t i = 0; i < n; i++) {
            ((uint8_t *)dst)[i] = src[i] != 0;
        }
        break;
    }
}

static void convert_real(void *dst, oa_dtype dst_dtype, const void *src, oa_dtype src_dtype, size_t n)
{
    double wide[CHUNK];
    oa_floats_to_f64(wide, src, src_dtype, n);
    store_real(dst, dst_dtype, wide, n);
}

static void convert_integer(void *dst, oa_dtype dst_dtype, const void *src, oa_dtype src_dtype, size_t n)
{
    uint64_t bits[CHUNK];
    int64_t values[CHUNK];
    double reals[CHUNK];
    bool is_unsigned = src_dtype == OA_DTYPE_UINT64;
    load_signed(values, src, src_dtype, n);
    for (size_t i = 0; i < n; i++) {
        bits[i] = (uint64_t)values[i];
    }
    if (class_of(dst_dtype) != CLASS_REAL) {
        store_bits(dst, dst_dtype, bits, n);
        return;
    }
    if (dst_dtype == OA_DTYPE_FLOAT) { /* not by way of double, which would round twice */
        for (size_t i = 0; i < n; i++) {
            ((float *)dst)[i] = is_unsigned ? (float)bits[i] : (float)values[i];
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        reals[i] = is_unsigned ? (double)bits[i] : (double)values[i];
    }
    oa_floats_from_f64(dst, dst_dtype, reals, n);
}

bool oa_is_number(oa_dtype dtype)
{
    return class_of(dtype) != CLASS_NONE;
}

bool oa_convert(void *dst, oa_dtype dst_dtype, const void *src, oa_dtype src_dtype, size_t n)
{
    number_class from = class_of(src_dtype);
    if (from == CLASS_NONE || class_of(dst_dtype) == CLASS_NONE) {
        return false;
    }
    size_t dst_size = oa_dtype_size(dst_dtype), src_size = oa_dtype_size(src_dtype);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        void *to = (unsigned char *)dst + at * dst_size;
        const void *chunk = (const unsigned char *)src + at * src_size;
        if (dst_dtype == src_dtype && dst_dtype != OA_DTYPE_BOOL) {
            memcpy(to, chunk, length * dst_size);
        } else if (from == CLASS_REAL) {
            convert_real(to, dst_dtype, chunk, src_dtype, length);
        } else {
            convert_integer(to, dst_dtype, chunk, src_dtype, length);
        }
    }
    return true;
}
