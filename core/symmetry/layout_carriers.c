/* Which activations show the units of the groups, as the operators that sum over them take them in. */
#include "core/symmetry/layout_build.h"

typedef struct search {
    oa_layout_builder *builder;
    bool *is_constant;   /* [values] */
    size_t *first_place; /* [values] into layout->places; OA_NONE: not looked at yet */
    size_t *place_count; /* [values] */
    size_t value, axis;  /* at work */
    bool is_apart;       /* groups lie on the value at work as no reordering of its axes can tell */
} search;

static oa_status add_place(oa_layout_builder *b, const oa_found_place *found, void *context, oa_error *error)
{
    oa_layout *layout = b->layout;
    search *s = context;
    s->is_apart = s->is_apart || found->is_apart;
    if (found->is_apart) {
        return OA_OK;
    }
    if (!oa_grow(&layout->places, &layout->place_capacity, layout->place_count + 1, sizeof *layout->places)) {
        return oa_layout_no_memory(error);
    }
    layout->places[layout->place_count++] = (oa_place){.group = found->group,
                                                       .value = s->value,
                                                       .axis = s->axis,
                                                       .rest = found->rest,
                                                       .positions = found->positions,
                                                       .is_within = found->is_within};
    s->place_count[s->value]++;
    return OA_OK;
}

/* Is there a group on a space? Depth is limited where the space was made. */
static bool has_group(const search *s, size_t space)
{
    oa_spaces *spaces = &s->builder->discovery->spaces;
    size_t root = oa_space_find(spaces, space);
    const size_t *children;
    size_t count = oa_space_children(&children, spaces, root);
    if (oa_space_kind_of(spaces, root) == OA_SPACE_LEAF) {
        return s->builder->group_of[root] != OA_NONE;
    }
    for (size_t i = 0; i < count; i++) {
        if (has_group(s, children[i])) {
            return true;
        }
    }
    return false;
}

/* All places of groups on a value. A value with a group on an axis of open size has none: where the group lies there
 * cannot be told, and so not either what stands beside what. Nor has one where blocks and insides with orders of their
 * own lie apart, which is no reordering of an axis. */
static oa_status look_at(search *s, size_t value, oa_error *error)
{
    oa_layout_builder *b = s->builder;
    const oa_axes *axes = &b->discovery->axes[value];
    size_t before = b->layout->place_count;
    oa_status status = OA_OK;
    s->first_place[value] = before;
    s->is_apart = false;
    for (s->axis = 0; axes->has_rank && s->axis < axes->rank && status == OA_OK && !s->is_apart; s->axis++) {
        size_t space = axes->space[s->axis];
        if (oa_dim_is_symbolic(oa_space_size(&b->discovery->spaces, space))) {
            s->is_apart = has_group(s, space);
            continue;
        }
        size_t part = OA_NONE;
        s->value = value;
        status = oa_layout_part(&part, b, space, error);
        if (status == OA_OK) {
            status = oa_layout_place(b, part, add_place, s, error);
        }
    }
    if (s->is_apart) {
        b->layout->place_count = before;
        s->place_count[value] = 0;
    }
    return status;
}

/* Are there places on the value, to be counted from s->first_place[value]? What bodies compute cannot be looked at from
 * outside. */
static oa_status open_value(bool *is_open, search *s, size_t value, oa_error *error)
{
    const oa_graph *graph = s->builder->discovery->graph;
    *is_open = value != OA_NONE && !s->is_constant[value] && graph->values[value].body == OA_NONE;
    return *is_open && s->first_place[value] == OA_NONE ? look_at(s, value, error) : OA_OK;
}

static void mark(oa_layout *layout, oa_place *place)
{
    if (!place->is_summed) {
        place->is_summed = true;
        layout->groups[place->group].carrier_count++;
        layout->carrier_count++;
    }
}

static oa_status visit(search *s, const oa_contraction *contraction, oa_error *error)
{
    oa_discovery *discovery = s->builder->discovery;
    oa_layout *layout = s->builder->layout;
    size_t value = oa_node_input(discovery->graph->steps[contraction->node], contraction->slot);
    bool is_open;
    oa_status status = open_value(&is_open, s, value, error);
    for (size_t i = 0; is_open && i < s->place_count[value] && status == OA_OK; i++) {
        oa_place *place = &layout->places[s->first_place[value] + i];
        if (place->axis == contraction->axis &&
            oa_space_contains(&discovery->spaces, contraction->space, s->builder->leaf_of[place->group])) {
            mark(layout, place);
        }
    }
    return status;
}

