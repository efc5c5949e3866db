/* Rules of operators that work on each element by itself: whatever the order of the elements, the function commutes
 * with it, so all operands move together. */
#include "core/symmetry/discovery.h"

enum { OA_OPERANDS_MAX = 64 };

/* A mask drawn at random for each element does not follow a reordering; without training there is none. */
static bool dropout(oa_discovery *discovery, const oa_node *node)
{
    const oa_tensor *training = oa_node_constant(discovery->graph, node, 2);
    bool is_training =
        oa_node_input(node, 2) != OA_NONE && !(training && training->dtype == OA_DTYPE_BOOL && training->count == 1 &&
                                               training->data && *(const unsigned char *)training->data == 0);
    if (is_training || (node->version < 7 && oa_node_int(node, "is_test", 0) == 0 && node->version > 0)) {
        return false;
    }
    const oa_axes *axes = oa_input_ranked(discovery, node, 0);
    if (axes) {
        oa_set_output(discovery, node, 1, axes);
    }
    return oa_pass_first(discovery, node);
}

static bool broadcasting(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *list[OA_OPERANDS_MAX];
    size_t count = 0;
    if (node->input_count > OA_OPERANDS_MAX || oa_node_attribute(node, "broadcast")) {
        return false; /* `broadcast` with `axis` belongs to operator sets before 7 */
    }
    for (size_t i = 0; i < node->input_count; i++) {
        if (oa_node_input(node, i) == OA_NONE) {
            continue;
        }
        list[count] = oa_input_ranked(discovery, node, i);
        if (!list[count++]) {
            return false;
        }
    }
    oa_axes result = {0};
    if (count == 0 || !oa_broadcast(&result, discovery, list, count)) {
        return false;
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* Before operator set 7 there was one slope for all, or one for each index of axis 1. */
static bool prelu(oa_discovery *discovery, const oa_node *node)
{
    if (node->version == 0 || node->version >= 7) {
        return broadcasting(discovery, node);
    }
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const oa_axes *slope = oa_input_ranked(discovery, node, 1);
    if (!x || !slope || slope->rank > 1 || x->rank < 2) {
        return false;
    }
    if (slope->rank == 1 && oa_axis_size(discovery, slope, 0) != 1) {
        oa_join(discovery, slope->space[0], x->space[1], "the slopes are as many as something else than the channels");
    }
    return oa_pass_first(discovery, node);
}

const oa_rule_entry oa_rules_elementwise[] = {
    {"Abs", oa_pass_first},
    {"Acos", oa_pass_first},
    {"Acosh", oa_pass_first},
    {"Asin", oa_pass_first},
    {"Asinh", oa_pass_first},
    {"Atan", oa_pass_first},
    {"Atanh", oa_pass_first},
    {"Cast", oa_pass_first},
    {"CastLike", oa_pass_first},
    {"Ceil", oa_pass_first},
    {"Celu", oa_pass_first},
    {"Clip", oa_pass_first}, /* its bounds are scalars */
    {"Cos", oa_pass_first},
    {"Cosh", oa_pass_first},
    {"Dropout", dropout},
    {"Elu", oa_pass_first},
    {"Erf", oa_pass_first},
    {"Exp", oa_pass_first},
    {"Floor", oa_pass_first},
    {"Gelu", oa_pass_first},
    {"HardSigmoid", oa_pass_first},
    {"HardSwish", oa_pass_first},
    {"Identity", oa_pass_first},
    {"IsInf", oa_pass_first},
    {"IsNaN", oa_pass_first},
    {"LeakyRelu", oa_pass_first},
    {"Log", oa_pass_first},
    {"Mish", oa_pass_first},
    {"Neg", oa_pass_first},
    {"Not", oa_pass_first},
    {"Reciprocal", oa_pass_first},
    {"Relu", oa_pass_first},
    {"Round", oa_pass_first},
    {"Selu", oa_pass_first},
    {"Shrink", oa_pass_first},
    {"Sigmoid", oa_pass_first},
    {"Sign", oa_pass_first},
    {"Sin", oa_pass_first},
    {"Sinh", oa_pass_first},
    {"Softplus", oa_pass_first},
    {"Softsign", oa_pass_first},
    {"Sqrt", oa_pass_first},
    {"Tan", oa_pass_first},
    {"Tanh", oa_pass_first},
    {"ThresholdedRelu", oa_pass_first},

    {"Add", broadcasting},
    {"And", broadcasting},
    {"BitShift", broadcasting},
    {"Div", broadcasting},
    {"Equal", broadcasting},
    {"Greater", broadcasting},
    {"GreaterOrEqual", broadcasting},
    {"Less", broadcasting},
    {"LessOrEqual", broadcasting},
    {"Max", broadcasting},
    {"Mean", broadcasting},
    {"Min", broadcasting},
    {"Mod", broadcasting},
    {"Mul", broadcasting},
    {"Or", broadcasting},
    {"Pow", broadcasting},
    {"PRelu", prelu},
    {"Sub", broadcasting},
    {"Sum", broadcasting},
    {"Where", broadcasting},
    {"Xor", broadcasting},

    {"com.microsoft.BiasGelu", broadcasting},
    {"com.microsoft.FastGelu", broadcasting},
    {"com.microsoft.Gelu", oa_pass_first},
    {"com.microsoft.QuickGelu", oa_pass_first},
    {NULL, NULL},
};
