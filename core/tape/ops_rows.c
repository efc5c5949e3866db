/* Operations on rows: pools over a model's units, broadcasts, taps. */
#include "core/linalg/vector_math.h"
#include "core/tape/tape_private.h"

#include <stdint.h>
#include <string.h>

/* ---- broadcasts and pools over blocks ---- */

static oa_status add_rows_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    size_t d = entry->columns, blocks = oa_tape_entry_at(tape, entry->inputs[1])->rows;
    size_t block = entry->rows / blocks;
    (void)error;
    oa_tape_pass_on(tape, entry, 0, entry->gradient, entry->rows * d);
    float *drow = oa_tape_add_gradient(tape, entry, 1);
    for (size_t b = 0; b < blocks && drow; b++) {
        for (size_t r = b * block; r < (b + 1) * block; r++) {
            oa_add_to(drow + b * d, entry->gradient + r * d, d);
        }
    }
    return OA_OK;
}

oa_var oa_op_add_rows(oa_tape *tape, oa_var a, oa_var rows, size_t models)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a), *row = oa_tape_entry_at(tape, rows);
    const float *in = x->data, *added = row->data;
    size_t d = x->columns, blocks = row->rows;
    if (row->columns != d || !blocks || (blocks != 1 && blocks != models) || x->rows % blocks != 0) {
        return oa_tape_misfit(tape, "add rows");
    }
    oa_tape_entry *entry = oa_tape_make(tape, x->rows, d, (oa_var[]){a, rows}, 2, add_rows_backward);
    if (!entry) {
        return 0;
    }
    size_t block = entry->rows / blocks;
    for (size_t b = 0; b < blocks; b++) {
        const float *restrict by = added + b * d;
        for (size_t r = b * block; r < (b + 1) * block; r++) {
            const float *restrict from = in + r * d;
            float *restrict out = entry->data + r * d;
            for (size_t k = 0; k < d; k++) {
                out[k] = from[k] + by[k];
            }
        }
    }
    return oa_tape_last(tape);
}

static oa_status mean_rows_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, entry->inputs[0]);
    size_t d = entry->columns, block = x->rows / entry->rows;
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    float share = 1.0f / (float)block;
    for (size_t b = 0; b < entry->rows && dx; b++) {
        const float *restrict dy = entry->gradient + b * d;
        for (size_t r = b * block; r < (b + 1) * block; r++) {
            float *restrict out = dx + r * d;
            for (size_t k = 0; k < d; k++) {
                out[k] += dy[k] * share;
            }
        }
    }
    return OA_OK;
}

oa_var oa_op_mean_rows(oa_tape *tape, oa_var a, size_t models)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    size_t d = x->columns, rows = x->rows;
    if (!models || !rows || rows % models != 0) {
        return oa_tape_misfit(tape, "mean of rows");
    }
    oa_tape_entry *entry = oa_tape_make(tape, models, d, &a, 1, mean_rows_backward);
    if (!entry) {
        return 0;
    }
    size_t block = rows / models;
    memset(entry->data, 0, models * d * sizeof(float));
    for (size_t b = 0; b < models; b++) {
        float *restrict out = entry->data + b * d;
        for (size_t r = b * block; r < (b + 1) * block; r++) {
            oa_add_to(out, in + r * d, d);
        }
        for (size_t k = 0; k < d; k++) {
            out[k] /= (float)block;
        }
    }
    return oa_tape_last(tape);
}

/* Columns whose maxima stay in the fastest cache while the rows pass by. */
enum { STRIP = 1024 };

/* state: the row that holds each maximum, within its block. */
static oa_status max_rows_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const uint32_t *at = entry->state;
    size_t d = entry->columns, block = oa_tape_entry_at(tape, entry->inputs[0])->rows / entry->rows;
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    for (size_t b = 0; b < entry->rows && dx; b++) {
        for (size_t k = 0; k < d; k++) {
            dx[(b * block + at[b * d + k]) * d + k] += entry->gradient[b * d + k];
        }
    }
    return OA_OK;
}

/* out [d] = the maximum of `rows` rows, place [d] = the first row that holds it. */
OA_VECTOR_CLONES static void maximum(float *restrict out, uint32_t *restrict place, const float *restrict in,
                                     size_t rows, size_t d, size_t stride)
{
    for (size_t k = 0; k < d; k++) {
        out[k] = in[k];
        place[k] = 0;
    }
    for (size_t r = 1; r < rows; r++) {
        const float *restrict x = in + r * stride;
        for (size_t k = 0; k < d; k++) {
            bool is_larger = x[k] > out[k];
            out[k] = is_larger ? x[k] : out[k];
            place[k] = is_larger ? (uint32_t)r : place[k];
        }
    }
}

