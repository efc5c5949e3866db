#include "core/learn/relations.h"

#include <string.h>

/* One tensor while its relations are found. */
typedef struct scan {
    oa_relations *relations;
    const oa_layout_tensor *view;
    size_t index;
    const oa_occurrence **occurrences; /* on this tensor */
    const oa_layout *layout;
    size_t count;
    size_t stride[OA_MAX_RANK];
    bool *is_covered[OA_MAX_RANK]; /* [dims], some group moves the position; NULL for an axis without groups */
    bool *marks;                   /* [largest dimension], scratch */
    oa_error *error;
} scan;

static oa_status out_of_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the relations of a layout");
}

static oa_relation_axis axis_of(const scan *s, const oa_occurrence *occurrence)
{
    return (oa_relation_axis){.group = occurrence->group,
                              .positions = occurrence->positions,
                              .size = s->layout->groups[occurrence->group].size,
                              .rest = occurrence->rest,
                              .stride = s->stride[occurrence->axis],
                              .is_input = occurrence->is_input};
}

/* Do two occurrences on one axis share a place? `marks` is all false before and after. */
static bool overlaps(const scan *s, const oa_occurrence *x, const oa_occurrence *y)
{
    size_t x_count = s->layout->groups[x->group].size * x->rest;
    size_t y_count = s->layout->groups[y->group].size * y->rest;
    bool is_shared = false;
    for (size_t i = 0; i < x_count; i++) {
        s->marks[x->positions[i]] = true;
    }
    for (size_t i = 0; i < y_count && !is_shared; i++) {
        is_shared = s->marks[y->positions[i]];
    }
    for (size_t i = 0; i < x_count; i++) {
        s->marks[x->positions[i]] = false;
    }
    return is_shared;
}

/* Does another group reorder what lies inside the units of this occurrence? */
static bool is_stirred(const scan *s, const oa_occurrence *occurrence)
{
    for (size_t i = 0; occurrence->rest > 1 && i < s->count; i++) {
        const oa_occurrence *other = s->occurrences[i];
        if (other != occurrence && other->axis == occurrence->axis && overlaps(s, occurrence, other)) {
            return true;
        }
    }
    return false;
}

/* The offsets of all combinations of places on the axes that are not skipped: every place, or with `fixed_only` those
 * that no group moves. */
static oa_status list_offsets(size_t **offsets, size_t *count, const scan *s, const bool *is_skipped, bool fixed_only)
{
    size_t places = 1;
    for (size_t d = 0; d < s->view->view_rank; d++) {
        size_t here = 0;
        for (size_t i = 0; i < s->view->view_dims[d] && !is_skipped[d]; i++) {
            here += !fixed_only || !s->is_covered[d] || !s->is_covered[d][i];
        }
        places *= is_skipped[d] ? 1 : here; /* at most the tensor's count, which fits */
    }
    size_t *list = oa_malloc(places, sizeof *list);
    if (!list) {
        return out_of_memory(s->error);
    }
    size_t filled = 1;
    if (places) {
        list[0] = 0;
    }
    for (size_t d = s->view->view_rank; d-- > 0 && places;) {
        if (is_skipped[d]) {
            continue;
        }
        /* Later places first, so that the entries before them are still the ones of the inner axes. */
        size_t here = 0;
        for (size_t i = 0; i < s->view->view_dims[d]; i++) {
            here += !fixed_only || !s->is_covered[d] || !s->is_covered[d][i];
        }
        for (size_t i = s->view->view_dims[d], block = here; i-- > 0;) {
            if (fixed_only && s->is_covered[d] && s->is_covered[d][i]) {
                continue;
            }
            block--;
            for (size_t k = 0; k < filled; k++) {
                list[block * filled + k] = list[k] + i * s->stride[d];
            }
        }
        filled *= here;
    }
    *offsets = list;
    *count = places;
    return OA_OK;
}

static oa_status add_between(const scan *s, const oa_occurrence *x, const oa_occurrence *y)
{
    oa_relations *relations = s->relations;
    /* The units that are given out are the rows, so that a matrix reads as it multiplies. */
    bool is_swapped = x->is_input && !y->is_input;
    const oa_occurrence *rows = is_swapped ? y : x, *columns = is_swapped ? x : y;
    if (!oa_grow(&relations->between, &relations->between_capacity, relations->between_count + 1,
                 sizeof *relations->between)) {
        return out_of_memory(s->error);
    }
    oa_relation relation = {.tensor = s->index, .rows = axis_of(s, rows), .columns = axis_of(s, columns)};
    bool is_skipped[OA_MAX_RANK] = {false};
    is_skipped[x->axis] = is_skipped[y->axis] = true;
    relation.is_symmetric = is_stirred(s, x) || is_stirred(s, y);
    for (size_t d = 0; d < s->view->view_rank; d++) {
        relation.is_symmetric = relation.is_symmetric || (!is_skipped[d] && s->is_covered[d]);
    }
    oa_status status = list_offsets(&relation.offsets, &relation.offset_count, s, is_skipped, false);
    relation.taps = relation.rows.rest * relation.columns.rest * relation.offset_count;
    if (status == OA_OK && relation.taps) {
        relations->between[relations->between_count++] = relation;
    } else {
        oa_free(relation.offsets);
    }
    return status;
}

