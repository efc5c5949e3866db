/* From samples of several inputs to what models take. */
#include "core/exec/feed.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"

#include <string.h>

enum { COUNT = 4 };

static float FIRST[COUNT][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
static int64_t SECOND[COUNT][3] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};
static const oa_array FIRST_ARRAY = {
    .dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {COUNT, 2}, .count = COUNT * 2, .data = FIRST};
static const oa_array SECOND_ARRAY = {
    .dtype = OA_DTYPE_INT64, .rank = 2, .dims = {COUNT, 3}, .count = COUNT * 3, .data = SECOND};

/* first, none, second */
static oa_batches open_rows(void)
{
    oa_batches data = oa_batches_of_array(&FIRST_ARRAY), gap = {.count = COUNT},
               second = oa_batches_of_array(&SECOND_ARRAY);
    assert_int_equal(oa_batches_chain(&data, &gap, NULL), OA_OK);
    assert_int_equal(oa_batches_chain(&data, &second, NULL), OA_OK);
    assert_true(second.count == 0);
    assert_int_equal(oa_batches_inputs(&data), 3);
    return data;
}

/* x [n, 2] of a type, an input of two axes that counts or does not, ids [n, 3] */
static const oa_graph *build(test_graph *g, oa_dtype type, bool uses_idle)
{
    size_t x = test_graph_input(g, "x", type, 2, TEST_DIMS(-1, 2));
    size_t idle = test_graph_input(g, "idle", OA_DTYPE_FLOAT, 2, TEST_DIMS(-1, 5));
    size_t ids = test_graph_input(g, "ids", OA_DTYPE_INT64, 2, TEST_DIMS(-1, 3));
    test_graph_output(g, NODE(g, "Relu", "", x));
    test_graph_output(g, NODE(g, "Identity", "", ids));
    if (uses_idle) {
        test_graph_output(g, NODE(g, "Relu", "", idle));
    }
    return test_graph_finish(g);
}

static void rows__are_read_for_every_input(void **state)
{
    (void)state;
    oa_batches data = open_rows();
    oa_rows rows = {0};
    for (size_t first = 0; first < COUNT; first++) {
        assert_int_equal(oa_rows_read(&rows, &data, first, 1, 2, NULL), OA_OK);
        assert_true(rows.count == 3 && !rows.of[1].data);
        assert_true(rows.of[0].dims[0] == 2 && rows.of[2].dims[0] == 2);
        for (size_t copy = 0; copy < 2; copy++) {
            assert_memory_equal((float *)rows.of[0].data + 2 * copy, FIRST[first], sizeof FIRST[0]);
            assert_memory_equal((int64_t *)rows.of[2].data + 3 * copy, SECOND[first], sizeof SECOND[0]);
        }
    }
    oa_rows_free(&rows);
    oa_batches_close(&data);
}

static void feed__gives_inputs_their_type_and_unused_ones_zeros(void **state)
{
    (void)state;
    static const oa_dtype types[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16};
    oa_batches data = open_rows();
    oa_rows rows = {0};
    for (size_t t = 0; t < TEST_COUNT(types); t++) {
        test_graph *g = test_graph_create(1);
        const oa_graph *graph = build(g, types[t], false);
        oa_feed feed = {0};
        for (size_t first = 0; first + 2 <= COUNT; first++) {
            assert_int_equal(oa_rows_read(&rows, &data, first, 2, 2, NULL), OA_OK);
            assert_int_equal(oa_feed_set(&feed, graph, &rows, NULL, NULL), OA_OK);
            double x[4];
            assert_true(feed.inputs[0].dtype == types[t] && feed.inputs[0].count == 4);
            oa_floats_to_f64(x, feed.inputs[0].data, types[t], 4);
            for (size_t i = 0; i < 4; i++) {
                assert_true(x[i] == (double)FIRST[first + i / 2][i % 2]);
            }
            assert_true(feed.inputs[2].data == rows.of[2].data);
            assert_true(feed.inputs[1].count == 5 && feed.inputs[1].dims[0] == 1);
            for (size_t i = 0; i < 5; i++) {
                assert_true(((float *)feed.inputs[1].data)[i] == 0.0f);
            }
        }
        oa_feed_free(&feed);
        test_graph_destroy(g);
    }
    oa_rows_free(&rows);
    oa_batches_close(&data);
}

