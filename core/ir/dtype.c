#include "core/ir/dtype.h"

#include <math.h>
#include <string.h>

size_t oa_dtype_size(oa_dtype dtype)
{
    switch (dtype) {
    case OA_DTYPE_UINT8:
    case OA_DTYPE_INT8:
    case OA_DTYPE_BOOL:
        return 1;
    case OA_DTYPE_UINT16:
    case OA_DTYPE_INT16:
    case OA_DTYPE_FLOAT16:
    case OA_DTYPE_BFLOAT16:
        return 2;
    case OA_DTYPE_FLOAT:
    case OA_DTYPE_INT32:
    case OA_DTYPE_UINT32:
        return 4;
    case OA_DTYPE_DOUBLE:
    case OA_DTYPE_INT64:
    case OA_DTYPE_UINT64:
    case OA_DTYPE_COMPLEX64:
        return 8;
    case OA_DTYPE_COMPLEX128:
        return 16;
    case OA_DTYPE_STRING:
        return sizeof(oa_string_view);
    case OA_DTYPE_UNDEFINED:
    default:
        return 0;
    }
}

const char *oa_dtype_name(oa_dtype dtype)
{
    static const char *const names[] = {
        [OA_DTYPE_UNDEFINED] = "undefined", [OA_DTYPE_FLOAT] = "float32",
        [OA_DTYPE_UINT8] = "uint8",         [OA_DTYPE_INT8] = "int8",
        [OA_DTYPE_UINT16] = "uint16",       [OA_DTYPE_INT16] = "int16",
        [OA_DTYPE_INT32] = "int32",         [OA_DTYPE_INT64] = "int64",
        [OA_DTYPE_STRING] = "string",       [OA_DTYPE_BOOL] = "bool",
        [OA_DTYPE_FLOAT16] = "float16",     [OA_DTYPE_DOUBLE] = "float64",
        [OA_DTYPE_UINT32] = "uint32",       [OA_DTYPE_UINT64] = "uint64",
        [OA_DTYPE_COMPLEX64] = "complex64", [OA_DTYPE_COMPLEX128] = "complex128",
        [OA_DTYPE_BFLOAT16] = "bfloat16",
    };
    return (size_t)dtype < sizeof names / sizeof names[0] ? names[dtype] : "unknown";
}

bool oa_dtype_is_float(oa_dtype dtype)
{
    return dtype == OA_DTYPE_FLOAT || dtype == OA_DTYPE_FLOAT16 || dtype == OA_DTYPE_BFLOAT16 ||
           dtype == OA_DTYPE_DOUBLE;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Shifts right by `shift` bits (1..63), rounding to nearest, ties to even. */
static uint64_t shift_rounded(uint64_t value, unsigned shift)
{
    uint64_t half = UINT64_C(1) << (shift - 1);
    uint64_t kept = value >> shift;
    uint64_t rest = value & ((half << 1) - 1);
    if (rest > half || (rest == half && (kept & 1))) {
        kept++;
    }
    return kept;
}

/* Rounds a double to a 16-bit float with `fraction` fraction bits and an exponent field of 15 - fraction bits. A carry
 * out of the fraction runs into the exponent field, which is what rounding up to the next power of two means. */
static uint16_t narrow(double value, unsigned fraction)
{
    uint64_t bits = bits_of_double(value);
    uint16_t sign = (uint16_t)(bits >> 48 & 0x8000u);
    unsigned exponent_bits = 15 - fraction;
    int bias = (1 << (exponent_bits - 1)) - 1;
    uint16_t infinity = (uint16_t)(((1u << exponent_bits) - 1u) << fraction);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);

    if (exponent == 0x7ff) {
        /* The quiet bit keeps a NaN one whose payload is cut off. */
        uint64_t payload = mantissa ? UINT64_C(1) << (fraction - 1) | mantissa >> (52 - fraction) : 0;
        return (uint16_t)(sign | infinity | payload);
    }
    if (exponent == 0) {
        return sign; /* zero, or a double subnormal: far below the smallest value of either type */
    }
    int target = exponent - 1023 + bias;
    uint64_t rounded;
    if (target >= 1) {
        rounded = shift_rounded(mantissa, 52 - fraction) + ((uint64_t)target << fraction);
    } else {
        unsigned shift = 52 - fraction + (unsigned)(1 - target);
        rounded = shift > 53 ? 0 : shift_rounded(mantissa | UINT64_C(1) << 52, shift);
    }
    return (uint16_t)(sign | (rounded >= infinity ? infinity : (uint16_t)rounded));
}

