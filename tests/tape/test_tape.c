/* What a tape does beside its operations: memory, errors, recording, operations made elsewhere. Every allocation can be
 * made to fail. */
#include "core/tape/tape.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/tape/operations.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { TOO_MANY = 1000, SEED = 77 };

static oa_tape *create(void)
{
    oa_tape *tape = NULL;
    assert_int_equal(oa_tape_create(&tape, NULL), OA_OK);
    return tape;
}

/* ---- Memory ---- */

/* Records one trial of every operation and walks back; returns the sum of all losses. */
static oa_status record_everything(float *sum, oa_tape *tape, uint64_t seed, oa_error *error)
{
    static float values[8192], gradients[8192];
    static trial trials[32];
    static const size_t sizes = sizeof values / sizeof *values;
    oa_var losses[32];
    oa_random random;
    size_t used = 0;
    assert_true(OPERATION_COUNT <= 32);
    oa_random_init(&random, seed);
    memset(gradients, 0, sizeof gradients);
    for (size_t i = 0; i < sizes; i++) {
        values[i] = (float)oa_random_normal(&random);
    }
    for (size_t o = 0; o < OPERATION_COUNT; o++) {
        oa_var inputs[TRIAL_INPUTS_MAX] = {0};
        memset(&trials[o], 0, sizeof trials[o]);
        OPERATIONS[o].draw(&trials[o], &random);
        for (size_t k = 0; k < trials[o].input_count; k++) {
            size_t count = trials[o].rows[k] * trials[o].columns[k];
            assert_true(used + count <= sizes);
            inputs[k] =
                oa_tape_parameter(tape, values + used, gradients + used, trials[o].rows[k], trials[o].columns[k]);
            used += count;
        }
        oa_var out = OPERATIONS[o].record(tape, inputs, &trials[o]);
        size_t count = trials[o].out_rows * trials[o].out_columns;
        oa_var flat = oa_op_reshape(tape, out, 1, count);
        losses[o] = oa_op_matmul(tape, flat, false, flat, true, 1.0f);
    }
    oa_var loss = oa_op_sum(tape, losses, NULL, OPERATION_COUNT);
    oa_status status = oa_tape_backward(tape, loss, 1.0f, error);
    for (size_t i = 0; i < used && status == OA_OK; i++) {
        *sum += fabsf(gradients[i]);
    }
    return status;
}

static void tape__allocates_nothing_when_a_step_repeats(void **state)
{
    (void)state;
    oa_tape *tape = create();
    oa_error error = {0};
    float sums[3] = {0};
    for (size_t step = 0; step < 3; step++) {
        oa_tape_reset(tape);
        fail_allocation(step ? 1 : 0); /* from the second step on, an allocation would fail */
        assert_int_equal(record_everything(&sums[step], tape, SEED, &error), OA_OK);
        assert_false(allocation_has_failed());
        assert_true(sums[step] > 0.0f && sums[step] == sums[0]); /* the same numbers in memory that was used before */
    }
    oa_tape_destroy(tape);
}

static void tape__reports_every_failing_allocation(void **state)
{
    (void)state;
    size_t failures = 0;
    for (size_t n = 1; n < TOO_MANY; n++, failures++) {
        oa_tape *tape = NULL;
        oa_error error = {0};
        float sum = 0.0f;
        fail_allocation(n);
        oa_status status = oa_tape_create(&tape, &error);
        if (status == OA_OK) {
            status = record_everything(&sum, tape, SEED, &error);
        }
        if (!allocation_has_failed()) {
            assert_int_equal(status, OA_OK);
            oa_tape_destroy(tape);
            break;
        }
        assert_int_equal(status, OA_ERROR_MEMORY);
        assert_int_equal(error.status, OA_ERROR_MEMORY);
        assert_true(strlen(error.message) > 0);
        if (tape) { /* and it is as good as new after a reset */
            oa_tape_reset(tape);
            assert_int_equal(record_everything(&sum, tape, SEED, &error), OA_OK);
            oa_tape_destroy(tape);
        }
    }
    assert_true(failures > 20 && failures < TOO_MANY - 1);
    print_message("%zu failing allocations\n", failures);
}

