#include "core/exec/binary.h"

#include "core/exec/broadcast.h"
#include "core/exec/spread.h"

oa_binary_loop oa_binary_find(const oa_binary_row *rows, size_t row_count, oa_dtype dtype)
{
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].dtype == dtype) {
            return rows[i].loop;
        }
    }
    return NULL;
}

typedef struct binary_work {
    unsigned char *y;
    const unsigned char *a, *b;
    size_t size_y, size_a, size_b;
    oa_binary_loop loop;
    oa_broadcast walk;
} binary_work;

/* Elements of the only run. */
static void apply_elements(void *context, size_t first, size_t end)
{
    const binary_work *w = context;
    const size_t *steps = w->walk.run_step;
    w->loop(w->y + first * w->size_y, w->a + first * steps[0] * w->size_a, steps[0],
            w->b + first * steps[1] * w->size_b, steps[1], end - first);
}

/* Runs. */
static void apply_runs(void *context, size_t first, size_t end)
{
    const binary_work *w = context;
    oa_broadcast walk = w->walk;
    size_t run_bytes = walk.run * w->size_y;
    unsigned char *to = w->y + first * run_bytes;
    oa_broadcast_seek(&walk, first);
    for (size_t i = first; i < end; i++) {
        w->loop(to, w->a + walk.offsets[0] * w->size_a, walk.run_step[0], w->b + walk.offsets[1] * w->size_b,
                walk.run_step[1], walk.run);
        to += run_bytes;
        (void)oa_broadcast_next(&walk);
    }
}

void oa_binary_apply(oa_array *y, const oa_array *a, const oa_array *b, oa_binary_loop loop, oa_team *team)
{
    binary_work w = {.y = y->data,
                     .a = a->data,
                     .b = b->data,
                     .size_y = oa_dtype_size(y->dtype),
                     .size_a = oa_dtype_size(a->dtype),
                     .size_b = oa_dtype_size(b->dtype),
                     .loop = loop};
    if (y->count == 0) {
        return;
    }
    oa_broadcast_start(&w.walk, y->dims, y->rank, (const oa_array *const[]){a, b}, 2);
    if (w.walk.run == y->count) {
        oa_spread(team, y->count, 1, apply_elements, &w);
    } else {
        oa_spread(team, y->count / w.walk.run, w.walk.run + 8, apply_runs, &w);
    }
}

oa_status oa_binary_second(oa_array *second, oa_call *call, oa_error *error)
{
    const oa_array *a = call->inputs[0], *b = call->inputs[1];
    *second = *b;
    second->is_view = true;
    if (call->node->version >= 7) {
        return OA_OK;
    }
    bool is_broadcast = oa_call_int(call, "broadcast", 0) != 0;
    bool has_axis = oa_node_attribute(call->node, "axis") != NULL;
    int64_t given = oa_call_int(call, "axis", 0);
    if (!is_broadcast && !oa_same_shape(a, b)) {
        return oa_fail(error, OA_ERROR_INPUT, "shapes differ, and before operator set 7 only broadcast=1 allows that");
    }
    if (!is_broadcast || !has_axis || b->rank == 0) {
        return OA_OK;
    }
    size_t axis;
    oa_status status = oa_call_axis(&axis, given, a->rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (b->rank > a->rank - axis) {
        return oa_fail(error, OA_ERROR_INPUT, "input 1 of rank %zu does not fit from axis %zu of rank %zu", b->rank,
                       axis, a->rank);
    }
    second->rank = a->rank - axis;
    for (size_t d = b->rank; d < second->rank; d++) {
        second->dims[d] = 1;
    }
    return OA_OK;
}

oa_status oa_binary_run(oa_call *call, const oa_binary_row *rows, size_t row_count, oa_dtype result, oa_error *error)
{
    const oa_array *a = call->inputs[0];
    oa_binary_loop loop = oa_binary_find(rows, row_count, a->dtype);
    if (!loop) {
        return oa_fail_dtype(a, error);
    }
    oa_array second;
    size_t dims[OA_MAX_RANK], rank;
    oa_status status = oa_call_same_dtype(call, 0, 1, error);
    if (status == OA_OK) {
        status = oa_binary_second(&second, call, error);
    }
    if (status == OA_OK) {
        status = oa_broadcast_shape(dims, &rank, (const oa_array *const[]){a, &second}, 2, error);
    }
    if (status != OA_OK) {
        return status;
    }
    bool is_like_a = result == OA_DTYPE_UNDEFINED && rank == a->rank;
    for (size_t d = 0; is_like_a && d < rank; d++) {
        is_like_a = dims[d] == a->dims[d];
    }
    oa_array *y;
    if (is_like_a) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    } else {
        status = oa_call_output(&y, call, 0, result == OA_DTYPE_UNDEFINED ? a->dtype : result, dims, rank, error);
    }
    if (status == OA_OK) {
        oa_binary_apply(y, a, &second, loop, call->team);
    }
    return status;
}
