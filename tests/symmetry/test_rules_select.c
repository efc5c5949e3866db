/* What discovery finds around operators that cut and pick. */
#include "tests/support/cmocka_all.h"
#include "tests/support/symmetry_check.h"

static size_t dense(test_graph *g, int64_t units)
{
    return NODE(g, "Tanh", "", NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, units)));
}

static void finish(test_graph *g, size_t h, int64_t units)
{
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", units, 3)));
}

static void split__into_a_gate_and_a_value(void **state)
{
    (void)state;
    static const char *const forms[] = {"axis=1 split=[6,6]", "axis=-1", "axis=1", "axis=1 num_outputs=2"};
    for (size_t i = 0; i < 4; i++) {
        test_graph *g = test_graph_create(1);
        g->version = i == 0 ? 11 : i == 3 ? 18 : 13;
        size_t parts[2];
        size_t h = dense(g, 12);
        NODES(parts, g, "Split", forms[i], h, i == 2 ? INTS(g, 6, 6) : OA_NONE);
        finish(g, NODE(g, "Mul", "", parts[0], NODE(g, "Sigmoid", "", parts[1])), 6);
        CHECK(g, "6: w1.1 w1.1 w2.0");
    }
}

/* The last row of nothing: there was a read before the first element. */
static void slice__backwards_of_an_empty_shape(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(31);
    size_t h = dense(g, 12);
    size_t nothing = NODE(g, "Slice", "", NODE(g, "Shape", "", h), INTS(g, 0), INTS(g, 0), INTS(g, 0));
    nothing = NODE(g, "Slice", "", nothing, INTS(g, -1), INTS(g, INT64_MIN), INTS(g, 0), INTS(g, -1));
    finish(g, NODE(g, "Reshape", "", h, NODE(g, "Concat", "axis=0", nothing, INTS(g, -1, 12))), 12);
    CHECK(g, "12: w1.1 w2.0");
}

static void split__into_unequal_parts(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(2);
    size_t parts[3];
    NODES(parts, g, "Split", "axis=1", dense(g, 12), INTS(g, 3, 4, 5));
    finish(g, NODE(g, "Concat", "axis=1", parts[2], parts[0]), 8);
    CHECK(g, "3: w1.1 w2.0; 4: w1.1; 5: w1.1 w2.0");
}

static void split__with_a_short_last_part(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(3);
    g->version = 18;
    size_t parts[3];
    NODES(parts, g, "Split", "axis=1 num_outputs=3", dense(g, 8)); /* 3 + 3 + 2 */
    finish(g, NODE(g, "Concat", "axis=1", NODE(g, "Add", "", parts[0], parts[1]), parts[2]), 5);
    CHECK(g, "3: w1.1 w1.1 w2.0; 2: w1.1 w2.0");
}

/* Queries, keys and values out of one product, in heads: what fused attention looks like. */
static void split__of_fused_heads(void **state)
{
    (void)state;
    size_t parts[3], heads[3];
    test_graph *g = test_graph_create(4);
    size_t fused = NODE(g, "MatMul", "", INPUT(g, "x", -1, -1, 4), WEIGHT(g, "w1", 4, 36));
    NODES(parts, g, "Split", "axis=2", NODE(g, "Add", "", fused, WEIGHT(g, "b1", 36)), INTS(g, 12, 12, 12));
    for (size_t i = 0; i < 3; i++) {
        heads[i] = NODE(g, "Reshape", "", parts[i], INTS(g, 0, 0, 3, 4));
        heads[i] = NODE(g, "Transpose", i == 1 ? "perm=[0,2,3,1]" : "perm=[0,2,1,3]", heads[i]);
    }
    size_t shares = NODE(g, "Softmax", "axis=-1", NODE(g, "MatMul", "", heads[0], heads[1]));
    size_t h = NODE(g, "Transpose", "perm=[0,2,1,3]", NODE(g, "MatMul", "", shares, heads[2]));
    h = NODE(g, "Reshape", "", h, INTS(g, 0, 0, 12));
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 12, 3)));
    CHECK(g, "3b; 3x4i0: w1.1 w1.1 b1.0 b1.0; 3x4i0: w1.1 b1.0 w2.0");
}

