/* Rules of the operators that only move elements: they show how the axes of the result are made of those of the input.
 */
#include "core/symmetry/stacks.h"

static bool flatten(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!x) {
        return false;
    }
    int64_t given = oa_node_int(node, "axis", 1);
    if (given == (int64_t)x->rank) {
        axis = x->rank;
    } else if (!oa_axis_normalise(&axis, given, x->rank)) {
        return false;
    }
    oa_axes result = {.has_rank = true, .rank = 2};
    result.space[0] = oa_space_product(&discovery->spaces, x->space, axis);
    result.space[1] = oa_space_product(&discovery->spaces, x->space + axis, x->rank - axis);
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* A reshape keeps the number of elements. When what is asked for has another symbol in it than what is there, and all
 * else is the same, both symbols must be the same number at run time: the one that is there takes the other's place. */
static bool settle_symbol(oa_dim *target, size_t count, oa_discovery *discovery, const oa_axes *x, oa_dim total,
                          oa_dim product)
{
    oa_dims *dims = &discovery->spaces.dims;
    for (size_t i = 0; i < x->rank; i++) {
        oa_dim size = oa_axis_size(discovery, x, i);
        oa_dim rest;
        if (!oa_dim_is_symbolic(size) || !oa_dim_divide(&rest, dims, total, size)) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            if (oa_dim_is_symbolic(target[k]) && oa_dim_multiply(dims, rest, target[k]) == product) {
                target[k] = size;
                return true;
            }
        }
    }
    return false;
}

/* The sizes that Reshape asks for, with 0 and -1 resolved. */
static bool reshape_target(oa_dim *target, size_t *count, oa_discovery *discovery, const oa_node *node,
                           const oa_axes *x)
{
    oa_dims *dims = &discovery->spaces.dims;
    const oa_dim *given;
    const int64_t *attribute;
    oa_node_ints(&attribute, count, node, "shape");
    if (*count) {
        given = attribute;
    } else if (!oa_input_contents(&given, count, discovery, node, 1)) {
        return false;
    }
    if (*count > OA_MAX_RANK) {
        return false;
    }
    bool zero_is_zero = oa_node_int(node, "allowzero", 0) != 0;
    size_t open = OA_NONE;
    oa_dim product = 1;
    oa_dim total = 1;
    for (size_t i = 0; i < x->rank; i++) {
        total = oa_dim_multiply(dims, total, oa_axis_size(discovery, x, i));
    }
    for (size_t i = 0; i < *count; i++) {
        target[i] = given[i];
        if (given[i] == -1) {
            if (open != OA_NONE) {
                return false;
            }
            open = i;
            continue;
        }
        if (given[i] == 0 && !zero_is_zero) {
            if (i >= x->rank) {
                return false;
            }
            target[i] = oa_axis_size(discovery, x, i);
        }
        if (!oa_dim_is_symbolic(target[i]) && target[i] <= 0) {
            return false;
        }
        product = oa_dim_multiply(dims, product, target[i]);
    }
    if (open != OA_NONE) {
        return total != 0 && oa_dim_divide(&target[open], dims, total, product);
    }
    return product == total || settle_symbol(target, *count, discovery, x, total, product);
}

/* Takes factors from the front of list[*next ..] until their sizes multiply to `size`, splitting the last one. */
static bool take(size_t *space, oa_discovery *discovery, size_t *list, size_t count, size_t *next, oa_dim size,
                 oa_pin pin)
{
    oa_spaces *spaces = &discovery->spaces;
    size_t first = *next;
    oa_dim wanted = size;
    while (wanted != 1) {
        if (*next == count) {
            return false;
        }
        oa_dim have = oa_space_size(spaces, list[*next]);
        oa_dim rest;
        if (oa_dim_divide(&rest, &spaces->dims, wanted, have)) {
            wanted = rest;
            (*next)++;
        } else if (oa_dim_divide(&rest, &spaces->dims, have, wanted)) {
            size_t outer;
            size_t inner;
            oa_space_split(&outer, &inner, spaces, list[*next], wanted, pin);
            list[*next] = outer;
            *space = oa_space_product(spaces, list + first, *next - first + 1);
            list[*next] = inner;
            return true;
        } else {
            return false;
        }
    }
    *space = oa_space_product(spaces, list + first, *next - first);
    return true;
}

/* Parts within blocks are no stack: what is inside of blocks would not show behind them. */
static bool is_whole_axis(oa_discovery *discovery, const oa_axes *x, size_t space)
{
    for (size_t i = 0; i < x->rank; i++) {
        if (oa_space_find(&discovery->spaces, x->space[i]) == oa_space_find(&discovery->spaces, space)) {
            return true;
        }
    }
    return false;
}

