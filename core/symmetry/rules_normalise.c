/* Rules of normalisations other than batch normalisation: statistics over whole axes do not depend on their order, and
 * scales and shifts go with what they scale. */
#include "core/symmetry/discovery.h"

static const char *const PARAMETER = "a parameter has another size than what it scales";

/* Over all axes from `axis` on, with scale and shift broadcast to them. The further outputs are the statistics. */
static bool layer_normalization(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    size_t axis;
    if (!x || !oa_axis_normalise(&axis, oa_node_int(node, "axis", -1), x->rank)) {
        return false;
    }
    for (size_t slot = 1; slot < 3; slot++) {
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
    oa_axes statistics = {.has_rank = true, .rank = x->rank};
    for (size_t i = 0; i < x->rank; i++) {
        statistics.space[i] = i < axis ? x->space[i] : OA_SPACE_ONE;
    }
    oa_set_output(discovery, node, 0, x);
    oa_set_output(discovery, node, 1, &statistics);
    oa_set_output(discovery, node, 2, &statistics);
    return true;
}

/* One scale and shift a channel. */
static bool join_parameters(oa_discovery *discovery, const oa_node *node, size_t space)
{
    for (size_t slot = 1; slot < 3; slot++) {
        const oa_axes *parameter = oa_input_of_rank(discovery, node, slot, 1, PARAMETER);
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
    {NULL, NULL},
};
