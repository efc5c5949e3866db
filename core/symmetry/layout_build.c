#include "core/symmetry/layout_build.h"

#include <stdio.h>
#include <string.h>

enum { OA_REASON_SIZE = 600 };

typedef oa_layout_builder builder;

oa_status oa_layout_no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while building the layout");
}

oa_status oa_layout_enter(builder *b, oa_error *error)
{
    if (b->depth >= OA_PART_DEPTH_MAX) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED,
                       "the graph nests products and concatenations of axes too deeply (more than %d levels)",
                       OA_PART_DEPTH_MAX);
    }
    b->depth++;
    return OA_OK;
}

/* The tensors that live nodes read, in canonical order, and which are statistics. */
static oa_status order_tensors(builder *b, oa_error *error)
{
    oa_layout *layout = b->layout;
    const oa_graph *graph = b->discovery->graph;
    layout->tensors = oa_calloc(graph->tensor_count, sizeof *layout->tensors);
    layout->order = oa_calloc(graph->tensor_count, sizeof *layout->order);
    if (!layout->tensors || !layout->order) {
        return oa_layout_no_memory(error);
    }
    layout->tensor_count = graph->tensor_count;
    for (size_t i = 0; i < graph->step_count; i++) {
        const oa_node *node = graph->steps[i];
        size_t count = oa_node_use_count(graph, node);
        for (size_t k = 0; k < count; k++) {
            size_t value = oa_node_use(graph, node, k);
            size_t t = value == OA_NONE ? OA_NONE : graph->values[value].tensor;
            if (t == OA_NONE) {
                continue;
            }
            if (!layout->tensors[t].is_used) {
                layout->tensors[t].is_used = true;
                layout->order[layout->order_count++] = t;
            }
            if (oa_node_is(node, "BatchNormalization") && (k == 3 || k == 4)) {
                layout->tensors[t].is_statistic = true;
            }
        }
    }
    return OA_OK;
}

/* Gives a group to every free leaf below a space of a weight, in order. */
static oa_status number_groups(builder *b, size_t space, oa_error *error)
{
    oa_spaces *spaces = &b->discovery->spaces;
    oa_layout *layout = b->layout;
    size_t root = oa_space_find(spaces, space);
    const size_t *children;
    size_t count = oa_space_children(&children, spaces, root);
    if (oa_space_kind_of(spaces, root) != OA_SPACE_LEAF) {
        oa_status status = oa_layout_enter(b, error);
        if (status != OA_OK) {
            return status;
        }
        for (size_t i = 0; i < count && status == OA_OK; i++) {
            status = number_groups(b, children[i], error);
        }
        b->depth--;
        return status;
    }
    oa_dim size = oa_space_size(spaces, root);
    if (oa_space_pin_of(spaces, root) || size < 2 || b->group_of[root] != OA_NONE) {
        return OA_OK;
    }
    if (!oa_grow(&layout->groups, &layout->group_capacity, layout->group_count + 1, sizeof *layout->groups)) {
        return oa_layout_no_memory(error);
    }
    b->group_of[root] = layout->group_count;
    layout->groups[layout->group_count++] = (oa_group){.size = (size_t)size, .parent = OA_NONE, .block_count = 1};
    return OA_OK;
}

static const char *reason_of(builder *b, size_t root)
{
    const oa_graph *graph = b->discovery->graph;
    const oa_pin *pin = oa_space_pin_of(&b->discovery->spaces, root);
    char text[OA_REASON_SIZE];
    if (oa_space_size(&b->discovery->spaces, root) == 1) {
        snprintf(text, sizeof text, "a single element"); /* all of them share one space, and so its pin */
    } else if (!pin) {
        snprintf(text, sizeof text, "no weight moves with it");
    } else if (pin->node == OA_NONE) {
        snprintf(text, sizeof text, "%s", pin->why);
    } else {
        const oa_node *node = graph->steps[pin->node];
        snprintf(text, sizeof text, "node '%s' (%s): %s", oa_node_label(graph, node), node->op_type, pin->why);
    }
    return oa_arena_strdup(&b->layout->arena, text);
}

static oa_status add_part(size_t *part, builder *b, const oa_part *item, oa_error *error)
{
    oa_layout *layout = b->layout;
    if (!oa_grow(&layout->parts, &layout->part_capacity, layout->part_count + 1, sizeof *layout->parts)) {
        return oa_layout_no_memory(error);
    }
    layout->parts[layout->part_count] = *item;
    *part = layout->part_count++;
    return OA_OK;
}

