/* Element types (numbered as ONNX's TensorProto.DataType) and exact conversions between them. */
#ifndef OA_IR_DTYPE_H
#define OA_IR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum oa_dtype {
    OA_DTYPE_UNDEFINED = 0,
    OA_DTYPE_FLOAT = 1,
    OA_DTYPE_UINT8 = 2,
    OA_DTYPE_INT8 = 3,
    OA_DTYPE_UINT16 = 4,
    OA_DTYPE_INT16 = 5,
    OA_DTYPE_INT32 = 6,
    OA_DTYPE_INT64 = 7,
    OA_DTYPE_STRING = 8, /* elements are oa_string_view */
    OA_DTYPE_BOOL = 9,
    OA_DTYPE_FLOAT16 = 10,
    OA_DTYPE_DOUBLE = 11,
    OA_DTYPE_UINT32 = 12,
    OA_DTYPE_UINT64 = 13,
    OA_DTYPE_COMPLEX64 = 14,
    OA_DTYPE_COMPLEX128 = 15,
    OA_DTYPE_BFLOAT16 = 16
    /* Newer types (float8, int4, ...) keep their number; they have element size 0 here and are carried untouched. */
} oa_dtype;

/* One element of a string tensor; owns nothing. */
typedef struct oa_string_view {
    const char *data;
    size_t size;
} oa_string_view;

/* Bytes of one element in memory; 0 for undefined and unknown types. */
size_t oa_dtype_size(oa_dtype dtype);
/* "float32", "int64", ...; "unknown" for others. */
const char *oa_dtype_name(oa_dtype dtype);
/* float32, float16, bfloat16 and float64: the types that are weights here. */
bool oa_dtype_is_float(oa_dtype dtype);

/* IEEE half and bfloat16, round to nearest, ties to even; overflow gives infinity; NaN stays a NaN. */
uint16_t oa_half_from_float(float value);
float oa_half_to_float(uint16_t bits);
uint16_t oa_bfloat_from_float(float value);
float oa_bfloat_to_float(uint16_t bits);
/* From double directly, rounded once (rounding to float first would round twice). */
uint16_t oa_half_from_double(double value);
uint16_t oa_bfloat_from_double(double value);

/* dst[i] = the i-th element of `src` for n elements of a float dtype (oa_dtype_is_float). `src` may be unaligned.
 * To float32, doubles are rounded to nearest even; the other conversions are exact. O(n). */
void oa_floats_to_f32(float *dst, const void *src, oa_dtype dtype, size_t n);
void oa_floats_to_f64(double *dst, const void *src, oa_dtype dtype, size_t n);
/* The reverse, rounded to nearest even. `dst` has n elements of `dtype`. O(n). */
void oa_floats_from_f32(void *dst, oa_dtype dtype, const float *src, size_t n);
void oa_floats_from_f64(void *dst, oa_dtype dtype, const double *src, size_t n);

#endif
