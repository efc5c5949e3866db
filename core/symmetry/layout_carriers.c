/* Which activations show the units of the groups, as the operators that sum over them take them in. */
#include "core/symmetry/layout_build.h"

/* What the walk over the contractions knows. */
typedef struct carriers {
    bool *is_constant;  /* [values] */
    size_t *latest;     /* [values] the latest contraction of the value so far, or OA_NONE */
    size_t *earlier;    /* [contractions] the one of the same value before, or OA_NONE */
    size_t *space_of;   /* [groups] the space of each */
    oa_carrier carrier; /* what is known of the one to add */
    size_t contraction; /* the one at work */
} carriers;

static oa_status add_carrier(oa_layout_builder *b, const oa_placed *placed, void *context, oa_error *error)
{
    oa_layout *layout = b->layout;
    const carriers *c = context;
    size_t summed = b->discovery->contractions[c->contraction].space;
    if (!oa_space_contains(&b->discovery->spaces, summed, c->space_of[placed->group])) {
        return OA_OK;
    }
    if (!oa_grow(&layout->carriers, &layout->carrier_capacity, layout->carrier_count + 1, sizeof *layout->carriers)) {
        return oa_layout_no_memory(error);
    }
    oa_carrier *carrier = &layout->carriers[layout->carrier_count++];
    *carrier = c->carrier;
    carrier->group = placed->group;
    carrier->rest = placed->rest;
    carrier->positions = placed->positions;
    layout->groups[placed->group].carrier_count++;
    return OA_OK;
}

/* Has another reader of the value summed over the same space already? */
static bool is_known(const oa_layout_builder *b, const carriers *c, size_t value)
{
    const oa_contraction *list = b->discovery->contractions;
    const oa_contraction *own = &list[c->contraction];
    for (size_t i = c->latest[value]; i != OA_NONE; i = c->earlier[i]) {
        if (list[i].axis == own->axis &&
            oa_space_find(&b->discovery->spaces, list[i].space) == oa_space_find(&b->discovery->spaces, own->space)) {
            return true;
        }
    }
    return false;
}

static oa_status visit_contraction(oa_layout_builder *b, carriers *c, oa_error *error)
{
    const oa_contraction *own = &b->discovery->contractions[c->contraction];
    size_t value = oa_node_input(&b->discovery->graph->nodes[own->node], own->slot);
    if (value == OA_NONE || c->is_constant[value] || is_known(b, c, value)) {
        return OA_OK;
    }
    c->earlier[c->contraction] = c->latest[value];
    c->latest[value] = c->contraction;
    const oa_axes *axes = &b->discovery->axes[value];
    if (!axes->has_rank || own->axis >= axes->rank || oa_dim_is_symbolic(oa_axis_size(b->discovery, axes, own->axis))) {
        return OA_OK; /* no places can be told on an axis of open size */
    }
    size_t part = OA_NONE;
    oa_status status = oa_layout_part(&part, b, axes->space[own->axis], error);
    if (status != OA_OK) {
        return status;
    }
    c->carrier = (oa_carrier){.value = value, .rank = axes->rank, .axis = own->axis};
    return oa_layout_place(b, part, add_carrier, c, error);
}

/* Stable, by group. */
static oa_status sort_carriers(oa_layout *layout, oa_error *error)
{
    oa_carrier *sorted = oa_calloc(layout->carrier_count, sizeof *sorted);
    size_t *next = oa_calloc(layout->group_count, sizeof *next);
    if (!sorted || !next) {
        oa_free(sorted);
        oa_free(next);
        return oa_layout_no_memory(error);
    }
    size_t at = 0;
    for (size_t g = 0; g < layout->group_count; g++) {
        layout->groups[g].first_carrier = next[g] = at;
        at += layout->groups[g].carrier_count;
    }
    for (size_t i = 0; i < layout->carrier_count; i++) {
        sorted[next[layout->carriers[i].group]++] = layout->carriers[i];
    }
    oa_free(next);
    oa_free(layout->carriers);
    layout->carriers = sorted;
    layout->carrier_capacity = layout->carrier_count;
    return OA_OK;
}

oa_status oa_layout_find_carriers(oa_layout_builder *b, oa_error *error)
{
    oa_discovery *discovery = b->discovery;
    const oa_graph *graph = discovery->graph;
    carriers c = {.is_constant = oa_malloc(graph->value_count, sizeof *c.is_constant),
                  .latest = oa_malloc(graph->value_count, sizeof *c.latest),
                  .earlier = oa_malloc(discovery->contraction_count, sizeof *c.earlier),
                  .space_of = oa_malloc(b->layout->group_count, sizeof *c.space_of)};
    oa_status status = c.is_constant && c.latest && c.earlier && c.space_of ? OA_OK : oa_layout_no_memory(error);
    if (status != OA_OK) {
        goto done;
    }
    oa_mark_constants(c.is_constant, graph);
    for (size_t v = 0; v < graph->value_count; v++) {
        c.latest[v] = OA_NONE;
    }
    for (size_t space = 0; space < discovery->spaces.count; space++) {
        if (b->group_of[space] != OA_NONE) {
            c.space_of[b->group_of[space]] = space;
        }
    }
    for (size_t i = 0; i < discovery->contraction_count && status == OA_OK; i++) {
        c.contraction = i;
        status = visit_contraction(b, &c, error);
    }
    if (status == OA_OK) {
        status = sort_carriers(b->layout, error);
    }
done:
    oa_free(c.is_constant);
    oa_free(c.latest);
    oa_free(c.earlier);
    oa_free(c.space_of);
    return status;
}
