#include "onnx_io/patches.h"

#include "onnx_io/narrow.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The streamed fields are described to protobuf as bytes, whose length and pointer must then be where the count and
 * list of the repeated field are. */
static_assert(offsetof(Onnx__TensorProto, int32_data) - offsetof(Onnx__TensorProto, n_int32_data) ==
                  offsetof(ProtobufCBinaryData, data),
              "int32_data does not look like bytes");
static_assert(offsetof(Onnx__TensorProto, uint64_data) - offsetof(Onnx__TensorProto, n_uint64_data) ==
                  offsetof(ProtobufCBinaryData, data),
              "uint64_data does not look like bytes");

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while preparing to save");
}

static oa_status remember(oa_patches *patches, Onnx__TensorProto *tensor, Onnx__AttributeProto *attribute,
                          oa_error *error)
{
    if (!oa_grow(&patches->list, &patches->capacity, patches->count + 1, sizeof *patches->list)) {
        return no_memory(error);
    }
    oa_patch *patch = &patches->list[patches->count++];
    *patch = (oa_patch){.tensor = tensor, .attribute = attribute};
    if (tensor) {
        patch->before.tensor = *tensor;
    } else {
        patch->before.attribute = *attribute;
    }
    return OA_OK;
}

/* A message's members are not const, but serialising only reads them. */
static void *writable(const void *data)
{
    return (void *)(uintptr_t)data;
}

static ProtobufCBinaryData bytes_of(oa_string_view string)
{
    return (ProtobufCBinaryData){.len = string.size, .data = writable(string.data)};
}

static ProtobufCBinaryData *bytes_list(oa_patches *patches, const oa_string_view *strings, size_t count)
{
    ProtobufCBinaryData *list = oa_arena_alloc(&patches->arena, count, sizeof *list);
    for (size_t i = 0; list && i < count; i++) {
        list[i] = bytes_of(strings[i]);
    }
    return list;
}

/* Makes room for a description of TensorProto in which describe_as_bytes changes two fields. */
static bool describe_streams(oa_patches *patches, size_t stream_count)
{
    const ProtobufCMessageDescriptor *tensor = &onnx__tensor_proto__descriptor;
    patches->streams = oa_calloc(stream_count, sizeof *patches->streams);
    patches->streamed_fields = oa_calloc(tensor->n_fields, sizeof *patches->streamed_fields);
    if (!patches->streams || !patches->streamed_fields) {
        return false;
    }
    memcpy(patches->streamed_fields, tensor->fields, tensor->n_fields * sizeof *tensor->fields);
    patches->streamed_tensor = *tensor;
    patches->streamed_tensor.fields = patches->streamed_fields;
    return true;
}

/* Describes the repeated field whose count is at `offset` as optional bytes: protobuf then takes the length from the
 * count and hands the pointer, which is a stream of ours, to append_to_file, in the field's place among the others. The
 * count also tells whether the field is there: its lower half, which is never zero for a length below 2 GiB. */
static void describe_as_bytes(oa_patches *patches, size_t offset)
{
    for (unsigned f = 0; f < patches->streamed_tensor.n_fields; f++) {
        ProtobufCFieldDescriptor *field = &patches->streamed_fields[f];
        if (field->quantifier_offset == offset && field->label == PROTOBUF_C_LABEL_REPEATED) {
            field->label = PROTOBUF_C_LABEL_OPTIONAL;
            field->type = PROTOBUF_C_TYPE_BYTES;
            field->offset = (unsigned)offset;
            field->flags = 0;
        }
    }
}

static void patch_stream(oa_patches *patches, Onnx__TensorProto *tensor, const oa_tensor *shape, oa_payload_form form,
                         const void *data)
{
    oa_stream *stream = &patches->streams[patches->stream_count++];
    *stream = (oa_stream){.data = data, .dtype = shape->dtype, .count = shape->count};
    size_t size = 0;
    for (size_t i = 0; i < shape->count; i++) {
        size += oa_varint_size(oa_widen(data, shape->dtype, i));
    }
    tensor->base.descriptor = &patches->streamed_tensor;
    if (form == OA_FORM_NARROW_INT32) {
        tensor->n_int32_data = size;
        tensor->int32_data = (void *)stream;
    } else {
        tensor->n_uint64_data = size;
        tensor->uint64_data = (void *)stream;
    }
}

