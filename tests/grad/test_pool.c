/* The pools. */
#include "tests/grad/differences.h"

GRADIENT_TEST(max_pool, return NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", WEIGHT(g, "x", 2, 3, 6, 4));)
GRADIENT_TEST(max_pool_with_a_rest,
              return NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", WEIGHT(g, "x", 2, 2, 7, 5));)
GRADIENT_TEST(max_pool_rounded_up,
              return NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2] ceil_mode=1", WEIGHT(g, "x", 2, 2, 7, 5));)
GRADIENT_TEST(max_pool_overlapping,
              return NODE(g, "MaxPool", "kernel_shape=[3,3] strides=[2,1] pads=[1,1,1,1]", WEIGHT(g, "x", 2, 2, 6, 5));)
GRADIENT_TEST(max_pool_dilated,
              return NODE(g, "MaxPool", "kernel_shape=[2,2] dilations=[2,1]", WEIGHT(g, "x", 1, 2, 6, 5));)
GRADIENT_TEST(max_pool_of_lines, return NODE(g, "MaxPool", "kernel_shape=[3] strides=[2]", WEIGHT(g, "x", 2, 3, 9));)
GRADIENT_TEST(max_pool_of_volumes,
              return NODE(g, "MaxPool", "kernel_shape=[2,2,2] strides=[2,2,2]", WEIGHT(g, "x", 1, 2, 4, 4, 4));)
GRADIENT_TEST(max_pool_beside_another_reader, size_t x = WEIGHT(g, "x", 2, 2, 4, 4),
              y = NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", x);
              return NODE(g, "Add", "", NODE(g, "GlobalAveragePool", "", x), y);)
GRADIENT_TEST(average_pool,
              return NODE(g, "AveragePool", "kernel_shape=[2,2] strides=[2,2]", WEIGHT(g, "x", 2, 3, 6, 4));)
GRADIENT_TEST(average_pool_padded, return NODE(g, "AveragePool", "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]",
                                               WEIGHT(g, "x", 2, 2, 6, 5));)
GRADIENT_TEST(average_pool_counting_padding,
              return NODE(g, "AveragePool", "kernel_shape=[3,2] pads=[1,1,1,0] count_include_pad=1",
                          WEIGHT(g, "x", 2, 2, 4, 5));)
GRADIENT_TEST(average_pool_of_lines,
              return NODE(g, "AveragePool", "kernel_shape=[3] strides=[2]", WEIGHT(g, "x", 2, 3, 9));)
GRADIENT_TEST(global_average_pool, return NODE(g, "GlobalAveragePool", "", WEIGHT(g, "x", 2, 3, 4, 5));)
GRADIENT_TEST(global_max_pool, return NODE(g, "GlobalMaxPool", "", WEIGHT(g, "x", 2, 3, 4, 5));)
GRADIENT_TEST(global_average_pool_beside_another_reader, size_t x = WEIGHT(g, "x", 2, 3, 4, 5);
              return NODE(g, "Mul", "", x, NODE(g, "GlobalAveragePool", "", x));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(max_pool),
        GRADIENT_ROW(max_pool_with_a_rest),
        GRADIENT_ROW(max_pool_rounded_up),
        GRADIENT_ROW(max_pool_overlapping),
        GRADIENT_ROW(max_pool_dilated),
        GRADIENT_ROW(max_pool_of_lines),
        GRADIENT_ROW(max_pool_of_volumes),
        GRADIENT_ROW(max_pool_beside_another_reader),
        GRADIENT_ROW(average_pool),
        GRADIENT_ROW(average_pool_padded),
        GRADIENT_ROW(average_pool_counting_padding),
        GRADIENT_ROW(average_pool_of_lines),
        GRADIENT_ROW(global_average_pool),
        GRADIENT_ROW(global_max_pool),
        GRADIENT_ROW(global_average_pool_beside_another_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
