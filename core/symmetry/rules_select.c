/* Rules of the operators that select, cut and repeat, and of those that turn shapes into numbers. */
#include "core/symmetry/stacks.h"

static bool split(oa_discovery *discovery, const oa_node *node)
{
    static const char *const why = "a split cuts across it";
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!x || !oa_axis_normalise(&axis, oa_node_int(node, "axis", 0), x->rank)) {
        return false;
    }
    oa_dim size = oa_axis_size(discovery, x, axis);
    const oa_dim *sizes = NULL;
    size_t count = 0;
    oa_node_ints(&sizes, &count, node, "split");
    bool is_listed = count > 0 || oa_node_input(node, 1) != OA_NONE;
    if (!count && is_listed && !oa_input_contents(&sizes, &count, discovery, node, 1)) {
        return false;
    }
    if (oa_dim_is_symbolic(size) || (is_listed && count != node->output_count)) {
        return false;
    }
    oa_dim chunk = (size + (oa_dim)node->output_count - 1) / (oa_dim)node->output_count;
    oa_dim left = size;
    size_t rest = x->space[axis];
    for (size_t i = 0; i < node->output_count; i++) {
        oa_dim part = is_listed ? sizes[i] : chunk < left ? chunk : left;
        if (part < 1 || part > left) {
            return false;
        }
        oa_axes result = *x;
        if (part == 1 && oa_pick(&result, discovery, node, axis, i)) {
            result.space[axis] = OA_SPACE_ONE;
        } else if (part == left) {
            result.space[axis] = rest;
        } else {
            oa_space_cut(&result.space[axis], &rest, &discovery->spaces, rest, part, oa_reason(discovery, why));
        }
        left -= part;
        oa_set_output(discovery, node, i, &result);
    }
    return true;
}

/* Start, end and step of Slice along each axis; *is_known is false for an axis whose range is not known before running.
 */
typedef struct slice_range {
    bool is_sliced, is_known;
    oa_dim start, end, step;
} slice_range;

/* One of Slice's lists: an attribute before operator set 10, an input from there on. */
static bool slice_list(const oa_dim **list, size_t *count, oa_discovery *discovery, const oa_node *node,
                       const char *attribute, size_t slot)
{
    oa_node_ints(list, count, node, attribute);
    return *count > 0 || oa_input_contents(list, count, discovery, node, slot);
}

static oa_dim clamp(oa_dim index, oa_dim size)
{
    if (index < 0) {
        index += size;
    }
    return index < 0 ? 0 : index > size ? size : index;
}