/* Large matrices, so that gradients open new blocks of memory while walking back. */
static void backward__reports_every_failing_allocation(void **state)
{
    (void)state;
    enum { ROWS = 1000, COLUMNS = 1000 };
    float *x = test_malloc(sizeof(float) * ROWS * COLUMNS);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        x[i] = 1e-3f * (float)(i % 7);
    }
    size_t failures = 0;
    for (size_t n = 1; n < TOO_MANY; n++, failures++) {
        oa_tape *tape = create();
        oa_error error = {0};
        float one = 1.0f, gradient = 0.0f;
        oa_var a = oa_tape_constant(tape, x, ROWS, COLUMNS);
        oa_var b = oa_op_scale(tape, a, oa_tape_parameter(tape, &one, &gradient, 1, 1));
        oa_var c = oa_op_multiply(tape, b, oa_op_relu(tape, b));
        oa_var d = oa_op_layer_norm(tape, oa_op_normalise_rows(tape, oa_op_gelu(tape, c)));
        oa_var e = oa_op_add_rows(tape, d, oa_op_mean_rows(tape, b, 1), 1);
        oa_var f =
            oa_op_reshape(tape, oa_op_transpose(tape, oa_op_stack(tape, (oa_var[]){e, b}, 2)), 1, 2 * ROWS * COLUMNS);
        oa_var loss = oa_op_matmul(tape, f, false, f, true, 1.0f);
        assert_int_equal(oa_tape_status(tape, &error), OA_OK);
        fail_allocation(n);
        oa_status status = oa_tape_backward(tape, loss, 1.0f, &error);
        bool has_failed = allocation_has_failed();
        assert_int_equal(status, has_failed ? OA_ERROR_MEMORY : OA_OK);
        assert_int_equal(error.status, status);
        assert_int_equal(oa_tape_status(tape, NULL), status); /* sticky */
        oa_tape_destroy(tape);
        if (!has_failed) {
            break;
        }
    }
    assert_true(failures >= 5 && failures < TOO_MANY - 1);
    test_free(x);
}

static void buffer__lives_until_reset_and_is_not_shared(void **state)
{
    (void)state;
    oa_tape *tape = create();
    for (size_t step = 0; step < 2; step++) {
        float *list[40];
        for (size_t i = 0; i < 40; i++) {
            list[i] = oa_tape_buffer(tape, 100000 + i);
            assert_non_null(list[i]);
            assert_int_equal((uintptr_t)list[i] % 64, 0);
            for (size_t k = 0; k < 100000 + i; k += 999) {
                list[i][k] = (float)i;
            }
        }
        for (size_t i = 0; i < 40; i++) {
            for (size_t k = 0; k < 100000 + i; k += 999) {
                assert_true(list[i][k] == (float)i);
            }
        }
        oa_tape_reset(tape);
    }
    assert_null(oa_tape_buffer(tape, SIZE_MAX / 2)); /* more bytes than a size can hold */
    assert_int_equal(oa_tape_status(tape, NULL), OA_ERROR_MEMORY);
    oa_tape_destroy(tape);
}

/* ---- Errors ---- */

