/* Whether two nodes mean the same: attributes may be left out at their default, and newer operator sets have turned
 * some attributes into inputs. */
#include "core/ir/node_agree.h"

#include "core/ir/structure.h"

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

bool oa_node_is_softmax(const oa_node *node)
{
    static const char *const names[] = {"Softmax", "LogSoftmax", "Hardmax", NULL};
    return node->domain[0] == '\0' && is_any(node, names);
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
        {"Clip", 1, "min"},   {"Clip", 2, "max"},        {"Dropout", 1, "ratio"}, {"Dropout", 2, "training_mode"},
        {"Pad", 1, "pads"},   {"Pad", 2, "value"},       {"Reshape", 1, "shape"}, {"Slice", 1, "starts"},
        {"Slice", 2, "ends"}, {"Slice", 3, "axes"},      {"Slice", 4, "steps"},   {"Split", 1, "split"},
        {"TopK", 1, "k"},     {"Upsample", 1, "scales"},
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

bool oa_numbers_of_attribute(oa_numbers *numbers, const oa_attribute *attribute)
{
    bool is_list = attribute->kind == OA_ATTRIBUTE_INTS || attribute->kind == OA_ATTRIBUTE_FLOATS;
    *numbers =
        (oa_numbers){.attribute = attribute,
                     .count = is_list ? attribute->count : 1,
                     .are_floats = attribute->kind == OA_ATTRIBUTE_FLOAT || attribute->kind == OA_ATTRIBUTE_FLOATS};
    return is_list || attribute->kind == OA_ATTRIBUTE_INT || attribute->kind == OA_ATTRIBUTE_FLOAT;
}

bool oa_numbers_of_tensor(oa_numbers *numbers, const oa_tensor *tensor)
{
    if (!tensor || !tensor->data) {
        return false;
    }
    *numbers = (oa_numbers){.tensor = tensor, .count = tensor->count, .are_floats = oa_dtype_is_float(tensor->dtype)};
    return numbers->are_floats || (tensor->dtype != OA_DTYPE_STRING && tensor->dtype != OA_DTYPE_COMPLEX64 &&
                                   tensor->dtype != OA_DTYPE_COMPLEX128 && oa_dtype_size(tensor->dtype) > 0);
}

double oa_numbers_real(const oa_numbers *numbers, size_t i)
{
    const oa_tensor *tensor = numbers->tensor;
    if (!tensor) {
        const oa_attribute *attribute = numbers->attribute;
        return (double)(attribute->kind == OA_ATTRIBUTE_FLOAT ? attribute->f : attribute->floats[i]);
    }
    double value;
    oa_floats_to_f64(&value, (const char *)tensor->data + i * oa_dtype_size(tensor->dtype), tensor->dtype, 1);
    return value;
}

int64_t oa_numbers_int(const oa_numbers *numbers, size_t i)
{
    if (!numbers->tensor) {
        const oa_attribute *attribute = numbers->attribute;
        return attribute->kind == OA_ATTRIBUTE_INT ? attribute->i : attribute->ints[i];
    }
    const void *data = numbers->tensor->data;
    switch (numbers->tensor->dtype) {
    case OA_DTYPE_INT8:
        return ((const int8_t *)data)[i];
    case OA_DTYPE_INT16:
        return ((const int16_t *)data)[i];
    case OA_DTYPE_UINT16:
        return ((const uint16_t *)data)[i];
    case OA_DTYPE_INT32:
        return ((const int32_t *)data)[i];
    case OA_DTYPE_UINT32:
        return ((const uint32_t *)data)[i];
    case OA_DTYPE_INT64:
        return ((const int64_t *)data)[i];
    case OA_DTYPE_UINT64:
        return (int64_t)((const uint64_t *)data)[i];
    default: /* uint8 and bool */
        return ((const uint8_t *)data)[i];
    }
}

bool oa_numbers_equal(const oa_numbers *a, const oa_numbers *b)
{
    if (a->count != b->count || a->are_floats != b->are_floats) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        bool is_same = a->are_floats ? oa_numbers_real(a, i) == oa_numbers_real(b, i)
                                     : oa_numbers_int(a, i) == oa_numbers_int(b, i);
        if (!is_same) {
            return false;
        }
    }
    return true;
}

