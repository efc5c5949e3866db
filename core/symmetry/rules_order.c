/* Rules of operators for which the order along some axes counts: those are fixed, all others pass through. */
#include "core/symmetry/discovery.h"

#include <math.h>

/* The place of the largest or smallest element is a number that names an order. */
static bool arg_extreme(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!x || !oa_axis_normalise(&axis, oa_node_int(node, "axis", 0), x->rank)) {
        return false;
    }
    oa_pin_space(discovery, x->space[axis], "the place of an extreme element counts in this order");
    oa_axes result = {.has_rank = true};
    for (size_t i = 0; i < x->rank; i++) {
        if (i != axis) {
            result.space[result.rank++] = x->space[i];
        } else if (oa_node_int(node, "keepdims", 1) != 0) {
            result.space[result.rank++] = OA_SPACE_ONE;
        }
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* Of several largest elements the first one gets the 1. */
static bool hardmax(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!x || !oa_axis_normalise(&axis, oa_node_int(node, "axis", node->version < 13 ? 1 : -1), x->rank)) {
        return false;
    }
    for (size_t i = axis; i < (node->version < 13 ? x->rank : axis + 1); i++) {
        oa_pin_space(discovery, x->space[i], "the first of equal elements wins");
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

static bool top_k(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!x || !oa_axis_normalise(&axis, oa_node_int(node, "axis", -1), x->rank)) {
        return false;
    }
    static const char *const why = "places among the largest elements count in this order";
    const oa_dim *k = NULL;
    size_t count = 0;
    int64_t given = oa_node_int(node, "k", 0);
    oa_dim size = given > 0 && given < OA_DIM_LIMIT ? given : 0;
    if (oa_input_contents(&k, &count, discovery, node, 1) && count == 1 && k[0] > 0) {
        size = k[0];
    }
    oa_pin_space(discovery, x->space[axis], why);
    oa_axes result = *x;
    result.space[axis] = oa_fixed(discovery, size ? size : oa_dim_fresh(&discovery->spaces.dims), why);
    oa_set_output(discovery, node, 0, &result);
    oa_set_output(discovery, node, 1, &result);
    return true;
}

static bool cumulative_sum(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const oa_dim *given = NULL;
    size_t count = 0;
    size_t axis;
    if (!x || !oa_input_contents(&given, &count, discovery, node, 1) || count != 1 ||
        !oa_axis_normalise(&axis, given[0], x->rank)) {
        return false;
    }
    oa_pin_space(discovery, x->space[axis], "it is summed up in this order");
    oa_set_output(discovery, node, 0, x);
    return true;
}

/* Keeps one triangle of the last two axes. */
static bool triangle(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x || x->rank < 2) {
        return false;
    }
    for (size_t i = x->rank - 2; i < x->rank; i++) {
        oa_pin_space(discovery, x->space[i], "one side of the diagonal is kept");
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

/* Axes that change are fixed, with their new sizes when they are known (else 0). */
static void set_changed(oa_discovery *discovery, const oa_node *node, const oa_axes *x, const bool *changes,
                        const oa_dim *sizes, const char *why)
{
    oa_axes result = *x;
    for (size_t i = 0; i < x->rank; i++) {
        if (changes[i]) {
            oa_pin_space(discovery, x->space[i], why);
            result.space[i] = oa_fixed(discovery, sizes[i] ? sizes[i] : oa_dim_fresh(&discovery->spaces.dims), why);
        }
    }
    oa_set_output(discovery, node, 0, &result);
}

static bool tile(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const oa_dim *repeats = NULL;
    size_t count = 0;
    if (!x || !oa_input_contents(&repeats, &count, discovery, node, 1) || count != x->rank) {
        return false;
    }
    bool changes[OA_MAX_RANK] = {false};
    oa_dim sizes[OA_MAX_RANK] = {0};
    for (size_t i = 0; i < x->rank; i++) {
        oa_dim size = oa_axis_size(discovery, x, i);
        changes[i] = repeats[i] != 1;
        if (changes[i] && !oa_dim_is_symbolic(size) && repeats[i] > 0 && size < OA_DIM_LIMIT / repeats[i]) {
            sizes[i] = size * repeats[i];
        }
    }
    set_changed(discovery, node, x, changes, sizes, "its elements are repeated in this order");
    return true;
}

/* pads and, in newer operator sets, the axes that they are for. */
static bool pad(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const oa_dim *pads = NULL;
    size_t count = 0;
    bool is_member[OA_MAX_RANK] = {false};
    bool is_given = false;
    const int64_t *list;
    oa_node_ints(&list, &count, node, "pads");
    if (!x || (!count && !oa_input_contents(&pads, &count, discovery, node, 1))) {
        return false;
    }
    if (oa_node_input(node, 3) != OA_NONE &&
        (!oa_axis_list(is_member, &is_given, discovery, node, "axes", 3, x->rank) || !is_given)) {
        return false;
    }
    /* The list of axes may be in any order: only the plain case is read. */
    const oa_dim *axes = NULL;
    size_t axis_count = x->rank;
    if (is_given && !oa_input_contents(&axes, &axis_count, discovery, node, 3)) {
        return false;
    }
    if (count != 2 * axis_count) {
        return false;
    }
    bool changes[OA_MAX_RANK] = {false};
    oa_dim sizes[OA_MAX_RANK] = {0};
    for (size_t i = 0; i < axis_count; i++) {
        size_t axis;
        int64_t before = pads ? pads[i] : list[i], after = pads ? pads[i + axis_count] : list[i + axis_count];
        if (!oa_axis_normalise(&axis, axes ? axes[i] : (int64_t)i, x->rank)) {
            return false;
        }
        oa_dim size = oa_axis_size(discovery, x, axis);
        changes[axis] = before != 0 || after != 0;
        bool is_plain = changes[axis] && !oa_dim_is_symbolic(size) && before > -OA_DIM_LIMIT && before < OA_DIM_LIMIT &&
                        after > -OA_DIM_LIMIT && after < OA_DIM_LIMIT;
        sizes[axis] = is_plain && size + before + after > 0 ? size + before + after : 0;
    }
    set_changed(discovery, node, x, changes, sizes, "it is padded at its ends");
    return true;
}

/* The factor of each axis, from a constant or an attribute; 0 when not known. */
static bool read_scales(double *scales, oa_discovery *discovery, const oa_node *node, size_t slot, size_t rank)
{
    const oa_attribute *attribute = oa_node_attribute(node, "scales");
    const oa_tensor *tensor = oa_node_constant(discovery->graph, node, slot);
    size_t count = attribute ? attribute->count : tensor ? tensor->count : 0;
    const float *values = attribute ? attribute->floats : tensor ? tensor->data : NULL;
    if (count != rank || !values || (!attribute && tensor->dtype != OA_DTYPE_FLOAT)) {
        return false;
    }
    for (size_t i = 0; i < rank; i++) {
        scales[i] = (double)values[i];
    }
    return true;
}

static bool resample(oa_discovery *discovery, const oa_node *node, size_t scale_slot, size_t size_slot)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    double scales[OA_MAX_RANK];
    const oa_dim *given = NULL;
    size_t count = 0;
    bool changes[OA_MAX_RANK] = {false};
    oa_dim sizes[OA_MAX_RANK] = {0};
    /* Regions and kept aspect ratios change axes whose own factor is 1. */
    if (!x || oa_node_attribute(node, "axes") ||
        oa_node_string_is(node, "coordinate_transformation_mode", "tf_crop_and_resize") ||
        (oa_node_attribute(node, "keep_aspect_ratio_policy") &&
         !oa_node_string_is(node, "keep_aspect_ratio_policy", "stretch"))) {
        return false;
    }
    bool has_sizes = size_slot && oa_input_contents(&given, &count, discovery, node, size_slot) && count == x->rank;
    if (!has_sizes && !read_scales(scales, discovery, node, scale_slot, x->rank)) {
        return false;
    }
    for (size_t i = 0; i < x->rank; i++) {
        oa_dim size = oa_axis_size(discovery, x, i);
        changes[i] = has_sizes ? given[i] != size : scales[i] != 1.0;
        if (changes[i] && has_sizes) {
            sizes[i] = given[i] > 0 || oa_dim_is_symbolic(given[i]) ? given[i] : 0;
        } else if (changes[i] && !oa_dim_is_symbolic(size) && scales[i] > 0.0 && scales[i] < 1e6) {
            sizes[i] = (oa_dim)floor((double)size * scales[i]);
        }
    }
    for (size_t slot = 1; slot < node->input_count; slot++) {
        const oa_axes *numbers =
            oa_input_axes(discovery, node, slot); /* floats, which are not taken for weights here */
        if (numbers) {
            oa_pin_axes(discovery, numbers, "it holds factors or positions");
        }
    }
    set_changed(discovery, node, x, changes, sizes, "it is resampled, so neighbours matter");
    return true;
}

/* Operator set 10 has no region of interest before the scales. */
static bool resize(oa_discovery *discovery, const oa_node *node)
{
    return node->version < 11 ? resample(discovery, node, 1, 0) : resample(discovery, node, 2, 3);
}

static bool upsample(oa_discovery *discovery, const oa_node *node)
{
    return resample(discovery, node, 1, 0);
}

const oa_rule_entry oa_rules_order[] = {
    {"ArgMax", arg_extreme},
    {"ArgMin", arg_extreme},
    {"CumSum", cumulative_sum},
    {"Hardmax", hardmax},
    {"Pad", pad},
    {"Resize", resize},
    {"Tile", tile},
    {"TopK", top_k},
    {"Trilu", triangle},
    {"Upsample", upsample},
    {NULL, NULL},
};
