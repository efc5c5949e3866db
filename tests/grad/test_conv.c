/* Conv of all kinds. */
#include "tests/grad/differences.h"

GRADIENT_TEST(conv,
              return NODE(g, "Conv", "", WEIGHT(g, "x", 2, 3, 5, 6), WEIGHT(g, "w", 4, 3, 3, 2), WEIGHT(g, "b", 4));)
GRADIENT_TEST(conv_padded,
              return NODE(g, "Conv", "pads=[1,1,1,1]", WEIGHT(g, "x", 3, 2, 5, 5), WEIGHT(g, "w", 3, 2, 3, 3));)
GRADIENT_TEST(conv_padded_unevenly, return NODE(g, "Conv", "pads=[0,2,1,0] strides=[1,2]", WEIGHT(g, "x", 2, 2, 4, 5),
                                                WEIGHT(g, "w", 3, 2, 2, 3), WEIGHT(g, "b", 3));)
GRADIENT_TEST(conv_strided, return NODE(g, "Conv", "strides=[2,2] pads=[1,1,1,1]", WEIGHT(g, "x", 2, 2, 7, 6),
                                        WEIGHT(g, "w", 3, 2, 3, 3), WEIGHT(g, "b", 3));)
GRADIENT_TEST(conv_strided_past_the_kernel,
              return NODE(g, "Conv", "strides=[3,3]", WEIGHT(g, "x", 2, 2, 7, 8), WEIGHT(g, "w", 3, 2, 2, 2));)
GRADIENT_TEST(conv_dilated, return NODE(g, "Conv", "dilations=[2,1] pads=[2,0,1,1]", WEIGHT(g, "x", 2, 2, 6, 5),
                                        WEIGHT(g, "w", 3, 2, 3, 2), WEIGHT(g, "b", 3));)
GRADIENT_TEST(conv_pointwise,
              return NODE(g, "Conv", "", WEIGHT(g, "x", 2, 3, 4, 4), WEIGHT(g, "w", 5, 3, 1, 1), WEIGHT(g, "b", 5));)
GRADIENT_TEST(conv_pointwise_strided,
              return NODE(g, "Conv", "strides=[2,2]", WEIGHT(g, "x", 2, 3, 5, 4), WEIGHT(g, "w", 4, 3, 1, 1));)
GRADIENT_TEST(conv_in_groups, return NODE(g, "Conv", "group=2 pads=[1,0,1,0]", WEIGHT(g, "x", 2, 4, 4, 4),
                                          WEIGHT(g, "w", 6, 2, 3, 3), WEIGHT(g, "b", 6));)
GRADIENT_TEST(conv_depthwise, return NODE(g, "Conv", "group=3 pads=[1,1,1,1]", WEIGHT(g, "x", 2, 3, 5, 5),
                                          WEIGHT(g, "w", 3, 1, 3, 3), WEIGHT(g, "b", 3));)
GRADIENT_TEST(conv_depthwise_multiplied,
              return NODE(g, "Conv", "group=2 strides=[1,2]", WEIGHT(g, "x", 2, 2, 5, 6), WEIGHT(g, "w", 4, 1, 2, 3));)
GRADIENT_TEST(conv_of_lines, return NODE(g, "Conv", "pads=[2,1] dilations=[2]", WEIGHT(g, "x", 2, 2, 9),
                                         WEIGHT(g, "w", 3, 2, 3), WEIGHT(g, "b", 3));)
GRADIENT_TEST(conv_of_lines_strided,
              return NODE(g, "Conv", "strides=[2]", WEIGHT(g, "x", 2, 2, 9), WEIGHT(g, "w", 3, 2, 3));)
GRADIENT_TEST(conv_of_volumes, return NODE(g, "Conv", "pads=[1,0,1,0,1,0]", WEIGHT(g, "x", 1, 2, 3, 4, 3),
                                           WEIGHT(g, "w", 2, 2, 2, 2, 2), WEIGHT(g, "b", 2));)
GRADIENT_TEST(conv_of_volumes_strided, return NODE(g, "Conv", "strides=[2,1,2] pads=[1,0,1,0,1,0]",
                                                   WEIGHT(g, "x", 2, 1, 3, 4, 4), WEIGHT(g, "w", 5, 1, 2, 2, 2));)
GRADIENT_TEST(conv_twice, size_t w = WEIGHT(g, "w", 2, 2, 3, 3);
              size_t y = NODE(g, "Conv", "pads=[1,1,1,1]", WEIGHT(g, "x", 2, 2, 4, 4), w);
              return NODE(g, "Conv", "pads=[1,1,1,1]", y, w);)
GRADIENT_TEST(conv_of_one_channel, return NODE(g, "Conv", "pads=[1,1,1,1]", WEIGHT(g, "x", 3, 1, 6, 7),
                                               WEIGHT(g, "w", 8, 1, 3, 3), WEIGHT(g, "b", 8));)
GRADIENT_TEST(conv_of_many_channels, return NODE(g, "Conv", "pads=[1,1,1,1]", WEIGHT(g, "x", 2, 9, 4, 3),
                                                 WEIGHT(g, "w", 13, 9, 3, 3), WEIGHT(g, "b", 13));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(conv),
        GRADIENT_ROW(conv_padded),
        GRADIENT_ROW(conv_padded_unevenly),
        GRADIENT_ROW(conv_strided),
        GRADIENT_ROW(conv_strided_past_the_kernel),
        GRADIENT_ROW(conv_dilated),
        GRADIENT_ROW(conv_pointwise),
        GRADIENT_ROW(conv_pointwise_strided),
        GRADIENT_ROW(conv_in_groups),
        GRADIENT_ROW(conv_depthwise),
        GRADIENT_ROW(conv_depthwise_multiplied),
        GRADIENT_ROW(conv_of_lines),
        GRADIENT_ROW(conv_of_lines_strided),
        GRADIENT_ROW(conv_of_volumes),
        GRADIENT_ROW(conv_of_volumes_strided),
        GRADIENT_ROW(conv_twice),
        GRADIENT_ROW(conv_of_one_channel),
        GRADIENT_ROW(conv_of_many_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