static oa_status add_fixed(const scan *s, const oa_occurrence *x)
{
    oa_relations *relations = s->relations;
    if (!oa_grow(&relations->fixed, &relations->fixed_capacity, relations->fixed_count + 1, sizeof *relations->fixed)) {
        return out_of_memory(s->error);
    }
    oa_fixed_relation relation = {.tensor = s->index, .rows = axis_of(s, x), .is_symmetric = is_stirred(s, x)};
    bool is_skipped[OA_MAX_RANK] = {false};
    is_skipped[x->axis] = true;
    oa_status status = list_offsets(&relation.offsets, &relation.offset_count, s, is_skipped, true);
    relation.places = relation.rows.rest * relation.offset_count;
    if (status == OA_OK && relation.places) {
        relations->fixed[relations->fixed_count++] = relation;
    } else {
        oa_free(relation.offsets);
    }
    return status;
}

static oa_status cover(scan *s)
{
    size_t stride = 1;
    for (size_t d = s->view->view_rank; d-- > 0;) {
        s->stride[d] = stride;
        stride *= s->view->view_dims[d];
    }
    for (size_t i = 0; i < s->count; i++) {
        const oa_occurrence *x = s->occurrences[i];
        bool **covered = &s->is_covered[x->axis];
        if (!*covered && !(*covered = oa_calloc(s->view->view_dims[x->axis], sizeof **covered))) {
            return out_of_memory(s->error);
        }
        for (size_t k = 0; k < s->layout->groups[x->group].size * x->rest; k++) {
            (*covered)[x->positions[k]] = true;
        }
    }
    return OA_OK;
}

static oa_status scan_tensor(scan *s)
{
    size_t largest = 0;
    for (size_t d = 0; d < s->view->view_rank; d++) {
        largest = s->view->view_dims[d] > largest ? s->view->view_dims[d] : largest;
    }
    s->marks = oa_calloc(largest, sizeof *s->marks);
    oa_status status = s->marks ? cover(s) : out_of_memory(s->error);
    for (size_t i = 0; i < s->count && status == OA_OK; i++) {
        for (size_t j = i + 1; j < s->count && status == OA_OK; j++) {
            if (s->occurrences[i]->axis != s->occurrences[j]->axis) {
                status = add_between(s, s->occurrences[i], s->occurrences[j]);
            }
        }
        status = status == OA_OK ? add_fixed(s, s->occurrences[i]) : status;
    }
    oa_free(s->marks);
    for (size_t d = 0; d < OA_MAX_RANK; d++) {
        oa_free(s->is_covered[d]);
        s->is_covered[d] = NULL;
    }
    return status;
}

oa_status oa_relations_init(oa_relations *relations, const oa_layout *layout, const oa_graph *graph, oa_error *error)
{
    oa_relations made = {0};
    scan s = {.relations = &made, .layout = layout, .error = error};
    oa_status status = OA_OK;
    s.occurrences = oa_malloc(layout->occurrence_count, sizeof *s.occurrences);
    if (!s.occurrences) {
        status = out_of_memory(error);
    }
    /* In the layout's order of tensors, which does not depend on names. */
    for (size_t k = 0; k < layout->order_count && status == OA_OK; k++) {
        s.index = layout->order[k];
        s.view = &layout->tensors[s.index];
        s.count = 0;
        if (!s.view->moves || !oa_dtype_is_float(graph->tensors[s.index].dtype)) {
            continue;
        }
        for (size_t o = 0; o < layout->occurrence_count; o++) {
            if (layout->occurrences[o].tensor == s.index) {
                s.occurrences[s.count++] = &layout->occurrences[o];
            }
        }
        status = scan_tensor(&s);
    }
    oa_free(s.occurrences);
    if (status == OA_OK) {
        *relations = made;
    } else {
        oa_relations_free(&made);
    }
    return status;
}

void oa_relations_free(oa_relations *relations)
{
    for (size_t i = 0; i < relations->between_count; i++) {
        oa_free(relations->between[i].offsets);
    }
    for (size_t i = 0; i < relations->fixed_count; i++) {
        oa_free(relations->fixed[i].offsets);
    }
    oa_free(relations->between);
    oa_free(relations->fixed);
    *relations = (oa_relations){0};
}
