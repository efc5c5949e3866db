/* Building, finishing and pairing graphs while the n-th allocation fails, for every n: the failure is reported, what
 * was made before stays sound, nothing leaks (the sanitizer watches). */
#include "core/ir/pair.h"

#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "text_graph.h"

#include <stdio.h>
#include <string.h>

enum { TOO_MANY = 5000, WIDTH = 40 };

static const float DATA[4] = {1, 2, 3, 4};

/* x -> Add(x, w0) -> Add(.., w1) ..., wide enough for every list to grow. */
static oa_status build(oa_graph *graph, oa_error *error)
{
    const oa_value declared = {
        .dtype = OA_DTYPE_FLOAT, .has_shape = true, .rank = 2, .dims = {-1, 4}, .symbols = {"batch", NULL}};
    const oa_attribute attribute = {.name = "a", .kind = OA_ATTRIBUTE_INT, .i = 1};
    oa_status status = oa_graph_add_input(graph, "x", &declared, error);
    for (size_t i = 0; i < WIDTH && status == OA_OK; i++) {
        char names[3][16];
        size_t inputs[2] = {0, 0};
        size_t output = 0;
        snprintf(names[0], sizeof names[0], i ? "v%zu" : "x", i);
        snprintf(names[1], sizeof names[1], "w%zu", i);
        snprintf(names[2], sizeof names[2], "v%zu", i + 1);
        const oa_tensor tensor = {
            .name = names[1], .dtype = OA_DTYPE_FLOAT, .rank = 1, .dims = {4}, .count = 4, .data = DATA};
        status = oa_graph_add_tensor(NULL, graph, &tensor, error);
        for (size_t k = 0; k < 3 && status == OA_OK; k++) {
            status = oa_graph_value(k < 2 ? &inputs[k] : &output, graph, names[k], error);
        }
        const oa_node node = {.op_type = "Add",
                              .inputs = inputs,
                              .input_count = 2,
                              .outputs = &output,
                              .output_count = 1,
                              .attributes = (oa_attribute *)(uintptr_t)&attribute,
                              .attribute_count = 1};
        if (status == OA_OK) {
            status = oa_graph_add_node(graph, &node, error);
        }
        if (status == OA_OK) {
            status = oa_graph_add_output(graph, names[2], &declared, error);
        }
    }
    return status == OA_OK ? oa_graph_finish(graph, error) : status;
}

static void graph__reports_every_failing_allocation(void **state)
{
    (void)state;
    size_t n = 0;
    oa_status status;
    do {
        oa_error error = {0};
        fail_allocation(++n);
        oa_graph *graph = oa_graph_create();
        status = graph ? build(graph, &error) : OA_ERROR_MEMORY;
        bool has_failed = allocation_has_failed();
        assert_int_equal(status, has_failed ? OA_ERROR_MEMORY : OA_OK);
        assert_true(!graph || error.status == status);
        oa_graph_destroy(graph);
    } while (status != OA_OK && n < TOO_MANY);
    assert_int_equal(status, OA_OK);
    print_message("%zu allocations\n", n - 1);
    assert_true(n > 15);
}

static void payloads__report_a_failing_allocation(void **state)
{
    (void)state;
    text_graph t = text_graph_make("weight w float32 2\noutput w", 0);
    oa_payloads payloads = {.count = 77};
    oa_error error = {0};
    fail_allocation(1);
    assert_int_equal(oa_payloads_init(&payloads, t.graph, &error), OA_ERROR_MEMORY);
    assert_true(allocation_has_failed());
    assert_int_equal(payloads.count, 77);
    text_graph_free(&t);
}

/* `expected` is what pairing ends with when memory suffices. */
static void sweep_pairing(const char *text_a, const char *text_b, oa_status expected, size_t least)
{
    text_graph a = text_graph_make(text_a, 0);
    text_graph b = text_graph_make(text_b, 0);
    size_t n = 0;
    bool has_failed;
    do {
        oa_pairing pairing = {.tensor_count = 77};
        oa_error error = {0};
        fail_allocation(++n);
        oa_status status = oa_pair_graphs(&pairing, a.graph, b.graph, &error);
        has_failed = allocation_has_failed();
        if (status == OA_OK) {
            oa_pairing_free(&pairing);
        } else {
            assert_int_equal(pairing.tensor_count, 77);
            assert_int_equal(error.status, status);
        }
        /* A difference is told also when memory for finding the first one is short. */
        assert_true(status == expected || (has_failed && status == OA_ERROR_MEMORY));
        assert_true(!has_failed || status != OA_OK);
    } while (has_failed && n < TOO_MANY);
    print_message("%zu allocations\n", n - 1);
    assert_true(n > least && !has_failed);
    text_graph_free(&a);
    text_graph_free(&b);
}

static void pair__reports_every_failing_allocation(void **state)
{
    (void)state;
    static const char a[] = "input x\nweight w float32 4 4\nnode m MatMul x w\nnode y Relu m\noutput y";
    static const char b[] = "input x\nweight w float32 4 4\nnode m MatMul x w\nnode y Tanh m\noutput y";
    sweep_pairing(a, a, OA_OK, 10);
    sweep_pairing(a, b, OA_ERROR_ARCHITECTURE, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph__reports_every_failing_allocation),
        cmocka_unit_test(payloads__report_a_failing_allocation),
        cmocka_unit_test(pair__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
