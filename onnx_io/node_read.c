#include "onnx_io/node_read.h"

#include "onnx_io/advice.h"

#include <string.h>

bool oa_is_standard_domain(const char *domain)
{
    return !domain || !*domain || strcmp(domain, "ai.onnx") == 0;
}

static const char *normal_domain(const char *domain)
{
    return oa_is_standard_domain(domain) ? "" : domain;
}

oa_status oa_opsets_read(oa_opsets *opsets, const Onnx__ModelProto *message, oa_error *error)
{
    opsets->imports = message->opset_import;
    for (size_t i = 0; i < message->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *import = message->opset_import[i];
        const char *domain = normal_domain(import->domain);
        if (!import->has_version || import->version < 1) {
            return oa_fail(error, OA_ERROR_INPUT, "imports the operators '%s' without a version" OA_ADVICE_EXPORT,
                           *domain ? domain : "ai.onnx");
        }
        if (oa_names_find(&opsets->by_domain, domain) == OA_NONE && !oa_names_put(&opsets->by_domain, domain, i)) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the operator sets");
        }
    }
    return OA_OK;
}

oa_status oa_scope_value(size_t *value, const oa_scope *scope, oa_graph *graph, const char *name, oa_error *error)
{
    for (const oa_scope *at = scope; at; at = at->outer) {
        size_t found = oa_names_find(&at->values, name);
        if (found != OA_NONE) {
            *value = found;
            return OA_OK;
        }
    }
    return oa_graph_value(value, graph, name, error);
}

/* Value indices of the names of a node's inputs or outputs; the empty name is an omitted one. */
static oa_status read_slots(size_t **slots, const oa_scope *scope, oa_graph *graph, char **names, size_t count,
                            oa_error *error)
{
    size_t *list = oa_calloc(count, sizeof *list);
    if (!list) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu inputs or outputs", count);
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        list[i] = OA_NONE;
        if (*names[i]) {
            status = oa_scope_value(&list[i], scope, graph, names[i], error);
        }
    }
    if (status != OA_OK) {
        oa_free(list);
        return status;
    }
    *slots = list;
    return OA_OK;
}

static oa_status read_attributes(oa_node *node, oa_model *model, const Onnx__NodeProto *message, oa_error *error)
{
    node->attributes = oa_calloc(message->n_attribute, sizeof *node->attributes);
    if (!node->attributes) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu attributes", message->n_attribute);
    }
    node->attribute_count = message->n_attribute;
    for (size_t i = 0; i < message->n_attribute; i++) {
        oa_status status = oa_model_read_attribute(&node->attributes[i], model, message->attribute[i], error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

/* Two producers of one value are found when the node is added, but by one that knows no sparse initializers. */
static oa_status check_outputs(const oa_graph *graph, const oa_node *node, oa_error *error)
{
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != OA_NONE && graph->values[node->outputs[i]].is_opaque) {
            return oa_fail(error, OA_ERROR_INPUT, "produces '%s', which is defined already" OA_ADVICE_EXPORT,
                           graph->values[node->outputs[i]].name);
        }
    }
    return OA_OK;
}

oa_status oa_model_read_node(oa_node *node, oa_model *model, const Onnx__NodeProto *message, const oa_opsets *opsets,
                             const oa_scope *scope, oa_error *error)
{
    size_t import = oa_names_find(&opsets->by_domain, normal_domain(message->domain));
    *node = (oa_node){
        .name = message->name ? message->name : "",
        .op_type = message->op_type,
        .domain = normal_domain(message->domain),
        .version = import == OA_NONE ? 0 : opsets->imports[import]->version,
        .input_count = message->n_input,
        .output_count = message->n_output,
    };
    oa_status status = read_slots(&node->inputs, scope, model->graph, message->input, message->n_input, error);
    if (status == OA_OK) {
        status = read_slots(&node->outputs, scope, model->graph, message->output, message->n_output, error);
    }
    if (status == OA_OK) {
        status = check_outputs(model->graph, node, error);
    }
    return status == OA_OK ? read_attributes(node, model, message, error) : status;
}

void oa_read_node_free(oa_node *node)
{
    oa_free(node->inputs);
    oa_free(node->outputs);
    oa_free(node->attributes);
    oa_free(node->captures);
    *node = (oa_node){0};
}

void oa_model_node_context(oa_error *error, const Onnx__NodeProto *message, size_t index)
{
    const char *label = message->name && *message->name ? message->name : message->n_output ? message->output[0] : "";
    oa_error_context(error, "node %zu '%s' (%s)", index, label, message->op_type);
}
