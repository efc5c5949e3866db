/* Elementwise operators of one and of several inputs, with and without broadcasting. */
#include "tests/grad/differences.h"

GRADIENT_TEST(abs, return NODE(g, "Abs", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(cos, return NODE(g, "Cos", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(erf, return NODE(g, "Erf", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(exp, return NODE(g, "Exp", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(neg, return NODE(g, "Neg", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(relu, return NODE(g, "Relu", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(sigmoid, return NODE(g, "Sigmoid", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(sin, return NODE(g, "Sin", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(tanh, return NODE(g, "Tanh", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(hard_swish, return NODE(g, "HardSwish", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(mish, return NODE(g, "Mish", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(softplus, return NODE(g, "Softplus", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(softsign, return NODE(g, "Softsign", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(selu, return NODE(g, "Selu", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(log, return NODE(g, "Log", "", POSITIVE(g, "x", 3, 7));)
GRADIENT_TEST(reciprocal, return NODE(g, "Reciprocal", "", POSITIVE(g, "x", 3, 7));)
GRADIENT_TEST(sqrt, return NODE(g, "Sqrt", "", POSITIVE(g, "x", 3, 7));)
GRADIENT_TEST(leaky_relu, return NODE(g, "LeakyRelu", "alpha=0.3", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(elu, return NODE(g, "Elu", "alpha=0.7", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(celu, return NODE(g, "Celu", "alpha=0.7", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(thresholded_relu, return NODE(g, "ThresholdedRelu", "alpha=0.2", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(hard_sigmoid, return NODE(g, "HardSigmoid", "alpha=1.3 beta=0.4", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(gelu, g->version = 20; return NODE(g, "Gelu", "", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(gelu_approximated, g->version = 20; return NODE(g, "Gelu", "approximate=tanh", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(clip, return NODE(g, "Clip", "", WEIGHT(g, "x", 3, 7), test_graph_scalar(g, g->float_type, -0.4),
                                test_graph_scalar(g, g->float_type, 0.3));)
GRADIENT_TEST(clip_of_one_side,
              return NODE(g, "Clip", "", WEIGHT(g, "x", 3, 7), OA_NONE, test_graph_scalar(g, g->float_type, 0.3));)
GRADIENT_TEST(clip_by_attributes, g->version = 6; return NODE(g, "Clip", "min=-0.4 max=0.3", WEIGHT(g, "x", 3, 7));)
GRADIENT_TEST(add, return NODE(g, "Add", "", WEIGHT(g, "x", 3, 4), WEIGHT(g, "w", 3, 4));)
GRADIENT_TEST(add_of_rows, return NODE(g, "Add", "", WEIGHT(g, "x", 3, 4, 5), WEIGHT(g, "w", 5));)
GRADIENT_TEST(add_of_channels, return NODE(g, "Add", "", WEIGHT(g, "x", 2, 3, 2, 2), WEIGHT(g, "w", 3, 1, 1));)
GRADIENT_TEST(add_both_broadcast, return NODE(g, "Add", "", WEIGHT(g, "x", 3, 1, 2), WEIGHT(g, "w", 4, 1));)
GRADIENT_TEST(add_of_scalars, return NODE(g, "Add", "", WEIGHT(g, "x", 1),
                                          NODE(g, "Add", "", WEIGHT(g, "w", 2, 3), WEIGHT(g, "b", 1)));)
GRADIENT_TEST(add_of_itself, size_t x = WEIGHT(g, "x", 3, 4), y = NODE(g, "Add", "", x, x);
              return NODE(g, "Add", "", x, y);)
GRADIENT_TEST(add_of_a_long_scalar, return NODE(g, "Add", "", WEIGHT(g, "x", 1), WEIGHT(g, "w", 300));)
GRADIENT_TEST(sub, return NODE(g, "Sub", "", WEIGHT(g, "x", 3, 4), WEIGHT(g, "w", 3, 4));)
GRADIENT_TEST(sub_of_rows, return NODE(g, "Sub", "", WEIGHT(g, "x", 3, 4, 5), WEIGHT(g, "w", 5));)
GRADIENT_TEST(sub_of_channels, return NODE(g, "Sub", "", WEIGHT(g, "x", 2, 3, 2, 2), WEIGHT(g, "w", 3, 1, 1));)
GRADIENT_TEST(sub_both_broadcast, return NODE(g, "Sub", "", WEIGHT(g, "x", 3, 1, 2), WEIGHT(g, "w", 4, 1));)
GRADIENT_TEST(sub_of_scalars, return NODE(g, "Sub", "", WEIGHT(g, "x", 1),
                                          NODE(g, "Sub", "", WEIGHT(g, "w", 2, 3), WEIGHT(g, "b", 1)));)
GRADIENT_TEST(sub_of_itself, size_t x = WEIGHT(g, "x", 3, 4), y = NODE(g, "Sub", "", x, x);
              return NODE(g, "Add", "", x, y);)
GRADIENT_TEST(sub_of_a_long_scalar, return NODE(g, "Sub", "", WEIGHT(g, "x", 1), WEIGHT(g, "w", 300));)
GRADIENT_TEST(mul, return NODE(g, "Mul", "", WEIGHT(g, "x", 3, 4), WEIGHT(g, "w", 3, 4));)
GRADIENT_TEST(mul_of_rows, return NODE(g, "Mul", "", WEIGHT(g, "x", 3, 4, 5), WEIGHT(g, "w", 5));)
GRADIENT_TEST(mul_of_channels, return NODE(g, "Mul", "", WEIGHT(g, "x", 2, 3, 2, 2), WEIGHT(g, "w", 3, 1, 1));)
GRADIENT_TEST(mul_both_broadcast, return NODE(g, "Mul", "", WEIGHT(g, "x", 3, 1, 2), WEIGHT(g, "w", 4, 1));)
GRADIENT_TEST(mul_of_scalars, return NODE(g, "Mul", "", WEIGHT(g, "x", 1),
                                          NODE(g, "Mul", "", WEIGHT(g, "w", 2, 3), WEIGHT(g, "b", 1)));)
GRADIENT_TEST(mul_of_itself, size_t x = WEIGHT(g, "x", 3, 4), y = NODE(g, "Mul", "", x, x);
              return NODE(g, "Add", "", x, y);)
GRADIENT_TEST(mul_of_a_long_scalar, return NODE(g, "Mul", "", WEIGHT(g, "x", 1), WEIGHT(g, "w", 300));)
GRADIENT_TEST(div, return NODE(g, "Div", "", WEIGHT(g, "x", 3, 4), POSITIVE(g, "w", 3, 4));)
GRADIENT_TEST(div_of_rows, return NODE(g, "Div", "", WEIGHT(g, "x", 3, 4, 5), POSITIVE(g, "w", 5));)
GRADIENT_TEST(div_of_channels, return NODE(g, "Div", "", WEIGHT(g, "x", 2, 3, 2, 2), POSITIVE(g, "w", 3, 1, 1));)
GRADIENT_TEST(div_both_broadcast, return NODE(g, "Div", "", WEIGHT(g, "x", 3, 1, 2), POSITIVE(g, "w", 4, 1));)
GRADIENT_TEST(div_of_scalars, return NODE(g, "Div", "", NODE(g, "Div", "", WEIGHT(g, "x", 2, 3), POSITIVE(g, "b", 1)),
                                          POSITIVE(g, "w", 1));)
GRADIENT_TEST(div_of_itself, size_t x = POSITIVE(g, "x", 3, 4), y = NODE(g, "Div", "", x, x);
              return NODE(g, "Add", "", x, y);)
GRADIENT_TEST(div_of_a_long_scalar, return NODE(g, "Div", "", WEIGHT(g, "x", 1), POSITIVE(g, "w", 300));)
GRADIENT_TEST(pow_square, return NODE(g, "Pow", "", WEIGHT(g, "x", 3, 4), test_graph_scalar(g, g->float_type, 2.0));)
GRADIENT_TEST(pow_real, return NODE(g, "Pow", "", POSITIVE(g, "x", 3, 4),
                                    test_graph_uniform(g, "exponents", 0.5, 3.0, 1, TEST_DIMS(4)));)
GRADIENT_TEST(pow_integer, return NODE(g, "Pow", "", WEIGHT(g, "x", 3, 4), INTS(g, 0, 1, 2, 3));)
GRADIENT_TEST(prelu, return NODE(g, "PRelu", "", WEIGHT(g, "x", 2, 3, 2, 2), WEIGHT(g, "w", 3, 1, 1));)
GRADIENT_TEST(prelu_of_one_slope, return NODE(g, "PRelu", "", WEIGHT(g, "x", 2, 3, 4), WEIGHT(g, "w", 1));)
GRADIENT_TEST(max, return NODE(g, "Max", "", WEIGHT(g, "x", 3, 4), WEIGHT(g, "w", 4));)
GRADIENT_TEST(min, return NODE(g, "Min", "", WEIGHT(g, "x", 3, 4), WEIGHT(g, "w", 3, 1));)
GRADIENT_TEST(max_of_one, return NODE(g, "Max", "", WEIGHT(g, "x", 3, 4));)
GRADIENT_TEST(sum, return NODE(g, "Sum", "", WEIGHT(g, "x", 3, 4), WEIGHT(g, "w", 4), WEIGHT(g, "b", 3, 1));)
GRADIENT_TEST(mean, return NODE(g, "Mean", "", WEIGHT(g, "x", 3, 4), WEIGHT(g, "w", 4), WEIGHT(g, "b", 1));)
GRADIENT_TEST(where, static const unsigned char condition[] = {1, 0, 1, 1, 0, 0};
              return NODE(g, "Where", "",
                          test_graph_constant(g, "condition", OA_DTYPE_BOOL, 2, TEST_DIMS(2, 3), condition),
                          WEIGHT(g, "x", 2, 3), WEIGHT(g, "w", 3));)
GRADIENT_TEST(where_of_a_comparison, size_t x = WEIGHT(g, "x", 2, 3);
              return NODE(g, "Where", "", NODE(g, "Greater", "", x, WEIGHT(g, "other", 1)), NODE(g, "Mul", "", x, x),
                          WEIGHT(g, "w", 2, 1));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(abs),
        GRADIENT_ROW(cos),
        GRADIENT_ROW(erf),
        GRADIENT_ROW(exp),
        GRADIENT_ROW(neg),
        GRADIENT_ROW(relu),
        GRADIENT_ROW(sigmoid),
        GRADIENT_ROW(sin),
        GRADIENT_ROW(tanh),
        GRADIENT_ROW(hard_swish),
        GRADIENT_ROW(mish),
        GRADIENT_ROW(softplus),
        GRADIENT_ROW(softsign),
        GRADIENT_ROW(selu),
        GRADIENT_ROW(log),
        GRADIENT_ROW(reciprocal),
        GRADIENT_ROW(sqrt),
        GRADIENT_ROW(leaky_relu),
        GRADIENT_ROW(elu),
        GRADIENT_ROW(celu),
        GRADIENT_ROW(thresholded_relu),
        GRADIENT_ROW(hard_sigmoid),
        GRADIENT_ROW(gelu),
        GRADIENT_ROW(gelu_approximated),
        GRADIENT_ROW(clip),
        GRADIENT_ROW(clip_of_one_side),
        GRADIENT_ROW(clip_by_attributes),
        GRADIENT_ROW(add),
        GRADIENT_ROW(add_of_rows),
        GRADIENT_ROW(add_of_channels),
        GRADIENT_ROW(add_both_broadcast),
        GRADIENT_ROW(add_of_scalars),
        GRADIENT_ROW(add_of_itself),
        GRADIENT_ROW(add_of_a_long_scalar),
        GRADIENT_ROW(sub),
        GRADIENT_ROW(sub_of_rows),
        GRADIENT_ROW(sub_of_channels),
        GRADIENT_ROW(sub_both_broadcast),
        GRADIENT_ROW(sub_of_scalars),
        GRADIENT_ROW(sub_of_itself),
        GRADIENT_ROW(sub_of_a_long_scalar),
        GRADIENT_ROW(mul),
        GRADIENT_ROW(mul_of_rows),
        GRADIENT_ROW(mul_of_channels),
        GRADIENT_ROW(mul_both_broadcast),
        GRADIENT_ROW(mul_of_scalars),
        GRADIENT_ROW(mul_of_itself),
        GRADIENT_ROW(mul_of_a_long_scalar),
        GRADIENT_ROW(div),
        GRADIENT_ROW(div_of_rows),
        GRADIENT_ROW(div_of_channels),
        GRADIENT_ROW(div_both_broadcast),
        GRADIENT_ROW(div_of_scalars),
        GRADIENT_ROW(div_of_itself),
        GRADIENT_ROW(div_of_a_long_scalar),
        GRADIENT_ROW(pow_square),
        GRADIENT_ROW(pow_real),
        GRADIENT_ROW(pow_integer),
        GRADIENT_ROW(prelu),
        GRADIENT_ROW(prelu_of_one_slope),
        GRADIENT_ROW(max),
        GRADIENT_ROW(min),
        GRADIENT_ROW(max_of_one),
        GRADIENT_ROW(sum),
        GRADIENT_ROW(mean),
        GRADIENT_ROW(where),
        GRADIENT_ROW(where_of_a_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
