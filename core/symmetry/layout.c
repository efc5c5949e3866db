#include "core/symmetry/layout.h"

#include <string.h>

void oa_layout_destroy(oa_layout *layout)
{
    if (!layout) {
        return;
    }
    oa_free(layout->groups);
    oa_free(layout->occurrences);
    oa_free(layout->places);
    oa_free(layout->carriers);
    oa_free(layout->parts);
    oa_free(layout->children);
    oa_free(layout->tensors);
    oa_free(layout->order);
    oa_arena_free(&layout->arena);
    oa_free(layout);
}

bool oa_leads(const oa_layout *layout, size_t group)
{
    return layout->groups[group].block_count == 1;
}

size_t oa_next_inside(const oa_layout *layout, size_t group, size_t last)
{
    for (size_t g = last == group ? 0 : last + 1; g < layout->group_count; g++) {
        if (layout->groups[g].block_count > 1 && layout->groups[g].parent == group) {
            return g;
        }
    }
    return OA_NONE;
}

const oa_occurrence *oa_moved_by(const oa_layout *layout, size_t group, size_t index)
{
    for (size_t g = group; g != OA_NONE; g = oa_next_inside(layout, group, g)) {
        if (index < layout->groups[g].occurrence_count) {
            return &layout->occurrences[layout->groups[g].first_occurrence + index];
        }
        index -= layout->groups[g].occurrence_count;
    }
    return NULL;
}

oa_status oa_permutations_init(oa_permutations *permutations, const oa_layout *layout, oa_error *error)
{
    oa_permutations made = {.of = oa_calloc(layout->group_count, sizeof *made.of), .count = layout->group_count};
    if (!made.of) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the permutations of %zu groups", layout->group_count);
    }
    for (size_t g = 0; g < layout->group_count; g++) {
        made.of[g] = oa_malloc(layout->groups[g].size, sizeof *made.of[g]);
        if (!made.of[g]) {
            oa_permutations_free(&made);
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a permutation of %zu units",
                           layout->groups[g].size);
        }
        for (size_t i = 0; i < layout->groups[g].size; i++) {
            made.of[g][i] = i;
        }
    }
    *permutations = made;
    return OA_OK;
}

void oa_permutations_free(oa_permutations *permutations)
{
    if (!permutations) {
        return;
    }
    for (size_t g = 0; g < permutations->count; g++) {
        oa_free(permutations->of[g]);
    }
    oa_free(permutations->of);
    *permutations = (oa_permutations){0};
}

void oa_permutations_copy(oa_permutations *to, const oa_permutations *from, const oa_layout *layout)
{
    for (size_t g = 0; g < layout->group_count; g++) {
        memcpy(to->of[g], from->of[g], layout->groups[g].size * sizeof *to->of[g]);
    }
}

void oa_permutations_random(oa_permutations *permutations, const oa_layout *layout, oa_random *random)
{
    for (size_t g = 0; g < layout->group_count; g++) {
        if (layout->groups[g].block_count == 1) {
            oa_random_permutation(permutations->of[g], layout->groups[g].size, random);
        }
    }
    for (size_t g = 0; g < layout->group_count; g++) {
        const oa_group *group = &layout->groups[g];
        size_t inside = group->size / group->block_count;
        for (size_t h = 0; h < group->block_count && group->block_count > 1; h++) {
            size_t *own = permutations->of[g] + h * inside;
            oa_random_permutation(own, inside, random);
            for (size_t i = 0; i < inside; i++) {
                own[i] += permutations->of[group->parent][h] * inside;
            }
        }
    }
}

void oa_permutations_follow(oa_permutations *permutations, const oa_layout *layout, size_t group)
{
    const oa_group *own = &layout->groups[group];
    size_t *of = permutations->of[group];
    size_t inside = own->size / own->block_count;
    if (own->block_count == 1) {
        return;
    }
    /* The insides stay with the blocks that they come from: they are sorted by the blocks' new places, in cycles of
     * whole blocks, so that no room is needed. */
    const size_t *blocks = permutations->of[own->parent];
    for (size_t h = 0; h < own->block_count; h++) {
        size_t at = h;
        while (of[at * inside] / inside != blocks[h]) {
            at++;
        }
        for (size_t i = 0; i < inside && at != h; i++) {
            size_t kept = of[h * inside + i];
            of[h * inside + i] = of[at * inside + i];
            of[at * inside + i] = kept;
        }
    }
}

bool oa_permutations_fit(const oa_permutations *permutations, const oa_layout *layout, size_t group)
{
    const oa_group *own = &layout->groups[group];
    size_t inside = own->size / own->block_count;
    for (size_t u = 0; u < own->size && own->block_count > 1; u++) {
        if (permutations->of[group][u] / inside != permutations->of[own->parent][u / inside]) {
            return false;
        }
    }
    return true;
}

