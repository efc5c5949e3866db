/* Functions, norms, pools and losses, the slow way. */
#include "tests/tape/operations_families.h"

#include <math.h>
#include <string.h>

void draw_number(trial *t, oa_random *random)
{
    (void)random;
    t->out_rows = t->out_columns = 1;
    draw_input(t, 1, 1);
}

void draw_matrix(trial *t, oa_random *random)
{
    t->out_rows = draw_size(random, 1, 12);
    t->out_columns = draw_size(random, 1, 40);
    draw_input(t, t->out_rows, t->out_columns);
}

#define RECORD_UNARY(name, call)                                                                                       \
    oa_var record_##name(oa_tape *tape, const oa_var *inputs, const trial *t)                                          \
    {                                                                                                                  \
        (void)t;                                                                                                       \
        return call(tape, inputs[0]);                                                                                  \
    }
#define COMPUTE_EACH(name, value)                                                                                      \
    void compute_##name(double *out, const double *const *in, const trial *t)                                          \
    {                                                                                                                  \
        for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {                                                    \
            double x = in[0][i];                                                                                       \
            out[i] = (value);                                                                                          \
        }                                                                                                              \
    }

RECORD_UNARY(exp, oa_op_exp)
RECORD_UNARY(relu, oa_op_relu)
RECORD_UNARY(gelu, oa_op_gelu)
RECORD_UNARY(layer_norm, oa_op_layer_norm)
RECORD_UNARY(normalise, oa_op_normalise_rows)
COMPUTE_EACH(exp, exp(x))
COMPUTE_EACH(relu, x > 0.0 ? x : 0.0)
COMPUTE_EACH(gelu, 0.5 * x * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x))))

/* Two or three numbers that happen to be close divide rounding errors by their small distance: one, or many. */
void draw_layer_norm(trial *t, oa_random *random)
{
    t->out_rows = draw_size(random, 1, 12);
    t->out_columns = oa_random_below(random, 8) ? draw_size(random, 8, 40) : 1;
    draw_input(t, t->out_rows, t->out_columns);
}

static void compute_layer_norm_in_place(double *out, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
        double *x = out + r * columns, mean = 0.0, variance = 0.0;
        for (size_t k = 0; k < columns; k++) {
            mean += x[k] / (double)columns;
        }
        for (size_t k = 0; k < columns; k++) {
            variance += (x[k] - mean) * (x[k] - mean) / (double)columns;
        }
        for (size_t k = 0; k < columns; k++) {
            x[k] = (x[k] - mean) / sqrt(variance + 1e-5);
        }
    }
}

void compute_layer_norm(double *out, const double *const *in, const trial *t)
{
    memcpy(out, in[0], t->out_rows * t->out_columns * sizeof *out);
    compute_layer_norm_in_place(out, t->out_rows, t->out_columns);
}

void compute_normalise(double *out, const double *const *in, const trial *t)
{
    for (size_t r = 0; r < t->out_rows; r++) {
        double square = 0.0;
        for (size_t k = 0; k < t->out_columns; k++) {
            square += in[0][r * t->out_columns + k] * in[0][r * t->out_columns + k];
        }
        for (size_t k = 0; k < t->out_columns; k++) {
            out[r * t->out_columns + k] = in[0][r * t->out_columns + k] / sqrt(square);
        }
    }
}

/* ---- Blocks of rows ---- */

void draw_blocks(trial *t, oa_random *random)
{
    t->models = draw_size(random, 1, TRIAL_MODELS_MAX);
    t->out_rows = t->models;
    t->out_columns = draw_size(random, 1, 20);
    draw_input(t, t->models * draw_size(random, 1, 9), t->out_columns);
}

oa_var record_mean_rows(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_mean_rows(tape, inputs[0], t->models);
}

oa_var record_max_rows(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_max_rows(tape, inputs[0], t->models);
}

static double pooled(const double *in, const trial *t, size_t model, size_t column, bool is_maximum)
{
    size_t block = t->rows[0] / t->models;
    double sum = 0.0, most = -INFINITY;
    for (size_t r = model * block; r < (model + 1) * block; r++) {
        sum += in[r * t->columns[0] + column];
        most = fmax(most, in[r * t->columns[0] + column]);
    }
    return is_maximum ? most : sum / (double)block;
}

void compute_mean_rows(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->models * t->out_columns; i++) {
        out[i] = pooled(in[0], t, i / t->out_columns, i % t->out_columns, false);
    }
}

void compute_max_rows(double *out, const double *const *in, const trial *t)
{
    for (size_t i = 0; i < t->models * t->out_columns; i++) {
        out[i] = pooled(in[0], t, i / t->out_columns, i % t->out_columns, true);
    }
}

