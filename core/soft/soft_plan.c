#include "core/soft/soft_plan.h"

#include <string.h>

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for soft permutations");
}

/* ---- which group lies on which axis ---- */

typedef struct placed {
    const oa_occurrence *on[OA_MAX_RANK]; /* a first occurrence of the axis, or NULL */
    bool overlaps[OA_MAX_RANK];           /* some elements of the axis belong to two groups: a product */
    size_t count;
} placed;

static bool is_of(const oa_occurrence *o, size_t tensor, size_t axis)
{
    return o->tensor == tensor && o->axis == axis;
}

static oa_status find_axes(placed *found, const oa_match_problem *problem, size_t tensor, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    const oa_layout_tensor *view = &layout->tensors[tensor];
    *found = (placed){0};
    for (size_t axis = 0; axis < view->view_rank; axis++) {
        unsigned char *owned = oa_calloc(view->view_dims[axis], 1);
        if (!owned) {
            return no_memory(error);
        }
        for (size_t i = 0; i < layout->occurrence_count; i++) {
            const oa_occurrence *o = &layout->occurrences[i];
            if (!is_of(o, tensor, axis)) {
                continue;
            }
            found->on[axis] = found->on[axis] ? found->on[axis] : o;
            found->count++;
            for (size_t k = 0; k < layout->groups[o->group].size * o->rest; k++) {
                found->overlaps[axis] = found->overlaps[axis] || owned[o->positions[k]];
                owned[o->positions[k]] = 1;
            }
        }
        oa_free(owned);
    }
    return OA_OK;
}

/* ---- the working order ---- */

/* axes[k] is the axis of the constant's view at place k. A product of groups goes first, where its inner steps are
 * still few and large matrices. */
static void order_axes(size_t *axes, const placed *found, size_t rank)
{
    size_t first = OA_NONE, last = OA_NONE, place = 0;
    for (size_t k = 0; k < rank; k++) {
        if (found->on[k] && (first == OA_NONE || (found->overlaps[k] && !found->overlaps[first]))) {
            first = k;
        }
    }
    for (size_t k = 0; k < rank; k++) {
        last = found->on[k] && k != first ? k : last;
    }
    axes[place++] = first;
    for (size_t k = 0; k < rank; k++) {
        if (k != first && k != last) {
            axes[place++] = k;
        }
    }
    if (last != OA_NONE) {
        axes[place] = last;
    }
}

/* along[i] is the position on the constant's axis of element i in working order: unit by unit on the first axis, units
 * as neighbours on the last; then what is no unit's. As it is where groups overlap. is_taken [size] starts false. */
static void order_axis(size_t *along, bool *is_taken, const oa_match_problem *problem, size_t tensor, size_t axis,
                       size_t size, const placed *found, bool is_last)
{
    const oa_layout *layout = problem->layout;
    size_t done = 0;
    for (size_t i = 0; i < layout->occurrence_count && !found->overlaps[axis]; i++) {
        const oa_occurrence *o = &layout->occurrences[i];
        size_t n = is_of(o, tensor, axis) ? layout->groups[o->group].size : 0;
        for (size_t k = 0; k < n * o->rest; k++) {
            along[done++] = o->positions[is_last ? k % n * o->rest + k / n : k];
        }
    }
    for (size_t k = 0; k < done; k++) {
        is_taken[along[k]] = true;
    }
    for (size_t i = 0; i < size && done < size; i++) {
        if (!is_taken[i]) {
            along[done++] = i;
        }
    }
}

/* ---- the steps ---- */

/* Where the first of n units begins, for each rest; the distance between units is the same for all (a group is one
 * factor of one interval of its axis, and the working order keeps that; within blocks, in each of them). */
static oa_status unit_places(size_t *starts, size_t *stride, const size_t *inverse, const oa_occurrence *o,
                             size_t first, size_t n, oa_error *error)
{
    const size_t *positions = o->positions + first * o->rest;
    *stride = n > 1 ? inverse[positions[o->rest]] - inverse[positions[0]] : o->rest;
    for (size_t r = 0; r < o->rest; r++) {
        starts[r] = inverse[positions[r]];
        for (size_t i = 0; i < n; i++) {
            if (inverse[positions[i * o->rest + r]] != starts[r] + i * *stride) {
                return oa_fail(error, OA_ERROR_INTERNAL, "the units of a group do not lie evenly along an axis");
            }
        }
    }
    return OA_OK;
}

/* Are the starts `by` apart? */
static bool is_even(const size_t *starts, size_t count, size_t by)
{
    for (size_t r = 0; r < count; r++) {
        if (starts[r] != starts[0] + r * by) {
            return false;
        }
    }
    return true;
}

