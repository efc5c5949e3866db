/* Shape arithmetic: the integers that chains of Shape, Gather, Concat, ... compute before anything runs. Sizes that are
 * not known stay symbols, so that a reshape to (batch, -1) is understood for every batch size. */
#include "core/symmetry/discovery.h"

#include <string.h>

/* A folded vector under construction. */
typedef struct folded {
    size_t rank;
    size_t count;
    oa_dim values[OA_CONTENTS_MAX];
} folded;

static const oa_axes *known(oa_discovery *discovery, const oa_node *node, size_t slot)
{
    const oa_axes *axes = oa_input_axes(discovery, node, slot);
    return axes && axes->has_contents ? axes : NULL;
}

static void copy_contents(folded *result, const oa_axes *axes)
{
    result->rank = axes->content_rank;
    result->count = axes->content_count;
    if (axes->content_count) {
        memcpy(result->values, axes->contents, axes->content_count * sizeof *axes->contents);
    }
}

static bool fold_shape(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x) {
        return false;
    }
    int64_t rank = (int64_t)x->rank;
    int64_t start = oa_node_int(node, "start", 0);
    int64_t end = oa_node_int(node, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start;
    end = end > rank ? rank : end;
    result->rank = 1;
    for (int64_t i = start; i < end; i++) {
        result->values[result->count++] = oa_axis_size(discovery, x, (size_t)i);
    }
    return true;
}

static bool fold_size(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x) {
        return false;
    }
    result->count = 1;
    result->values[0] = 1;
    for (size_t i = 0; i < x->rank; i++) {
        result->values[0] = oa_dim_multiply(&discovery->spaces.dims, result->values[0], oa_axis_size(discovery, x, i));
    }
    return true;
}

static bool fold_gather(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *data = known(discovery, node, 0);
    const oa_axes *indices = known(discovery, node, 1);
    if (!data || !indices || data->content_rank != 1) {
        return false;
    }
    result->rank = indices->content_rank;
    for (size_t i = 0; i < indices->content_count; i++) {
        size_t at;
        if (!oa_axis_normalise(&at, indices->contents[i], data->content_count)) {
            return false;
        }
        result->values[result->count++] = data->contents[at];
    }
    return true;
}

static bool fold_concat(folded *result, oa_discovery *discovery, const oa_node *node)
{
    result->rank = 1;
    for (size_t i = 0; i < node->input_count; i++) {
        const oa_axes *part = known(discovery, node, i);
        if (!part || part->content_rank != 1 || result->count + part->content_count > OA_CONTENTS_MAX) {
            return false;
        }
        if (part->content_count) {
            memcpy(result->values + result->count, part->contents, part->content_count * sizeof *part->contents);
        }
        result->count += part->content_count;
    }
    return true;
}

static bool fold_copy(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = known(discovery, node, 0);
    if (!x) {
        return false;
    }
    copy_contents(result, x);
    return true;
}

static bool fold_cast(folded *result, oa_discovery *discovery, const oa_node *node)
{
    int64_t to = oa_node_int(node, "to", 0);
    return (to == OA_DTYPE_INT64 || to == OA_DTYPE_INT32) && fold_copy(result, discovery, node);
}

/* Unsqueeze, Squeeze and Reshape of a scalar or vector; the rank of the result was found by the node's rule. */
static bool fold_reshaped(folded *result, oa_discovery *discovery, const oa_node *node)
{
    if (!fold_copy(result, discovery, node) || node->outputs[0] == OA_NONE) {
        return false;
    }
    const oa_axes *output = &discovery->axes[node->outputs[0]];
    if (!output->has_rank || output->rank > 1) {
        return false;
    }
    result->rank = output->rank;
    return result->rank == 1 || result->count == 1;
}

static bool fold_slice(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = known(discovery, node, 0);
    const oa_dim *list[3]; /* starts, ends, steps */
    static const char *const names[] = {"starts", "ends", "steps"};
    static const size_t slots[] = {1, 2, 4};
    static const oa_dim one = 1;
    if (!x || x->content_rank != 1) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t count;
        oa_node_ints(&list[i], &count, node, names[i]);
        if (count == 0 && oa_node_input(node, slots[i]) == OA_NONE && i == 2) {
            list[i] = &one;
        } else if (count == 0 && !oa_input_contents(&list[i], &count, discovery, node, slots[i])) {
            return false;
        } else if (count != 1) {
            return false;
        }
        if (oa_dim_is_symbolic(*list[i])) {
            return false;
        }
    }
    oa_dim size = (oa_dim)x->content_count;
    oa_dim step = *list[2];
    if (step < 1) {
        return false;
    }
    oa_dim start = *list[0] < 0 ? *list[0] + size : *list[0];
    oa_dim end = *list[1] < 0 ? *list[1] + size : *list[1];
    result->rank = 1;
    for (oa_dim i = start < 0 ? 0 : start; i < end && i < size; i += step) {
        result->values[result->count++] = x->contents[i];
    }
    return true;
}

