/* Which subgraphs runs enter, told by conditions and counts, and what weights that leaves out. ONNX Runtime's own runs
 * are in tests/python/test_engines.py. */
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/graph_builder.h"

#include "core/check/branches.h"

#include <string.h>

enum { TOO_MANY = 1000 };

static void require(oa_status status)
{
    assert_int_equal(status, OA_OK);
}

static oa_node two_operands(const char *op_type, size_t *inputs, size_t *output)
{
    return (oa_node){
        .op_type = op_type, .version = 17, .inputs = inputs, .input_count = 2, .outputs = output, .output_count = 1};
}

/* h times a weight, or, with the three inputs that the body of a loop takes, its state times a weight. */
static size_t add_body(test_graph *g, const char *attribute, size_t h, size_t weight, size_t input_count)
{
    static const char *const names[] = {"i", "go", "s"};
    size_t body, inputs[3], y;
    require(oa_graph_open_body(&body, g->graph, attribute, NULL));
    for (size_t k = 0; k < input_count; k++) {
        require(oa_graph_body_value(&inputs[k], g->graph, body, "owner", names[k], NULL));
    }
    require(oa_graph_body_value(&y, g->graph, body, "owner", "y", NULL));
    size_t operands[] = {input_count ? inputs[2] : h, weight};
    size_t outputs[] = {inputs[1], y};
    oa_node node = two_operands("MatMul", operands, &y);
    require(oa_graph_close_body(g->graph, body,
                                &(oa_body){.inputs = inputs,
                                           .input_count = input_count,
                                           .outputs = input_count ? outputs : &y,
                                           .output_count = input_count ? 2 : 1,
                                           .nodes = &node,
                                           .node_count = 1},
                                NULL));
    return body;
}

/* An If or a Loop, and its value by the same name. */
static size_t add_node(test_graph *g, const char *name, const char *op_type, const size_t *inputs, size_t input_count,
                       size_t h, const size_t *bodies, size_t body_count)
{
    size_t y;
    oa_node node = {.name = name,
                    .op_type = op_type,
                    .version = 17,
                    .inputs = (size_t *)(uintptr_t)inputs,
                    .input_count = input_count,
                    .outputs = &y,
                    .output_count = 1,
                    .captures = &h,
                    .capture_count = 1,
                    .body_count = body_count};
    memcpy(node.bodies, bodies, body_count * sizeof *bodies);
    require(oa_graph_value(&y, g->graph, name, NULL));
    require(oa_graph_add_node(g->graph, &node, NULL));
    return y;
}

/* x -> If (an input decides) -> If (a node decides) -> Loop (an input counts). One weight lies in both branches of the
 * first If, one in a branch and in the graph itself. */
static const oa_graph *build(test_graph *g)
{
    size_t asked = test_graph_input(g, "asked", OA_DTYPE_BOOL, 0, NULL);
    size_t count = test_graph_input(g, "count", OA_DTYPE_INT64, 0, NULL);
    size_t x = INPUT(g, "x", -1, 4);
    size_t shared = WEIGHT(g, "shared", 4, 4), own = WEIGHT(g, "own", 4, 4), other = WEIGHT(g, "other", 4, 4);
    size_t looped = WEIGHT(g, "looped", 4, 4);
    size_t first[] = {add_body(g, "then_branch", x, shared, 0), add_body(g, "else_branch", x, shared, 0)};
    size_t h = add_node(g, "first", "If", &asked, 1, x, first, 2);
    size_t largest = NODE(g, "ReduceMax", "keepdims=0", h);
    size_t found = NODE(g, "Greater", "", largest, test_graph_scalar(g, OA_DTYPE_FLOAT, 0.0));
    size_t second[] = {add_body(g, "then_branch", h, own, 0), add_body(g, "else_branch", h, other, 0)};
    h = add_node(g, "second", "If", &found, 1, h, second, 2);
    size_t loop = add_body(g, "body", h, looped, 3);
    h = add_node(g, "loop", "Loop", (size_t[]){count, OA_NONE, h}, 3, h, &loop, 1);
    test_graph_output(g, NODE(g, "MatMul", "", h, other));
    return test_graph_finish(g);
}

