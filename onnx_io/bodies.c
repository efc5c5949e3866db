/* The subgraphs of If, Loop and Scan as bodies of the IR: their constants are read and written like the graph's. */
#include "onnx_io/advice.h"
#include "onnx_io/node_read.h"

#include <string.h>

/* What is being read, and where. */
typedef struct body_reader {
    oa_model *model;
    const oa_opsets *opsets;
    const oa_scope *scope; /* of the body */
    const char *owner;     /* label of the node that it belongs to */
    size_t body;
} body_reader;

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a subgraph");
}

/* Gives every name that the subgraph defines a value of the body. */
static oa_status define(oa_scope *scope, const body_reader *r, const char *name, oa_error *error)
{
    size_t value;
    if (!name || !*name) {
        return OA_OK;
    }
    oa_status status = oa_graph_body_value(&value, r->model->graph, r->body, r->owner, name, error);
    if (status == OA_OK && !oa_names_put(&scope->values, name, value)) {
        status = no_memory(error);
    }
    return status;
}

typedef struct name_check {
    oa_names seen;
    bool is_plain;
} name_check;

static oa_status check_name(void *context, const char *name, oa_error *error)
{
    name_check *check = context;
    if (!name || !*name) {
        return OA_OK; /* an omitted output; nameless inputs and constants are found by has_names */
    }
    check->is_plain = check->is_plain && oa_names_find(&check->seen, name) == OA_NONE;
    return oa_names_put(&check->seen, name, 0) ? OA_OK : no_memory(error);
}

static bool is_named(const char *name)
{
    return name && *name;
}

static bool has_names(const Onnx__GraphProto *graph)
{
    bool all = true;
    for (size_t i = 0; i < graph->n_input; i++) {
        all = all && is_named(graph->input[i]->name);
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        all = all && is_named(graph->initializer[i]->name);
    }
    for (size_t i = 0; i < graph->n_output; i++) {
        all = all && is_named(graph->output[i]->name);
    }
    for (size_t i = 0; i < graph->n_node; i++) {
        all = all && is_named(graph->node[i]->op_type);
    }
    return all;
}

/* Can it be told what every name in the subgraph means? */
static oa_status is_plain(bool *is_plain, const Onnx__GraphProto *graph, oa_error *error)
{
    name_check check = {.is_plain = has_names(graph)};
    oa_status status = oa_visit_defined(graph, check_name, &check, error);
    oa_names_free(&check.seen);
    *is_plain = check.is_plain;
    return status;
}

typedef struct definer {
    oa_scope *scope;
    const body_reader *reader;
} definer;

static oa_status define_name(void *context, const char *name, oa_error *error)
{
    const definer *d = context;
    return define(d->scope, d->reader, name, error);
}

static size_t own_value(const body_reader *r, const char *name)
{
    return oa_names_find(&r->scope->values, name);
}

static oa_status read_initializers(const body_reader *r, const Onnx__GraphProto *graph, oa_error *error)
{
    oa_graph *ir = r->model->graph;
    const oa_tensor_reader reader = {.arena = &ir->arena, .files = &r->model->files};
    for (size_t i = 0; i < graph->n_initializer; i++) {
        Onnx__TensorProto *message = graph->initializer[i];
        oa_tensor tensor = {0};
        oa_tensor_source source = {.tensor = message};
        oa_status status = oa_tensor_read(&tensor, &source.form, &reader, message, error);
        if (status == OA_OK) {
            tensor.name = ir->values[own_value(r, message->name)].name;
            tensor.is_initializer = true;
            status = oa_model_add_tensor(r->model, &tensor, &source, error);
        }
        if (status != OA_OK) {
            oa_error_context(error, "tensor '%s'", message->name);
            return status;
        }
    }
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        if (values && is_named(values->name)) {
            ir->values[own_value(r, values->name)].is_opaque = true;
        }
    }
    return OA_OK;
}

/* What is declared of an input, as far as the IR can say it. */
static void read_declaration(oa_value *value, const Onnx__ValueInfoProto *info)
{
    const Onnx__TypeProto *type = info->type;
    if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) {
        return;
    }
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type) {
        value->is_opaque = true;
        return;
    }
    const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
    value->dtype = (oa_dtype)type->tensor_type->elem_type;
    if (!shape || shape->n_dim > OA_MAX_RANK) {
        return;
    }
    value->has_shape = true;
    value->rank = shape->n_dim;
    for (size_t k = 0; k < shape->n_dim; k++) {
        bool is_number = shape->dim[k]->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        value->dims[k] = is_number && shape->dim[k]->dim_value >= 0 ? shape->dim[k]->dim_value : -1;
    }
}

static oa_status read_ends(oa_body *parts, const body_reader *r, const Onnx__GraphProto *graph, oa_error *error)
{
    oa_graph *ir = r->model->graph;
    parts->inputs = oa_calloc(graph->n_input, sizeof *parts->inputs);
    parts->outputs = oa_calloc(graph->n_output, sizeof *parts->outputs);
    if (!parts->inputs || !parts->outputs) {
        return no_memory(error);
    }
    parts->input_count = graph->n_input;
    parts->output_count = graph->n_output;
    for (size_t i = 0; i < graph->n_input; i++) {
        parts->inputs[i] = own_value(r, graph->input[i]->name);
        read_declaration(&ir->values[parts->inputs[i]], graph->input[i]);
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < graph->n_output && status == OA_OK; i++) {
        status = oa_scope_value(&parts->outputs[i], r->scope, ir, graph->output[i]->name, error);
    }
    return status;
}

