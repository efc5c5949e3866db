/* Rules of attention as one operator, and of the rotary embedding that comes with it.
 *
 * Heads are blocks: queries, keys and values of a head move together, and with them the part of the result that it
 * fills. Inside a head, queries and keys are multiplied and summed over, and values pass to the result; the two have
 * orders of their own, which are the same in all heads. Several heads of queries may share one of keys and values. */
#include "core/symmetry/discovery.h"

static const char *const HEADS = "the sizes of the attention's heads do not fit";
static const char *const ORDER = "attention looks at what came before in this order";
static const char *const POSITIONS = "positions are marked in it";

/* An operand [batch, time, heads x inside] or [batch, heads, time, inside]; heads = shared x repeated, where `shared`
 * is one for each head of keys and values. */
typedef struct operand {
    size_t slot;
    bool is_split; /* of the second form */
    size_t batch, time, shared, repeated, inside;
} operand;

static bool read_operand(operand *o, oa_discovery *discovery, const oa_node *node, size_t slot, oa_dim shared,
                         oa_dim repeated)
{
    const oa_axes *x = oa_input_ranked(discovery, node, slot);
    oa_pin pin = oa_reason(discovery, HEADS);
    oa_spaces *spaces = &discovery->spaces;
    if (!x || (x->rank != 3 && x->rank != 4) || shared <= 0 || repeated <= 0) {
        return false;
    }
    *o = (operand){.slot = slot,
                   .is_split = x->rank == 4,
                   .batch = x->space[0],
                   .time = x->space[x->rank == 4 ? 2 : 1],
                   .repeated = OA_SPACE_ONE};
    oa_dim heads = shared * repeated;
    size_t all = x->space[1];
    if (o->is_split) {
        o->inside = x->space[3];
        if (oa_space_size(spaces, all) != heads) {
            return false;
        }
    } else {
        oa_dim size = oa_space_size(spaces, x->space[2]);
        if (oa_dim_is_symbolic(size) || size % heads != 0) {
            return false;
        }
        oa_space_split(&all, &o->inside, spaces, x->space[2], heads, pin);
    }
    o->shared = all;
    if (repeated > 1 && shared > 1) {
        oa_space_split(&o->shared, &o->repeated, spaces, all, shared, pin);
    } else if (shared == 1) {
        o->shared = OA_SPACE_ONE;
        o->repeated = all;
    }
    return true;
}

static size_t heads_of(const operand *o, oa_discovery *discovery)
{
    return oa_space_product(&discovery->spaces, (const size_t[]){o->shared, o->repeated}, 2);
}

/* How many heads an input [batch, heads, time, inside] has; 0 when that is not known, or it is of another form. */
static oa_dim heads_of_split(oa_discovery *discovery, const oa_node *node, size_t slot)
{
    const oa_axes *x = oa_input_ranked(discovery, node, slot);
    oa_dim heads = x && x->rank == 4 ? oa_axis_size(discovery, x, 1) : 0;
    return oa_dim_is_symbolic(heads) ? 0 : heads;
}

typedef struct attention {
    operand q, k, v;
    bool is_ordered;
} attention;

/* The scores' mask or bias [(batch,) (heads,) queries, keys], each axis whole or 1. */
static bool join_mask(const attention *a, oa_discovery *discovery, const oa_node *node, size_t slot)
{
    if (oa_node_input(node, slot) == OA_NONE) {
        return true;
    }
    const oa_axes *mask = oa_input_ranked(discovery, node, slot);
    oa_axes scores = {
        .has_rank = true, .rank = 4, .space = {a->q.batch, heads_of(&a->q, discovery), a->q.time, a->k.time}};
    oa_axes joined;
    const oa_axes *list[] = {&scores, mask};
    return mask && mask->rank <= 4 && oa_broadcast(&joined, discovery, list, 2);
}

