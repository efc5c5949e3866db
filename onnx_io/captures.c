/* What subgraphs (the branches of If, the body of Loop and Scan) read from the graph around them. */
#include "onnx_io/node_read.h"

/* A subgraph and those around it, up to the node that is looked at. */
typedef struct level {
    oa_names defined;
    const struct level *outer;
} level;

typedef struct capture_list {
    oa_graph *graph;
    const oa_scope *around;
    oa_names seen;
    size_t *values;
    size_t count;
    size_t capacity;
} capture_list;

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a subgraph");
}

oa_status oa_visit_defined(const Onnx__GraphProto *graph, oa_visit_name *visit, void *context, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < graph->n_input && status == OA_OK; i++) {
        status = visit(context, graph->input[i]->name, error);
    }
    for (size_t i = 0; i < graph->n_initializer && status == OA_OK; i++) {
        status = visit(context, graph->initializer[i]->name, error);
    }
    for (size_t i = 0; i < graph->n_sparse_initializer && status == OA_OK; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        status = visit(context, values ? values->name : NULL, error);
    }
    for (size_t i = 0; i < graph->n_node && status == OA_OK; i++) {
        for (size_t k = 0; k < graph->node[i]->n_output && status == OA_OK; k++) {
            status = visit(context, graph->node[i]->output[k], error);
        }
    }
    return status;
}

static oa_status define(void *context, const char *name, oa_error *error)
{
    level *inside = context;
    return !name || !*name || oa_names_put(&inside->defined, name, 0) ? OA_OK : no_memory(error);
}

/* Notes a name that a subgraph uses, unless some subgraph defines it. Names are looked up without regard to order: a
 * name may be defined only once, subgraphs included. */
static oa_status use(capture_list *list, const level *inside, const char *name, oa_error *error)
{
    if (!name || !*name) {
        return OA_OK;
    }
    for (const level *at = inside; at; at = at->outer) {
        if (oa_names_find(&at->defined, name) != OA_NONE) {
            return OA_OK;
        }
    }
    if (oa_names_find(&list->seen, name) != OA_NONE) {
        return OA_OK;
    }
    size_t value;
    oa_status status = oa_scope_value(&value, list->around, list->graph, name, error);
    if (status != OA_OK) {
        return status;
    }
    if (!oa_grow(&list->values, &list->capacity, list->count + 1, sizeof *list->values) ||
        !oa_names_put(&list->seen, name, list->count)) {
        return no_memory(error);
    }
    list->values[list->count++] = value;
    return OA_OK;
}

static oa_status collect_node(capture_list *list, const level *inside, const Onnx__NodeProto *node, oa_error *error);

/* Recursive like the messages, whose depth oa_wire_walk has bounded. */
static oa_status collect_graph(capture_list *list, const level *outer, const Onnx__GraphProto *graph, oa_error *error)
{
    level inside = {.outer = outer};
    oa_status status = oa_visit_defined(graph, define, &inside, error);
    for (size_t i = 0; i < graph->n_node && status == OA_OK; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        for (size_t j = 0; j < node->n_input && status == OA_OK; j++) {
            status = use(list, &inside, node->input[j], error);
        }
        if (status == OA_OK) {
            status = collect_node(list, &inside, node, error);
        }
    }
    for (size_t i = 0; i < graph->n_output && status == OA_OK; i++) {
        status = use(list, &inside, graph->output[i]->name, error);
    }
    oa_names_free(&inside.defined);
    return status;
}

static oa_status collect_node(capture_list *list, const level *inside, const Onnx__NodeProto *node, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < node->n_attribute && status == OA_OK; i++) {
        const Onnx__AttributeProto *attribute = node->attribute[i];
        if (attribute->g) {
            status = collect_graph(list, inside, attribute->g, error);
        }
        for (size_t j = 0; j < attribute->n_graphs && status == OA_OK; j++) {
            status = collect_graph(list, inside, attribute->graphs[j], error);
        }
    }
    return status;
}

oa_status oa_model_read_captures(oa_node *node, oa_graph *graph, const Onnx__NodeProto *message, const oa_scope *scope,
                                 oa_error *error)
{
    capture_list list = {.graph = graph, .around = scope};
    oa_status status = collect_node(&list, NULL, message, error);
    oa_names_free(&list.seen);
    if (status != OA_OK) {
        oa_free(list.values);
        return status;
    }
    node->captures = list.values;
    node->capture_count = list.count;
    return OA_OK;
}
