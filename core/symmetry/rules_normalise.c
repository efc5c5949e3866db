/* Rules of normalisations other than batch normalisation: statistics over whole axes do not depend on their order, and
 * scales and shifts go with what they scale. */
#include "core/symmetry/discovery.h"

static const char *const PARAMETER = "a parameter has another size than what it scales";

/* Vectors or more, broadcast to the last axes of x, in these slots as far as they are given. */
static bool join_scales(oa_discovery *discovery, const oa_node *node, const oa_axes *x, size_t first, size_t end)
{
    for (size_t slot = first; slot < end; slot++) {
        if (oa_node_input(node, slot) == OA_NONE) {
            continue;
        }
        const oa_axes *parameter = oa_input_ranked(discovery, node, slot);
        const oa_axes *list[] = {x, parameter};
        oa_axes scaled = {0};
        if (!parameter || parameter->rank > x->rank || !oa_broadcast(&scaled, discovery, list, 2)) {
            return false;
        }
    }
    return true;
}

/* Over all axes from `axis` on. The further outputs are the statistics. */
static void set_normalised(oa_discovery *discovery, const oa_node *node, const oa_axes *x, size_t axis)
{
    oa_axes statistics = {.has_rank = true, .rank = x->rank};
    for (size_t i = 0; i < x->rank; i++) {
        statistics.space[i] = i < axis ? x->space[i] : OA_SPACE_ONE;
    }
    oa_set_output(discovery, node, 0, x);
    oa_set_output(discovery, node, 1, &statistics);
    oa_set_output(discovery, node, 2, &statistics);
}

static bool layer_normalization(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!x || !oa_axis_normalise(&axis, oa_node_int(node, "axis", -1), x->rank) ||
        !join_scales(discovery, node, x, 1, 3)) {
        return false;
    }
    set_normalised(discovery, node, x, axis);
    return true;
}

/* com.microsoft's sum of two inputs and perhaps a bias, normalised over the last axis; the sum is the last output. */
static bool skip_normalization(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const oa_axes *skip = oa_input_ranked(discovery, node, 1);
    const oa_axes *list[] = {x, skip};
    oa_axes sum = {0};
    if (!x || !skip || x->rank < 1 || skip->rank > x->rank || !oa_broadcast(&sum, discovery, list, 2) ||
        !join_scales(discovery, node, &sum, 2, 5)) {
        return false;
    }
    set_normalised(discovery, node, &sum, sum.rank - 1);
    oa_set_output(discovery, node, 3, &sum);
    return true;
}

/* com.microsoft's sum of the rows that tokens, positions and segments pick, normalised. */
static bool embed_normalization(oa_discovery *discovery, const oa_node *node)
{
    static const char *const why = "its rows are picked by their numbers";
    const oa_axes *ids = oa_input_of_rank(discovery, node, 0, 2);
    const oa_axes *words = oa_input_of_rank(discovery, node, 2, 2);
    if (!ids || !words) {
        return false;
    }
    oa_axes sum = {.has_rank = true, .rank = 3, .space = {ids->space[0], ids->space[1], words->space[1]}};
    oa_pin_axes(discovery, ids, why);
    for (size_t slot = 1; slot < node->input_count; slot++) {
        if (oa_node_input(node, slot) == OA_NONE || slot == 5 || slot == 6) {
            continue;
        }
        const oa_axes *x = oa_input_of_rank(discovery, node, slot, 2);
        if (!x) {
            return false;
        }
        bool is_table = slot >= 2 && slot <= 4;
        oa_pin_space(discovery, x->space[0], why);
        if (is_table) {
            oa_join(discovery, x->space[1], words->space[1], PARAMETER);
        } else {
            oa_pin_space(discovery, x->space[1], why);
        }
    }
    if (!join_scales(discovery, node, &sum, 5, 7)) {
        return false;
    }
    oa_axes lengths = {.has_rank = true, .rank = 1, .space = {ids->space[0]}};
    oa_set_output(discovery, node, 0, &sum);
    oa_set_output(discovery, node, 1, &lengths);
    oa_set_output(discovery, node, 2, &sum);
    return true;
}

/* One scale and shift a channel. */
static bool join_parameters(oa_discovery *discovery, const oa_node *node, size_t space)
{
    for (size_t slot = 1; slot < 3; slot++) {
        const oa_axes *parameter = oa_input_of_rank(discovery, node, slot, 1);
        if (!parameter) {
            return false;
        }
        oa_join(discovery, parameter->space[0], space, PARAMETER);
    }
    return true;
}

static bool instance_normalization(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x || x->rank < 2 || !join_parameters(discovery, node, x->space[1])) {
        return false;
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

/* Groups are reordered as blocks, and inside each block channels in the same way. Before operator set 21 there is one
 * scale a group, since then one a channel. */
static bool group_normalization(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    int64_t groups = oa_node_int(node, "num_groups", 0);
    if (!x || x->rank < 2 || groups < 1 || groups >= OA_DIM_LIMIT) {
        return false;
    }
    size_t block;
    size_t inside;
    oa_space_split(&block, &inside, &discovery->spaces, x->space[1], groups,
                   oa_reason(discovery, "the channels do not divide into the normalisation's groups"));
    if (!join_parameters(discovery, node, node->version < 21 ? block : x->space[1])) {
        return false;
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

static bool local_response(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x || x->rank < 2) {
        return false;
    }
    if (oa_node_int(node, "size", 0) != 1) {
        oa_pin_space(discovery, x->space[1], "each channel is divided by what its neighbours hold");
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

const oa_rule_entry oa_rules_normalise[] = {
    {"GroupNormalization", group_normalization},
    {"InstanceNormalization", instance_normalization},
    {"LRN", local_response},
    {"LayerNormalization", layer_normalization},
    {"LpNormalization", oa_pass_first},
    {"MeanVarianceNormalization", oa_pass_first},
    {"RMSNormalization", layer_normalization},
    {"SimplifiedLayerNormalization", layer_normalization},
    {"com.microsoft.EmbedLayerNormalization", embed_normalization},
    {"com.microsoft.SkipLayerNormalization", skip_normalization},
    {"com.microsoft.SkipSimplifiedLayerNormalization", skip_normalization},
    {NULL, NULL},
};
