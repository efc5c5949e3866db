/* What pins from outside: inputs, outputs, unknown operators, subgraphs, lists of fixed axes; and what is left alone.
 */
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/symmetry_check.h"

#include <string.h>

static size_t dense(test_graph *g, size_t x, const char *name, int64_t in, int64_t out)
{
    return NODE(g, "Tanh", "", NODE(g, "Gemm", "", x, WEIGHT(g, name, in, out)));
}

static void input__keeps_its_axes_however_far_they_go(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t x = INPUT(g, "x", -1, 6);
    size_t h = NODE(g, "Add", "", x, NODE(g, "Mul", "", dense(g, x, "w1", 6, 6), WEIGHT(g, "c", 6)));
    test_graph_output(g, dense(g, h, "w2", 6, 3));
    CHECK(g, "", "w1.1: graph input 'x'", "c.0: graph input 'x'", "w2.0: graph input 'x'", "w2.1: graph output");
}

static void output__of_a_hidden_layer_fixes_it(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(2);
    size_t h = dense(g, INPUT(g, "x", -1, 4), "w1", 4, 6);
    size_t k = dense(g, h, "w2", 6, 5);
    test_graph_output(g, dense(g, k, "w3", 5, 3));
    test_graph_output(g, h);
    CHECK(g, "5: w2.1 w3.0", "w1.1: graph output", "w2.0: graph output");
}

static void output__that_is_a_constant_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(3);
    size_t bias = WEIGHT(g, "bias", 6);
    size_t h = NODE(g, "Add", "", dense(g, INPUT(g, "x", -1, 4), "w1", 4, 6), bias);
    test_graph_output(g, dense(g, h, "w2", 6, 3));
    test_graph_output(g, bias);
    CHECK(g, "", "w1.1: graph output 'bias'", "bias.0: graph output 'bias'", "w2.0: graph output 'bias'");
}

static void output__unused_constants_and_dead_nodes_do_not_count(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(4);
    size_t h = dense(g, INPUT(g, "x", -1, 4), "w1", 4, 6);
    NODE(g, "Mystery", "", h, WEIGHT(g, "dead", 6)); /* nobody reads it */
    WEIGHT(g, "unused", 6);
    test_graph_output(g, dense(g, h, "w2", 6, 3));
    CHECK(g, "6: w1.1 w2.0", "dead.0: no output depends on it", "unused.0: no output depends on it");
}

static void operator__that_is_unknown_fixes_all_it_touches(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(5);
    size_t h = dense(g, INPUT(g, "x", -1, 4), "w1", 4, 6);
    h = NODE(g, "Mystery", "", h, WEIGHT(g, "m", 6));
    h = NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 6, 5));
    h = NODE(g, "MatMul", "", h, WEIGHT(g, "w3", 5, 3));
    test_graph_output(g, h);
    CHECK_ONLY(g, "", "w1.1: (Mystery): the operator is not known", "m.0: node 'Mystery_", "w2.0: (MatMul)",
               "w2.1: (MatMul)");
}

/* Products of two matrices go on behind data of unknown rank: they say what the rank must be. */
static void operator__that_is_unknown_is_left_behind_at_the_next_layer(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(6);
    size_t h = NODE(g, "Mystery", "", INPUT(g, "x", -1, 4));
    h = NODE(g, "Relu", "", NODE(g, "Gemm", "", h, WEIGHT(g, "w1", 4, 6)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 6, 3)));
    CHECK_ONLY(g, "6: w1.1 w2.0", "w1.0: (Gemm)");
}

static void operator__of_another_domain_is_unknown_and_listed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(7);
    size_t h = dense(g, INPUT(g, "x", -1, 4), "w1", 4, 6);
    h = test_graph_foreign(g, "com.example", "Relu", &h, 1, NULL, 0);
    h = NODE(g, "Rel", "", h);
    h = NODE(g, "Rel", "", h);
    test_graph_output(g, NODE(g, "Relu", "", h));
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    assert_groups(layout, graph, "");
    assert_int_equal(layout->unknown_count, 3);
    assert_string_equal(layout->unknown_operators,
                        "com.example.Relu, Rel"); /* "Rel" is part of what is listed already */
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

