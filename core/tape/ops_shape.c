/* The same numbers in another arrangement. */
#include "core/tape/tape_private.h"

#include <string.h>

/* ---- reshape ---- */

static oa_status reshape_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    (void)error;
    oa_tape_pass_on(tape, entry, 0, entry->gradient, entry->rows * entry->columns);
    return OA_OK;
}

oa_var oa_op_reshape(oa_tape *tape, oa_var a, size_t rows, size_t columns)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    size_t count, own = x->rows * x->columns;
    if (oa_mul_overflows(&count, rows, columns) || count != own) {
        return oa_tape_misfit(tape, "reshape");
    }
    return oa_tape_view(tape, a, 0, rows, columns, reshape_backward) ? oa_tape_last(tape) : 0;
}

/* ---- transpose ---- */

static oa_status transpose_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    for (size_t i = 0; i < entry->rows && dx; i++) {
        for (size_t j = 0; j < entry->columns; j++) {
            dx[j * entry->rows + i] += entry->gradient[i * entry->columns + j];
        }
    }
    return OA_OK;
}

oa_var oa_op_transpose(oa_tape *tape, oa_var a)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    oa_tape_entry *entry = oa_tape_make(tape, x->columns, x->rows, &a, 1, transpose_backward);
    if (!entry) {
        return 0;
    }
    for (size_t i = 0; i < entry->rows; i++) {
        for (size_t j = 0; j < entry->columns; j++) {
            entry->data[i * entry->columns + j] = in[j * entry->rows + i];
        }
    }
    return oa_tape_last(tape);
}

/* ---- some of the rows ---- */

static oa_status rows_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const size_t *first = entry->state;
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    if (dx) {
        oa_add_to(dx + *first * entry->columns, entry->gradient, entry->rows * entry->columns);
    }
    return OA_OK;
}

oa_var oa_op_rows(oa_tape *tape, oa_var a, size_t first, size_t count)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    if (first > x->rows || count > x->rows - first) {
        return oa_tape_misfit(tape, "rows");
    }
    oa_tape_entry *entry = oa_tape_view(tape, a, first * x->columns, count, x->columns, rows_backward);
    size_t *state = entry ? oa_tape_state(tape, sizeof *state) : NULL;
    if (!state) {
        return 0;
    }
    *state = first;
    entry->state = state;
    return oa_tape_last(tape);
}

/* ---- one under the other ---- */

static oa_status stack_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    size_t done = 0;
    (void)error;
    for (size_t k = 0; k < entry->input_count; k++) {
        size_t count = oa_tape_entry_at(tape, entry->inputs[k])->rows * entry->columns;
        oa_tape_pass_on(tape, entry, k, entry->gradient + done, count);
        done += count;
    }
    return OA_OK;
}

oa_var oa_op_stack(oa_tape *tape, const oa_var *parts, size_t count)
{
    size_t rows = 0, columns = count ? oa_tape_columns(tape, parts[0]) : 0;
    for (size_t k = 0; k < count; k++) {
        if (oa_tape_columns(tape, parts[k]) != columns) {
            return oa_tape_misfit(tape, "stack");
        }
        rows += oa_tape_rows(tape, parts[k]);
    }
    oa_tape_entry *entry = oa_tape_make(tape, rows, columns, parts, count, stack_backward);
    float *to = entry ? entry->data : NULL;
    for (size_t k = 0; k < count && to; k++) {
        const oa_tape_entry *x = oa_tape_entry_at(tape, parts[k]);
        memcpy(to, x->data, x->rows * columns * sizeof(float));
        to += x->rows * columns;
    }
    return entry ? oa_tape_last(tape) : 0;
}

/* ---- side by side ---- */

static oa_status concat_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    size_t done = 0;
    (void)error;
    for (size_t k = 0; k < entry->input_count; k++) {
        size_t width = oa_tape_entry_at(tape, entry->inputs[k])->columns;
        float *dx = oa_tape_add_gradient(tape, entry, k);
        for (size_t r = 0; r < entry->rows && dx; r++) {
            oa_add_to(dx + r * width, entry->gradient + r * entry->columns + done, width);
        }
        done += width;
    }
    return OA_OK;
}

oa_var oa_op_concat_columns(oa_tape *tape, const oa_var *parts, size_t count)
{
    size_t columns = 0, rows = count ? oa_tape_rows(tape, parts[0]) : 0, done = 0;
    for (size_t k = 0; k < count; k++) {
        if (oa_tape_rows(tape, parts[k]) != rows) {
            return oa_tape_misfit(tape, "concat columns");
        }
        columns += oa_tape_columns(tape, parts[k]);
    }
    oa_tape_entry *entry = oa_tape_make(tape, rows, columns, parts, count, concat_backward);
    for (size_t k = 0; k < count && entry; k++) {
        const oa_tape_entry *x = oa_tape_entry_at(tape, parts[k]);
        for (size_t r = 0; r < rows; r++) {
            memcpy(entry->data + r * columns + done, x->data + r * x->columns, x->columns * sizeof(float));
        }
        done += x->columns;
    }
    return entry ? oa_tape_last(tape) : 0;
}
