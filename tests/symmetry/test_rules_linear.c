/* What discovery finds in products, convolutions and batch normalisation, exactly, and proven by running. */
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/symmetry_check.h"

static void gemm__ties_units_of_transposed_weights(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t h = NODE(g, "Gemm", "transB=1", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 8, 4), WEIGHT(g, "b1", 8));
    h = NODE(g, "Gemm", "transB=1", NODE(g, "Relu", "", h), WEIGHT(g, "w2", 6, 8), WEIGHT(g, "b2", 1, 6));
    h = NODE(g, "Gemm", "alpha=0.5 beta=2.0", NODE(g, "Tanh", "", h), WEIGHT(g, "w3", 6, 3), WEIGHT(g, "b3", 1));
    test_graph_output(g, h);
    CHECK(g, "8: w1.0 b1.0 w2.1; 6: w2.0 b2.1 w3.0", "w1.1: graph input 'x'", "w3.1: graph output");
}

static void gemm__of_transposed_data(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(2);
    size_t x = NODE(g, "Transpose", "perm=[1,0]", INPUT(g, "x", -1, 4));
    size_t h = NODE(g, "Gemm", "transA=1", x, WEIGHT(g, "w1", 4, 8));
    size_t columns = NODE(g, "Transpose", "", NODE(g, "Sigmoid", "", h));
    h = NODE(g, "Gemm", "transA=1 transB=1", columns, WEIGHT(g, "w2", 3, 8), OA_NONE);
    test_graph_output(g, h);
    CHECK(g, "8: w1.1 w2.1");
}

static void gemm__with_the_weights_first(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(3);
    size_t x = NODE(g, "Transpose", "", INPUT(g, "x", -1, 4));
    size_t h = NODE(g, "Gemm", "", WEIGHT(g, "w1", 8, 4), x, WEIGHT(g, "b1", 8, 1));
    h = NODE(g, "Gemm", "transA=1", WEIGHT(g, "w2", 8, 3), NODE(g, "Relu", "", h));
    test_graph_output(g, h);
    CHECK(g, "8: w1.0 b1.0 w2.0");
}

static void matmul__and_add_are_a_layer(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(4);
    size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, -1, 4), WEIGHT(g, "w1", 4, 8));
    h = NODE(g, "Gelu", "", NODE(g, "Add", "", WEIGHT(g, "b1", 8), h));
    h = NODE(g, "Add", "", NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 8, 3)), WEIGHT(g, "b2", 3));
    test_graph_output(g, h);
    CHECK(g, "8: w1.1 b1.0 w2.0", "b2.0: graph output");
}

static void matmul__of_vectors_and_stacks(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(5);
    size_t x = NODE(g, "Unsqueeze", "", INPUT(g, "x", -1, 4), INTS(g, 1)); /* [B, 1, 4] */
    size_t h =
        NODE(g, "MatMul", "", NODE(g, "Unsqueeze", "", x, INTS(g, 1)), WEIGHT(g, "w1", 5, 4, 6)); /* [B, 5, 1, 6] */
    h = NODE(g, "MatMul", "", NODE(g, "Relu", "", h), WEIGHT(g, "v", 6));                         /* [B, 5, 1] */
    h = NODE(g, "ReduceSum", "keepdims=0", NODE(g, "Tanh", "", h), INTS(g, 1));
    test_graph_output(g, h);
    CHECK(g, "5: w1.0; 6: w1.2 v.0");
}