static void operations__refuse_shapes_that_do_not_fit(void **state)
{
    (void)state;
    static const float x[64] = {1.0f};
    static const size_t outside[2] = {0, 3};
    oa_tape *tape = create();
    for (size_t i = 0;; i++) {
        oa_tape_reset(tape);
        oa_var a = oa_tape_constant(tape, x, 2, 3), b = oa_tape_constant(tape, x, 3, 3);
        oa_var both[2] = {a, b}, tall[2] = {a, oa_op_transpose(tape, a)};
        const float *w[2] = {x, x};
        switch (i) {
        case 0:
            (void)oa_op_matmul(tape, a, false, a, false, 1.0f);
            break;
        case 1:
            (void)oa_op_matmul(tape, a, true, b, false, 1.0f);
            break;
        case 2:
            (void)oa_op_sum(tape, both, NULL, 2);
            break;
        case 3:
            (void)oa_op_sum(tape, both, NULL, 0);
            break;
        case 4:
            (void)oa_op_sum_of_products(tape, both, both, NULL, 2);
            break;
        case 5:
            (void)oa_op_sum_of_products(tape, both, both, NULL, 0);
            break;
        case 6:
            (void)oa_op_add_rows(tape, a, b, 3);
            break;
        case 7:
            (void)oa_op_add_rows(tape, b, a, 2);
            break; /* three rows are not two blocks */
        case 8:
            (void)oa_op_mean_rows(tape, a, 0);
            break;
        case 9:
            (void)oa_op_max_rows(tape, b, 2);
            break;
        case 10:
            (void)oa_op_multiply(tape, a, b);
            break;
        case 11:
            (void)oa_op_scale(tape, a, b);
            break;
        case 12:
            (void)oa_op_reshape(tape, a, 4, 2);
            break;
        case 13:
            (void)oa_op_reshape(tape, a, SIZE_MAX / 2 + 4, 2);
            break; /* the product wraps to 6 */
        case 14:
            (void)oa_op_rows(tape, a, 1, 2);
            break;
        case 15:
            (void)oa_op_rows(tape, a, 3, 0);
            break;
        case 16:
            (void)oa_op_rows(tape, a, SIZE_MAX, 2);
            break;
        case 17:
            (void)oa_op_stack(tape, tall, 2);
            break;
        case 18:
            (void)oa_op_concat_columns(tape, both, 2);
            break;
        case 19:
            (void)oa_op_repeat_rows(tape, a, 0);
            break;
        case 20:
            (void)oa_op_propagate(tape, w, 2, 4, 3, false, a, 1.0f);
            break;
        case 21:
            (void)oa_op_spread_taps(tape, a, x, 0);
            break;
        case 22:
            (void)oa_op_gather_taps(tape, b, x, 2);
            break;
        case 23:
            (void)oa_op_cross_entropy(tape, a, outside);
            break;
        case 24:
            (void)oa_op_sinkhorn(tape, a, 5);
            break;
        case 25:
            (void)oa_op_relu(tape, a + 100);
            break; /* not a variable of this tape */
        case 26:
            (void)oa_op_sum(tape, (oa_var[]){a + 100}, NULL, 1);
            break;
        case 27:
            (void)oa_op_pairs(tape, b, b, b, b, 1); /* three rows and three columns are not three pairs */
            break;
        default:
            assert_int_equal(i, 28);
            oa_tape_destroy(tape);
            return;
        }
        oa_error error = {0};
        if (oa_tape_status(tape, &error) != OA_ERROR_INTERNAL || error.message[0] == 0) {
            fail_msg("case %zu passes", i);
        }
    }
}