/* The factor at *i of a product: its part, or one for blocks together with insides that have orders of their own, which
 * takes the next factor, too. */
static oa_status next_factor(size_t *part, size_t *i, builder *b, const size_t *factors, size_t count, oa_error *error)
{
    oa_spaces *spaces = &b->discovery->spaces;
    size_t blocks = b->group_of[oa_space_find(spaces, factors[*i])];
    size_t inside = *i + 1 < count ? b->group_of[oa_space_find(spaces, factors[*i + 1])] : OA_NONE;
    const oa_group *own = inside == OA_NONE ? NULL : &b->layout->groups[inside];
    if (!own || blocks == OA_NONE || own->block_count == 1 || own->parent != blocks) {
        return oa_layout_part(part, b, factors[(*i)++], error);
    }
    *i += 2;
    oa_part item = {.kind = OA_PART_GROUP, .size = own->size, .group = inside};
    return add_part(part, b, &item, error);
}

/* The part of others, in order; one by itself stands for itself. */
static oa_status compose(size_t *part, builder *b, oa_part_kind kind, const size_t *parts, size_t count,
                         oa_error *error)
{
    oa_layout *layout = b->layout;
    if (count == 1) {
        *part = parts[0];
        return OA_OK;
    }
    if (!oa_grow(&layout->children, &layout->child_capacity, layout->child_count + count, sizeof *parts)) {
        return oa_layout_no_memory(error);
    }
    memcpy(layout->children + layout->child_count, parts, count * sizeof *parts);
    oa_part item = {.kind = kind,
                    .size = kind == OA_PART_PRODUCT,
                    .group = OA_NONE,
                    .first_child = layout->child_count,
                    .child_count = count};
    for (size_t i = 0; i < count; i++) { /* sizes of axes of constants fit */
        size_t size = layout->parts[parts[i]].size;
        item.size = kind == OA_PART_PRODUCT ? item.size * size : item.size + size;
    }
    layout->child_count += count;
    return add_part(part, b, &item, error);
}

oa_status oa_layout_product(size_t *part, builder *b, const size_t *factors, size_t count, oa_error *error)
{
    size_t *parts = oa_calloc(count, sizeof *parts), part_count = 0;
    oa_status status = parts ? OA_OK : oa_layout_no_memory(error);
    for (size_t i = 0; i < count && status == OA_OK;) {
        status = next_factor(&parts[part_count++], &i, b, factors, count, error);
    }
    status = status == OA_OK ? compose(part, b, OA_PART_PRODUCT, parts, part_count, error) : status;
    oa_free(parts);
    return status;
}

static oa_status build_product(size_t *part, builder *b, size_t root, oa_error *error)
{
    size_t *factors = NULL, count = 0, capacity = 0;
    oa_status status = oa_space_factors(&factors, &count, &capacity, &b->discovery->spaces, root)
                           ? oa_layout_product(part, b, factors, count, error)
                           : oa_layout_no_memory(error);
    oa_free(factors);
    return status;
}

static oa_status build_concat(size_t *part, builder *b, size_t root, oa_error *error)
{
    const size_t *children;
    size_t count = oa_space_children(&children, &b->discovery->spaces, root);
    size_t *parts = oa_calloc(count, sizeof *parts);
    oa_status status = parts ? OA_OK : oa_layout_no_memory(error);
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        status = oa_layout_part(&parts[i], b, children[i], error);
    }
    status = status == OA_OK ? compose(part, b, OA_PART_CONCAT, parts, count, error) : status;
    oa_free(parts);
    return status;
}

static oa_status build_composite(size_t *part, builder *b, size_t root, oa_error *error)
{
    bool is_product = oa_space_kind_of(&b->discovery->spaces, root) == OA_SPACE_PRODUCT;
    oa_status status = oa_layout_enter(b, error);
    if (status == OA_OK) {
        status = is_product ? build_product(part, b, root, error) : build_concat(part, b, root, error);
        b->depth--;
    }
    return status;
}

