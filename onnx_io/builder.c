#include "onnx_io/builder.h"

#include "core/base/memory.h"
#include "onnx_io/message.h"
#include "onnx_io/model_private.h"

#include <stdio.h>
#include <string.h>

/* Of the ONNX releases that brought the operator sets up to 17. */
enum { IR_VERSION = 8 };

/* Every block of the message comes from oa_malloc, as in a message that was read: oa_message_free frees it. */
struct oa_builder {
    Onnx__ModelProto *message; /* NULL once it is a model's */
    oa_status status;          /* of the first call that failed */
    oa_error error;
};

static void fail_memory(oa_builder *builder, const char *what, const char *name)
{
    builder->status = oa_fail(&builder->error, OA_ERROR_MEMORY, "out of memory for %s '%s'", what, name);
}

/* A new message at the end of a list of messages, or NULL. `list` is the address of the list's pointer. */
static void *append_message(void *list, size_t *count, const ProtobufCMessageDescriptor *descriptor)
{
    void **items;
    memcpy(&items, list, sizeof items); /* the caller's pointer is to pointers to some kind of message */
    void *message = oa_malloc(descriptor->sizeof_message, 1);
    void **longer = message ? oa_realloc(items, *count + 1, sizeof *items) : NULL;
    if (!longer) {
        oa_free(message);
        return NULL;
    }
    protobuf_c_message_init(descriptor, message);
    longer[*count] = message;
    ++*count;
    memcpy(list, &longer, sizeof longer);
    return message;
}

/* Sets a string field; false when out of memory. */
static bool set_text(char **field, const char *text)
{
    *field = oa_strdup(text);
    return *field != NULL;
}

/* Sets a list of numbers or bytes to a copy; false when out of memory. */
static bool set_list(void *list, size_t *count, const void *source, size_t length, size_t size)
{
    void *copy = oa_malloc(length, size);
    if (!copy) {
        return false;
    }
    if (length) {
        memcpy(copy, source, length * size); /* oa_malloc has checked the product */
    }
    memcpy(list, &copy, sizeof copy);
    *count = length;
    return true;
}

oa_status oa_builder_create(oa_builder **builder, const char *graph_name, int64_t opset, oa_error *error)
{
    oa_builder *made = oa_calloc(1, sizeof *made);
    Onnx__ModelProto *message = oa_malloc(1, sizeof *message);
    Onnx__GraphProto *graph = oa_malloc(1, sizeof *graph);
    if (!made || !message || !graph) {
        oa_free(made);
        oa_free(message);
        oa_free(graph);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a new model");
    }
    onnx__model_proto__init(message);
    onnx__graph_proto__init(graph);
    made->message = message;
    message->graph = graph;
    message->has_ir_version = 1;
    message->ir_version = IR_VERSION;
    Onnx__OperatorSetIdProto *import =
        append_message(&message->opset_import, &message->n_opset_import, &onnx__operator_set_id_proto__descriptor);
    if (!import || !set_text(&message->producer_name, "onnx-align") ||
        !set_text(&message->producer_version, OA_VERSION) || !set_text(&graph->name, graph_name)) {
        oa_builder_destroy(made);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a new model");
    }
    import->has_version = 1;
    import->version = opset;
    *builder = made;
    return OA_OK;
}

void oa_builder_destroy(oa_builder *builder)
{
    if (!builder) {
        return;
    }
    if (builder->message) {
        oa_message_free(&builder->message->base);
    }
    oa_free(builder);
}

void oa_builder_add_metadata(oa_builder *builder, const char *key, const char *value)
{
    Onnx__ModelProto *message = builder->message;
    if (builder->status != OA_OK) {
        return;
    }
    Onnx__StringStringEntryProto *entry = append_message(&message->metadata_props, &message->n_metadata_props,
                                                         &onnx__string_string_entry_proto__descriptor);
    if (!entry || !set_text(&entry->key, key) || !set_text(&entry->value, value)) {
        fail_memory(builder, "metadata", key);
    }
}