static void errors__stick_until_reset(void **state)
{
    (void)state;
    static const float x[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    oa_tape *tape = create();
    oa_error first = {0}, seen = {0}, later = {0};
    (void)oa_fail(&first, OA_ERROR_INPUT, "the first");
    (void)oa_fail(&later, OA_ERROR_OUTPUT, "the second");
    oa_var a = oa_tape_constant(tape, x, 2, 2);
    oa_tape_fail(tape, &first);
    oa_tape_fail(tape, &later);
    for (size_t o = 0; o < OPERATION_COUNT; o++) {
        trial t = {.input_count = 2, .models = 1, .n = 2, .k = 2, .number = 1, .out_rows = 2, .out_columns = 2};
        assert_int_equal(OPERATIONS[o].record(tape, (oa_var[]){a, a, a, a}, &t), 0);
    }
    assert_int_equal(oa_tape_constant(tape, x, 2, 2), 0);
    assert_null(oa_tape_buffer(tape, 1));
    assert_null(oa_tape_data(tape, a));
    assert_int_equal(oa_tape_backward(tape, a, 1.0f, &seen), OA_ERROR_INPUT);
    assert_string_equal(seen.message, "the first");
    assert_int_equal(oa_tape_status(tape, NULL), OA_ERROR_INPUT);
    oa_tape_reset(tape);
    assert_int_equal(oa_tape_status(tape, &seen), OA_OK);
    a = oa_op_relu(tape, oa_tape_constant(tape, x, 2, 2));
    assert_true(oa_tape_data(tape, a)[3] == 4.0f);
    oa_tape_destroy(tape);
}

static void backward__starts_from_a_single_number_only(void **state)
{
    (void)state;
    static const float x[2] = {1.0f, 2.0f};
    float gradient[2] = {0};
    oa_tape *tape = create();
    oa_error error = {0};
    oa_var a = oa_tape_parameter(tape, x, gradient, 1, 2);
    assert_int_equal(oa_tape_backward(tape, a, 1.0f, &error), OA_ERROR_INTERNAL);
    assert_int_equal(oa_tape_backward(tape, 99, 1.0f, &error), OA_ERROR_INTERNAL);
    assert_true(gradient[0] == 0.0f && gradient[1] == 0.0f);
    oa_tape_destroy(tape);
}

static void sinkhorn__reports_scores_that_are_not_finite(void **state)
{
    (void)state;
    const float x[4] = {1.0f, INFINITY, 0.0f, 2.0f};
    oa_tape *tape = create();
    (void)oa_op_sinkhorn(tape, oa_tape_constant(tape, x, 2, 2), 3);
    assert_int_equal(oa_tape_status(tape, NULL), OA_ERROR_INPUT);
    oa_tape_destroy(tape);
}

/* ---- Recording and gradients ---- */

static void tape__computes_the_same_without_recording(void **state)
{
    (void)state;
    oa_tape *tape = create();
    oa_random random;
    static float values[TRIAL_INPUTS_MAX][1024], kept[1024], gradient[1024];
    static trial t;
    oa_random_init(&random, SEED);
    for (size_t o = 0; o < OPERATION_COUNT; o++) {
        memset(&t, 0, sizeof t);
        OPERATIONS[o].draw(&t, &random);
        for (size_t k = 0; k < t.input_count; k++) {
            for (size_t i = 0; i < t.rows[k] * t.columns[k]; i++) {
                values[k][i] = (float)oa_random_normal(&random);
            }
        }
        for (size_t records = 0; records < 2; records++) {
            oa_var inputs[TRIAL_INPUTS_MAX];
            oa_tape_reset(tape);
            oa_tape_record(tape, records == 0);
            for (size_t k = 0; k < t.input_count; k++) {
                inputs[k] = oa_tape_parameter(tape, values[k], gradient, t.rows[k], t.columns[k]);
            }
            oa_var out = OPERATIONS[o].record(tape, inputs, &t);
            size_t bytes = t.out_rows * t.out_columns * sizeof(float);
            assert_non_null(oa_tape_data(tape, out));
            if (records) {
                assert_memory_equal(oa_tape_data(tape, out), kept, bytes);
            } else {
                memcpy(kept, oa_tape_data(tape, out), bytes);
            }
        }
    }
    oa_tape_destroy(tape);
}

static void normalise_rows__leaves_rows_without_a_direction_alone(void **state)
{
    (void)state;
    const float x[6] = {0.0f, 0.0f, 3.0f, 4.0f, 1e-13f, 0.0f};
    const float weights[6] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
    float gradient[6] = {0};
    oa_tape *tape = create();
    oa_var y = oa_op_normalise_rows(tape, oa_tape_parameter(tape, x, gradient, 3, 2));
    oa_var loss =
        oa_op_matmul(tape, oa_op_reshape(tape, y, 1, 6), false, oa_tape_constant(tape, weights, 6, 1), false, 1.0f);
    assert_int_equal(oa_tape_backward(tape, loss, 1.0f, NULL), OA_OK);
    const float *out = oa_tape_data(tape, y);
    assert_true(out[0] == 0.0f && out[1] == 0.0f && out[4] == 1e-13f && out[5] == 0.0f);
    assert_true(fabsf(out[2] - 0.6f) < 1e-6f && fabsf(out[3] - 0.8f) < 1e-6f);
    assert_true(gradient[0] == 1.0f && gradient[1] == 2.0f && gradient[4] == 5.0f && gradient[5] == 6.0f);
    assert_true(fabsf(gradient[2] - 0.2f * (3.0f - 0.6f * 5.0f)) < 1e-6f);
    oa_tape_destroy(tape);
}

static void max_rows__gives_the_gradient_to_the_first_of_equals(void **state)
{
    (void)state;
    const float x[8] = {1.0f, 5.0f, 2.0f, 5.0f, 2.0f, 4.0f, 0.0f, 5.0f};
    float gradient[8] = {0};
    const float expected[8] = {0.0f, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    const float ones[2] = {1.0f, 1.0f};
    oa_tape *tape = create();
    oa_var y = oa_op_max_rows(tape, oa_tape_parameter(tape, x, gradient, 4, 2), 1);
    oa_var loss = oa_op_matmul(tape, y, false, oa_tape_constant(tape, ones, 1, 2), true, 1.0f);
    assert_int_equal(oa_tape_backward(tape, loss, 1.0f, NULL), OA_OK);
    assert_memory_equal(gradient, expected, sizeof expected);
    oa_tape_destroy(tape);
}

static void cross_entropy__survives_scores_of_any_size(void **state)
{
    (void)state;
    const float x[6] = {1e4f, -1e4f, 0.0f, -3e38f, 3e38f, 0.0f};
    const size_t target[2] = {0, 1};
    float gradient[6] = {0};
    oa_tape *tape = create();
    oa_var loss = oa_op_cross_entropy(tape, oa_tape_parameter(tape, x, gradient, 2, 3), target);
    assert_int_equal(oa_tape_backward(tape, loss, 1.0f, NULL), OA_OK);
    assert_true(fabsf(oa_tape_data(tape, loss)[0]) < FLT_EPSILON);
    for (size_t i = 0; i < 6; i++) {
        assert_true(fabsf(gradient[i]) < FLT_EPSILON);
    }
    oa_tape_destroy(tape);
}

/* ---- Operations made elsewhere ---- */

typedef struct cube {
    oa_status forward, backward; /* what they return */
    size_t calls;
} cube;

/* out = sum over inputs of x^3, elementwise on [1, 2]. */
static oa_status cube_forward(float *out, const float *const *inputs, void *context, oa_error *error)
{
    const cube *c = context;
    for (size_t i = 0; i < 2; i++) {
        out[i] = inputs[0][i] * inputs[0][i] * inputs[0][i] + inputs[1][i] * inputs[1][i] * inputs[1][i];
    }
    return c->forward == OA_OK ? OA_OK : oa_fail(error, c->forward, "no cubes today");
}

static oa_status cube_backward(float *const *gradients, const float *dout, const float *const *inputs, const float *out,
                               void *context, oa_error *error)
{
    cube *c = context;
    (void)out;
    c->calls++;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 2 && gradients[k]; i++) {
            gradients[k][i] += 3.0f * inputs[k][i] * inputs[k][i] * dout[i];
        }
    }
    return c->backward == OA_OK ? OA_OK : oa_fail(error, c->backward, "no slopes today");
}

