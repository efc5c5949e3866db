#include "core/base/memory.h"
#include "onnx_io/advice.h"
#include "onnx_io/message.h"
#include "onnx_io/model_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Without these three, what follows has no meaning. */
static oa_status check_model(const Onnx__ModelProto *message, oa_error *error)
{
    if (!message->graph) {
        return oa_fail(error, OA_ERROR_INPUT, "has no graph: it is not an ONNX model, or a damaged one");
    }
    if (!message->has_ir_version || message->ir_version < 1) {
        return oa_fail(error, OA_ERROR_INPUT, "has no ir_version" OA_ADVICE_EXPORT);
    }
    if (message->n_opset_import == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "imports no operator set (opset_import)" OA_ADVICE_EXPORT);
    }
    return OA_OK;
}

static oa_status visit_tensor(void *context, ProtobufCMessage *visited, oa_error *error)
{
    oa_model *model = context;
    Onnx__TensorProto *message = (Onnx__TensorProto *)visited;
    if (!oa_is_external(message)) {
        return OA_OK;
    }
    oa_external_tensor external = {.message = message, .tensor = OA_NONE};
    oa_status status =
        oa_external_files_find(&external.region, &model->files, message, oa_tensor_message_size(message), error);
    if (status == OA_OK &&
        !oa_grow(&model->externals, &model->external_capacity, model->external_count + 1, sizeof *model->externals)) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of external tensors");
    }
    if (status != OA_OK) {
        oa_error_context(error, "tensor '%s'", message->name ? message->name : "");
        return status;
    }
    model->externals[model->external_count++] = external;
    return OA_OK;
}

/* A message and its place in model->externals, to look up by address. */
typedef struct external_place {
    uintptr_t message;
    size_t index;
} external_place;

static int compare_places(const void *a, const void *b)
{
    uintptr_t x = ((const external_place *)a)->message;
    uintptr_t y = ((const external_place *)b)->message;
    return (x > y) - (x < y);
}

/* Tells the external tensors which constants of the graph they are. */
static oa_status link_externals(oa_model *model, oa_error *error)
{
    if (model->external_count == 0) {
        return OA_OK;
    }
    external_place *places = oa_calloc(model->external_count, sizeof *places);
    if (!places) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of external tensors");
    }
    for (size_t i = 0; i < model->external_count; i++) {
        places[i] = (external_place){.message = (uintptr_t)model->externals[i].message, .index = i};
    }
    qsort(places, model->external_count, sizeof *places, compare_places);
    for (size_t t = 0; t < model->source_count; t++) {
        external_place wanted = {.message = (uintptr_t)model->sources[t].tensor};
        const external_place *found = bsearch(&wanted, places, model->external_count, sizeof *places, compare_places);
        if (found) {
            model->externals[found->index].tensor = t;
        }
    }
    oa_free(places);
    return OA_OK;
}

/* Narrow elements have been copied into their own size: the message's list, up to four times as large, can go. Saving
 * writes them from the copy. */
static void drop_narrow_lists(oa_model *model)
{
    for (size_t t = 0; t < model->source_count; t++) {
        Onnx__TensorProto *tensor = model->sources[t].tensor;
        if (model->sources[t].form == OA_FORM_NARROW_INT32) {
            oa_free(tensor->int32_data);
            tensor->int32_data = NULL;
            tensor->n_int32_data = 0;
        } else if (model->sources[t].form == OA_FORM_NARROW_UINT64) {
            oa_free(tensor->uint64_data);
            tensor->uint64_data = NULL;
            tensor->n_uint64_data = 0;
        }
    }
}

/* Bytes of one constant. A sum over the model may wrap only if regions of one file are shared by very many tensors: it
 * then stays at the largest number. */
static size_t constant_bytes(const oa_model *model, size_t t)
{
    const oa_tensor *tensor = &model->graph->tensors[t];
    if (tensor->dtype == OA_DTYPE_STRING) {
        const oa_string_view *strings = tensor->data;
        size_t bytes = 0;
        for (size_t i = 0; i < tensor->count; i++) {
            bytes += strings[i].size;
        }
        return bytes;
    }
    if (oa_dtype_size(tensor->dtype)) {
        return tensor->count * oa_dtype_size(tensor->dtype);
    }
    return model->sources[t].tensor ? model->sources[t].tensor->raw_data.len : 0;
}

static void count_payload_bytes(oa_model *model)
{
    for (size_t t = 0; t < model->source_count; t++) {
        if (oa_add_overflows(&model->payload_bytes, model->payload_bytes, constant_bytes(model, t))) {
            model->payload_bytes = SIZE_MAX;
            return;
        }
    }
}

oa_status oa_model_adopt(oa_model **model, Onnx__ModelProto *message, const char *path, oa_error *error)
{
    oa_model *loaded = oa_calloc(1, sizeof *loaded);
    if (!loaded) {
        oa_message_free(&message->base);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    }
    loaded->message = message;
    loaded->path = oa_strdup(path);
    if (!loaded->path) {
        oa_model_destroy(loaded);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    }
    loaded->files.model_path = loaded->path;
    oa_status status = check_model(message, error);
    if (status == OA_OK) {
        status = oa_message_walk(&message->base, &onnx__tensor_proto__descriptor, visit_tensor, loaded, error);
    }
    if (status == OA_OK) {
        status = oa_model_read_graph(loaded, error);
    }
    if (status == OA_OK) {
        status = link_externals(loaded, error);
    }
    if (status != OA_OK) {
        oa_model_destroy(loaded);
        return status;
    }
    drop_narrow_lists(loaded);
    count_payload_bytes(loaded);
    *model = loaded;
    return OA_OK;
}

oa_status oa_model_load(oa_model **model, const char *path, oa_error *error)
{
    ProtobufCMessage *message = NULL;
    oa_status status = oa_message_load(&message, &onnx__model_proto__descriptor, path, error);
    if (status == OA_OK) {
        status = oa_model_adopt(model, (Onnx__ModelProto *)message, path, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "%s", path);
    }
    return status;
}

oa_status oa_model_parse(oa_model **model, const void *bytes, size_t size, const char *name, oa_error *error)
{
    ProtobufCMessage *message = NULL;
    oa_status status = oa_message_parse(&message, &onnx__model_proto__descriptor, bytes, size, error);
    if (status == OA_OK) {
        status = oa_model_adopt(model, (Onnx__ModelProto *)message, name, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "%s", name);
    }
    return status;
}

void oa_model_destroy(oa_model *model)
{
    if (!model) {
        return;
    }
    oa_model_hide(model);
    oa_graph_destroy(model->graph);
    oa_free(model->sources);
    oa_free(model->externals);
    oa_external_files_free(&model->files);
    if (model->message) {
        oa_message_free(&model->message->base);
    }
    oa_free(model->path);
    oa_free(model);
}

const oa_graph *oa_model_graph(const oa_model *model)
{
    return model->graph;
}

const char *oa_model_path(const oa_model *model)
{
    return model->path;
}

const char *oa_model_metadata(const oa_model *model, const char *key)
{
    for (size_t i = 0; i < model->message->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *entry = model->message->metadata_props[i];
        if (entry->key && strcmp(entry->key, key) == 0) {
            return entry->value ? entry->value : "";
        }
    }
    return NULL;
}

size_t oa_model_payload_bytes(const oa_model *model)
{
    return model->payload_bytes;
}
