/* What discovery finds around pooling, reductions and softmax. */
#include "tests/support/cmocka_all.h"
#include "tests/support/symmetry_check.h"

#include <stdio.h>

static const char *const REDUCTIONS[] = {"ReduceL1",  "ReduceL2",       "ReduceLogSum", "ReduceLogSumExp",
                                         "ReduceMax", "ReduceMean",     "ReduceMin",    "ReduceProd",
                                         "ReduceSum", "ReduceSumSquare"};

static void pooling__keeps_channels_and_fixes_what_the_window_slides_along(void **state)
{
    (void)state;
    static const char *const operators[] = {"AveragePool", "LpPool", "MaxPool"};
    for (size_t i = 0; i < TEST_COUNT(operators); i++) {
        test_graph *g = test_graph_create(1 + i);
        size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 8, 8), WEIGHT(g, "w1", 5, 3, 3, 3));
        h = NODE(g, operators[i], "kernel_shape=[2,2] strides=[2,2]", h); /* [B, 5, 3, 3] */
        h = NODE(g, "Mul", "", h, WEIGHT(g, "map", 5, 3, 3));
        h = NODE(g, "Gemm", "", NODE(g, "Flatten", "", h), WEIGHT(g, "w2", 45, 3));
        test_graph_output(g, h);
        CHECK(g, "5: w1.0 map.0 w2.0*9", "map.1: neighbours matter", "w2.0: neighbours matter");
    }
}

static void pooling__sizes_with_padding_and_ceiling_are_right(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "kernel_shape=[3] strides=[2] pads=[1,1]", "kernel_shape=[3] strides=[2] ceil_mode=1",
        "kernel_shape=[2] strides=[3] auto_pad=SAME_LOWER", "kernel_shape=[2] strides=[2] auto_pad=VALID",
        "kernel_shape=[2] dilations=[3]"};
    static const int64_t sizes[] = {4, 4, 3, 4, 5};
    for (size_t i = 0; i < TEST_COUNT(kinds); i++) {
        test_graph *g = test_graph_create(10 + i);
        size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 8), WEIGHT(g, "w1", 5, 3, 1));
        h = NODE(g, "Flatten", "", NODE(g, "MaxPool", kinds[i], h));
        test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 5 * sizes[i], 3)));
        char expected[64];
        snprintf(expected, sizeof expected, "5: w1.0 w2.0*%lld", (long long)sizes[i]);
        CHECK(g, expected);
    }
}

static void max_pool__with_places_is_fixed(void **state)
{
    (void)state;
    size_t outputs[2];
    test_graph *g = test_graph_create(20);
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 6, 6), WEIGHT(g, "w1", 5, 3, 3, 3));
    NODES(outputs, g, "MaxPool", "kernel_shape=[2,2]", h);
    size_t places = NODE(g, "Cast", "to=1", outputs[1]);
    h = NODE(g, "Add", "", outputs[0], NODE(g, "Mul", "", places, test_graph_scalar(g, OA_DTYPE_FLOAT, 0.01)));
    h = NODE(g, "Flatten", "", NODE(g, "GlobalAveragePool", "", h));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 5, 3)));
    CHECK(g, "", "w1.0: places of maxima", "w2.0: places of maxima");
}

static void global_pooling__makes_single_elements(void **state)
{
    (void)state;
    static const char *const operators[] = {"GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"};
    for (size_t i = 0; i < TEST_COUNT(operators); i++) {
        test_graph *g = test_graph_create(30 + i);
        size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, -1, -1), WEIGHT(g, "w1", 5, 3, 1, 1));
        h = NODE(g, "Squeeze", "", NODE(g, operators[i], "", h), INTS(g, 2, 3));
        test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 5, 3)));
        CHECK(g, "5: w1.0 w2.0");
    }
}

/* [B, 6, 8], both 6 and 8 free, numbers in (0, 1). */
static size_t table(test_graph *g)
{
    size_t h = NODE(g, "MatMul", "", WEIGHT(g, "u1", 6, 5), INPUT(g, "x", -1, 5, 4));
    return NODE(g, "Sigmoid", "", NODE(g, "MatMul", "", h, WEIGHT(g, "w1", 4, 8)));
}

