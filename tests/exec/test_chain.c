/* Nodes that run as steps behind a convolution, and threads: neither may change a byte. */
#include "core/linalg/blas.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"

#include "core/exec/exec.h"

#include <stdio.h>
#include <string.h>

enum { SEEDS = 120 };

static oa_status see(void *context, size_t value, const oa_array *array, oa_error *error)
{
    size_t *count = context;
    (void)value;
    (void)array;
    (void)error;
    ++*count;
    return OA_OK;
}

/* Runs the graph on x, watched or not, on so many threads: the first output. */
static oa_array run(const oa_graph *graph, const oa_array *x, bool is_watched, int threads)
{
    oa_array outputs[2] = {0};
    oa_executor *executor = NULL;
    oa_error error = {0};
    size_t seen = 0;
    oa_blas_set_threads(threads);
    if (oa_executor_create(&executor, graph, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    oa_executor_watch(executor, is_watched ? see : NULL, &seen);
    for (size_t turn = 0; turn < 2; turn++) { /* in idle memory the second time */
        oa_array_free(&outputs[0]);
        oa_array_free(&outputs[1]);
        if (oa_executor_run(outputs, executor, x, NULL, &error) != OA_OK) {
            fail_msg("%s", error.message);
        }
    }
    assert_int_equal(seen, is_watched ? 2 * graph->live_count : 0);
    oa_array_free(&outputs[1]);
    oa_executor_destroy(executor);
    return outputs[0];
}

static size_t conv(test_graph *g, size_t x, int64_t in, int64_t out, int64_t kernel, int64_t groups)
{
    char attributes[80];
    snprintf(attributes, sizeof attributes, "pads=[%d,%d,%d,%d] group=%d", (int)kernel / 2, (int)kernel / 2,
             (int)kernel / 2, (int)kernel / 2, (int)groups);
    return NODE(g, "Conv", attributes, x, WEIGHT(g, NULL, out, in / groups, kernel, kernel), WEIGHT(g, NULL, out));
}

static size_t norm(test_graph *g, size_t x, int64_t channels)
{
    return NODE(g, "BatchNormalization", "epsilon=0.01", x, POSITIVE(g, NULL, channels), WEIGHT(g, NULL, channels),
                WEIGHT(g, NULL, channels), POSITIVE(g, NULL, channels));
}

static size_t bound(test_graph *g, float value)
{
    return test_graph_constant(g, NULL, OA_DTYPE_FLOAT, 0, NULL, &value);
}

/* A step of any kind, those included that end a chain. `other` has the shape of x. */
static size_t step(test_graph *g, size_t x, size_t other, int64_t channels, oa_random *random)
{
    switch (oa_random_below(random, 9)) {
    case 0:
        return norm(g, x, channels);
    case 1:
        return NODE(g, "Relu", "", x);
    case 2:
        return NODE(g, "Clip", "", x, bound(g, -0.5f), bound(g, 0.75f));
    case 3:
        return NODE(g, "Clip", "", x, OA_NONE, bound(g, 1.0f));
    case 4:
        return NODE(g, "HardSwish", "", x);
    case 5:
        return NODE(g, "Add", "", x, other);
    case 6:
        return NODE(g, "Add", "", other, x);
    case 7:
        return NODE(g, "Add", "", x, WEIGHT(g, NULL, channels, 1, 1)); /* broadcast */
    default:
        return NODE(g, "Add", "", x, x);
    }
}

static void chain__changes_no_byte_and_neither_do_threads(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        test_graph *g = test_graph_create(seed);
        int64_t in = 1 + (int64_t)oa_random_below(&random, 6), size = 5 + (int64_t)oa_random_below(&random, 20);
        bool is_depthwise = oa_random_below(&random, 3) == 0;
        int64_t out = is_depthwise ? in : 1 + (int64_t)oa_random_below(&random, 20);
        size_t x = INPUT(g, "x", 3, in, size, size), first = conv(g, x, in, out, 3, 1), y = first;
        for (size_t layer = 0; layer < 2; layer++) {
            y = is_depthwise ? conv(g, y, out, out, 3, out) : conv(g, y, out, out, 1 + 2 * (int64_t)(seed % 2), 1);
            for (size_t i = oa_random_below(&random, 8); i > 0; i--) {
                y = step(g, y, first, out, &random);
            }
        }
        test_graph_output(g, y);
        if (seed % 4 == 0) {
            test_graph_output(g, first); /* a reader besides the nodes */
        }
        const oa_graph *graph = test_graph_finish(g);
        const size_t dims[] = {3, (size_t)in, (size_t)size, (size_t)size};
        oa_array input;
        assert_int_equal(oa_array_init(&input, OA_DTYPE_FLOAT, dims, 4, NULL), OA_OK);
        for (size_t i = 0; i < input.count; i++) {
            ((float *)input.data)[i] = (float)oa_random_normal(&random);
        }
        oa_array expected = run(graph, &input, true, 1);
        for (int threads = 1; threads <= 3; threads++) {
            for (int is_watched = 0; is_watched < 2; is_watched++) {
                oa_array found = run(graph, &input, is_watched, threads);
                assert_int_equal(found.count, expected.count);
                if (memcmp(found.data, expected.data, found.count * sizeof(float)) != 0) {
                    fail_msg("seed %d: other bytes on %d threads, %s", (int)seed, threads,
                             is_watched ? "watched" : "as a chain");
                }
                oa_array_free(&found);
            }
        }
        oa_array_free(&expected);
        oa_array_free(&input);
        test_graph_destroy(g);
    }
    print_message("seeds 1 to %d\n", SEEDS);
}

/* 16-bit floats are rounded after the convolution, and again after the step. */
static void chain__keeps_the_rounding_of_16_bit_floats(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(9);
    g->float_type = OA_DTYPE_FLOAT16;
    test_graph_output(g, NODE(g, "HardSwish", "", conv(g, INPUT(g, "x", 2, 5, 9, 9), 5, 12, 3, 1)));
    const oa_graph *graph = test_graph_finish(g);
    const size_t dims[] = {2, 5, 9, 9};
    oa_array input;
    oa_random random;
    oa_random_init(&random, 9);
    assert_int_equal(oa_array_init(&input, OA_DTYPE_FLOAT16, dims, 4, NULL), OA_OK);
    for (size_t i = 0; i < input.count; i++) { /* of either sign, between 1 and 2 */
        ((uint16_t *)input.data)[i] = (uint16_t)(0x3c00 | (oa_random_next(&random) & 0x83ff));
    }
    oa_array expected = run(graph, &input, true, 1), found = run(graph, &input, false, 2);
    assert_memory_equal(found.data, expected.data, found.count * sizeof(uint16_t));
    oa_array_free(&expected);
    oa_array_free(&found);
    oa_array_free(&input);
    test_graph_destroy(g);
}

/* Dense layers, attention and elementwise nodes large enough to be spread. */
static void threads__change_no_byte(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(5);
    size_t x = INPUT(g, "x", -1, 70, 96);
    size_t q = NODE(g, "MatMul", "", x, WEIGHT(g, NULL, 96, 96)), k = NODE(g, "MatMul", "", x, WEIGHT(g, NULL, 96, 96));
    size_t scores = NODE(g, "MatMul", "", q, NODE(g, "Transpose", "perm=[0,2,1]", k));
    size_t h = NODE(g, "MatMul", "", NODE(g, "Softmax", "axis=-1", scores), x);
    h = NODE(g, "LayerNormalization", "", NODE(g, "Add", "", h, x), WEIGHT(g, NULL, 96), WEIGHT(g, NULL, 96));
    h = NODE(g, "Mul", "", NODE(g, "Erf", "", h),
             NODE(g, "Sigmoid", "", NODE(g, "Add", "", h, WEIGHT(g, NULL, 70, 1))));
    h = NODE(g, "Gemm", "transB=1", NODE(g, "Flatten", "", h), WEIGHT(g, NULL, 11, 70 * 96), WEIGHT(g, NULL, 11));
    test_graph_output(g, h);
    const oa_graph *graph = test_graph_finish(g);
    const size_t dims[] = {33, 70, 96};
    oa_array input;
    oa_random random;
    oa_random_init(&random, 6);
    assert_int_equal(oa_array_init(&input, OA_DTYPE_FLOAT, dims, 3, NULL), OA_OK);
    for (size_t i = 0; i < input.count; i++) {
        ((float *)input.data)[i] = (float)oa_random_normal(&random);
    }
    oa_array expected = run(graph, &input, false, 1);
    for (int threads = 2; threads <= 5; threads++) {
        oa_array found = run(graph, &input, false, threads);
        assert_int_equal(found.count, expected.count);
        assert_memory_equal(found.data, expected.data, found.count * sizeof(float));
        oa_array_free(&found);
    }
    oa_array_free(&expected);
    oa_array_free(&input);
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain__changes_no_byte_and_neither_do_threads),
        cmocka_unit_test(chain__keeps_the_rounding_of_16_bit_floats),
        cmocka_unit_test(threads__change_no_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
