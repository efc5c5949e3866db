/* New ONNX models, made from nothing: trained networks and aligners are written this way.
 *
 * A builder collects tensors, nodes, inputs and outputs; oa_builder_finish makes an ordinary oa_model of them, as if it
 * had been read from a file, which oa_model_save writes. Errors are sticky: the first one is kept, what is added after
 * it is ignored, and oa_builder_finish reports it. So calls follow each other without checks in between. */
#ifndef OA_ONNX_IO_BUILDER_H
#define OA_ONNX_IO_BUILDER_H

#include "onnx_io/model.h"

typedef struct oa_builder oa_builder;

/* A new model of IR version 8 that imports version `opset` of the standard operators, with producer "onnx-align" and an
 * empty graph called `graph_name`. Free with oa_builder_destroy. OA_ERROR_MEMORY. */
oa_status oa_builder_create(oa_builder **builder, const char *graph_name, int64_t opset, oa_error *error);
void oa_builder_destroy(oa_builder *builder);

/* Everything given to these calls is copied. */

/* An entry of metadata_props: oa_model_metadata finds it. */
void oa_builder_add_metadata(oa_builder *builder, const char *key, const char *value);

/* An initializer called `name`: packed elements data [product of dims] of a dtype with a size that is not string
 * (OA_ERROR_USAGE otherwise); OA_ERROR_INPUT for too many dimensions or elements. */
void oa_builder_add_tensor(oa_builder *builder, const char *name, oa_dtype dtype, const size_t *dims, size_t rank,
                           const void *data);

/* An input or output of the graph, declared as oa_value does: dtype, and with has_shape rank and dims (-1: symbolic,
 * called symbols[i] unless that is NULL). Other fields are ignored. */
void oa_builder_add_input(oa_builder *builder, const char *name, const oa_value *declared);
void oa_builder_add_output(oa_builder *builder, const char *name, const oa_value *declared);

/* What a node is, by names. */
typedef struct oa_builder_node {
    const char *op_type;       /* of the standard operators */
    const char *name;          /* NULL: none */
    const char *const *inputs; /* [input_count] value names; "" omits an optional input */
    size_t input_count;
    const char *const *outputs; /* [output_count] */
    size_t output_count;
    const oa_attribute *attributes; /* [attribute_count] of kind int, float, string, ints or floats; others are
                                       OA_ERROR_USAGE */
    size_t attribute_count;
} oa_builder_node;

void oa_builder_add_node(oa_builder *builder, const oa_builder_node *node);

/* Makes the model. Its path is "" until it is saved and loaded. A graph to which no output was added, a mere set of
 * tensors, gets for each tensor t an output "t.value" through an Identity node: a graph without outputs is not valid.
 * The builder is used up, whatever the outcome: only oa_builder_destroy may follow. Errors: the first of the calls
 * before, OA_ERROR_INPUT for a graph that does not close (as oa_model_load), OA_ERROR_MEMORY; *model is then untouched.
 * O(bytes). */
oa_status oa_builder_finish(oa_model **model, oa_builder *builder, oa_error *error);

#endif
