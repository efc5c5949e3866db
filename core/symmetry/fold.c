/* Shape arithmetic: the integers that chains of Shape, Gather, Concat, ... compute before anything runs. Sizes that are
 * not known stay symbols, so that a reshape to (batch, -1) is understood for every batch size. */
#include "core/symmetry/discovery.h"

#include <string.h>

/* A folded vector under construction. */
typedef struct folded {
    size_t rank;
    size_t count;
    size_t columns; /* of a matrix, stored by rows */
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
    result->columns = axes->content_columns;
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
    result->columns = indices->content_columns;
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

/* Unsqueeze, Squeeze and Reshape; the shape of the result was found by the node's rule. */
static bool fold_reshaped(folded *result, oa_discovery *discovery, const oa_node *node)
{
    if (!fold_copy(result, discovery, node) || node->outputs[0] == OA_NONE) {
        return false;
    }
    const oa_axes *output = &discovery->axes[node->outputs[0]];
    if (!output->has_rank || output->rank > 2) {
        return false;
    }
    oa_dim count = 1;
    for (size_t i = 0; i < output->rank; i++) {
        oa_dim size = oa_axis_size(discovery, output, i);
        if (size < 0 || size > OA_CONTENTS_MAX) {
            return false;
        }
        count *= size;
        result->columns = (size_t)size;
    }
    result->rank = output->rank;
    return (size_t)count == result->count;
}

static bool fold_transpose(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = known(discovery, node, 0);
    const int64_t *order;
    size_t count;
    oa_node_ints(&order, &count, node, "perm");
    if (!x || (count == 2 && order[0] == 0)) {
        return fold_copy(result, discovery, node);
    }
    copy_contents(result, x);
    size_t columns = x->content_columns, rows = x->content_rank == 2 && columns ? x->content_count / columns : 0;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            result->values[j * rows + i] = x->contents[i * columns + j];
        }
    }
    result->columns = rows;
    return true;
}

/* One number of a slice; `fallback`, or false when that is NULL, where it is not given. */
static bool slice_number(oa_dim *result, oa_discovery *discovery, const oa_node *node, const char *name, size_t slot,
                         const oa_dim *fallback)
{
    size_t count;
    const oa_dim *list;
    oa_node_ints(&list, &count, node, name);
    if (count == 0 && oa_node_input(node, slot) == OA_NONE) {
        *result = fallback ? *fallback : 0;
        return fallback != NULL;
    }
    if ((count == 0 && !oa_input_contents(&list, &count, discovery, node, slot)) || count != 1) {
        return false;
    }
    *result = list[0];
    return !oa_dim_is_symbolic(*result);
}

static oa_dim clamp(oa_dim x, oa_dim least, oa_dim most)
{
    return x < least ? least : x > most ? most : x;
}

/* Rows of a vector or matrix. */
static bool fold_slice(folded *result, oa_discovery *discovery, const oa_node *node)
{
    static const oa_dim first_axis = 0, one = 1;
    const oa_axes *x = known(discovery, node, 0);
    oa_dim start;
    oa_dim end;
    oa_dim axis;
    oa_dim step;
    if (!x || x->content_rank == 0 || !slice_number(&start, discovery, node, "starts", 1, NULL) ||
        !slice_number(&end, discovery, node, "ends", 2, NULL) ||
        !slice_number(&axis, discovery, node, "axes", 3, &first_axis) ||
        !slice_number(&step, discovery, node, "steps", 4, &one) || step == 0 || step < -OA_CONTENTS_MAX ||
        step > OA_CONTENTS_MAX || (axis != 0 && axis != -(oa_dim)x->content_rank)) {
        return false;
    }
    size_t columns = x->content_rank == 2 ? x->content_columns : 1;
    oa_dim rows = columns ? (oa_dim)(x->content_count / columns) : 0;
    result->rank = x->content_rank;
    result->columns = x->content_columns;
    if (rows == 0) {
        return true; /* there is no row to clamp to */
    }
    start = start < 0 ? start + rows : start;
    end = end < 0 ? end + rows : end;
    start = step > 0 ? clamp(start, 0, rows) : clamp(start, 0, rows - 1);
    end = step > 0 ? clamp(end, 0, rows) : clamp(end, -1, rows - 1);
    for (oa_dim i = start; step > 0 ? i < end : i > end; i += step) {
        memcpy(result->values + result->count, x->contents + (size_t)i * columns, columns * sizeof *x->contents);
        result->count += columns;
    }
    return true;
}

