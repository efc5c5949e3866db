/* Runs that stop on their way: what they make, what they hold, and that others may use the executor meanwhile. */
#include "core/exec/execution.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/graph_builder.h"

#include <string.h>

enum { ROWS = 3, WIDTH = 4, RUNS = 2, ELEMENTS = ROWS * WIDTH, MOST = WIDTH * WIDTH, VALUES_MAX = 64, NODES_MAX = 16 };

/* The input is read first, last, and under another shape; one layer is a product with a turned constant. */
typedef struct test_net {
    test_graph *g;
    const oa_graph *graph;
    size_t weight; /* the turned constant */
    size_t turned, product, sum;
} test_net;

static test_net net_make(void)
{
    test_net n = {.g = test_graph_create(1)};
    test_graph *g = n.g;
    size_t x = INPUT(g, "x", -1, WIDTH);
    size_t h = NODE(g, "Tanh", "", NODE(g, "Gemm", "", x, WEIGHT(g, "w1", WIDTH, WIDTH)));
    size_t flat = NODE(g, "Reshape", "", x, INTS(g, -1));
    n.turned = NODE(g, "Transpose", "perm=[1,0]", WEIGHT(g, "w2", WIDTH, WIDTH));
    n.product = NODE(g, "MatMul", "", h, n.turned);
    n.sum = NODE(g, "Add", "", n.product, WEIGHT(g, "b2", WIDTH));
    size_t y = NODE(g, "Relu", "", NODE(g, "Mul", "", n.sum, h));
    y = NODE(g, "Add", "", y, NODE(g, "Reshape", "", NODE(g, "Neg", "", flat), INTS(g, -1, WIDTH)));
    test_graph_output(g, NODE(g, "Sub", "", y, x));
    n.graph = test_graph_finish(g);
    n.weight = test_graph_tensor(n.graph, "w2");
    assert_true(n.graph->value_count < VALUES_MAX && n.graph->live_count < NODES_MAX);
    return n;
}

/* Copies of what has been seen last of each value; all are of MOST elements or fewer. */
typedef struct seen {
    float of[VALUES_MAX][MOST];
    size_t times[VALUES_MAX];
} seen;

static oa_status see(void *context, size_t value, const oa_array *array, oa_error *error)
{
    seen *s = context;
    (void)error;
    assert_true(array->dtype == OA_DTYPE_FLOAT && array->count <= MOST);
    memcpy(s->of[value], array->data, array->count * sizeof(float));
    s->times[value]++;
    return OA_OK;
}

static oa_array draw_input(uint64_t seed)
{
    oa_array x = {0};
    oa_random random;
    oa_random_init(&random, seed);
    assert_int_equal(oa_array_init(&x, OA_DTYPE_FLOAT, (size_t[]){ROWS, WIDTH}, 2, NULL), OA_OK);
    for (size_t i = 0; i < ELEMENTS; i++) {
        ((float *)x.data)[i] = (float)oa_random_normal(&random);
    }
    return x;
}

static oa_executor *watched_executor(const oa_graph *graph, seen *s)
{
    oa_executor *executor = NULL;
    assert_int_equal(oa_executor_create(&executor, graph, NULL), OA_OK);
    oa_executor_watch(executor, see, s);
    return executor;
}

/* What a run of everything at once shows. */
static void run_whole(seen *s, const oa_graph *graph, const oa_payloads *payloads, uint64_t seed)
{
    oa_executor *executor = watched_executor(graph, s);
    oa_array x = draw_input(seed), output = {0};
    memset(s, 0, sizeof *s);
    assert_int_equal(oa_executor_run(&output, executor, &x, payloads, NULL), OA_OK);
    oa_array_free(&output);
    oa_array_free(&x);
    oa_executor_destroy(executor);
}

static void check_seen(const seen *found, const seen *expected)
{
    assert_memory_equal(found->times, expected->times, sizeof found->times);
    assert_memory_equal(found->of, expected->of, sizeof found->of); /* the same nodes, in the same order */
}

