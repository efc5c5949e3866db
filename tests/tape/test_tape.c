/* The tape's operations against central differences, and its memory and errors. */
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/tape/tape.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* An operation with up to three inputs, applied to the first `inputs` leaves. */
typedef oa_var build_fn(oa_tape *tape, const oa_var *x, const void *constants);

typedef struct op_case {
    const char *name;
    build_fn *build;
    size_t inputs;
    size_t rows[3];
    size_t columns[3];
} op_case;

static const float SIGNS[6] = {1.0f, -1.0f, -1.0f, 1.0f, 1.0f, -1.0f};
static const size_t TARGETS[5] = {3, 0, 2, 1, 3};

static oa_var build_matmul(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_matmul(t, x[0], false, x[1], false, 0.7f);
}
static oa_var build_matmul_ta(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_matmul(t, x[0], true, x[1], false, 1.0f);
}
static oa_var build_matmul_tb(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_matmul(t, x[0], false, x[1], true, 1.0f);
}
static oa_var build_matmul_tt(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_matmul(t, x[0], true, x[1], true, -1.5f);
}
static oa_var build_products(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    /* One matrix stands on both sides. */
    return oa_op_sum_of_products(t, (oa_var[]){x[0], x[2]}, (oa_var[]){x[1], x[2]}, (float[]){0.5f, 2.0f}, 2);
}
static oa_var build_sum(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_sum(t, (oa_var[]){x[0], x[1], x[0]}, (float[]){0.5f, -2.0f, 3.0f}, 3);
}
static oa_var build_add_rows(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_add_rows(t, x[0], x[1], 2);
}
static oa_var build_mean(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_mean_rows(t, x[0], 2);
}
static oa_var build_max(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_max_rows(t, x[0], 2);
}
static oa_var build_multiply(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_multiply(t, x[0], x[1]);
}
static oa_var build_square(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_multiply(t, x[0], x[0]);
}
static oa_var build_scale(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_scale(t, x[0], x[1]);
}
static oa_var build_exp(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_exp(t, x[0]);
}
static oa_var build_relu(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_relu(t, x[0]);
}
static oa_var build_gelu(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_gelu(t, x[0]);
}
static oa_var build_layer_norm(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_layer_norm(t, x[0]);
}
static oa_var build_normalise(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_normalise_rows(t, x[0]);
}
static oa_var build_reshape(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_reshape(t, x[0], 3, 8);
}
static oa_var build_transpose(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_transpose(t, x[0]);
}
static oa_var build_rows(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_rows(t, x[0], 2, 3);
}
static oa_var build_stack(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_stack(t, (oa_var[]){x[0], x[1], x[0]}, 3);
}
static oa_var build_concat(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_concat_columns(t, (oa_var[]){x[0], x[1], x[0]}, 3);
}
static oa_var build_repeat(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_repeat_rows(t, x[0], 3);
}
static oa_var build_propagate(oa_tape *t, const oa_var *x, const void *c)
{
    const float *w = c;
    return oa_op_propagate(t, (const float *const[]){w, w + 12}, 2, 4, 3, false, x[0], 0.5f);
}
static oa_var build_propagate_back(oa_tape *t, const oa_var *x, const void *c)
{
    const float *w = c;
    return oa_op_propagate(t, (const float *const[]){w, w + 12}, 2, 4, 3, true, x[0], 2.0f);
}
static oa_var build_spread(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_spread_taps(t, x[0], SIGNS, 3);
}
static oa_var build_gather(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_gather_taps(t, x[0], SIGNS, 3);
}
static oa_var build_cross_entropy(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_cross_entropy(t, x[0], TARGETS);
}
static oa_var build_sinkhorn(oa_tape *t, const oa_var *x, const void *c)
{
    (void)c;
    return oa_op_sinkhorn(t, x[0], 4);
}
/* x * x elementwise, by a custom operation. */
static oa_status custom_forward(float *out, const float *const *in, void *context, oa_error *error)
{
    (void)error;
    for (size_t i = 0; i < *(size_t *)context; i++) {
        out[i] = in[0][i] * in[0][i] + in[1][i];
    }
    return OA_OK;
}
static oa_status custom_backward(float *const *dx, const float *dy, const float *const *in, const float *out,
                                 void *context, oa_error *error)
{
    (void)error;
    (void)out;
    for (size_t i = 0; i < *(size_t *)context; i++) {
        dx[0][i] += 2.0f * in[0][i] * dy[i];
        dx[1][i] += dy[i];
    }
    return OA_OK;
}
static size_t custom_count = 20;
static oa_var build_custom(oa_tape *t, const oa_var *x, const void *c)
{
    oa_custom_op op = {custom_forward, custom_backward, &custom_count};
    (void)c;
    return oa_op_custom(t, &op, x, 2, 5, 4);
}

