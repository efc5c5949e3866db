/* Tile, DepthToSpace, SpaceToDepth and Trilu: elements that stay as they are in other places, or go. */
#include "core/exec/kernels.h"
#include "core/exec/strided.h"

#include <string.h>

oa_status oa_kernel_tile(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t repeats[OA_MAX_RANK];
    size_t count, dims[OA_MAX_RANK], size = oa_dtype_size(x->dtype);
    if (call->node->version < 6) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "Tile before operator set 6");
    }
    oa_status status = oa_read_ints(repeats, &count, OA_MAX_RANK, call->inputs[1], "the repetitions", error);
    if (status == OA_OK && count != x->rank) {
        status = oa_fail(error, OA_ERROR_INPUT, "%zu repetitions for %zu axes", count, x->rank);
    }
    for (size_t d = 0; d < x->rank && status == OA_OK; d++) {
        if (repeats[d] < 0 || oa_mul_overflows(&dims[d], x->dims[d], (size_t)repeats[d])) {
            status =
                oa_fail(error, OA_ERROR_INPUT, "%lld repetitions of %zu elements", (long long)repeats[d], x->dims[d]);
        }
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    /* Runs along the last axis, each found by its place in the output. */
    size_t run = x->rank ? x->dims[x->rank - 1] : 1, rows = y->count / run, last = x->rank ? x->rank - 1 : 0;
    size_t again = x->rank ? (size_t)repeats[last] : 1, index[OA_MAX_RANK] = {0};
    unsigned char *to = y->data;
    for (size_t r = 0; r < rows; r += again) {
        size_t row = 0;
        for (size_t d = 0; d < last; d++) {
            row = row * x->dims[d] + index[d] % x->dims[d];
        }
        for (size_t i = 0; i < again; i++, to += run * size) {
            memcpy(to, (const unsigned char *)x->data + row * run * size, run * size);
        }
        for (size_t d = last; d-- > 0;) {
            if (++index[d] < dims[d]) {
                break;
            }
            index[d] = 0;
        }
    }
    return OA_OK;
}

/* x [batch, channels, height, width] and the size of the blocks that go to depth. */
static oa_status read_blocks(size_t *block, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t given = oa_call_int(call, "blocksize", 0);
    if (x->rank != 4 || given < 1 || given > INT32_MAX) {
        return oa_fail(error, OA_ERROR_INPUT, "blocks of %lld of an input of rank %zu", (long long)given, x->rank);
    }
    *block = (size_t)given;
    return OA_OK;
}

/* y as [dims], which are six, read at these steps; its own shape is [shape]. */
static oa_status copy_blocks(oa_call *call, const size_t *shape, const size_t *dims, const ptrdiff_t *steps,
                             oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, x->dtype, shape, 4, error);
    if (status == OA_OK) {
        oa_strided_copy(y->data, x->data, dims, steps, 6, oa_dtype_size(x->dtype));
    }
    return status;
}

oa_status oa_kernel_depth_to_space(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    const oa_string_view *mode = oa_call_string(call, "mode");
    size_t b = 1;
    oa_status status = read_blocks(&b, call, error);
    if (status != OA_OK) {
        return status;
    }
    bool is_crd = mode && oa_string_is(mode, "CRD");
    if (x->dims[1] % (b * b) != 0 || (mode && !is_crd && !oa_string_is(mode, "DCR"))) {
        return oa_fail(error, OA_ERROR_INPUT, "%zu channels to blocks of %zu, or a mode that is not DCR or CRD",
                       x->dims[1], b);
    }
    size_t c = x->dims[1] / (b * b), h = x->dims[2], w = x->dims[3], plane = h * w, shape[4] = {x->dims[0], c};
    if (oa_mul_overflows(&shape[2], h, b) || oa_mul_overflows(&shape[3], w, b)) {
        return oa_fail(error, OA_ERROR_INPUT, "blocks of %zu in a plane of %zu by %zu", b, h, w);
    }
    const size_t dims[6] = {x->dims[0], c, h, b, w, b};
    /* Channels are [b, b, c], or with CRD [c, b, b]. */
    size_t channel = is_crd ? b * b : 1, row = is_crd ? b : b * c, column = is_crd ? 1 : c;
    const ptrdiff_t steps[6] = {
        (ptrdiff_t)(x->dims[1] * plane), (ptrdiff_t)(channel * plane), (ptrdiff_t)w, (ptrdiff_t)(row * plane), 1,
        (ptrdiff_t)(column * plane)};
    return copy_blocks(call, shape, dims, steps, error);
}

oa_status oa_kernel_space_to_depth(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t b = 1;
    oa_status status = read_blocks(&b, call, error);
    if (status != OA_OK) {
        return status;
    }
    size_t c = x->dims[1], h = x->dims[2], w = x->dims[3], shape[4] = {x->dims[0], 0, h / b, w / b};
    if (h % b != 0 || w % b != 0 || oa_mul_overflows(&shape[1], c, b * b)) {
        return oa_fail(error, OA_ERROR_INPUT, "a plane of %zu by %zu in blocks of %zu", h, w, b);
    }
    const size_t dims[6] = {x->dims[0], b, b, c, h / b, w / b};
    const ptrdiff_t steps[6] = {(ptrdiff_t)(c * h * w), (ptrdiff_t)w,       1,
                                (ptrdiff_t)(h * w),     (ptrdiff_t)(b * w), (ptrdiff_t)b};
    return copy_blocks(call, shape, dims, steps, error);
}

oa_status oa_kernel_trilu(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *input = oa_call_input(call, 1);
    int64_t k = 0;
    size_t count = 1, size = oa_dtype_size(x->dtype);
    bool is_upper = oa_call_int(call, "upper", 1) != 0;
    if (x->rank < 2) {
        return oa_fail(error, OA_ERROR_INPUT, "an input of rank %zu is no matrix", x->rank);
    }
    oa_status status = input ? oa_read_ints(&k, &count, 1, input, "k", error) : OA_OK;
    if (status == OA_OK && count != 1) {
        status = oa_fail(error, OA_ERROR_INPUT, "k is empty");
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, x->dims, x->rank, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    size_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    int64_t most = (int64_t)columns, least = -(int64_t)rows; /* beyond, k changes nothing, and sums stay in range */
    k = k > most ? most : k < least ? least : k;
    for (size_t r = 0; r < y->count / columns; r++) {
        /* The first column that belongs to the upper part. */
        int64_t first = (int64_t)(r % rows) + k + (is_upper ? 0 : 1);
        size_t cut = first < 0 ? 0 : (uint64_t)first > columns ? columns : (size_t)first;
        unsigned char *to = (unsigned char *)y->data + r * columns * size;
        const unsigned char *from = (const unsigned char *)x->data + r * columns * size;
        size_t start = is_upper ? cut : 0, end = is_upper ? columns : cut;
        memset(to, 0, columns * size);
        memcpy(to + start * size, from + start * size, (end - start) * size);
    }
    return OA_OK;
}