static void conv__ties_channels(const char *kind, size_t spatial)
{
    test_graph *g = test_graph_create(6 + spatial);
    int64_t x_dims[] = {-1, 3, 5, 5, 5}, w1_dims[] = {8, 3, 3, 3, 3}, w2_dims[] = {4, 8, 1, 1, 1};
    size_t x = test_graph_input(g, "x", OA_DTYPE_FLOAT, 2 + spatial, x_dims);
    size_t h = NODE(g, "Conv", kind, x, test_graph_weight(g, "w1", 2 + spatial, w1_dims), WEIGHT(g, "b1", 8));
    h = NODE(g, "Conv", "", NODE(g, "Relu", "", h), test_graph_weight(g, "w2", 2 + spatial, w2_dims));
    h = NODE(g, "Flatten", "", NODE(g, "GlobalAveragePool", "", NODE(g, "Relu", "", h)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w3", 4, 2)));
    CHECK(g, "8: w1.0 b1.0 w2.1; 4: w2.0 w3.0", "w1.1: graph input", "w1.2: positions of a convolution kernel");
}

static void conv__in_one_two_and_three_dimensions(void **state)
{
    (void)state;
    conv__ties_channels("pads=[1,1]", 1);
    conv__ties_channels("pads=[1,1,1,1] strides=[2,2]", 2);
    conv__ties_channels("auto_pad=SAME_UPPER", 3);
}

/* [B, 3, 6, 6] -> 8 channels, ready for what is to be tested. */
static size_t eight_channels(test_graph *g)
{
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 6, 6), WEIGHT(g, "w0", 8, 3, 3, 3));
    return NODE(g, "Relu", "", h);
}

static void finish_channels(test_graph *g, size_t h, int64_t channels)
{
    h = NODE(g, "Flatten", "", NODE(g, "GlobalMaxPool", "", NODE(g, "Relu", "", h)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w9", channels, 2)));
}

static void conv__depthwise_moves_in_and_out_together(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(10);
    size_t h = NODE(g, "Conv", "group=8", eight_channels(g), WEIGHT(g, "w1", 8, 1, 3, 3), WEIGHT(g, "b1", 8));
    finish_channels(g, h, 8);
    CHECK(g, "8: w0.0 w1.0 b1.0 w9.0");
}

static void conv__depthwise_with_a_multiplier_moves_blocks(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(11);
    size_t h = NODE(g, "Conv", "group=8", eight_channels(g), WEIGHT(g, "w1", 16, 1, 3, 3), WEIGHT(g, "b1", 16));
    finish_channels(g, h, 16);
    CHECK(g, "8b: w0.0; 8x2i0: w1.0 b1.0 w9.0");
}

static void conv__grouped_moves_blocks_and_their_insides(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(12);
    size_t h = NODE(g, "Conv", "group=2", eight_channels(g), WEIGHT(g, "w1", 6, 4, 3, 3), WEIGHT(g, "b1", 6));
    finish_channels(g, h, 6);
    CHECK(g, "2b; 2x4i0: w0.0 w1.1*3; 2x3i0: w1.0*4 b1.0 w9.0");
}

static void conv__groups_that_do_not_fit_earlier_groups_are_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(13);
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 6, 6), WEIGHT(g, "w0", 12, 3, 3, 3));
    h = NODE(g, "Conv", "group=4", NODE(g, "Relu", "", h), WEIGHT(g, "w1", 12, 3, 1, 1));
    h = NODE(g, "Conv", "group=6", NODE(g, "Relu", "", h), WEIGHT(g, "w2", 6, 2, 1, 1));
    finish_channels(g, h, 6);
    CHECK(g, "3: w0.0*4 w1.1", "w0.0: do not divide", "w1.0: do not divide");
}

static void conv__of_one_position_leaves_the_other_axes_free(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(14);
    size_t rows = NODE(g, "MatMul", "", INPUT(g, "x", -1, 2, 4), WEIGHT(g, "w0", 4, 6)); /* [B, 2, 6] */
    size_t h = NODE(g, "Relu", "", NODE(g, "Conv", "", rows, WEIGHT(g, "w1", 5, 2, 1), WEIGHT(g, "b1", 5)));
    h = NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 6, 2));
    test_graph_output(g, NODE(g, "ReduceMean", "axes=[1]", h));
    CHECK(g, "6: w0.1 w2.0; 5: w1.0 b1.0", "w1.1: graph input");
}

static void conv__of_several_positions_fixes_the_other_axes(void **state)
{
    (void)state;
    static const char *const kinds[] = {"pads=[1,1]", "strides=[2]", "pads=[1,0]"};
    static const int64_t kernels[] = {3, 1, 1};
    static const int64_t widths[] = {6, 3, 7};
    for (size_t i = 0; i < TEST_COUNT(kinds); i++) {
        test_graph *g = test_graph_create(15);
        size_t rows = NODE(g, "MatMul", "", INPUT(g, "x", -1, 2, 4), WEIGHT(g, "w0", 4, 6));
        size_t h = NODE(g, "Conv", kinds[i], rows, WEIGHT(g, "w1", 5, 2, kernels[i]));
        test_graph_output(g, NODE(g, "MatMul", "", NODE(g, "Relu", "", h), WEIGHT(g, "w2", widths[i], 2)));
        CHECK(g, "", "w0.1: neighbours matter", "w2.0: neighbours matter", "w1.0: graph output");
    }
}

