/* Soundness on random models: reordering by whatever the layout allows leaves the outputs as they are; and a power
 * check, so that this test is known to be able to fail: one constant reordered alone does change the outputs.
 *
 * OA_TEST_SEED and OA_TEST_COUNT in the environment choose the first seed and the number of models. */
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/model_run.h"
#include "tests/support/random_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS = 4000, POWER_MODELS = 1500, STEPS_MAX = 14 };

/* Reordering moves sums of up to some hundred terms by a few units in the last place of the largest. */
static const double TOLERANCE_F32 = 1e-4;
static const double TOLERANCE_F64 = 1e-10;

static unsigned long long from_environment(const char *name, unsigned long long fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

typedef struct random_model {
    test_graph *g;
    const oa_graph *graph;
    oa_layout *layout;
    model_run run;
    oa_permutations permutations;
    oa_random random;
    double tolerance;
    bool is_usable; /* it has groups and finite outputs */
} random_model;

/* Every second model is in float64, where a wrong link cannot hide in rounding. */
static void model_start(random_model *m, unsigned long long seed)
{
    oa_error error = {0};
    *m = (random_model){.g = test_graph_create(seed)};
    m->g->float_type = seed % 2 ? OA_DTYPE_DOUBLE : OA_DTYPE_FLOAT;
    m->tolerance = seed % 2 ? TOLERANCE_F64 : TOLERANCE_F32;
    m->graph = random_graph_build(m->g, seed, 2 + seed % STEPS_MAX);
    m->layout = discover(m->graph);
    model_run_start(&m->run, m->graph, seed);
    oa_random_init(&m->random, seed);
    assert_int_equal(oa_permutations_init(&m->permutations, m->layout, &error), OA_OK);
    m->is_usable = m->layout->group_count > 0 && model_run_is_finite(&m->run);
}

static void model_free(random_model *m)
{
    oa_permutations_free(&m->permutations);
    model_run_free(&m->run);
    oa_layout_destroy(m->layout);
    test_graph_destroy(m->g);
}

static void print_model(const random_model *m)
{
    for (size_t i = 0; i < m->graph->live_count; i++) {
        const oa_node *node = &m->graph->nodes[i];
        print_message("%s(", node->op_type);
        for (size_t k = 0; k < node->input_count; k++) {
            print_message("%s%s", k ? ", " : "",
                          node->inputs[k] == OA_NONE ? "" : m->graph->values[node->inputs[k]].name);
        }
        print_message(") -> %s\n", m->graph->values[node->outputs[0]].name);
    }
    char *text = layout_text(m->layout, m->graph);
    print_message("%s\n", text);
    oa_free(text);
}

static void layout__of_random_models_keeps_their_function(void **state)
{
    (void)state;
    unsigned long long first = from_environment("OA_TEST_SEED", 1);
    unsigned long long count = from_environment("OA_TEST_COUNT", MODELS);
    size_t usable = 0;
    size_t groups = 0;
    size_t nodes = 0;
    double largest = 0.0;
    print_message("seeds %llu to %llu\n", first, first + count - 1);
    for (unsigned long long seed = first; seed < first + count; seed++) {
        random_model m;
        model_start(&m, seed);
        if (m.is_usable) {
            oa_permutations_random(&m.permutations, m.layout, &m.random);
            double distance = model_run_permuted(&m.run, m.layout, &m.permutations);
            largest = fmax(largest, distance / m.tolerance);
            usable++;
            groups += m.layout->group_count;
            nodes += m.graph->live_count;
            if (!(distance <= m.tolerance)) {
                print_model(&m);
                fail_msg("seed %llu: the outputs differ by %g", seed, distance);
            }
        }
        model_free(&m);
    }
    print_message("%zu models with %zu groups and %zu nodes; largest difference %.2g of the tolerance\n", usable,
                  groups, nodes, largest);
    assert_true((double)usable > 0.5 * (double)count);
}

/* A group on several axes; one that lies on a single axis may be reordered there by itself. */
static size_t linked_group(random_model *m)
{
    size_t first = oa_random_below(&m->random, m->layout->group_count);
    for (size_t i = 0; i < m->layout->group_count; i++) {
        size_t g = (first + i) % m->layout->group_count;
        if (m->layout->groups[g].occurrence_count > 1) {
            return g;
        }
    }
    return OA_NONE;
}

/* All units of a group move on by one in one of its constants, the others stay. */
static double distance_with_one_tensor_wrong(random_model *m, size_t g)
{
    oa_error error = {0};
    oa_payloads payloads;
    const oa_group *group = &m->layout->groups[g];
    const oa_occurrence *o =
        &m->layout->occurrences[group->first_occurrence + oa_random_below(&m->random, group->occurrence_count)];
    for (size_t i = 0; i < group->size; i++) {
        m->permutations.of[g][i] = (i + 1) % group->size;
    }
    assert_int_equal(oa_payloads_init(&payloads, m->graph, &error), OA_OK);
    const oa_tensor *tensor = &m->graph->tensors[o->tensor];
    payloads.data[o->tensor] = oa_malloc(tensor->count, oa_dtype_size(tensor->dtype));
    assert_non_null(payloads.data[o->tensor]);
    assert_int_equal(oa_layout_reorder(payloads.data[o->tensor], tensor->data, m->layout, o->tensor, tensor,
                                       &m->permutations, &error),
                     OA_OK);
    double distance = model_run_distance(&m->run, &payloads);
    oa_payloads_free(&payloads);
    return distance;
}

static void layout__wrong_in_one_constant_is_noticed(void **state)
{
    (void)state;
    size_t usable = 0;
    size_t noticed = 0;
    for (unsigned long long seed = 1; seed <= POWER_MODELS; seed++) {
        random_model m;
        model_start(&m, seed);
        size_t group = m.is_usable ? linked_group(&m) : OA_NONE;
        if (group != OA_NONE) {
            usable++;
            noticed += distance_with_one_tensor_wrong(&m, group) > m.tolerance;
        }
        model_free(&m);
    }
    print_message("noticed in %zu of %zu models\n", noticed, usable);
    assert_true(usable > 0 && (double)noticed >= 0.9 * (double)usable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout__of_random_models_keeps_their_function),
        cmocka_unit_test(layout__wrong_in_one_constant_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
