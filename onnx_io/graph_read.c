/* From GraphProto to the IR. */
#include "onnx_io/advice.h"
#include "onnx_io/node_read.h"

#include <string.h>

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

oa_status oa_model_add_tensor(oa_model *model, const oa_tensor *tensor, const oa_tensor_source *source, oa_error *error)
{
    oa_graph *graph = model->graph;
    size_t value;
    oa_status status = oa_graph_value(&value, graph, tensor->name, error);
    if (status != OA_OK) {
        return status;
    }
    if (graph->values[value].is_input || graph->values[value].is_opaque) {
        return oa_fail(error, OA_ERROR_INPUT, "is defined twice" OA_ADVICE_EXPORT);
    }
    if (!oa_grow(&model->sources, &model->source_capacity, model->source_count + 1, sizeof *model->sources)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of tensors");
    }
    status = oa_graph_add_tensor(NULL, graph, tensor, error);
    if (status == OA_OK) {
        model->sources[model->source_count++] = *source;
    }
    return status;
}

static oa_status read_initializer(oa_model *model, Onnx__TensorProto *message, size_t index, oa_error *error)
{
    const oa_tensor_reader reader = {.arena = &model->graph->arena, .files = &model->files};
    oa_tensor tensor = {0};
    oa_tensor_source source = {.tensor = message};
    if (!message->name || !*message->name) {
        return oa_fail(error, OA_ERROR_INPUT, "initializer %zu has no name" OA_ADVICE_EXPORT, index);
    }
    oa_status status = oa_tensor_read(&tensor, &source.form, &reader, message, error);
    if (status == OA_OK) {
        tensor.name = message->name;
        tensor.is_initializer = true;
        status = oa_model_add_tensor(model, &tensor, &source, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "tensor '%s'", message->name);
    }
    return status;
}

/* A sparse initializer defines its value, but as something that the IR cannot look into. */
static oa_status read_sparse_initializer(oa_graph *graph, const Onnx__SparseTensorProto *message, size_t index,
                                         oa_error *error)
{
    const char *name = message->values ? message->values->name : NULL;
    if (!name || !*name) {
        return oa_fail(error, OA_ERROR_INPUT, "sparse initializer %zu has no name" OA_ADVICE_EXPORT, index);
    }
    size_t value;
    oa_status status = oa_graph_value(&value, graph, name, error);
    if (status != OA_OK) {
        return status;
    }
    if (graph->values[value].is_opaque || graph->values[value].tensor != OA_NONE) {
        return oa_fail(error, OA_ERROR_INPUT, "tensor '%s' is defined twice" OA_ADVICE_EXPORT, name);
    }
    graph->values[value].is_opaque = true;
    return OA_OK;
}

static oa_status read_shape(oa_value *declared, const Onnx__TensorShapeProto *shape, oa_error *error)
{
    if (shape->n_dim > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT, "has %zu dimensions, and %d are the most that are supported",
                       shape->n_dim, OA_MAX_RANK);
    }
    declared->has_shape = true;
    declared->rank = shape->n_dim;
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
        declared->dims[i] = -1;
        if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value >= 0) {
            declared->dims[i] = dim->dim_value;
        } else if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && dim->dim_param &&
                   *dim->dim_param) {
            declared->symbols[i] = dim->dim_param;
        }
    }
    return OA_OK;
}

/* The declaration of an input or output. A value without a type may be anything: it is left undeclared. */
static oa_status read_declaration(oa_value *declared, const Onnx__ValueInfoProto *info, const char *what, size_t index,
                                  oa_error *error)
{
    *declared = (oa_value){0};
    if (!info->name || !*info->name) {
        return oa_fail(error, OA_ERROR_INPUT, "graph %s %zu has no name" OA_ADVICE_EXPORT, what, index);
    }
    const Onnx__TypeProto *type = info->type;
    if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) {
        return OA_OK;
    }
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type) {
        declared->is_opaque = true;
        return OA_OK;
    }
    declared->dtype = (oa_dtype)type->tensor_type->elem_type;
    if (!type->tensor_type->shape) {
        return OA_OK;
    }
    oa_status status = read_shape(declared, type->tensor_type->shape, error);
    if (status != OA_OK) {
        oa_error_context(error, "graph %s '%s'", what, info->name);
    }
    return status;
}

static oa_status read_input(oa_graph *graph, const Onnx__ValueInfoProto *info, size_t index, oa_error *error)
{
    oa_value declared;
    oa_status status = read_declaration(&declared, info, "input", index, error);
    if (status != OA_OK) {
        return status;
    }
    size_t value = oa_names_find(&graph->value_names, info->name);
    if (value != OA_NONE && graph->values[value].is_input) {
        return oa_fail(error, OA_ERROR_INPUT, "two graph inputs are called '%s'" OA_ADVICE_EXPORT, info->name);
    }
    if (value != OA_NONE && graph->values[value].is_opaque) {
        return OA_OK; /* the default of this input is a sparse initializer: it need not be fed */
    }
    return oa_graph_add_input(graph, info->name, &declared, error);
}

static oa_status read_ordinary_node(oa_model *model, const Onnx__NodeProto *message, const oa_opsets *opsets,
                                    oa_error *error)
{
    oa_node node = {0};
    oa_status status = oa_model_read_node(&node, model, message, opsets, NULL, error);
    if (status == OA_OK) {
        status = oa_graph_add_node(model->graph, &node, error);
    }
    oa_read_node_free(&node);
    return status;
}

