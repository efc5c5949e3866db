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

bool oa_model_shows(const oa_model *model, size_t value)
{
    const oa_value *shown = &model->graph->values[value];
    return shown->body != OA_NONE ? shown->tensor == OA_NONE
                                  : shown->producer != OA_NONE && shown->producer < model->graph->live_count;
}

/* The outputs to write in place of the model's own. */
static oa_status list_shown(Onnx__ValueInfoProto **list, size_t *count, oa_model *model, const bool *shown,
                            oa_error *error)
{
    const oa_graph *graph = model->graph;
    *count = 0;
    for (size_t v = 0; v < graph->value_count; v++) {
        if (!shown[v] || !oa_model_shows(model, v)) {
            continue;
        }
        if (graph->values[v].body != OA_NONE) {
            return oa_fail(error, OA_ERROR_INTERNAL, "%s: value '%s' is inside of a subgraph", model->path,
                           graph->values[v].name);
        }
        Onnx__ValueInfoProto *info = oa_arena_alloc(&model->shown, 1, sizeof *info);
        if (!info) {
            return oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for its outputs", model->path);
        }
        *info = (Onnx__ValueInfoProto)ONNX__VALUE_INFO_PROTO__INIT;
        info->name = (char *)(uintptr_t)graph->values[v].name; /* is only read */
        list[(*count)++] = info;
    }
    return OA_OK;
}

/* Is the node one of the graph's that are flagged, or a constant? */
static bool is_needed(const oa_graph *graph, const bool *needed, const Onnx__NodeProto *node)
{
    bool is_constant = true;
    for (size_t k = 0; k < node->n_output; k++) {
        size_t value = oa_names_find(&graph->value_names, node->output[k]);
        size_t maker = value == OA_NONE ? OA_NONE : graph->values[value].producer;
        if (maker != OA_NONE && maker < graph->live_count && needed[maker]) {
            return true;
        }
        is_constant = is_constant && value != OA_NONE && graph->values[value].tensor != OA_NONE;
    }
    return is_constant;
}

static oa_status list_needed(Onnx__NodeProto **list, size_t *count, const oa_model *model, const bool *shown,
                             oa_error *error)
{
    const Onnx__GraphProto *message = model->message->graph;
    bool *needed = oa_calloc(model->graph->live_count, sizeof *needed);
    if (!needed) {
        return oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for a list", model->path);
    }
    oa_graph_needs(needed, model->graph, shown);
    *count = 0;
    for (size_t i = 0; i < message->n_node; i++) {
        if (is_needed(model->graph, needed, message->node[i])) {
            list[(*count)++] = message->node[i];
        }
    }
    oa_free(needed);
    return OA_OK;
}

oa_status oa_model_show(oa_model *model, const bool *shown, oa_error *error)
{
    Onnx__GraphProto *message = model->message->graph;
    size_t output_count = 0, node_count = 0;
    oa_model_hide(model);
    Onnx__ValueInfoProto **outputs = oa_arena_alloc(&model->shown, model->graph->value_count, sizeof *outputs);
    Onnx__NodeProto **nodes = oa_arena_alloc(&model->shown, message->n_node, sizeof *nodes);
    oa_status status = outputs && nodes ? list_shown(outputs, &output_count, model, shown, error)
                                        : oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for a list", model->path);
    if (status == OA_OK) {
        status = list_needed(nodes, &node_count, model, shown, error);
    }
    if (status != OA_OK) {
        oa_arena_free(&model->shown);
        return status;
    }
    model->own_outputs = message->output;
    model->own_output_count = message->n_output;
    model->own_nodes = message->node;
    model->own_node_count = message->n_node;
    message->output = outputs;
    message->n_output = output_count;
    message->node = nodes;
    message->n_node = node_count;
    return OA_OK;
}

void oa_model_hide(oa_model *model)
{
    Onnx__GraphProto *message = model->message->graph;
    if (model->shown.blocks) {
        message->output = model->own_outputs;
        message->n_output = model->own_output_count;
        message->node = model->own_nodes;
        message->n_node = model->own_node_count;
        oa_arena_free(&model->shown);
    }
}