static void subgraph__fixes_what_it_captures(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(8);
    size_t h = dense(g, INPUT(g, "x", -1, 4), "w1", 4, 6);
    size_t k = dense(g, h, "w2", 6, 5);
    size_t weight = WEIGHT(g, "captured", 6);
    size_t condition = test_graph_input(g, "condition", OA_DTYPE_BOOL, 1, TEST_DIMS(1));
    size_t y = test_graph_foreign(g, "", "If", &condition, 1, TEST_VALUES(h, weight), 2);
    test_graph_output(g, y);
    test_graph_output(g, dense(g, k, "w3", 5, 3));
    CHECK_ONLY(g, "5: w2.1 w3.0", "w1.1: (If): the operator is not known", "captured.0: (If)", "w2.0: (If)");
}

static void fixed_axes__of_the_caller_come_on_top(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(9);
    size_t h = dense(g, INPUT(g, "x", -1, 4), "w1", 4, 6);
    test_graph_output(g, dense(g, dense(g, h, "w2", 6, 5), "w3", 5, 3));
    const oa_graph *graph = test_graph_finish(g);
    oa_fixed_axis fixed = {.tensor = test_graph_tensor(graph, "w2"), .axis = 0, .why = "the caller says so"};
    oa_layout *layout = NULL;
    assert_int_equal(oa_layout_discover(&layout, graph, &fixed, 1, NULL), OA_OK);
    assert_groups(layout, graph, "5: w2.1 w3.0");
    assert_fixed(layout, graph, "w1", 1, "the caller says so");
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

static void sizes__of_zero_end(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(10);
    size_t table = WEIGHT(g, "table", 0, 3);
    size_t flat = NODE(g, "Flatten", "axis=0", table);                   /* [1, 0] */
    size_t sums = NODE(g, "ReduceSum", "keepdims=0", table, INTS(g, 1)); /* [0] */
    size_t h = NODE(g, "Concat", "axis=1", NODE(g, "Add", "", flat, sums), INPUT(g, "x", 1, 4));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 4, 3)));
    CHECK_ONLY(g, "");
}

/* The whole name counts, not its beginning. */
static void rules__are_found_by_domain_and_name(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(11);
    size_t h = NODE(g, "Relu6", "", INPUT(g, "x", -1, 4));
    test_graph_output(g, h);
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    assert_int_equal(layout->unknown_count, 1);
    assert_string_equal(layout->unknown_operators, "Relu6");
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

/* A model that nests ever more concatenations is refused or understood, but does not overflow the stack. */
static void nesting__of_hostile_depth_is_refused(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(12);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", 1, 4), WEIGHT(g, "w0", 4, 2));
    size_t piece = NODE(g, "Gemm", "", INPUT(g, "y", 1, 4), WEIGHT(g, "w1", 4, 2));
    enum { DEPTH = 100000 };
    for (size_t i = 0; i < DEPTH; i++) {
        h = NODE(g, "Concat", "axis=1", h, piece);
    }
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 2 * (DEPTH + 1), 1)));
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = NULL;
    oa_error error = {0};
    assert_int_equal(oa_layout_discover(&layout, graph, NULL, 0, &error), OA_ERROR_UNSUPPORTED);
    assert_null(layout);
    assert_non_null(strstr(error.message, "too deeply"));
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input__keeps_its_axes_however_far_they_go),
        cmocka_unit_test(output__of_a_hidden_layer_fixes_it),
        cmocka_unit_test(output__that_is_a_constant_is_fixed),
        cmocka_unit_test(output__unused_constants_and_dead_nodes_do_not_count),
        cmocka_unit_test(operator__that_is_unknown_fixes_all_it_touches),
        cmocka_unit_test(operator__that_is_unknown_is_left_behind_at_the_next_layer),
        cmocka_unit_test(operator__of_another_domain_is_unknown_and_listed),
        cmocka_unit_test(subgraph__fixes_what_it_captures),
        cmocka_unit_test(fixed_axes__of_the_caller_come_on_top),
        cmocka_unit_test(sizes__of_zero_end),
        cmocka_unit_test(rules__are_found_by_domain_and_name),
        cmocka_unit_test(nesting__of_hostile_depth_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