static oa_var cube_loss(oa_tape *tape, cube *c, const float *x, float *gradient)
{
    static const float ones[2] = {1.0f, 1.0f};
    oa_custom_op op = {cube_forward, cube_backward, c};
    oa_var a = oa_tape_parameter(tape, x, gradient, 1, 2);
    oa_var inputs[2] = {oa_op_sum(tape, &a, NULL, 1), oa_tape_constant(tape, x, 1, 2)};
    oa_var y = oa_op_custom(tape, &op, inputs, 2, 1, 2);
    return oa_op_matmul(tape, y, false, oa_tape_constant(tape, ones, 1, 2), true, 1.0f);
}

static void custom__passes_values_gradients_and_failures(void **state)
{
    (void)state;
    static const float x[2] = {2.0f, -1.0f};
    float gradient[2] = {0};
    oa_tape *tape = create();
    oa_error error = {0};
    cube fine = {0}, broken = {.forward = OA_ERROR_UNSUPPORTED}, late = {.backward = OA_ERROR_UNSUPPORTED};
    oa_var loss = cube_loss(tape, &fine, x, gradient);
    assert_true(oa_tape_data(tape, loss)[0] == 14.0f);
    assert_int_equal(oa_tape_backward(tape, loss, 1.0f, NULL), OA_OK);
    assert_true(gradient[0] == 12.0f && gradient[1] == 3.0f && fine.calls == 1);

    oa_tape_reset(tape);
    loss = cube_loss(tape, &broken, x, gradient);
    assert_int_equal(oa_tape_status(tape, &error), OA_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "no cubes today");

    oa_tape_reset(tape);
    loss = cube_loss(tape, &late, x, gradient);
    assert_int_equal(oa_tape_backward(tape, loss, 1.0f, &error), OA_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "no slopes today");

    oa_tape_reset(tape); /* no gradient wanted: backward is not called */
    loss = cube_loss(tape, &fine, x, NULL);
    assert_int_equal(oa_tape_backward(tape, loss, 1.0f, NULL), OA_OK);
    assert_int_equal(fine.calls, 1);
    oa_tape_destroy(tape);
}

