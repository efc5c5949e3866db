/* Which activations show the units of the groups, as the operators that sum over them take them in. */
#include "core/symmetry/layout_build.h"

typedef struct search {
    oa_layout_builder *builder;
    bool *is_constant;   /* [values] */
    size_t *first_place; /* [values] into layout->places; OA_NONE: not looked at yet */
    size_t *place_count; /* [values] */
    size_t *space_of;    /* [groups] the space of each */
    size_t value, axis;  /* at work */
} search;

static oa_status add_place(oa_layout_builder *b, const oa_found_place *found, void *context, oa_error *error)
{
    oa_layout *layout = b->layout;
    search *s = context;
    if (!oa_grow(&layout->places, &layout->place_capacity, layout->place_count + 1, sizeof *layout->places)) {
        return oa_layout_no_memory(error);
    }
    layout->places[layout->place_count++] = (oa_place){
        .group = found->group, .value = s->value, .axis = s->axis, .rest = found->rest, .positions = found->positions};
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
 * cannot be told, and so not either what stands beside what. */
static oa_status look_at(search *s, size_t value, oa_error *error)
{
    oa_layout_builder *b = s->builder;
    const oa_axes *axes = &b->discovery->axes[value];
    size_t before = b->layout->place_count;
    oa_status status = OA_OK;
    s->first_place[value] = before;
    for (s->axis = 0; axes->has_rank && s->axis < axes->rank && status == OA_OK; s->axis++) {
        size_t space = axes->space[s->axis];
        if (oa_dim_is_symbolic(oa_space_size(&b->discovery->spaces, space))) {
            if (has_group(s, space)) {
                b->layout->place_count = before;
                s->place_count[value] = 0;
                break;
            }
            continue;
        }
        size_t part = OA_NONE;
        s->value = value;
        status = oa_layout_part(&part, b, space, error);
        if (status == OA_OK) {
            status = oa_layout_place(b, part, add_place, s, error);
        }
    }
    return status;
}

static oa_status visit(search *s, const oa_contraction *contraction, oa_error *error)
{
    oa_discovery *discovery = s->builder->discovery;
    oa_layout *layout = s->builder->layout;
    const oa_graph *graph = discovery->graph;
    size_t value = oa_node_input(graph->steps[contraction->node], contraction->slot);
    /* What bodies compute cannot be looked at from outside. */
    if (value == OA_NONE || s->is_constant[value] || graph->values[value].body != OA_NONE) {
        return OA_OK;
    }
    if (s->first_place[value] == OA_NONE) {
        oa_status status = look_at(s, value, error);
        if (status != OA_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < s->place_count[value]; i++) {
        oa_place *place = &layout->places[s->first_place[value] + i];
        if (place->axis == contraction->axis && !place->is_summed &&
            oa_space_contains(&discovery->spaces, contraction->space, s->space_of[place->group])) {
            place->is_summed = true;
            layout->groups[place->group].carrier_count++;
            layout->carrier_count++;
        }
    }
    return OA_OK;
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
                .place_count = oa_calloc(graph->value_count, sizeof *s.place_count),
                .space_of = oa_malloc(b->layout->group_count, sizeof *s.space_of)};
    oa_status status =
        s.is_constant && s.first_place && s.place_count && s.space_of ? OA_OK : oa_layout_no_memory(error);
    if (status != OA_OK) {
        goto done;
    }
    oa_mark_constants(s.is_constant, graph);
    for (size_t v = 0; v < graph->value_count; v++) {
        s.first_place[v] = OA_NONE;
    }
    for (size_t space = 0; space < discovery->spaces.count; space++) {
        if (b->group_of[space] != OA_NONE) {
            s.space_of[b->group_of[space]] = space;
        }
    }
    for (size_t i = 0; i < discovery->contraction_count && status == OA_OK; i++) {
        status = visit(&s, &discovery->contractions[i], error);
    }
    if (status == OA_OK) {
        status = list_carriers(b->layout, error);
    }
done:
    oa_free(s.is_constant);
    oa_free(s.first_place);
    oa_free(s.place_count);
    oa_free(s.space_of);
    return status;
}