oa_var oa_op_max_rows(oa_tape *tape, oa_var a, size_t models)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    size_t d = x->columns, rows = x->rows;
    if (!models || !rows || rows % models != 0 || rows > UINT32_MAX) {
        return oa_tape_misfit(tape, "maximum of rows");
    }
    oa_tape_entry *entry = oa_tape_make(tape, models, d, &a, 1, max_rows_backward);
    uint32_t *at = entry ? oa_tape_state(tape, models * d * sizeof *at) : NULL;
    if (!at) {
        return 0;
    }
    entry->state = at;
    size_t block = rows / models;
    for (size_t b = 0; b < models; b++) {
        for (size_t k = 0; k < d; k += STRIP) {
            maximum(entry->data + b * d + k, at + b * d + k, in + b * block * d + k, block,
                    d - k < STRIP ? d - k : STRIP, d);
        }
    }
    return oa_tape_last(tape);
}

static oa_status repeat_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, entry->inputs[0]);
    size_t d = entry->columns, times = x->rows ? entry->rows / x->rows : 1;
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    for (size_t r = 0; r < entry->rows && dx; r++) {
        oa_add_to(dx + r / times * d, entry->gradient + r * d, d);
    }
    return OA_OK;
}

oa_var oa_op_repeat_rows(oa_tape *tape, oa_var a, size_t times)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    size_t d = x->columns, rows;
    if (!times || oa_mul_overflows(&rows, x->rows, times)) {
        return oa_tape_misfit(tape, "repeat rows");
    }
    oa_tape_entry *entry = oa_tape_make(tape, rows, d, &a, 1, repeat_backward);
    if (!entry) {
        return 0;
    }
    for (size_t r = 0; r < rows; r++) {
        memcpy(entry->data + r * d, in + r / times * d, d * sizeof(float));
    }
    return oa_tape_last(tape);
}

/* ---- taps ---- */

typedef struct tap_pattern {
    const float *signs;
    size_t taps;
} tap_pattern;

/* many [r * taps, d] = (or +=) few [r, d] times the signs. */
static void spread(float *restrict many, const float *restrict few, const tap_pattern *p, size_t rows, size_t d,
                   bool adds)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < p->taps; t++) {
            float *restrict out = many + (r * p->taps + t) * d;
            const float *restrict sign = p->signs + t * d, *restrict in = few + r * d;
            for (size_t k = 0; k < d; k++) {
                out[k] = (adds ? out[k] : 0.0f) + in[k] * sign[k];
            }
        }
    }
}

/* few [r, d] += sum over taps of many times the signs. */
static void gather(float *restrict few, const float *restrict many, const tap_pattern *p, size_t rows, size_t d)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < p->taps; t++) {
            const float *restrict in = many + (r * p->taps + t) * d, *restrict sign = p->signs + t * d;
            float *restrict out = few + r * d;
            for (size_t k = 0; k < d; k++) {
                out[k] += in[k] * sign[k];
            }
        }
    }
}

static oa_status spread_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    if (dx) {
        gather(dx, entry->gradient, entry->state, oa_tape_entry_at(tape, entry->inputs[0])->rows, entry->columns);
    }
    return OA_OK;
}

static oa_status gather_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    if (dx) {
        spread(dx, entry->gradient, entry->state, entry->rows, entry->columns, true);
    }
    return OA_OK;
}

oa_var oa_op_spread_taps(oa_tape *tape, oa_var a, const float *signs, size_t taps)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    size_t rows = x->rows, d = x->columns, all;
    if (!taps || oa_mul_overflows(&all, rows, taps)) {
        return oa_tape_misfit(tape, "spread taps");
    }
    oa_tape_entry *entry = oa_tape_make(tape, all, d, &a, 1, spread_backward);
    tap_pattern *state = entry ? oa_tape_state(tape, sizeof *state) : NULL;
    if (!state) {
        return 0;
    }
    *state = (tap_pattern){signs, taps};
    entry->state = state;
    spread(entry->data, in, state, rows, d, false);
    return oa_tape_last(tape);
}

oa_var oa_op_gather_taps(oa_tape *tape, oa_var a, const float *signs, size_t taps)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    size_t d = x->columns;
    if (!taps || x->rows % taps != 0) {
        return oa_tape_misfit(tape, "gather taps");
    }
    oa_tape_entry *entry = oa_tape_make(tape, x->rows / taps, d, &a, 1, gather_backward);
    tap_pattern *state = entry ? oa_tape_state(tape, sizeof *state) : NULL;
    if (!state) {
        return 0;
    }
    *state = (tap_pattern){signs, taps};
    entry->state = state;
    memset(entry->data, 0, entry->rows * d * sizeof(float));
    gather(entry->data, in, state, entry->rows, d);
    return oa_tape_last(tape);
}
