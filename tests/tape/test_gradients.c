/* Every operation of the tape against its slow double of operations_*.c, values and gradients, on random shapes. */
#include "tests/support/cmocka_all.h"
#include "tests/tape/operations.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEED = 20260131, TRIALS = 40, VALUES_MAX = 2048 };

/* Of central differences in double: truncation 1e-10 and cancellation 1e-11 for functions of size one. */
#define STEP 1e-5

typedef struct sample {
    trial t;
    float single[TRIAL_INPUTS_MAX][VALUES_MAX];
    double wide[TRIAL_INPUTS_MAX][VALUES_MAX];
    float gradient[TRIAL_INPUTS_MAX][VALUES_MAX];
    float weights[VALUES_MAX]; /* the loss is sum of weights * output */
    double out[VALUES_MAX];
} sample;

static size_t input_size(const trial *t, size_t k)
{
    return t->rows[k] * t->columns[k];
}

static void draw(sample *s, const operation *op, oa_random *random)
{
    memset(s, 0, sizeof *s);
    op->draw(&s->t, random);
    for (size_t k = 0; k < s->t.input_count; k++) {
        assert_true(input_size(&s->t, k) <= VALUES_MAX);
        for (size_t i = 0; i < input_size(&s->t, k); i++) {
            s->single[k][i] = (float)oa_random_normal(random);
            s->wide[k][i] = (double)s->single[k][i];
        }
    }
    assert_true(s->t.out_rows * s->t.out_columns <= VALUES_MAX);
    for (size_t i = 0; i < s->t.out_rows * s->t.out_columns; i++) {
        s->weights[i] = (float)oa_random_normal(random);
    }
}

static double slow_loss(sample *s, const operation *op)
{
    const double *in[TRIAL_INPUTS_MAX];
    double sum = 0.0;
    for (size_t k = 0; k < s->t.input_count; k++) {
        in[k] = s->wide[k];
    }
    op->compute(s->out, in, &s->t);
    for (size_t i = 0; i < s->t.out_rows * s->t.out_columns; i++) {
        sum += (double)s->weights[i] * s->out[i];
    }
    return sum;
}

static oa_var weighted(oa_tape *tape, oa_var out, const sample *s)
{
    size_t count = s->t.out_rows * s->t.out_columns;
    return oa_op_matmul(tape, oa_op_reshape(tape, out, 1, count), false, oa_tape_constant(tape, s->weights, count, 1),
                        false, 1.0f);
}

static void assert_near(const float *actual, const double *expected, size_t count, double tolerance, const char *what,
                        const operation *op)
{
    double largest = 1.0;
    for (size_t i = 0; i < count; i++) {
        assert_true(isfinite(expected[i]));
        largest = fmax(largest, 1.0 + fabs(expected[i]));
    }
    for (size_t i = 0; i < count; i++) {
        if (!(fabs((double)actual[i] - expected[i]) <= tolerance * largest)) {
            fail_msg("%s of %s, element %zu of %zu: %.9g, expected %.9g", what, op->name, i, count, (double)actual[i],
                     expected[i]);
        }
    }
}

static void differences(double *gradient, sample *s, const operation *op, size_t k)
{
    for (size_t i = 0; i < input_size(&s->t, k); i++) {
        double x = s->wide[k][i];
        s->wide[k][i] = x + STEP;
        double above = slow_loss(s, op);
        s->wide[k][i] = x - STEP;
        double below = slow_loss(s, op);
        s->wide[k][i] = x;
        gradient[i] = (above - below) / (2.0 * STEP);
    }
}

static void check(oa_tape *tape, sample *s, const operation *op, const bool *wants)
{
    static const float before = 0.25f; /* gradients of parameters are added to what is there */
    double expected[VALUES_MAX];
    oa_var inputs[TRIAL_INPUTS_MAX];
    oa_error error = {0};
    oa_tape_reset(tape);
    for (size_t k = 0; k < s->t.input_count; k++) {
        for (size_t i = 0; i < input_size(&s->t, k); i++) {
            s->gradient[k][i] = before;
        }
        inputs[k] = wants[k] ? oa_tape_parameter(tape, s->single[k], s->gradient[k], s->t.rows[k], s->t.columns[k])
                             : oa_tape_constant(tape, s->single[k], s->t.rows[k], s->t.columns[k]);
    }
    oa_var out = op->record(tape, inputs, &s->t);
    oa_var loss = weighted(tape, out, s);
    if (oa_tape_backward(tape, loss, 2.0f, &error) != OA_OK) {
        fail_msg("%s: %s", op->name, error.message);
    }
    assert_int_equal(oa_tape_rows(tape, out), s->t.out_rows);
    assert_int_equal(oa_tape_columns(tape, out), s->t.out_columns);
    (void)slow_loss(s, op);
    assert_near(oa_tape_data(tape, out), s->out, s->t.out_rows * s->t.out_columns, op->tolerance, "result", op);
    for (size_t k = 0; k < s->t.input_count; k++) {
        if (!wants[k]) {
            assert_null(oa_tape_gradient(tape, inputs[k]));
            continue;
        }
        differences(expected, s, op, k);
        for (size_t i = 0; i < input_size(&s->t, k); i++) {
            expected[i] = (double)before + 2.0 * expected[i]; /* the seed is 2 */
        }
        assert_near(s->gradient[k], expected, input_size(&s->t, k), op->tolerance, "gradient", op);
    }
}