static bool calculate(oa_dim *result, oa_dims *dims, const char *op, oa_dim a, oa_dim b)
{
    bool is_symbolic = oa_dim_is_symbolic(a) || oa_dim_is_symbolic(b);
    bool are_sizes = (is_symbolic || (a >= 0 && b >= 0));
    if (strcmp(op, "Mul") == 0) {
        if (are_sizes && (oa_dim_is_symbolic(a) || a >= 0) && (oa_dim_is_symbolic(b) || b >= 0)) {
            *result = oa_dim_multiply(dims, a, b);
            return true;
        }
        return false;
    }
    if (strcmp(op, "Div") == 0) {
        if (!is_symbolic) {
            *result = b > 0 && a >= 0 ? a / b : 0;
            return b > 0 && a >= 0;
        }
        return (oa_dim_is_symbolic(b) || b > 0) && oa_dim_divide(result, dims, a, b);
    }
    if (is_symbolic) {
        return false;
    }
    *result = strcmp(op, "Add") == 0 ? a + b : a - b;
    return *result > -OA_DIM_LIMIT && *result < OA_DIM_LIMIT;
}

static bool fold_arithmetic(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *a = known(discovery, node, 0);
    const oa_axes *b = known(discovery, node, 1);
    if (!a || !b || (a->content_count != b->content_count && a->content_count != 1 && b->content_count != 1)) {
        return false;
    }
    result->rank = a->content_rank > b->content_rank ? a->content_rank : b->content_rank;
    result->count = a->content_count == 1 ? b->content_count : a->content_count;
    for (size_t i = 0; i < result->count; i++) {
        oa_dim x = a->contents[a->content_count == 1 ? 0 : i];
        oa_dim y = b->contents[b->content_count == 1 ? 0 : i];
        if (!calculate(&result->values[i], &discovery->spaces.dims, node->op_type, x, y)) {
            return false;
        }
    }
    return true;
}

static bool fold_constant_of_shape(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_dim *shape;
    size_t count;
    const oa_attribute *value = oa_node_attribute(node, "value");
    if (!value || value->kind != OA_ATTRIBUTE_TENSOR || value->tensor->dtype != OA_DTYPE_INT64 ||
        value->tensor->count != 1 || !value->tensor->data || !oa_input_contents(&shape, &count, discovery, node, 0) ||
        count != 1 || shape[0] < 0 || shape[0] > OA_CONTENTS_MAX) {
        return false;
    }
    int64_t fill;
    memcpy(&fill, value->tensor->data, sizeof fill);
    result->rank = 1;
    result->count = (size_t)shape[0];
    for (size_t i = 0; i < result->count; i++) {
        result->values[i] = fill;
    }
    return fill > -OA_DIM_LIMIT && fill < OA_DIM_LIMIT;
}

typedef bool fold_rule(folded *result, oa_discovery *discovery, const oa_node *node);

static fold_rule *rule_of(const oa_node *node)
{
    static const struct {
        const char *op_type;
        fold_rule *rule;
    } table[] = {
        {"Add", fold_arithmetic},     {"Cast", fold_cast},
        {"Concat", fold_concat},      {"ConstantOfShape", fold_constant_of_shape},
        {"Div", fold_arithmetic},     {"Gather", fold_gather},
        {"Identity", fold_copy},      {"Mul", fold_arithmetic},
        {"Reshape", fold_reshaped},   {"Shape", fold_shape},
        {"Size", fold_size},          {"Slice", fold_slice},
        {"Squeeze", fold_reshaped},   {"Sub", fold_arithmetic},
        {"Unsqueeze", fold_reshaped},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (oa_node_is(node, table[i].op_type)) {
            return table[i].rule;
        }
    }
    return NULL;
}

bool oa_fold(oa_discovery *discovery, const oa_node *node)
{
    fold_rule *rule = rule_of(node);
    folded result = {0};
    if (!rule || node->output_count == 0 || node->outputs[0] == OA_NONE || !rule(&result, discovery, node)) {
        return true;
    }
    oa_axes *axes = &discovery->axes[node->outputs[0]];
    oa_dim *contents = oa_arena_alloc(&discovery->spaces.arena, result.count, sizeof *contents);
    if (!contents) {
        return false;
    }
    memcpy(contents, result.values, result.count * sizeof *contents);
    axes->has_contents = true;
    axes->content_rank = result.rank;
    axes->content_count = result.count;
    axes->contents = contents;
    return true;
}
