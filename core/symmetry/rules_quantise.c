/* Rules of quantisation: each element is scaled and rounded by itself. Scale and zero point are one for all, or one for
 * each index of an axis, and go with what they scale. */
#include "core/symmetry/discovery.h"

static const char *const SCALES = "the scales are as many as something else than what they scale";

static bool quantise(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x || oa_node_int(node, "block_size", 0) != 0) {
        return false;
    }
    for (size_t slot = 1; slot < 3; slot++) {
        if (oa_node_input(node, slot) == OA_NONE) {
            continue;
        }
        const oa_axes *scale = oa_input_ranked(discovery, node, slot);
        size_t axis;
        if (!scale || scale->rank > 1) {
            return false;
        }
        if (scale->rank == 0 || oa_axis_size(discovery, scale, 0) == 1) {
            continue;
        }
        if (!oa_axis_normalise(&axis, oa_node_int(node, "axis", 1), x->rank)) {
            return false;
        }
        oa_join(discovery, scale->space[0], x->space[axis], SCALES);
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

/* Scale and zero point, its further outputs, are of the smallest and the largest element. */
static bool dynamic_quantise(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes number = {.has_rank = true};
    oa_set_output(discovery, node, 1, &number);
    oa_set_output(discovery, node, 2, &number);
    return oa_pass_first(discovery, node);
}

const oa_rule_entry oa_rules_quantise[] = {
    {"DequantizeLinear", quantise},
    {"DynamicQuantizeLinear", dynamic_quantise},
    {"QuantizeLinear", quantise},
    {NULL, NULL},
};