/* What was kept of earlier steps, [batch, heads, time, inside], and the output with this step's behind it. */
static bool join_past(const operand *o, oa_discovery *discovery, const oa_node *node, size_t past, size_t present)
{
    oa_axes kept = {.has_rank = true, .rank = 4, .space = {o->batch, o->shared, o->time, o->inside}};
    if (oa_node_input(node, past) != OA_NONE) {
        const oa_axes *x = oa_input_of_rank(discovery, node, past, 4);
        if (!x) {
            return false;
        }
        for (size_t i = 0; i < 4; i++) {
            if (i != 2) {
                oa_join(discovery, x->space[i], kept.space[i], HEADS);
            }
        }
        oa_pin_space(discovery, x->space[2], ORDER);
        oa_pin_space(discovery, o->time, ORDER);
        kept.space[2] = oa_unknown(discovery);
    }
    oa_set_output(discovery, node, present, &kept);
    return true;
}

static void join_operands(const attention *a, oa_discovery *discovery)
{
    oa_join(discovery, a->q.batch, a->k.batch, HEADS);
    oa_join(discovery, a->k.batch, a->v.batch, HEADS);
    oa_join(discovery, a->k.time, a->v.time, HEADS);
    oa_join(discovery, a->q.shared, a->k.shared, HEADS);
    oa_join(discovery, a->k.shared, a->v.shared, HEADS);
    oa_contract(discovery, &(oa_operand){a->q.slot, a->q.is_split ? 3 : 2, a->q.inside},
                &(oa_operand){a->k.slot, a->k.is_split ? 3 : 2, a->k.inside}, HEADS);
    if (a->is_ordered) {
        oa_pin_space(discovery, a->q.time, ORDER);
        oa_pin_space(discovery, a->k.time, ORDER);
    }
}

static void set_result(const attention *a, oa_discovery *discovery, const oa_node *node, bool is_split)
{
    size_t heads = heads_of(&a->q, discovery);
    oa_axes result = {.has_rank = true, .rank = 4, .space = {a->q.batch, heads, a->q.time, a->v.inside}};
    if (!is_split) {
        result.rank = 3;
        result.space[1] = a->q.time;
        result.space[2] = oa_space_product(&discovery->spaces, (const size_t[]){heads, a->v.inside}, 2);
    }
    oa_set_output(discovery, node, 0, &result);
}

/* The last output, [batch, heads, queries, keys], those of earlier steps (an input in slot `past`) included. */
static void set_scores(const attention *a, oa_discovery *discovery, const oa_node *node, size_t past)
{
    size_t keys = oa_node_input(node, past) == OA_NONE ? a->k.time : oa_unknown(discovery);
    oa_axes scores = {.has_rank = true, .rank = 4, .space = {a->q.batch, heads_of(&a->q, discovery), a->q.time, keys}};
    oa_set_output(discovery, node, 3, &scores);
}

/* Attention since operator set 23. */
static bool attention_23(oa_discovery *discovery, const oa_node *node)
{
    oa_dim heads = heads_of_split(discovery, node, 0), shared = heads_of_split(discovery, node, 1);
    attention a = {.is_ordered = oa_node_int(node, "is_causal", 0) != 0};
    heads = heads ? heads : oa_node_int(node, "q_num_heads", 0);
    shared = shared ? shared : oa_node_int(node, "kv_num_heads", 0);
    if (shared <= 0 || heads <= 0 || heads >= OA_DIM_LIMIT || heads % shared != 0 ||
        oa_node_input(node, 6) != OA_NONE || !read_operand(&a.q, discovery, node, 0, shared, heads / shared) ||
        !read_operand(&a.k, discovery, node, 1, shared, 1) || !read_operand(&a.v, discovery, node, 2, shared, 1)) {
        return false;
    }
    join_operands(&a, discovery);
    if (!join_mask(&a, discovery, node, 3) || !join_past(&a.k, discovery, node, 4, 1) ||
        !join_past(&a.v, discovery, node, 5, 2)) {
        return false;
    }
    set_scores(&a, discovery, node, 4);
    set_result(&a, discovery, node, a.q.is_split);
    return true;
}