uint16_t oa_half_from_double(double value)
{
    return narrow(value, 10);
}

uint16_t oa_bfloat_from_double(double value)
{
    return narrow(value, 7);
}

uint16_t oa_half_from_float(float value)
{
    return narrow((double)value, 10);
}

uint16_t oa_bfloat_from_float(float value)
{
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    uint32_t to_even = bits >> 16 & 1u;
    return (uint16_t)((bits + 0x7fffu + to_even) >> 16);
}

float oa_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 0x1fu;
    uint32_t mantissa = half & 0x3ffu;
    if (exponent == 0x1f) {
        return float_of_bits(sign | 0x7f800000u | mantissa << 13);
    }
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1.0p-24f;
        return sign ? -magnitude : magnitude;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

float oa_bfloat_to_float(uint16_t bits)
{
    return float_of_bits((uint32_t)bits << 16);
}

/* Empty arrays may be NULL, which memcpy must not be given. */
static void copy(void *dst, const void *src, size_t size)
{
    if (size) {
        memcpy(dst, src, size);
    }
}

void oa_floats_to_f32(float *dst, const void *src, oa_dtype dtype, size_t n)
{
    const unsigned char *bytes = src;
    switch (dtype) {
    case OA_DTYPE_FLOAT:
        copy(dst, src, n * sizeof *dst);
        break;
    case OA_DTYPE_DOUBLE:
        for (size_t i = 0; i < n; i++) {
            double value;
            memcpy(&value, bytes + i * sizeof value, sizeof value);
            dst[i] = (float)value;
        }
        break;
    default:
        for (size_t i = 0; i < n; i++) {
            uint16_t value;
            memcpy(&value, bytes + i * sizeof value, sizeof value);
            dst[i] = dtype == OA_DTYPE_FLOAT16 ? oa_half_to_float(value) : oa_bfloat_to_float(value);
        }
        break;
    }
}

void oa_floats_to_f64(double *dst, const void *src, oa_dtype dtype, size_t n)
{
    const unsigned char *bytes = src;
    if (dtype == OA_DTYPE_DOUBLE) {
        copy(dst, src, n * sizeof *dst);
        return;
    }
    size_t size = oa_dtype_size(dtype);
    for (size_t i = 0; i < n; i++) {
        float value;
        oa_floats_to_f32(&value, bytes + i * size, dtype, 1);
        dst[i] = (double)value;
    }
}

void oa_floats_from_f32(void *dst, oa_dtype dtype, const float *src, size_t n)
{
    if (dtype == OA_DTYPE_FLOAT) {
        copy(dst, src, n * sizeof *src);
        return;
    }
    unsigned char *bytes = dst;
    for (size_t i = 0; i < n; i++) {
        if (dtype == OA_DTYPE_DOUBLE) {
            double value = (double)src[i];
            memcpy(bytes + i * sizeof value, &value, sizeof value);
        } else {
            uint16_t value = dtype == OA_DTYPE_FLOAT16 ? oa_half_from_float(src[i]) : oa_bfloat_from_float(src[i]);
            memcpy(bytes + i * sizeof value, &value, sizeof value);
        }
    }
}

void oa_floats_from_f64(void *dst, oa_dtype dtype, const double *src, size_t n)
{
    if (dtype == OA_DTYPE_DOUBLE) {
        copy(dst, src, n * sizeof *src);
        return;
    }
    unsigned char *bytes = dst;
    for (size_t i = 0; i < n; i++) {
        if (dtype == OA_DTYPE_FLOAT) {
            float value = (float)src[i];
            memcpy(bytes + i * sizeof value, &value, sizeof value);
        } else {
            uint16_t value = dtype == OA_DTYPE_FLOAT16 ? oa_half_from_double(src[i]) : oa_bfloat_from_double(src[i]);
            memcpy(bytes + i * sizeof value, &value, sizeof value);
        }
    }
}