/* One run: what the inputs hold, and what the node's condition turns out to be. */
static void run(oa_branches *branches, bool asked, int64_t count, bool found)
{
    float x[4] = {0};
    oa_array inputs[] = {{.dtype = OA_DTYPE_BOOL, .count = 1, .data = &asked},
                         {.dtype = OA_DTYPE_INT64, .count = 1, .data = &count},
                         {.dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {1, 4}, .count = 4, .data = x}};
    oa_array condition = {.dtype = OA_DTYPE_BOOL, .count = 1, .data = &found};
    size_t seen = 0;
    oa_branches_begin(branches, inputs);
    for (size_t v = 0; v < branches->graph->value_count; v++) {
        if (branches->tells[v]) {
            require(oa_branches_see(branches, v, &condition, NULL));
            seen++;
        }
    }
    assert_int_equal(seen, 1); /* what inputs decide needs no run */
    oa_branches_end(branches);
}

static void expect(const oa_branches *branches, const oa_payloads *payloads, size_t weights, const char *node,
                   const char *attribute)
{
    oa_unentered found;
    require(oa_branches_unentered(&found, branches, payloads, NULL));
    assert_int_equal(found.weights, weights);
    if (node) {
        assert_string_equal(found.node, node);
        assert_string_equal(found.attribute, attribute);
    } else {
        assert_null(found.node);
    }
}

static void branches__are_entered_run_by_run(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    oa_branches branches = {0};
    require(oa_branches_init(&branches, build(g), NULL));
    assert_true(branches.shows);
    /* `shared` is read by the other branch, `other` by the graph: what only the loop and the second If read is left. */
    run(&branches, false, 0, false);
    expect(&branches, NULL, 2, "first", "then_branch");
    run(&branches, true, 0, false);
    expect(&branches, NULL, 2, "second", "then_branch");
    run(&branches, true, 3, false);
    expect(&branches, NULL, 1, "second", "then_branch");
    run(&branches, true, 0, true); /* what has been entered once stays so */
    expect(&branches, NULL, 0, NULL, NULL);
    oa_branches_free(&branches);
    test_graph_destroy(g);
}

static void branches__of_replaced_weights_count(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    oa_branches branches = {0};
    oa_payloads payloads = {0};
    const oa_graph *graph = build(g);
    require(oa_branches_init(&branches, graph, NULL));
    require(oa_payloads_init(&payloads, graph, NULL));
    run(&branches, true, 0, false);
    expect(&branches, &payloads, 0, "first", "else_branch");
    size_t looped = test_graph_tensor(graph, "looped");
    payloads.data[looped] = oa_calloc(graph->tensors[looped].count, sizeof(float));
    expect(&branches, &payloads, 1, "first", "else_branch");
    oa_payloads_free(&payloads);
    oa_branches_free(&branches);
    test_graph_destroy(g);
}

/* A condition that is no single number tells nothing: both branches may have run. */
static void branches__that_nothing_tells_count_as_entered(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    oa_branches branches = {0};
    require(oa_branches_init(&branches, build(g), NULL));
    oa_array none = {.dtype = OA_DTYPE_BOOL, .rank = 1};
    oa_branches_begin(&branches, (oa_array[]){none, none, none});
    oa_branches_end(&branches);
    expect(&branches, NULL, 0, NULL, NULL);
    oa_branches_free(&branches);
    test_graph_destroy(g);
}

static void branches__of_a_plain_graph_are_none(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    oa_branches branches = {0};
    test_graph_output(g, NODE(g, "MatMul", "", INPUT(g, "x", -1, 2), WEIGHT(g, "w", 2, 3)));
    require(oa_branches_init(&branches, test_graph_finish(g), NULL));
    oa_branches_begin(&branches, NULL);
    oa_branches_end(&branches);
    expect(&branches, NULL, 0, NULL, NULL);
    oa_branches_free(&branches);
    test_graph_destroy(g);
}

static void branches__report_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build(g);
    for (size_t n = 1;; n++) {
        oa_branches branches = {0};
        oa_unentered found;
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_branches_init(&branches, graph, &error);
        if (status == OA_OK) {
            status = oa_branches_unentered(&found, &branches, NULL, &error);
        }
        bool has_failed = allocation_has_failed();
        oa_branches_free(&branches);
        if (!has_failed) {
            require(status);
            break;
        }
        assert_true(status == OA_ERROR_MEMORY && error.message[0]);
    }
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches__are_entered_run_by_run),
        cmocka_unit_test(branches__of_replaced_weights_count),
        cmocka_unit_test(branches__that_nothing_tells_count_as_entered),
        cmocka_unit_test(branches__of_a_plain_graph_are_none),
        cmocka_unit_test(branches__report_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
