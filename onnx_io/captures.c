/* What subgraphs (the branches of If, the body of Loop and Scan) read from the graph around them. */
#include "onnx_io/model_private.h"

/* A subgraph and those around it, up to the node of the main graph. */
typedef struct scope {
    oa_names defined;
    const struct scope *outer;
} scope;

typedef struct capture_list {
    oa_graph *graph;
    oa_names seen;
    size_t *values;
    size_t count;
    size_t capacity;
} capture_list;

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a subgraph");
}

static bool define(scope *inside, const char *name)
{
    return !name || !*name || oa_names_put(&inside->defined, name, 0);
}

/* Names are looked up without regard to order: a name may be defined only once, subgraphs included. */
static bool define_all(scope *inside, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_input; i++) {
        if (!define(inside, graph->input[i]->name)) {
            return false;
        }
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        if (!define(inside, graph->initializer[i]->name)) {
            return false;
        }
    }
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        if (values && !define(inside, values->name)) {
            return false;
        }
    }
    for (size_t i = 0; i < graph->n_node; i++) {
        for (size_t j = 0; j < graph->node[i]->n_output; j++) {
            if (!define(inside, graph->node[i]->output[j])) {
                return false;
            }
        }
    }
    return true;
}

/* Notes a name that a subgraph uses, unless some subgraph defines it. */
static oa_status use(capture_list *list, const scope *inside, const char *name, oa_error *error)
{
    if (!name || !*name) {
        return OA_OK;
    }
    for (const scope *at = inside; at; at = at->outer) {
        if (oa_names_find(&at->defined, name) != OA_NONE) {
            return OA_OK;
        }
    }
    if (oa_names_find(&list->seen, name) != OA_NONE) {
        return OA_OK;
    }
    size_t value;
    oa_status status = oa_graph_value(&value, list->graph, name, error);
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

static oa_status collect_node(capture_list *list, const scope *inside, const Onnx__NodeProto *node, oa_error *error);

/* Recursive like the messages, whose depth oa_wire_walk has bounded. */
static oa_status collect_graph(capture_list *list, const scope *outer, const Onnx__GraphProto *graph, oa_error *error)
{
    scope inside = {.outer = outer};
    oa_status status = define_all(&inside, graph) ? OA_OK : no_memory(error);
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

static oa_status collect_node(capture_list *list, const scope *inside, const Onnx__NodeProto *node, oa_error *error)
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

oa_status oa_model_read_captures(size_t **captures, size_t *count, oa_graph *graph, const Onnx__NodeProto *node,
                                 oa_error *error)
{
    capture_list list = {.graph = graph};
    oa_status status = collect_node(&list, NULL, node, error);
    oa_names_free(&list.seen);
    if (status != OA_OK) {
        oa_free(list.values);
        return status;
    }
    *captures = list.values;
    *count = list.count;
    return OA_OK;
}
