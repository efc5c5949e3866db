/* GatherElements, GatherND, ScatterElements and ScatterND: elements or slices at given indices, which may be negative
 * and are checked one by one. */
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"

#include <string.h>

/* Index i of an array of them, as a place among `size`. */
static oa_status read_index(size_t *index, const oa_array *indices, size_t i, size_t size, oa_error *error)
{
    int64_t given = oa_index_at(indices, i);
    if (!oa_axis_normalise(index, given, size)) {
        return oa_fail(error, OA_ERROR_INPUT, "index %lld is out of range for %zu elements", (long long)given, size);
    }
    return OA_OK;
}

/* to[i] = to[i] op from[i] for n elements. */
typedef void (*merge_loop)(void *to, const void *from, size_t n);

#define MERGE_LOOP(name, type, expression)                                                                             \
    static void name(void *to_, const void *from_, size_t n)                                                           \
    {                                                                                                                  \
        type *to = to_;                                                                                                \
        const type *from = from_;                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const type a = to[i], b = from[i];                                                                         \
            to[i] = (type)(expression);                                                                                \
        }                                                                                                              \
    }
/* Integers wrap around, which only unsigned ones may. */
#define INTEGER_MERGES(dtype, type, tag)                                                                               \
    MERGE_LOOP(add_##tag, type, (uint64_t)a + (uint64_t)b)                                                             \
    MERGE_LOOP(mul_##tag, type, (uint64_t)a *(uint64_t)b)                                                              \
    MERGE_LOOP(max_##tag, type, a > b ? a : b)                                                                         \
    MERGE_LOOP(min_##tag, type, a < b ? a : b)
#define REAL_MERGES(dtype, type, tag)                                                                                  \
    MERGE_LOOP(add_##tag, type, a + b)                                                                                 \
    MERGE_LOOP(mul_##tag, type, a *b)                                                                                  \
    MERGE_LOOP(max_##tag, type, a > b || a != a ? a : b)                                                               \
    MERGE_LOOP(min_##tag, type, a < b || a != a ? a : b)
OA_INTEGER_TYPES(INTEGER_MERGES)
OA_REAL_TYPES(REAL_MERGES)

typedef struct merge_row {
    oa_dtype dtype;
    merge_loop loops[4];
} merge_row;

/* What becomes of an element that is written to: *loop stays NULL when it is replaced. */
static oa_status read_reduction(merge_loop *loop, oa_call *call, oa_dtype dtype, oa_error *error)
{
#define MERGE_ROW(name, type, tag) {name, {add_##tag, mul_##tag, max_##tag, min_##tag}},
    static const merge_row rows[] = {OA_REAL_TYPES(MERGE_ROW) OA_INTEGER_TYPES(MERGE_ROW)};
    static const char *const names[] = {"add", "mul", "max", "min"};
    const oa_string_view *name = oa_call_string(call, "reduction");
    *loop = NULL;
    if (!name || oa_string_is(name, "none")) {
        return OA_OK;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < 4; k++) {
            if (rows[i].dtype == dtype && oa_string_is(name, names[k])) {
                *loop = rows[i].loops[k];
                return OA_OK;
            }
        }
    }
    return oa_fail(error, OA_ERROR_UNSUPPORTED, "reduction '%.*s' of elements of type %s", (int)name->size, name->data,
                   oa_dtype_name(dtype));
}

static void put(unsigned char *to, const unsigned char *from, size_t n, size_t size, merge_loop loop)
{
    if (loop) {
        loop(to, from, n);
    } else {
        oa_copy_bytes(to, from, n * size);
    }
}

/* Sees the elements of `indices` with where each belongs in x along the axis. */
typedef struct places {
    const oa_array *indices;
    size_t axis;
    size_t size; /* of x along the axis */
    ptrdiff_t steps[OA_MAX_RANK];
    size_t index[OA_MAX_RANK];
} places;

/* The ranks agree, and no axis of the indices but the named one is longer than x's. */
static oa_status start_places(places *p, oa_call *call, size_t slot, oa_error *error)
{
    const oa_array *x = call->inputs[0], *indices = call->inputs[slot];
    *p = (places){.indices = indices};
    oa_status status = oa_check_indices(indices, "indices", error);
    if (status == OA_OK) {
        status = oa_call_axis(&p->axis, oa_call_int(call, "axis", 0), x->rank, error);
    }
    bool fits = status != OA_OK || x->rank == indices->rank;
    for (size_t d = 0; d < x->rank && fits && status == OA_OK; d++) {
        fits = d == p->axis || indices->dims[d] <= x->dims[d];
    }
    if (!fits) {
        char text[2][OA_SHAPE_TEXT_SIZE];
        status =
            oa_fail(error, OA_ERROR_INPUT, "indices of shape %s do not fit an input of shape %s",
                    oa_shape_text(text[0], indices->dims, indices->rank), oa_shape_text(text[1], x->dims, x->rank));
    }
    if (status == OA_OK) {
        p->size = x->dims[p->axis];
        oa_packed_steps(p->steps, x->dims, x->rank);
    }
    return status;
}

/* The place of element i, which are asked for in order. */
static oa_status next_place(size_t *place, places *p, size_t i, oa_error *error)
{
    size_t found, at = 0;
    oa_status status = read_index(&found, p->indices, i, p->size, error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d < p->indices->rank; d++) {
        at += (d == p->axis ? found : p->index[d]) * (size_t)p->steps[d];
    }
    for (size_t d = p->indices->rank; d-- > 0;) {
        if (++p->index[d] < p->indices->dims[d]) {
            break;
        }
        p->index[d] = 0;
    }
    *place = at;
    return OA_OK;
}

oa_status oa_kernel_gather_elements(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *indices = call->inputs[1];
    places p;
    oa_array *y = NULL;
    oa_status status = start_places(&p, call, 1, error);
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, indices->dims, indices->rank, error);
    }
    size_t size = oa_dtype_size(x->dtype), place;
    for (size_t i = 0; status == OA_OK && i < y->count; i++) {
        status = next_place(&place, &p, i, error);
        if (status == OA_OK) {
            memcpy((unsigned char *)y->data + i * size, (const unsigned char *)x->data + place * size, size);
        }
    }
    return status;
}

/* Output 0 as a copy of input 0, in its own buffer where that may be. */
static oa_status start_output(oa_array **y, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_status status = oa_call_output_like(y, call, 0, 0, error);
    if (status == OA_OK && (*y)->data != x->data) {
        oa_copy_bytes((*y)->data, x->data, x->count * oa_dtype_size(x->dtype));
    }
    return status;
}

/* Strings are not scattered in place: their bytes would have to move along. */
static oa_status check_updates(const oa_call *call, oa_error *error)
{
    if (call->inputs[0]->dtype == OA_DTYPE_STRING) {
        return oa_fail_dtype(call->inputs[0], error);
    }
    return oa_call_same_dtype(call, 0, 2, error);
}

oa_status oa_kernel_scatter_elements(oa_call *call, oa_error *error)
{
    const oa_array *updates = call->inputs[2];
    merge_loop loop;
    places p;
    oa_array *y = NULL;
    oa_status status = check_updates(call, error);
    if (status == OA_OK) {
        status = read_reduction(&loop, call, call->inputs[0]->dtype, error);
    }
    if (status == OA_OK) {
        status = start_places(&p, call, 1, error);
    }
    if (status == OA_OK && !oa_same_shape(call->inputs[1], updates)) {
        status = oa_fail(error, OA_ERROR_INPUT, "indices and updates have different shapes");
    }
    if (status == OA_OK) {
        status = start_output(&y, call, error);
    }
    size_t size = oa_dtype_size(updates->dtype), place;
    for (size_t i = 0; status == OA_OK && i < updates->count; i++) {
        status = next_place(&place, &p, i, error);
        if (status == OA_OK) {
            put((unsigned char *)y->data + place * size, (const unsigned char *)updates->data + i * size, 1, size,
                loop);
        }
    }
    return status;
}

/* Slices of an array, each named by a tuple of indices: the last axis of `indices` holds the tuples. */
typedef struct slices {
    const oa_array *indices;
    size_t batch;   /* leading axes that both share */
    size_t depth;   /* of a tuple */
    size_t count;   /* tuples */
    size_t length;  /* elements of a slice */
    size_t tuples;  /* of one batch */
    size_t batched; /* elements of one batch */
    const oa_array *x;
} slices;

static oa_status start_slices(slices *s, const oa_call *call, int64_t batch, oa_error *error)
{
    const oa_array *x = call->inputs[0], *indices = call->inputs[1];
    *s = (slices){.indices = indices, .count = 1, .length = 1, .tuples = 1, .batched = 1, .x = x};
    oa_status status = oa_check_indices(indices, "indices", error);
    if (status != OA_OK) {
        return status;
    }
    bool fits = batch >= 0 && indices->rank >= 1 && (uint64_t)batch < indices->rank && (uint64_t)batch <= x->rank &&
                indices->dims[indices->rank - 1] <= x->rank - (uint64_t)batch;
    for (size_t d = 0; fits && d < (uint64_t)batch; d++) {
        fits = x->dims[d] == indices->dims[d];
    }
    if (!fits) {
        char text[2][OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "indices of shape %s do not fit an input of shape %s",
                       oa_shape_text(text[0], indices->dims, indices->rank), oa_shape_text(text[1], x->dims, x->rank));
    }
    s->batch = (size_t)batch;
    s->depth = indices->dims[indices->rank - 1];
    for (size_t d = 0; d + 1 < indices->rank; d++) {
        s->count *= indices->dims[d];
        s->tuples *= d >= s->batch ? indices->dims[d] : 1;
    }
    for (size_t d = s->batch; d < x->rank; d++) {
        s->batched *= x->dims[d];
        s->length *= d >= s->batch + s->depth ? x->dims[d] : 1;
    }
    return OA_OK;
}

/* Where the slice of tuple i begins in x. */
static oa_status find_slice(size_t *at, const slices *s, size_t i, oa_error *error)
{
    size_t found = 0;
    for (size_t d = 0; d < s->depth; d++) {
        size_t index, size = s->x->dims[s->batch + d];
        oa_status status = read_index(&index, s->indices, i * s->depth + d, size, error);
        if (status != OA_OK) {
            return status;
        }
        found = found * size + index;
    }
    *at = i / s->tuples * s->batched + found * s->length;
    return OA_OK;
}

oa_status oa_kernel_gather_nd(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *indices = call->inputs[1];
    size_t dims[2 * OA_MAX_RANK], rank = 0, at, size = oa_dtype_size(x->dtype);
    slices s;
    oa_array *y = NULL;
    oa_status status = start_slices(&s, call, oa_call_int(call, "batch_dims", 0), error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d + 1 < indices->rank; d++) {
        dims[rank++] = indices->dims[d];
    }
    for (size_t d = s.batch + s.depth; d < x->rank; d++) {
        dims[rank++] = x->dims[d];
    }
    status = oa_call_output(&y, call, 0, x->dtype, dims, rank, error);
    for (size_t i = 0; status == OA_OK && y->count && i < s.count; i++) {
        status = find_slice(&at, &s, i, error);
        if (status == OA_OK) {
            oa_copy_bytes((unsigned char *)y->data + i * s.length * size, (const unsigned char *)x->data + at * size,
                          s.length * size);
        }
    }
    return status;
}

oa_status oa_kernel_scatter_nd(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *indices = call->inputs[1], *updates = call->inputs[2];
    size_t at, size = oa_dtype_size(x->dtype);
    slices s;
    merge_loop loop;
    oa_array *y = NULL;
    oa_status status = check_updates(call, error);
    if (status == OA_OK) {
        status = read_reduction(&loop, call, x->dtype, error);
    }
    if (status == OA_OK) {
        status = start_slices(&s, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    bool fits = updates->rank == indices->rank - 1 + x->rank - s.depth;
    for (size_t d = 0; d < updates->rank && fits; d++) {
        fits =
            updates->dims[d] == (d + 1 < indices->rank ? indices->dims[d] : x->dims[s.depth + d - (indices->rank - 1)]);
    }
    if (!fits) {
        char text[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "updates of shape %s do not fit the indices",
                       oa_shape_text(text, updates->dims, updates->rank));
    }
    status = start_output(&y, call, error);
    for (size_t i = 0; status == OA_OK && updates->count && i < s.count; i++) {
        status = find_slice(&at, &s, i, error);
        if (status == OA_OK) {
            put((unsigned char *)y->data + at * size, (const unsigned char *)updates->data + i * s.length * size,
                s.length, size, loop);
        }
    }
    return status;
}
