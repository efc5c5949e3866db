/* From AttributeProto to the IR, and the Constant nodes, whose attribute is a constant of the graph. */
#include "onnx_io/advice.h"
#include "onnx_io/message.h"
#include "onnx_io/model_private.h"

#include <string.h>

/* The type, told by the field in use for files older than the field `type`. */
static int type_of(const Onnx__AttributeProto *message)
{
    if (message->has_type && message->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED) {
        return (int)message->type;
    }
    if (message->has_f) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    }
    if (message->has_i) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    }
    if (message->has_s) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    }
    if (message->t) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    }
    if (message->n_floats) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
    }
    if (message->n_ints) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    }
    if (message->n_strings) {
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
    }
    return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

static oa_status read_strings(const oa_string_view **strings, oa_arena *arena, const ProtobufCBinaryData *items,
                              size_t count, oa_error *error)
{
    oa_string_view *views = oa_arena_alloc(arena, count, sizeof *views);
    if (!views) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu strings", count);
    }
    for (size_t i = 0; i < count; i++) {
        views[i] = oa_string_view_of(items[i]);
    }
    *strings = views;
    return OA_OK;
}

static oa_status read_tensor(const oa_tensor **result, oa_model *model, const Onnx__TensorProto *message,
                             oa_error *error)
{
    const oa_tensor_reader reader = {.arena = &model->graph->arena, .files = &model->files};
    if (!message) {
        return oa_fail(error, OA_ERROR_INPUT, "is a tensor without one" OA_ADVICE_EXPORT);
    }
    oa_tensor *tensor = oa_arena_alloc(&model->graph->arena, 1, sizeof *tensor);
    if (!tensor) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a tensor");
    }
    oa_status status = oa_tensor_read(tensor, NULL, &reader, message, error);
    if (status != OA_OK) {
        oa_error_context(error, "its tensor");
        return status;
    }
    tensor->name = message->name ? message->name : "";
    tensor->value = OA_NONE;
    *result = tensor;
    return OA_OK;
}

static oa_status read_value(oa_attribute *attribute, oa_model *model, const Onnx__AttributeProto *message, int type,
                            oa_error *error)
{
    switch (type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        attribute->kind = OA_ATTRIBUTE_INT;
        attribute->i = message->i;
        return OA_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        attribute->kind = OA_ATTRIBUTE_FLOAT;
        attribute->f = message->f;
        return OA_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        attribute->kind = OA_ATTRIBUTE_STRING;
        attribute->s = oa_string_view_of(message->s);
        return OA_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        attribute->kind = OA_ATTRIBUTE_INTS;
        attribute->count = message->n_ints;
        attribute->ints = message->ints;
        return OA_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        attribute->kind = OA_ATTRIBUTE_FLOATS;
        attribute->count = message->n_floats;
        attribute->floats = message->floats;
        return OA_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
        attribute->kind = OA_ATTRIBUTE_STRINGS;
        attribute->count = message->n_strings;
        return read_strings(&attribute->strings, &model->graph->arena, message->strings, message->n_strings, error);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        attribute->kind = OA_ATTRIBUTE_TENSOR;
        return read_tensor(&attribute->tensor, model, message->t, error);
    default: /* newer types too */
        attribute->kind = OA_ATTRIBUTE_OTHER;
        attribute->hash = oa_message_hash(&message->base);
        return OA_OK;
    }
}

oa_status oa_model_read_attribute(oa_attribute *attribute, oa_model *model, const Onnx__AttributeProto *message,
                                  oa_error *error)
{
    *attribute = (oa_attribute){.name = message->name ? message->name : ""};
    /* A reference stands for an attribute of the function around the node: there is no value here. */
    bool is_reference = message->ref_attr_name && *message->ref_attr_name;
    int type = is_reference ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED : type_of(message);
    oa_status status = read_value(attribute, model, message, type, error);
    if (status != OA_OK) {
        oa_error_context(error, "attribute '%s'", attribute->name);
    }
    return status;
}

/* The forms of a Constant's value that are no TensorProto: a number, a string, or a list of them. */
static oa_status read_short_constant(oa_tensor *tensor, oa_arena *arena, const Onnx__AttributeProto *message,
                                     oa_error *error)
{
    const char *kind = message->name + strlen("value_");
    oa_status status = OA_OK;
    const oa_string_view *strings = NULL;
    tensor->count = 1;
    if (strcmp(kind, "float") == 0) {
        tensor->dtype = OA_DTYPE_FLOAT;
        tensor->data = &message->f;
    } else if (strcmp(kind, "int") == 0) {
        tensor->dtype = OA_DTYPE_INT64;
        tensor->data = &message->i;
    } else if (strcmp(kind, "string") == 0) {
        tensor->dtype = OA_DTYPE_STRING;
        status = read_strings(&strings, arena, &message->s, 1, error);
        tensor->data = strings;
    } else {
        tensor->rank = 1;
        if (strcmp(kind, "floats") == 0) {
            tensor->dtype = OA_DTYPE_FLOAT;
            tensor->count = message->n_floats;
            tensor->data = message->floats;
        } else if (strcmp(kind, "ints") == 0) {
            tensor->dtype = OA_DTYPE_INT64;
            tensor->count = message->n_ints;
            tensor->data = message->ints;
        } else {
            tensor->dtype = OA_DTYPE_STRING;
            tensor->count = message->n_strings;
            status = read_strings(&strings, arena, message->strings, message->n_strings, error);
            tensor->data = strings;
        }
        tensor->dims[0] = tensor->count;
    }
    if (tensor->count == 0) {
        tensor->data = oa_no_elements();
    }
    return status;
}

static bool is_short_constant(const char *name)
{
    static const char *const names[] = {"value_float", "value_floats", "value_int",
                                        "value_ints",  "value_string", "value_strings"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

oa_status oa_model_read_constant(bool *is_constant, oa_model *model, const Onnx__NodeProto *node, const char *name,
                                 oa_error *error)
{
    bool is_standard = !node->domain || !*node->domain || strcmp(node->domain, "ai.onnx") == 0;
    *is_constant = false;
    if (!is_standard || strcmp(node->op_type, "Constant") != 0 || node->n_output != 1 || !*node->output[0] ||
        node->n_attribute != 1) {
        return OA_OK;
    }
    Onnx__AttributeProto *attribute = node->attribute[0];
    bool is_reference = attribute->ref_attr_name && *attribute->ref_attr_name;
    const char *form = attribute->name ? attribute->name : "";
    oa_tensor tensor = {0};
    oa_tensor_source source = {.attribute = attribute};
    oa_status status;
    if (strcmp(form, "value") == 0 && attribute->t && !is_reference) {
        const oa_tensor_reader reader = {.arena = &model->graph->arena, .files = &model->files};
        source.tensor = attribute->t;
        status = oa_tensor_read(&tensor, &source.form, &reader, attribute->t, error);
    } else if (is_short_constant(form) && !is_reference) {
        status = read_short_constant(&tensor, &model->graph->arena, attribute, error);
        source.form = tensor.count ? OA_FORM_ATTRIBUTE : OA_FORM_NONE;
    } else {
        return OA_OK;
    }
    if (status == OA_OK) {
        tensor.name = name ? name : node->output[0];
        status = oa_model_add_tensor(model, &tensor, &source, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "tensor '%s'", node->output[0]);
        return status;
    }
    *is_constant = true;
    return OA_OK;
}
