/* Changes to a model's message that last for one save: other payloads, other places for external data.
 *
 * The message is changed in place, so that everything else in it, unknown fields included, is written as it was read,
 * and each changed part is remembered, so that undoing is exact. Payloads are pointed at, not copied; only lists of
 * strings take memory. Elements that are narrower in memory than in the message (float16 in int32_data, for one) have
 * no array that protobuf could write: they are written as a stream, see oa_patches_write. */
#ifndef OA_ONNX_IO_PATCHES_H
#define OA_ONNX_IO_PATCHES_H

#include "onnx_io/model_private.h"
#include "onnx_io/output_file.h"

/* A changed message with what it was: one of the two is set. */
typedef struct oa_patch {
    Onnx__TensorProto *tensor;
    Onnx__AttributeProto *attribute;
    union {
        Onnx__TensorProto tensor;
        Onnx__AttributeProto attribute;
    } before;
} oa_patch;

/* Narrow elements on their way into int32_data or uint64_data. */
typedef struct oa_stream {
    const void *data; /* [count] elements of dtype */
    oa_dtype dtype;
    size_t count;
} oa_stream;

/* Zero-initialise; free with oa_patches_undo. */
typedef struct oa_patches {
    oa_patch *list;
    size_t count;
    size_t capacity;
    oa_stream *streams; /* of fixed size: the message points into it */
    size_t stream_count;
    ProtobufCMessageDescriptor streamed_tensor; /* TensorProto with int32_data and uint64_data as bytes */
    ProtobufCFieldDescriptor *streamed_fields;
    oa_arena arena; /* lists of strings, entries of external data */
} oa_patches;

/* Where a tensor's payload goes in an external file. */
typedef struct oa_external_place {
    const char *location; /* borrowed until the patches are undone */
    size_t offset;
    size_t size;
    bool is_same_file; /* as before, byte for byte: a checksum of the file stays true */
} oa_external_place;

/* Puts the given payloads (NULL: none) into the message of `model`; external ones are left to oa_patches_place. Errors:
 * OA_ERROR_MEMORY; also then, oa_patches_undo must be called. O(tensors), and O(elements) for narrow ones. */
oa_status oa_patches_apply(oa_patches *patches, oa_model *model, const oa_payloads *payloads, oa_error *error);

/* Makes `tensor` keep its payload at `place`: changes the entries of an external tensor as far as they differ, and
 * moves one that was not external out of the message. OA_ERROR_MEMORY. O(entries). */
oa_status oa_patches_place(oa_patches *patches, Onnx__TensorProto *tensor, const oa_external_place *place,
                           oa_error *error);

/* Serialises the message of `model` to `file`, or to `bytes`, which have room for its packed size. */
void oa_patches_write(oa_output_file *file, const oa_patches *patches, const oa_model *model);
void oa_patches_pack(unsigned char *bytes, const oa_patches *patches, const oa_model *model);

/* Makes the message what it was. */
void oa_patches_undo(oa_patches *patches);

#endif