/* Which keys count: [batch, keys] or [batch, queries, keys], or lengths. */
static bool join_padding(const attention *a, oa_discovery *discovery, const oa_node *node, size_t slot)
{
    if (oa_node_input(node, slot) == OA_NONE) {
        return true;
    }
    const oa_axes *mask = oa_input_ranked(discovery, node, slot);
    if (!mask || (mask->rank != 2 && mask->rank != 3)) {
        oa_pin_space(discovery, a->q.time, ORDER);
        oa_pin_space(discovery, a->k.time, ORDER);
        oa_pin_space(discovery, a->k.batch, ORDER);
        if (mask) {
            oa_pin_axes(discovery, mask, ORDER);
        }
        return mask != NULL;
    }
    oa_axes wanted = {.has_rank = true, .rank = mask->rank, .space = {a->k.batch, a->q.time}};
    wanted.space[mask->rank - 1] = a->k.time;
    oa_axes joined;
    const oa_axes *list[] = {&wanted, mask};
    return oa_broadcast(&joined, discovery, list, 2);
}

/* A bias of queries, keys and values, one behind the other. */
static bool cut_in_three(size_t parts[3], oa_discovery *discovery, size_t space, oa_dim first, oa_dim second)
{
    oa_dim size = oa_space_size(&discovery->spaces, space);
    oa_pin pin = oa_reason(discovery, HEADS);
    if (oa_dim_is_symbolic(size) || first <= 0 || second <= 0 || first >= size || second >= size - first) {
        return false;
    }
    size_t rest;
    oa_space_cut(&parts[0], &rest, &discovery->spaces, space, first, pin);
    oa_space_cut(&parts[1], &parts[2], &discovery->spaces, rest, second, pin);
    return true;
}

/* com.microsoft MultiHeadAttention, with queries, keys and values apart. */
static bool multi_head_attention(oa_discovery *discovery, const oa_node *node)
{
    oa_dim heads = oa_node_int(node, "num_heads", 0);
    attention a = {.is_ordered = oa_node_int(node, "unidirectional", 0) != 0};
    if (heads <= 0 || heads >= OA_DIM_LIMIT || node->input_count > 8 ||
        !read_operand(&a.q, discovery, node, 0, heads, 1) || a.q.is_split ||
        !read_operand(&a.k, discovery, node, 1, heads, 1) || !read_operand(&a.v, discovery, node, 2, heads, 1)) {
        return false;
    }
    join_operands(&a, discovery);
    if (oa_node_input(node, 3) != OA_NONE) {
        const oa_axes *bias = oa_input_of_rank(discovery, node, 3, 1);
        oa_dim inside = oa_space_size(&discovery->spaces, a.q.inside);
        size_t parts[3];
        if (!bias || oa_dim_is_symbolic(inside) ||
            !cut_in_three(parts, discovery, bias->space[0], heads * inside, heads * inside)) {
            return false;
        }
        const operand *operands[] = {&a.q, &a.k, &a.v};
        for (size_t i = 0; i < 3; i++) {
            size_t all =
                oa_space_product(&discovery->spaces, (const size_t[]){operands[i]->shared, operands[i]->inside}, 2);
            oa_join(discovery, parts[i], all, HEADS);
        }
    }
    if (!join_padding(&a, discovery, node, 4) || !join_mask(&a, discovery, node, 5) ||
        !join_past(&a.k, discovery, node, 6, 1) || !join_past(&a.v, discovery, node, 7, 2)) {
        return false;
    }
    set_scores(&a, discovery, node, 6);
    set_result(&a, discovery, node, false);
    return true;
}