/* Does an axis of the value carry the leaf of an inside by itself? */
static bool has_alone(const search *s, size_t value, size_t group)
{
    oa_spaces *spaces = &s->builder->discovery->spaces;
    const oa_axes *axes = &s->builder->discovery->axes[value];
    for (size_t k = 0; axes->has_rank && k < axes->rank; k++) {
        if (oa_space_find(spaces, axes->space[k]) == s->builder->leaf_of[group]) {
            return true;
        }
    }
    return false;
}

/* Where a Reshape takes blocks and insides with orders of their own apart, its input is the last to show the units. */
static oa_status visit_reshape(search *s, const oa_node *node, oa_error *error)
{
    oa_layout *layout = s->builder->layout;
    size_t value = oa_node_input(node, 0), target = node->outputs[0];
    bool is_open;
    oa_status status = open_value(&is_open, s, value, error);
    for (size_t i = 0; is_open && target != OA_NONE && i < s->place_count[value] && status == OA_OK; i++) {
        oa_place *place = &layout->places[s->first_place[value] + i];
        if (layout->groups[place->group].block_count > 1 && has_alone(s, target, place->group)) {
            mark(layout, place);
        }
    }
    return status;
}

static oa_status visit_reshapes(search *s, oa_error *error)
{
    const oa_graph *graph = s->builder->discovery->graph;
    bool is_wanted = false;
    for (size_t g = 0; g < s->builder->layout->group_count; g++) {
        is_wanted = is_wanted || s->builder->layout->groups[g].block_count > 1;
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < graph->step_count && is_wanted && status == OA_OK; i++) {
        if (oa_node_is(graph->steps[i], "Reshape") && graph->steps[i]->output_count) {
            status = visit_reshape(s, graph->steps[i], error);
        }
    }
    return status;
}

static oa_status list_carriers(oa_layout *layout, oa_error *error)
{
    size_t *next = oa_calloc(layout->group_count, sizeof *next);
    layout->carriers = oa_calloc(layout->carrier_count, sizeof *layout->carriers);
    if (!layout->carriers || !next) {
        oa_free(next);
        return oa_layout_no_memory(error);
    }
    size_t at = 0;
    for (size_t g = 0; g < layout->group_count; g++) {
        layout->groups[g].first_carrier = next[g] = at;
        at += layout->groups[g].carrier_count;
    }
    for (size_t i = 0; i < layout->place_count; i++) {
        if (layout->places[i].is_summed) {
            layout->carriers[next[layout->places[i].group]++] = i;
        }
    }
    oa_free(next);
    return OA_OK;
}

oa_status oa_layout_find_carriers(oa_layout_builder *b, oa_error *error)
{
    oa_discovery *discovery = b->discovery;
    const oa_graph *graph = discovery->graph;
    search s = {.builder = b,
                .is_constant = oa_malloc(graph->value_count, sizeof *s.is_constant),
                .first_place = oa_malloc(graph->value_count, sizeof *s.first_place),
                .place_count = oa_calloc(graph->value_count, sizeof *s.place_count)};
    oa_status status = s.is_constant && s.first_place && s.place_count ? OA_OK : oa_layout_no_memory(error);
    if (status != OA_OK) {
        goto done;
    }
    oa_mark_constants(s.is_constant, graph);
    for (size_t v = 0; v < graph->value_count; v++) {
        s.first_place[v] = OA_NONE;
    }
    for (size_t i = 0; i < discovery->contraction_count && status == OA_OK; i++) {
        status = visit(&s, &discovery->contractions[i], error);
    }
    status = status == OA_OK ? visit_reshapes(&s, error) : status;
    if (status == OA_OK) {
        status = list_carriers(b->layout, error);
    }
done:
    oa_free(s.is_constant);
    oa_free(s.first_place);
    oa_free(s.place_count);
    return status;
}
