#include "tests/support/symmetry_check.h"

#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/model_run.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 2, NAME_SIZE = 64 };

static void check_fixed(const oa_layout *layout, const oa_graph *graph, const char *text)
{
    char name[NAME_SIZE];
    const char *colon = strchr(text, ':');
    const char *dot = colon;
    assert_non_null(colon);
    while (*dot != '.') {
        assert_true(dot > text);
        dot--;
    }
    assert_true((size_t)(dot - text) < sizeof name);
    memcpy(name, text, (size_t)(dot - text));
    name[dot - text] = '\0';
    assert_fixed(layout, graph, name, (size_t)strtoul(dot + 1, NULL, 10), colon + 2);
}

static void check_distance(const model_run *run, const oa_layout *layout, const oa_permutations *permutations,
                           double tolerance, const char *what, size_t group)
{
    double distance = model_run_permuted(run, layout, permutations);
    if (!(distance <= tolerance)) {
        fail_msg("reordering %s %zu changes the outputs by %g", what, group, distance);
    }
}

static void check_function(const oa_graph *graph, const oa_layout *layout, uint64_t seed, double tolerance)
{
    oa_error error = {0};
    oa_random random;
    oa_permutations all;
    oa_permutations one;
    model_run run;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&all, layout, &error), OA_OK);
    assert_int_equal(oa_permutations_init(&one, layout, &error), OA_OK);
    model_run_start(&run, graph, seed);
    assert_true(model_run_is_finite(&run));
    oa_permutations_random(&all, layout, &random);
    check_distance(&run, layout, &all, tolerance, "all groups, number", layout->group_count);
    for (size_t g = 0; g < layout->group_count; g++) {
        for (size_t k = 0; k < layout->group_count; k++) {
            for (size_t i = 0; i < layout->groups[k].size; i++) {
                one.of[k][i] = i;
            }
        }
        /* Insides within their blocks; blocks with their insides as they are. */
        size_t inside = layout->groups[g].size / layout->groups[g].block_count;
        for (size_t i = 0; i < layout->groups[g].size; i++) {
            one.of[g][i] = oa_leads(layout, g) ? all.of[g][i] : i / inside * inside + all.of[g][i] % inside;
        }
        for (size_t k = oa_leads(layout, g) ? oa_next_inside(layout, g, g) : OA_NONE; k != OA_NONE;
             k = oa_next_inside(layout, g, k)) {
            oa_permutations_follow(&one, layout, k);
        }
        check_distance(&run, layout, &one, tolerance, "group", g);
    }
    model_run_free(&run);
    oa_permutations_free(&all);
    oa_permutations_free(&one);
}

void check_symmetries(test_graph *g, bool runs, const char *groups, const char *const *fixed, size_t fixed_count)
{
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    assert_groups(layout, graph, groups);
    for (size_t i = 0; i < fixed_count; i++) {
        check_fixed(layout, graph, fixed[i]);
    }
    for (uint64_t seed = 1; seed <= RUNS && runs; seed++) {
        check_function(graph, layout, seed, g->float_type == OA_DTYPE_DOUBLE ? 1e-10 : 1e-4);
    }
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}