static const op_case CASES[] = {
    {"matmul", build_matmul, 2, {5, 3}, {3, 4}},
    {"matmul, first transposed", build_matmul_ta, 2, {3, 3}, {5, 4}},
    {"matmul, second transposed", build_matmul_tb, 2, {5, 4}, {3, 3}},
    {"matmul, both transposed", build_matmul_tt, 2, {3, 4}, {5, 3}},
    {"sum of products", build_products, 3, {4, 3, 4}, {3, 4, 4}},
    {"sum", build_sum, 2, {5, 5}, {4, 4}},
    {"add rows", build_add_rows, 2, {6, 2}, {4, 4}},
    {"add a row", build_add_rows, 2, {6, 1}, {4, 4}},
    {"mean of rows", build_mean, 1, {6}, {4}},
    {"maximum of rows", build_max, 1, {6}, {4}},
    {"multiply", build_multiply, 2, {5, 5}, {4, 4}},
    {"multiply by itself", build_square, 1, {5}, {4}},
    {"scale", build_scale, 2, {5, 1}, {4, 1}},
    {"exp", build_exp, 1, {2}, {3}},
    {"relu", build_relu, 1, {5}, {4}},
    {"gelu", build_gelu, 1, {5}, {7}},
    {"layer norm", build_layer_norm, 1, {3}, {19}},
    {"normalise rows", build_normalise, 1, {3}, {19}},
    {"reshape", build_reshape, 1, {6}, {4}},
    {"transpose", build_transpose, 1, {6}, {4}},
    {"rows", build_rows, 1, {6}, {4}},
    {"stack", build_stack, 2, {2, 3}, {4, 4}},
    {"concat columns", build_concat, 2, {3, 3}, {2, 4}},
    {"repeat rows", build_repeat, 1, {3}, {4}},
    {"propagate", build_propagate, 1, {6}, {5}},
    {"propagate transposed", build_propagate_back, 1, {8}, {5}},
    {"spread taps", build_spread, 1, {4}, {2}},
    {"gather taps", build_gather, 1, {12}, {2}},
    {"cross-entropy", build_cross_entropy, 1, {5}, {4}},
    {"sinkhorn", build_sinkhorn, 1, {5}, {5}},
    {"custom", build_custom, 2, {5, 5}, {4, 4}},
};

enum { MOST = 64 };

typedef struct leaves {
    float values[3][MOST];
    float gradients[3][MOST];
    float weights[24]; /* constants of propagate */
    float project[MOST * 3];
} leaves;

/* sum of the operation's result times fixed numbers. Gradients are added to when asked for. */
static double run(oa_tape *tape, const op_case *c, leaves *l, bool differentiates)
{
    oa_var x[3];
    oa_error error;
    oa_tape_reset(tape);
    for (size_t i = 0; i < c->inputs; i++) {
        x[i] =
            oa_tape_parameter(tape, l->values[i], differentiates ? l->gradients[i] : NULL, c->rows[i], c->columns[i]);
    }
    oa_var y = c->build(tape, x, l->weights);
    assert_int_equal(oa_tape_status(tape, &error), OA_OK);
    size_t count = oa_tape_rows(tape, y) * oa_tape_columns(tape, y);
    assert_true(count > 0 && count <= MOST * 3);
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)oa_tape_data(tape, y)[i] * (double)l->project[i];
    }
    if (differentiates) {
        oa_var flat = oa_op_reshape(tape, y, 1, count);
        oa_var weights = oa_tape_constant(tape, l->project, count, 1);
        oa_var loss = oa_op_matmul(tape, flat, false, weights, false, 1.0f);
        assert_int_equal(oa_tape_backward(tape, loss, 1.0f, &error), OA_OK);
        assert_true(fabs((double)oa_tape_data(tape, loss)[0] - sum) < 1e-4 * (1.0 + fabs(sum)));
    }
    return sum;
}

/* Central differences in float: with a step of 1e-2 the truncation is about 1e-4 of third derivatives of order 1, the
 * rounding about 1e-7 / 1e-2 = 1e-5 of the sum: 3e-3 of the largest gradient is ten times that and far below any wrong
 * term. */
