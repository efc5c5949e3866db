/* TensorProto messages as tensors of the IR. */
#ifndef OA_ONNX_IO_TENSOR_READ_H
#define OA_ONNX_IO_TENSOR_READ_H

#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/ir/graph.h"
#include "onnx_io/external_files.h"

#include <onnx.pb-c.h>

/* In which field a message holds its elements, and so how others are put there. */
typedef enum oa_payload_form {
    OA_FORM_NONE = 0, /* no elements, or of a type that this program cannot read: never replaced */
    OA_FORM_RAW,
    OA_FORM_FLOAT_DATA,
    OA_FORM_DOUBLE_DATA,
    OA_FORM_INT32_DATA,
    OA_FORM_INT64_DATA,
    OA_FORM_UINT64_DATA,
    OA_FORM_STRING_DATA,
    OA_FORM_NARROW_INT32,  /* int32_data, of elements that take one or two bytes in memory */
    OA_FORM_NARROW_UINT64, /* uint64_data, of elements that take four bytes in memory */
    OA_FORM_EXTERNAL,
    OA_FORM_ATTRIBUTE /* no TensorProto: the attribute value_float(s), value_int(s) or value_string(s) of a Constant */
} oa_payload_form;

/* What in a tensor's elements is read in place, converted, or mapped from a file. */
typedef struct oa_tensor_reader {
    oa_arena *arena;          /* for what has to be converted or moved to an aligned address */
    oa_external_files *files; /* for external data */
} oa_tensor_reader;

/* Fills everything of *tensor but its name and value, and tells where the elements come from; *form may be NULL.
 * Payloads are borrowed from the message, the arena or a mapped file.
 *
 * Refused (OA_ERROR_INPUT; the tensor is not named: callers add it): no type, more than OA_MAX_RANK dimensions, a
 * negative one, an overflowing product, segments, more than one payload field, a payload that does not fit the type or
 * the number of elements, bad external data. OA_ERROR_MEMORY. O(bytes) for what is converted, else O(rank). */
oa_status oa_tensor_read(oa_tensor *tensor, oa_payload_form *form, const oa_tensor_reader *reader,
                         const Onnx__TensorProto *message, oa_error *error);

/* Bytes that the elements of `message` take in memory, or OA_NONE when its shape or type does not tell. */
size_t oa_tensor_message_size(const Onnx__TensorProto *message);

/* A string element seen as the IR does. */
oa_string_view oa_string_view_of(ProtobufCBinaryData bytes);

/* Somewhere to point at for a tensor without elements: aligned for every type. */
const void *oa_no_elements(void);

#endif