static void feed__follows_the_pairing_of_inputs(void **state)
{
    (void)state;
    static const size_t input_of[3] = {1, OA_NONE, 0};
    test_graph *g = test_graph_create(1);
    size_t ids = test_graph_input(g, "ids", OA_DTYPE_INT64, 2, TEST_DIMS(-1, 3));
    size_t x = test_graph_input(g, "x", OA_DTYPE_FLOAT, 2, TEST_DIMS(-1, 2));
    test_graph_output(g, NODE(g, "Relu", "", x));
    test_graph_output(g, NODE(g, "Identity", "", ids));
    const oa_graph *graph = test_graph_finish(g);
    oa_batches data = open_rows();
    oa_rows rows = {0};
    oa_feed feed = {0};
    oa_error error = {0};
    assert_int_equal(oa_rows_read(&rows, &data, 0, 1, 1, NULL), OA_OK);
    assert_int_equal(oa_feed_set(&feed, graph, &rows, input_of, NULL), OA_OK);
    assert_true(feed.inputs[0].data == rows.of[2].data && feed.inputs[1].data == rows.of[0].data);
    /* Three rows do not fit two inputs. */
    assert_int_equal(oa_feed_set(&feed, graph, &rows, NULL, &error), OA_ERROR_INPUT);
    oa_feed_free(&feed);
    oa_rows_free(&rows);
    oa_batches_close(&data);
    test_graph_destroy(g);
}

static void feed__asks_for_inputs_that_count(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build(g, OA_DTYPE_FLOAT, true);
    oa_batches data = open_rows();
    oa_rows rows = {0};
    oa_feed feed = {0};
    oa_error error = {0};
    assert_int_equal(oa_rows_read(&rows, &data, 0, 1, 1, NULL), OA_OK);
    assert_int_equal(oa_feed_set(&feed, graph, &rows, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "--data idle=FILE"));
    oa_feed_free(&feed);
    oa_rows_free(&rows);
    oa_batches_close(&data);
    test_graph_destroy(g);
}

static void batches__of_large_samples_are_small(void **state)
{
    (void)state;
    oa_batches data = {.count = 1000, .dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {1000, 1024 * 1024}}; /* 4 MiB each */
    oa_batches more = data;
    assert_int_equal(oa_batches_fit(&data, 100), 4);
    assert_int_equal(oa_batches_fit(&data, 3), 3);
    assert_int_equal(oa_batches_chain(&data, &more, NULL), OA_OK);
    assert_int_equal(oa_batches_fit(&data, 100), 2);
    data.dims[1] *= 100;
    assert_int_equal(oa_batches_fit(&data, 100), 1);
    data.dims[1] = data.next->dims[1] = 8;
    assert_int_equal(oa_batches_fit(&data, 100), 100);
    oa_batches_close(&data);
}

static void fixed_batch__is_that_of_the_first_input_with_axes(void **state)
{
    (void)state;
    for (int64_t batch = -1; batch <= 3; batch += 2) {
        test_graph *g = test_graph_create(1);
        size_t rate = test_graph_input(g, "rate", OA_DTYPE_INT64, 0, NULL);
        test_graph_output(g, NODE(g, "Relu", "", INPUT(g, "x", batch, 5)));
        test_graph_output(g, NODE(g, "Identity", "", rate));
        assert_int_equal(oa_fixed_batch(test_graph_finish(g)), batch < 0 ? 0 : batch);
        test_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows__are_read_for_every_input),
        cmocka_unit_test(feed__gives_inputs_their_type_and_unused_ones_zeros),
        cmocka_unit_test(feed__follows_the_pairing_of_inputs),
        cmocka_unit_test(feed__asks_for_inputs_that_count),
        cmocka_unit_test(batches__of_large_samples_are_small),
        cmocka_unit_test(fixed_batch__is_that_of_the_first_input_with_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
