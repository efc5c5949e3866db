/* Models for runtimes: as bytes in memory, and with more values among their outputs. */
#include "onnx_io/model_private.h"
#include "onnx_io/patches.h"

#include <limits.h>
#include <string.h>

static oa_status pack(unsigned char **bytes, size_t *size, const oa_patches *patches, const oa_model *model,
                      size_t limit, oa_error *error)
{
    size_t needed = protobuf_c_message_get_packed_size(&model->message->base);
    if (needed > limit) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "%s: takes more than %zu bytes", model->path, limit);
    }
    unsigned char *made = oa_malloc(needed, 1);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for its %zu bytes", model->path, needed);
    }
    oa_patches_pack(made, patches, model);
    *bytes = made;
    *size = needed;
    return OA_OK;
}

oa_status oa_model_pack_limited(unsigned char **bytes, size_t *size, oa_model *model, const oa_payloads *payloads,
                                size_t limit, oa_error *error)
{
    oa_patches patches = {0};
    if (payloads && payloads->count != model->graph->tensor_count) {
        return oa_fail(error, OA_ERROR_INTERNAL, "%s: %zu payloads for a model of %zu tensors", model->path,
                       payloads->count, model->graph->tensor_count);
    }
    if (model->external_count) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "%s: has external data", model->path);
    }
    oa_status status = oa_patches_apply(&patches, model, payloads, error);
    if (status == OA_OK) {
        status = pack(bytes, size, &patches, model, limit, error);
    }
    oa_patches_undo(&patches);
    return status;
}

oa_status oa_model_pack(unsigned char **bytes, size_t *size, oa_model *model, const oa_payloads *payloads,
                        oa_error *error)
{
    return oa_model_pack_limited(bytes, size, model, payloads, INT_MAX, error);
}

bool oa_model_adds(const oa_model *model, size_t value)
{
    const oa_value *added = &model->graph->values[value];
    return !added->is_output && !added->is_input && added->tensor == OA_NONE;
}

oa_status oa_model_show(oa_model *model, const bool *shown, oa_error *error)
{
    const oa_graph *graph = model->graph;
    Onnx__GraphProto *message = model->message->graph;
    oa_model_hide(model);
    Onnx__ValueInfoProto **list = oa_arena_alloc(&model->shown, message->n_output + graph->value_count, sizeof *list);
    size_t count = message->n_output;
    oa_status status = list ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for a list", model->path);
    if (list && count) {
        memcpy(list, message->output, count * sizeof *list);
    }
    for (size_t v = 0; v < graph->value_count && status == OA_OK; v++) {
        if (!shown[v] || !oa_model_adds(model, v)) {
            continue;
        }
        if (graph->values[v].body != OA_NONE) {
            status = oa_fail(error, OA_ERROR_INTERNAL, "%s: value '%s' is inside of a subgraph", model->path,
                             graph->values[v].name);
            break;
        }
        Onnx__ValueInfoProto *info = oa_arena_alloc(&model->shown, 1, sizeof *info);
        if (!info) {
            status = oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for its outputs", model->path);
            break;
        }
        *info = (Onnx__ValueInfoProto)ONNX__VALUE_INFO_PROTO__INIT;
        info->name = (char *)(uintptr_t)graph->values[v].name; /* is only read */
        list[count++] = info;
    }
    if (status != OA_OK) {
        oa_arena_free(&model->shown);
        return status;
    }
    model->own_outputs = message->output;
    model->own_output_count = message->n_output;
    message->output = list;
    message->n_output = count;
    return OA_OK;
}

void oa_model_hide(oa_model *model)
{
    if (model->shown.blocks) {
        model->message->graph->output = model->own_outputs;
        model->message->graph->n_output = model->own_output_count;
        model->own_outputs = NULL;
        oa_arena_free(&model->shown);
    }
}
