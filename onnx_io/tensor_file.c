#include "onnx_io/tensor_file.h"

#include "core/base/memory.h"
#include "onnx_io/message.h"
#include "onnx_io/tensor_read.h"

#include <string.h>

/* A block for the strings: the views first, then the bytes that they point at. */
static oa_status copy_strings(void **data, const oa_tensor *tensor, oa_error *error)
{
    const oa_string_view *strings = tensor->data;
    size_t bytes = tensor->count * sizeof *strings; /* read_shape has checked the product */
    bool is_too_large = false;
    for (size_t i = 0; i < tensor->count; i++) {
        is_too_large = is_too_large || oa_add_overflows(&bytes, bytes, strings[i].size);
    }
    oa_string_view *views = is_too_large ? NULL : oa_malloc(bytes, 1);
    if (!views) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu strings", tensor->count);
    }
    char *at = (char *)(views + tensor->count);
    for (size_t i = 0; i < tensor->count; i++) {
        memcpy(at, strings[i].data, strings[i].size);
        views[i] = (oa_string_view){.data = at, .size = strings[i].size};
        at += strings[i].size;
    }
    *data = views;
    return OA_OK;
}

static oa_status copy_elements(void **data, const oa_tensor *tensor, oa_error *error)
{
    if (tensor->dtype == OA_DTYPE_STRING) {
        return copy_strings(data, tensor, error);
    }
    size_t size = oa_dtype_size(tensor->dtype);
    if (size == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "has elements of type %d, which is not supported", (int)tensor->dtype);
    }
    void *copy = oa_malloc(tensor->count, size);
    if (!copy) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu elements", tensor->count);
    }
    if (tensor->count) {
        memcpy(copy, tensor->data, tensor->count * size);
    }
    *data = copy;
    return OA_OK;
}

oa_status oa_tensor_file_load(oa_array *array, char **name, const char *path, oa_error *error)
{
    ProtobufCMessage *message = NULL;
    oa_arena arena = {0};
    oa_external_files files = {.model_path = path};
    const oa_tensor_reader reader = {.arena = &arena, .files = &files};
    oa_tensor tensor = {0};
    void *data = NULL;
    char *copied_name = NULL;
    oa_status status = oa_message_load(&message, &onnx__tensor_proto__descriptor, path, error);
    if (status != OA_OK) {
        goto done;
    }
    const Onnx__TensorProto *proto = (const Onnx__TensorProto *)message;
    status = oa_tensor_read(&tensor, NULL, &reader, proto, error);
    if (status == OA_OK) {
        status = copy_elements(&data, &tensor, error);
    }
    if (status == OA_OK && name) {
        copied_name = oa_strdup(proto->name ? proto->name : "");
        if (!copied_name) {
            status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the tensor's name");
        }
    }
    if (status != OA_OK) {
        goto done;
    }
    *array = (oa_array){.dtype = tensor.dtype, .rank = tensor.rank, .count = tensor.count, .data = data};
    memcpy(array->dims, tensor.dims, sizeof array->dims);
    data = NULL;
    if (name) {
        *name = copied_name;
        copied_name = NULL;
    }
done:
    if (status != OA_OK) {
        oa_error_context(error, "%s, read as a single tensor", path);
    }
    oa_free(data);
    oa_free(copied_name);
    oa_external_files_free(&files);
    oa_arena_free(&arena);
    if (message) {
        oa_message_free(message);
    }
    return status;
}