oa_status oa_layout_part(size_t *part, builder *b, size_t space, oa_error *error)
{
    oa_spaces *spaces = &b->discovery->spaces;
    size_t root = oa_space_find(spaces, space);
    if (b->part_of[root] != OA_NONE) {
        *part = b->part_of[root];
        return OA_OK;
    }
    oa_status status;
    if (oa_space_kind_of(spaces, root) != OA_SPACE_LEAF) {
        status = build_composite(part, b, root, error);
    } else {
        size_t group = b->group_of[root];
        oa_part item = {.kind = group == OA_NONE ? OA_PART_FIXED : OA_PART_GROUP,
                        .size = (size_t)oa_space_size(spaces, root),
                        .group = group};
        if (group == OA_NONE) {
            item.reason = reason_of(b, root);
            if (!item.reason) {
                return oa_layout_no_memory(error);
            }
        }
        status = add_part(part, b, &item, error);
    }
    if (status == OA_OK) {
        b->part_of[root] = *part;
    }
    return status;
}

/* An axis of a constant's view, and which of its own it is made of. */
typedef struct tensor_axis {
    size_t tensor;
    size_t axis;
    size_t first_own, end_own;
} tensor_axis;

/* The constant's own axis that a group lies on. */
static size_t own_axis(const builder *b, const tensor_axis *where, size_t group)
{
    size_t value = b->discovery->graph->tensors[where->tensor].value, axis = where->first_own;
    while (axis + 1 < where->end_own &&
           !oa_space_contains(&b->discovery->spaces, b->discovery->axes[value].space[axis], b->leaf_of[group])) {
        axis++;
    }
    return axis;
}

static oa_status add_occurrence(builder *b, const oa_found_place *found, void *context, oa_error *error)
{
    oa_layout *layout = b->layout;
    const tensor_axis *where = context;
    if (!oa_grow(&layout->occurrences, &layout->occurrence_capacity, layout->occurrence_count + 1,
                 sizeof *layout->occurrences)) {
        return oa_layout_no_memory(error);
    }
    oa_group *group = &layout->groups[found->group];
    bool is_first = group->occurrence_count++ == 0;
    if (found->is_apart) {
        return oa_fail(error, OA_ERROR_INTERNAL, "group %zu lies away from its blocks", found->group);
    }
    if (group->block_count == 1) {
        bool is_inside = found->outer_group != OA_NONE && (is_first || group->parent == found->outer_group);
        group->parent = is_inside ? found->outer_group : OA_NONE;
        group->kind = is_inside ? OA_GROUP_INSIDE : OA_GROUP_UNITS;
    }
    layout->occurrences[layout->occurrence_count++] = (oa_occurrence){.group = found->group,
                                                                      .tensor = where->tensor,
                                                                      .axis = where->axis,
                                                                      .own_axis = own_axis(b, where, found->group),
                                                                      .rest = found->rest,
                                                                      .positions = found->positions,
                                                                      .is_within = found->is_within};
    layout->tensors[where->tensor].moves = true;
    return OA_OK;
}

static oa_status number_all(builder *b, oa_error *error)
{
    const oa_graph *graph = b->discovery->graph;
    oa_status status = OA_OK;
    for (size_t i = 0; i < b->layout->order_count && status == OA_OK; i++) {
        const oa_tensor *tensor = &graph->tensors[b->layout->order[i]];
        const oa_axes *axes = &b->discovery->axes[tensor->value];
        for (size_t k = 0; k < tensor->rank && status == OA_OK && oa_dtype_is_float(tensor->dtype); k++) {
            status = number_groups(b, axes->space[k], error);
        }
    }
    return status;
}

/* The first of each group's occurrences decides what its kind is: they come in canonical order. */
static oa_status build_tensor(builder *b, size_t t, oa_error *error)
{
    const oa_tensor *tensor = &b->discovery->graph->tensors[t];
    const oa_axes *axes = &b->discovery->axes[tensor->value];
    oa_layout_tensor *made = &b->layout->tensors[t];
    size_t axis_of[OA_MAX_RANK + 1];
    oa_status status = OA_OK;
    for (size_t k = 0; k < tensor->rank && status == OA_OK; k++) {
        status = oa_layout_part(&made->part[k], b, axes->space[k], error);
    }
    status = status == OA_OK ? oa_layout_view(axis_of, b, t, error) : status;
    for (size_t k = 0; k < made->view_rank && status == OA_OK; k++) {
        tensor_axis where = {.tensor = t, .axis = k, .first_own = axis_of[k], .end_own = axis_of[k + 1]};
        status = oa_layout_place(b, made->view_part[k], add_occurrence, &where, error);
    }
    return status;
}

static oa_status build_tensors(builder *b, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < b->layout->order_count && status == OA_OK; i++) {
        status = build_tensor(b, b->layout->order[i], error);
    }
    return status;
}

