/* Rules of pooling, reductions and normalising functions. Reducing the whole of an axis does not depend on its order.
 */
#include "core/symmetry/discovery.h"
#include "core/symmetry/window.h"

static bool pooling(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    const int64_t *kernel_shape;
    size_t count;
    oa_node_ints(&kernel_shape, &count, node, "kernel_shape");
    if (!x || x->rank < 3 || count != x->rank - 2) {
        return false;
    }
    oa_dim kernel[OA_MAX_RANK];
    for (size_t i = 0; i < count; i++) {
        if (kernel_shape[i] < 1 || kernel_shape[i] >= OA_DIM_LIMIT) {
            return false;
        }
        kernel[i] = kernel_shape[i];
    }
    if (node->output_count > 1 && node->outputs[1] != OA_NONE) {
        /* The second output of MaxPool is places in the flattened input: numbers that name an order. */
        oa_pin_axes(discovery, x, "the places of maxima count in this order");
    }
    oa_axes result = {.has_rank = true, .rank = x->rank, .space = {x->space[0], x->space[1]}};
    if (!oa_window_axes(&result, discovery, node, x, kernel)) {
        return false;
    }
    oa_set_output(discovery, node, 0, &result);
    if (node->output_count > 1) {
        oa_set_output(discovery, node, 1, &result);
    }
    return true;
}

static bool global_pooling(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x || x->rank < 2) {
        return false;
    }
    oa_axes result = *x;
    for (size_t i = 2; i < x->rank; i++) {
        oa_note_contracted(discovery, 0, i, x->space[i], i);
        result.space[i] = OA_SPACE_ONE;
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool reduction(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    bool is_reduced[OA_MAX_RANK] = {false};
    bool is_given = false;
    if (!x || !oa_axis_list(is_reduced, &is_given, discovery, node, "axes", 1, x->rank)) {
        return false;
    }
    if (!is_given && oa_node_int(node, "noop_with_empty_axes", 0) == 0) {
        for (size_t i = 0; i < x->rank; i++) {
            is_reduced[i] = true;
        }
    }
    bool keeps = oa_node_int(node, "keepdims", 1) != 0;
    oa_axes result = {.has_rank = true};
    for (size_t i = 0; i < x->rank; i++) {
        if (!is_reduced[i]) {
            result.space[result.rank++] = x->space[i];
            continue;
        }
        oa_note_contracted(discovery, 0, i, x->space[i], i);
        if (keeps) {
            result.space[result.rank++] = OA_SPACE_ONE;
        }
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* Softmax and LogSoftmax pass on their input: each element is divided by a sum over whole axes (one, or in old operator
 * sets all from one on). */
const oa_rule_entry oa_rules_reduce[] = {
    {"AveragePool", pooling},
    {"GlobalAveragePool", global_pooling},
    {"GlobalLpPool", global_pooling},
    {"GlobalMaxPool", global_pooling},
    {"LogSoftmax", oa_pass_first},
    {"LpPool", pooling},
    {"MaxPool", pooling},
    {"ReduceL1", reduction},
    {"ReduceL2", reduction},
    {"ReduceLogSum", reduction},
    {"ReduceLogSumExp", reduction},
    {"ReduceMax", reduction},
    {"ReduceMean", reduction},
    {"ReduceMin", reduction},
    {"ReduceProd", reduction},
    {"ReduceSum", reduction},
    {"ReduceSumSquare", reduction},
    {"Softmax", oa_pass_first},
    {NULL, NULL},
};
