/* TopK: the k largest or smallest along an axis, equal ones in the order of their indices. A NaN comes first in both
 * orders. */
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/order.h"
#include "core/exec/strided.h"

/* An element by its key (core/exec/order.h) and place. */
typedef struct candidate {
    int64_t key;
    size_t index;
} candidate;

static bool is_before(const candidate *a, const candidate *b)
{
    return a->key > b->key || (a->key == b->key && a->index < b->index);
}

/* Lets the candidate at `at` sink in a heap of n whose root comes last of all. */
static void sink(candidate *heap, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_before(&heap[child], &heap[child + 1])) {
            child++;
        }
        if (!is_before(&heap[at], &heap[child])) {
            return;
        }
        const candidate moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

/* The first k > 0 of n keys, in order. O(n log k). */
static void select(candidate *first, const int64_t *keys, size_t n, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        first[i] = (candidate){keys[i], i};
    }
    for (size_t i = k / 2; i-- > 0;) {
        sink(first, k, i);
    }
    for (size_t i = k; i < n; i++) {
        const candidate next = {keys[i], i};
        if (is_before(&next, &first[0])) {
            first[0] = next;
            sink(first, k, 0);
        }
    }
    for (size_t rest = k; rest-- > 1;) {
        const candidate last = first[0];
        first[0] = first[rest];
        first[rest] = last;
        sink(first, rest, 0);
    }
}

/* An input from operator set 10 on, an attribute before. */
static oa_status read_k(size_t *k, oa_call *call, size_t n, oa_error *error)
{
    int64_t given = 0;
    size_t count = 1;
    if (call->node->version >= 10) {
        if (!oa_call_input(call, 1)) {
            return oa_fail(error, OA_ERROR_INPUT, "k is missing");
        }
        oa_status status = oa_read_ints(&given, &count, 1, call->inputs[1], "k", error);
        if (status != OA_OK) {
            return status;
        }
    } else {
        given = oa_call_int(call, "k", -1);
    }
    if (count != 1 || given < 0 || (uint64_t)given > n) {
        return oa_fail(error, OA_ERROR_INPUT, "the first %lld of %zu elements", (long long)given, n);
    }
    *k = (size_t)given;
    return OA_OK;
}

/* Values and indices [outer, k, inner] of x [outer, n, inner]; either may be NULL. */
static void run(oa_array *values, oa_array *indices, const oa_array *x, const oa_axis_layout *layout, size_t k,
                bool is_reversed, candidate *first, int64_t *keys, void *row)
{
    size_t size = oa_dtype_size(x->dtype), inner = layout->inner;
    const ptrdiff_t steps[1] = {(ptrdiff_t)inner};
    for (size_t r = 0; r < layout->outer * inner; r++) {
        size_t from = r / inner * layout->n * inner + r % inner, to = r / inner * k * inner + r % inner;
        oa_strided_copy(row, (const unsigned char *)x->data + from * size, &layout->n, steps, 1, size);
        (void)oa_order_keys(keys, row, x->dtype, layout->n, is_reversed);
        select(first, keys, layout->n, k);
        for (size_t i = 0; i < k; i++, to += inner) {
            if (values) {
                oa_copy_bytes((unsigned char *)values->data + to * size,
                              (const unsigned char *)row + first[i].index * size, size);
            }
            if (indices) {
                ((int64_t *)indices->data)[to] = (int64_t)first[i].index;
            }
        }
    }
}

oa_status oa_kernel_top_k(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t axis, k = 0, dims[OA_MAX_RANK], candidates, rows, bytes;
    bool is_reversed = oa_call_int(call, "largest", 1) == 0;
    oa_call_ignore(call, "sorted"); /* they always are */
    if (!oa_order_keys(NULL, NULL, x->dtype, 0, is_reversed)) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = oa_call_axis(&axis, oa_call_int(call, "axis", -1), x->rank, error);
    if (status == OA_OK) {
        status = read_k(&k, call, x->dims[axis], error);
    }
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = d == axis ? k : x->dims[d];
    }
    oa_array *values = NULL, *indices = NULL;
    if (oa_call_wants(call, 0)) {
        status = oa_call_output(&values, call, 0, x->dtype, dims, x->rank, error);
    }
    if (status == OA_OK && oa_call_wants(call, 1)) {
        status = oa_call_output(&indices, call, 1, OA_DTYPE_INT64, dims, x->rank, error);
    }
    const oa_axis_layout layout = oa_axis_layout_at(x, axis);
    if (status != OA_OK || k == 0 || x->count == 0) {
        return status;
    }
    candidate *first = NULL;
    if (!oa_mul_overflows(&candidates, k, sizeof *first) &&
        !oa_mul_overflows(&rows, layout.n, sizeof(int64_t) + oa_dtype_size(x->dtype)) &&
        !oa_add_overflows(&bytes, candidates, rows)) {
        first = oa_call_scratch(call, bytes, 1);
    }
    if (!first) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the first %zu of %zu elements", k, layout.n);
    }
    int64_t *keys = (int64_t *)(first + k);
    run(values, indices, x, &layout, k, is_reversed, first, keys, keys + layout.n);
    return OA_OK;
}