static void conv__of_data_of_unknown_shape_keeps_its_input_channels(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(16);
    size_t h = NODE(g, "Conv", "", NODE(g, "Mystery", "", INPUT(g, "x", -1, 3, 6, 6)), WEIGHT(g, "w0", 8, 3, 3, 3));
    finish_channels(g, h, 8);
    CHECK_ONLY(g, "8: w0.0 w9.0", "w0.1: other sizes");
}

static void batch_normalization__moves_with_its_channels(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(17);
    size_t h = NODE(g, "BatchNormalization", "epsilon=0.001", eight_channels(g), WEIGHT(g, "scale", 8),
                    WEIGHT(g, "shift", 8), WEIGHT(g, "mean", 8), POSITIVE(g, "variance", 8));
    finish_channels(g, h, 8);
    CHECK(g, "8: w0.0 scale.0 shift.0 mean.0 variance.0 w9.0");
}

static void batch_normalization__marks_its_statistics(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(18);
    size_t h = NODE(g, "BatchNormalization", "", eight_channels(g), WEIGHT(g, "scale", 8), WEIGHT(g, "shift", 8),
                    WEIGHT(g, "mean", 8), POSITIVE(g, "variance", 8));
    finish_channels(g, h, 8);
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    assert_true(layout->tensors[test_graph_tensor(graph, "mean")].is_statistic);
    assert_true(layout->tensors[test_graph_tensor(graph, "variance")].is_statistic);
    assert_false(layout->tensors[test_graph_tensor(graph, "scale")].is_statistic);
    assert_true(layout->tensors[test_graph_tensor(graph, "variance")].moves);
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

/* Two layers use one weight: its axes move with both. */
static void weights__that_are_shared_tie_their_layers(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(19);
    size_t w = WEIGHT(g, "w", 6, 6);
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w0", 4, 6)));
    h = NODE(g, "Tanh", "", NODE(g, "Gemm", "", h, w));
    h = NODE(g, "Tanh", "", NODE(g, "Gemm", "", h, w));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w9", 6, 2)));
    CHECK(g, "6: w0.1 w.0 w.1 w9.0");
}

/* A square weight whose two sides are different layers stays two groups. */
static void weights__that_are_square_are_not_tied_by_that(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(20);
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", INPUT(g, "x", -1, 6), WEIGHT(g, "w0", 6, 6)));
    h = NODE(g, "Relu", "", NODE(g, "Gemm", "", h, WEIGHT(g, "w1", 6, 6)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 6, 6)));
    CHECK(g, "6: w0.1 w1.0; 6: w1.1 w2.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm__ties_units_of_transposed_weights),
        cmocka_unit_test(gemm__of_transposed_data),
        cmocka_unit_test(gemm__with_the_weights_first),
        cmocka_unit_test(matmul__and_add_are_a_layer),
        cmocka_unit_test(matmul__of_vectors_and_stacks),
        cmocka_unit_test(conv__in_one_two_and_three_dimensions),
        cmocka_unit_test(conv__depthwise_moves_in_and_out_together),
        cmocka_unit_test(conv__depthwise_with_a_multiplier_moves_blocks),
        cmocka_unit_test(conv__grouped_moves_blocks_and_their_insides),
        cmocka_unit_test(conv__groups_that_do_not_fit_earlier_groups_are_fixed),
        cmocka_unit_test(conv__of_one_position_leaves_the_other_axes_free),
        cmocka_unit_test(conv__of_several_positions_fixes_the_other_axes),
        cmocka_unit_test(conv__of_data_of_unknown_shape_keeps_its_input_channels),
        cmocka_unit_test(batch_normalization__moves_with_its_channels),
        cmocka_unit_test(batch_normalization__marks_its_statistics),
        cmocka_unit_test(weights__that_are_shared_tie_their_layers),
        cmocka_unit_test(weights__that_are_square_are_not_tied_by_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
