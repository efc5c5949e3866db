/* Discovery of thousands of nodes takes well under a second, and twice as many take about twice the time. Cutting one
 * axis into n pieces, one cut after the other, is the exception: each cut looks at all pieces. */
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"
#include "tests/support/layout_text.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { NODES = 20000, REPEATS = 3 };

static const double SECONDS_MAX = 2.0;

typedef const oa_graph *builder(test_graph *g, int64_t nodes);

/* Layers one after the other. */
static const oa_graph *chain(test_graph *g, int64_t nodes)
{
    size_t h = INPUT(g, "x", -1, 3);
    for (int64_t i = 0; i < nodes / 2; i++) {
        h = NODE(g, "Relu", "", NODE(g, "Gemm", "", h, WEIGHT(g, NULL, 3, 3)));
    }
    test_graph_output(g, h);
    return test_graph_finish(g);
}

/* Layers on one residual stream. */
static const oa_graph *stream(test_graph *g, int64_t nodes)
{
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 3), WEIGHT(g, NULL, 3, 3));
    for (int64_t i = 0; i < nodes / 4; i++) {
        size_t inner = NODE(g, "Relu", "", NODE(g, "Gemm", "", h, WEIGHT(g, NULL, 3, 2)));
        h = NODE(g, "Add", "", h, NODE(g, "Gemm", "", inner, WEIGHT(g, NULL, 2, 3)));
    }
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, NULL, 3, 2)));
    return test_graph_finish(g);
}

/* Many layers side by side, concatenated twice in different order, and added: many borders meet many borders. */
static const oa_graph *wide(test_graph *g, int64_t nodes)
{
    size_t count = (size_t)nodes / 2;
    size_t *parts = oa_calloc(2 * count, sizeof *parts);
    size_t x = INPUT(g, "x", -1, 2);
    assert_non_null(parts);
    for (size_t i = 0; i < 2 * count; i++) {
        parts[i] = NODE(g, "Gemm", "", x, WEIGHT(g, NULL, 2, i < count ? 2 : i == count || i == 2 * count - 1 ? 3 : 2));
    }
    size_t units = 2 * count + 2;
    parts[count - 1] = NODE(g, "Gemm", "", x, WEIGHT(g, NULL, 2, 4));
    size_t one = test_graph_node(g, "Concat", "axis=1", parts, count);
    size_t two = test_graph_node(g, "Concat", "axis=1", parts + count, count);
    size_t h = NODE(g, "Relu", "", NODE(g, "Add", "", one, two));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, NULL, (int64_t)units, 2)));
    oa_free(parts);
    return test_graph_finish(g);
}

/* The same value cut piece by piece. */
static const oa_graph *slices(test_graph *g, int64_t nodes)
{
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 2), WEIGHT(g, NULL, 2, nodes));
    size_t sum = OA_NONE;
    for (int64_t i = 0; i + 2 <= nodes; i += 2) {
        size_t part = NODE(g, "Slice", "", h, INTS(g, i), INTS(g, i + 2), INTS(g, 1));
        sum = sum == OA_NONE ? part : NODE(g, "Add", "", sum, part);
    }
    test_graph_output(g, NODE(g, "Gemm", "", sum, WEIGHT(g, NULL, 2, 2)));
    return test_graph_finish(g);
}

static double seconds_for(builder *build, int64_t nodes)
{
    double best = INFINITY;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build(g, nodes);
    for (size_t i = 0; i < REPEATS; i++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        oa_layout *layout = discover(graph);
        clock_gettime(CLOCK_MONOTONIC, &end);
        best = fmin(best, (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
        assert_true(layout->group_count > 0);
        oa_layout_destroy(layout);
    }
    test_graph_destroy(g);
    return best;
}

static void check_time(const char *name, builder *build, int64_t nodes, bool is_linear)
{
    double half = seconds_for(build, nodes / 2);
    double whole = seconds_for(build, nodes);
    print_message("%-7s %6lld nodes %.3f s, %6lld nodes %.3f s\n", name, (long long)nodes / 2, half, (long long)nodes,
                  whole);
    assert_true(whole < SECONDS_MAX);
    assert_true(!is_linear ||
                whole < 3.5 * half + 0.02); /* twice the work, and a machine that does other things besides */
}

static void discovery__of_long_models_is_fast(void **state)
{
    (void)state;
    check_time("chain", chain, NODES, true);
    check_time("stream", stream, NODES, true);
}

static void discovery__of_wide_models_is_fast(void **state)
{
    (void)state;
    check_time("wide", wide, NODES, true);
}

static void discovery__of_many_slices_is_fast(void **state)
{
    (void)state;
    check_time("slices", slices, NODES / 10, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discovery__of_long_models_is_fast),
        cmocka_unit_test(discovery__of_wide_models_is_fast),
        cmocka_unit_test(discovery__of_many_slices_is_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
