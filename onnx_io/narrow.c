#include "onnx_io/narrow.h"

#include "core/base/memory.h"

/* The range of the elements that go through int32_data. */
static void range_of(int32_t *low, int32_t *high, oa_dtype dtype)
{
    switch (dtype) {
    case OA_DTYPE_INT8:
        *low = INT8_MIN;
        *high = INT8_MAX;
        break;
    case OA_DTYPE_INT16:
        *low = INT16_MIN;
        *high = INT16_MAX;
        break;
    case OA_DTYPE_UINT8:
    case OA_DTYPE_BOOL:
        *low = 0;
        *high = UINT8_MAX;
        break;
    default:
        *low = 0;
        *high = UINT16_MAX;
        break;
    }
}

size_t oa_narrow_int32(void *narrow, oa_dtype dtype, const int32_t *items, size_t n)
{
    int32_t low;
    int32_t high;
    range_of(&low, &high, dtype);
    uint8_t *bytes = narrow;
    uint16_t *words = narrow;
    bool is_byte = oa_dtype_size(dtype) == 1;
    for (size_t i = 0; i < n; i++) {
        if (items[i] < low || items[i] > high) {
            return i;
        }
        if (is_byte) {
            bytes[i] = (uint8_t)items[i]; /* negative ones in two's complement */
        } else {
            words[i] = (uint16_t)items[i];
        }
    }
    return OA_NONE;
}

size_t oa_narrow_uint64(void *narrow, const uint64_t *items, size_t n)
{
    uint32_t *words = narrow;
    for (size_t i = 0; i < n; i++) {
        if (items[i] > UINT32_MAX) {
            return i;
        }
        words[i] = (uint32_t)items[i];
    }
    return OA_NONE;
}

uint64_t oa_widen(const void *narrow, oa_dtype dtype, size_t i)
{
    switch (dtype) {
    case OA_DTYPE_INT8:
        return (uint64_t)((const int8_t *)narrow)[i]; /* a negative int32 is sign-extended to 64 bits */
    case OA_DTYPE_INT16:
        return (uint64_t)((const int16_t *)narrow)[i];
    case OA_DTYPE_UINT8:
    case OA_DTYPE_BOOL:
        return ((const uint8_t *)narrow)[i];
    case OA_DTYPE_UINT32:
        return ((const uint32_t *)narrow)[i];
    default:
        return ((const uint16_t *)narrow)[i];
    }
}

size_t oa_varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

size_t oa_varint_write(unsigned char *bytes, uint64_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (unsigned char)value;
    return size;
}