/* Two runs in turns, a node at a time, with whole runs of the same executor between. */
static void execution__makes_what_a_whole_run_makes(void **state)
{
    (void)state;
    test_net n = net_make();
    static seen expected[RUNS], found[RUNS], other;
    oa_executor *executor = watched_executor(n.graph, &other);
    oa_execution *runs[RUNS] = {NULL};
    size_t least = 0; /* what a run takes that holds nothing but its input */
    memset(found, 0, sizeof found);
    for (size_t r = 0; r < RUNS; r++) {
        run_whole(&expected[r], n.graph, NULL, r + 1);
        oa_array x = draw_input(r + 1);
        assert_int_equal(oa_execution_create(&runs[r], executor, &x, NULL), OA_OK);
        assert_int_equal(oa_execution_hold(&least, runs[r], NULL), OA_OK);
        assert_true(least > ELEMENTS * sizeof(float));
        memset(x.data, 255, ELEMENTS * sizeof(float));
        oa_array_free(&x);
    }
    for (size_t i = 0; i < n.graph->live_count; i++) {
        bool nodes[NODES_MAX] = {false};
        nodes[i] = true;
        for (size_t r = 0; r < RUNS; r++) {
            size_t bytes = 0;
            oa_executor_watch(executor, see, &found[r]);
            assert_int_equal(oa_execution_advance(runs[r], nodes, NULL, NULL), OA_OK);
            assert_int_equal(oa_execution_advance(runs[r], nodes, NULL, NULL), OA_OK); /* it has run */
            assert_int_equal(oa_execution_hold(&bytes, runs[r], NULL), OA_OK);
            /* The last node reads the input, and there is never more than a handful of values beside it. */
            assert_true(bytes >= least && bytes <= least + 6 * ELEMENTS * sizeof(float));
        }
        oa_array x = draw_input(5), output = {0};
        oa_executor_watch(executor, see, &other);
        assert_int_equal(oa_executor_run(&output, executor, &x, NULL, NULL), OA_OK);
        oa_array_free(&output);
        oa_array_free(&x);
    }
    for (size_t r = 0; r < RUNS; r++) {
        check_seen(&found[r], &expected[r]);
        oa_execution_destroy(runs[r]);
    }
    oa_execution_destroy(NULL);
    oa_executor_destroy(executor);
    test_graph_destroy(n.g);
}

static void flag_makers(bool *nodes, const oa_graph *graph, const size_t *values, size_t count)
{
    memset(nodes, 0, graph->live_count);
    for (size_t i = 0; i < count; i++) {
        nodes[graph->values[values[i]].producer] = true;
    }
}