static bool calculate(oa_dim *result, oa_dims *dims, const char *op, oa_dim a, oa_dim b)
{
    bool is_symbolic = oa_dim_is_symbolic(a) || oa_dim_is_symbolic(b);
    bool are_sizes = (is_symbolic || (a >= 0 && b >= 0));
    if (strcmp(op, "Equal") == 0) {
        /* A size is never negative; two different symbols may stand for the same number. */
        *result = a == b;
        return !is_symbolic || a == b || (!oa_dim_is_symbolic(a) && a < 0) || (!oa_dim_is_symbolic(b) && b < 0);
    }
    if (strcmp(op, "Mul") == 0) {
        const oa_dim most = INT64_C(1) << 20;
        if (!is_symbolic && a > -most && a < most && b > -most && b < most) {
            *result = a * b;
            return true;
        }
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

/* Scalars and vectors broadcast against each other: the result's rank and count. False when they do not fit. */
static bool broadcast(folded *result, const oa_axes **part, size_t parts, oa_discovery *discovery, const oa_node *node)
{
    result->count = 1;
    for (size_t k = 0; k < parts; k++) {
        part[k] = known(discovery, node, k);
        if (!part[k] || part[k]->content_rank > 1) {
            return false;
        }
        result->rank = part[k]->content_rank > result->rank ? part[k]->content_rank : result->rank;
        result->count = part[k]->content_count != 1 ? part[k]->content_count : result->count;
    }
    for (size_t k = 0; k < parts; k++) {
        if (part[k]->content_count != 1 && part[k]->content_count != result->count) {
            return false;
        }
    }
    return true;
}

static oa_dim element(const oa_axes *part, size_t i)
{
    return part->contents[part->content_count == 1 ? 0 : i];
}

static bool fold_arithmetic(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *part[2];
    if (!broadcast(result, part, 2, discovery, node)) {
        return false;
    }
    for (size_t i = 0; i < result->count; i++) {
        if (!calculate(&result->values[i], &discovery->spaces.dims, node->op_type, element(part[0], i),
                       element(part[1], i))) {
            return false;
        }
    }
    return true;
}

static bool fold_where(folded *result, oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *part[3];
    if (!broadcast(result, part, 3, discovery, node)) {
        return false;
    }
    for (size_t i = 0; i < result->count; i++) {
        result->values[i] = element(part[element(part[0], i) ? 1 : 2], i);
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
        {"Div", fold_arithmetic},     {"Equal", fold_arithmetic},
        {"Gather", fold_gather},      {"Identity", fold_copy},
        {"Mul", fold_arithmetic},     {"Reshape", fold_reshaped},
        {"Shape", fold_shape},        {"Size", fold_size},
        {"Slice", fold_slice},        {"Squeeze", fold_reshaped},
        {"Sub", fold_arithmetic},     {"Transpose", fold_transpose},
        {"Unsqueeze", fold_reshaped}, {"Where", fold_where},
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
    /* What the value holds tells its shape, where the node's rule did not. */
    size_t columns = result.rank == 2 ? result.columns : 1;
    oa_dim sizes[2] = {columns ? (oa_dim)(result.count / columns) : 0, (oa_dim)columns};
    if (!axes->has_rank) {
        *axes = (oa_axes){.has_rank = true, .rank = result.rank};
    }
    for (size_t i = 0; i < result.rank; i++) {
        if (!axes->space[i] || oa_dim_is_symbolic(oa_axis_size(discovery, axes, i))) {
            axes->space[i] = oa_fixed(discovery, sizes[i], "it holds sizes or positions");
        }
    }
    axes->has_contents = true;
    axes->content_rank = result.rank;
    axes->content_count = result.count;
    axes->content_columns = result.columns;
    axes->contents = contents;
    return true;
}