/* Turns places along the axis into matrices, those of one more block. `outer` and `inner` are the elements before and
 * behind the axis. */
static oa_status shape_step(soft_step *step, size_t *starts, size_t rest, size_t stride, size_t outer, size_t size,
                            size_t inner, oa_error *error)
{
    size_t n = step->n, merged = 1, count;
    step->is_full = step->blocks == 1 && n * rest == size;
    step->is_rows = inner != 1 || stride != 1 || outer == 1;
    if (step->is_rows) {
        /* The rest of a unit may lie side by side; otherwise each is a matrix of its own. */
        merged = is_even(starts, rest, 1) && (n == 1 || stride >= rest) ? rest : 1;
        step->span = merged * inner;
        step->stride = n == 1 ? step->span : stride * inner;
        count = outer * (rest / merged);
    } else {
        merged = step->is_full && starts[0] == 0 && is_even(starts, rest, n) ? rest : 1;
        step->span = outer * merged;
        step->stride = merged == rest && rest > 1 ? n : size;
        count = rest / merged;
    }
    step->start = step->start ? step->start : oa_malloc(step->blocks * count, sizeof *step->start);
    if (!step->start) {
        return no_memory(error);
    }
    for (size_t k = 0; k < count; k++) {
        size_t matrices = rest / merged;
        step->start[step->start_count++] =
            step->is_rows ? k / matrices * size * inner + starts[k % matrices] * inner : starts[k];
    }
    return OA_OK;
}

static oa_status plan_step(soft_step *step, const soft_tensor *t, size_t place, const size_t *along,
                           const oa_occurrence *o, const oa_group *group, oa_error *error)
{
    step->group = o->group;
    step->blocks = o->is_within ? group->block_count : 1;
    step->n = group->size / step->blocks;
    size_t size = t->size[place], outer = 1, inner = 1, stride = 1;
    size_t *inverse = oa_malloc(size, sizeof *inverse), *starts = oa_malloc(o->rest, sizeof *starts);
    oa_status status = inverse && starts ? OA_OK : no_memory(error);
    for (size_t k = 0; k < t->rank; k++) {
        outer *= k < place ? t->size[k] : 1;
        inner *= k > place ? t->size[k] : 1;
    }
    for (size_t i = 0; i < size && status == OA_OK; i++) {
        inverse[along[i]] = i;
    }
    if (status == OA_OK && step->blocks > 1) {
        step->within = oa_malloc(group->size, step->n * sizeof *step->within);
        step->within_gradient = oa_malloc(group->size, step->n * sizeof *step->within_gradient);
        status = step->within && step->within_gradient ? OA_OK : no_memory(error);
    }
    for (size_t k = 0; k < step->blocks && status == OA_OK; k++) {
        status = unit_places(starts, &stride, inverse, o, k * step->n, step->n, error);
        status = status == OA_OK ? shape_step(step, starts, o->rest, stride, outer, size, inner, error) : status;
    }
    oa_free(inverse);
    oa_free(starts);
    return status;
}

/* The axis at `place`: its order, and the steps of its groups, those within blocks when these have moved. */
static oa_status plan_axis(soft_tensor *t, const oa_match_problem *problem, const placed *found, const size_t *axes,
                           size_t place, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    const oa_layout_tensor *view = &layout->tensors[t->tensor];
    size_t axis = axes[place], natural_stride = 1;
    size_t *along = oa_malloc(t->size[place], sizeof *along);
    bool *is_taken = oa_calloc(t->size[place], sizeof *is_taken);
    t->offset[place] = along;
    if (!along || !is_taken) {
        oa_free(is_taken);
        return no_memory(error);
    }
    oa_status status = OA_OK;
    order_axis(along, is_taken, problem, t->tensor, axis, t->size[place], found, place > 0 && place + 1 == t->rank);
    oa_free(is_taken);
    for (size_t i = 0; i < 2 * layout->occurrence_count && status == OA_OK; i++) {
        const oa_occurrence *o = &layout->occurrences[i % layout->occurrence_count];
        if (is_of(o, t->tensor, axis) && o->is_within == (i >= layout->occurrence_count)) {
            status = plan_step(&t->steps[t->step_count++], t, place, along, o, &layout->groups[o->group], error);
        }
    }
    for (size_t k = axis + 1; k < view->view_rank; k++) {
        natural_stride *= view->view_dims[k];
    }
    t->is_natural = t->is_natural && axis == place;
    for (size_t i = 0; i < t->size[place]; i++) {
        t->is_natural = t->is_natural && along[i] == i;
        along[i] *= natural_stride;
    }
    return status;
}

