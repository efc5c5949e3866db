/* What a model holds, for the files that read and write it. */
#ifndef OA_ONNX_IO_MODEL_PRIVATE_H
#define OA_ONNX_IO_MODEL_PRIVATE_H

#include "onnx_io/external_files.h"
#include "onnx_io/model.h"
#include "onnx_io/tensor_read.h"

#include <onnx.pb-c.h>

/* Where in the message a constant of the graph lives. */
typedef struct oa_tensor_source {
    oa_payload_form form;
    Onnx__TensorProto *tensor;       /* NULL when the form is OA_FORM_ATTRIBUTE */
    Onnx__AttributeProto *attribute; /* a Constant's attribute; NULL for initializers */
} oa_tensor_source;

/* A tensor anywhere in the message, also inside subgraphs and functions, whose payload lies in an external file. */
typedef struct oa_external_tensor {
    Onnx__TensorProto *message;
    oa_external_region region;
    size_t tensor; /* the graph's constant that it is, or OA_NONE */
} oa_external_tensor;

struct oa_model {
    char *path;
    Onnx__ModelProto *message;
    oa_graph *graph;
    oa_tensor_source *sources; /* [graph->tensor_count] */
    size_t source_count;
    size_t source_capacity;
    oa_external_files files;
    oa_external_tensor *externals; /* [external_count], in the message's order */
    size_t external_count;
    size_t external_capacity;
    size_t payload_bytes;
    /* While values are shown (oa_model_show): */
    Onnx__ValueInfoProto **own_outputs; /* [own_output_count] the message's list */
    size_t own_output_count;
    Onnx__NodeProto **own_nodes; /* [own_node_count] the same */
    size_t own_node_count;
    oa_arena shown; /* owns the lists that stand in their place */
};

/* oa_model_save with another limit for the bytes of the message: tests cannot fill 2 GiB. */
oa_status oa_model_save_limited(const char *path, oa_model *model, const oa_payloads *payloads, size_t limit,
                                oa_error *error);

/* oa_model_pack with another limit. */
oa_status oa_model_pack_limited(unsigned char **bytes, size_t *size, oa_model *model, const oa_payloads *payloads,
                                size_t limit, oa_error *error);

/* Makes a model of a message whose blocks all come from oa_malloc, and which is freed with the model, or at once on
 * failure. `path` is what errors and external data go by. Errors as oa_model_load. */
oa_status oa_model_adopt(oa_model **model, Onnx__ModelProto *message, const char *path, oa_error *error);

/* Builds model->graph and model->sources from model->message. The error names nodes and tensors, not the file. */
oa_status oa_model_read_graph(oa_model *model, oa_error *error);

/* Adds the constant that a Constant node stands for, called `name` or, when that is NULL, like the node's output. Sets
 * *is_constant to false, and adds nothing, when the node has to stay a node: another operator, or a value that the IR
 * cannot hold. */
oa_status oa_model_read_constant(bool *is_constant, oa_model *model, const Onnx__NodeProto *node, const char *name,
                                 oa_error *error);

/* Adds a constant called `tensor->name`, refusing a name that is defined already. */
oa_status oa_model_add_tensor(oa_model *model, const oa_tensor *tensor, const oa_tensor_source *source,
                              oa_error *error);

/* Reads one attribute of an ordinary node. Strings and numbers are borrowed from the message. */
oa_status oa_model_read_attribute(oa_attribute *attribute, oa_model *model, const Onnx__AttributeProto *message,
                                  oa_error *error);

#endif