static oa_status patch_tensor(oa_patches *patches, const oa_tensor_source *source, const oa_tensor *shape,
                              const void *data, oa_error *error)
{
    Onnx__TensorProto *tensor = source->tensor;
    oa_status status = remember(patches, tensor, NULL, error);
    if (status != OA_OK) {
        return status;
    }
    void *items = writable(data);
    switch (source->form) {
    case OA_FORM_RAW:
        tensor->raw_data.data = items;
        break;
    case OA_FORM_FLOAT_DATA:
        tensor->float_data = items;
        break;
    case OA_FORM_DOUBLE_DATA:
        tensor->double_data = items;
        break;
    case OA_FORM_INT32_DATA:
        tensor->int32_data = items;
        break;
    case OA_FORM_INT64_DATA:
        tensor->int64_data = items;
        break;
    case OA_FORM_UINT64_DATA:
        tensor->uint64_data = items;
        break;
    case OA_FORM_STRING_DATA:
        tensor->string_data = bytes_list(patches, data, shape->count);
        return tensor->string_data ? OA_OK : no_memory(error);
    case OA_FORM_NARROW_INT32:
    case OA_FORM_NARROW_UINT64:
        patch_stream(patches, tensor, shape, source->form, data);
        break;
    case OA_FORM_NONE:
    case OA_FORM_EXTERNAL:
    case OA_FORM_ATTRIBUTE:
        break;
    }
    return OA_OK;
}

/* The short forms of a Constant. */
static oa_status patch_attribute(oa_patches *patches, Onnx__AttributeProto *attribute, const oa_tensor *shape,
                                 const void *data, oa_error *error)
{
    oa_status status = remember(patches, NULL, attribute, error);
    if (status != OA_OK) {
        return status;
    }
    bool is_list = shape->rank == 1;
    if (shape->dtype == OA_DTYPE_FLOAT) {
        if (is_list) {
            attribute->floats = writable(data);
        } else {
            attribute->f = *(const float *)data;
            attribute->has_f = 1;
        }
    } else if (shape->dtype == OA_DTYPE_INT64) {
        if (is_list) {
            attribute->ints = writable(data);
        } else {
            attribute->i = *(const int64_t *)data;
            attribute->has_i = 1;
        }
    } else if (is_list) {
        attribute->strings = bytes_list(patches, data, shape->count);
        return attribute->strings ? OA_OK : no_memory(error);
    } else {
        attribute->s = bytes_of(*(const oa_string_view *)data);
        attribute->has_s = 1;
    }
    return OA_OK;
}

static bool is_narrow(oa_payload_form form)
{
    return form == OA_FORM_NARROW_INT32 || form == OA_FORM_NARROW_UINT64;
}