static void operations__have_the_value_and_the_gradient_of_their_slow_double(void **state)
{
    (void)state;
    print_message("seed %d\n", SEED);
    static sample s;
    oa_tape *tape = NULL;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    for (size_t o = 0; o < OPERATION_COUNT; o++) {
        oa_random random;
        oa_random_init(&random, SEED + o);
        for (size_t repeat = 0; repeat < TRIALS; repeat++) {
            draw(&s, &OPERATIONS[o], &random);
            bool all[TRIAL_INPUTS_MAX] = {true, true, true, true};
            check(tape, &s, &OPERATIONS[o], all);
        }
    }
    oa_tape_destroy(tape);
}

static void operations__leave_inputs_alone_that_want_no_gradient(void **state)
{
    (void)state;
    static sample s;
    oa_tape *tape = NULL;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    for (size_t o = 0; o < OPERATION_COUNT; o++) {
        oa_random random;
        oa_random_init(&random, SEED + 1000 + o);
        for (size_t wanted = 0; wanted <= TRIAL_INPUTS_MAX; wanted++) {
            bool wants[TRIAL_INPUTS_MAX] = {false};
            if (wanted < TRIAL_INPUTS_MAX) {
                wants[wanted] = true;
            }
            draw(&s, &OPERATIONS[o], &random);
            check(tape, &s, &OPERATIONS[o], wants);
        }
    }
    oa_tape_destroy(tape);
}

/* loss = <weights, op(x) + op(x)>: whatever an operation leaves in a gradient, the second must add to. */
static void operations__add_up_where_an_input_is_used_twice(void **state)
{
    (void)state;
    static sample s;
    static float once[TRIAL_INPUTS_MAX][VALUES_MAX];
    oa_tape *tape = NULL;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    for (size_t o = 0; o < OPERATION_COUNT; o++) {
        oa_random random;
        oa_random_init(&random, SEED + 2000 + o);
        draw(&s, &OPERATIONS[o], &random);
        for (size_t uses = 1; uses <= 2; uses++) {
            oa_var leaves[TRIAL_INPUTS_MAX], inputs[TRIAL_INPUTS_MAX], outs[2];
            oa_tape_reset(tape);
            memset(s.gradient, 0, sizeof s.gradient);
            for (size_t k = 0; k < s.t.input_count; k++) {
                leaves[k] = oa_tape_parameter(tape, s.single[k], s.gradient[k], s.t.rows[k], s.t.columns[k]);
                inputs[k] = oa_op_sum(tape, &leaves[k], NULL, 1); /* not a leaf: its gradient is the tape's */
            }
            for (size_t use = 0; use < uses; use++) {
                outs[use] = OPERATIONS[o].record(tape, inputs, &s.t);
            }
            assert_int_equal(oa_tape_backward(tape, weighted(tape, oa_op_sum(tape, outs, NULL, uses), &s), 1.0f, NULL),
                             OA_OK);
            for (size_t k = 0; k < s.t.input_count; k++) {
                if (uses == 1) {
                    memcpy(once[k], s.gradient[k], sizeof once[k]);
                    continue;
                }
                double expected[VALUES_MAX];
                for (size_t i = 0; i < input_size(&s.t, k); i++) {
                    expected[i] = 2.0 * (double)once[k][i];
                }
                assert_near(s.gradient[k], expected, input_size(&s.t, k), 1e-6, "twice the gradient", &OPERATIONS[o]);
            }
        }
    }
    oa_tape_destroy(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations__have_the_value_and_the_gradient_of_their_slow_double),
        cmocka_unit_test(operations__leave_inputs_alone_that_want_no_gradient),
        cmocka_unit_test(operations__add_up_where_an_input_is_used_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
