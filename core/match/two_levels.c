/* Blocks and what is inside of them, reordered alike in all blocks, matched together. */
#include "core/match/two_levels.h"

#include "core/assign/assign.h"

#include <string.h>

enum { TURNS_MAX = 100 };

typedef struct two_levels {
    const double *profit;
    size_t n_blocks, n_inner;
    double *pairs; /* [n_blocks, n_blocks] or [n_inner, n_inner]: the profit of the assignment under way */
    double *part;  /* [n_inner, n_inner] of one pair of blocks */
    size_t *order; /* [n_inner] */
    oa_error *error;
} two_levels;

static const double *row_of(const two_levels *t, size_t h, size_t i, size_t other)
{
    return t->profit + (h * t->n_inner + i) * t->n_blocks * t->n_inner + other * t->n_inner;
}

static double total(const two_levels *t, const size_t *blocks, const size_t *inner)
{
    double sum = 0.0;
    for (size_t h = 0; h < t->n_blocks; h++) {
        for (size_t i = 0; i < t->n_inner; i++) {
            sum += row_of(t, h, i, blocks[h])[inner[i]];
        }
    }
    return sum;
}

/* What each two blocks have in common under the best inside of their own. */
static oa_status assign_blocks_freely(two_levels *t, size_t *blocks, const size_t *inner)
{
    oa_status status = OA_OK;
    for (size_t h = 0; h < t->n_blocks; h++) {
        for (size_t other = 0; other < t->n_blocks && status == OA_OK; other++) {
            for (size_t i = 0; i < t->n_inner; i++) {
                memcpy(t->part + i * t->n_inner, row_of(t, h, i, other), t->n_inner * sizeof *t->part);
            }
            status = oa_assign_maximise(t->order, t->part, t->n_inner, inner, NULL, NULL, t->error);
            double sum = 0.0;
            for (size_t i = 0; i < t->n_inner && status == OA_OK; i++) {
                sum += t->part[i * t->n_inner + t->order[i]];
            }
            t->pairs[h * t->n_blocks + other] = sum;
        }
    }
    return status == OA_OK ? oa_assign_maximise(blocks, t->pairs, t->n_blocks, blocks, NULL, NULL, t->error) : status;
}

static oa_status assign_blocks(two_levels *t, size_t *blocks, const size_t *inner)
{
    for (size_t h = 0; h < t->n_blocks; h++) {
        for (size_t other = 0; other < t->n_blocks; other++) {
            double sum = 0.0;
            for (size_t i = 0; i < t->n_inner; i++) {
                sum += row_of(t, h, i, other)[inner[i]];
            }
            t->pairs[h * t->n_blocks + other] = sum;
        }
    }
    return oa_assign_maximise(blocks, t->pairs, t->n_blocks, blocks, NULL, NULL, t->error);
}

static oa_status assign_inner(two_levels *t, const size_t *blocks, size_t *inner)
{
    for (size_t i = 0; i < t->n_inner; i++) {
        double *sums = t->pairs + i * t->n_inner;
        memset(sums, 0, t->n_inner * sizeof *sums);
        for (size_t h = 0; h < t->n_blocks; h++) {
            const double *row = row_of(t, h, i, blocks[h]);
            for (size_t k = 0; k < t->n_inner; k++) {
                sums[k] += row[k];
            }
        }
    }
    return oa_assign_maximise(inner, t->pairs, t->n_inner, inner, NULL, NULL, t->error);
}

/* Insides and blocks in turns while that helps: each step is optimal given the other, so that the sum never falls. */
static oa_status take_turns(two_levels *t, size_t *blocks, size_t *inner)
{
    double best = total(t, blocks, inner);
    oa_status status = OA_OK;
    for (size_t turn = 0; turn < TURNS_MAX && status == OA_OK; turn++) {
        status = assign_inner(t, blocks, inner);
        if (status == OA_OK) {
            status = assign_blocks(t, blocks, inner);
        }
        double now = total(t, blocks, inner);
        if (!(now > best)) {
            break;
        }
        best = now;
    }
    return status;
}

oa_status oa_match_two_levels(size_t *blocks, size_t *inner, const double *profit, size_t n_blocks, size_t n_inner,
                              oa_error *error)
{
    size_t larger = n_blocks > n_inner ? n_blocks : n_inner;
    two_levels t = {.profit = profit,
                    .n_blocks = n_blocks,
                    .n_inner = n_inner,
                    .pairs =
                        oa_calloc(larger * larger, sizeof *t.pairs), /* the profit, squared sizes and all, exists */
                    .part = oa_calloc(n_inner * n_inner, sizeof *t.part),
                    .order = oa_calloc(n_inner, sizeof *t.order),
                    .error = error};
    size_t *found = oa_calloc(2 * (n_blocks + n_inner), sizeof *found);
    oa_status status = OA_OK;
    if (!t.pairs || !t.part || !t.order || !found) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching %zu blocks of %zu", n_blocks, n_inner);
        goto done;
    }
    /* Two starts: the permutations given, and blocks by what their insides could do. */
    for (size_t s = 0; s < 2 && status == OA_OK; s++) {
        size_t *own_blocks = found + s * (n_blocks + n_inner);
        memcpy(own_blocks, blocks, n_blocks * sizeof *blocks);
        memcpy(own_blocks + n_blocks, inner, n_inner * sizeof *inner);
        status = s ? assign_blocks_freely(&t, own_blocks, inner) : OA_OK;
        if (status == OA_OK) {
            status = take_turns(&t, own_blocks, own_blocks + n_blocks);
        }
    }
    if (status == OA_OK) {
        const size_t *first = found;
        const size_t *second = found + n_blocks + n_inner;
        bool is_better = total(&t, second, second + n_blocks) > total(&t, first, first + n_blocks);
        const size_t *best = is_better ? second : first;
        memcpy(blocks, best, n_blocks * sizeof *blocks);
        memcpy(inner, best + n_blocks, n_inner * sizeof *inner);
    }
done:
    oa_free(t.pairs);
    oa_free(t.part);
    oa_free(t.order);
    oa_free(found);
    return status;
}
