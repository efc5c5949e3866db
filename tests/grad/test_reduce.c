/* Reductions and softmax. */
#include "tests/grad/differences.h"

GRADIENT_TEST(reduce_mean, return NODE(g, "ReduceMean", "axes=[1,-1] keepdims=0", WEIGHT(g, "x", 3, 4, 5));)
GRADIENT_TEST(reduce_mean_of_all, return NODE(g, "ReduceMean", "", WEIGHT(g, "x", 3, 4));)
GRADIENT_TEST(reduce_mean_by_input, g->version = 18;
              return NODE(g, "ReduceMean", "", WEIGHT(g, "x", 3, 4, 2), INTS(g, 0));)
GRADIENT_TEST(reduce_sum, return NODE(g, "ReduceSum", "keepdims=0", WEIGHT(g, "x", 3, 4, 5), INTS(g, 1));)
GRADIENT_TEST(reduce_sum_of_the_last, return NODE(g, "ReduceSum", "", WEIGHT(g, "x", 3, 4, 5), INTS(g, -1));)
GRADIENT_TEST(reduce_sum_of_nothing, return NODE(g, "ReduceSum", "noop_with_empty_axes=1", WEIGHT(g, "x", 3, 4));)
GRADIENT_TEST(reduce_sum_square, return NODE(g, "ReduceSumSquare", "axes=[0]", WEIGHT(g, "x", 3, 4));)
GRADIENT_TEST(reduce_l2, return NODE(g, "ReduceL2", "axes=[1] keepdims=0", WEIGHT(g, "x", 3, 4));)
GRADIENT_TEST(reduce_beside_another_reader, size_t x = WEIGHT(g, "x", 3, 4);
              return NODE(g, "Sub", "", x, NODE(g, "ReduceMean", "axes=[1]", x));)
GRADIENT_TEST(softmax, return NODE(g, "Softmax", "", WEIGHT(g, "x", 3, 5));)
GRADIENT_TEST(softmax_of_an_inner_axis, return NODE(g, "Softmax", "axis=1", WEIGHT(g, "x", 2, 4, 3));)
GRADIENT_TEST(softmax_of_all_from_an_axis, g->version = 11;
              return NODE(g, "Softmax", "axis=1", WEIGHT(g, "x", 2, 4, 3));)
GRADIENT_TEST(log_softmax, return NODE(g, "LogSoftmax", "", WEIGHT(g, "x", 3, 5));)
GRADIENT_TEST(log_softmax_of_an_inner_axis, return NODE(g, "LogSoftmax", "axis=0", WEIGHT(g, "x", 4, 3));)
GRADIENT_TEST(softmax_beside_another_reader, size_t x = WEIGHT(g, "x", 3, 5);
              return NODE(g, "Mul", "", x, NODE(g, "Softmax", "", x));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(reduce_mean),
        GRADIENT_ROW(reduce_mean_of_all),
        GRADIENT_ROW(reduce_mean_by_input),
        GRADIENT_ROW(reduce_sum),
        GRADIENT_ROW(reduce_sum_of_the_last),
        GRADIENT_ROW(reduce_sum_of_nothing),
        GRADIENT_ROW(reduce_sum_square),
        GRADIENT_ROW(reduce_l2),
        GRADIENT_ROW(reduce_beside_another_reader),
        GRADIENT_ROW(softmax),
        GRADIENT_ROW(softmax_of_an_inner_axis),
        GRADIENT_ROW(softmax_of_all_from_an_axis),
        GRADIENT_ROW(log_softmax),
        GRADIENT_ROW(log_softmax_of_an_inner_axis),
        GRADIENT_ROW(softmax_beside_another_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
