#include "core/learn/train_state.h"

#include "core/base/memory.h"

#include <math.h>
#include <string.h>

oa_status oa_train_state_init(oa_train_state *state, size_t value_count, size_t family_count, oa_error *error)
{
    oa_train_state made = {.value_count = value_count, .family_count = family_count, .best_check = OA_NONE};
    made.values = oa_calloc(value_count, sizeof *made.values);
    made.first = oa_calloc(value_count, sizeof *made.first);
    made.second = oa_calloc(value_count, sizeof *made.second);
    made.best = oa_calloc(value_count, sizeof *made.best);
    if (!made.values || !made.first || !made.second || !made.best) {
        oa_train_state_free(&made);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for training %zu parameters", value_count);
    }
    *state = made;
    return OA_OK;
}

void oa_train_state_free(oa_train_state *state)
{
    oa_free(state->values);
    oa_free(state->first);
    oa_free(state->second);
    oa_free(state->best);
    oa_free(state->records);
    oa_free(state->checks);
    oa_free(state->measures);
    *state = (oa_train_state){0};
}

oa_status oa_train_state_grow(oa_train_state *state, oa_error *error)
{
    if (!oa_grow(&state->records, &state->record_capacity, state->step + 1, sizeof *state->records) ||
        !oa_grow(&state->checks, &state->check_capacity, state->check_count + 1, sizeof *state->checks) ||
        !oa_grow(&state->measures, &state->measure_capacity, (state->check_count + 1) * state->family_count,
                 sizeof *state->measures)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the history of training");
    }
    return OA_OK;
}

/* ---- As bytes: a head of numbers, then the arrays ---- */

static const uint64_t MAGIC = UINT64_C(0x31747461726e6f61); /* bytes "aonratt1" where the order is the usual one */

enum {
    HEAD_MAGIC,
    HEAD_FINGERPRINT,
    HEAD_STEP,
    HEAD_SKIPPED,
    HEAD_VALUES,
    HEAD_BEST,
    HEAD_CHECKS,
    HEAD_FAMILIES,
    HEAD
};

/* The arrays of a state, as memory. */
typedef struct piece {
    void *data;
    size_t count, size;
} piece;

enum { PIECES = 7 };

static void list_pieces(piece *pieces, const oa_train_state *state)
{
    const piece all[PIECES] = {{state->values, state->value_count, sizeof *state->values},
                               {state->first, state->value_count, sizeof *state->first},
                               {state->second, state->value_count, sizeof *state->second},
                               {state->best, state->value_count, sizeof *state->best},
                               {state->records, state->step, sizeof *state->records},
                               {state->checks, state->check_count, sizeof *state->checks},
                               {state->measures, state->check_count * state->family_count, sizeof *state->measures}};
    memcpy(pieces, all, sizeof all);
}

oa_status oa_train_state_write(unsigned char **bytes, size_t *size, const oa_train_state *state, oa_error *error)
{
    const uint64_t head[HEAD] = {[HEAD_MAGIC] = MAGIC,
                                 [HEAD_FINGERPRINT] = state->fingerprint,
                                 [HEAD_STEP] = state->step,
                                 [HEAD_SKIPPED] = state->skipped,
                                 [HEAD_VALUES] = state->value_count,
                                 [HEAD_BEST] = state->best_check == OA_NONE ? UINT64_MAX : state->best_check,
                                 [HEAD_CHECKS] = state->check_count,
                                 [HEAD_FAMILIES] = state->family_count};
    piece pieces[PIECES];
    list_pieces(pieces, state);
    size_t total = sizeof head;
    for (size_t i = 0; i < PIECES; i++) {
        total += pieces[i].count * pieces[i].size; /* fits: the pieces are in memory */
    }
    unsigned char *made = oa_malloc(total, 1);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a checkpoint");
    }
    size_t at = sizeof head;
    memcpy(made, head, sizeof head);
    for (size_t i = 0; i < PIECES; i++) {
        if (pieces[i].count) {
            memcpy(made + at, pieces[i].data, pieces[i].count * pieces[i].size);
        }
        at += pieces[i].count * pieces[i].size;
    }
    *bytes = made;
    *size = total;
    return OA_OK;
}

/* Do arrays of these sizes fill exactly `size` bytes behind the head? */
static bool sizes_fit(const uint64_t *head, size_t size)
{
    const size_t values = 4 * sizeof(float);
    size_t total = sizeof(uint64_t) * HEAD, bytes, measures;
    if (head[HEAD_VALUES] > size || head[HEAD_STEP] > size || head[HEAD_CHECKS] > size || head[HEAD_FAMILIES] > size) {
        return false;
    }
    bool fits = !oa_mul_overflows(&bytes, head[HEAD_VALUES], values) && !oa_add_overflows(&total, total, bytes) &&
                !oa_mul_overflows(&bytes, head[HEAD_STEP], sizeof(oa_train_record)) &&
                !oa_add_overflows(&total, total, bytes) &&
                !oa_mul_overflows(&bytes, head[HEAD_CHECKS], sizeof(oa_train_check)) &&
                !oa_add_overflows(&total, total, bytes) &&
                !oa_mul_overflows(&measures, head[HEAD_CHECKS], head[HEAD_FAMILIES]) &&
                !oa_mul_overflows(&bytes, measures, sizeof(double)) && !oa_add_overflows(&total, total, bytes);
    return fits && total == size && (head[HEAD_BEST] == UINT64_MAX || head[HEAD_BEST] < head[HEAD_CHECKS]);
}

static bool all_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

oa_status oa_train_state_read(oa_train_state *state, const unsigned char *bytes, size_t size, oa_error *error)
{
    uint64_t head[HEAD];
    if (size < sizeof head) {
        return oa_fail(error, OA_ERROR_INPUT, "the checkpoint is too short");
    }
    memcpy(head, bytes, sizeof head);
    if (head[HEAD_MAGIC] != MAGIC) {
        return oa_fail(error, OA_ERROR_INPUT, "the checkpoint is of another version or another kind of machine");
    }
    if (!sizes_fit(head, size)) {
        return oa_fail(error, OA_ERROR_INPUT, "the checkpoint is damaged");
    }
    oa_train_state made;
    oa_status status = oa_train_state_init(&made, (size_t)head[HEAD_VALUES], (size_t)head[HEAD_FAMILIES], error);
    if (status != OA_OK) {
        return status;
    }
    made.fingerprint = head[HEAD_FINGERPRINT];
    made.step = (size_t)head[HEAD_STEP];
    made.skipped = (size_t)head[HEAD_SKIPPED];
    made.check_count = (size_t)head[HEAD_CHECKS];
    made.best_check = head[HEAD_BEST] == UINT64_MAX ? OA_NONE : (size_t)head[HEAD_BEST];
    status = oa_train_state_grow(&made, error);
    if (status == OA_OK) {
        piece pieces[PIECES];
        size_t at = sizeof head;
        list_pieces(pieces, &made);
        for (size_t i = 0; i < PIECES; i++) {
            if (pieces[i].count) {
                memcpy(pieces[i].data, bytes + at, pieces[i].count * pieces[i].size);
            }
            at += pieces[i].count * pieces[i].size;
        }
        size_t n = made.value_count;
        if (!all_finite(made.values, n) || !all_finite(made.first, n) || !all_finite(made.second, n) ||
            !all_finite(made.best, n)) {
            status = oa_fail(error, OA_ERROR_INPUT, "the checkpoint is damaged");
        }
    }
    if (status != OA_OK) {
        oa_train_state_free(&made);
        return status;
    }
    *state = made;
    return OA_OK;
}
