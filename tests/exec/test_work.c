/* What a run of a model's layers takes, against products of their sizes. */
#include "core/exec/work.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/graph_builder.h"

#include <string.h>

enum { TOO_MANY = 20000 };

static const oa_array *image(size_t samples)
{
    static float pixels[4 * 3 * 8 * 8];
    static oa_array array;
    array = (oa_array){
        .dtype = OA_DTYPE_FLOAT, .rank = 4, .dims = {samples, 3, 8, 8}, .count = samples * 192, .data = pixels};
    return &array;
}

/* Two convolutions, one of groups and one with strides, a dense layer over what is left, a product without weights. */
static const oa_graph *build(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 3, 8, 8);
    size_t h = NODE(g, "Conv", "pads=[1,1,1,1]", x, WEIGHT(g, "a", 6, 3, 3, 3), WEIGHT(g, "bias", 6));
    h = NODE(g, "Relu", "", NODE(g, "Conv", "group=2 strides=[2,2] pads=[1,1,1,1]", h, WEIGHT(g, "b", 4, 3, 3, 3)));
    size_t flat = NODE(g, "Flatten", "", h);
    size_t y = NODE(g, "Gemm", "transB=1", flat, WEIGHT(g, "c", 10, 64));
    size_t z = NODE(g, "Relu", "", NODE(g, "MatMul", "", y, WEIGHT(g, "d", 10, 7)));
    test_graph_output(g, NODE(g, "MatMul", "", z, NODE(g, "Transpose", "", z)));
    return test_graph_finish(g);
}

static void work__is_the_products_of_sizes(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build(g);
    for (size_t samples = 1; samples <= 4; samples++) {
        double each = 6 * 3 * 9 * 64 + 4 * 3 * 9 * 16 + 10 * 64 + 10 * 7, count = 0.0;
        assert_int_equal(oa_count_work(&count, graph, image(samples), NULL), OA_OK);
        assert_true(count == each * (double)samples);
    }
    test_graph_destroy(g);
}

static void work__of_recurrent_layers_is_that_of_their_steps(void **state)
{
    (void)state;
    float steps[5 * 2 * 3] = {0};
    const oa_array x = {.dtype = OA_DTYPE_FLOAT, .rank = 3, .dims = {5, 2, 3}, .count = 30, .data = steps};
    test_graph *g = test_graph_create(1);
    double count = 0.0;
    size_t h =
        NODE(g, "LSTM", "hidden_size=4", INPUT(g, "x", -1, 2, 3), WEIGHT(g, "w", 1, 16, 3), WEIGHT(g, "r", 1, 16, 4));
    test_graph_output(g, NODE(g, "Relu", "", h));
    assert_int_equal(oa_count_work(&count, test_graph_finish(g), &x, NULL), OA_OK);
    assert_true(count == 5 * 2 * (16 * 3 + 16 * 4)); /* steps, samples */
    test_graph_destroy(g);
}

static void work__without_layers_is_none(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    double count = 77.0;
    test_graph_output(g, NODE(g, "Relu", "", INPUT(g, "x", -1, 3, 8, 8)));
    assert_int_equal(oa_count_work(&count, test_graph_finish(g), image(1), NULL), OA_OK);
    assert_true(count == 0.0);
    test_graph_destroy(g);
}

static void work__reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build(g);
    const oa_array *x = image(1);
    for (size_t n = 1;; n++) {
        double count = 77.0;
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_count_work(&count, graph, x, &error);
        if (!allocation_has_failed()) {
            assert_int_equal(status, OA_OK);
            break;
        }
        assert_true(status == OA_ERROR_MEMORY && error.message[0] && count == 77.0);
    }
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work__is_the_products_of_sizes),
        cmocka_unit_test(work__of_recurrent_layers_is_that_of_their_steps),
        cmocka_unit_test(work__without_layers_is_none),
        cmocka_unit_test(work__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