static oa_status make_buffers(soft_tensor *t, const oa_match_problem *problem, oa_error *error)
{
    size_t kept;
    if (oa_mul_overflows(&kept, t->count, t->step_count - 1)) {
        return no_memory(error);
    }
    bool needs_a = t->counts && t->is_chain;
    t->b = oa_malloc(t->count, sizeof *t->b);
    t->a = needs_a ? oa_malloc(t->count, sizeof *t->a) : NULL;
    t->states = kept ? oa_malloc(kept, sizeof *t->states) : NULL;
    if (!t->b || (needs_a && !t->a) || (kept && !t->states)) {
        return no_memory(error);
    }
    oa_status status = oa_soft_read(t->b, t, &problem->b->tensors[problem->tensor_b[t->tensor]], error);
    return status == OA_OK && needs_a ? oa_soft_read(t->a, t, &problem->a->tensors[t->tensor], error) : status;
}

oa_status oa_soft_plan(soft_tensor *t, const oa_match_problem *problem, size_t tensor, oa_error *error)
{
    const oa_layout_tensor *view = &problem->layout->tensors[tensor];
    size_t axes[OA_MAX_RANK];
    placed found;
    oa_status status = find_axes(&found, problem, tensor, error);
    if (status != OA_OK) {
        return status;
    }
    order_axes(axes, &found, view->view_rank);
    t->tensor = tensor;
    t->count = problem->a->tensors[tensor].count;
    t->rank = view->view_rank;
    t->counts = !problem->layout->tensors[tensor].is_statistic;
    t->is_natural = true;
    t->steps = oa_calloc(found.count, sizeof *t->steps);
    if (!t->steps) {
        return no_memory(error);
    }
    size_t moving = 0;
    for (size_t k = 0; k < t->rank; k++) {
        t->size[k] = view->view_dims[axes[k]];
        moving += found.on[k] != NULL;
        t->is_chain = t->is_chain || moving > 1 || found.overlaps[k];
    }
    for (size_t k = 0; k < t->rank && status == OA_OK; k++) {
        status = plan_axis(t, problem, &found, axes, k, error);
    }
    return status == OA_OK ? make_buffers(t, problem, error) : status;
}

void oa_soft_plan_free(soft_tensor *t)
{
    for (size_t k = 0; k < t->rank; k++) {
        oa_free(t->offset[k]);
    }
    for (size_t k = 0; k < t->step_count; k++) {
        oa_free(t->steps[k].start);
        oa_free(t->steps[k].within);
        oa_free(t->steps[k].within_gradient);
    }
    oa_free(t->steps);
    oa_free(t->a);
    oa_free(t->b);
    oa_free(t->states);
    *t = (soft_tensor){0};
}

/* ---- from one order to the other ---- */

static void copy_in_order(float *working, float *natural, const soft_tensor *t, bool packs)
{
    size_t index[OA_MAX_RANK] = {0};
    size_t last = t->rank - 1, width = t->size[last];
    const size_t *restrict along = t->offset[last];
    for (size_t done = 0; done < t->count; done += width) {
        size_t base = 0;
        for (size_t k = 0; k < last; k++) {
            base += t->offset[k][index[k]];
        }
        float *restrict w = working + done, *restrict n = natural + base;
        for (size_t j = 0; j < width && packs; j++) {
            w[j] = n[along[j]];
        }
        for (size_t j = 0; j < width && !packs; j++) {
            n[along[j]] = w[j];
        }
        for (size_t k = last; k > 0 && ++index[k - 1] == t->size[k - 1]; k--) {
            index[k - 1] = 0;
        }
    }
}

void oa_soft_pack(float *working, const soft_tensor *t, const float *natural)
{
    if (t->is_natural) {
        memcpy(working, natural, t->count * sizeof *working);
    } else {
        copy_in_order(working, (float *)(uintptr_t)natural, t, true);
    }
}

void oa_soft_unpack(float *natural, const soft_tensor *t, const float *working)
{
    if (t->is_natural) {
        memcpy(natural, working, t->count * sizeof *natural);
    } else {
        copy_in_order((float *)(uintptr_t)working, natural, t, false);
    }
}

oa_status oa_soft_read(float *working, const soft_tensor *t, const oa_tensor *constant, oa_error *error)
{
    if (constant->dtype == OA_DTYPE_FLOAT) {
        oa_soft_pack(working, t, constant->data);
        return OA_OK;
    }
    if (t->is_natural) {
        oa_floats_to_f32(working, constant->data, constant->dtype, t->count);
        return OA_OK;
    }
    float *values = oa_malloc(t->count, sizeof *values);
    if (!values) {
        return no_memory(error);
    }
    oa_floats_to_f32(values, constant->data, constant->dtype, t->count);
    oa_soft_pack(working, t, values);
    oa_free(values);
    return OA_OK;
}
