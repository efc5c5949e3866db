/* A walk over serialised protobuf messages that builds nothing. It runs before the unpacker, which recurses as deep as
 * the bytes tell it to and cuts strings at a NUL, and it finds single strings in files that nobody needs unpacked. */
#ifndef OA_ONNX_IO_WIRE_H
#define OA_ONNX_IO_WIRE_H

#include "core/base/error.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* How deep messages may nest: the limit of the protobuf libraries that other ONNX tools use. */
enum { OA_WIRE_MAX_DEPTH = 100 };

/* A string field met on the way; `text` is not terminated. */
typedef struct oa_wire_string {
    const ProtobufCFieldDescriptor *field;  /* the string's own field */
    const ProtobufCFieldDescriptor *parent; /* the field that holds the string's message; NULL at the top */
    const char *text;
    size_t size;
} oa_wire_string;

typedef void oa_wire_visitor(void *context, const oa_wire_string *string);

/* Walks the message of type `descriptor` in data [size], calling `visitor` (may be NULL) for every string. Errors:
 * OA_ERROR_INPUT when the bytes cannot be such a message, nest deeper than OA_WIRE_MAX_DEPTH, or a string holds a NUL.
 * O(size). Source: the protobuf encoding, without groups, which ONNX does not use. */
oa_status oa_wire_walk(const ProtobufCMessageDescriptor *descriptor, const unsigned char *data, size_t size,
                       oa_wire_visitor *visitor, void *context, oa_error *error);

#endif
