#include "core/symmetry/stacks.h"

#include <string.h>

/* Longer axes are no stacks; and so many nodes are followed from the reshape to a pick at most. */
enum { PARTS_MAX = 16, FOLLOWED_MAX = 12 };

struct oa_stack {
    size_t selector; /* the space of the axis that tells parts apart */
    size_t part_count, axis_count;
    size_t *spaces; /* [part_count + 1][axis_count]: of each part, and what stands for them until one is picked */
};

/* Spaces of the stack's axes, which no other axis has. */
static const size_t *stand_ins(const oa_stack *stack)
{
    return stack->spaces + stack->part_count * stack->axis_count;
}

void oa_stacks_free(oa_discovery *discovery)
{
    for (size_t i = 0; i < discovery->stack_count; i++) {
        oa_free(discovery->stacks[i].spaces);
    }
    oa_free(discovery->stacks);
    oa_free(discovery->first_reader);
    oa_free(discovery->readers);
}

/* ---- who reads a value ---- */

/* Once; false when memory runs out. */
static bool index_readers(oa_discovery *discovery)
{
    const oa_graph *graph = discovery->graph;
    size_t values = graph->value_count, reads = 0;
    if (discovery->first_reader) {
        return true;
    }
    size_t *first = oa_calloc(values + 1, sizeof *first), *next = oa_calloc(values + 1, sizeof *next), *readers = NULL;
    for (size_t i = 0; i < graph->step_count && first && next; i++) {
        for (size_t k = 0; k < oa_node_use_count(graph, graph->steps[i]); k++) {
            size_t value = oa_node_use(graph, graph->steps[i], k);
            if (value != OA_NONE && next[value] != i + 1) { /* a node that reads it again counts once */
                next[value] = i + 1;
                first[value + 1]++;
                reads++;
            }
        }
    }
    for (size_t v = 0; v < values && first && next; v++) {
        first[v + 1] += first[v];
        next[v] = first[v];
    }
    if (!first || !next || !(readers = oa_malloc(reads + 1, sizeof *readers))) {
        oa_free(first);
        oa_free(next);
        discovery->spaces.is_out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < graph->step_count; i++) {
        for (size_t k = 0; k < oa_node_use_count(graph, graph->steps[i]); k++) {
            size_t value = oa_node_use(graph, graph->steps[i], k);
            if (value != OA_NONE && (next[value] == first[value] || readers[next[value] - 1] != i)) {
                readers[next[value]++] = i;
            }
        }
    }
    oa_free(next);
    discovery->first_reader = first;
    discovery->readers = readers;
    return true;
}

/* ---- are all parts picked one by one? ---- */

/* Parts are picked by Gather with one known index. */
static bool known_index(size_t *part, oa_discovery *discovery, const oa_node *node, size_t count)
{
    const oa_dim *index;
    size_t indices;
    return oa_input_contents(&index, &indices, discovery, node, 1) && indices == 1 &&
           oa_axis_normalise(part, index[0], count);
}

/* Rules of these give axes new places and join nothing, so that they may run ahead of their turn. */
static bool moves_axes(oa_discovery *discovery, const oa_node *node)
{
    /* Squeeze without a list goes by sizes, which may show at run time only. */
    bool is_listed = oa_node_attribute(node, "axes") || oa_node_input(node, 1) != OA_NONE;
    bool is_known = oa_node_is(node, "Transpose") || oa_node_is(node, "Unsqueeze") || oa_node_is(node, "Identity") ||
                    (oa_node_is(node, "Squeeze") && is_listed);
    return is_known && oa_rule_of(node)(discovery, node);
}

/* Does the node's axis tell the parts of what it reads, whose axes are known? */
static bool is_along(oa_discovery *discovery, const oa_node *node, size_t selector)
{
    const oa_axes *x = &discovery->axes[oa_node_input(node, 0)];
    size_t axis;
    return oa_axis_normalise(&axis, oa_node_int(node, "axis", 0), x->rank) && x->space[axis] == selector;
}

static bool is_picked_apart(oa_discovery *discovery, size_t value, size_t selector, size_t count, size_t depth)
{
    const oa_graph *graph = discovery->graph;
    if (value == OA_NONE || depth == FOLLOWED_MAX || graph->values[value].is_output) {
        return false;
    }
    size_t first = discovery->first_reader[value], end = discovery->first_reader[value + 1];
    bool is_so = true;
    for (size_t i = first; i < end && is_so; i++) {
        const oa_node *node = graph->steps[discovery->readers[i]];
        size_t part;
        if (oa_node_input(node, 0) != value) { /* so that each node is followed once */
            return false;
        }
        if (oa_node_is(node, "Gather")) {
            is_so = known_index(&part, discovery, node, count) && is_along(discovery, node, selector);
        } else if (oa_node_is(node, "Split")) {
            is_so = node->output_count == count && is_along(discovery, node, selector);
        } else {
            is_so =
                oa_node_is(node, "Shape") || (moves_axes(discovery, node) &&
                                              is_picked_apart(discovery, node->outputs[0], selector, count, depth + 1));
        }
    }
    return is_so;
}

