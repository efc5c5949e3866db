/* Reading the nodes of the graph and of its bodies, whose names mean what they mean where they stand. */
#ifndef OA_ONNX_IO_NODE_READ_H
#define OA_ONNX_IO_NODE_READ_H

#include "onnx_io/model_private.h"

/* The names of a body; NULL stands for the main graph's. Zero-initialise; oa_names_free(&scope.values). */
typedef struct oa_scope {
    oa_names values; /* name -> value */
    const struct oa_scope *outer;
} oa_scope;

/* The domains that the model imports. Zero-initialise; oa_names_free(&opsets.by_domain). */
typedef struct oa_opsets {
    oa_names by_domain;
    Onnx__OperatorSetIdProto **imports;
} oa_opsets;

oa_status oa_opsets_read(oa_opsets *opsets, const Onnx__ModelProto *message, oa_error *error);

/* True for the standard domain, which has two spellings. */
bool oa_is_standard_domain(const char *domain);

/* The value that a name means inside `scope`; the main graph's value is made when there is none. OA_ERROR_MEMORY,
 * OA_ERROR_INPUT (an empty name). O(length * depth). */
oa_status oa_scope_value(size_t *value, const oa_scope *scope, oa_graph *graph, const char *name, oa_error *error);

/* Everything of a node but captures and bodies. Strings are borrowed from the message; the lists are the caller's, who
 * frees them with oa_read_node_free, also after a failure. */
oa_status oa_model_read_node(oa_node *node, oa_model *model, const Onnx__NodeProto *message, const oa_opsets *opsets,
                             const oa_scope *scope, oa_error *error);
void oa_read_node_free(oa_node *node);

/* Says in the error which node it is about. */
void oa_model_node_context(oa_error *error, const Onnx__NodeProto *message, size_t index);

/* Visits the names that a subgraph itself defines, as they stand there: NULL and "" among them. */
typedef oa_status oa_visit_name(void *context, const char *name, oa_error *error);
oa_status oa_visit_defined(const Onnx__GraphProto *graph, oa_visit_name *visit, void *context, oa_error *error);

/* The values around `node`, inside `scope`, that its subgraphs, however deep, take from outside themselves:
 * node->captures is then the caller's, without repetitions, in the order of first use. O(size of the subgraphs). */
oa_status oa_model_read_captures(oa_node *node, oa_graph *graph, const Onnx__NodeProto *message, const oa_scope *scope,
                                 oa_error *error);

/* Reads the subgraphs of If, Loop and Scan as bodies of `node`, which has been read from `message` inside `scope`;
 * subgraphs that are not as these operators have them, or define a name twice, stay attributes. Errors as for the rest
 * of the model. O(size * depth). */
oa_status oa_model_read_bodies(oa_node *node, oa_model *model, const Onnx__NodeProto *message, const oa_opsets *opsets,
                               const oa_scope *scope, oa_error *error);

#endif