void oa_builder_add_tensor(oa_builder *builder, const char *name, oa_dtype dtype, const size_t *dims, size_t rank,
                           const void *data)
{
    Onnx__GraphProto *graph = builder->message->graph;
    size_t count = 0;
    size_t bytes = 0;
    if (builder->status != OA_OK) {
        return;
    }
    if (dtype == OA_DTYPE_STRING || oa_dtype_size(dtype) == 0) {
        builder->status = oa_fail(&builder->error, OA_ERROR_USAGE, "tensor '%s': elements of type %s cannot be added",
                                  name, oa_dtype_name(dtype));
        return;
    }
    if (rank > OA_MAX_RANK || oa_dims_count(&count, dims, rank, NULL) != OA_OK ||
        oa_mul_overflows(&bytes, count, oa_dtype_size(dtype))) {
        builder->status = oa_fail(&builder->error, OA_ERROR_INPUT, "tensor '%s' is too large", name);
        return;
    }
    Onnx__TensorProto *tensor =
        append_message(&graph->initializer, &graph->n_initializer, &onnx__tensor_proto__descriptor);
    if (!tensor || !set_text(&tensor->name, name)) {
        fail_memory(builder, "tensor", name);
        return;
    }
    tensor->has_data_type = 1;
    tensor->data_type = (int32_t)dtype;
    int64_t wide[OA_MAX_RANK] = {0};
    for (size_t i = 0; i < rank; i++) {
        wide[i] = (int64_t)dims[i];
    }
    tensor->has_raw_data = 1;
    if (!set_list(&tensor->dims, &tensor->n_dims, wide, rank, sizeof wide[0]) ||
        !set_list(&tensor->raw_data.data, &tensor->raw_data.len, data, bytes, 1)) {
        fail_memory(builder, "tensor", name);
    }
}

/* The shape that oa_value declares; false when out of memory. */
static bool set_shape(Onnx__TypeProto__Tensor *type, const oa_value *declared)
{
    Onnx__TensorShapeProto *shape = oa_malloc(1, sizeof *shape);
    if (!shape) {
        return false;
    }
    onnx__tensor_shape_proto__init(shape);
    type->shape = shape;
    for (size_t i = 0; i < declared->rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim =
            append_message(&shape->dim, &shape->n_dim, &onnx__tensor_shape_proto__dimension__descriptor);
        if (!dim) {
            return false;
        }
        if (declared->dims[i] >= 0) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = declared->dims[i];
        } else if (declared->symbols[i]) {
            if (!set_text(&dim->dim_param, declared->symbols[i])) {
                return false;
            }
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        }
    }
    return true;
}

/* Fills in an input's or output's declaration; false when out of memory. */
static bool declare(Onnx__ValueInfoProto *value, const char *name, const oa_value *declared)
{
    Onnx__TypeProto *type = value ? oa_malloc(1, sizeof *type) : NULL;
    if (!type) {
        return false;
    }
    onnx__type_proto__init(type);
    value->type = type;
    Onnx__TypeProto__Tensor *tensor = oa_malloc(1, sizeof *tensor);
    if (!tensor) {
        return false;
    }
    onnx__type_proto__tensor__init(tensor);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = (int32_t)declared->dtype;
    return set_text(&value->name, name) && (!declared->has_shape || set_shape(tensor, declared));
}

void oa_builder_add_input(oa_builder *builder, const char *name, const oa_value *declared)
{
    Onnx__GraphProto *graph = builder->message->graph;
    if (builder->status == OA_OK &&
        !declare(append_message(&graph->input, &graph->n_input, &onnx__value_info_proto__descriptor), name, declared)) {
        fail_memory(builder, "input", name);
    }
}

void oa_builder_add_output(oa_builder *builder, const char *name, const oa_value *declared)
{
    Onnx__GraphProto *graph = builder->message->graph;
    if (builder->status == OA_OK &&
        !declare(append_message(&graph->output, &graph->n_output, &onnx__value_info_proto__descriptor), name,
                 declared)) {
        fail_memory(builder, "output", name);
    }
}

/* Adds a list of value names; false when out of memory. */
static bool set_names(char ***list, size_t *count, const char *const *names, size_t length)
{
    *list = oa_calloc(length, sizeof **list);
    for (size_t i = 0; i < length && *list; i++) {
        if (!set_text(&(*list)[i], names[i])) {
            return false;
        }
        *count = i + 1;
    }
    return *list != NULL;
}

