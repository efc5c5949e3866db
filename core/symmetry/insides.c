/* Which insides of blocks have an order of their own in each block.
 *
 * Let D be what lies inside of blocks B (units of an attention head, channels of a convolution's group). An order of D
 * for each block of its own leaves the function as it is when no operator sees a unit of D without its block, or beside
 * that of another block:
 * - every value that has D has it behind B in a product, or has B once, apart from D;
 * - a node that sums over blocks leaves no D apart from them, which would be that of other blocks from there on;
 * - a node that sums over D has the block beside it: it sums over (B, D) as one, or keeps B in each of its outputs;
 * - of the nodes that see B and D apart, only those listed below are known to keep them together. (A Softmax over the
 *   blocks, say, would mix units of different blocks that have the same index.)
 * Constants have to show D behind B in a product, of one axis or of several (layout_view.c takes them as one then), so
 * that an order of their pairs is a reordering. Other factors may lie between: query heads G share the values of B in
 * (B, G, D), and have an order for each B themselves; the inputs D in a group B of a convolution lie behind its
 * outputs. What fails a condition is reordered in the same way in all blocks, which is always right. */
#include "core/symmetry/layout_build.h"

/* A group seen by a node. */
typedef struct touch {
    size_t group;
    size_t node;
} touch;

typedef struct finder {
    oa_layout_builder *builder;
    size_t *outer;       /* groups that lie before another in a product in all constants, the nearest first ... */
    size_t *first_outer; /* [groups] ... of each, from here ... */
    size_t *outer_count; /* [groups] ... so many */
    size_t outer_end, outer_capacity;
    bool *is_seen;   /* [groups] in a constant */
    size_t *toucher; /* [groups] the last node that was found to see it, plus 1 */
    touch *touches;  /* by group, once found */
    size_t touch_count, touch_capacity;
    size_t *first_touch;       /* [groups + 1] */
    size_t *first_contraction; /* [steps + 1] */
} finder;

/* ---- the leaves of an index space ---- */

/* `before` [count]: the factors before it in a product. False when memory runs out. */
typedef bool visitor(finder *f, size_t group, const size_t *before, size_t count, void *context);

static size_t group_of(const finder *f, size_t space)
{
    oa_spaces *spaces = &f->builder->discovery->spaces;
    size_t root = oa_space_find(spaces, space);
    return oa_space_kind_of(spaces, root) == OA_SPACE_LEAF ? f->builder->group_of[root] : OA_NONE;
}

static bool visit_leaf(finder *f, size_t space, const size_t *before, size_t count, visitor *visit, void *context)
{
    size_t group = group_of(f, space);
    return group == OA_NONE || visit(f, group, before, count, context);
}

/* Products within products are opened. Depth is limited: groups have been numbered along the same spaces. */
static bool walk(finder *f, size_t space, visitor *visit, void *context)
{
    oa_spaces *spaces = &f->builder->discovery->spaces;
    size_t root = oa_space_find(spaces, space);
    oa_space_kind kind = oa_space_kind_of(spaces, root);
    if (kind == OA_SPACE_LEAF) {
        return visit_leaf(f, root, NULL, 0, visit, context);
    }
    const size_t *children;
    size_t *factors = NULL;
    size_t count = oa_space_children(&children, spaces, root), capacity = 0;
    bool is_good = true;
    if (kind == OA_SPACE_PRODUCT) {
        count = 0;
        is_good = oa_space_factors(&factors, &count, &capacity, spaces, root);
        children = factors;
    }
    for (size_t i = 0; i < count && is_good; i++) {
        bool is_leaf = oa_space_kind_of(spaces, children[i]) == OA_SPACE_LEAF;
        is_good = is_leaf ? visit_leaf(f, children[i], children, kind == OA_SPACE_PRODUCT ? i : 0, visit, context)
                          : walk(f, children[i], visit, context);
    }
    oa_free(factors);
    return is_good;
}

/* OA_NONE has no axes. */
static bool walk_value(finder *f, size_t value, visitor *visit, void *context)
{
    const oa_axes *axes = value == OA_NONE ? NULL : &f->builder->discovery->axes[value];
    bool is_good = true;
    for (size_t k = 0; axes && axes->has_rank && k < axes->rank && is_good; k++) {
        is_good = walk(f, axes->space[k], visit, context);
    }
    return is_good;
}