static bool same_text(oa_string_view a, oa_string_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool same_tensor(const oa_tensor *a, const oa_tensor *b)
{
    bool same_shape = a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
    if (!same_shape || a->dtype != b->dtype || !a->data || !b->data) {
        return false;
    }
    if (a->dtype == OA_DTYPE_STRING) {
        const oa_string_view *texts_a = a->data;
        const oa_string_view *texts_b = b->data;
        for (size_t i = 0; i < a->count; i++) {
            if (!same_text(texts_a[i], texts_b[i])) {
                return false;
            }
        }
        return true;
    }
    return a->count == 0 || memcmp(a->data, b->data, a->count * oa_dtype_size(a->dtype)) == 0;
}

/* A mixed-precision copy of a model casts to another float type at the same places. */
static bool is_cast_to_float(const oa_node *node, const oa_attribute *attribute)
{
    return oa_node_is(node, "Cast") && strcmp(attribute->name, "to") == 0 && attribute->kind == OA_ATTRIBUTE_INT &&
           attribute->i > 0 && attribute->i <= OA_DTYPE_BFLOAT16 && oa_dtype_is_float((oa_dtype)attribute->i);
}

static bool same_attribute(const oa_node *node, const oa_attribute *a, const oa_attribute *b)
{
    oa_numbers numbers_a;
    oa_numbers numbers_b;
    if (a->kind != b->kind) {
        return false;
    }
    if (oa_numbers_of_attribute(&numbers_a, a) && oa_numbers_of_attribute(&numbers_b, b)) {
        return (is_cast_to_float(node, a) && is_cast_to_float(node, b)) || oa_numbers_equal(&numbers_a, &numbers_b);
    }
    switch (a->kind) {
    case OA_ATTRIBUTE_STRING:
        return same_text(a->s, b->s);
    case OA_ATTRIBUTE_STRINGS:
        for (size_t i = 0; i < a->count && a->count == b->count; i++) {
            if (!same_text(a->strings[i], b->strings[i])) {
                return false;
            }
        }
        return a->count == b->count;
    case OA_ATTRIBUTE_TENSOR:
        return same_tensor(a->tensor, b->tensor);
    case OA_ATTRIBUTE_BODY:
        return true; /* the walk over the graphs goes through bodies too */
    default:
        return a->hash == b->hash;
    }
}

static bool is_default(const oa_node *node, const oa_attribute *attribute)
{
    oa_numbers numbers;
    if (oa_numbers_of_attribute(&numbers, attribute)) {
        return oa_numbers_are_default(node, attribute->name, &numbers);
    }
    return attribute->kind == OA_ATTRIBUTE_STRING && oa_text_is_default(node, attribute->name, attribute->s);
}

/* The slot that stands for an attribute and is filled, or OA_NONE. */
static size_t slot_of(const oa_node *node, const char *name)
{
    for (size_t slot = 0; slot < node->input_count; slot++) {
        const char *attribute = node->inputs[slot] == OA_NONE ? NULL : oa_slot_attribute(node, slot);
        if (attribute && strcmp(attribute, name) == 0) {
            return slot;
        }
    }
    return OA_NONE;
}

/* Is an attribute of `node` met by what the other node has under that name? */
static bool attribute_is_met(const oa_node *node, const oa_attribute *attribute, const oa_graph *other_graph,
                             const oa_node *other)
{
    const oa_attribute *same = oa_node_attribute(other, attribute->name);
    size_t slot = slot_of(other, attribute->name);
    if (same) {
        return same_attribute(node, attribute, same);
    }
    if (slot == OA_NONE) {
        return is_default(node, attribute);
    }
    oa_numbers mine;
    oa_numbers theirs;
    return oa_numbers_of_attribute(&mine, attribute) &&
           oa_numbers_of_tensor(&theirs, oa_node_constant(other_graph, other, slot)) &&
           oa_numbers_equal(&mine, &theirs);
}

/* Is what fills a slot of `node` that stands for an attribute met by the other node? What is computed on both sides is
 * compared by the walk over the graphs. */
static bool slot_is_met(const oa_graph *graph, const oa_node *node, size_t slot, const oa_graph *other_graph,
                        const oa_node *other)
{
    const char *name = oa_slot_attribute(node, slot);
    oa_numbers mine;
    oa_numbers theirs;
    bool is_constant = oa_numbers_of_tensor(&mine, oa_node_constant(graph, node, slot));
    if (oa_node_input(other, slot) != OA_NONE) {
        return !is_constant || !oa_numbers_of_tensor(&theirs, oa_node_constant(other_graph, other, slot)) ||
               oa_numbers_equal(&mine, &theirs);
    }
    if (oa_node_attribute(other, name)) {
        return true; /* seen from the other side */
    }
    return is_constant && oa_numbers_are_default(node, name, &mine);
}

static bool covers(const char **name, const oa_graph *graph_a, const oa_node *a, const oa_graph *graph_b,
                   const oa_node *b)
{
    for (size_t i = 0; i < a->attribute_count; i++) {
        *name = a->attributes[i].name;
        bool is_axis = oa_node_is_softmax(a) && strcmp(*name, "axis") == 0;
        if (!is_axis && !oa_attribute_is_ignored(a, *name) && !attribute_is_met(a, &a->attributes[i], graph_b, b)) {
            return false;
        }
    }
    for (size_t slot = 0; slot < a->input_count; slot++) {
        const char *attribute = a->inputs[slot] == OA_NONE ? NULL : oa_slot_attribute(a, slot);
        if (attribute && !oa_attribute_is_ignored(a, attribute) && !slot_is_met(graph_a, a, slot, graph_b, b)) {
            *name = attribute;
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

bool oa_nodes_agree(const char **name, const oa_graph *graph_a, const oa_node *a, const oa_graph *graph_b,
                    const oa_node *b)
{
    if (oa_node_is_softmax(a) && !same_softmax_axis(a, b)) {
        *name = "axis";
        return false;
    }
    return covers(name, graph_a, a, graph_b, b) && covers(name, graph_b, b, graph_a, a);
}

static uint64_t hash_numbers(uint64_t hash, const oa_numbers *numbers)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (numbers->are_floats) {
            double value = oa_numbers_real(numbers, i) + 0.0; /* which makes -0 a 0 */
            hash = oa_hash_bytes(hash, &value, sizeof value);
        } else {
            int64_t value = oa_numbers_int(numbers, i);
            hash = oa_hash_bytes(hash, &value, sizeof value);
        }
    }
    return hash;
}

static uint64_t hash_text(uint64_t hash, oa_string_view text)
{
    return oa_hash_bytes(oa_hash_bytes(hash, &text.size, sizeof text.size), text.data, text.size);
}

static uint64_t hash_attribute(const oa_attribute *attribute)
{
    uint64_t hash = oa_hash_text(OA_HASH_START, attribute->name);
    oa_numbers numbers;
    if (oa_numbers_of_attribute(&numbers, attribute)) {
        return hash_numbers(hash, &numbers);
    }
    if (attribute->kind == OA_ATTRIBUTE_STRING) {
        return hash_text(hash, attribute->s);
    }
    for (size_t i = 0; attribute->kind == OA_ATTRIBUTE_STRINGS && i < attribute->count; i++) {
        hash = hash_text(hash, attribute->strings[i]);
    }
    /* What a body puts out counts among what its node reads. */
    return attribute->kind == OA_ATTRIBUTE_BODY ? hash : oa_hash_bytes(hash, &attribute->hash, sizeof attribute->hash);
}

uint64_t oa_node_meaning(const oa_graph *graph, const oa_node *node)
{
    uint64_t sum = 0; /* the order of attributes does not matter */
    for (size_t i = 0; i < node->attribute_count; i++) {
        const oa_attribute *attribute = &node->attributes[i];
        bool is_axis = oa_node_is_softmax(node) && strcmp(attribute->name, "axis") == 0;
        if (!is_axis && !oa_attribute_is_ignored(node, attribute->name) && !is_default(node, attribute) &&
            !is_cast_to_float(node, attribute)) {
            sum += hash_attribute(attribute);
        }
    }
    for (size_t slot = 0; slot < node->input_count; slot++) {
        const char *name = oa_slot_attribute(node, slot);
        oa_numbers numbers;
        if (name && !oa_attribute_is_ignored(node, name) &&
            oa_numbers_of_tensor(&numbers, oa_node_constant(graph, node, slot)) &&
            !oa_numbers_are_default(node, name, &numbers)) {
            sum += hash_numbers(oa_hash_text(OA_HASH_START, name), &numbers);
        }
    }
    return sum;
}
