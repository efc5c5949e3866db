/* What models say on average: means of softmax and of numbers, by hand, in batches of any size. */
#include "core/exec/teach.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/graph_builder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 11, INPUTS = 3, CLASSES = 4, TEACHERS = 3, TOO_MANY = 20000 };

static float X[SAMPLES][INPUTS];
static const oa_array DATA = {
    .dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {SAMPLES, INPUTS}, .count = SAMPLES * INPUTS, .data = X};

static void draw_samples(void)
{
    oa_random random;
    oa_random_init(&random, 5);
    for (size_t i = 0; i < SAMPLES * INPUTS; i++) {
        (&X[0][0])[i] = (float)oa_random_normal(&random);
    }
}

/* x w, as it is or with an axis of size 1 behind it; a batch of -1 is any. */
static const oa_graph *build(test_graph *g, int64_t batch, int64_t outputs, bool has_axis)
{
    size_t x = test_graph_input(g, "x", OA_DTYPE_FLOAT, 2, TEST_DIMS(batch, INPUTS));
    size_t y = NODE(g, "MatMul", "", x, WEIGHT(g, "w", INPUTS, outputs));
    test_graph_output(g, has_axis ? NODE(g, "Unsqueeze", "", y, INTS(g, 2)) : y);
    return test_graph_finish(g);
}

/* Adds a share of what a teacher says to a sample. */
static void add_by_hand(double *said, const oa_graph *graph, size_t sample, size_t outputs, bool are_shares)
{
    const float *w = graph->tensors[test_graph_tensor(graph, "w")].data;
    double y[CLASSES] = {0}, sum = 0.0;
    for (size_t c = 0; c < outputs; c++) {
        for (size_t k = 0; k < INPUTS; k++) {
            y[c] += (double)X[sample][k] * (double)w[k * outputs + c];
        }
        sum += exp(y[c]);
    }
    for (size_t c = 0; c < outputs; c++) {
        said[c] += (are_shares ? exp(y[c]) / sum : y[c]) / TEACHERS;
    }
}

/* All teachers, asked about samples first .. first + n - 1. */
static void check(int64_t batch, int64_t outputs, bool has_axis, oa_loss_kind wanted, size_t first, size_t n)
{
    test_graph *graphs[TEACHERS];
    oa_runnable teachers[TEACHERS];
    oa_batches data = oa_batches_of_array(&DATA);
    oa_array targets = {0};
    oa_loss_kind loss = OA_LOSS_CROSS_ENTROPY;
    bool are_shares = outputs > 1 && wanted != OA_LOSS_MSE;
    for (size_t t = 0; t < TEACHERS; t++) {
        graphs[t] = test_graph_create(t + 1);
        /* One of them runs at a size of its own. */
        teachers[t] = (oa_runnable){.graph = build(graphs[t], t == 1 ? 2 : batch, outputs, has_axis)};
    }
    assert_int_equal(oa_teach(&targets, &loss, teachers, TEACHERS, &data, first, n, 4, wanted, NULL), OA_OK);
    assert_int_equal(loss, are_shares ? OA_LOSS_SOFT_CROSS_ENTROPY : OA_LOSS_MSE);
    assert_true(targets.dtype == OA_DTYPE_FLOAT && targets.rank == (has_axis ? 3 : 2) && targets.dims[0] == n);
    assert_int_equal(targets.count, n * (size_t)outputs);
    for (size_t i = 0; i < n; i++) {
        double said[CLASSES] = {0};
        for (size_t t = 0; t < TEACHERS; t++) {
            add_by_hand(said, teachers[t].graph, first + i, (size_t)outputs, are_shares);
        }
        for (size_t c = 0; c < (size_t)outputs; c++) {
            /* Sums of three float32 numbers of size 1. */
            assert_true(fabs((double)((float *)targets.data)[i * (size_t)outputs + c] - said[c]) <= 1e-6);
        }
    }
    oa_array_free(&targets);
    for (size_t t = 0; t < TEACHERS; t++) {
        test_graph_destroy(graphs[t]);
    }
}

static void teach__is_the_mean_of_what_models_say(void **state)
{
    (void)state;
    draw_samples();
    for (int64_t batch = -1; batch <= 5; batch += 2) {
        for (size_t k = 0; k < 8; k++) {
            check(batch, k & 1 ? CLASSES : 1, k & 2, k & 4 ? OA_LOSS_MSE : OA_LOSS_CROSS_ENTROPY, 0, SAMPLES);
        }
        check(batch, CLASSES, false, OA_LOSS_CROSS_ENTROPY, 3, 6);
    }
}

static void teach__refuses_what_says_nothing(void **state)
{
    (void)state;
    draw_samples();
    oa_batches data = oa_batches_of_array(&DATA);
    for (size_t k = 0; k < 4; k++) {
        test_graph *g = test_graph_create(1), *other = test_graph_create(2);
        float w[INPUTS * CLASSES] = {0};
        w[1] = k == 0 ? NAN : k == 1 ? INFINITY : 0.0F;
        size_t x = INPUT(g, "x", -1, INPUTS);
        size_t y =
            NODE(g, "MatMul", "", x, test_graph_constant(g, "w", OA_DTYPE_FLOAT, 2, TEST_DIMS(INPUTS, CLASSES), w));
        test_graph_output(g, k == 2 ? NODE(g, "ArgMax", "axis=1", y) : y);
        const oa_runnable teachers[] = {{.graph = test_graph_finish(g)},
                                        {.graph = build(other, -1, CLASSES - 1, false)}};
        const char *words[] = {"NaN or infinities", "NaN or infinities", "of type int64", "not as many for each"};
        oa_array targets = {.count = 77};
        oa_loss_kind loss = OA_LOSS_CROSS_ENTROPY;
        oa_error error = {0};
        assert_int_equal(oa_teach(&targets, &loss, teachers, 2, &data, 0, SAMPLES, 4, OA_LOSS_CROSS_ENTROPY, &error),
                         k == 2 ? OA_ERROR_UNSUPPORTED : OA_ERROR_INPUT);
        if (!strstr(error.message, words[k])) {
            fail_msg("'%s' does not say '%s'", error.message, words[k]);
        }
        assert_true(targets.count == 77 && loss == OA_LOSS_CROSS_ENTROPY);
        test_graph_destroy(g);
        test_graph_destroy(other);
    }
}

static void teach__reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1), *other = test_graph_create(2);
    const oa_runnable teachers[] = {{.graph = build(g, -1, CLASSES, false)},
                                    {.graph = build(other, 2, CLASSES, false)}};
    oa_batches data = oa_batches_of_array(&DATA);
    for (size_t n = 1;; n++) {
        oa_array targets = {0};
        oa_loss_kind loss;
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_teach(&targets, &loss, teachers, 2, &data, 0, SAMPLES, 4, OA_LOSS_CROSS_ENTROPY, &error);
        bool has_failed = allocation_has_failed();
        oa_array_free(&targets);
        if (!has_failed) {
            assert_int_equal(status, OA_OK);
            print_message("%zu failing allocations\n", n - 1);
            break;
        }
        assert_true(status == OA_ERROR_MEMORY && error.message[0]);
    }
    test_graph_destroy(g);
    test_graph_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(teach__is_the_mean_of_what_models_say),
        cmocka_unit_test(teach__refuses_what_says_nothing),
        cmocka_unit_test(teach__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
