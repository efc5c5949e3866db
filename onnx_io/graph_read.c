/* From GraphProto to the IR. */
#include "onnx_io/advice.h"
#include "onnx_io/model_private.h"

#include <string.h>

/* The domains that the model imports. */
typedef struct opsets {
    oa_names by_domain;
    Onnx__OperatorSetIdProto **imports;
} opsets;

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

/* The standard domain has two spellings. */
static const char *normal_domain(const char *domain)
{
    return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

static oa_status read_opsets(opsets *sets, const Onnx__ModelProto *message, oa_error *error)
{
    sets->imports = message->opset_import;
    for (size_t i = 0; i < message->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *import = message->opset_import[i];
        const char *domain = normal_domain(import->domain);
        if (!import->has_version || import->version < 1) {
            return oa_fail(error, OA_ERROR_INPUT, "imports the operators '%s' without a version" OA_ADVICE_EXPORT,
                           *domain ? domain : "ai.onnx");
        }
        if (oa_names_find(&sets->by_domain, domain) == OA_NONE && !oa_names_put(&sets->by_domain, domain, i)) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the operator sets");
        }
    }
    return OA_OK;
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

/* Value indices of the names of a node's inputs or outputs; the empty name is an omitted one. */
static oa_status read_slots(size_t **slots, oa_graph *graph, char **names, size_t count, oa_error *error)
{
    size_t *list = oa_calloc(count, sizeof *list);
    if (!list) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu inputs or outputs", count);
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        list[i] = OA_NONE;
        if (*names[i]) {
            status = oa_graph_value(&list[i], graph, names[i], error);
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
    node->attribute_count = message->n_attribute;
    node->attributes = oa_calloc(message->n_attribute, sizeof *node->attributes);
    if (!node->attributes) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu attributes", message->n_attribute);
    }
    for (size_t i = 0; i < message->n_attribute; i++) {
        oa_status status = oa_model_read_attribute(&node->attributes[i], model, message->attribute[i], error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

/* Two producers of one value are found by oa_graph_add_node, but it knows no sparse initializers. */
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

static oa_status read_ordinary_node(oa_model *model, const Onnx__NodeProto *message, const opsets *sets,
                                    oa_error *error)
{
    oa_graph *graph = model->graph;
    size_t import = oa_names_find(&sets->by_domain, normal_domain(message->domain));
    oa_node node = {
        .name = text_or_empty(message->name),
        .op_type = message->op_type,
        .domain = normal_domain(message->domain),
        .version = import == OA_NONE ? 0 : sets->imports[import]->version,
        .input_count = message->n_input,
        .output_count = message->n_output,
    };
    oa_status status = read_slots(&node.inputs, graph, message->input, message->n_input, error);
    if (status == OA_OK) {
        status = read_slots(&node.outputs, graph, message->output, message->n_output, error);
    }
    if (status == OA_OK) {
        status = check_outputs(graph, &node, error);
    }
    if (status == OA_OK) {
        status = read_attributes(&node, model, message, error);
    }
    if (status == OA_OK) {
        status = oa_model_read_captures(&node.captures, &node.capture_count, graph, message, error);
    }
    if (status == OA_OK) {
        status = oa_graph_add_node(graph, &node, error);
    }
    oa_free(node.inputs);
    oa_free(node.outputs);
    oa_free(node.attributes);
    oa_free(node.captures);
    return status;
}

static oa_status read_node(oa_model *model, const Onnx__NodeProto *message, const opsets *sets, size_t index,
                           oa_error *error)
{
    bool is_constant = false;
    if (!message->op_type || !*message->op_type) {
        return oa_fail(error, OA_ERROR_INPUT, "node %zu names no operator" OA_ADVICE_EXPORT, index);
    }
    oa_status status = oa_model_read_constant(&is_constant, model, message, error);
    if (status == OA_OK && !is_constant) {
        status = read_ordinary_node(model, message, sets, error);
    }
    if (status != OA_OK) {
        const char *label = message->name && *message->name ? message->name
                            : message->n_output             ? message->output[0]
                                                            : "";
        oa_error_context(error, "node %zu '%s' (%s)", index, label, message->op_type);
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
    opsets sets = {0};
    model->graph = oa_graph_create();
    if (!model->graph) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the graph");
    }
    model->graph->name = text_or_empty(message->name);
    oa_status status = read_opsets(&sets, model->message, error);
    if (status == OA_OK) {
        status = read_values(model, message, error);
    }
    for (size_t i = 0; i < message->n_node && status == OA_OK; i++) {
        status = read_node(model, message->node[i], &sets, i, error);
    }
    if (status == OA_OK) {
        status = read_outputs(model->graph, message, error);
    }
    if (status == OA_OK) {
        status = oa_graph_finish(model->graph, error);
    }
    oa_names_free(&sets.by_domain);
    return status;
}