/* In place, cycle by cycle; visited entries are marked by setting the top bit. */
static void invert(size_t *permutation, size_t n)
{
    const size_t mark = ~(OA_NONE >> 1);
    for (size_t start = 0; start < n; start++) {
        if (permutation[start] & mark) {
            continue;
        }
        size_t at = start;
        size_t next = permutation[at];
        while (next != start) {
            size_t after = permutation[next];
            permutation[next] = at | mark;
            at = next;
            next = after;
        }
        permutation[start] = at | mark;
    }
    for (size_t i = 0; i < n; i++) {
        permutation[i] &= ~mark;
    }
}

void oa_permutations_invert(oa_permutations *permutations, const oa_layout *layout)
{
    for (size_t g = 0; g < layout->group_count; g++) {
        invert(permutations->of[g], layout->groups[g].size);
    }
}

size_t oa_permutations_moved(const oa_permutations *permutations, const oa_layout *layout, size_t group)
{
    size_t moved = 0;
    for (size_t i = 0; i < layout->groups[group].size; i++) {
        moved += permutations->of[group][i] != i;
    }
    return moved;
}

/* Which block of a group is at hand, by a factor further out in a product. */
typedef struct at_block {
    size_t group, block;
    const struct at_block *further_out;
} at_block;

/* Each factor of a product at least doubles its size. */
enum { FACTORS_MAX = 64 };

/* What is at hand behind index i of a factor: besides what was before, the block that it tells, kept in `room`. */
static const at_block *behind(at_block *room, const oa_layout *layout, const oa_part *factor, size_t i,
                              const at_block *at)
{
    if (factor->kind != OA_PART_GROUP) {
        return at;
    }
    const oa_group *group = &layout->groups[factor->group];
    bool has_own = group->block_count > 1 && factor->size == group->size;
    *room = (at_block){.group = has_own ? group->parent : factor->group,
                       .block = has_own ? i / (group->size / group->block_count) : i,
                       .further_out = at};
    return room;
}

/* The unit at index i of a group's part: i itself, or, where the part is but the inside of a block, this unit of the
 * block at hand. OA_NONE when no block is. */
static size_t unit_of(const oa_layout *layout, const oa_part *part, size_t i, const at_block *at)
{
    const oa_group *group = &layout->groups[part->group];
    if (part->size == group->size) {
        return i;
    }
    while (at && at->group != group->parent) {
        at = at->further_out;
    }
    return at ? at->block * part->size + i : OA_NONE;
}

static size_t unit_at(const oa_layout *layout, size_t index, size_t i, size_t group, const at_block *at)
{
    const oa_part *part = &layout->parts[index];
    const size_t *children = layout->children + part->first_child;
    at_block blocks[FACTORS_MAX];
    size_t unit = OA_NONE, inner = part->size;
    if (part->kind == OA_PART_GROUP) {
        return part->group == group ? unit_of(layout, part, i, at) : OA_NONE;
    }
    if (part->kind == OA_PART_CONCAT) {
        for (size_t child = 0; child < part->child_count; child++) {
            size_t size = layout->parts[children[child]].size;
            if (i < size) {
                return unit_at(layout, children[child], i, group, at);
            }
            i -= size;
        }
    }
    for (size_t child = 0; part->kind == OA_PART_PRODUCT && child < part->child_count && unit == OA_NONE; child++) {
        const oa_part *factor = &layout->parts[children[child]];
        inner /= factor->size;
        unit = unit_at(layout, children[child], i / inner, group, at);
        at = child < FACTORS_MAX ? behind(&blocks[child], layout, factor, i / inner, at) : at;
        i %= inner;
    }
    return unit;
}

size_t oa_layout_unit_at(const oa_layout *layout, size_t part, size_t i, size_t group)
{
    return unit_at(layout, part, i, group, NULL);
}

/* Where index `i` of a part comes from. */
static size_t source_of(const oa_layout *layout, size_t index, size_t i, const oa_permutations *permutations,
                        const at_block *at)
{
    const oa_part *part = &layout->parts[index];
    if (part->kind == OA_PART_FIXED) {
        return i;
    }
    if (part->kind == OA_PART_GROUP) {
        size_t unit = unit_of(layout, part, i, at);
        return unit == OA_NONE ? i : permutations->of[part->group][unit] % part->size;
    }
    const size_t *children = layout->children + part->first_child;
    if (part->kind == OA_PART_CONCAT) {
        size_t before = 0;
        size_t child = 0;
        while (i - before >= layout->parts[children[child]].size) {
            before += layout->parts[children[child++]].size;
        }
        return before + source_of(layout, children[child], i - before, permutations, at);
    }
    size_t inner = part->size;
    size_t source = 0;
    at_block blocks[FACTORS_MAX];
    for (size_t child = 0; child < part->child_count; child++) {
        const oa_part *factor = &layout->parts[children[child]];
        inner /= factor->size;
        source += inner * source_of(layout, children[child], i / inner, permutations, at);
        at = child < FACTORS_MAX ? behind(&blocks[child], layout, factor, i / inner, at) : at;
        i %= inner;
    }
    return source;
}

void oa_layout_axis_map(size_t *map, const oa_layout *layout, size_t tensor, size_t axis, size_t size,
                        const oa_permutations *permutations)
{
    size_t part = layout->tensors[tensor].is_used ? layout->tensors[tensor].view_part[axis] : OA_NONE;
    for (size_t i = 0; i < size; i++) {
        map[i] = part == OA_NONE ? i : source_of(layout, part, i, permutations, NULL);
    }
}