/* ---- Going back ---- */

static void tape__gives_the_memory_after_a_mark_again_only_when_it_does_not_record(void **state)
{
    static float values[64 * 64];
    (void)state;
    for (size_t i = 0; i < 64 * 64; i++) {
        values[i] = (float)(i % 11);
    }
    for (int records = 0; records < 2; records++) {
        oa_tape *tape = create();
        oa_tape_record(tape, records == 1);
        assert_true(oa_tape_is_recording(tape) == (records == 1));
        oa_var before = oa_op_relu(tape, oa_tape_constant(tape, values, 64, 64));
        oa_tape_mark mark = oa_tape_here(tape);
        const float *taken = NULL;
        for (size_t round = 0; round < 3; round++) {
            oa_var product = 0;
            for (size_t k = 0; k < 400; k++) { /* more than a block holds */
                product = oa_op_matmul(tape, before, false, before, k % 2, 1.0f);
            }
            const float *now = oa_tape_data(tape, product);
            assert_true(round == 0 || (now == taken) == (records == 0));
            taken = now;
            double expected = 0.0;
            for (size_t k = 0; k < 64; k++) {
                expected += (double)values[64 + k] * (double)values[2 * 64 + k];
            }
            assert_true(fabs((double)now[64 + 2] - expected) <= 1e-3);
            oa_tape_back_to(tape, &mark);
        }
        assert_memory_equal(oa_tape_data(tape, before), values, sizeof values);
        assert_int_equal(oa_tape_status(tape, NULL), OA_OK);
        oa_tape_destroy(tape);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tape__gives_the_memory_after_a_mark_again_only_when_it_does_not_record),
        cmocka_unit_test(tape__allocates_nothing_when_a_step_repeats),
        cmocka_unit_test(tape__reports_every_failing_allocation),
        cmocka_unit_test(backward__reports_every_failing_allocation),
        cmocka_unit_test(buffer__lives_until_reset_and_is_not_shared),
        cmocka_unit_test(operations__refuse_shapes_that_do_not_fit),
        cmocka_unit_test(errors__stick_until_reset),
        cmocka_unit_test(backward__starts_from_a_single_number_only),
        cmocka_unit_test(sinkhorn__reports_scores_that_are_not_finite),
        cmocka_unit_test(tape__computes_the_same_without_recording),
        cmocka_unit_test(normalise_rows__leaves_rows_without_a_direction_alone),
        cmocka_unit_test(max_rows__gives_the_gradient_to_the_first_of_equals),
        cmocka_unit_test(cross_entropy__survives_scores_of_any_size),
        cmocka_unit_test(custom__passes_values_gradients_and_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
