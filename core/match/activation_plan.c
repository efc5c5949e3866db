#include "core/match/activation_plan.h"

#include <string.h>

typedef struct planner {
    oa_activation_plan *plan;
    const oa_match_problem *problem;
    const oa_layout *layout;
    const bool *settled;
    const oa_permutations *permutations;
    bool *is_taken; /* [groups] has a task in this pass */
    size_t *owner;  /* workspace, as long as the longest axis */
    size_t owner_size;
    oa_error *error;
} planner;

static oa_status no_memory(const planner *p)
{
    return oa_fail(p->error, OA_ERROR_MEMORY, "out of memory while matching activations");
}

static size_t elements_of(const planner *p, const oa_place *place)
{
    return p->layout->groups[place->group].size * place->rest;
}

/* Writes to owner[position] which unit of the place is there; OA_NONE elsewhere. */
static void own(const planner *p, const oa_place *place)
{
    for (size_t i = 0; i < p->owner_size; i++) {
        p->owner[i] = OA_NONE;
    }
    for (size_t e = 0; e < elements_of(p, place); e++) {
        p->owner[place->positions[e]] = e / place->rest;
    }
}

/* After own(): does another place of the same axis have an element with it in common? */
static bool overlaps(const planner *p, const oa_place *other)
{
    for (size_t e = 0; e < elements_of(p, other); e++) {
        if (p->owner[other->positions[e]] != OA_NONE) {
            return true;
        }
    }
    return false;
}

/* The places of the same value: [*first, *end). */
static void places_of_value(size_t *first, size_t *end, const oa_layout *layout, size_t place)
{
    size_t value = layout->places[place].value;
    *first = place;
    *end = place + 1;
    while (*first > 0 && layout->places[*first - 1].value == value) {
        (*first)--;
    }
    while (*end < layout->place_count && layout->places[*end].value == value) {
        (*end)++;
    }
}

/* What stands in the way of using a carrier. */
typedef struct obstacle {
    size_t place; /* of a group that is open beside the carrier's, OA_NONE: nothing */
    bool are_several;
} obstacle;

static obstacle find_obstacle(const planner *p, size_t carrier)
{
    const oa_layout *layout = p->layout;
    obstacle found = {.place = OA_NONE};
    size_t first, end;
    places_of_value(&first, &end, layout, carrier);
    own(p, &layout->places[carrier]);
    for (size_t q = first; q < end; q++) {
        const oa_place *other = &layout->places[q];
        bool is_beside = other->axis != layout->places[carrier].axis || overlaps(p, other);
        if (q == carrier || p->settled[other->group] || !is_beside) {
            continue;
        }
        found.are_several = found.are_several || found.place != OA_NONE;
        found.place = q;
    }
    return found;
}

/* Where a unit that counts within its block comes from, in that block: by the order of the block that it is, or, where
 * blocks are still where b has them, of the one that it belongs to. */
static size_t source_within(const planner *p, const oa_group *group, const size_t *permutation, size_t unit,
                            bool blocks_moved)
{
    const size_t *blocks = p->permutations->of[group->parent];
    size_t inside = group->size / group->block_count, block = unit / inside, order = block;
    for (size_t h = 0; h < group->block_count && !blocks_moved; h++) {
        order = blocks[h] == block ? h : order;
    }
    return block * inside + permutation[order * inside + unit % inside] % inside;
}

/* Reorders `made` as a settled group does, from `old`. Is anything moved? */
static bool follow_group(size_t *made, const size_t *old, const planner *p, const oa_place *place, bool blocks_moved)
{
    const size_t *permutation = p->permutations->of[place->group];
    const oa_group *group = &p->layout->groups[place->group];
    bool moves = false;
    for (size_t e = 0; e < elements_of(p, place); e++) {
        size_t unit = e / place->rest, from = permutation[unit];
        from = place->is_within ? source_within(p, group, permutation, unit, blocks_moved) : from;
        made[place->positions[e]] = old[place->positions[from * place->rest + e % place->rest]];
        moves = moves || from != unit;
    }
    return moves;
}

