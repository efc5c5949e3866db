/* Rules of the operators that contract an axis of the data with an axis of the weights: the sum over an index does not
 * depend on the order of the terms, so the two contracted axes move together, and the result carries the others. */
#include "core/symmetry/discovery.h"
#include "core/symmetry/window.h"

static const char *const CONTRACTED = "the axes of a product have other sizes";
static const char *const GROUPS = "the channels do not divide into the convolution's groups";

static bool gemm(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *a = oa_input_of_rank(discovery, node, 0, 2);
    const oa_axes *b = oa_input_of_rank(discovery, node, 1, 2);
    if (!a || !b) {
        return false;
    }
    bool transpose_a = oa_node_int(node, "transA", 0) != 0;
    bool transpose_b = oa_node_int(node, "transB", 0) != 0;
    size_t axis_a = transpose_a ? 0 : 1;
    size_t axis_b = transpose_b ? 1 : 0;
    oa_contract(discovery, &(oa_operand){0, axis_a, a->space[axis_a]}, &(oa_operand){1, axis_b, b->space[axis_b]},
                CONTRACTED);
    oa_axes result = {
        .has_rank = true, .rank = 2, .space = {a->space[transpose_a ? 1 : 0], b->space[transpose_b ? 0 : 1]}};
    if (oa_node_input(node, 2) != OA_NONE) {
        const oa_axes *c = oa_input_ranked(discovery, node, 2);
        const oa_axes *list[] = {&result, c};
        oa_axes sum = {0};
        if (!c || c->rank > 2 || !oa_broadcast(&sum, discovery, list, 2)) {
            return false;
        }
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

/* NumPy's matmul of operands whose last two axes may be exchanged: vectors gain an axis that the result loses, leading
 * axes broadcast. */
static bool product(oa_discovery *discovery, const oa_node *node, bool transpose_a, bool transpose_b)
{
    const oa_axes *a = oa_input_ranked(discovery, node, 0);
    const oa_axes *b = oa_input_ranked(discovery, node, 1);
    if (!a || !b || a->rank == 0 || b->rank == 0) {
        return false;
    }
    /* Of A, the axis in the last place is summed over, of B the last but one. */
    size_t axis_a = a->rank - 1 - (transpose_a && a->rank > 1 ? 1 : 0);
    size_t axis_b = b->rank == 1 ? 0 : b->rank - 2 + (transpose_b ? 1 : 0);
    oa_contract(discovery, &(oa_operand){0, axis_a, a->space[axis_a]}, &(oa_operand){1, axis_b, b->space[axis_b]},
                CONTRACTED);
    oa_axes batch_a = *a;
    oa_axes batch_b = *b;
    batch_a.rank = a->rank < 2 ? 0 : a->rank - 2;
    batch_b.rank = b->rank < 2 ? 0 : b->rank - 2;
    const oa_axes *list[] = {&batch_a, &batch_b};
    oa_axes result = {0};
    if (!oa_broadcast(&result, discovery, list, 2)) {
        return false;
    }
    if (a->rank > 1) {
        result.space[result.rank++] = a->space[2 * a->rank - 3 - axis_a];
    }
    if (b->rank > 1) {
        result.space[result.rank++] = b->space[2 * b->rank - 3 - axis_b];
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool matmul(oa_discovery *discovery, const oa_node *node)
{
    return product(discovery, node, false, false);
}

static bool fused_matmul(oa_discovery *discovery, const oa_node *node)
{
    if (oa_node_int(node, "transBatchA", 0) != 0 || oa_node_int(node, "transBatchB", 0) != 0) {
        return false;
    }
    return product(discovery, node, oa_node_int(node, "transA", 0) != 0, oa_node_int(node, "transB", 0) != 0);
}

/* The channels of a convolution in `groups` groups. All groups are reordered as blocks, and inside each block in the
 * same way: the kernel's input axis has only the inside, for all blocks at once. A depthwise convolution has inputs of
 * one channel a block. */
static void join_channels(oa_discovery *discovery, const oa_axes *x, const oa_axes *w, int64_t groups)
{
    if (groups == 1) {
        oa_contract(discovery, &(oa_operand){0, 1, x->space[1]}, &(oa_operand){1, 1, w->space[1]}, CONTRACTED);
        return;
    }
    oa_pin pin = oa_reason(discovery, GROUPS);
    size_t block_in;
    size_t inside_in;
    size_t block_out;
    size_t inside_out;
    oa_space_split(&block_in, &inside_in, &discovery->spaces, x->space[1], groups, pin);
    oa_space_split(&block_out, &inside_out, &discovery->spaces, w->space[0], groups, pin);
    oa_join(discovery, block_in, block_out, GROUPS);
    oa_contract(discovery, &(oa_operand){0, 1, inside_in}, &(oa_operand){1, 1, w->space[1]}, CONTRACTED);
}

typedef struct convolution {
    const oa_axes *x, *w;
    int64_t groups;
    oa_dim kernel[OA_MAX_RANK]; /* of each spatial axis */
} convolution;

/* What convolutions have in common with transposed ones; fixes the kernel's positions. */
static bool read_convolution(convolution *c, oa_discovery *discovery, const oa_node *node)
{
    c->w = oa_input_ranked(discovery, node, 1);
    if (!c->w || c->w->rank < 3) {
        return false;
    }
    c->x = oa_input_of_rank(discovery, node, 0, c->w->rank);
    c->groups = oa_node_int(node, "group", 1);
    if (!c->x || c->groups < 1 || c->groups >= OA_DIM_LIMIT) {
        return false;
    }
    for (size_t i = 2; i < c->w->rank; i++) {
        c->kernel[i - 2] = oa_axis_size(discovery, c->w, i);
        oa_pin_space(discovery, c->w->space[i], "the positions of a convolution kernel are ordered");
    }
    return true;
}

typedef bool window_axes(oa_axes *result, oa_discovery *discovery, const oa_node *node, const oa_axes *x,
                         const oa_dim *kernel);

/* The bias and the result, whose channels are of the space given. */
static bool finish_convolution(const convolution *c, oa_discovery *discovery, const oa_node *node, size_t channels,
                               window_axes *window)
{
    if (oa_node_input(node, 2) != OA_NONE) {
        const oa_axes *bias = oa_input_of_rank(discovery, node, 2, 1);
        if (!bias) {
            return false;
        }
        oa_join(discovery, bias->space[0], channels, CONTRACTED);
    }
    oa_axes result = {.has_rank = true, .rank = c->w->rank, .space = {c->x->space[0], channels}};
    if (!window(&result, discovery, node, c->x, c->kernel)) {
        return false;
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

static bool conv(oa_discovery *discovery, const oa_node *node)
{
    convolution c;
    if (!read_convolution(&c, discovery, node)) {
        return false;
    }
    join_channels(discovery, c.x, c.w, c.groups);
    return finish_convolution(&c, discovery, node, c.w->space[0], oa_window_axes);
}

/* com.microsoft's convolution with something added and an activation, both element by element. */
static bool fused_conv(oa_discovery *discovery, const oa_node *node)
{
    if (!conv(discovery, node)) {
        return false;
    }
    if (oa_node_input(node, 3) == OA_NONE || node->outputs[0] == OA_NONE) {
        return true;
    }
    const oa_axes *added = oa_input_ranked(discovery, node, 3);
    const oa_axes *list[] = {&discovery->axes[node->outputs[0]], added};
    oa_axes sum = {0};
    return added && oa_broadcast(&sum, discovery, list, 2);
}

/* The kernel's first axis is the input's channels, its second one the output's inside a group. */
static bool conv_transpose(oa_discovery *discovery, const oa_node *node)
{
    convolution c;
    if (!read_convolution(&c, discovery, node)) {
        return false;
    }
    size_t in = c.x->space[1], out = c.w->space[1];
    if (c.groups == 1) {
        oa_contract(discovery, &(oa_operand){0, 1, in}, &(oa_operand){1, 0, c.w->space[0]}, CONTRACTED);
    } else {
        size_t block;
        size_t inside;
        oa_join(discovery, in, c.w->space[0], CONTRACTED);
        oa_space_split(&block, &inside, &discovery->spaces, in, c.groups, oa_reason(discovery, GROUPS));
        oa_note_contracted(discovery, 0, 1, inside, 0);
        oa_note_contracted(discovery, 1, 0, inside, 0);
        out = oa_space_product(&discovery->spaces, (const size_t[]){block, out}, 2);
    }
    return finish_convolution(&c, discovery, node, out, oa_transposed_window_axes);
}

/* Per channel scale and shift; the data may have any number of axes behind the channels. */
static bool batch_normalization(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (!x || x->rank < 2 || oa_node_int(node, "spatial", 1) == 0) {
        return false;
    }
    oa_axes channels = {.has_rank = true, .rank = 1, .space = {x->space[1]}};
    for (size_t i = 1; i < 5; i++) {
        const oa_axes *parameter = oa_input_of_rank(discovery, node, i, 1);
        if (!parameter) {
            return false;
        }
        oa_join(discovery, parameter->space[0], x->space[1], "a parameter has another size than the channels");
    }
    for (size_t i = 1; i < node->output_count; i++) {
        oa_set_output(discovery, node, i, &channels);
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

const oa_rule_entry oa_rules_linear[] = {
    {"BatchNormalization", batch_normalization},
    {"Conv", conv},
    {"ConvTranspose", conv_transpose},
    {"Gemm", gemm},
    {"MatMul", matmul},
    {"com.microsoft.FusedConv", fused_conv},
    {"com.microsoft.FusedGemm", gemm},
    {"com.microsoft.FusedMatMul", fused_matmul},
    {NULL, NULL},
};
