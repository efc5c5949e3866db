/* Discovery while the n-th allocation fails, for every n: a clean failure, nothing leaks (the sanitizer watches), and
 * the output stays untouched. Random operations on index spaces go on in a table that has run out of memory. */
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/random_graph.h"
#include "tests/symmetry/space_map.h"

#include "core/symmetry/layout.h"

#include <string.h>

enum { TOO_MANY = 20000, MODELS = 12, TABLES = 30 };

/* Fails allocation after allocation until a run gets by without a failure; the number of failures. */
static size_t sweep_discovery(const oa_graph *graph)
{
    size_t n = 1;
    for (;; n++) {
        oa_layout *layout = NULL;
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_layout_discover(&layout, graph, NULL, 0, &error);
        if (!allocation_has_failed()) {
            assert_int_equal(status, OA_OK);
            oa_layout_destroy(layout);
            return n - 1;
        }
        assert_int_equal(status, OA_ERROR_MEMORY);
        assert_int_equal(error.status, OA_ERROR_MEMORY);
        assert_true(strlen(error.message) > 0);
        assert_null(layout);
    }
}

static void discovery__reports_every_failing_allocation(void **state)
{
    (void)state;
    size_t failures = 0;
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        test_graph *g = test_graph_create(seed);
        failures += sweep_discovery(random_graph_build(g, seed, 8));
        test_graph_destroy(g);
    }
    print_message("%zu failing allocations\n", failures);
}

/* The arena of the spaces hands out from large blocks, so that few of its requests reach malloc: a model with many axes
 * gets to more of them. */
static void discovery__of_a_long_model_reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t h = INPUT(g, "x", -1, 4);
    for (size_t i = 0; i < 80; i++) {
        size_t parts[2];
        NODES(parts, g, "Split", "axis=1", NODE(g, "Gemm", "", h, WEIGHT(g, NULL, 4, 12)), INTS(g, 8, 4));
        h = NODE(g, "Reshape", "", parts[0], INTS(g, 0, 2, 4));
        h = NODE(g, "Add", "", NODE(g, "ReduceSum", "keepdims=0", h, INTS(g, 1)), parts[1]);
    }
    test_graph_output(g, h);
    assert_true(sweep_discovery(test_graph_finish(g)) > 10);
    test_graph_destroy(g);
}

static void discovery__of_stacks_reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t x = INPUT(g, "x", -1, 4), y = OA_NONE;
    for (size_t i = 0; i < 3; i++) {
        size_t h = NODE(g, "Reshape", "", NODE(g, "MatMul", "", x, WEIGHT(g, NULL, 4, 12)), INTS(g, 0, 2, 3, 2));
        h = NODE(g, "Mul", "", NODE(g, "Gather", "axis=1", h, INTS(g, 0)), NODE(g, "Gather", "axis=1", h, INTS(g, 1)));
        y = y == OA_NONE ? h : NODE(g, "Add", "", y, h);
    }
    test_graph_output(g, NODE(g, "MatMul", "", NODE(g, "Reshape", "", y, INTS(g, 0, 6)), WEIGHT(g, NULL, 6, 2)));
    assert_true(sweep_discovery(test_graph_finish(g)) > 10);
    test_graph_destroy(g);
}

static void operate(oa_spaces *s, oa_random *random, size_t *pool, size_t *count)
{
    static const oa_pin pin = {.node = 1, .why = "the test"};
    size_t a = pool[oa_random_below(random, *count)], b = pool[oa_random_below(random, *count)];
    size_t first = OA_SPACE_ONE, second = OA_SPACE_ONE;
    switch (oa_random_below(random, 6)) {
    case 0:
        first = oa_space_leaf(s, 12 + (oa_dim)oa_random_below(random, 2) * 12);
        break;
    case 1:
        oa_space_split(&first, &second, s, a, 2 + (oa_dim)oa_random_below(random, 3), pin);
        break;
    case 2:
        oa_space_cut(&first, &second, s, a, 1 + (oa_dim)oa_random_below(random, 11), pin);
        break;
    case 3:
        first = oa_space_concat(s, (size_t[]){a, b}, 2, pin);
        break;
    case 4:
        first = oa_space_product(s, (size_t[]){a, b}, 2);
        break;
    default:
        oa_space_join(s, a, b, pin);
        break;
    }
    pool[(*count)++] = first;
    pool[(*count)++] = second;
}

/* A failed table may hold nonsense, but every call on it returns, and it can be freed. */
static void spaces__survive_running_out_of_memory(void **state)
{
    (void)state;
    enum { OPERATIONS = 60 };
    for (uint64_t seed = 1; seed <= TABLES; seed++) {
        for (size_t n = 1; n < TOO_MANY; n++) {
            oa_spaces spaces;
            oa_random random;
            size_t pool[2 * OPERATIONS + 3];
            size_t count = 0;
            oa_random_init(&random, seed);
            fail_allocation(n);
            bool is_made = oa_spaces_init(&spaces);
            if (is_made) {
                pool[count++] = oa_space_leaf(&spaces, 12);
                pool[count++] = oa_space_leaf(&spaces, 24);
                pool[count++] = oa_space_leaf(&spaces, oa_dim_symbol(&spaces.dims, "batch"));
            }
            for (size_t i = 0; i < OPERATIONS && is_made; i++) {
                operate(&spaces, &random, pool, &count);
            }
            bool has_failed = allocation_has_failed();
            assert_true(!has_failed || !is_made || oa_spaces_failed(&spaces));
            oa_spaces_free(&spaces);
            if (!has_failed) {
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discovery__reports_every_failing_allocation),
        cmocka_unit_test(discovery__of_a_long_model_reports_every_failing_allocation),
        cmocka_unit_test(discovery__of_stacks_reports_every_failing_allocation),
        cmocka_unit_test(spaces__survive_running_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