static bool reshape(oa_discovery *discovery, const oa_node *node)
{
    static const char *const why = "a reshape cuts across it";
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    oa_dim target[OA_MAX_RANK];
    size_t count;
    size_t *factors = NULL;
    size_t factor_count = 0;
    size_t capacity = 0;
    size_t next = 0;
    bool is_done = false;
    oa_axes result = {.has_rank = true};
    if (!x || !reshape_target(target, &count, discovery, node, x)) {
        return false;
    }
    for (size_t i = 0; i < x->rank; i++) {
        if (!oa_space_factors(&factors, &factor_count, &capacity, &discovery->spaces, x->space[i])) {
            goto done;
        }
    }
    result.rank = count;
    is_done = true;
    for (size_t i = 0; i < count; i++) {
        size_t stacked =
            is_done && next < factor_count && is_whole_axis(discovery, x, factors[next])
                ? oa_stack_up(&result, i, discovery, node, factors[next], target, oa_reason(discovery, why))
                : 0;
        if (stacked) {
            next++;
            i += stacked - 1;
            continue;
        }
        if (is_done &&
            !take(&result.space[i], discovery, factors, factor_count, &next, target[i], oa_reason(discovery, why))) {
            oa_pin_axes(discovery, x, why);
            is_done = false;
        }
        if (!is_done) {
            result.space[i] = oa_fixed(discovery, target[i], why);
        }
    }
    is_done = true;
    oa_set_output(discovery, node, 0, &result);
done:
    oa_free(factors);
    return is_done;
}

static bool transpose(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const int64_t *order;
    size_t count;
    oa_node_ints(&order, &count, node, "perm");
    if (!x || (count && count != x->rank)) {
        return false;
    }
    oa_axes result = {.has_rank = true, .rank = x->rank};
    bool is_used[OA_MAX_RANK] = {false};
    for (size_t i = 0; i < x->rank; i++) {
        size_t from = x->rank - 1 - i;
        if ((count && !oa_axis_normalise(&from, order[i], x->rank)) || is_used[from]) {
            return false;
        }
        is_used[from] = true;
        result.space[i] = x->space[from];
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool concat(oa_discovery *discovery, const oa_node *node)
{
    static const char *const why = "concatenated arrays differ beside the axis";
    const oa_axes *first = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!first || !oa_axis_normalise(&axis, oa_node_int(node, "axis", 1), first->rank)) {
        return false;
    }
    for (size_t i = 1; i < node->input_count; i++) {
        const oa_axes *x = oa_input_ranked(discovery, node, i);
        if (!x || x->rank != first->rank) {
            return false;
        }
    }
    size_t *parts = oa_calloc(node->input_count, sizeof *parts);
    if (!parts) {
        discovery->spaces.is_out_of_memory = true;
        return false;
    }
    oa_axes result = *first;
    for (size_t i = 0; i < node->input_count; i++) {
        const oa_axes *x = oa_input_ranked(discovery, node, i);
        parts[i] = x->space[axis];
        for (size_t k = 0; k < x->rank; k++) {
            if (k != axis) {
                oa_join(discovery, first->space[k], x->space[k], why);
            }
        }
    }
    result.space[axis] = oa_space_concat(&discovery->spaces, parts, node->input_count,
                                         oa_reason(discovery, "the concatenated sizes are not known"));
    oa_set_output(discovery, node, 0, &result);
    oa_free(parts);
    return true;
}

static bool squeeze(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    bool is_removed[OA_MAX_RANK] = {false};
    bool is_given = false;
    if (!x || !oa_axis_list(is_removed, &is_given, discovery, node, "axes", 1, x->rank)) {
        return false;
    }
    oa_axes result = {.has_rank = true};
    for (size_t i = 0; i < x->rank; i++) {
        oa_dim size = oa_axis_size(discovery, x, i);
        if (!is_given && oa_dim_is_symbolic(size)) {
            return false; /* whether the axis goes shows only at run time */
        }
        if (is_given ? !is_removed[i] : size != 1) {
            result.space[result.rank++] = x->space[i];
        }
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool unsqueeze(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const int64_t *axes;
    size_t count;
    oa_node_ints(&axes, &count, node, "axes");
    if (!x || (!count && !oa_input_contents(&axes, &count, discovery, node, 1)) || x->rank + count > OA_MAX_RANK) {
        return false;
    }
    bool is_new[OA_MAX_RANK] = {false};
    for (size_t i = 0; i < count; i++) {
        size_t axis;
        if (!oa_axis_normalise(&axis, axes[i], x->rank + count) || is_new[axis]) {
            return false;
        }
        is_new[axis] = true;
    }
    oa_axes result = {.has_rank = true, .rank = x->rank + count};
    size_t from = 0;
    for (size_t i = 0; i < result.rank; i++) {
        result.space[i] = is_new[i] ? OA_SPACE_ONE : x->space[from++];
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

const oa_rule_entry oa_rules_shape[] = {
    {"Concat", concat},       {"Flatten", flatten},     {"Reshape", reshape}, {"Squeeze", squeeze},
    {"Transpose", transpose}, {"Unsqueeze", unsqueeze}, {NULL, NULL},
};
