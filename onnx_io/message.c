#include "onnx_io/message.h"

#include "core/base/memory.h"
#include "onnx_io/mapped_file.h"
#include "onnx_io/wire.h"

#include <limits.h>
#include <string.h>

/* What the unpacker may allocate for a file of n bytes: MEMORY_FACTOR * n + MEMORY_BASE. An empty sub-message takes two
 * bytes in a file and a few hundred in memory, but real files consist of numbers and names: an int64 list, eightfold,
 * is the worst that occurs at length. */
enum { MEMORY_FACTOR = 64, MEMORY_BASE = 64 << 20 };
/* How much to unpack between two times of giving the file's pages back. */
enum { FORGET_STEP = 16 << 20 };

typedef struct unpack_memory {
    const oa_mapped_file *file; /* whose pages to give back; NULL: none */
    size_t left;                /* bytes that may still be allocated */
    size_t until_drop;          /* bytes until pages are given back */
    bool is_over_limit;
    bool is_exhausted;
} unpack_memory;

static void *unpack_alloc(void *data, size_t size)
{
    unpack_memory *memory = data;
    if (size > memory->left) {
        memory->is_over_limit = true;
        return NULL;
    }
    memory->left -= size;
    if (memory->file && size > memory->until_drop) {
        oa_mapped_file_forget_pages(memory->file);
        memory->until_drop = FORGET_STEP;
    } else {
        memory->until_drop -= size;
    }
    void *block = oa_malloc(size, 1);
    memory->is_exhausted = memory->is_exhausted || !block;
    return block;
}

static void unpack_free(void *data, void *pointer)
{
    (void)data;
    oa_free(pointer);
}

static oa_status unpack(ProtobufCMessage **message, const ProtobufCMessageDescriptor *descriptor,
                        const unsigned char *data, size_t size, const oa_mapped_file *file, oa_error *error)
{
    unpack_memory memory = {.file = file, .until_drop = file ? FORGET_STEP : SIZE_MAX};
    if (oa_mul_overflows(&memory.left, size, MEMORY_FACTOR) ||
        oa_add_overflows(&memory.left, memory.left, MEMORY_BASE)) {
        memory.left = SIZE_MAX;
    }
    ProtobufCAllocator allocator = {.alloc = unpack_alloc, .free = unpack_free, .allocator_data = &memory};
    ProtobufCMessage *unpacked = protobuf_c_message_unpack(descriptor, &allocator, size, data);
    if (unpacked) {
        *message = unpacked;
        return OA_OK;
    }
    if (memory.is_exhausted) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while reading it");
    }
    if (memory.is_over_limit) {
        return oa_fail(error, OA_ERROR_INPUT, "is damaged: it would take more than %d times its size in memory",
                       MEMORY_FACTOR);
    }
    return oa_fail(error, OA_ERROR_INPUT, "cannot be decoded as a %s: it is damaged or something else",
                   descriptor->short_name);
}

oa_status oa_message_load(ProtobufCMessage **message, const ProtobufCMessageDescriptor *descriptor, const char *path,
                          oa_error *error)
{
    oa_mapped_file file = {0};
    oa_status status = oa_mapped_file_open(&file, path, error);
    if (status != OA_OK) {
        goto done;
    }
    if (file.size == 0) {
        status = oa_fail(error, OA_ERROR_INPUT, "is empty; export or copy it again");
        goto done;
    }
    if (file.size > INT_MAX) {
        status = oa_fail(error, OA_ERROR_INPUT,
                         "has %zu bytes, and protobuf ends at 2 GiB; save the model with external data", file.size);
        goto done;
    }
    status = oa_wire_walk(descriptor, file.data, file.size, NULL, NULL, error);
    if (status == OA_OK) {
        oa_mapped_file_forget_pages(&file);
        status = unpack(message, descriptor, file.data, file.size, &file, error);
    }
done:
    oa_mapped_file_close(&file);
    return status;
}

oa_status oa_message_parse(ProtobufCMessage **message, const ProtobufCMessageDescriptor *descriptor,
                           const unsigned char *data, size_t size, oa_error *error)
{
    oa_status status = oa_wire_walk(descriptor, data, size, NULL, NULL, error);
    return status == OA_OK ? unpack(message, descriptor, data, size, NULL, error) : status;
}

void oa_message_free(ProtobufCMessage *message)
{
    ProtobufCAllocator allocator = {.alloc = unpack_alloc, .free = unpack_free};
    protobuf_c_message_free_unpacked(message, &allocator);
}

typedef struct hash_buffer {
    ProtobufCBuffer base;
    uint64_t hash;
} hash_buffer;

static void hash_append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
    hash_buffer *self = (hash_buffer *)buffer;
    for (size_t i = 0; i < size; i++) {
        self->hash = (self->hash ^ data[i]) * UINT64_C(0x100000001b3);
    }
}

uint64_t oa_message_hash(const ProtobufCMessage *message)
{
    hash_buffer buffer = {.base = {.append = hash_append}, .hash = UINT64_C(0xcbf29ce484222325)};
    protobuf_c_message_pack_to_buffer(message, &buffer.base);
    return buffer.hash;
}

/* Where a field's messages are: the list itself or the one pointer, seen as a list; *count 0 when it is not set. */
static ProtobufCMessage **messages_of(size_t *count, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    char *base = (char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage **list;
        memcpy(count, base + field->quantifier_offset, sizeof *count);
        memcpy(&list, base + field->offset, sizeof list);
        return list;
    }
    ProtobufCMessage **member = (ProtobufCMessage **)(void *)(base + field->offset);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t chosen; /* the number of the member of the union that is set */
        memcpy(&chosen, base + field->quantifier_offset, sizeof chosen);
        *count = chosen == field->id && *member;
    } else {
        *count = *member != NULL;
    }
    return member;
}

/* Recursive: the depth is that of the file, which oa_wire_walk has bounded. */
oa_status oa_message_walk(ProtobufCMessage *message, const ProtobufCMessageDescriptor *wanted,
                          oa_message_visitor *visitor, void *context, oa_error *error)
{
    if (message->descriptor == wanted) {
        return visitor(context, message, error);
    }
    for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        size_t count;
        ProtobufCMessage **messages = messages_of(&count, message, field);
        for (size_t i = 0; i < count; i++) {
            oa_status status = oa_message_walk(messages[i], wanted, visitor, context, error);
            if (status != OA_OK) {
                return status;
            }
        }
    }
    return OA_OK;
}