static oa_status read_node(oa_model *model, const Onnx__NodeProto *message, const oa_opsets *opsets, size_t index,
                           oa_error *error)
{
    bool is_constant = false;
    if (!message->op_type || !*message->op_type) {
        return oa_fail(error, OA_ERROR_INPUT, "node %zu names no operator" OA_ADVICE_EXPORT, index);
    }
    oa_status status = oa_model_read_constant(&is_constant, model, message, NULL, error);
    if (status == OA_OK && !is_constant) {
        status = read_ordinary_node(model, message, opsets, error);
    }
    if (status != OA_OK) {
        oa_model_node_context(error, message, index);
    }
    return status;
}

/* A node of the main graph that is no constant, with the message that it came from. */
typedef struct read_subgraph {
    const Onnx__NodeProto *message;
    size_t index; /* of the message */
    size_t node;
} read_subgraph;

static bool has_subgraph(const Onnx__NodeProto *message)
{
    for (size_t i = 0; i < message->n_attribute; i++) {
        if (message->attribute[i]->g || message->attribute[i]->n_graphs) {
            return true;
        }
    }
    return false;
}

static oa_status read_nodes(oa_model *model, const Onnx__GraphProto *message, const oa_opsets *opsets,
                            read_subgraph *subgraphs, size_t *subgraph_count, oa_error *error)
{
    for (size_t i = 0; i < message->n_node; i++) {
        size_t before = model->graph->node_count;
        oa_status status = read_node(model, message->node[i], opsets, i, error);
        if (status != OA_OK) {
            return status;
        }
        if (model->graph->node_count > before && has_subgraph(message->node[i])) {
            subgraphs[(*subgraph_count)++] = (read_subgraph){.message = message->node[i], .index = i, .node = before};
        }
    }
    return OA_OK;
}

/* What the subgraphs of a node take from the main graph. */
static oa_status read_captures(oa_model *model, const read_subgraph *subgraph, oa_error *error)
{
    oa_graph *graph = model->graph;
    oa_node read = {0};
    oa_status status = oa_model_read_captures(&read, graph, subgraph->message, NULL, error);
    size_t *copy = oa_arena_alloc(&graph->arena, read.capture_count, sizeof *copy);
    if (status == OA_OK && !copy) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for a subgraph");
    }
    if (status == OA_OK) {
        if (read.capture_count) {
            memcpy(copy, read.captures, read.capture_count * sizeof *copy);
        }
        graph->nodes[subgraph->node].captures = copy;
        graph->nodes[subgraph->node].capture_count = read.capture_count;
    }
    oa_free(read.captures);
    return status;
}

/* Comes last: when bodies get names for their values, all names of the main graph are there. */
static oa_status read_subgraphs(oa_model *model, const oa_opsets *opsets, const read_subgraph *subgraphs, size_t count,
                                oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < 2 * count && status == OA_OK; i++) {
        const read_subgraph *subgraph = &subgraphs[i % count];
        status = i < count ? read_captures(model, subgraph, error)
                           : oa_model_read_bodies(&model->graph->nodes[subgraph->node], model, subgraph->message,
                                                  opsets, NULL, error);
        if (status != OA_OK) {
            oa_model_node_context(error, subgraph->message, subgraph->index);
        }
    }
    return status;
}

static oa_status read_values(oa_model *model, const Onnx__GraphProto *message, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < message->n_initializer && status == OA_OK; i++) {
        status = read_initializer(model, message->initializer[i], i, error);
    }
    for (size_t i = 0; i < message->n_sparse_initializer && status == OA_OK; i++) {
        status = read_sparse_initializer(model->graph, message->sparse_initializer[i], i, error);
    }
    for (size_t i = 0; i < message->n_input && status == OA_OK; i++) {
        status = read_input(model->graph, message->input[i], i, error);
    }
    return status;
}

static oa_status read_outputs(oa_graph *graph, const Onnx__GraphProto *message, oa_error *error)
{
    for (size_t i = 0; i < message->n_output; i++) {
        oa_value declared;
        oa_status status = read_declaration(&declared, message->output[i], "output", i, error);
        if (status == OA_OK) {
            status = oa_graph_add_output(graph, message->output[i]->name, &declared, error);
        }
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

oa_status oa_model_read_graph(oa_model *model, oa_error *error)
{
    const Onnx__GraphProto *message = model->message->graph;
    oa_opsets opsets = {0};
    size_t subgraph_count = 0;
    read_subgraph *subgraphs = oa_calloc(message->n_node, sizeof *subgraphs);
    model->graph = oa_graph_create();
    if (!model->graph || !subgraphs) {
        oa_free(subgraphs);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the graph");
    }
    model->graph->name = text_or_empty(message->name);
    oa_status status = oa_opsets_read(&opsets, model->message, error);
    if (status == OA_OK) {
        status = read_values(model, message, error);
    }
    if (status == OA_OK) {
        status = read_nodes(model, message, &opsets, subgraphs, &subgraph_count, error);
    }
    if (status == OA_OK) {
        status = read_outputs(model->graph, message, error);
    }
    if (status == OA_OK) {
        status = read_subgraphs(model, &opsets, subgraphs, subgraph_count, error);
    }
    if (status == OA_OK) {
        status = oa_graph_finish(model->graph, error);
    }
    oa_names_free(&opsets.by_domain);
    oa_free(subgraphs);
    return status;
}
