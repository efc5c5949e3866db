/* Where groups lie on activations, by running random models: reordered, a model's activations are its own, reordered at
 * the places that the layout names. Seeds as in test_random_graphs.c. */
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/model_run.h"
#include "tests/support/random_graph.h"

#include <math.h>
#include <string.h>

enum { MODELS = 1500, STEPS_MAX = 14 };

/* Values of one run, copied as they come up. */
typedef struct recording {
    const oa_graph *graph;
    const oa_layout *layout;
    oa_array *values; /* [graph->value_count], those with places */
} recording;

static oa_status record(void *context, size_t value, const oa_array *array, oa_error *error)
{
    recording *r = context;
    (void)error;
    for (size_t i = 0; i < r->layout->place_count; i++) {
        if (r->layout->places[i].value == value && !r->values[value].data) {
            assert_int_equal(oa_array_init(&r->values[value], array->dtype, array->dims, array->rank, NULL), OA_OK);
            memcpy(r->values[value].data, array->data, array->count * oa_dtype_size(array->dtype));
        }
    }
    return OA_OK;
}

static void record_run(recording *r, const model_run *run, const oa_layout *layout, const oa_payloads *payloads)
{
    oa_array *outputs = oa_calloc(run->graph->output_count, sizeof *outputs);
    oa_error error = {0};
    *r = (recording){
        .graph = run->graph, .layout = layout, .values = oa_calloc(run->graph->value_count, sizeof *r->values)};
    assert_true(outputs && r->values);
    oa_executor_watch(run->executor, record, r);
    if (oa_executor_run(outputs, run->executor, run->inputs, payloads, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    oa_executor_watch(run->executor, NULL, NULL);
    for (size_t i = 0; i < run->graph->output_count; i++) {
        oa_array_free(&outputs[i]);
    }
    oa_free(outputs);
}

static void recording_free(recording *r)
{
    for (size_t v = 0; v < r->graph->value_count; v++) {
        oa_array_free(&r->values[v]);
    }
    oa_free(r->values);
}

/* Reorders an array at one place, element by element; within blocks when these are where they belong. */
static void gather_place(oa_array *array, const oa_place *place, const oa_layout *layout,
                         const oa_permutations *permutations)
{
    size_t outer = 1, inner = oa_dtype_size(array->dtype), size = array->dims[place->axis];
    for (size_t k = 0; k < array->rank; k++) {
        outer *= k < place->axis ? array->dims[k] : 1;
        inner *= k > place->axis ? array->dims[k] : 1;
    }
    const oa_group *group = &layout->groups[place->group];
    size_t inside = group->size / group->block_count;
    char *old = oa_malloc(array->count, oa_dtype_size(array->dtype));
    assert_non_null(old);
    memcpy(old, array->data, outer * size * inner);
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < group->size; i++) {
            size_t from = permutations->of[place->group][i];
            from = place->is_within ? i / inside * inside + from % inside : from;
            for (size_t r = 0; r < place->rest; r++) {
                size_t to_at = place->positions[i * place->rest + r], at = place->positions[from * place->rest + r];
                assert_true(to_at < size && at < size);
                memcpy((char *)array->data + (o * size + to_at) * inner, old + (o * size + at) * inner, inner);
            }
        }
    }
    oa_free(old);
}

/* The largest difference over the largest number. Models of steep functions make inner values of any size. */
static double distance(const oa_array *x, const oa_array *y)
{
    double largest = 0.0, apart = 0.0;
    assert_true(x->count == y->count && x->dtype == y->dtype);
    if (!oa_dtype_is_float(x->dtype)) {
        return memcmp(x->data, y->data, x->count * oa_dtype_size(x->dtype)) == 0 ? 0.0 : INFINITY;
    }
    for (size_t i = 0; i < x->count; i++) {
        double a, b;
        size_t size = oa_dtype_size(x->dtype);
        oa_floats_to_f64(&a, (const char *)x->data + i * size, x->dtype, 1);
        oa_floats_to_f64(&b, (const char *)y->data + i * size, y->dtype, 1);
        largest = fmax(largest, fabs(b));
        apart = fmax(apart, isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY);
    }
    return apart == 0.0 ? 0.0 : apart / largest;
}

/* Reorders the model, runs it, and compares all values with places. Counts them. */
static void check_model(uint64_t seed, size_t *values, size_t *moved)
{
    test_graph *g = test_graph_create(seed);
    /* In float64 rounding stays below 1e-10 of the largest number, whatever follows; see test_random_graphs.c. */
    g->float_type = OA_DTYPE_DOUBLE;
    const oa_graph *graph = random_graph_build(g, seed, 2 + seed % STEPS_MAX);
    oa_layout *layout = discover(graph);
    oa_permutations permutations;
    oa_payloads payloads;
    oa_random random;
    model_run run;
    recording before, after;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&permutations, layout, NULL), OA_OK);
    oa_permutations_random(&permutations, layout, &random);
    assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
    assert_int_equal(oa_layout_apply(&payloads, layout, graph, NULL, &permutations, NULL), OA_OK);
    model_run_start(&run, graph, seed);
    record_run(&before, &run, layout, NULL);
    record_run(&after, &run, layout, &payloads);
    for (size_t v = 0; v < graph->value_count && model_run_is_finite(&run); v++) {
        if (!before.values[v].data) {
            continue;
        }
        double untouched = distance(&after.values[v], &before.values[v]);
        for (size_t i = 0; i < 2 * layout->place_count; i++) {
            const oa_place *place = &layout->places[i % layout->place_count];
            if (place->value == v && place->is_within == (i >= layout->place_count)) {
                gather_place(&before.values[v], place, layout, &permutations);
            }
        }
        double apart = distance(&after.values[v], &before.values[v]);
        if (!(apart <= 1e-10)) {
            fail_msg("seed %llu: value '%s' is off by %g", (unsigned long long)seed, graph->values[v].name, apart);
        }
        ++*values;
        *moved += untouched > 1e-6;
    }
    recording_free(&before);
    recording_free(&after);
    oa_payloads_free(&payloads);
    oa_permutations_free(&permutations);
    model_run_free(&run);
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

static void places__are_where_units_are_found_by_running(void **state)
{
    (void)state;
    size_t values = 0, moved = 0;
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        check_model(seed, &values, &moved);
    }
    print_message("%zu values with groups in %d models, %zu of them changed by reordering\n", values, MODELS, moved);
    /* The check has power: most of these values do move. */
    assert_true(values > MODELS / 2 && moved > values / 2);
}

static void carriers__are_the_summed_places_of_each_group(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        test_graph *g = test_graph_create(seed);
        oa_layout *layout = discover(random_graph_build(g, seed, 2 + seed % STEPS_MAX));
        size_t at = 0, summed = 0;
        for (size_t k = 0; k < layout->group_count; k++) {
            assert_int_equal(layout->groups[k].first_carrier, at);
            for (size_t i = 0; i < layout->groups[k].carrier_count; i++, at++) {
                assert_int_equal(layout->places[layout->carriers[at]].group, k);
                assert_true(layout->places[layout->carriers[at]].is_summed);
                assert_true(i == 0 || layout->carriers[at] > layout->carriers[at - 1]);
            }
        }
        for (size_t i = 0; i < layout->place_count; i++) {
            summed += layout->places[i].is_summed;
        }
        assert_true(at == layout->carrier_count && at == summed);
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places__are_where_units_are_found_by_running),
        cmocka_unit_test(carriers__are_the_summed_places_of_each_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
