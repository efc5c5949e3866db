/* Axes that both models hold the same stay, beside those of constants that cannot be averaged. */
#include "core/match/frozen.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"

#include <string.h>

/* A table that was not trained on, a scale that is still all ones, a mask, and trained layers. */
static const oa_graph *build(test_graph *g)
{
    static const unsigned char mask[6] = {1, 0, 1, 1, 0, 1};
    static const unsigned char all[6] = {1, 1, 1, 1, 1, 1};
    static const float table[3][6] = {{1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}, {0, 1, 0, 1, 0, 1}};
    static const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    size_t tokens = test_graph_input(g, "tokens", OA_DTYPE_INT64, 2, TEST_DIMS(-1, 4));
    size_t h =
        NODE(g, "Gather", "", test_graph_constant(g, "table", OA_DTYPE_FLOAT, 2, TEST_DIMS(3, 6), table), tokens);
    h = NODE(g, "Relu", "", NODE(g, "MatMul", "", h, WEIGHT(g, "w1", 6, 8)));
    h = NODE(g, "Mul", "", h, test_graph_constant(g, "ones", OA_DTYPE_FLOAT, 1, TEST_DIMS(8), ones));
    h = NODE(g, "Relu", "", NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 8, 6)));
    size_t zero = test_graph_scalar(g, OA_DTYPE_FLOAT, 0.0);
    h = NODE(g, "Where", "", test_graph_constant(g, "all", OA_DTYPE_BOOL, 1, TEST_DIMS(6), all), h, zero);
    h = NODE(g, "MatMul", "", h, WEIGHT(g, "w3", 6, 5));
    h = NODE(g, "MatMul", "", NODE(g, "Relu", "", h), WEIGHT(g, "w4", 5, 6));
    h = NODE(g, "Where", "", test_graph_constant(g, "mask", OA_DTYPE_BOOL, 1, TEST_DIMS(6), mask), h, zero);
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w5", 6, 2)));
    return test_graph_finish(g);
}

static void frozen__lists_what_both_hold_the_same(void **state)
{
    (void)state;
    pair p;
    oa_fixed_axis *list = NULL;
    size_t count = 0, capacity = 0;
    pair_create(&p, build, 1, 2);
    const oa_graph *a = p.problem.a;
    assert_groups(p.layout, a, "6: table.1 w1.0; 8: w1.1 ones.0 w2.0; 6: w2.1 all.0 w3.0; 5: w3.1 w4.0");
    assert_int_equal(oa_frozen_axes(&list, &count, &capacity, &p.problem, NULL), OA_OK);
    assert_int_equal(count, 1);
    assert_true(list[0].tensor == test_graph_tensor(a, "table") && list[0].axis == 1);
    oa_layout *layout = NULL;
    assert_int_equal(oa_layout_discover(&layout, a, list, count, NULL), OA_OK);
    assert_groups(layout, a, "8: w1.1 ones.0 w2.0; 6: w2.1 all.0 w3.0; 5: w3.1 w4.0");
    assert_fixed(layout, a, "w1", 0, "both models hold the same here");
    assert_fixed(layout, a, "w5", 0, "it is no weight");
    oa_layout_destroy(layout);
    oa_free(list);
    pair_free(&p);
}

static void frozen__of_a_model_with_itself_is_everything_that_varies(void **state)
{
    (void)state;
    pair p;
    oa_fixed_axis *list = NULL;
    size_t count = 0, capacity = 0;
    pair_create(&p, build, 1, 1);
    assert_int_equal(oa_frozen_axes(&list, &count, &capacity, &p.problem, NULL), OA_OK);
    oa_layout *layout = NULL;
    assert_int_equal(oa_layout_discover(&layout, p.problem.a, list, count, NULL), OA_OK);
    assert_groups(layout, p.problem.a, "");
    oa_layout_destroy(layout);
    oa_free(list);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen__lists_what_both_hold_the_same),
        cmocka_unit_test(frozen__of_a_model_with_itself_is_everything_that_varies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