/* The space of each group. */
static oa_status find_leaves(builder *b, oa_error *error)
{
    b->leaf_of = oa_malloc(b->layout->group_count, sizeof *b->leaf_of);
    for (size_t space = 0; space < b->discovery->spaces.count && b->leaf_of; space++) {
        if (b->group_of[space] != OA_NONE) {
            b->leaf_of[b->group_of[space]] = space;
        }
    }
    return b->leaf_of ? OA_OK : oa_layout_no_memory(error);
}

/* Stable sort of the occurrences by group, and each group's range. */
static oa_status sort_occurrences(builder *b, oa_error *error)
{
    oa_layout *layout = b->layout;
    oa_occurrence *sorted = oa_calloc(layout->occurrence_count, sizeof *sorted);
    size_t *next = oa_calloc(layout->group_count, sizeof *next);
    if (!sorted || !next) {
        oa_free(sorted);
        oa_free(next);
        return oa_layout_no_memory(error);
    }
    size_t at = 0;
    for (size_t g = 0; g < layout->group_count; g++) {
        layout->groups[g].first_occurrence = next[g] = at;
        at += layout->groups[g].occurrence_count;
        if (layout->groups[g].parent != OA_NONE) {
            layout->groups[layout->groups[g].parent].kind = OA_GROUP_BLOCKS;
        }
    }
    for (size_t i = 0; i < layout->occurrence_count; i++) {
        sorted[next[layout->occurrences[i].group]++] = layout->occurrences[i];
    }
    oa_free(next);
    oa_free(layout->occurrences);
    layout->occurrences = sorted;
    return OA_OK;
}

/* Is this name one of the comma separated ones? */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; *at;) {
        size_t own = strcspn(at, ",");
        if (own == length && memcmp(at, name, length) == 0) {
            return true;
        }
        at += own + strspn(at + own, ", ");
    }
    return false;
}

static oa_status list_unknown_operators(builder *b, oa_error *error)
{
    const oa_graph *graph = b->discovery->graph;
    char text[OA_REASON_SIZE] = "";
    size_t length = 0;
    for (size_t i = 0; i < graph->step_count; i++) {
        const oa_node *node = graph->steps[i];
        if (oa_symmetry_has_rule(node)) {
            continue;
        }
        b->layout->unknown_count++;
        char name[OA_REASON_SIZE];
        int size = snprintf(name, sizeof name, "%s%s%s", node->domain, node->domain[0] ? "." : "", node->op_type);
        if (size > 0 && length + (size_t)size + 3 < sizeof text && !is_listed(text, name)) {
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length ? ", " : "", name);
        }
    }
    b->layout->unknown_operators = oa_arena_strdup(&b->layout->arena, text);
    return b->layout->unknown_operators ? OA_OK : oa_layout_no_memory(error);
}

oa_status oa_layout_build(oa_layout **layout, oa_discovery *discovery, oa_error *error)
{
    size_t space_count = discovery->spaces.count;
    builder b = {.discovery = discovery,
                 .layout = oa_calloc(1, sizeof *b.layout),
                 .group_of = oa_calloc(space_count, sizeof *b.group_of),
                 .part_of = oa_calloc(space_count, sizeof *b.part_of)};
    oa_status status = OA_ERROR_MEMORY;
    if (!b.layout || !b.group_of || !b.part_of) {
        status = oa_layout_no_memory(error);
        goto done;
    }
    for (size_t i = 0; i < space_count; i++) {
        b.group_of[i] = b.part_of[i] = OA_NONE;
    }
    status = order_tensors(&b, error);
    status = status == OA_OK ? number_all(&b, error) : status;
    status = status == OA_OK ? find_leaves(&b, error) : status;
    status = status == OA_OK ? oa_layout_find_insides(&b, error) : status;
    if (status == OA_OK) {
        status = build_tensors(&b, error);
    }
    if (status == OA_OK) {
        status = sort_occurrences(&b, error);
    }
    if (status == OA_OK) {
        status = oa_layout_find_sides(&b, error);
    }
    if (status == OA_OK) {
        status = oa_layout_find_carriers(&b, error);
    }
    if (status == OA_OK) {
        status = list_unknown_operators(&b, error);
    }
    if (status == OA_OK) {
        *layout = b.layout;
        b.layout = NULL;
    }
done:
    oa_layout_destroy(b.layout);
    oa_free(b.group_of);
    oa_free(b.part_of);
    oa_free(b.leaf_of);
    return status;
}