/* com.microsoft Attention: one product of the input with the weights of queries, keys and values. */
static bool fused_attention(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_of_rank(discovery, node, 0, 3);
    const oa_axes *w = oa_input_of_rank(discovery, node, 1, 2);
    const oa_axes *bias = oa_input_axes(discovery, node, 2);
    oa_dim heads = oa_node_int(node, "num_heads", 0), sizes[3];
    const int64_t *given;
    size_t given_count;
    size_t parts[3];
    if (!x || !w || heads <= 0 || heads >= OA_DIM_LIMIT || oa_node_input(node, 4) != OA_NONE ||
        oa_node_input(node, 6) != OA_NONE || (node->output_count > 1 && node->outputs[1] != OA_NONE)) {
        return false; /* with what was kept of earlier steps */
    }
    oa_dim total = oa_axis_size(discovery, w, 1);
    oa_node_ints(&given, &given_count, node, "qkv_hidden_sizes");
    for (size_t i = 0; i < 3; i++) {
        sizes[i] = given_count == 3 ? given[i] : oa_dim_is_symbolic(total) ? 0 : total / 3;
        if (sizes[i] <= 0 || sizes[i] >= OA_DIM_LIMIT || sizes[i] % heads != 0) {
            return false;
        }
    }
    if (total != sizes[0] + sizes[1] + sizes[2] || sizes[0] != sizes[1] ||
        !cut_in_three(parts, discovery, w->space[1], sizes[0], sizes[1])) {
        return false;
    }
    if (bias) {
        bias = oa_input_of_rank(discovery, node, 2, 1);
        if (!bias) {
            return false;
        }
        oa_join(discovery, bias->space[0], w->space[1], HEADS);
    }
    oa_contract(discovery, &(oa_operand){0, 2, x->space[2]}, &(oa_operand){1, 0, w->space[0]}, HEADS);
    attention a = {.is_ordered = oa_node_int(node, "unidirectional", 0) != 0};
    operand *operands[] = {&a.q, &a.k, &a.v};
    for (size_t i = 0; i < 3; i++) {
        *operands[i] = (operand){.slot = 1, .batch = x->space[0], .time = x->space[1], .repeated = OA_SPACE_ONE};
        oa_space_split(&operands[i]->shared, &operands[i]->inside, &discovery->spaces, parts[i], heads,
                       oa_reason(discovery, HEADS));
    }
    oa_join(discovery, a.q.shared, a.k.shared, HEADS);
    oa_join(discovery, a.k.shared, a.v.shared, HEADS);
    oa_join(discovery, a.q.inside, a.k.inside, HEADS);
    if (oa_node_int(node, "do_rotary", 0) != 0) {
        oa_pin_space(discovery, a.q.inside, POSITIONS);
        a.is_ordered = true;
    }
    if (a.is_ordered) {
        oa_pin_space(discovery, x->space[1], ORDER);
    }
    if (!join_padding(&a, discovery, node, 3) || !join_mask(&a, discovery, node, 5)) {
        return false;
    }
    set_result(&a, discovery, node, false);
    return true;
}

/* Turns pairs of a head's units by angles that depend on the position: heads are free, what is inside is not. */
static bool rotary(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    bool is_standard = node->domain[0] == '\0';
    if (!x || (x->rank != 3 && x->rank != 4)) {
        return false;
    }
    size_t inside = x->space[x->rank - 1];
    if (x->rank == 3) {
        oa_dim heads = oa_node_int(node, "num_heads", 0), size = oa_axis_size(discovery, x, 2);
        const oa_axes *table = is_standard ? NULL : oa_input_of_rank(discovery, node, 2, 2);
        oa_dim half = table ? oa_axis_size(discovery, table, 1) : 0;
        if (heads == 0 && half > 0 && !oa_dim_is_symbolic(half) && !oa_dim_is_symbolic(size)) {
            heads = size % (2 * half) == 0 ? size / (2 * half) : 0;
        }
        if (heads <= 0 || heads >= OA_DIM_LIMIT || oa_dim_is_symbolic(size) || size % heads != 0) {
            return false;
        }
        size_t block;
        oa_space_split(&block, &inside, &discovery->spaces, x->space[2], heads, oa_reason(discovery, HEADS));
    }
    oa_pin_space(discovery, inside, POSITIONS);
    oa_pin_space(discovery, x->space[0], POSITIONS);
    oa_pin_space(discovery, x->space[x->rank == 4 ? 2 : 1], POSITIONS);
    for (size_t slot = 1; slot < node->input_count; slot++) {
        const oa_axes *table = oa_input_axes(discovery, node, slot);
        if (table) {
            oa_pin_axes(discovery, table, POSITIONS);
        }
    }
    oa_set_output(discovery, node, 0, x);
    return true;
}

const oa_rule_entry oa_rules_attention[] = {
    {"Attention", attention_23},
    {"RotaryEmbedding", rotary},
    {"com.microsoft.Attention", fused_attention},
    {"com.microsoft.MultiHeadAttention", multi_head_attention},
    {"com.microsoft.RotaryEmbedding", rotary},
    {NULL, NULL},
};