static void check_case(oa_tape *tape, const op_case *c, uint64_t seed)
{
    leaves l = {0};
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t i = 0; i < 3; i++) {
        /* Numbers 0.06 apart, none nearer to 0 than 0.03: no step crosses the corner of relu or a tie of the maximum.
         */
        size_t places[MOST];
        oa_random_permutation(places, MOST, &random);
        for (size_t k = 0; k < MOST; k++) {
            l.values[i][k] = 0.06f * ((float)places[k] - (float)(MOST - 1) / 2.0f);
        }
    }
    for (size_t k = 0; k < 24; k++) {
        l.weights[k] = (float)oa_random_normal(&random);
    }
    for (size_t k = 0; k < MOST * 3; k++) {
        l.project[k] = (float)oa_random_normal(&random);
    }
    (void)run(tape, c, &l, true);
    for (size_t i = 0; i < c->inputs; i++) {
        size_t count = c->rows[i] * c->columns[i];
        double largest = 0.0;
        for (size_t k = 0; k < count; k++) {
            largest = fmax(largest, fabs((double)l.gradients[i][k]));
        }
        for (size_t k = 0; k < count; k++) {
            const float step = 1e-2f;
            float kept = l.values[i][k];
            l.values[i][k] = kept + step;
            double above = run(tape, c, &l, false);
            l.values[i][k] = kept - step;
            double below = run(tape, c, &l, false);
            l.values[i][k] = kept;
            double expected = (above - below) / (2.0 * (double)step);
            if (!(fabs(expected - (double)l.gradients[i][k]) <= 3e-3 * (largest + 1.0))) {
                fail_msg("%s, seed %llu: input %zu, element %zu: gradient %g, difference %g", c->name,
                         (unsigned long long)seed, i, k, (double)l.gradients[i][k], expected);
            }
        }
    }
}

static void operations__have_the_gradients_of_central_differences(void **state)
{
    oa_tape *tape;
    (void)state;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            check_case(tape, &CASES[i], seed * 100 + i);
        }
    }
    oa_tape_destroy(tape);
}

static void parameters__collect_gradients_over_passes(void **state)
{
    oa_tape *tape;
    (void)state;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    leaves l = {.values = {{1.0f, 2.0f}, {3.0f, 4.0f}}, .project = {1.0f}};
    for (int pass = 0; pass < 2; pass++) {
        oa_tape_reset(tape);
        oa_var a = oa_tape_parameter(tape, l.values[0], l.gradients[0], 1, 2);
        oa_var b = oa_tape_constant(tape, l.values[1], 2, 1);
        oa_var y = oa_op_matmul(tape, a, false, b, false, 1.0f);
        assert_int_equal(oa_tape_backward(tape, y, 0.5f, NULL), OA_OK);
    }
    assert_true(l.gradients[0][0] == 3.0f && l.gradients[0][1] == 4.0f);
    oa_tape_destroy(tape);
}

static void inference__keeps_no_gradients(void **state)
{
    oa_tape *tape;
    (void)state;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    float x = 2.0f, gradient = 0.0f;
    oa_tape_record(tape, false);
    oa_var a = oa_tape_parameter(tape, &x, &gradient, 1, 1);
    oa_var y = oa_op_multiply(tape, a, a);
    assert_int_equal(oa_tape_backward(tape, y, 1.0f, NULL), OA_OK);
    assert_true(oa_tape_data(tape, y)[0] == 4.0f && gradient == 0.0f);
    oa_tape_destroy(tape);
}

static void errors__stick_until_reset(void **state)
{
    oa_tape *tape;
    oa_error error = {.status = OA_OK};
    (void)state;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    float x[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    oa_var a = oa_tape_constant(tape, x, 2, 2), b = oa_tape_constant(tape, x, 3, 1);
    oa_var y = oa_op_matmul(tape, a, false, b, false, 1.0f);
    (void)oa_op_gelu(tape, y);
    (void)oa_op_sum(tape, &y, NULL, 1);
    assert_int_equal(oa_tape_status(tape, &error), OA_ERROR_INTERNAL);
    assert_non_null(strstr(error.message, "matmul"));
    assert_int_equal(oa_tape_backward(tape, y, 1.0f, &error), OA_ERROR_INTERNAL);
    oa_tape_reset(tape);
    a = oa_tape_constant(tape, x, 1, 1);
    assert_int_equal(oa_tape_status(tape, NULL), OA_OK);
    assert_true(oa_tape_data(tape, oa_op_exp(tape, a))[0] > 2.7f);
    oa_tape_destroy(tape);
}

static void backward__needs_a_single_number(void **state)
{
    oa_tape *tape;
    float x[2] = {1.0f, 2.0f}, gradient[2] = {0};
    (void)state;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    oa_var a = oa_tape_parameter(tape, x, gradient, 1, 2);
    assert_int_equal(oa_tape_backward(tape, a, 1.0f, NULL), OA_ERROR_INTERNAL);
    assert_int_equal(oa_tape_backward(tape, 77, 1.0f, NULL), OA_ERROR_INTERNAL);
    oa_tape_destroy(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations__have_the_gradients_of_central_differences),
        cmocka_unit_test(parameters__collect_gradients_over_passes),
        cmocka_unit_test(inference__keeps_no_gradients),
        cmocka_unit_test(errors__stick_until_reset),
        cmocka_unit_test(backward__needs_a_single_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
