/* Products and sums, the slow way. */
#include "tests/tape/operations_families.h"

static void fill(float *constants, size_t count, oa_random *random)
{
    for (size_t i = 0; i < count; i++) {
        constants[i] = (float)oa_random_normal(random);
    }
}

static void draw_factors(trial *t, oa_random *random)
{
    t->has_factors = oa_random_below(random, 2) == 1;
    fill(t->factors, TRIAL_INPUTS_MAX, random);
}

static double factor_of(const trial *t, size_t k)
{
    return t->has_factors ? (double)t->factors[k] : 1.0;
}

void draw_matmul(trial *t, oa_random *random)
{
    size_t m = draw_size(random, 1, 12), k = draw_size(random, 1, 12), n = draw_size(random, 1, 12);
    t->transpose[0] = oa_random_below(random, 2) == 1;
    t->transpose[1] = oa_random_below(random, 2) == 1;
    t->scale = (float)oa_random_normal(random);
    draw_input(t, t->transpose[0] ? k : m, t->transpose[0] ? m : k);
    draw_input(t, t->transpose[1] ? n : k, t->transpose[1] ? k : n);
    t->out_rows = m;
    t->out_columns = n;
}

oa_var record_matmul(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_matmul(tape, inputs[0], t->transpose[0], inputs[1], t->transpose[1], t->scale);
}

void compute_matmul(double *out, const double *const *in, const trial *t)
{
    size_t inner = t->transpose[0] ? t->rows[0] : t->columns[0];
    for (size_t i = 0; i < t->out_rows; i++) {
        for (size_t j = 0; j < t->out_columns; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < inner; k++) {
                sum += (t->transpose[0] ? in[0][k * t->columns[0] + i] : in[0][i * t->columns[0] + k]) *
                       (t->transpose[1] ? in[1][j * t->columns[1] + k] : in[1][k * t->columns[1] + j]);
            }
            out[i * t->out_columns + j] = (double)t->scale * sum;
        }
    }
}

void draw_sum(trial *t, oa_random *random)
{
    size_t count = draw_size(random, 1, TRIAL_INPUTS_MAX);
    t->out_rows = draw_size(random, 1, 9);
    t->out_columns = draw_size(random, 1, 9);
    for (size_t k = 0; k < count; k++) {
        draw_input(t, t->out_rows, t->out_columns);
    }
    draw_factors(t, random);
}

oa_var record_sum(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_sum(tape, inputs, t->has_factors ? t->factors : NULL, t->input_count);
}

void compute_sum(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {
        out[i] = 0.0;
        for (size_t k = 0; k < t->input_count; k++) {
            out[i] += factor_of(t, k) * in[k][i];
        }
    }
}

/* Inputs: a_0, b_0, a_1, b_1, ... */
void draw_products(trial *t, oa_random *random)
{
    size_t count = draw_size(random, 1, TRIAL_INPUTS_MAX / 2);
    t->out_rows = draw_size(random, 1, 9);
    t->out_columns = draw_size(random, 1, 9);
    for (size_t k = 0; k < count; k++) {
        size_t inner = draw_size(random, 1, 9);
        draw_input(t, t->out_rows, inner);
        draw_input(t, inner, t->out_columns);
    }
    draw_factors(t, random);
}

oa_var record_products(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    oa_var a[TRIAL_INPUTS_MAX / 2], b[TRIAL_INPUTS_MAX / 2];
    for (size_t k = 0; k < t->input_count / 2; k++) {
        a[k] = inputs[2 * k];
        b[k] = inputs[2 * k + 1];
    }
    return oa_op_sum_of_products(tape, a, b, t->has_factors ? t->factors : NULL, t->input_count / 2);
}

void compute_products(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows; i++) {
        for (size_t j = 0; j < t->out_columns; j++) {
            double sum = 0.0;
            for (size_t p = 0; p < t->input_count / 2; p++) {
                for (size_t k = 0; k < t->columns[2 * p]; k++) {
                    sum +=
                        factor_of(t, p) * in[2 * p][i * t->columns[2 * p] + k] * in[2 * p + 1][k * t->out_columns + j];
                }
            }
            out[i * t->out_columns + j] = sum;
        }
    }
}

void draw_propagate(trial *t, oa_random *random)
{
    t->models = draw_size(random, 1, TRIAL_MODELS_MAX);
    t->n = draw_size(random, 1, 12);
    t->k = draw_size(random, 1, 12);
    t->transpose[0] = oa_random_below(random, 2) == 1;
    t->scale = (float)oa_random_normal(random);
    t->out_columns = draw_size(random, 1, 9);
    t->out_rows = t->models * (t->transpose[0] ? t->k : t->n);
    draw_input(t, t->models * (t->transpose[0] ? t->n : t->k), t->out_columns);
    fill(t->constants, t->models * t->n * t->k, random);
}

oa_var record_propagate(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    const float *list[TRIAL_MODELS_MAX]; /* copied: it goes away before the backward pass */
    for (size_t m = 0; m < t->models; m++) {
        list[m] = t->constants + m * t->n * t->k;
    }
    return oa_op_propagate(tape, list, t->models, t->n, t->k, t->transpose[0], inputs[0], t->scale);
}

void compute_propagate(double *out, const double *const *in, const trial *t)
{
    size_t from = t->transpose[0] ? t->n : t->k, to = t->transpose[0] ? t->k : t->n;
    for (size_t r = 0; r < t->out_rows; r++) {
        const float *w = t->constants + r / to * t->n * t->k;
        for (size_t j = 0; j < t->out_columns; j++) {
            double sum = 0.0;
            for (size_t i = 0; i < from; i++) {
                double weight = (double)(t->transpose[0] ? w[i * t->k + r % to] : w[r % to * t->k + i]);
                sum += weight * in[0][(r / to * from + i) * t->out_columns + j];
            }
            out[r * t->out_columns + j] = (double)t->scale * sum;
        }
    }
}

void draw_multiply(trial *t, oa_random *random)
{
    t->out_rows = draw_size(random, 1, 9);
    t->out_columns = draw_size(random, 1, 9);
    draw_input(t, t->out_rows, t->out_columns);
    draw_input(t, t->out_rows, t->out_columns);
}

oa_var record_multiply(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    (void)t;
    return oa_op_multiply(tape, inputs[0], inputs[1]);
}

void compute_multiply(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {
        out[i] = in[0][i] * in[1][i];
    }
}

void draw_scale(trial *t, oa_random *random)
{
    t->out_rows = draw_size(random, 1, 9);
    t->out_columns = draw_size(random, 1, 20);
    draw_input(t, t->out_rows, t->out_columns);
    draw_input(t, 1, 1);
}

oa_var record_scale(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    (void)t;
    return oa_op_scale(tape, inputs[0], inputs[1]);
}

void compute_scale(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {
        out[i] = in[0][i] * in[1][0];
    }
}
