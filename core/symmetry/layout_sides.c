/* Who reads a constant, and whether its units go in or come out there. */
#include "core/symmetry/layout_build.h"

#include <string.h>

/* A node that reads a value, and in which of its inputs; node OA_NONE: nobody. */
typedef struct reader {
    size_t node;
    size_t slot;
} reader;

void oa_mark_constants(bool *is_constant, const oa_graph *graph)
{
    for (size_t v = 0; v < graph->value_count; v++) {
        is_constant[v] = graph->values[v].tensor != OA_NONE;
    }
    for (size_t i = 0; i < graph->step_count; i++) {
        const oa_node *node = graph->steps[i];
        size_t count = oa_node_use_count(graph, node);
        bool is_made_of_constants = node->input_count > 0;
        for (size_t k = 0; k < count; k++) {
            size_t value = oa_node_use(graph, node, k);
            is_made_of_constants = is_made_of_constants && (value == OA_NONE || is_constant[value]);
        }
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != OA_NONE) {
                is_constant[node->outputs[k]] = is_made_of_constants;
            }
        }
    }
}

/* first[value] = the first live node that reads more of it than its sizes. */
static void find_first_readers(reader *first, const oa_graph *graph)
{
    for (size_t v = 0; v < graph->value_count; v++) {
        first[v] = (reader){.node = OA_NONE};
    }
    for (size_t i = graph->step_count; i-- > 0;) {
        const oa_node *node = graph->steps[i];
        if (oa_node_is(node, "Shape") || oa_node_is(node, "Size")) {
            continue;
        }
        for (size_t k = oa_node_use_count(graph, node); k-- > 0;) {
            size_t value = oa_node_use(graph, node, k);
            if (value != OA_NONE) {
                first[value] = (reader){.node = i, .slot = k};
            }
        }
    }
}

/* The reader of what a node makes of constants alone: its first output that somebody reads. *value becomes that output;
 * node OA_NONE when there is none, which leaves the node itself as the reader. */
static reader next_reader(size_t *value, const reader *first, const bool *is_constant, const oa_node *node)
{
    for (size_t k = 0; k < node->output_count; k++) {
        size_t output = node->outputs[k];
        if (output != OA_NONE && is_constant[output] && first[output].node != OA_NONE) {
            *value = output;
            return first[output];
        }
    }
    return (reader){.node = OA_NONE};
}

/* The axis of `axes` that carries the leaf: the one that is the very space `space`, else the first. OA_NONE: none. */
static size_t axis_with(oa_spaces *spaces, const oa_axes *axes, size_t space, size_t leaf)
{
    size_t found = OA_NONE;
    for (size_t k = 0; axes->has_rank && k < axes->rank; k++) {
        if (axes->space[k] == space) {
            return k;
        }
        if (found == OA_NONE && oa_space_contains(spaces, axes->space[k], leaf)) {
            found = k;
        }
    }
    return found;
}

typedef struct sides {
    oa_layout *layout;
    oa_discovery *discovery;
    reader *first;         /* [values] */
    bool *is_constant;     /* [values] */
    const size_t *leaf_of; /* [groups] the space of each */
} sides;

/* Follows the units from their constant through what is made of constants alone, until a node sums over them or a node
 * that computes with data takes them up. The axis is kept track of by its space, which matters for a square weight of a
 * residual stream: both its axes carry one group, and only one of them is summed over. */
static bool is_input(const sides *s, const oa_occurrence *occurrence)
{
    const oa_graph *graph = s->discovery->graph;
    oa_spaces *spaces = &s->discovery->spaces;
    size_t value = graph->tensors[occurrence->tensor].value;
    size_t leaf = s->leaf_of[occurrence->group];
    size_t axis = occurrence->own_axis;
    reader at = s->first[value];
    while (at.node != OA_NONE && axis != OA_NONE) {
        if (oa_is_contracted(s->discovery, at.node, at.slot, axis, leaf)) {
            return true;
        }
        size_t space = s->discovery->axes[value].space[axis];
        at = next_reader(&value, s->first, s->is_constant, graph->steps[at.node]);
        axis = axis_with(spaces, &s->discovery->axes[value], space, leaf);
    }
    return false;
}

static oa_status name_reader(const sides *s, size_t tensor, oa_error *error)
{
    const oa_graph *graph = s->discovery->graph;
    size_t value = graph->tensors[tensor].value;
    reader at = s->first[value];
    for (reader next = at; next.node != OA_NONE;) {
        at = next;
        next = next_reader(&value, s->first, s->is_constant, graph->steps[at.node]);
    }
    if (at.node == OA_NONE) {
        return OA_OK;
    }
    s->layout->tensors[tensor].slot = at.slot;
    s->layout->tensors[tensor].op_type = oa_arena_strdup(&s->layout->arena, graph->steps[at.node]->op_type);
    return s->layout->tensors[tensor].op_type ? OA_OK : oa_layout_no_memory(error);
}

oa_status oa_layout_find_sides(oa_layout_builder *b, oa_error *error)
{
    const oa_graph *graph = b->discovery->graph;
    oa_layout *layout = b->layout;
    sides s = {.layout = layout,
               .discovery = b->discovery,
               .first = oa_malloc(graph->value_count, sizeof *s.first),
               .is_constant = oa_malloc(graph->value_count, sizeof *s.is_constant),
               .leaf_of = b->leaf_of};
    oa_status status = s.first && s.is_constant ? OA_OK : oa_layout_no_memory(error);
    if (status != OA_OK) {
        goto done;
    }
    find_first_readers(s.first, graph);
    oa_mark_constants(s.is_constant, graph);
    for (size_t i = 0; i < layout->order_count && status == OA_OK; i++) {
        status = name_reader(&s, layout->order[i], error);
    }
    for (size_t i = 0; i < layout->occurrence_count && status == OA_OK; i++) {
        layout->occurrences[i].is_input = is_input(&s, &layout->occurrences[i]);
    }
done:
    oa_free(s.first);
    oa_free(s.is_constant);
    return status;
}