/* All axes of a constant as one product of their factors. */
static bool walk_constant(finder *f, size_t value, visitor *visit, void *context)
{
    oa_spaces *spaces = &f->builder->discovery->spaces;
    const oa_axes *axes = &f->builder->discovery->axes[value];
    size_t *factors = NULL, count = 0, capacity = 0;
    bool is_good = true;
    for (size_t k = 0; axes->has_rank && k < axes->rank && is_good; k++) {
        is_good = oa_space_factors(&factors, &count, &capacity, spaces, axes->space[k]);
    }
    for (size_t i = 0; i < count && is_good; i++) {
        bool is_leaf = oa_space_kind_of(spaces, factors[i]) == OA_SPACE_LEAF;
        is_good = is_leaf ? visit_leaf(f, factors[i], factors, i, visit, context) : walk(f, factors[i], visit, context);
    }
    oa_free(factors);
    return is_good;
}

/* ---- what could be, by the constants; and which nodes see it ---- */

/* Once: of two it could not be told which one is meant. */
static bool is_among(finder *f, size_t group, const size_t *spaces, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += group_of(f, spaces[i]) == group;
    }
    return found == 1;
}

/* How many of the factors before a group are near enough: positions are listed for all that lies between (they take
 * eight bytes each), which in large kernels with all their inputs between heads and units would be more than weights.
 */
static size_t count_near(finder *f, size_t group, const size_t *before, size_t count)
{
    enum { LISTED_MAX = 1 << 22 };
    oa_spaces *spaces = &f->builder->discovery->spaces;
    size_t near = 0, span = f->builder->layout->groups[group].size;
    while (near < count && !oa_mul_overflows(&span, span, (size_t)oa_space_size(spaces, before[count - 1 - near])) &&
           span <= LISTED_MAX) {
        near++;
    }
    return near;
}

/* The groups before it where it is seen first, then those of them that are before it again. */
static bool note_outer(finder *f, size_t group, const size_t *before, size_t count, void *context)
{
    size_t near = count_near(f, group, before, count);
    (void)context;
    before = near ? before + (count - near) : NULL;
    count = near;
    if (!f->is_seen[group]) {
        f->is_seen[group] = true;
        f->first_outer[group] = f->outer_end;
        if (!oa_grow(&f->outer, &f->outer_capacity, f->outer_end + count + 1, sizeof *f->outer)) {
            return false;
        }
        for (size_t i = count; i-- > 0;) {
            size_t outer = group_of(f, before[i]);
            if (outer != OA_NONE && outer != group) {
                f->outer[f->outer_end++] = outer;
            }
        }
        f->outer_count[group] = f->outer_end - f->first_outer[group];
        return true;
    }
    size_t *outer = f->outer + f->first_outer[group], kept = 0;
    for (size_t i = 0; i < f->outer_count[group]; i++) {
        if (is_among(f, outer[i], before, count)) {
            outer[kept++] = outer[i];
        }
    }
    f->outer_count[group] = kept;
    return true;
}

static bool note_touch(finder *f, size_t group, const size_t *before, size_t count, void *context)
{
    const size_t *node = context;
    (void)before;
    (void)count;
    if (f->outer_count[group] == 0 || f->toucher[group] == *node + 1) {
        return true;
    }
    f->toucher[group] = *node + 1;
    if (!oa_grow(&f->touches, &f->touch_capacity, f->touch_count + 1, sizeof *f->touches)) {
        return false;
    }
    f->touches[f->touch_count++] = (touch){.group = group, .node = *node};
    return true;
}

/* Values that a node takes in, bodies' captures included, and puts out, by one number. */
static size_t value_of(const oa_graph *graph, const oa_node *node, size_t i)
{
    size_t uses = oa_node_use_count(graph, node);
    return i < uses ? oa_node_use(graph, node, i) : node->outputs[i - uses];
}

static size_t value_count(const oa_graph *graph, const oa_node *node)
{
    return oa_node_use_count(graph, node) + node->output_count;
}

static bool find_touches(finder *f)
{
    const oa_graph *graph = f->builder->discovery->graph;
    bool is_good = true;
    for (size_t i = 0; i < graph->step_count; i++) {
        size_t count = value_count(graph, graph->steps[i]);
        for (size_t k = 0; k < count && is_good; k++) {
            is_good = walk_value(f, value_of(graph, graph->steps[i], k), note_touch, &i);
        }
    }
    return is_good;
}

/* Stable, so that each group's are in the order of nodes. */
static bool sort_touches(finder *f)
{
    size_t groups = f->builder->layout->group_count;
    touch *sorted = oa_malloc(f->touch_count, sizeof *sorted);
    size_t *next = oa_calloc(groups + 1, sizeof *next);
    f->first_touch = oa_calloc(groups + 1, sizeof *f->first_touch);
    bool is_good = sorted && next && f->first_touch;
    for (size_t i = 0; i < f->touch_count && is_good; i++) {
        f->first_touch[f->touches[i].group + 1]++;
    }
    for (size_t g = 0; g < groups && is_good; g++) {
        f->first_touch[g + 1] += f->first_touch[g];
        next[g + 1] = f->first_touch[g + 1];
    }
    for (size_t i = 0; i < f->touch_count && is_good; i++) {
        sorted[next[f->touches[i].group]++] = f->touches[i];
    }
    oa_free(next);
    oa_free(is_good ? f->touches : sorted);
    f->touches = is_good ? sorted : f->touches;
    return is_good;
}