/* Does a settled group move the blocks around a place on its axis? Two places do not count. */
static bool has_moved_blocks(const planner *p, const oa_place *within, size_t place, size_t except)
{
    const oa_layout *layout = p->layout;
    size_t blocks = layout->groups[within->group].parent, first, end;
    places_of_value(&first, &end, layout, place);
    for (size_t q = first; q < end; q++) {
        const oa_place *other = &layout->places[q];
        const oa_group *group = &layout->groups[other->group];
        bool has_them = other->group == blocks || (group->block_count > 1 && group->parent == blocks);
        if (other->axis == within->axis && has_them && !other->is_within && q != place && q != except &&
            p->settled[other->group]) {
            return true;
        }
    }
    return false;
}

/* Where b's element is that belongs where a's is, along an axis, by all settled groups on it but those of two places.
 * What counts within blocks comes when these are where they belong.
 */
static oa_status map_axis(size_t **map, size_t *size, bool *moves, const planner *p, size_t axis, size_t place,
                          size_t except)
{
    const oa_layout *layout = p->layout;
    size_t first, end;
    places_of_value(&first, &end, layout, place);
    size_t *made = oa_malloc(p->owner_size, sizeof *made);
    size_t *old = oa_malloc(p->owner_size, sizeof *old);
    if (!made || !old) {
        oa_free(made);
        oa_free(old);
        return no_memory(p);
    }
    *moves = false;
    *size = 0;
    for (size_t i = 0; i < p->owner_size; i++) {
        made[i] = i;
    }
    for (size_t turn = 0; turn < 2; turn++) {
        for (size_t q = first; q < end; q++) {
            const oa_place *other = &layout->places[q];
            if (other->axis != axis || other->is_within != (turn == 1)) {
                continue;
            }
            for (size_t e = 0; e < elements_of(p, other); e++) {
                *size = *size > other->positions[e] ? *size : other->positions[e] + 1;
            }
            if (q != place && q != except && p->settled[other->group]) {
                bool blocks_moved = other->is_within && has_moved_blocks(p, other, place, except);
                memcpy(old, made, p->owner_size * sizeof *old);
                *moves = follow_group(made, old, p, other, blocks_moved) || *moves;
            }
        }
    }
    oa_free(old);
    *map = made;
    return OA_OK;
}

/* The elements of unit (h, i), where block h and inside i meet, in order. */
static oa_status join_positions(oa_channel *c, const planner *p, const oa_place *blocks, const oa_place *inner)
{
    size_t size = p->layout->groups[inner->group].size;
    size_t n = p->layout->groups[blocks->group].size * size;
    size_t *filled = oa_calloc(n, sizeof *filled);
    c->rest = blocks->rest / size;
    c->positions[0] = oa_malloc(n * c->rest, sizeof *c->positions[0]);
    if (!filled || !c->positions[0]) {
        oa_free(filled);
        return no_memory(p);
    }
    own(p, blocks);
    /* By the insides' elements in order: those of one inside go through the blocks in the same order everywhere. */
    for (size_t e = 0; e < elements_of(p, inner); e++) {
        size_t block = p->owner[inner->positions[e]];
        size_t unit = block == OA_NONE ? OA_NONE : block * size + e / inner->rest;
        if (unit != OA_NONE && filled[unit] < c->rest) {
            c->positions[0][unit * c->rest + filled[unit]++] = inner->positions[e];
        }
    }
    bool is_full = true;
    for (size_t u = 0; u < n; u++) {
        is_full = is_full && filled[u] == c->rest;
    }
    oa_free(filled);
    return is_full ? OA_OK : oa_fail(p->error, OA_ERROR_INTERNAL, "blocks and their insides do not cover each other");
}

