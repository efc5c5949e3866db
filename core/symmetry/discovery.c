/* What rules may do with the state of discovery. */
#include "core/symmetry/stacks.h"

oa_pin oa_reason(const oa_discovery *discovery, const char *why)
{
    return (oa_pin){.node = discovery->node, .why = why};
}

const oa_axes *oa_input_axes(oa_discovery *discovery, const oa_node *node, size_t slot)
{
    size_t value = oa_node_input(node, slot);
    return value == OA_NONE ? NULL : &discovery->axes[value];
}

const oa_axes *oa_input_ranked(oa_discovery *discovery, const oa_node *node, size_t slot)
{
    const oa_axes *axes = oa_input_axes(discovery, node, slot);
    return axes && axes->has_rank ? axes : NULL;
}

const oa_axes *oa_input_of_rank(oa_discovery *discovery, const oa_node *node, size_t slot, size_t rank)
{
    size_t value = oa_node_input(node, slot);
    if (value == OA_NONE) {
        return NULL;
    }
    oa_axes *axes = &discovery->axes[value];
    if (!axes->has_rank) {
        if (!oa_grow(&discovery->assumed, &discovery->assumed_capacity, discovery->assumed_count + 1,
                     sizeof *discovery->assumed)) {
            discovery->spaces.is_out_of_memory = true;
            return NULL;
        }
        discovery->assumed[discovery->assumed_count++] = value;
        axes->has_rank = true;
        axes->rank = rank;
        for (size_t i = 0; i < rank; i++) {
            axes->space[i] = oa_unknown(discovery);
        }
    }
    return axes->rank == rank ? axes : NULL;
}

bool oa_input_contents(const oa_dim **contents, size_t *count, oa_discovery *discovery, const oa_node *node,
                       size_t slot)
{
    const oa_axes *axes = oa_input_axes(discovery, node, slot);
    if (!axes || !axes->has_contents) {
        return false;
    }
    *contents = axes->contents;
    *count = axes->content_count;
    return true;
}

bool oa_axis_list(bool *is_member, bool *is_given, oa_discovery *discovery, const oa_node *node, const char *attribute,
                  size_t slot, size_t rank)
{
    const int64_t *list;
    size_t count;
    oa_node_ints(&list, &count, node, attribute);
    *is_given = count > 0;
    if (!*is_given && oa_node_input(node, slot) != OA_NONE) {
        if (!oa_input_contents(&list, &count, discovery, node, slot)) {
            return false;
        }
        *is_given = count > 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t axis;
        if (!oa_axis_normalise(&axis, list[i], rank)) {
            return false;
        }
        is_member[axis] = true;
    }
    return true;
}

oa_dim oa_axis_size(oa_discovery *discovery, const oa_axes *axes, size_t axis)
{
    return oa_space_size(&discovery->spaces, axes->space[axis]);
}

void oa_join(oa_discovery *discovery, size_t a, size_t b, const char *why)
{
    oa_space_join(&discovery->spaces, a, b, oa_reason(discovery, why));
}

void oa_note_contracted(oa_discovery *discovery, size_t slot, size_t axis, size_t space, size_t index)
{
    if (!oa_grow(&discovery->contractions, &discovery->contraction_capacity, discovery->contraction_count + 1,
                 sizeof *discovery->contractions)) {
        discovery->spaces.is_out_of_memory = true;
        return;
    }
    discovery->contractions[discovery->contraction_count++] =
        (oa_contraction){.node = discovery->node, .slot = slot, .axis = axis, .space = space, .index = index};
}

void oa_contract(oa_discovery *discovery, const oa_operand *a, const oa_operand *b, const char *why)
{
    oa_join(discovery, a->space, b->space, why);
    oa_note_contracted(discovery, a->slot, a->axis, a->space, 0);
    oa_note_contracted(discovery, b->slot, b->axis, b->space, 0);
}

bool oa_is_contracted(oa_discovery *discovery, size_t node, size_t slot, size_t axis, size_t leaf)
{
    size_t low = 0;
    size_t high = discovery->contraction_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (discovery->contractions[middle].node < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < discovery->contraction_count && discovery->contractions[low].node == node; low++) {
        const oa_contraction *c = &discovery->contractions[low];
        if (c->slot == slot && c->axis == axis && oa_space_contains(&discovery->spaces, c->space, leaf)) {
            return true;
        }
    }
    return false;
}

void oa_pin_space(oa_discovery *discovery, size_t space, const char *why)
{
    oa_space_pin(&discovery->spaces, space, oa_reason(discovery, why));
}

void oa_pin_axes(oa_discovery *discovery, const oa_axes *axes, const char *why)
{
    for (size_t i = 0; axes->has_rank && i < axes->rank; i++) {
        oa_pin_space(discovery, axes->space[i], why);
    }
    oa_stacks_pin(discovery, axes, oa_reason(discovery, why));
}

size_t oa_fixed(oa_discovery *discovery, oa_dim size, const char *why)
{
    return oa_space_pinned(&discovery->spaces, size, oa_reason(discovery, why));
}

size_t oa_unknown(oa_discovery *discovery)
{
    return oa_space_leaf(&discovery->spaces, oa_dim_fresh(&discovery->spaces.dims));
}

void oa_set_output(oa_discovery *discovery, const oa_node *node, size_t slot, const oa_axes *axes)
{
    if (slot < node->output_count && node->outputs[slot] != OA_NONE) {
        oa_axes *output = &discovery->axes[node->outputs[slot]];
        *output = *axes;
        output->has_contents = false;
        output->is_uniform = false;
    }
}

bool oa_pass_first(oa_discovery *discovery, const oa_node *node)
{
    const oa_axes *x = oa_input_ranked(discovery, node, 0);
    if (x) {
        oa_set_output(discovery, node, 0, x);
    }
    return x != NULL;
}

bool oa_broadcast(oa_axes *result, oa_discovery *discovery, const oa_axes *const *list, size_t count)
{
    static const char *const why = "it may be broadcast: its size is not known to equal the other operand's";
    size_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        rank = list[i]->rank > rank ? list[i]->rank : rank;
    }
    *result = (oa_axes){.has_rank = true, .rank = rank};
    for (size_t axis = 0; axis < rank; axis++) {
        size_t space = OA_SPACE_ONE;
        for (size_t i = 0; i < count; i++) {
            if (axis + list[i]->rank < rank) {
                continue;
            }
            size_t other = list[i]->space[axis + list[i]->rank - rank];
            oa_dim size = oa_space_size(&discovery->spaces, space);
            oa_dim other_size = oa_space_size(&discovery->spaces, other);
            if (other_size == 1) {
                continue;
            }
            if (size == 1) {
                space = other;
                continue;
            }
            if (size != other_size && !oa_dim_is_symbolic(size) && !oa_dim_is_symbolic(other_size)) {
                return false;
            }
            oa_join(discovery, space, other, why); /* pins both when the sizes differ */
            if (size != other_size && oa_dim_is_symbolic(size) && oa_dim_is_symbolic(other_size)) {
                space = oa_space_leaf(&discovery->spaces, oa_dim_broadcast(&discovery->spaces.dims, size, other_size));
            } else if (oa_dim_is_symbolic(size)) {
                space = other;
            }
        }
        result->space[axis] = space;
    }
    return true;
}