static bool index_contractions(finder *f)
{
    const oa_discovery *discovery = f->builder->discovery;
    size_t steps = discovery->graph->step_count;
    f->first_contraction = oa_calloc(steps + 1, sizeof *f->first_contraction);
    for (size_t i = 0; i < discovery->contraction_count && f->first_contraction; i++) {
        f->first_contraction[discovery->contractions[i].node + 1]++;
    }
    for (size_t i = 0; i < steps && f->first_contraction; i++) {
        f->first_contraction[i + 1] += f->first_contraction[i];
    }
    return f->first_contraction != NULL;
}

/* ---- the conditions ---- */

/* How often a group D, its blocks B, and D behind B in a product, occur. */
typedef struct tally {
    size_t inside, blocks;
    size_t insides, outers, pairs;
} tally;

static bool count_leaf(finder *f, size_t group, const size_t *before, size_t count, void *context)
{
    tally *t = context;
    t->insides += group == t->inside;
    t->outers += group == t->blocks;
    t->pairs += group == t->inside && is_among(f, t->blocks, before, count);
    return true;
}

/* Does a node keep a unit beside its block where both are apart? Those do that work element by element, those that move
 * elements as the axes say, and those that sum over shared indices, for which see below. */
static bool keeps_together(const oa_node *node)
{
    static const char *const known[] = {"Attention",
                                        "Concat",
                                        "Conv",
                                        "ConvTranspose",
                                        "Einsum",
                                        "Expand",
                                        "Flatten",
                                        "Gather",
                                        "MatMul",
                                        "Reshape",
                                        "Slice",
                                        "Split",
                                        "Squeeze",
                                        "Transpose",
                                        "Unsqueeze",
                                        "com.microsoft.FusedConv",
                                        "com.microsoft.FusedMatMul",
                                        "com.microsoft.MultiHeadAttention"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (oa_is_operator(known[i], node)) {
            return true;
        }
    }
    for (const oa_rule_entry *entry = oa_rules_elementwise; entry->op_type; entry++) {
        if (oa_is_operator(entry->op_type, node)) {
            return true;
        }
    }
    return false;
}

/* Operators that mix what lies along some axes, from one on: the blocks must be before. InstanceNormalization takes
 * means from the third axis on; old versions of Softmax sum from their axis on, new ones along it, and what they take
 * for it when none is given differs, so that this says nothing then. */
static bool normalises_in_blocks(bool *is_so, finder *f, const oa_node *node, const tally *pair)
{
    bool is_instance = oa_node_is(node, "InstanceNormalization");
    bool is_softmax = oa_node_is(node, "Softmax") || oa_node_is(node, "LogSoftmax");
    const oa_axes *x = is_instance || is_softmax ? oa_input_ranked(f->builder->discovery, node, 0) : NULL;
    int64_t axis = is_instance ? 2 : oa_node_int(node, "axis", 0);
    tally t = *pair;
    bool is_good = true;
    *is_so = false;
    if (!x) {
        return true;
    }
    axis += axis < 0 ? (int64_t)x->rank : 0;
    for (size_t k = axis > 0 ? (size_t)axis : 0; k < x->rank && is_good; k++) {
        is_good = walk(f, x->space[k], count_leaf, &t);
    }
    *is_so = t.outers == 0;
    return is_good;
}

static bool is_by_shape_only(const oa_node *node)
{
    return oa_node_is(node, "Shape") || oa_node_is(node, "Size");
}

/* *is_apart: does the node see D apart from its blocks? *is_wrong: where these cannot be told? */
static bool look_at_values(bool *is_apart, bool *is_wrong, finder *f, const oa_node *node, const tally *pair)
{
    const oa_graph *graph = f->builder->discovery->graph;
    size_t count = value_count(graph, node);
    for (size_t k = 0; k < count; k++) {
        tally t = *pair;
        if (!walk_value(f, value_of(graph, node, k), count_leaf, &t)) {
            return false;
        }
        if (t.pairs != t.insides) {
            *is_apart = true;
            *is_wrong |= t.outers != 1;
        }
    }
    return true;
}

/* All that is summed over has D behind its blocks, or none has the blocks and all outputs have them. An Einsum may also
 * sum over blocks and insides at once by indices of their own: over one index of blocks, which then is that of all
 * insides, since no other is left to put out. */