/* A layer with its turned weights is tried with one constant, and runs with another. */
static void execution__takes_back_what_it_tries(void **state)
{
    (void)state;
    test_net n = net_make();
    static seen whole[2], found;
    bool own[NODES_MAX], before[NODES_MAX], all[NODES_MAX];
    bool wanted[VALUES_MAX] = {false};
    oa_payloads payloads;
    assert_int_equal(oa_payloads_init(&payloads, n.graph, NULL), OA_OK);
    run_whole(&whole[0], n.graph, NULL, 1);
    float *changed = oa_malloc(WIDTH * WIDTH, sizeof *changed);
    assert_non_null(changed);
    for (size_t i = 0; i < WIDTH * WIDTH; i++) {
        changed[i] = 2.0f * ((const float *)n.graph->tensors[n.weight].data)[i] + 1.0f;
    }
    wanted[n.sum] = true;
    memset(all, 1, sizeof all);
    oa_graph_needs(before, n.graph, wanted);
    flag_makers(own, n.graph, (const size_t[]){n.turned, n.product, n.sum}, 3);
    for (size_t i = 0; i < n.graph->live_count; i++) {
        before[i] = before[i] && !own[i];
    }
    memset(&found, 0, sizeof found);
    oa_executor *executor = watched_executor(n.graph, &found);
    oa_array x = draw_input(1);
    oa_execution *run = NULL;
    assert_int_equal(oa_execution_create(&run, executor, &x, NULL), OA_OK);
    assert_int_equal(oa_execution_advance(run, before, &payloads, NULL), OA_OK);
    size_t bytes[2];
    assert_int_equal(oa_execution_hold(&bytes[0], run, NULL), OA_OK);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(oa_execution_try(run, own, &payloads, NULL), OA_OK);
        assert_memory_equal(found.of[n.sum], whole[0].of[n.sum], sizeof found.of[n.sum]);
    }
    assert_int_equal(oa_execution_hold(&bytes[1], run, NULL), OA_OK);
    assert_int_equal(bytes[0], bytes[1]);
    payloads.data[n.weight] = changed;
    run_whole(&whole[1], n.graph, &payloads, 1);
    assert_memory_not_equal(whole[0].of[n.sum], whole[1].of[n.sum], sizeof found.of[n.sum]);
    assert_int_equal(oa_execution_advance(run, all, &payloads, NULL), OA_OK);
    assert_memory_equal(found.of, whole[1].of, sizeof found.of);
    oa_execution_destroy(run);
    oa_array_free(&x);
    oa_executor_destroy(executor);
    oa_payloads_free(&payloads);
    test_graph_destroy(n.g);
}

static void execution__says_what_does_not_fit(void **state)
{
    (void)state;
    test_net n = net_make();
    static seen s;
    bool all[NODES_MAX];
    memset(all, 1, sizeof all);
    oa_executor *executor = watched_executor(n.graph, &s);
    oa_execution *run = NULL;
    oa_error error = {0};
    oa_array x = draw_input(1);
    x.dtype = OA_DTYPE_INT32;
    assert_int_equal(oa_execution_create(&run, executor, &x, &error), OA_ERROR_INPUT);
    assert_null(run);
    x.dtype = OA_DTYPE_FLOAT;
    x.dims[0] = WIDTH;
    x.dims[1] = ROWS;
    assert_int_equal(oa_execution_create(&run, executor, &x, &error), OA_OK);
    assert_int_equal(oa_execution_advance(run, all, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "not the shape that the model declares"));
    oa_execution_destroy(run);
    oa_array_free(&x);
    oa_executor_destroy(executor);
    test_graph_destroy(n.g);
}

static void execution__reports_every_failing_allocation(void **state)
{
    (void)state;
    test_net n = net_make();
    bool all[NODES_MAX], own[NODES_MAX];
    memset(all, 1, sizeof all);
    flag_makers(own, n.graph, &n.turned, 1);
    oa_array x = draw_input(1);
    size_t count = 1;
    for (bool has_failed = true; has_failed; count++) {
        oa_executor *executor = NULL;
        oa_execution *run = NULL;
        oa_error error = {0};
        size_t bytes = 0;
        assert_true(count < 200);
        fail_allocation(count);
        oa_status status = oa_executor_create(&executor, n.graph, &error);
        status = status == OA_OK ? oa_execution_create(&run, executor, &x, &error) : status;
        status = status == OA_OK ? oa_execution_try(run, own, NULL, &error) : status;
        status = status == OA_OK ? oa_execution_hold(&bytes, run, &error) : status;
        status = status == OA_OK ? oa_execution_advance(run, all, NULL, &error) : status;
        has_failed = allocation_has_failed();
        assert_int_equal(status, has_failed ? OA_ERROR_MEMORY : OA_OK);
        assert_true(!has_failed || strlen(error.message) > 0);
        oa_execution_destroy(run);
        oa_executor_destroy(executor);
    }
    assert_true(count > 20);
    oa_array_free(&x);
    test_graph_destroy(n.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(execution__makes_what_a_whole_run_makes),
        cmocka_unit_test(execution__takes_back_what_it_tries),
        cmocka_unit_test(execution__says_what_does_not_fit),
        cmocka_unit_test(execution__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
