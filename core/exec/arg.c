/* ArgMax and ArgMin. */
#include "core/exec/kernels.h"
#include "core/exec/order.h"

enum { CHUNK = 256 };

/* x is [outer, n, inner]; the search is along n. */
typedef struct search {
    size_t outer;
    size_t n;
    size_t inner;
    bool is_reversed;
    bool takes_last;
} search;

/* indices[outer, inner]. Rows along `inner` are compared with the best so far, a chunk at a time. */
static void find_strided(int64_t *indices, const oa_array *x, const search *s)
{
    int64_t keys[CHUNK], best[CHUNK];
    size_t size = oa_dtype_size(x->dtype);
    for (size_t o = 0; o < s->outer; o++) {
        for (size_t at = 0; at < s->inner; at += CHUNK) {
            size_t length = s->inner - at < CHUNK ? s->inner - at : CHUNK;
            int64_t *found = indices + o * s->inner + at;
            const unsigned char *column = (const unsigned char *)x->data + (o * s->n * s->inner + at) * size;
            for (size_t k = 0; k < s->n; k++) {
                (void)oa_order_keys(keys, column + k * s->inner * size, x->dtype, length, s->is_reversed);
                for (size_t i = 0; i < length; i++) {
                    if (k == 0 || keys[i] > best[i] || (s->takes_last && keys[i] == best[i])) {
                        best[i] = keys[i];
                        found[i] = (int64_t)k;
                    }
                }
            }
        }
    }
}

static oa_status run(oa_call *call, bool is_reversed, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t axis, dims[OA_MAX_RANK], rank = 0;
    search s = {.outer = 1, .inner = 1, .is_reversed = is_reversed};
    s.takes_last = oa_call_int(call, "select_last_index", 0) != 0;
    bool keeps = oa_call_int(call, "keepdims", 1) != 0;
    if (!oa_order_keys(NULL, NULL, x->dtype, 0, is_reversed)) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = oa_call_axis(&axis, oa_call_int(call, "axis", 0), x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    s.n = x->dims[axis];
    for (size_t d = 0; d < x->rank; d++) {
        s.outer *= d < axis ? x->dims[d] : 1;
        s.inner *= d > axis ? x->dims[d] : 1;
        if (d != axis || keeps) {
            dims[rank++] = d == axis ? 1 : x->dims[d];
        }
    }
    oa_array *y;
    status = oa_call_output(&y, call, 0, OA_DTYPE_INT64, dims, rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    if (s.n == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "nothing to search: axis %zu has size 0", axis);
    }
    int64_t *indices = y->data;
    if (s.inner > 1) {
        find_strided(indices, x, &s);
        return OA_OK;
    }
    for (size_t o = 0; o < s.outer; o++) {
        const unsigned char *row = (const unsigned char *)x->data + o * s.n * oa_dtype_size(x->dtype);
        indices[o] = (int64_t)oa_order_first(row, x->dtype, s.n, is_reversed, s.takes_last);
    }
    return OA_OK;
}

oa_status oa_kernel_arg_max(oa_call *call, oa_error *error)
{
    return run(call, false, error);
}

oa_status oa_kernel_arg_min(oa_call *call, oa_error *error)
{
    return run(call, true, error);
}
