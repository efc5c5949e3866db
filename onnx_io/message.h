/* Whole protobuf messages: read from a file, hashed, walked. */
#ifndef OA_ONNX_IO_MESSAGE_H
#define OA_ONNX_IO_MESSAGE_H

#include "core/base/error.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

/* Reads the file at `path` as one message of type `descriptor`; free with oa_message_free. Every block of the message
 * comes from oa_malloc, so that one may be taken out and freed with oa_free. The message may not take more memory than
 * a fixed multiple of the file's size, so that a small hostile file cannot exhaust the machine.
 *
 * The file is mapped only while this runs, and its pages are given back on the way. Errors (the file is not named:
 * callers add it): OA_ERROR_INPUT for a file that is empty, 2 GiB or more, or not such a message; OA_ERROR_MEMORY;
 * *message is then untouched. O(bytes). */
oa_status oa_message_load(ProtobufCMessage **message, const ProtobufCMessageDescriptor *descriptor, const char *path,
                          oa_error *error);
/* The same from bytes in memory, fewer than 2 GiB. */
oa_status oa_message_parse(ProtobufCMessage **message, const ProtobufCMessageDescriptor *descriptor,
                           const unsigned char *data, size_t size, oa_error *error);
void oa_message_free(ProtobufCMessage *message);

/* FNV-1a of the bytes that the message serialises to. O(bytes), without memory. */
uint64_t oa_message_hash(const ProtobufCMessage *message);

/* Called for a message of the wanted type; a failure ends the walk and is what the walk returns. */
typedef oa_status oa_message_visitor(void *context, ProtobufCMessage *message, oa_error *error);

/* Calls `visitor` for every message of type `wanted` inside `message`, in the order of the file's fields. Does not look
 * inside a match. O(messages). */
oa_status oa_message_walk(ProtobufCMessage *message, const ProtobufCMessageDescriptor *wanted,
                          oa_message_visitor *visitor, void *context, oa_error *error);

#endif