void draw_add_rows(trial *t, oa_random *random)
{
    t->models = draw_size(random, 1, TRIAL_MODELS_MAX);
    t->out_rows = t->models * draw_size(random, 1, 9);
    t->out_columns = draw_size(random, 1, 20);
    draw_input(t, t->out_rows, t->out_columns);
    draw_input(t, oa_random_below(random, 2) ? t->models : 1, t->out_columns);
}

oa_var record_add_rows(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_add_rows(tape, inputs[0], inputs[1], t->models);
}

void compute_add_rows(double *out, const double *const *in, const trial *t)
{
    size_t block = t->out_rows / t->rows[1];
    for (size_t i = 0; i < t->out_rows * t->out_columns; i++) {
        size_t row = i / t->out_columns;
        out[i] = in[0][i] + in[1][row / block * t->out_columns + i % t->out_columns];
    }
}

/* Inputs: x, the mixing matrix, rows, columns. Enough channels for the norm to be well conditioned. */
void draw_pairs(trial *t, oa_random *random)
{
    size_t channels = draw_size(random, 1, 4), k = draw_size(random, 1, 4);
    t->models = draw_size(random, 1, TRIAL_MODELS_MAX);
    t->out_columns = draw_size(random, 12, 20);
    t->out_rows = t->models * draw_size(random, 1, 4) * k;
    draw_input(t, t->out_rows, channels);
    draw_input(t, channels, t->out_columns);
    draw_input(t, t->out_rows / k, t->out_columns);
    draw_input(t, t->models * k, t->out_columns);
}

oa_var record_pairs(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_pairs(tape, inputs[0], inputs[1], inputs[2], inputs[3], t->models);
}

void compute_pairs(double *out, const double *const *in, const trial *t)
{
    size_t k = t->rows[3] / t->models, n = t->rows[2] / t->models, d = t->out_columns;
    for (size_t pair = 0; pair < t->out_rows; pair++) {
        size_t row = pair / k, column = pair / (n * k) * k + pair % k;
        for (size_t c = 0; c < d; c++) {
            double z = in[2][row * d + c] + in[3][column * d + c];
            for (size_t i = 0; i < t->columns[0]; i++) {
                z += in[0][pair * t->columns[0] + i] * in[1][i * d + c];
            }
            out[pair * d + c] = z > 0.0 ? z : 0.0;
        }
    }
    compute_layer_norm_in_place(out, t->out_rows, d);
}

/* ---- Losses and projections ---- */

void draw_cross_entropy(trial *t, oa_random *random)
{
    size_t rows = draw_size(random, 1, 12), columns = draw_size(random, 1, 20);
    t->out_rows = t->out_columns = 1;
    draw_input(t, rows, columns);
    for (size_t r = 0; r < rows; r++) {
        t->target[r] = oa_random_below(random, columns);
    }
}

oa_var record_cross_entropy(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_cross_entropy(tape, inputs[0], t->target);
}

void compute_cross_entropy(double *out, const double *const *in, const trial *t)
{
    out[0] = 0.0;
    for (size_t r = 0; r < t->rows[0]; r++) {
        const double *x = in[0] + r * t->columns[0];
        double sum = 0.0;
        for (size_t k = 0; k < t->columns[0]; k++) {
            sum += exp(x[k]);
        }
        out[0] += (log(sum) - x[t->target[r]]) / (double)t->rows[0];
    }
}

void draw_sinkhorn(trial *t, oa_random *random)
{
    size_t n = draw_size(random, 1, 9);
    t->number = draw_size(random, 1, 20);
    t->out_rows = t->out_columns = n;
    draw_input(t, n, n);
}

oa_var record_sinkhorn(oa_tape *tape, const oa_var *inputs, const trial *t)
{
    return oa_op_sinkhorn(tape, inputs[0], t->number);
}

void compute_sinkhorn(double *out, const double *const *in, const trial *t)
{
    size_t n = t->out_rows;
    for (size_t i = 0; i < n * n; i++) {
        out[i] = exp(in[0][i]);
    }
    for (size_t half = 0; half < 2 * t->number; half++) {
        size_t along = half % 2 ? n : 1, across = half % 2 ? 1 : n; /* rows, then columns */
        for (size_t i = 0; i < n; i++) {
            double sum = 0.0;
            for (size_t k = 0; k < n; k++) {
                sum += out[i * across + k * along];
            }
            for (size_t k = 0; k < n; k++) {
                out[i * across + k * along] /= sum;
            }
        }
    }
}
