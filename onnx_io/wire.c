#include "onnx_io/wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A message that the walk is inside of. */
typedef struct frame {
    const ProtobufCMessageDescriptor *descriptor;
    const ProtobufCFieldDescriptor *field; /* that led here; NULL at the top */
    const unsigned char *end;
} frame;

/* One field as it stands in the bytes. */
typedef struct wire_field {
    uint32_t number;
    unsigned type;
    const unsigned char *data;
    size_t size;
} wire_field;

/* Reads a varint of at most `longest` bytes; false when it does not end in time. */
static bool read_varint(uint64_t *value, const unsigned char **at, const unsigned char *end, size_t longest)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < longest && *at + i < end; i++) {
        unsigned char byte = (*at)[i];
        bits |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *value = bits;
            *at += i + 1;
            return true;
        }
    }
    return false;
}

static bool read_field(wire_field *field, const unsigned char **at, const unsigned char *end)
{
    uint64_t value;
    if (!read_varint(&value, at, end, 5) || value >> 3 == 0 || value > UINT32_MAX) {
        return false;
    }
    field->number = (uint32_t)(value >> 3);
    field->type = (unsigned)(value & 7);
    field->data = *at;
    switch (field->type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        if (!read_varint(&value, at, end, 10)) {
            return false;
        }
        field->size = (size_t)(*at - field->data);
        return true;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        field->size = 8;
        break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        field->size = 4;
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!read_varint(&value, at, end, 5) || value > INT32_MAX) {
            return false;
        }
        field->data = *at;
        field->size = (size_t)value;
        break;
    default:
        return false; /* groups and the unused numbers */
    }
    if (field->size > (size_t)(end - *at)) {
        return false;
    }
    *at += field->size;
    return true;
}

oa_status oa_wire_walk(const ProtobufCMessageDescriptor *descriptor, const unsigned char *data, size_t size,
                       oa_wire_visitor *visitor, void *context, oa_error *error)
{
    if (size == 0) {
        return OA_OK;
    }
    frame stack[OA_WIRE_MAX_DEPTH];
    size_t depth = 0;
    stack[depth++] = (frame){.descriptor = descriptor, .end = data + size};
    const unsigned char *at = data;
    while (depth) {
        const frame *inside = &stack[depth - 1];
        if (at == inside->end) {
            depth--;
            continue;
        }
        const unsigned char *start = at;
        wire_field found;
        if (!read_field(&found, &at, inside->end)) {
            return oa_fail(error, OA_ERROR_INPUT,
                           "is cut off or damaged: it cannot be decoded at byte %zu, inside a %s",
                           (size_t)(start - data), inside->descriptor->short_name);
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(inside->descriptor, found.number);
        if (!field || found.type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
            continue;
        }
        if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            if (depth == OA_WIRE_MAX_DEPTH) {
                return oa_fail(error, OA_ERROR_INPUT, "nests messages deeper than %d levels at byte %zu",
                               OA_WIRE_MAX_DEPTH, (size_t)(start - data));
            }
            stack[depth++] = (frame){.descriptor = field->descriptor, .field = field, .end = at};
            at = found.data;
        } else if (field->type == PROTOBUF_C_TYPE_STRING) {
            if (memchr(found.data, 0, found.size)) {
                return oa_fail(error, OA_ERROR_INPUT, "has a NUL inside the string '%s' of a %s at byte %zu",
                               field->name, inside->descriptor->short_name, (size_t)(start - data));
            }
            if (visitor) {
                oa_wire_string string = {
                    .field = field, .parent = inside->field, .text = (const char *)found.data, .size = found.size};
                visitor(context, &string);
            }
        }
    }
    return OA_OK;
}