static oa_status copy_positions(oa_channel *c, const planner *p, const oa_place *place)
{
    c->rest = place->rest;
    c->positions[0] = oa_malloc(elements_of(p, place), sizeof *c->positions[0]);
    if (!c->positions[0]) {
        return no_memory(p);
    }
    memcpy(c->positions[0], place->positions, elements_of(p, place) * sizeof *c->positions[0]);
    return OA_OK;
}

/* b's positions, and the maps of the other axes. */
static oa_status follow_settled(oa_channel *c, const planner *p, size_t n, size_t place, size_t except)
{
    const oa_layout *layout = p->layout;
    size_t *map = NULL;
    bool moves;
    size_t first, end;
    oa_status status = map_axis(&map, &c->extent, &moves, p, c->axis, place, except);
    if (status != OA_OK) {
        return status;
    }
    c->positions[1] = oa_malloc(n * c->rest, sizeof *c->positions[1]);
    for (size_t e = 0; c->positions[1] && e < n * c->rest; e++) {
        c->positions[1][e] = map[c->positions[0][e]];
    }
    oa_free(map);
    if (!c->positions[1]) {
        return no_memory(p);
    }
    places_of_value(&first, &end, layout, place);
    for (size_t q = first; q < end && status == OA_OK; q++) {
        size_t axis = layout->places[q].axis;
        if (axis == c->axis || c->axis_map[axis]) {
            continue;
        }
        status = map_axis(&c->axis_map[axis], &c->axis_size[axis], &moves, p, axis, place, except);
        if (status == OA_OK && !moves) {
            oa_free(c->axis_map[axis]);
            c->axis_map[axis] = NULL;
        }
        c->has_maps = c->has_maps || c->axis_map[axis];
    }
    return status;
}

/* Adds a channel of the last task: a place, and for tasks of two levels that of the blocks around it. */
static oa_status add_channel(planner *p, size_t place, size_t blocks)
{
    oa_activation_plan *plan = p->plan;
    const oa_place *own_place = &p->layout->places[place];
    oa_task *task = &plan->tasks[plan->task_count - 1];
    if (!oa_grow(&plan->channels, &plan->channel_capacity, plan->channel_count + 1, sizeof *plan->channels)) {
        return no_memory(p);
    }
    oa_channel *c = &plan->channels[plan->channel_count++];
    *c = (oa_channel){.task = plan->task_count - 1,
                      .value_a = own_place->value,
                      .value_b = p->problem->value_b[own_place->value],
                      .axis = own_place->axis};
    oa_status status = blocks == OA_NONE ? copy_positions(c, p, own_place)
                                         : join_positions(c, p, &p->layout->places[blocks], own_place);
    if (status == OA_OK) {
        status = follow_settled(c, p, task->n, place, blocks);
    }
    if (status == OA_OK) {
        status = oa_unit_sums_init(&c->sums, task->n, p->error);
    }
    task->channels++;
    return status;
}

static oa_status add_task(planner *p, size_t group, size_t inner)
{
    oa_activation_plan *plan = p->plan;
    size_t n = p->layout->groups[group].size;
    if ((inner != OA_NONE && oa_mul_overflows(&n, n, p->layout->groups[inner].size)) ||
        !oa_grow(&plan->tasks, &plan->task_capacity, plan->task_count + 1, sizeof *plan->tasks)) {
        return no_memory(p);
    }
    oa_task *task = &plan->tasks[plan->task_count++];
    *task = (oa_task){.group = group, .inner = inner, .n = n};
    size_t square;
    task->profit = oa_mul_overflows(&square, n, n) ? NULL : oa_calloc(square, sizeof *task->profit);
    p->is_taken[group] = true;
    if (inner != OA_NONE) {
        p->is_taken[inner] = true;
    }
    return task->profit ? OA_OK : no_memory(p);
}

/* A carrier whose value no run shows cannot be used: one without a counterpart in b, or inside of a body. */
static bool is_paired(const planner *p, size_t carrier)
{
    size_t a = p->layout->places[carrier].value, b = p->problem->value_b[a];
    return b != OA_NONE && p->problem->a->values[a].body == OA_NONE && p->problem->b->values[b].body == OA_NONE;
}

