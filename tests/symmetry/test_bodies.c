/* Bodies: a branch and a loop whose state grows, found and pinned as they should be, also while allocations fail. What
 * ONNX Runtime says to many more is in tests/python/test_bodies.py. */
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/graph_builder.h"

#include "core/symmetry/layout.h"

#include <string.h>

enum { TOO_MANY = 20000 };

static void require(oa_status status)
{
    assert_int_equal(status, OA_OK);
}

static size_t own_value(oa_graph *graph, size_t body, const char *name)
{
    size_t value;
    require(oa_graph_body_value(&value, graph, body, "owner", name, NULL));
    return value;
}

/* A weight of a body. */
static size_t own_weight(test_graph *g, size_t body, const char *name, size_t rows, size_t columns)
{
    static const float numbers[64] = {1, 2, 3};
    assert_true(rows * columns <= sizeof numbers / sizeof *numbers);
    size_t value = own_value(g->graph, body, name);
    require(oa_graph_add_tensor(NULL, g->graph,
                                &(oa_tensor){.name = g->graph->values[value].name,
                                             .dtype = OA_DTYPE_FLOAT,
                                             .rank = 2,
                                             .dims = {rows, columns},
                                             .count = rows * columns,
                                             .data = numbers},
                                NULL));
    return value;
}

static oa_node two_operands(const char *op_type, size_t *inputs, size_t *output)
{
    return (oa_node){
        .op_type = op_type, .version = 17, .inputs = inputs, .input_count = 2, .outputs = output, .output_count = 1};
}

/* h w v, in a branch of its own; the nodes are given in the wrong order, and one that nobody needs. */
static size_t add_branch(test_graph *g, const char *attribute, size_t h, size_t units)
{
    size_t body;
    require(oa_graph_open_body(&body, g->graph, attribute, NULL));
    size_t inside = own_value(g->graph, body, "inside");
    size_t y = own_value(g->graph, body, "y");
    size_t unused = own_value(g->graph, body, "unused");
    size_t first[] = {h, own_weight(g, body, "w", 6, units)};
    size_t second[] = {inside, own_weight(g, body, "v", units, 5)};
    oa_node nodes[] = {two_operands("MatMul", second, &y), two_operands("Add", (size_t[]){y, y}, &unused),
                       two_operands("MatMul", first, &inside)};
    require(oa_graph_close_body(g->graph, body,
                                &(oa_body){.outputs = &y, .output_count = 1, .nodes = nodes, .node_count = 3}, NULL));
    assert_int_equal(g->graph->bodies[body].node_count, 2);
    assert_string_equal(g->graph->bodies[body].nodes[0].op_type, "MatMul");
    assert_int_equal(g->graph->bodies[body].nodes[0].outputs[0], inside);
    return body;
}

static size_t add_if(test_graph *g, size_t h)
{
    size_t condition = test_graph_input(g, "condition", OA_DTYPE_BOOL, 0, NULL);
    size_t y;
    size_t then = add_branch(g, "then_branch", h, 4);
    size_t otherwise = add_branch(g, "else_branch", h, 3);
    require(oa_graph_value(&y, g->graph, "if", NULL));
    require(oa_graph_add_node(g->graph,
                              &(oa_node){.op_type = "If",
                                         .version = 17,
                                         .inputs = &condition,
                                         .input_count = 1,
                                         .outputs = &y,
                                         .output_count = 1,
                                         .captures = &h,
                                         .capture_count = 1,
                                         .bodies = {then, otherwise},
                                         .body_count = 2},
                              NULL));
    return y;
}

/* A loop that puts its state behind itself: the axis of samples grows. */
static size_t add_loop(test_graph *g, size_t h)
{
    static const oa_attribute along[] = {{.name = "axis", .kind = OA_ATTRIBUTE_INT, .i = 0}};
    size_t body;
    size_t y;
    require(oa_graph_open_body(&body, g->graph, "body", NULL));
    size_t starts[] = {own_value(g->graph, body, "i"), own_value(g->graph, body, "go"), own_value(g->graph, body, "s")};
    size_t new = own_value(g->graph, body, "new");
    size_t ends[] = {starts[1], new};
    oa_node concat = two_operands("Concat", (size_t[]){starts[2], h}, &new);
    concat.attributes = (oa_attribute *)(uintptr_t)along;
    concat.attribute_count = 1;
    require(oa_graph_close_body(
        g->graph, body,
        &(oa_body){
            .inputs = starts, .input_count = 3, .outputs = ends, .output_count = 2, .nodes = &concat, .node_count = 1},
        NULL));
    size_t inputs[] = {INTS(g, 3), OA_NONE, h};
    require(oa_graph_value(&y, g->graph, "loop", NULL));
    require(oa_graph_add_node(g->graph,
                              &(oa_node){.op_type = "Loop",
                                         .version = 17,
                                         .inputs = inputs,
                                         .input_count = 3,
                                         .outputs = &y,
                                         .output_count = 1,
                                         .captures = &h,
                                         .capture_count = 1,
                                         .bodies = {body},
                                         .body_count = 1},
                              NULL));
    return y;
}

static const oa_graph *build(test_graph *g)
{
    size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, 2), WEIGHT(g, "in", 2, 6));
    size_t y = NODE(g, "MatMul", "", add_if(g, h), WEIGHT(g, "out", 5, 2));
    size_t z = NODE(g, "MatMul", "", add_loop(g, h), WEIGHT(g, "out2", 6, 2));
    test_graph_output(g, y);
    test_graph_output(g, z);
    return test_graph_finish(g);
}

static void bodies__take_part(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build(g);
    oa_layout *layout = NULL;
    assert_int_equal(graph->step_count, graph->live_count + 2 + 2 + 1);
    assert_true(oa_value_node(graph, graph->outputs[0]) == &graph->nodes[graph->values[graph->outputs[0]].producer]);
    require(oa_layout_discover(&layout, graph, NULL, 0, NULL));
    size_t sizes = 0;
    for (size_t i = 0; i < layout->group_count; i++) {
        sizes += layout->groups[i].size;
    }
    assert_int_equal(layout->group_count, 4); /* 6 before, 5 behind, 4 and 3 inside */
    assert_int_equal(sizes, 6 + 5 + 4 + 3);
    assert_true(oa_layout_axis_moves(layout, test_graph_tensor(graph, "out2"), 0));
    assert_int_equal(layout->unknown_count, 0);
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

static void bodies__report_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build(g);
    oa_status status = OA_ERROR_MEMORY;
    for (size_t n = 1; status != OA_OK; n++) {
        oa_layout *layout = NULL;
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        status = oa_layout_discover(&layout, graph, NULL, 0, NULL);
        assert_true(allocation_has_failed() == (status == OA_ERROR_MEMORY));
        assert_true((layout != NULL) == (status == OA_OK));
        oa_layout_destroy(layout);
    }
    test_graph_destroy(g);
}

static void cycle_inside__is_refused(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t body;
    oa_error error = {0};
    require(oa_graph_open_body(&body, g->graph, "body", NULL));
    size_t a = own_value(g->graph, body, "a");
    size_t b = own_value(g->graph, body, "b");
    oa_node nodes[] = {two_operands("Add", (size_t[]){b, b}, &a), two_operands("Mul", (size_t[]){a, a}, &b)};
    oa_body parts = {.outputs = &a, .output_count = 1, .nodes = nodes, .node_count = 2};
    assert_int_equal(oa_graph_close_body(g->graph, body, &parts, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "cycle"));
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies__take_part),
        cmocka_unit_test(bodies__report_every_failing_allocation),
        cmocka_unit_test(cycle_inside__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