oa_status oa_patches_apply(oa_patches *patches, oa_model *model, const oa_payloads *payloads, oa_error *error)
{
    size_t narrow_count = 0;
    for (size_t t = 0; t < model->source_count; t++) {
        narrow_count += is_narrow(model->sources[t].form);
    }
    if (narrow_count) {
        if (!describe_streams(patches, narrow_count)) {
            return no_memory(error);
        }
        describe_as_bytes(patches, offsetof(Onnx__TensorProto, n_int32_data));
        describe_as_bytes(patches, offsetof(Onnx__TensorProto, n_uint64_data));
    }
    for (size_t t = 0; t < model->source_count; t++) {
        const oa_tensor_source *source = &model->sources[t];
        const oa_tensor *shape = &model->graph->tensors[t];
        bool is_replaced = payloads && payloads->data[t];
        /* The message's own list of narrow elements was dropped after reading: these are written anew in any case. */
        if (source->form == OA_FORM_NONE || source->form == OA_FORM_EXTERNAL ||
            (!is_replaced && !is_narrow(source->form))) {
            continue;
        }
        const void *data = oa_payload(payloads, model->graph, t);
        oa_status status = source->form == OA_FORM_ATTRIBUTE
                               ? patch_attribute(patches, source->attribute, shape, data, error)
                               : patch_tensor(patches, source, shape, data, error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

static Onnx__StringStringEntryProto *new_entry(oa_patches *patches, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry = oa_arena_alloc(&patches->arena, 1, sizeof *entry);
    if (entry) {
        *entry = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
        entry->key = writable(key);
        entry->value = writable(value);
    }
    return entry;
}

/* The entries of external data that this program writes. */
enum { ENTRY_LOCATION, ENTRY_OFFSET, ENTRY_LENGTH, ENTRY_KINDS };
static const char *const ENTRY_KEYS[ENTRY_KINDS] = {"location", "offset", "length"};

static oa_status place_entries(oa_patches *patches, Onnx__TensorProto *tensor, const char *const values[ENTRY_KINDS],
                               const oa_external_place *place, oa_error *error)
{
    bool is_written[ENTRY_KINDS] = {false};
    Onnx__StringStringEntryProto **list =
        oa_arena_alloc(&patches->arena, tensor->n_external_data + ENTRY_KINDS, sizeof *list);
    if (!list) {
        return no_memory(error);
    }
    size_t count = 0;
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        Onnx__StringStringEntryProto *entry = tensor->external_data[i];
        const char *key = entry->key ? entry->key : "";
        if (strcmp(key, "checksum") == 0 && !place->is_same_file) {
            continue;
        }
        for (size_t k = 0; k < ENTRY_KINDS; k++) {
            if (strcmp(key, ENTRY_KEYS[k]) != 0) {
                continue;
            }
            is_written[k] = true;
            if (!entry->value || strcmp(entry->value, values[k]) != 0) {
                Onnx__StringStringEntryProto *changed = new_entry(patches, key, values[k]);
                if (!changed) {
                    return no_memory(error);
                }
                changed->base.n_unknown_fields = entry->base.n_unknown_fields;
                changed->base.unknown_fields = entry->base.unknown_fields;
                entry = changed;
            }
        }
        list[count++] = entry;
    }
    for (size_t k = 0; k < ENTRY_KINDS; k++) {
        /* What was left out before may stay so while it still means the same: the start, the rest of the file. */
        bool is_needed = !oa_is_external(tensor) || (k == ENTRY_OFFSET && place->offset) ||
                         (k == ENTRY_LENGTH && !place->is_same_file);
        if (!is_written[k] && is_needed) {
            list[count] = new_entry(patches, ENTRY_KEYS[k], values[k]);
            if (!list[count++]) {
                return no_memory(error);
            }
        }
    }
    tensor->external_data = list;
    tensor->n_external_data = count;
    return OA_OK;
}

/* Takes the elements out of the message: they are in a file from now on. */
static void clear_payload(Onnx__TensorProto *tensor)
{
    tensor->base.descriptor = &onnx__tensor_proto__descriptor;
    tensor->has_raw_data = 0;
    tensor->raw_data = (ProtobufCBinaryData){0};
    tensor->n_float_data = 0;
    tensor->n_double_data = 0;
    tensor->n_int32_data = 0;
    tensor->n_int64_data = 0;
    tensor->n_uint64_data = 0;
    tensor->has_data_location = 1;
    tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

oa_status oa_patches_place(oa_patches *patches, Onnx__TensorProto *tensor, const oa_external_place *place,
                           oa_error *error)
{
    char offset[24];
    char length[24];
    snprintf(offset, sizeof offset, "%zu", place->offset);
    snprintf(length, sizeof length, "%zu", place->size);
    const char *const values[ENTRY_KINDS] = {place->location, oa_arena_strdup(&patches->arena, offset),
                                             oa_arena_strdup(&patches->arena, length)};
    if (!values[ENTRY_OFFSET] || !values[ENTRY_LENGTH]) {
        return no_memory(error);
    }
    oa_status status = remember(patches, tensor, NULL, error);
    if (status == OA_OK) {
        status = place_entries(patches, tensor, values, place, error);
    }
    if (status == OA_OK && !oa_is_external(tensor)) {
        clear_payload(tensor);
    }
    return status;
}

/* What is behind protobuf's interface: a file, which remembers failures, since the interface has no way to report them,
 * or memory that is large enough. */
typedef struct sink_buffer {
    ProtobufCBuffer base;
    oa_output_file *file; /* NULL: memory */
    unsigned char *memory;
    size_t used; /* of the memory */
    const oa_patches *patches;
} sink_buffer;

static void put(sink_buffer *sink, const void *data, size_t size)
{
    if (sink->file) {
        oa_output_file_write(sink->file, data, size);
    } else if (size) {
        memcpy(sink->memory + sink->used, data, size);
        sink->used += size;
    }
}

/* As many varints at a time as fit a block. */
static void write_stream(sink_buffer *sink, const oa_stream *stream)
{
    unsigned char block[64 * OA_VARINT_SIZE];
    size_t used = 0;
    for (size_t i = 0; i < stream->count; i++) {
        used += oa_varint_write(block + used, oa_widen(stream->data, stream->dtype, i));
        if (used > sizeof block - OA_VARINT_SIZE) {
            put(sink, block, used);
            used = 0;
        }
    }
    put(sink, block, used);
}

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
    sink_buffer *self = (sink_buffer *)buffer;
    uintptr_t first = (uintptr_t)self->patches->streams;
    uintptr_t at = (uintptr_t)data;
    if (at >= first && at < first + self->patches->stream_count * sizeof(oa_stream)) {
        write_stream(self, (const oa_stream *)(const void *)data);
    } else {
        put(self, data, size);
    }
}

void oa_patches_write(oa_output_file *file, const oa_patches *patches, const oa_model *model)
{
    sink_buffer buffer = {.base = {.append = append}, .file = file, .patches = patches};
    protobuf_c_message_pack_to_buffer(&model->message->base, &buffer.base);
}

void oa_patches_pack(unsigned char *bytes, const oa_patches *patches, const oa_model *model)
{
    sink_buffer buffer = {.base = {.append = append}, .memory = bytes, .patches = patches};
    protobuf_c_message_pack_to_buffer(&model->message->base, &buffer.base);
}

void oa_patches_undo(oa_patches *patches)
{
    /* Backwards: a tensor may have been changed twice. */
    while (patches->count) {
        const oa_patch *patch = &patches->list[--patches->count];
        if (patch->tensor) {
            *patch->tensor = patch->before.tensor;
        } else {
            *patch->attribute = patch->before.attribute;
        }
    }
    oa_free(patches->list);
    oa_free(patches->streams);
    oa_free(patches->streamed_fields);
    oa_arena_free(&patches->arena);
    *patches = (oa_patches){0};
}