/* ---- stacking and picking ---- */

/* How many axes from `first` on are as many as `size` together; 0: none, also for sizes that are symbols. */
static size_t axes_of(const oa_dim *target, size_t first, size_t count, oa_dim size)
{
    for (size_t k = first; k < count && !oa_dim_is_symbolic(target[k]) && target[k] > 0 && size % target[k] == 0; k++) {
        size /= target[k];
        if (size == 1) {
            return k + 1 - first;
        }
    }
    return 0;
}

static oa_stack *add_stack(oa_discovery *discovery, size_t part_count, size_t axis_count)
{
    size_t *spaces = oa_calloc((part_count + 1) * axis_count, sizeof *spaces);
    if (!spaces || !oa_grow(&discovery->stacks, &discovery->stack_capacity, discovery->stack_count + 1,
                            sizeof *discovery->stacks)) {
        oa_free(spaces);
        discovery->spaces.is_out_of_memory = true;
        return NULL;
    }
    oa_stack *stack = &discovery->stacks[discovery->stack_count++];
    *stack = (oa_stack){.part_count = part_count, .axis_count = axis_count, .spaces = spaces};
    return stack;
}

size_t oa_stack_up(oa_axes *result, size_t at, oa_discovery *discovery, const oa_node *node, size_t space,
                   const oa_dim *target, oa_pin pin)
{
    oa_spaces *spaces = &discovery->spaces;
    oa_dim size = oa_space_size(spaces, space), parts = target[at];
    if (parts == 1 || parts > PARTS_MAX || size % parts != 0) {
        return 0;
    }
    size_t axis_count = axes_of(target, at + 1, result->rank, size / parts);
    if (!axis_count || !index_readers(discovery)) {
        return 0;
    }
    oa_axes draft = {.has_rank = true, .rank = result->rank};
    for (size_t k = 0; k < draft.rank; k++) {
        draft.space[k] = oa_space_leaf(spaces, target[k]);
    }
    oa_set_output(discovery, node, 0, &draft);
    if (!is_picked_apart(discovery, node->outputs[0], draft.space[at], (size_t)parts, 0)) {
        return 0;
    }
    oa_stack *stack = add_stack(discovery, (size_t)parts, axis_count);
    if (!stack) {
        return 0;
    }
    stack->selector = draft.space[at];
    size_t rest = space; /* what constants have of the stack are the parts; the other spaces are on none */
    for (size_t p = 0; p < stack->part_count; p++) {
        size_t own = rest, *of_part = stack->spaces + p * axis_count;
        if (p + 1 < stack->part_count) {
            oa_space_cut(&own, &rest, spaces, rest, size / parts, pin);
        }
        for (size_t k = 0; k + 1 < axis_count; k++) {
            oa_space_split(&of_part[k], &own, spaces, own, target[at + 1 + k], pin);
        }
        of_part[axis_count - 1] = own;
    }
    memcpy(stack->spaces + stack->part_count * axis_count, draft.space + at + 1, axis_count * sizeof *stack->spaces);
    memcpy(result->space + at, draft.space + at, (1 + axis_count) * sizeof *result->space);
    return 1 + axis_count;
}

/* The stack that a space tells the parts of, or NULL. Selectors are new spaces: later stacks have higher ones. */
static const oa_stack *stack_of(const oa_discovery *discovery, size_t space)
{
    size_t low = 0, high = discovery->stack_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (discovery->stacks[middle].selector < space) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < discovery->stack_count && discovery->stacks[low].selector == space ? &discovery->stacks[low] : NULL;
}

void oa_stacks_pin(oa_discovery *discovery, const oa_axes *axes, oa_pin pin)
{
    for (size_t k = 0; axes->has_rank && k < axes->rank; k++) {
        const oa_stack *stack = stack_of(discovery, axes->space[k]);
        for (size_t j = 0; stack && j < stack->part_count * stack->axis_count; j++) {
            oa_space_pin(&discovery->spaces, stack->spaces[j], pin);
        }
    }
}

bool oa_pick(oa_axes *part, oa_discovery *discovery, const oa_node *node, size_t axis, size_t output)
{
    const oa_stack *stack = stack_of(discovery, part->space[axis]);
    size_t index = output;
    if (!stack || (output == OA_NONE && !known_index(&index, discovery, node, stack->part_count))) {
        return false;
    }
    for (size_t k = 0; k < part->rank; k++) {
        for (size_t j = 0; j < stack->axis_count; j++) {
            if (part->space[k] == stand_ins(stack)[j]) {
                part->space[k] = stack->spaces[index * stack->axis_count + j];
                break;
            }
        }
    }
    return true;
}