static bool look_at_sums(bool *is_wrong, finder *f, size_t node, const tally *pair)
{
    const oa_discovery *discovery = f->builder->discovery;
    const oa_node *own = discovery->graph->steps[node];
    bool is_joint = true, is_beside = true, is_one = oa_node_is(own, "Einsum");
    size_t index = OA_NONE; /* of the blocks, when they are summed over */
    for (size_t i = f->first_contraction[node]; i < f->first_contraction[node + 1]; i++) {
        const oa_contraction *sum = &discovery->contractions[i];
        tally t = *pair;
        if (!walk(f, sum->space, count_leaf, &t)) {
            return false;
        }
        is_joint &= t.pairs == t.insides;
        if (t.outers) {
            is_beside = false;
            is_one &= index == OA_NONE || index == sum->index;
            index = sum->index;
        }
    }
    for (size_t k = 0; k < own->output_count; k++) {
        tally t = *pair;
        if (!walk_value(f, own->outputs[k], count_leaf, &t)) {
            return false;
        }
        is_beside &= t.outers == 1;
        is_one &= t.outers == 0;
        *is_wrong |= index != OA_NONE && t.pairs != t.insides;
    }
    *is_wrong |= !is_joint && !is_beside && !is_one;
    return true;
}

/* *holds: do all nodes keep the units of a group with their blocks? */
static bool check(bool *holds, finder *f, size_t group, size_t blocks)
{
    const oa_graph *graph = f->builder->discovery->graph;
    const tally pair = {.inside = group, .blocks = blocks};
    *holds = true;
    for (size_t i = f->first_touch[group]; i < f->first_touch[group + 1] && *holds; i++) {
        const oa_node *node = graph->steps[f->touches[i].node];
        bool is_apart = false, is_wrong = false;
        if (is_by_shape_only(node)) {
            continue;
        }
        if (!look_at_values(&is_apart, &is_wrong, f, node, &pair) ||
            !look_at_sums(&is_wrong, f, f->touches[i].node, &pair)) {
            return false;
        }
        bool keeps = !is_apart || keeps_together(node);
        if (!keeps && !normalises_in_blocks(&keeps, f, node, &pair)) {
            return false;
        }
        *holds = keeps && !is_wrong;
    }
    return true;
}

/* The nearest blocks that give a group an order of its own in each. */
static bool decide(finder *f, size_t group)
{
    oa_group *groups = f->builder->layout->groups, *own = &groups[group];
    /* Of what leads insides already, or lies in blocks itself, no further level is made. */
    for (size_t i = 0; i < f->outer_count[group] && own->kind != OA_GROUP_BLOCKS && own->block_count == 1; i++) {
        size_t blocks = f->outer[f->first_outer[group] + i], size;
        bool holds = false;
        if (groups[blocks].block_count > 1 || oa_mul_overflows(&size, own->size, groups[blocks].size)) {
            continue;
        }
        if (!check(&holds, f, group, blocks)) {
            return false;
        }
        if (holds) {
            own->block_count = groups[blocks].size;
            own->size = size;
            own->parent = blocks;
            own->kind = OA_GROUP_INSIDE;
            groups[blocks].kind = OA_GROUP_BLOCKS;
        }
    }
    return true;
}

oa_status oa_layout_find_insides(oa_layout_builder *b, oa_error *error)
{
    size_t groups = b->layout->group_count;
    finder f = {.builder = b,
                .first_outer = oa_calloc(groups, sizeof *f.first_outer),
                .outer_count = oa_calloc(groups, sizeof *f.outer_count),
                .is_seen = oa_calloc(groups, sizeof *f.is_seen),
                .toucher = oa_calloc(groups, sizeof *f.toucher)};
    const oa_graph *graph = b->discovery->graph;
    bool is_good = f.first_outer && f.outer_count && f.is_seen && f.toucher, is_open = false;
    for (size_t i = 0; i < b->layout->order_count && is_good; i++) {
        is_good = walk_constant(&f, graph->tensors[b->layout->order[i]].value, note_outer, NULL);
    }
    for (size_t g = 0; g < groups && is_good; g++) {
        is_open = is_open || f.outer_count[g] > 0;
    }
    if (is_good && is_open) {
        is_good = find_touches(&f) && sort_touches(&f) && index_contractions(&f);
        for (size_t g = 0; g < groups && is_good; g++) {
            is_good = decide(&f, g);
        }
    }
    oa_free(f.outer);
    oa_free(f.first_outer);
    oa_free(f.outer_count);
    oa_free(f.is_seen);
    oa_free(f.toucher);
    oa_free(f.touches);
    oa_free(f.first_touch);
    oa_free(f.first_contraction);
    return is_good ? OA_OK : oa_layout_no_memory(error);
}
