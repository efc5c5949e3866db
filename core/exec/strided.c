#include "core/exec/strided.h"

#include "core/exec/spread.h"

#include <string.h>

enum { TILE = 16 }; /* elements a side: both the rows read and the rows written stay in the first-level cache */

void oa_copy_bytes(void *dst, const void *src, size_t bytes)
{
    if (bytes) {
        memcpy(dst, src, bytes);
    }
}

void oa_packed_steps(ptrdiff_t *steps, const size_t *dims, size_t rank)
{
    ptrdiff_t step = 1;
    for (size_t d = rank; d-- > 0;) {
        steps[d] = step;
        step *= (ptrdiff_t)dims[d];
    }
}

/* Copies of a constant size become single moves; elements of any type may be moved this way. */
#define OA_STRIDED_LOOPS(size)                                                                                         \
    static void copy_row_##size(unsigned char *dst, const unsigned char *src, size_t n, ptrdiff_t step)                \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            memcpy(dst + i * size, src + (ptrdiff_t)i * step * size, size);                                            \
        }                                                                                                              \
    }                                                                                                                  \
    static void transpose_##size(unsigned char *dst, const unsigned char *src, size_t rows, size_t columns,            \
                                 ptrdiff_t step)                                                                       \
    {                                                                                                                  \
        for (size_t i0 = 0; i0 < rows; i0 += TILE) {                                                                   \
            size_t i1 = rows - i0 < TILE ? rows : i0 + TILE;                                                           \
            for (size_t j0 = 0; j0 < columns; j0 += TILE) {                                                            \
                size_t j1 = columns - j0 < TILE ? columns : j0 + TILE;                                                 \
                for (size_t i = i0; i < i1; i++) {                                                                     \
                    for (size_t j = j0; j < j1; j++) {                                                                 \
                        memcpy(dst + (i * columns + j) * size, src + ((ptrdiff_t)i + (ptrdiff_t)j * step) * size,      \
                               size);                                                                                  \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

OA_STRIDED_LOOPS(1)
OA_STRIDED_LOOPS(2)
OA_STRIDED_LOOPS(4)
OA_STRIDED_LOOPS(8)
OA_STRIDED_LOOPS(16)

static void copy_row(unsigned char *dst, const unsigned char *src, size_t n, ptrdiff_t step, size_t size)
{
    if (step == 1) {
        memcpy(dst, src, n * size);
        return;
    }
    switch (size) {
    case 1:
        copy_row_1(dst, src, n, step);
        break;
    case 2:
        copy_row_2(dst, src, n, step);
        break;
    case 4:
        copy_row_4(dst, src, n, step);
        break;
    case 8:
        copy_row_8(dst, src, n, step);
        break;
    default:
        copy_row_16(dst, src, n, step);
        break;
    }
}

/* dst[rows, columns], whose rows are neighbours in `src` and whose columns are `step` apart there. */
static void transpose(unsigned char *dst, const unsigned char *src, size_t rows, size_t columns, ptrdiff_t step,
                      size_t size)
{
    switch (size) {
    case 1:
        transpose_1(dst, src, rows, columns, step);
        break;
    case 2:
        transpose_2(dst, src, rows, columns, step);
        break;
    case 4:
        transpose_4(dst, src, rows, columns, step);
        break;
    case 8:
        transpose_8(dst, src, rows, columns, step);
        break;
    default:
        transpose_16(dst, src, rows, columns, step);
        break;
    }
}

/* Drops axes of size 1 and joins neighbours that are walked as one. The rank that remains is at least 1. */
static size_t join_axes(size_t *joined, ptrdiff_t *joined_steps, const size_t *dims, const ptrdiff_t *steps,
                        size_t rank)
{
    size_t n = 0;
    for (size_t d = 0; d < rank; d++) {
        if (dims[d] == 1) {
            continue;
        }
        if (n && joined_steps[n - 1] == steps[d] * (ptrdiff_t)dims[d]) {
            joined[n - 1] *= dims[d];
        } else {
            joined[n++] = dims[d];
        }
        joined_steps[n - 1] = steps[d];
    }
    if (n == 0) {
        joined[0] = 1;
        joined_steps[0] = 1;
        n = 1;
    }
    return n;
}

void oa_strided_copy(void *dst, const void *src, const size_t *dims, const ptrdiff_t *steps, size_t rank, size_t size)
{
    size_t joined[OA_MAX_RANK + 1], index[OA_MAX_RANK + 1] = {0};
    ptrdiff_t joined_steps[OA_MAX_RANK + 1];
    for (size_t d = 0; d < rank; d++) {
        if (dims[d] == 0) {
            return;
        }
    }
    size_t n = join_axes(joined, joined_steps, dims, steps, rank);
    bool is_transposed = n >= 2 && joined_steps[n - 2] == 1 && joined_steps[n - 1] > 1;
    size_t inner = is_transposed ? 2 : 1;
    size_t block = joined[n - 1] * (is_transposed ? joined[n - 2] : 1) * size;
    unsigned char *to = dst;
    ptrdiff_t offset = 0; /* in elements */
    for (;;) {
        const unsigned char *from = (const unsigned char *)src + offset * (ptrdiff_t)size;
        if (is_transposed) {
            transpose(to, from, joined[n - 2], joined[n - 1], joined_steps[n - 1], size);
        } else {
            copy_row(to, from, joined[n - 1], joined_steps[n - 1], size);
        }
        to += block;
        size_t d = n - inner;
        for (;;) {
            if (d == 0) {
                return;
            }
            d--;
            offset += joined_steps[d];
            if (++index[d] < joined[d]) {
                break;
            }
            offset -= joined_steps[d] * (ptrdiff_t)joined[d];
            index[d] = 0;
        }
    }
}

typedef struct strided_work {
    unsigned char *dst;
    const unsigned char *src;
    const size_t *dims;
    const ptrdiff_t *steps;
    size_t rank;
    size_t size;
    size_t slice; /* elements of one index along the first axis */
} strided_work;

/* Indices along the first axis. */
static void copy_slices(void *context, size_t first, size_t end)
{
    const strided_work *w = context;
    size_t dims[OA_MAX_RANK] = {end - first};
    for (size_t d = 1; d < w->rank; d++) {
        dims[d] = w->dims[d];
    }
    oa_strided_copy(w->dst + first * w->slice * w->size, w->src + (ptrdiff_t)first * w->steps[0] * (ptrdiff_t)w->size,
                    dims, w->steps, w->rank, w->size);
}

void oa_strided_spread(oa_team *team, void *dst, const void *src, const size_t *dims, const ptrdiff_t *steps,
                       size_t rank, size_t size)
{
    strided_work w = {dst, src, dims, steps, rank, size, 1};
    for (size_t d = 1; d < rank; d++) {
        w.slice *= dims[d];
    }
    if (rank == 0) {
        oa_strided_copy(dst, src, dims, steps, rank, size);
    } else if (dims[0] && w.slice) {
        oa_spread(team, dims[0], 2 * w.slice, copy_slices, &w);
    }
}