static bool slice_ranges(slice_range *ranges, oa_discovery *discovery, const oa_node *node, const oa_axes *x)
{
    const oa_dim *starts;
    const oa_dim *ends;
    const oa_dim *axes = NULL;
    const oa_dim *steps = NULL;
    size_t count, end_count, axis_count = 0, step_count = 0;
    if (!slice_list(&starts, &count, discovery, node, "starts", 1) ||
        !slice_list(&ends, &end_count, discovery, node, "ends", 2) || end_count != count || count > x->rank) {
        return false;
    }
    if ((oa_node_input(node, 3) != OA_NONE || oa_node_attribute(node, "axes")) &&
        (!slice_list(&axes, &axis_count, discovery, node, "axes", 3) || axis_count != count)) {
        return false;
    }
    if (oa_node_input(node, 4) != OA_NONE &&
        (!slice_list(&steps, &step_count, discovery, node, "steps", 4) || step_count != count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t axis;
        if (!oa_axis_normalise(&axis, axes ? axes[i] : (int64_t)i, x->rank)) {
            return false;
        }
        slice_range *range = &ranges[axis];
        oa_dim size = oa_axis_size(discovery, x, axis);
        range->is_sliced = true;
        range->step = steps ? steps[i] : 1;
        range->is_known = !oa_dim_is_symbolic(size) && !oa_dim_is_symbolic(starts[i]) && !oa_dim_is_symbolic(ends[i]) &&
                          range->step == 1;
        range->start = range->is_known ? clamp(starts[i], size) : 0;
        range->end = range->is_known ? clamp(ends[i], size) : 0;
        if (oa_dim_is_symbolic(size) && starts[i] == 0 && range->step == 1 &&
            (ends[i] == size || ends[i] >= INT32_MAX)) {
            range->is_sliced = false; /* the whole axis, whatever its size */
        }
    }
    return true;
}

/* A slice with step 1 cuts the axis into what is before, in and behind it; other steps pin it. */
static bool slice(oa_discovery *discovery, const oa_node *node)
{
    static const char *const why = "a slice cuts across it";
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    slice_range ranges[OA_MAX_RANK] = {{0}};
    if (!x || !slice_ranges(ranges, discovery, node, x)) {
        return false;
    }
    oa_axes result = *x;
    for (size_t i = 0; i < x->rank; i++) {
        const slice_range *range = &ranges[i];
        oa_dim size = oa_axis_size(discovery, x, i);
        if (!range->is_sliced || (range->is_known && range->start == 0 && range->end == size)) {
            continue;
        }
        if (!range->is_known || range->start >= range->end) {
            oa_pin_space(discovery, x->space[i], why);
            result.space[i] = oa_unknown(discovery);
            continue;
        }
        size_t kept = x->space[i];
        size_t dropped;
        if (range->start > 0) {
            oa_space_cut(&dropped, &kept, &discovery->spaces, kept, range->start, oa_reason(discovery, why));
        }
        if (range->end < size) {
            oa_space_cut(&kept, &dropped, &discovery->spaces, kept, range->end - range->start,
                         oa_reason(discovery, why));
        }
        result.space[i] = kept;
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* A new axis of Expand holds copies of one number: any order of it will do, so its space is a free leaf. */
static bool expand(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const oa_dim *shape;
    size_t count;
    if (!x || !oa_input_contents(&shape, &count, discovery, node, 1) || count > OA_MAX_RANK) {
        return false;
    }
    oa_axes wide = {.has_rank = true, .rank = count};
    for (size_t i = 0; i < count; i++) {
        if (shape[i] < 0 && !oa_dim_is_symbolic(shape[i])) {
            return false;
        }
        bool is_kept = count - i <= x->rank && shape[i] == oa_axis_size(discovery, x, x->rank - (count - i));
        wide.space[i] = is_kept || shape[i] == 1 ? OA_SPACE_ONE : oa_space_leaf(&discovery->spaces, shape[i]);
    }
    const oa_axes *list[] = {x, &wide};
    oa_axes result = {0};
    if (!oa_broadcast(&result, discovery, list, 2)) {
        return false;
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool constant_of_shape(oa_discovery *discovery, const oa_node *node)
{
    const oa_dim *shape;
    size_t count;
    if (!oa_input_contents(&shape, &count, discovery, node, 0) || count > OA_MAX_RANK) {
        return false;
    }
    oa_axes result = {.has_rank = true, .rank = count};
    for (size_t i = 0; i < count; i++) {
        if (shape[i] < 0 && !oa_dim_is_symbolic(shape[i])) {
            return false;
        }
        result.space[i] = oa_space_leaf(&discovery->spaces, shape[i]);
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* Indices name positions along the axis, so it keeps its order; the other axes pass. */
static bool gather(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *whole = oa_input_ranked(discovery, node, 0);
    const oa_axes *indices = oa_input_ranked(discovery, node, 1);
    size_t axis;
    if (!whole || !indices || !oa_axis_normalise(&axis, oa_node_int(node, "axis", 0), whole->rank) ||
        whole->rank + indices->rank - 1 > OA_MAX_RANK) {
        return false;
    }
    oa_axes data = *whole;
    oa_pick(&data, discovery, node, axis, OA_NONE);
    oa_pin_space(discovery, data.space[axis], "indices name positions along it");
    oa_axes result = {.has_rank = true};
    for (size_t i = 0; i < axis; i++) {
        result.space[result.rank++] = data.space[i];
    }
    for (size_t i = 0; i < indices->rank; i++) {
        result.space[result.rank++] = indices->space[i];
    }
    for (size_t i = axis + 1; i < data.rank; i++) {
        result.space[result.rank++] = data.space[i];
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* Shape, Size and Range: what comes out are numbers that count positions. */
static bool shape_of(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x) {
        return false;
    }
    oa_axes result = {.has_rank = true, .rank = 1};
    bool is_whole = oa_node_int(node, "start", 0) == 0 && !oa_node_attribute(node, "end");
    result.space[0] =
        oa_fixed(discovery, is_whole ? (oa_dim)x->rank : oa_dim_fresh(&discovery->spaces.dims), "it holds sizes");
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool size_of(oa_discovery *discovery, const oa_node *node)
{
    oa_axes result = {.has_rank = true};
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool range(oa_discovery *discovery, const oa_node *node)
{
    oa_axes result = {.has_rank = true, .rank = 1};
    result.space[0] = oa_unknown(discovery);
    oa_set_output(discovery, node, 0, &result);
    return true;
}

const oa_rule_entry oa_rules_select[] = {
    {"ConstantOfShape", constant_of_shape},
    {"Expand", expand},
    {"Gather", gather},
    {"Range", range},
    {"Shape", shape_of},
    {"Size", size_of},
    {"Slice", slice},
    {"Split", split},
    {NULL, NULL},
};