/* A task for a group by itself, when some carrier allows it. */
static oa_status plan_alone(planner *p, size_t group)
{
    const oa_group *info = &p->layout->groups[group];
    oa_status status = OA_OK;
    for (size_t i = 0; i < info->carrier_count && status == OA_OK; i++) {
        size_t carrier = p->layout->carriers[info->first_carrier + i];
        if (!is_paired(p, carrier) || find_obstacle(p, carrier).place != OA_NONE) {
            continue;
        }
        if (!p->is_taken[group]) {
            status = add_task(p, group, OA_NONE);
        }
        if (status == OA_OK) {
            status = add_channel(p, carrier, OA_NONE);
        }
    }
    return status;
}

/* A task for an inside that is reordered alike in all blocks together with these, when they are all that stands in the
 * way. Insides with orders of their own show their blocks themselves. */
static oa_status plan_with_blocks(planner *p, size_t group)
{
    const oa_layout *layout = p->layout;
    const oa_group *info = &layout->groups[group];
    if (info->kind != OA_GROUP_INSIDE || info->block_count > 1 || p->settled[info->parent] ||
        p->is_taken[info->parent]) {
        return OA_OK;
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < info->carrier_count && status == OA_OK; i++) {
        size_t carrier = layout->carriers[info->first_carrier + i];
        obstacle found = find_obstacle(p, carrier);
        const oa_place *blocks = found.place == OA_NONE ? NULL : &layout->places[found.place];
        if (!is_paired(p, carrier) || !blocks || found.are_several || blocks->group != info->parent ||
            blocks->axis != layout->places[carrier].axis) {
            continue;
        }
        if (!p->is_taken[group]) {
            status = add_task(p, info->parent, group);
        }
        if (status == OA_OK) {
            status = add_channel(p, carrier, found.place);
        }
    }
    return status;
}

oa_status oa_activation_plan_make(oa_activation_plan *plan, const oa_match_problem *problem, const bool *settled,
                                  const oa_permutations *permutations, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    planner p = {.plan = plan,
                 .problem = problem,
                 .layout = layout,
                 .settled = settled,
                 .permutations = permutations,
                 .is_taken = oa_calloc(layout->group_count, sizeof *p.is_taken),
                 .error = error};
    for (size_t i = 0; i < layout->place_count; i++) {
        for (size_t e = 0; e < elements_of(&p, &layout->places[i]); e++) {
            size_t position = layout->places[i].positions[e];
            p.owner_size = p.owner_size > position ? p.owner_size : position + 1;
        }
    }
    p.owner = oa_malloc(p.owner_size, sizeof *p.owner);
    oa_status status = p.is_taken && p.owner ? OA_OK : no_memory(&p);
    for (size_t g = 0; g < layout->group_count && status == OA_OK; g++) {
        status = settled[g] ? OA_OK : plan_alone(&p, g);
    }
    for (size_t g = 0; g < layout->group_count && status == OA_OK; g++) {
        status = settled[g] || p.is_taken[g] ? OA_OK : plan_with_blocks(&p, g);
    }
    oa_free(p.is_taken);
    oa_free(p.owner);
    return status;
}

static void free_channel(oa_channel *c)
{
    oa_free(c->positions[0]);
    oa_free(c->positions[1]);
    for (size_t k = 0; k < OA_MAX_RANK; k++) {
        oa_free(c->axis_map[k]);
    }
    oa_free(c->outer_map);
    oa_free(c->inner_map);
    oa_unit_sums_free(&c->sums);
}

void oa_activation_plan_free(oa_activation_plan *plan)
{
    for (size_t i = 0; i < plan->task_count; i++) {
        oa_free(plan->tasks[i].profit);
    }
    for (size_t i = 0; i < plan->channel_count; i++) {
        free_channel(&plan->channels[i]);
    }
    oa_free(plan->tasks);
    oa_free(plan->channels);
    *plan = (oa_activation_plan){0};
}
