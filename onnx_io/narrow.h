/* int32_data and uint64_data also hold elements that are smaller in memory; here is the way from one to the other. */
#ifndef OA_ONNX_IO_NARROW_H
#define OA_ONNX_IO_NARROW_H

#include "core/ir/dtype.h"

#include <stddef.h>
#include <stdint.h>

/* narrow[i] = items[i] for i < n, as elements of `dtype` (uint8, int8, uint16, int16, bool, or the bits of float16 and
 * bfloat16). The index of the first item that does not fit, else OA_NONE. O(n). */
size_t oa_narrow_int32(void *narrow, oa_dtype dtype, const int32_t *items, size_t n);
/* The same for uint32. */
size_t oa_narrow_uint64(void *narrow, const uint64_t *items, size_t n);

/* Element i of `narrow` as the item that stands for it in int32_data or uint64_data. */
uint64_t oa_widen(const void *narrow, oa_dtype dtype, size_t i);

/* A varint, protobuf's encoding of an item: 7 bits a byte, the lowest first, the top bit set on all but the last. */
enum { OA_VARINT_SIZE = 10 };
size_t oa_varint_size(uint64_t value);
/* Writes it, at most OA_VARINT_SIZE bytes, and returns its size. */
size_t oa_varint_write(unsigned char *bytes, uint64_t value);

#endif