static void split__that_does_not_fit_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(5);
    size_t parts[2];
    NODES(parts, g, "Split", "axis=1", dense(g, 12), INTS(g, 12, 4));
    finish(g, parts[0], 12);
    CHECK_ONLY(g, "", "w1.1: (Split)");
}

static void slice__cuts_with_constants_in_both_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        test_graph *g = test_graph_create(6);
        g->version = i == 0 ? 9 : 13;
        size_t h = dense(g, 12);
        h = i == 0   ? NODE(g, "Slice", "starts=[3] ends=[8] axes=[1]", h)
            : i == 1 ? NODE(g, "Slice", "", h, INTS(g, 0, -9), INTS(g, INT64_MAX, -4))
                     : NODE(g, "Slice", "", h, INTS(g, 3), INTS(g, 8), INTS(g, -1), INTS(g, 1));
        finish(g, h, 5);
        CHECK(g, "3: w1.1; 5: w1.1 w2.0; 4: w1.1");
    }
}

static void slice__of_everything_is_nothing(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(7);
    size_t h = NODE(g, "Slice", "", dense(g, 12), INTS(g, 0, 0), INTS(g, INT64_MAX, 12), INTS(g, 0, 1));
    finish(g, h, 12);
    CHECK(g, "12: w1.1 w2.0");
}

static void slice__with_steps_or_unknown_borders_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(8);
    finish(g, NODE(g, "Slice", "", dense(g, 12), INTS(g, 0), INTS(g, 12), INTS(g, 1), INTS(g, 2)), 6);
    CHECK(g, "", "w1.1: a slice cuts across it");
    g = test_graph_create(9);
    finish(g, NODE(g, "Slice", "", dense(g, 6), INTS(g, -1), INTS(g, INT64_MIN), INTS(g, 1), INTS(g, -1)), 6);
    CHECK(g, "", "w1.1: a slice cuts across it");
    g = test_graph_create(10);
    size_t ends = test_graph_input(g, "ends", OA_DTYPE_INT64, 1, TEST_DIMS(1));
    finish(g, NODE(g, "Slice", "", dense(g, 6), INTS(g, 0), ends, INTS(g, 1)), 2);
    CHECK_ONLY(g, "", "w1.1: (Slice)");
}

static void gather__of_rows_of_a_table(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(11);
    size_t tokens = test_graph_input(g, "tokens", OA_DTYPE_INT64, 2, TEST_DIMS(-1, -1));
    size_t h = NODE(g, "Gather", "", WEIGHT(g, "table", 7, 6), tokens);
    h = NODE(g, "Add", "", h, NODE(g, "Gather", "", WEIGHT(g, "kinds", 3, 6), tokens));
    h = NODE(g, "Relu", "", NODE(g, "MatMul", "", h, WEIGHT(g, "w1", 6, 5)));
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 5, 2)));
    CHECK(g, "6: table.1 kinds.1 w1.0; 5: w1.1 w2.0", "table.0: indices name positions", "kinds.0: indices name");
}

static void gather__of_constant_places_fixes_the_axis(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(12);
    size_t places = test_graph_ints(g, "places", 3, TEST_DIMS(0, 3, 5));
    finish(g, NODE(g, "Gather", "axis=1", dense(g, 8), places), 3);
    CHECK(g, "", "w1.1: indices name positions", "w2.0: it is no weight, so it cannot be averaged");
    g = test_graph_create(13);
    size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, 5, 4), WEIGHT(g, "w1", 4, 6)); /* the first row, as of [CLS] */
    finish(g, NODE(g, "Gather", "axis=1", h, test_graph_scalar(g, OA_DTYPE_INT64, 0.0)), 6);
    CHECK(g, "6: w1.1 w2.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split__into_a_gate_and_a_value),
        cmocka_unit_test(slice__backwards_of_an_empty_shape),
        cmocka_unit_test(split__into_unequal_parts),
        cmocka_unit_test(split__with_a_short_last_part),
        cmocka_unit_test(split__of_fused_heads),
        cmocka_unit_test(split__that_does_not_fit_is_fixed),
        cmocka_unit_test(slice__cuts_with_constants_in_both_forms),
        cmocka_unit_test(slice__of_everything_is_nothing),
        cmocka_unit_test(slice__with_steps_or_unknown_borders_is_fixed),
        cmocka_unit_test(gather__of_rows_of_a_table),
        cmocka_unit_test(gather__of_constant_places_fixes_the_axis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
