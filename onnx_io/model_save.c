#include "onnx_io/external_save.h"
#include "onnx_io/model_private.h"
#include "onnx_io/output_file.h"
#include "onnx_io/patches.h"
#include "onnx_io/paths.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* When the message has to shrink, initializers of at least this many bytes leave it; what smaller ones would save,
 * their entries take up again. */
enum { MIN_EXTERNAL_SIZE = 1024 };
/* What the plan for one external tensor may add to the message, besides the name of its file. */
enum { PLACE_SIZE = 128 };

static oa_status check_target(const char *path, const oa_model *model, oa_error *error)
{
    struct stat info;
    if (!*oa_path_name(path)) {
        return oa_fail(error, OA_ERROR_OUTPUT, "'%s' names no file; give a file name for the output", path);
    }
    if (lstat(path, &info) != 0) {
        return OA_OK; /* nothing there, or nothing that can be reached: creating the file will tell */
    }
    bool is_link = S_ISLNK(info.st_mode);
    if (is_link && stat(path, &info) != 0) {
        info.st_mode = S_IFREG; /* it leads nowhere */
    }
    if (S_ISDIR(info.st_mode)) {
        return oa_fail(error, OA_ERROR_OUTPUT, "%s: is a folder; give a file name for the output", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return oa_fail(error, OA_ERROR_OUTPUT,
                       "%s: is not a regular file, and will not be replaced; choose another name", path);
    }
    if (oa_same_file(path, model->path) || oa_external_files_contain(&model->files, path)) {
        return oa_fail(error, OA_ERROR_OUTPUT, "%s: is an input (a file of %s); choose another name for the output",
                       path, model->path);
    }
    /* Renaming would put a file in the place of the link: /dev/stdout is one. */
    if (is_link) {
        return oa_fail(error, OA_ERROR_OUTPUT, "%s: is a symbolic link, and will not be replaced; name the file itself",
                       path);
    }
    return OA_OK;
}

/* The least number of bytes that the elements take inside the message: packed, or a varint each. */
static size_t least_size_in_message(oa_payload_form form, const oa_tensor *tensor)
{
    bool is_packed = form == OA_FORM_RAW || form == OA_FORM_FLOAT_DATA || form == OA_FORM_DOUBLE_DATA;
    return is_packed ? tensor->count * oa_dtype_size(tensor->dtype) : tensor->count;
}

/* Lists initializers for a data file until the message, with some room for the entries, fits the limit. */
static oa_status shrink_message(oa_external_save *save, const oa_model *model, const oa_payloads *payloads,
                                const char *path, size_t limit, oa_error *error)
{
    size_t size = protobuf_c_message_get_packed_size(&model->message->base);
    size_t place = PLACE_SIZE + strlen(oa_path_name(path));
    size += save->item_count * place;
    for (size_t t = 0; t < model->source_count && size > limit; t++) {
        const oa_tensor_source *source = &model->sources[t];
        const oa_tensor *tensor = &model->graph->tensors[t];
        size_t bytes = tensor->count * oa_dtype_size(tensor->dtype);
        if (source->attribute || bytes < MIN_EXTERNAL_SIZE || source->form == OA_FORM_NONE ||
            source->form == OA_FORM_EXTERNAL || source->form == OA_FORM_STRING_DATA) {
            continue;
        }
        oa_status status =
            oa_external_save_add(save, source->tensor, oa_payload(payloads, model->graph, t), bytes, error);
        if (status != OA_OK) {
            return status;
        }
        size_t saved = least_size_in_message(source->form, tensor);
        size = size + place > saved ? size + place - saved : 0;
    }
    return OA_OK;
}

static oa_status write_model(oa_output_file *output, const oa_patches *patches, const oa_model *model, const char *path,
                             oa_error *error)
{
    oa_status status = oa_output_file_create(output, path, error);
    if (status == OA_OK) {
        oa_patches_write(output, patches, model);
        status = oa_output_file_close(output, error);
    }
    return status;
}

/* Changes the message into what is to be written. */
static oa_status prepare(oa_external_save *save, oa_patches *patches, oa_model *model, const oa_payloads *payloads,
                         const char *path, size_t limit, oa_error *error)
{
    oa_status status = oa_patches_apply(patches, model, payloads, error);
    if (status == OA_OK) {
        status = oa_external_save_collect(save, model, payloads, error);
    }
    if (status == OA_OK) {
        status = shrink_message(save, model, payloads, path, limit, error);
    }
    if (status == OA_OK) {
        status = oa_external_save_plan(save, patches, model, path, error);
    }
    if (status == OA_OK && protobuf_c_message_get_packed_size(&model->message->base) > limit) {
        status = oa_fail(error, OA_ERROR_OUTPUT,
                         "the model takes more than %zu bytes even with its weights in external data", limit);
    }
    if (status != OA_OK) {
        oa_error_context(error, "%s", path);
    }
    return status;
}

oa_status oa_model_save_limited(const char *path, oa_model *model, const oa_payloads *payloads, size_t limit,
                                oa_error *error)
{
    oa_patches patches = {0};
    oa_external_save external = {0};
    oa_output_file output = {0};
    if (payloads && payloads->count != model->graph->tensor_count) {
        return oa_fail(error, OA_ERROR_INTERNAL, "%s: %zu payloads for a model of %zu tensors", path, payloads->count,
                       model->graph->tensor_count);
    }
    oa_status status = check_target(path, model, error);
    if (status == OA_OK) {
        status = prepare(&external, &patches, model, payloads, path, limit, error);
    }
    if (status == OA_OK) {
        status = oa_external_save_write(&external, model, error);
    }
    if (status == OA_OK) {
        status = write_model(&output, &patches, model, path, error);
    }
    oa_patches_undo(&patches);
    if (status == OA_OK) {
        status = oa_external_save_commit(&external, error);
    }
    if (status == OA_OK) {
        status = oa_output_file_commit(&output, false, error);
    }
    oa_external_save_free(&external, status == OA_OK);
    if (status == OA_OK) {
        oa_output_file_keep(&output);
    } else {
        oa_output_file_discard(&output);
    }
    return status;
}

oa_status oa_model_save(const char *path, oa_model *model, const oa_payloads *payloads, oa_error *error)
{
    /* Protobuf's own limit for a message. */
    return oa_model_save_limited(path, model, payloads, INT_MAX, error);
}
