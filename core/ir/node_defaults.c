/* The defaults of ONNX's operators, from their specification (github.com/onnx/onnx, docs/Operators.md and
 * Changelog.md): which attributes may be left out, and which do not matter at inference. */
#include "core/ir/node_agree.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct default_int {
    const char *op_type; /* NULL: any; those of single operators come first */
    const char *name;
    int64_t value;
} default_int;

typedef struct default_float {
    const char *op_type;
    const char *name;
    double value;
} default_float;

typedef struct default_text {
    const char *op_type;
    const char *name;
    const char *text;
} default_text;

/* For attributes whose absence means something that no value does. */
static const int64_t NO_DEFAULT = INT64_MIN;

static const default_int INTS[] = {
    {"Concat", "axis", 1},
    {"Flatten", "axis", 1},
    {"DequantizeLinear", "axis", 1},
    {"QuantizeLinear", "axis", 1},
    {"LayerNormalization", "axis", -1},
    {"LpNormalization", "axis", -1},
    {"OneHot", "axis", -1},
    {"TopK", "axis", -1},
    {"Compress", "axis", NO_DEFAULT},
    {"Unique", "axis", NO_DEFAULT},
    {"ReverseSequence", "batch_axis", 1},
    {NULL, "axis", 0},
    {NULL, "align_corners", 0},
    {NULL, "allowzero", 0},
    {NULL, "antialias", 0},
    {NULL, "batch_dims", 0},
    {NULL, "ceil_mode", 0},
    {NULL, "count_include_pad", 0},
    {NULL, "detect_negative", 1},
    {NULL, "detect_positive", 1},
    {NULL, "exclude_outside", 0},
    {NULL, "exclusive", 0},
    {NULL, "fmod", 0},
    {NULL, "group", 1},
    {NULL, "input_forget", 0},
    {NULL, "keepdims", 1},
    {NULL, "largest", 1},
    {NULL, "layout", 0},
    {NULL, "linear_before_reset", 0},
    {NULL, "noop_with_empty_axes", 0},
    {NULL, "p", 2},
    {NULL, "reverse", 0},
    {NULL, "saturate", 1},
    {NULL, "select_last_index", 0},
    {NULL, "sorted", 1},
    {NULL, "spatial", 1},
    {NULL, "start", 0},
    {NULL, "stash_type", 1},
    {NULL, "storage_order", 0},
    {NULL, "time_axis", 0},
    {NULL, "training_mode", 0},
    {NULL, "transA", 0},
    {NULL, "transB", 0},
    {NULL, "upper", 1},
};

static const default_float FLOATS[] = {
    {"HardSigmoid", "alpha", (double)0.2f},
    {"HardSigmoid", "beta", 0.5},
    {"LeakyRelu", "alpha", (double)0.01f},
    {"LRN", "alpha", (double)1e-4f},
    {"LRN", "beta", 0.75},
    {"LRN", "bias", 1.0},
    {"Selu", "alpha", (double)1.67326319217681884765625f},
    {"Selu", "gamma", (double)1.05070102214813232421875f},
    {NULL, "alpha", 1.0},
    {NULL, "beta", 1.0},
    {NULL, "bias", 0.0},
    {NULL, "cubic_coeff_a", -0.75},
    {NULL, "epsilon", (double)1e-5f},
    {NULL, "extrapolation_value", 0.0},
    {NULL, "lambd", 0.5},
    {"Pad", "value", 0.0},
};

static const default_text TEXTS[] = {
    {"DepthToSpace", "mode", "DCR"},
    {"Pad", "mode", "constant"},
    {"Resize", "mode", "nearest"},
    {"Upsample", "mode", "nearest"},
    {NULL, "approximate", "none"},
    {NULL, "auto_pad", "NOTSET"},
    {NULL, "coordinate_transformation_mode", "half_pixel"},
    {NULL, "direction", "forward"},
    {NULL, "nearest_mode", "round_prefer_floor"},
    {NULL, "padding_mode", "zeros"},
};

static bool is_for(const char *op_type, const char *name, const oa_node *node, const char *wanted)
{
    return strcmp(name, wanted) == 0 && (!op_type || strcmp(op_type, node->op_type) == 0);
}