static void reduction__of_one_axis_keeps_the_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4 * TEST_COUNT(REDUCTIONS); i++) {
        bool keeps = i & 1;
        bool is_attribute = i & 2;
        char text[64];
        test_graph *g = test_graph_create(40 + i);
        g->version = is_attribute ? 11 : 18;
        size_t h = table(g);
        snprintf(text, sizeof text, "%skeepdims=%d", is_attribute ? "axes=[-2] " : "", keeps);
        h = NODE(g, REDUCTIONS[i / 4], text, h, is_attribute ? OA_NONE : INTS(g, 1));
        h = NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 8, 3));
        test_graph_output(g, h);
        CHECK(g, "6: u1.0; 8: w1.1 w2.0");
    }
}

static void reduction__of_everything_frees_everything(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(90);
    test_graph_output(g, NODE(g, "ReduceMean", "", table(g)));
    CHECK(g, "6: u1.0; 8: w1.1");
}

static void reduction__without_axes_may_do_nothing(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(91);
    size_t h = NODE(g, "ReduceSum", "noop_with_empty_axes=1", table(g));
    h = NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 8, 3));
    test_graph_output(g, h);
    CHECK(g, "8: w1.1 w2.0", "u1.0: graph output");
}

static void reduction__that_goes_back_onto_the_data(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(92);
    g->version = 18;
    size_t h = table(g);
    size_t mean = NODE(g, "ReduceMean", "", h, INTS(g, 2));
    size_t centred = NODE(g, "Sub", "", h, mean);
    size_t variance = NODE(g, "ReduceMean", "", NODE(g, "Mul", "", centred, centred), INTS(g, 2));
    size_t deviation = NODE(g, "Sqrt", "", NODE(g, "Add", "", variance, test_graph_scalar(g, OA_DTYPE_FLOAT, 1e-3)));
    h = NODE(g, "Mul", "", NODE(g, "Div", "", centred, deviation), WEIGHT(g, "scale", 8));
    test_graph_output(g, NODE(g, "ReduceMax", "", NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 8, 3)), INTS(g, 1)));
    CHECK(g, "6: u1.0; 8: w1.1 scale.0 w2.0");
}

static void reduction__over_axes_known_at_run_time_only_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(93);
    size_t axes = test_graph_input(g, "axes", OA_DTYPE_INT64, 1, TEST_DIMS(1));
    test_graph_output(g, NODE(g, "ReduceSum", "", table(g), axes));
    CHECK_ONLY(g, "", "u1.0: this use of the operator", "w1.1: this use of the operator");
}

static void softmax__keeps_all_axes(void **state)
{
    (void)state;
    static const char *const operators[] = {"Softmax", "LogSoftmax"};
    static const char *const axes[] = {"axis=1", "axis=2", "axis=-1", ""};
    for (size_t i = 0; i < 8; i++) {
        test_graph *g = test_graph_create(100 + i);
        g->version = i < 4 ? 11 : 13; /* the older one takes all axes from the given one on together */
        size_t h = NODE(g, operators[i % 2], axes[i / 2], table(g));
        h = NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 8, 3));
        h = NODE(g, "MatMul", "", WEIGHT(g, "u2", 2, 6), h);
        test_graph_output(g, h);
        CHECK(g, "6: u1.0 u2.1; 8: w1.1 w2.0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling__keeps_channels_and_fixes_what_the_window_slides_along),
        cmocka_unit_test(pooling__sizes_with_padding_and_ceiling_are_right),
        cmocka_unit_test(max_pool__with_places_is_fixed),
        cmocka_unit_test(global_pooling__makes_single_elements),
        cmocka_unit_test(reduction__of_one_axis_keeps_the_other),
        cmocka_unit_test(reduction__of_everything_frees_everything),
        cmocka_unit_test(reduction__without_axes_may_do_nothing),
        cmocka_unit_test(reduction__that_goes_back_onto_the_data),
        cmocka_unit_test(reduction__over_axes_known_at_run_time_only_is_fixed),
        cmocka_unit_test(softmax__keeps_all_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