static void set_attribute(oa_builder *builder, Onnx__AttributeProto *message, const oa_attribute *attribute)
{
    bool is_set = message && set_text(&message->name, attribute->name);
    if (!is_set) {
        fail_memory(builder, "attribute", attribute->name);
        return;
    }
    message->has_type = 1;
    switch (attribute->kind) {
    case OA_ATTRIBUTE_INT:
        message->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        message->has_i = 1;
        message->i = attribute->i;
        break;
    case OA_ATTRIBUTE_FLOAT:
        message->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        message->has_f = 1;
        message->f = attribute->f;
        break;
    case OA_ATTRIBUTE_STRING:
        message->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        message->has_s = 1;
        is_set = set_list(&message->s.data, &message->s.len, attribute->s.data, attribute->s.size, 1);
        break;
    case OA_ATTRIBUTE_INTS:
        message->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        is_set = set_list(&message->ints, &message->n_ints, attribute->ints, attribute->count, sizeof(int64_t));
        break;
    case OA_ATTRIBUTE_FLOATS:
        message->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        is_set = set_list(&message->floats, &message->n_floats, attribute->floats, attribute->count, sizeof(float));
        break;
    default:
        builder->status = oa_fail(&builder->error, OA_ERROR_USAGE, "attribute '%s' is of a kind that cannot be added",
                                  attribute->name);
        return;
    }
    if (!is_set) {
        fail_memory(builder, "attribute", attribute->name);
    }
}

void oa_builder_add_node(oa_builder *builder, const oa_builder_node *node)
{
    Onnx__GraphProto *graph = builder->message->graph;
    if (builder->status != OA_OK) {
        return;
    }
    Onnx__NodeProto *message = append_message(&graph->node, &graph->n_node, &onnx__node_proto__descriptor);
    if (!message || !set_text(&message->op_type, node->op_type) ||
        (node->name && !set_text(&message->name, node->name)) ||
        !set_names(&message->input, &message->n_input, node->inputs, node->input_count) ||
        !set_names(&message->output, &message->n_output, node->outputs, node->output_count)) {
        fail_memory(builder, "node", node->name ? node->name : node->op_type);
        return;
    }
    for (size_t i = 0; i < node->attribute_count && builder->status == OA_OK; i++) {
        set_attribute(builder,
                      append_message(&message->attribute, &message->n_attribute, &onnx__attribute_proto__descriptor),
                      &node->attributes[i]);
    }
}

/* An output for each tensor. */
static void expose_tensors(oa_builder *builder)
{
    const Onnx__GraphProto *graph = builder->message->graph;
    for (size_t i = 0; i < graph->n_initializer && builder->status == OA_OK; i++) {
        const Onnx__TensorProto *tensor = graph->initializer[i];
        oa_value declared = {.dtype = (oa_dtype)tensor->data_type, .has_shape = true, .rank = tensor->n_dims};
        for (size_t d = 0; d < tensor->n_dims; d++) {
            declared.dims[d] = tensor->dims[d];
        }
        size_t size = strlen(tensor->name) + sizeof ".value";
        char *output = oa_malloc(size, 1);
        if (!output) {
            fail_memory(builder, "output", tensor->name);
            return;
        }
        snprintf(output, size, "%s.value", tensor->name);
        const char *input = tensor->name;
        const char *made = output;
        oa_builder_add_node(
            builder,
            &(oa_builder_node){
                .op_type = "Identity", .inputs = &input, .input_count = 1, .outputs = &made, .output_count = 1});
        oa_builder_add_output(builder, output, &declared);
        oa_free(output);
    }
}

oa_status oa_builder_finish(oa_model **model, oa_builder *builder, oa_error *error)
{
    if (builder->status == OA_OK && !builder->message->graph->n_output) {
        expose_tensors(builder);
    }
    if (builder->status != OA_OK) {
        if (error) {
            *error = builder->error;
        }
        return builder->status;
    }
    Onnx__ModelProto *message = builder->message;
    builder->message = NULL;
    builder->status = oa_fail(&builder->error, OA_ERROR_INTERNAL, "the model is finished already");
    return oa_model_adopt(model, message, "", error);
}