bool oa_attribute_is_ignored(const oa_node *node, const char *name)
{
    if (strcmp(name, "doc_string") == 0) {
        return true;
    }
    if (node->domain[0] != '\0') {
        return false;
    }
    if (strcmp(name, "consumed_inputs") == 0 || strcmp(name, "is_test") == 0) {
        return true; /* of the first operator sets */
    }
    if (strcmp(name, "seed") == 0 || strcmp(name, "ratio") == 0) {
        return oa_node_is(node, "Dropout");
    }
    if (strcmp(name, "momentum") == 0) {
        return oa_node_is(node, "BatchNormalization");
    }
    /* The kernel's shape is the weight's, and weights are compared by shape. */
    return strcmp(name, "kernel_shape") == 0 && (oa_node_is(node, "Conv") || oa_node_is(node, "ConvTranspose"));
}

static bool all_are(const oa_numbers *numbers, int64_t expected)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (oa_numbers_int(numbers, i) != expected) {
            return false;
        }
    }
    return true;
}

/* first, first + step, ... */
static bool counts(const oa_numbers *numbers, int64_t first, int64_t step)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (oa_numbers_int(numbers, i) != first + (int64_t)i * step) {
            return false;
        }
    }
    return true;
}

/* Lists whose default depends on nothing else. `*is_known` tells whether the name is one of them. */
static bool is_default_list(bool *is_known, const oa_node *node, const char *name, const oa_numbers *numbers)
{
    *is_known = true;
    if (strcmp(name, "strides") == 0 || strcmp(name, "dilations") == 0 || strcmp(name, "steps") == 0) {
        return all_are(numbers, 1);
    }
    if (strcmp(name, "output_padding") == 0 || (strcmp(name, "pads") == 0 && strcmp(node->op_type, "Pad") != 0)) {
        return all_are(numbers, 0);
    }
    if (strcmp(name, "perm") == 0) {
        return counts(numbers, (int64_t)numbers->count - 1, -1);
    }
    if (strcmp(name, "axes") == 0 && strcmp(node->op_type, "Slice") == 0) {
        return counts(numbers, 0, 1); /* as many as starts */
    }
    if (strcmp(name, "axes") == 0 && strncmp(node->op_type, "Reduce", strlen("Reduce")) == 0) {
        return numbers->count == 0;
    }
    if (strcmp(name, "split") == 0) {
        return numbers->count > 0 && all_are(numbers, oa_numbers_int(numbers, 0));
    }
    *is_known = false;
    return false;
}

static bool is_default_int(const oa_node *node, const char *name, int64_t value)
{
    if (strcmp(name, "num_outputs") == 0) {
        return value == (int64_t)node->output_count;
    }
    for (size_t i = 0; i < sizeof INTS / sizeof INTS[0]; i++) {
        if (is_for(INTS[i].op_type, INTS[i].name, node, name)) {
            return value == INTS[i].value && value != NO_DEFAULT;
        }
    }
    return false;
}

static bool is_default_float(const oa_node *node, const char *name, double value)
{
    /* Without a bound, or with the largest number as one: nothing is cut off. */
    if (strcmp(node->op_type, "Clip") == 0) {
        return strcmp(name, "min") == 0 ? value <= -(double)FLT_MAX
                                        : strcmp(name, "max") == 0 && value >= (double)FLT_MAX;
    }
    for (size_t i = 0; i < sizeof FLOATS / sizeof FLOATS[0]; i++) {
        if (is_for(FLOATS[i].op_type, FLOATS[i].name, node, name)) {
            return value == FLOATS[i].value;
        }
    }
    return false;
}

bool oa_numbers_are_default(const oa_node *node, const char *name, const oa_numbers *numbers)
{
    bool is_known;
    if (node->domain[0] != '\0') {
        return false;
    }
    if (!numbers->are_floats) {
        bool is_default = is_default_list(&is_known, node, name, numbers);
        if (is_known) {
            return is_default;
        }
    }
    if (numbers->count != 1) {
        return false;
    }
    return numbers->are_floats ? is_default_float(node, name, oa_numbers_real(numbers, 0))
                               : is_default_int(node, name, oa_numbers_int(numbers, 0));
}

bool oa_text_is_default(const oa_node *node, const char *name, oa_string_view text)
{
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0] && node->domain[0] == '\0'; i++) {
        if (is_for(TEXTS[i].op_type, TEXTS[i].name, node, name)) {
            return text.size == strlen(TEXTS[i].text) && memcmp(text.data, TEXTS[i].text, text.size) == 0;
        }
    }
    return false;
}
