/* The same numbers in another arrangement, the slow way. */
#include "tests/tape/operations_families.h"

#include <string.h>

void draw_reshape(trial *t, oa_random *random)
{
    size_t a = draw_size(random, 1, 5), b = draw_size(random, 1, 5), c = draw_size(random, 1, 5);
    draw_input(t, a * b, c);
    t->out_rows = a;
    t->out_columns = b * c;
}

oa_var record_reshape(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_reshape(tape, inputs[0], t->out_rows, t->out_columns);
}

void compute_reshape(double *out, const double *const *in, const trial *t)
{
    memcpy(out, in[0], t->out_rows * t->out_columns * sizeof *out);
}

void draw_transpose(trial *t, oa_random *random)
{
    t->out_rows = draw_size(random, 1, 9);
    t->out_columns = draw_size(random, 1, 9);
    draw_input(t, t->out_columns, t->out_rows);
}

oa_var record_transpose(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    (void)t;
    return oa_op_transpose(tape, inputs[0]);
}

void compute_transpose(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows; i++) {
        for (size_t j = 0; j < t->out_columns; j++) {
            out[i * t->out_columns + j] = in[0][j * t->out_rows + i];
        }
    }
}

void draw_rows(trial *t, oa_random *random)
{
    size_t rows = draw_size(random, 1, 12);
    t->number = oa_random_below(random, rows);
    t->out_rows = draw_size(random, 1, rows - t->number);
    t->out_columns = draw_size(random, 1, 9);
    draw_input(t, rows, t->out_columns);
}

oa_var record_rows(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_rows(tape, inputs[0], t->number, t->out_rows);
}

void compute_rows(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {
        out[i] = in[0][t->number * t->out_columns + i];
    }
}

void draw_stack(trial *t, oa_random *random)
{
    size_t count = draw_size(random, 1, TRIAL_INPUTS_MAX);
    t->out_columns = draw_size(random, 1, 9);
    for (size_t k = 0; k < count; k++) {
        draw_input(t, draw_size(random, 1, 6), t->out_columns);
        t->out_rows += t->rows[k];
    }
}

oa_var record_stack(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_stack(tape, inputs, t->input_count);
}

void compute_stack(double *out, const double *const *in, const trial *t)
{
    size_t row = 0;
    for (size_t k = 0; k < t->input_count; k++) {
        for (size_t r = 0; r < t->rows[k]; r++, row++) {
            for (size_t j = 0; j < t->out_columns; j++) {
                out[row * t->out_columns + j] = in[k][r * t->out_columns + j];
            }
        }
    }
}

void draw_concat(trial *t, oa_random *random)
{
    size_t count = draw_size(random, 1, TRIAL_INPUTS_MAX);
    t->out_rows = draw_size(random, 1, 9);
    for (size_t k = 0; k < count; k++) {
        draw_input(t, t->out_rows, draw_size(random, 1, 6));
        t->out_columns += t->columns[k];
    }
}

oa_var record_concat(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_concat_columns(tape, inputs, t->input_count);
}

void compute_concat(double *out, const double *const *in, const trial *t)
{
    for (size_t r = 0; r < t->out_rows; r++) {
        size_t column = 0;
        for (size_t k = 0; k < t->input_count; k++) {
            for (size_t j = 0; j < t->columns[k]; j++, column++) {
                out[r * t->out_columns + column] = in[k][r * t->columns[k] + j];
            }
        }
    }
}

void draw_repeat(trial *t, oa_random *random)
{
    t->number = draw_size(random, 1, 5);
    t->out_columns = draw_size(random, 1, 9);
    draw_input(t, draw_size(random, 1, 6), t->out_columns);
    t->out_rows = t->rows[0] * t->number;
}

oa_var record_repeat(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_repeat_rows(tape, inputs[0], t->number);
}

void compute_repeat(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {
        out[i] = in[0][i / t->out_columns / t->number * t->out_columns + i % t->out_columns];
    }
}

static void draw_signs(trial *t, oa_random *random)
{
    t->number = draw_size(random, 1, 9);
    t->out_columns = draw_size(random, 1, 20);
    for (size_t i = 0; i < t->number * t->out_columns; i++) {
        t->constants[i] = oa_random_below(random, 2) ? 1.0f : -1.0f;
    }
}

void draw_spread(trial *t, oa_random *random)
{
    draw_signs(t, random);
    draw_input(t, draw_size(random, 1, 6), t->out_columns);
    t->out_rows = t->rows[0] * t->number;
}

oa_var record_spread(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_spread_taps(tape, inputs[0], t->constants, t->number);
}

void compute_spread(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows; i++) {
        for (size_t k = 0; k < t->out_columns; k++) {
            out[i * t->out_columns + k] =
                in[0][i / t->number * t->out_columns + k] * (double)t->constants[i % t->number * t->out_columns + k];
        }
    }
}

void draw_gather(trial *t, oa_random *random)
{
    draw_signs(t, random);
    t->out_rows = draw_size(random, 1, 6);
    draw_input(t, t->out_rows * t->number, t->out_columns);
}

oa_var record_gather(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_gather_taps(tape, inputs[0], t->constants, t->number);
}

void compute_gather(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {
        out[i] = 0.0;
        for (size_t tap = 0; tap < t->number; tap++) {
            size_t row = i / t->out_columns * t->number + tap, k = i % t->out_columns;
            out[i] += in[0][row * t->out_columns + k] * (double)t->constants[tap * t->out_columns + k];
        }
    }
}
