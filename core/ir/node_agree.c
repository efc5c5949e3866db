/* Whether two nodes mean the same: attributes may be left out at their default, and newer operator sets have turned
 * some attributes into inputs. */
#include "core/ir/pair.h"

#include <string.h>

static bool is_any(const oa_node *node, const char *const *operators)
{
    for (size_t i = 0; operators[i]; i++) {
        if (strcmp(node->op_type, operators[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *oa_slot_attribute(const oa_node *node, size_t slot)
{
    static const char *const with_axes[] = {
        "Squeeze",         "Unsqueeze",       "ReduceL1",   "ReduceL2",  "ReduceLogSum",
        "ReduceLogSumExp", "ReduceMax",       "ReduceMean", "ReduceMin", "ReduceProd",
        "ReduceSum",       "ReduceSumSquare", NULL};
    static const struct {
        const char *op_type;
        size_t slot;
        const char *attribute;
    } table[] = {
        {"Clip", 1, "min"},        {"Clip", 2, "max"},   {"Dropout", 1, "ratio"}, {"Dropout", 2, "training_mode"},
        {"Pad", 1, "pads"},        {"Pad", 2, "value"},  {"Reshape", 1, "shape"}, {"Slice", 1, "starts"},
        {"Slice", 2, "ends"},      {"Slice", 3, "axes"}, {"Split", 1, "split"},   {"TopK", 1, "k"},
        {"Upsample", 1, "scales"},
    };
    if (node->domain[0] != '\0') {
        return NULL;
    }
    if (slot == 1 && is_any(node, with_axes)) {
        return "axes";
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].slot == slot && strcmp(table[i].op_type, node->op_type) == 0) {
            return table[i].attribute;
        }
    }
    return NULL;
}

/* Attributes that do not change what a node computes at inference. */
static bool is_ignored(const oa_node *node, const char *name)
{
    static const char *const always[] = {"consumed_inputs", "doc_string", NULL};
    for (size_t i = 0; always[i]; i++) {
        if (strcmp(always[i], name) == 0) {
            return true;
        }
    }
    bool is_dropout = oa_node_is(node, "Dropout");
    if (strcmp(name, "seed") == 0 || strcmp(name, "ratio") == 0 || strcmp(name, "is_test") == 0) {
        return is_dropout || (strcmp(name, "is_test") == 0);
    }
    if (strcmp(name, "momentum") == 0) {
        return oa_node_is(node, "BatchNormalization");
    }
    /* The kernel's shape is the weight's, and weights are compared by shape. */
    return strcmp(name, "kernel_shape") == 0 && oa_node_is(node, "Conv");
}

static bool all_ints(const oa_attribute *attribute, int64_t expected)
{
    for (size_t i = 0; i < attribute->count; i++) {
        if (attribute->ints[i] != expected) {
            return false;
        }
    }
    return true;
}

static bool is_default_float(const oa_node *node, const char *name, float value)
{
    static const struct {
        const char *op_type; /* NULL: any */
        const char *name;
        float value;
    } table[] = {
        {"LeakyRelu", "alpha", 0.01f},
        {"HardSigmoid", "alpha", 0.2f},
        {"HardSigmoid", "beta", 0.5f},
        {"Selu", "alpha", 1.67326319217681884765625f},
        {"Selu", "gamma", 1.05070102214813232421875f},
        {NULL, "alpha", 1.0f},
        {NULL, "beta", 1.0f},
        {NULL, "epsilon", 1e-5f},
        {NULL, "value", 0.0f},
        {NULL, "lambd", 0.5f},
        {NULL, "bias", 0.0f},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool is_op = !table[i].op_type || strcmp(table[i].op_type, node->op_type) == 0;
        if (is_op && strcmp(table[i].name, name) == 0) {
            return value == table[i].value;
        }
    }
    return false;
}

static bool is_softmax(const oa_node *node)
{
    static const char *const names[] = {"Softmax", "LogSoftmax", "Hardmax", NULL};
    return node->domain[0] == '\0' && is_any(node, names);
}

static bool is_default_int(const oa_node *node, const char *name, int64_t value)
{
    static const struct {
        const char *name;
        int64_t value;
    } table[] = {
        {"allowzero", 0},
        {"ceil_mode", 0},
        {"count_include_pad", 0},
        {"group", 1},
        {"keepdims", 1},
        {"noop_with_empty_axes", 0},
        {"p", 2},
        {"spatial", 1},
        {"storage_order", 0},
        {"training_mode", 0},
        {"transA", 0},
        {"transB", 0},
        {"select_last_index", 0},
        {"fmod", 0},
        {"start", 0},
        {"exclusive", 0},
        {"reverse", 0},
    };
    if (strcmp(name, "axis") == 0) {
        static const char *const axis_one[] = {"Flatten", "Concat", NULL};
        int64_t usual = is_any(node, axis_one) ? 1 : 0;
        return value == usual;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return value == table[i].value;
        }
    }
    return false;
}

/* Is an attribute that the other node leaves out at its default? */
static bool is_default(const oa_node *node, const oa_attribute *attribute)
{
    switch (attribute->kind) {
    case OA_ATTRIBUTE_INT:
        return is_default_int(node, attribute->name, attribute->i);
    case OA_ATTRIBUTE_FLOAT:
        return is_default_float(node, attribute->name, attribute->f);
    case OA_ATTRIBUTE_STRING:
        return (strcmp(attribute->name, "auto_pad") == 0 && oa_node_string_is(node, "auto_pad", "NOTSET")) ||
               (strcmp(attribute->name, "mode") == 0 && oa_node_string_is(node, "mode", "constant")) ||
               (strcmp(attribute->name, "approximate") == 0 && oa_node_string_is(node, "approximate", "none"));
    case OA_ATTRIBUTE_INTS:
        if (strcmp(attribute->name, "strides") == 0 || strcmp(attribute->name, "dilations") == 0) {
            return all_ints(attribute, 1);
        }
        if (strcmp(attribute->name, "perm") == 0) {
            for (size_t i = 0; i < attribute->count; i++) {
                if (attribute->ints[i] != (int64_t)(attribute->count - 1 - i)) {
                    return false;
                }
            }
            return true;
        }
        return strcmp(attribute->name, "pads") == 0 && all_ints(attribute, 0);
    default:
        return false;
    }
}

static bool same_bytes(const void *a, const void *b, size_t count, size_t size)
{
    return count == 0 || memcmp(a, b, count * size) == 0;
}

static bool same_tensor(const oa_tensor *a, const oa_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && same_bytes(a->dims, b->dims, a->rank, sizeof *a->dims) &&
           a->data && b->data && a->dtype != OA_DTYPE_STRING &&
           same_bytes(a->data, b->data, a->count, oa_dtype_size(a->dtype));
}

static bool same_attribute(const oa_node *node, const oa_attribute *a, const oa_attribute *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case OA_ATTRIBUTE_INT:
        if (oa_node_is(node, "Cast") && oa_dtype_is_float((oa_dtype)a->i) && oa_dtype_is_float((oa_dtype)b->i)) {
            return true;
        }
        return a->i == b->i;
    case OA_ATTRIBUTE_FLOAT:
        return a->f == b->f;
    case OA_ATTRIBUTE_STRING:
        return a->s.size == b->s.size && same_bytes(a->s.data, b->s.data, a->s.size, 1);
    case OA_ATTRIBUTE_INTS:
        return a->count == b->count && same_bytes(a->ints, b->ints, a->count, sizeof *a->ints);
    case OA_ATTRIBUTE_FLOATS:
        return a->count == b->count && same_bytes(a->floats, b->floats, a->count, sizeof *a->floats);
    case OA_ATTRIBUTE_STRINGS:
        for (size_t i = 0; i < a->count && a->count == b->count; i++) {
            if (a->strings[i].size != b->strings[i].size ||
                !same_bytes(a->strings[i].data, b->strings[i].data, a->strings[i].size, 1)) {
                return false;
            }
        }
        return a->count == b->count;
    case OA_ATTRIBUTE_TENSOR:
        return same_tensor(a->tensor, b->tensor);
    default:
        return a->hash == b->hash;
    }
}

/* Does a constant in an input slot say the same as the attribute of the other side? */
static bool constant_says(const oa_tensor *tensor, const oa_attribute *attribute)
{
    if (!tensor || !tensor->data) {
        return false;
    }
    if (attribute->kind == OA_ATTRIBUTE_FLOAT) {
        float value;
        if (tensor->count != 1 || !oa_dtype_is_float(tensor->dtype)) {
            return false;
        }
        oa_floats_to_f32(&value, tensor->data, tensor->dtype, 1);
        return value == attribute->f;
    }
    bool is_list = attribute->kind == OA_ATTRIBUTE_INTS;
    size_t count = is_list ? attribute->count : 1;
    if ((!is_list && attribute->kind != OA_ATTRIBUTE_INT) || tensor->count != count ||
        (tensor->dtype != OA_DTYPE_INT64 && tensor->dtype != OA_DTYPE_INT32)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t value =
            tensor->dtype == OA_DTYPE_INT64 ? ((const int64_t *)tensor->data)[i] : ((const int32_t *)tensor->data)[i];
        if (value != (is_list ? attribute->ints[i] : attribute->i)) {
            return false;
        }
    }
    return true;
}

/* Softmax without an axis meant 1 before operator set 13, flattening what follows, and means the last axis since. For
 * the usual [batch, classes] these are the same. */
static bool same_softmax_axis(const oa_node *a, const oa_node *b)
{
    int64_t axis_a = oa_node_int(a, "axis", a->version && a->version < 13 ? 1 : -1);
    int64_t axis_b = oa_node_int(b, "axis", b->version && b->version < 13 ? 1 : -1);
    bool is_old_new = (a->version < 13) != (b->version < 13);
    return axis_a == axis_b || (is_old_new && (axis_a == 1 || axis_a == -1) && (axis_b == 1 || axis_b == -1));
}

static bool covers(const char **name, const oa_node *a, const oa_graph *graph_b, const oa_node *b)
{
    for (size_t i = 0; i < a->attribute_count; i++) {
        const oa_attribute *attribute = &a->attributes[i];
        const oa_attribute *other = oa_node_attribute(b, attribute->name);
        *name = attribute->name;
        if (is_ignored(a, attribute->name) || (is_softmax(a) && strcmp(attribute->name, "axis") == 0)) {
            continue;
        }
        if (other) {
            if (!same_attribute(a, attribute, other)) {
                return false;
            }
            continue;
        }
        size_t slot = 0;
        while (slot < b->input_count &&
               !(oa_slot_attribute(b, slot) && strcmp(oa_slot_attribute(b, slot), *name) == 0)) {
            slot++;
        }
        bool is_input = slot < b->input_count && b->inputs[slot] != OA_NONE;
        if (is_input ? !constant_says(oa_node_constant(graph_b, b, slot), attribute) : !is_default(a, attribute)) {
            return false;
        }
    }
    return true;
}

bool oa_nodes_agree(const char **name, const oa_graph *graph_a, const oa_node *a, const oa_graph *graph_b,
                    const oa_node *b)
{
    if (is_softmax(a) && !same_softmax_axis(a, b)) {
        *name = "axis";
        return false;
    }
    return covers(name, a, graph_b, b) && covers(name, b, graph_a, a);
}