static oa_status read_node(oa_body *parts, const body_reader *r, const Onnx__NodeProto *message, oa_error *error)
{
    oa_graph *ir = r->model->graph;
    bool is_constant = false;
    size_t output = message->n_output && is_named(message->output[0]) ? own_value(r, message->output[0]) : OA_NONE;
    oa_status status = oa_model_read_constant(&is_constant, r->model, message,
                                              output == OA_NONE ? NULL : ir->values[output].name, error);
    if (status != OA_OK || is_constant) {
        return status;
    }
    oa_node *node = &parts->nodes[parts->node_count++];
    status = oa_model_read_node(node, r->model, message, r->opsets, r->scope, error);
    if (status == OA_OK) {
        status = oa_model_read_captures(node, ir, message, r->scope, error);
    }
    return status == OA_OK ? oa_model_read_bodies(node, r->model, message, r->opsets, r->scope, error) : status;
}

static oa_status read_parts(oa_body *parts, const body_reader *r, const Onnx__GraphProto *graph, oa_error *error)
{
    oa_status status = read_initializers(r, graph, error);
    if (status == OA_OK) {
        status = read_ends(parts, r, graph, error);
    }
    parts->nodes = oa_calloc(graph->n_node, sizeof *parts->nodes);
    if (status == OA_OK && !parts->nodes) {
        status = no_memory(error);
    }
    for (size_t i = 0; i < graph->n_node && status == OA_OK; i++) {
        status = read_node(parts, r, graph->node[i], error);
        if (status != OA_OK) {
            oa_model_node_context(error, graph->node[i], i);
        }
    }
    return status;
}

static oa_status read_body(size_t *body, body_reader *r, const char *attribute, const Onnx__GraphProto *graph,
                           oa_error *error)
{
    oa_scope scope = {.outer = r->scope};
    body_reader inside = *r;
    oa_body parts = {0};
    inside.scope = &scope;
    oa_status status = oa_graph_open_body(&inside.body, r->model->graph, attribute, error);
    if (status == OA_OK) {
        status = oa_visit_defined(graph, define_name, &(definer){.scope = &scope, .reader = &inside}, error);
    }
    if (status == OA_OK) {
        status = read_parts(&parts, &inside, graph, error);
    }
    if (status == OA_OK) {
        status = oa_graph_close_body(r->model->graph, inside.body, &parts, error);
    }
    for (size_t i = 0; i < parts.node_count; i++) {
        oa_read_node_free(&parts.nodes[i]);
    }
    oa_free(parts.nodes);
    oa_free(parts.inputs);
    oa_free(parts.outputs);
    oa_names_free(&scope.values);
    *body = inside.body;
    return status;
}

/* The subgraphs that an operator has, in the order of the IR. */
typedef struct subgraph_names {
    const char *op_type;
    const char *attributes[OA_BODIES_MAX];
    size_t count;
} subgraph_names;

static const subgraph_names *names_of(const Onnx__NodeProto *message)
{
    static const subgraph_names known[] = {
        {"If", {"then_branch", "else_branch"}, 2}, {"Loop", {"body", NULL}, 1}, {"Scan", {"body", NULL}, 1}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (oa_is_standard_domain(message->domain) && strcmp(message->op_type, known[i].op_type) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

/* The attribute with the subgraph of that name; OA_NONE when there is none, or a reference in its place. */
static size_t find_attribute(const Onnx__NodeProto *message, const char *name)
{
    for (size_t i = 0; i < message->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = message->attribute[i];
        if (attribute->name && strcmp(attribute->name, name) == 0) {
            return attribute->g && !is_named(attribute->ref_attr_name) ? i : OA_NONE;
        }
    }
    return OA_NONE;
}

static size_t count_subgraphs(const Onnx__NodeProto *message)
{
    size_t count = 0;
    for (size_t i = 0; i < message->n_attribute; i++) {
        count += (message->attribute[i]->g != NULL) + message->attribute[i]->n_graphs;
    }
    return count;
}

oa_status oa_model_read_bodies(oa_node *node, oa_model *model, const Onnx__NodeProto *message, const oa_opsets *opsets,
                               const oa_scope *scope, oa_error *error)
{
    const subgraph_names *names = names_of(message);
    size_t places[OA_BODIES_MAX];
    oa_status status = OA_OK;
    if (!names || count_subgraphs(message) != names->count) {
        return OA_OK;
    }
    for (size_t k = 0; k < names->count && status == OA_OK; k++) {
        bool plain = false;
        places[k] = find_attribute(message, names->attributes[k]);
        if (places[k] != OA_NONE) {
            status = is_plain(&plain, message->attribute[places[k]]->g, error);
        }
        if (!plain) {
            return status;
        }
    }
    body_reader r = {.model = model, .opsets = opsets, .scope = scope, .owner = oa_node_label(model->graph, node)};
    for (size_t k = 0; k < names->count && status == OA_OK; k++) {
        size_t body;
        status = read_body(&body, &r, names->attributes[k], message->attribute[places[k]]->g, error);
        if (status == OA_OK) {
            node->bodies[k] = body;
            node->attributes[places[k]].kind = OA_ATTRIBUTE_BODY;
        }
    }
    if (status == OA_OK) {
        node->body_count = names->count;
    }
    return status;
}
