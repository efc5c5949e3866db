/* Where the units of a group lie along an axis: the tree of parts, walked from the outermost factor inwards. */
#include "core/symmetry/layout_build.h"

/* Who is told of what is found along which axis. */
typedef struct listener {
    oa_place_visitor *visit;
    void *context;
    size_t part;
} listener;

/* Where the indices of a part lie along the axis: {base + i * inner + r : base in bases, r < inner}. */
typedef struct placement {
    const size_t *bases;
    size_t base_count;
    size_t inner;
    size_t outer_group; /* the nearest group further out in a product around, or OA_NONE */
} placement;

/* Where a child lies in its part: copies `stride` apart, each of which starts at `offset`. */
typedef struct child_place {
    size_t copies;
    size_t stride;
    size_t offset;
    size_t inner;
    size_t outer_group;
} child_place;

static oa_status place_part(oa_layout_builder *b, size_t index, const placement *place, const listener *to,
                            oa_error *error);

/* Insides that are not right behind their blocks: the units are asked for, element by element. */
static oa_status place_within(oa_layout_builder *b, const oa_part *part, const placement *place, const listener *to,
                              oa_error *error)
{
    size_t units = b->layout->groups[part->group].size, elements = place->base_count * part->size * place->inner;
    size_t rest = elements / units;
    oa_found_place found = {.group = part->group,
                            .rest = rest,
                            .outer_group = place->outer_group,
                            .is_within = true,
                            .is_apart = rest == 0 || elements % units != 0};
    size_t *positions = oa_arena_alloc(&b->layout->arena, elements, sizeof *positions);
    size_t *filled = oa_calloc(units, sizeof *filled);
    if (!positions || !filled) {
        oa_free(filled);
        return oa_layout_no_memory(error);
    }
    for (size_t e = 0; e < elements && !found.is_apart; e++) {
        size_t within = e % (part->size * place->inner);
        size_t at = place->bases[e / (part->size * place->inner)] + within;
        size_t unit = oa_layout_unit_at(b->layout, to->part, at, part->group);
        found.is_apart = unit == OA_NONE || filled[unit] == rest;
        if (!found.is_apart) {
            positions[unit * rest + filled[unit]++] = at;
        }
    }
    oa_free(filled);
    found.positions = positions;
    return to->visit(b, &found, to->context, error);
}

static oa_status place_group(oa_layout_builder *b, const oa_part *part, const placement *place, const listener *to,
                             oa_error *error)
{
    size_t rest = place->base_count * place->inner;
    if (part->size != b->layout->groups[part->group].size) {
        return place_within(b, part, place, to, error);
    }
    size_t *positions = oa_arena_alloc(&b->layout->arena, part->size * rest, sizeof *positions);
    if (!positions) {
        return oa_layout_no_memory(error);
    }
    size_t at = 0;
    for (size_t i = 0; i < part->size; i++) {
        for (size_t base = 0; base < place->base_count; base++) {
            for (size_t r = 0; r < place->inner; r++) {
                positions[at++] = place->bases[base] + i * place->inner + r;
            }
        }
    }
    oa_found_place found = {
        .group = part->group, .rest = rest, .positions = positions, .outer_group = place->outer_group};
    return to->visit(b, &found, to->context, error);
}

static oa_status place_child(oa_layout_builder *b, size_t child, const child_place *in, const placement *place,
                             const listener *to, oa_error *error)
{
    size_t *bases = oa_calloc(place->base_count * in->copies, sizeof *bases);
    if (!bases) {
        return oa_layout_no_memory(error);
    }
    size_t count = 0;
    for (size_t base = 0; base < place->base_count; base++) {
        for (size_t copy = 0; copy < in->copies; copy++) {
            bases[count++] = place->bases[base] + in->offset + copy * in->stride;
        }
    }
    placement inside = {.bases = bases, .base_count = count, .inner = in->inner, .outer_group = in->outer_group};
    oa_status status = place_part(b, child, &inside, to, error);
    oa_free(bases);
    return status;
}

static oa_status place_part(oa_layout_builder *b, size_t index, const placement *place, const listener *to,
                            oa_error *error)
{
    oa_layout *layout = b->layout;
    oa_part part = layout->parts[index];
    if (part.kind == OA_PART_FIXED) {
        return OA_OK;
    }
    if (part.kind == OA_PART_GROUP) {
        return place_group(b, &part, place, to, error);
    }
    oa_status status = oa_layout_enter(b, error);
    if (status != OA_OK) {
        return status;
    }
    size_t before = 0; /* sum of sizes for a concatenation */
    size_t outer = 1;
    size_t inner = part.size;
    size_t outer_group = place->outer_group;
    for (size_t i = 0; i < part.child_count && status == OA_OK; i++) {
        size_t child = layout->children[part.first_child + i];
        size_t size = layout->parts[child].size;
        child_place in = {.copies = 1, .inner = place->inner, .outer_group = outer_group};
        if (part.kind == OA_PART_CONCAT) {
            in.offset = before * place->inner;
            before += size;
        } else {
            in.copies = outer;
            in.stride = inner * place->inner;
            inner /= size;
            in.inner = inner * place->inner;
            outer *= size;
        }
        status = place_child(b, child, &in, place, to, error);
        if (part.kind == OA_PART_PRODUCT && layout->parts[child].kind == OA_PART_GROUP) {
            outer_group = layout->parts[child].group;
        }
    }
    b->depth--;
    return status;
}

oa_status oa_layout_place(oa_layout_builder *b, size_t part, oa_place_visitor *visit, void *context, oa_error *error)
{
    static const size_t zero = 0;
    placement whole = {.bases = &zero, .base_count = 1, .inner = 1, .outer_group = OA_NONE};
    listener to = {.visit = visit, .context = context, .part = part};
    return place_part(b, part, &whole, &to, error);
}
