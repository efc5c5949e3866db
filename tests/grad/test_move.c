/* What moves elements without computing. */
#include "tests/grad/differences.h"

GRADIENT_TEST(identity, size_t x = WEIGHT(g, "x", 3, 4); return NODE(g, "Mul", "", NODE(g, "Identity", "", x), x);)
GRADIENT_TEST(flatten, return NODE(g, "Flatten", "axis=2", NODE(g, "Sin", "", WEIGHT(g, "x", 2, 3, 4)));)
GRADIENT_TEST(reshape, return NODE(g, "Reshape", "", NODE(g, "Sin", "", WEIGHT(g, "x", 2, 3, 4)), INTS(g, 0, -1));)
GRADIENT_TEST(reshape_of_what_is_read_again, size_t x = NODE(g, "Sin", "", WEIGHT(g, "x", 2, 6)),
              y = NODE(g, "Reshape", "", x, INTS(g, 6, 2));
              return NODE(g, "MatMul", "", x, y);)
GRADIENT_TEST(squeeze, return NODE(g, "Squeeze", "", WEIGHT(g, "x", 3, 1, 4), INTS(g, 1));)
GRADIENT_TEST(unsqueeze, return NODE(g, "Unsqueeze", "", WEIGHT(g, "x", 3, 4), INTS(g, 0, 2));)
GRADIENT_TEST(transpose, return NODE(g, "Transpose", "perm=[2,0,1]", WEIGHT(g, "x", 2, 3, 4));)
GRADIENT_TEST(transpose_reversed, return NODE(g, "Transpose", "", WEIGHT(g, "x", 2, 3, 4));)
GRADIENT_TEST(transpose_beside_another_reader, size_t x = WEIGHT(g, "x", 3, 4);
              return NODE(g, "MatMul", "", x, NODE(g, "Transpose", "", x));)
GRADIENT_TEST(expand, return NODE(g, "Expand", "", WEIGHT(g, "x", 3, 1), INTS(g, 2, 1, 4));)
GRADIENT_TEST(concat, return NODE(g, "Concat", "axis=1", WEIGHT(g, "x", 2, 3, 2), WEIGHT(g, "w", 2, 1, 2),
                                  WEIGHT(g, "b", 2, 2, 2));)
GRADIENT_TEST(concat_with_itself, size_t x = WEIGHT(g, "x", 2, 3); return NODE(g, "Concat", "axis=-1", x, x);)
GRADIENT_TEST(split, size_t parts[2]; NODES(parts, g, "Split", "axis=1", WEIGHT(g, "x", 2, 5), INTS(g, 2, 3));
              return NODE(g, "Concat", "axis=1", parts[1], NODE(g, "Sin", "", parts[0]));)
GRADIENT_TEST(split_of_which_one_part_is_read, size_t parts[3];
              NODES(parts, g, "Split", "axis=0", WEIGHT(g, "x", 6, 2)); return parts[1];)
GRADIENT_TEST(slice, return NODE(g, "Slice", "", WEIGHT(g, "x", 5, 6), INTS(g, 1, -1), INTS(g, 4, -6), INTS(g, 0, 1),
                                 INTS(g, 1, -2));)
GRADIENT_TEST(slice_by_attributes, g->version = 9;
              return NODE(g, "Slice", "starts=[1] ends=[3] axes=[1]", WEIGHT(g, "x", 3, 4));)
GRADIENT_TEST(pad, return NODE(g, "Pad", "", WEIGHT(g, "x", 2, 3), INTS(g, 1, 2, 0, 1));)
GRADIENT_TEST(pad_that_cuts, return NODE(g, "Pad", "", WEIGHT(g, "x", 4, 5), INTS(g, -1, 2, 1, -2),
                                         test_graph_scalar(g, g->float_type, 0.5));)
GRADIENT_TEST(gather, return NODE(g, "Gather", "axis=1", WEIGHT(g, "x", 2, 4, 3), INTS(g, 2, 0, -2, 2));)
GRADIENT_TEST(gather_of_one,
              return NODE(g, "Gather", "", WEIGHT(g, "x", 4, 3), test_graph_scalar(g, OA_DTYPE_INT64, 1.0));)
GRADIENT_TEST(cast, size_t x = WEIGHT(g, "x", 3, 4);
              return NODE(g, "Mul", "", x, NODE(g, "Cast", g->float_type == OA_DTYPE_FLOAT ? "to=1" : "to=11", x));)
GRADIENT_TEST(cast_to_integers, size_t x = WEIGHT(g, "x", 3, 4), y = NODE(g, "Cast", "to=7", x);
              return NODE(g, "Add", "", x, NODE(g, "Cast", g->float_type == OA_DTYPE_FLOAT ? "to=1" : "to=11", y));)
GRADIENT_TEST(dropout, return NODE(g, "Dropout", "", NODE(g, "Sin", "", WEIGHT(g, "x", 3, 4)));)
GRADIENT_TEST(shape_of_itself, size_t x = WEIGHT(g, "x", 3, 4);
              return NODE(g, "Reshape", "", NODE(g, "Sin", "", x), NODE(g, "Shape", "", NODE(g, "Transpose", "", x)));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(identity),
        GRADIENT_ROW(flatten),
        GRADIENT_ROW(reshape),
        GRADIENT_ROW(reshape_of_what_is_read_again),
        GRADIENT_ROW(squeeze),
        GRADIENT_ROW(unsqueeze),
        GRADIENT_ROW(transpose),
        GRADIENT_ROW(transpose_reversed),
        GRADIENT_ROW(transpose_beside_another_reader),
        GRADIENT_ROW(expand),
        GRADIENT_ROW(concat),
        GRADIENT_ROW(concat_with_itself),
        GRADIENT_ROW(split),
        GRADIENT_ROW(split_of_which_one_part_is_read),
        GRADIENT_ROW(slice),
        GRADIENT_ROW(slice_by_attributes),
        GRADIENT_ROW(pad),
        GRADIENT_ROW(pad_that_cuts),
        GRADIENT_ROW(gather),
        GRADIENT_ROW(gather_of_one),
        GRADIENT_ROW(cast),
        GRADIENT_ROW(cast_to_integers),
        GRADIENT_ROW(dropout),
        GRADIENT_ROW(shape_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