/* The gather itself: an odometer over the axes up to the last one that moves, with one copy for what lies inside. */
static void gather(char *target, const char *source, const oa_layout_tensor *view, size_t *const *maps,
                   size_t moving_rank, size_t element_size)
{
    size_t strides[OA_MAX_RANK];
    size_t index[OA_MAX_RANK] = {0};
    size_t block = element_size;
    for (size_t k = view->view_rank; k > moving_rank; k--) {
        block *= view->view_dims[k - 1];
    }
    size_t stride = block;
    size_t blocks = 1;
    for (size_t k = moving_rank; k > 0; k--) {
        strides[k - 1] = stride;
        stride *= view->view_dims[k - 1];
        blocks *= view->view_dims[k - 1];
    }
    for (size_t b = 0; b < blocks; b++) {
        size_t offset = 0;
        for (size_t k = 0; k < moving_rank; k++) {
            offset += maps[k][index[k]] * strides[k];
        }
        memcpy(target + b * block, source + offset, block);
        for (size_t k = moving_rank; k > 0 && ++index[k - 1] == view->view_dims[k - 1]; k--) {
            index[k - 1] = 0;
        }
    }
}

static bool part_moves(const oa_layout *layout, size_t index)
{
    const oa_part *part = &layout->parts[index];
    if (part->kind == OA_PART_GROUP) {
        return true;
    }
    for (size_t i = 0; i < part->child_count; i++) {
        if (part_moves(layout, layout->children[part->first_child + i])) {
            return true;
        }
    }
    return false;
}

bool oa_layout_axis_moves(const oa_layout *layout, size_t tensor, size_t axis)
{
    const oa_layout_tensor *item = &layout->tensors[tensor];
    return item->is_used && item->part[axis] != OA_NONE && part_moves(layout, item->part[axis]);
}

oa_status oa_layout_reorder(void *target, const void *source, const oa_layout *layout, size_t tensor,
                            const oa_tensor *shape, const oa_permutations *permutations, oa_error *error)
{
    const oa_layout_tensor *view = &layout->tensors[tensor];
    size_t element_size = oa_dtype_size(shape->dtype);
    size_t *maps[OA_MAX_RANK] = {NULL};
    size_t moving_rank = 0;
    oa_status status = OA_OK;
    for (size_t k = 0; k < view->view_rank && view->is_used; k++) {
        if (view->view_part[k] != OA_NONE && part_moves(layout, view->view_part[k])) {
            moving_rank = k + 1;
        }
    }
    for (size_t k = 0; k < moving_rank; k++) {
        maps[k] = oa_malloc(view->view_dims[k], sizeof *maps[k]);
        if (!maps[k]) {
            status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while reordering '%s'", shape->name);
            goto done;
        }
        oa_layout_axis_map(maps[k], layout, tensor, k, view->view_dims[k], permutations);
    }
    if (moving_rank == 0) {
        memcpy(target, source, shape->count * element_size);
    } else if (shape->count) {
        gather(target, source, view, maps, moving_rank, element_size);
    }
done:
    for (size_t k = 0; k < OA_MAX_RANK; k++) {
        oa_free(maps[k]);
    }
    return status;
}

oa_status oa_layout_apply(oa_payloads *payloads, const oa_layout *layout, const oa_graph *graph,
                          const size_t *tensor_of, const oa_permutations *permutations, oa_error *error)
{
    for (size_t i = 0; i < layout->order_count; i++) {
        size_t t = layout->order[i];
        size_t own = tensor_of ? tensor_of[t] : t;
        if (!layout->tensors[t].moves || own == OA_NONE) {
            continue;
        }
        const oa_tensor *tensor = &graph->tensors[own];
        void *data = oa_malloc(tensor->count, oa_dtype_size(tensor->dtype));
        if (!data) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory while reordering '%s'", tensor->name);
        }
        oa_status status = oa_layout_reorder(data, tensor->data, layout, t, tensor, permutations, error);
        if (status != OA_OK) {
            oa_free(data);
            return status;
        }
        oa_free(payloads->data[own]);
        payloads->data[own] = data;
    }
    return OA_OK;
}

static const char *first_reason(const oa_layout *layout, size_t index)
{
    const oa_part *part = &layout->parts[index];
    if (part->kind == OA_PART_FIXED) {
        return part->reason;
    }
    for (size_t i = 0; i < part->child_count; i++) {
        const char *reason = first_reason(layout, layout->children[part->first_child + i]);
        if (reason) {
            return reason;
        }
    }
    return NULL;
}

const char *oa_layout_fixed_reason(const oa_layout *layout, size_t tensor, size_t axis)
{
    if (!layout->tensors[tensor].is_used) {
        return "no output depends on it";
    }
    size_t part = layout->tensors[tensor].part[axis];
    if (part == OA_NONE) {
        return "it was not looked at";
    }
    return layout->parts[part].size > 1 ? first_reason(layout, part) : NULL;
}
