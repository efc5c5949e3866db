/* A small network of most operations against PyTorch: loss and gradients, from torch_numbers.py. */
#include "core/tape/tape.h"
#include "tests/support/cmocka_all.h"

#include <math.h>

enum { N = 6, D = 5, E = 4, MODELS = 2, ITERATIONS = 5 };
enum { INNER, SELF, BIAS, POOLED, PEAK, LAST, LOG_SCALE, PARAMETERS };

static const double LOSS = 2.728875162726;
/* For each parameter: gradient . fill(2.0), and the gradient's norm. */
static const double SLOPES[] = {
    0.386878562858,  1.589426607140, /* inner */
    -0.840578868452, 1.919934640607, /* self */
    -0.193747261084, 0.532603692964, /* bias */
    0.021498578938,  0.051916128256, /* pooled */
    -0.313967975842, 1.081062318670, /* peak */
    -0.010517356245, 2.009788356648, /* last */
    1.110655798533,  1.221443930646, /* log_scale */
};

/* The loss is of size one and some thirty roundings of 6e-8 deep. */
#define TOLERANCE 2e-5

typedef struct parameter {
    size_t rows, columns;
    double start;
} parameter;

static const parameter SHAPES[PARAMETERS] = {
    {D, D, 0.3}, {D, D, 0.4}, {1, D, 0.5}, {D, D, 0.6}, {D, D, 0.7}, {2 * D, E, 0.8}, {1, 1, 0.9},
};

static void fill(float *x, size_t count, double start)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)sin(1.7 * (double)i + start);
    }
}

static oa_var leaf(oa_tape *tape, size_t rows, size_t columns, double start)
{
    float *data = oa_tape_buffer(tape, rows * columns);
    assert_non_null(data);
    fill(data, rows * columns, start);
    return oa_tape_constant(tape, data, rows, columns);
}

static oa_var product(oa_tape *tape, oa_var a, oa_var b)
{
    return oa_op_matmul(tape, a, false, b, false, 1.0f);
}

static oa_var features(oa_tape *tape, const oa_var *p, oa_var x)
{
    float *w[MODELS];
    for (size_t m = 0; m < MODELS; m++) {
        w[m] = oa_tape_buffer(tape, N * N);
        assert_non_null(w[m]);
        fill(w[m], N * N, 0.2 + (double)m);
    }
    oa_var arrived = oa_op_propagate(tape, (const float *const *)w, MODELS, N, N, false, x, 0.5f);
    oa_var z = oa_op_sum_of_products(tape, (oa_var[]){arrived, x}, (oa_var[]){p[INNER], p[SELF]}, NULL, 2);
    z = oa_op_add_rows(tape, z, p[BIAS], 1);
    z = oa_op_add_rows(tape, z, product(tape, oa_op_mean_rows(tape, x, MODELS), p[POOLED]), MODELS);
    z = oa_op_add_rows(tape, z, product(tape, oa_op_max_rows(tape, x, MODELS), p[PEAK]), MODELS);
    z = oa_op_gelu(tape, oa_op_layer_norm(tape, z));
    oa_var both[2] = {z, oa_op_relu(tape, x)};
    return oa_op_normalise_rows(tape, product(tape, oa_op_concat_columns(tape, both, 2), p[LAST]));
}

static oa_var loss_of(oa_tape *tape, const oa_var *p)
{
    static const size_t target[N] = {2, 0, 1, 5, 3, 4};
    oa_var f = features(tape, p, leaf(tape, MODELS * N, D, 0.1));
    oa_var scores =
        oa_op_scale(tape, oa_op_matmul(tape, oa_op_rows(tape, f, 0, N), false, oa_op_rows(tape, f, N, N), true, 1.0f),
                    oa_op_exp(tape, p[LOG_SCALE]));
    oa_var soft = oa_op_reshape(tape, oa_op_sinkhorn(tape, scores, ITERATIONS), 1, N * N);
    oa_var mass = product(tape, soft, leaf(tape, N * N, 1, 1.0));
    oa_var terms[2] = {oa_op_cross_entropy(tape, scores, target), mass};
    return oa_op_sum(tape, terms, NULL, 2);
}

static void network__has_the_loss_and_gradients_of_pytorch(void **state)
{
    (void)state;
    float values[PARAMETERS][2 * D * D], gradients[PARAMETERS][2 * D * D] = {{0}};
    oa_var p[PARAMETERS];
    oa_tape *tape = NULL;
    oa_error error = {0};
    assert_int_equal(oa_tape_create(&tape, &error), OA_OK);
    for (size_t k = 0; k < PARAMETERS; k++) {
        fill(values[k], SHAPES[k].rows * SHAPES[k].columns, SHAPES[k].start);
        p[k] = oa_tape_parameter(tape, values[k], gradients[k], SHAPES[k].rows, SHAPES[k].columns);
    }
    oa_var loss = loss_of(tape, p);
    if (oa_tape_backward(tape, loss, 1.0f, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    assert_true(fabs((double)oa_tape_data(tape, loss)[0] - LOSS) <= TOLERANCE);
    for (size_t k = 0; k < PARAMETERS; k++) {
        float direction[2 * D * D];
        double along = 0.0, square = 0.0;
        fill(direction, SHAPES[k].rows * SHAPES[k].columns, 2.0);
        for (size_t i = 0; i < SHAPES[k].rows * SHAPES[k].columns; i++) {
            along += (double)gradients[k][i] * (double)direction[i];
            square += (double)gradients[k][i] * (double)gradients[k][i];
        }
        if (!(fabs(along - SLOPES[2 * k]) <= TOLERANCE) || !(fabs(sqrt(square) - SLOPES[2 * k + 1]) <= TOLERANCE)) {
            fail_msg("parameter %zu: %.9f and norm %.9f, expected %.9f and %.9f", k, along, sqrt(square), SLOPES[2 * k],
                     SLOPES[2 * k + 1]);
        }
    }
    oa_tape_destroy(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(network__has_the_loss_and_gradients_of_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
