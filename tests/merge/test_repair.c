/* Repairing merges of small random models: where it is done, what comes of it, and what stays. */
#include "core/check/repair_ends.h"
#include "core/merge/merge.h"
#include "core/merge/repair.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"
#include "tests/support/layout_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEEDS = 10, SAMPLES = 60, MODELS = 3 };

typedef const oa_graph *model_builder(test_graph *g);

static size_t layer(test_graph *g, size_t x, const char *name, int64_t inputs, int64_t units)
{
    char weight[32], bias[32];
    snprintf(weight, sizeof weight, "%s.w", name);
    snprintf(bias, sizeof bias, "%s.b", name);
    return NODE(g, "Gemm", "transB=1", x, WEIGHT(g, weight, units, inputs), WEIGHT(g, bias, units));
}

static const oa_graph *build_dense(test_graph *g)
{
    size_t h = NODE(g, "Relu", "", layer(g, INPUT(g, "x", -1, 6), "one", 6, 8));
    h = NODE(g, "Relu", "", layer(g, h, "two", 8, 8));
    test_graph_output(g, layer(g, h, "three", 8, 3));
    return test_graph_finish(g);
}

static size_t normalise(test_graph *g, size_t x, int64_t units)
{
    return NODE(g, "BatchNormalization", "", x, WEIGHT(g, NULL, units), WEIGHT(g, NULL, units), WEIGHT(g, NULL, units),
                POSITIVE(g, NULL, units));
}

/* Two normalisations beside each other, an addition, one that takes no layer's output, a matrix product with its bias.
 */
static const oa_graph *build_residual(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 6);
    size_t h = NODE(g, "Relu", "", normalise(g, layer(g, x, "one", 6, 8), 8));
    size_t a = normalise(g, layer(g, h, "two", 8, 8), 8);
    size_t b = normalise(g, layer(g, h, "short", 8, 8), 8);
    h = normalise(g, NODE(g, "Relu", "", NODE(g, "Add", "", a, b)), 8);
    h = NODE(g, "MatMul", "", h, WEIGHT(g, "out.w", 8, 3));
    test_graph_output(g, NODE(g, "Add", "", WEIGHT(g, "out.b", 3), h));
    return test_graph_finish(g);
}

typedef struct samples {
    oa_array array;
    oa_batches batches;
} samples;

static void samples_make(samples *s, size_t width, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    *s = (samples){0};
    assert_int_equal(oa_array_init(&s->array, OA_DTYPE_FLOAT, (size_t[]){SAMPLES, width}, 2, NULL), OA_OK);
    for (size_t i = 0; i < s->array.count; i++) {
        ((float *)s->array.data)[i] = (float)oa_random_normal(&random);
    }
    s->batches = oa_batches_of_array(&s->array);
}

/* Some models of one architecture, their merge, and a repair of it. */
typedef struct merge_case {
    test_graph *graphs[MODELS];
    const oa_graph *models[MODELS];
    oa_merge_part parts[MODELS - 1];
    oa_layout *layout;
    oa_payloads merged;
    samples data;
    oa_repair *repair;
    oa_repair_end ends[MODELS];
} merge_case;

static void case_make(merge_case *c, model_builder *build, const uint64_t *seeds, const double *weights)
{
    *c = (merge_case){0};
    for (size_t m = 0; m < MODELS; m++) {
        c->graphs[m] = test_graph_create(seeds[m]);
        c->models[m] = build(c->graphs[m]);
        if (m) {
            c->parts[m - 1] = (oa_merge_part){.graph = c->models[m], .weight = weights[m], .keeps_payloads = true};
        }
    }
    c->layout = discover(c->models[0]);
    samples_make(&c->data, 6, 7);
    oa_repair_settings settings = oa_repair_settings_default();
    settings.batch = 11;
    assert_int_equal(oa_payloads_init(&c->merged, c->models[0], NULL), OA_OK);
    assert_int_equal(oa_merge(&c->merged, c->models[0], c->layout, c->parts, MODELS - 1, NULL), OA_OK);
    assert_int_equal(oa_repair_create(&c->repair, c->models[0], MODELS, &c->data.batches, &settings, NULL), OA_OK);
    assert_int_equal(oa_repair_measure_parents(c->ends, c->repair, c->models[0], c->layout, c->parts, MODELS - 1, NULL),
                     OA_OK);
}

static void case_free(merge_case *c)
{
    oa_repair_destroy(c->repair);
    oa_payloads_free(&c->merged);
    oa_array_free(&c->data.array);
    oa_layout_destroy(c->layout);
    for (size_t m = 0; m < MODELS; m++) {
        test_graph_destroy(c->graphs[m]);
    }
}

/* What one value does, found by running everything at once. */
typedef struct observation {
    size_t value;
    double mean[8], spread[8];
} observation;

static oa_status observe_value(void *context, size_t value, const oa_array *array, oa_error *error)
{
    observation *o = context;
    (void)error;
    size_t units = array->dims[array->rank - 1];
    for (size_t u = 0; u < units && value == o->value; u++) {
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i < SAMPLES; i++) {
            sum += (double)((const float *)array->data)[i * units + u] / SAMPLES;
        }
        for (size_t i = 0; i < SAMPLES; i++) {
            double off = (double)((const float *)array->data)[i * units + u] - sum;
            squares += off * off / SAMPLES;
        }
        o->mean[u] = sum;
        o->spread[u] = sqrt(squares);
    }
    return OA_OK;
}

static observation observe(const oa_graph *graph, const oa_payloads *payloads, size_t value, const samples *data)
{
    oa_executor *executor = NULL;
    oa_array output = {0};
    observation o = {.value = value};
    assert_int_equal(oa_executor_create(&executor, graph, NULL), OA_OK);
    oa_executor_watch(executor, observe_value, &o);
    assert_int_equal(oa_executor_run(&output, executor, &data->array, payloads, NULL), OA_OK);
    oa_array_free(&output);
    oa_executor_destroy(executor);
    return o;
}

static void check_place(const merge_case *c, const oa_repair_place *place, const double *weights)
{
    observation found = observe(c->models[0], &c->merged, place->value, &c->data);
    for (size_t u = 0; u < place->units; u++) {
        double mean = 0.0;
        double spread = 0.0;
        if (place->kind == OA_REPAIR_STATISTICS) {
            mean = (double)((const float *)c->merged.data[place->mean])[u];
            spread = sqrt((double)((const float *)c->merged.data[place->variance])[u]);
            spread = found.spread[u] > 0.0 ? spread : 0.0; /* of a dead unit, any variance will do */
        }
        for (size_t m = 0; m < MODELS && place->kind != OA_REPAIR_STATISTICS; m++) {
            observation parent = observe(c->models[m], NULL, place->value, &c->data);
            mean += weights[m] * parent.mean[u];
            spread += weights[m] * parent.spread[u];
        }
        /* Means and spreads of float32 numbers near one, behind a few layers of float32 sums. */
        if (!(fabs(found.mean[u] - mean) <= 1e-4 * spread + 1e-5 && fabs(found.spread[u] - spread) <= 1e-4 * spread)) {
            fail_msg("value %zu, unit %zu: %g +- %g, expected %g +- %g", place->value, u, found.mean[u],
                     found.spread[u], mean, spread);
        }
    }
}

static void repair__gives_every_unit_its_mean_and_spread(void **state)
{
    (void)state;
    static model_builder *const builders[] = {build_dense, build_residual};
    static const double weights[][MODELS] = {{0.5, 0.5, 0.0}, {0.2, 0.3, 0.5}, {1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}};
    for (size_t b = 0; b < TEST_COUNT(builders); b++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            const double *w = weights[seed % TEST_COUNT(weights)];
            merge_case c;
            oa_repair_info info = {0};
            case_make(&c, builders[b], (uint64_t[]){seed, seed + 100, seed + 200}, w);
            assert_int_equal(oa_repair_apply(&c.merged, &info, c.repair, w, NULL), OA_OK);
            assert_int_equal(info.samples, SAMPLES);
            assert_true(info.uncertainty > 0.01 && info.uncertainty < 1.0);
            const oa_repair_plan *plan = oa_repair_plan_of(c.repair);
            assert_int_equal(plan->left_count, 0);
            for (size_t i = 0; i < plan->place_count; i++) {
                check_place(&c, &plan->places[i], w);
            }
            case_free(&c);
        }
    }
}

static void repair__of_equal_models_changes_no_layer(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const double weights[MODELS] = {0.2, 0.3, 0.5};
        merge_case c;
        oa_repair_info info;
        case_make(&c, build_dense, (uint64_t[]){seed, seed, seed}, weights);
        assert_int_equal(oa_repair_apply(&c.merged, &info, c.repair, weights, NULL), OA_OK);
        for (size_t t = 0; t < c.models[0]->tensor_count; t++) {
            const float *own = c.models[0]->tensors[t].data;
            for (size_t i = 0; i < c.models[0]->tensors[t].count; i++) {
                /* 0.2 x + 0.3 x + 0.5 x is x but for the last bit. */
                assert_true(fabsf(((const float *)c.merged.data[t])[i] - own[i]) <= 1e-6f * fabsf(own[i]) + 1e-7f);
            }
        }
        for (size_t m = 0; m < MODELS; m++) {
            assert_true(c.ends[m].difference == 0.0 && c.ends[m].agreement == 1.0);
        }
        case_free(&c);
    }
}

/* The running statistics of these parents are random numbers: the data know better, and the parents change. */
static void repair__tells_when_a_parent_does_not_survive_it(void **state)
{
    (void)state;
    const double weights[MODELS] = {0.5, 0.5, 0.0};
    merge_case c;
    case_make(&c, build_residual, (uint64_t[]){1, 2, 3}, weights);
    for (size_t m = 0; m < MODELS; m++) {
        assert_int_equal(c.ends[m].samples, SAMPLES);
        assert_true(c.ends[m].has_classes);
        assert_true(c.ends[m].agreement <= 1.0 && c.ends[m].difference > 0.01);
    }
    case_free(&c);
}

static const oa_repair_place *place_of(const oa_repair_plan *plan, const oa_graph *graph, const char *weight)
{
    for (size_t i = 0; i < plan->place_count; i++) {
        if (plan->places[i].weight != OA_NONE && strcmp(graph->tensors[plan->places[i].weight].name, weight) == 0) {
            return &plan->places[i];
        }
    }
    return NULL;
}

static void plan__takes_normalisations_for_the_layers_before_them(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build_residual(g);
    oa_repair_plan plan = {0};
    assert_int_equal(oa_repair_plan_make(&plan, graph, NULL), OA_OK);
    assert_int_equal(plan.place_count, 5);
    assert_int_equal(plan.level_count, 4); /* the two side by side share one */
    assert_null(place_of(&plan, graph, "one.w"));
    const oa_repair_place *out = place_of(&plan, graph, "out.w");
    assert_non_null(out);
    assert_int_equal(out->kind, OA_REPAIR_SCALE_SHIFT);
    assert_int_equal(out->level, 3);
    assert_int_equal(out->weight_axis, 1);
    assert_string_equal(graph->tensors[out->bias].name, "out.b");
    oa_repair_plan_free(&plan);
    test_graph_destroy(g);
}

static void plan__leaves_what_it_cannot_repair_with_a_reason(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t x = INPUT(g, "x", -1, 8);
    size_t shared = WEIGHT(g, "shared", 8, 8);
    size_t h = NODE(g, "Gemm", "", x, shared, WEIGHT(g, "b1", 8));
    h = NODE(g, "Gemm", "", NODE(g, "Relu", "", h), shared, WEIGHT(g, "b2", 8));
    h = NODE(g, "Gemm", "", NODE(g, "Relu", "", h), NODE(g, "Neg", "", WEIGHT(g, "computed", 8, 8)));
    size_t turned = NODE(g, "Transpose", "", WEIGHT(g, "tied", 8, 8));
    h = NODE(g, "Gemm", "", NODE(g, "Gemm", "", h, turned), turned);
    size_t tied = WEIGHT(g, "table", 8, 8);
    h = NODE(g, "Add", "", NODE(g, "MatMul", "", h, NODE(g, "Transpose", "", tied)), tied);
    h = NODE(g, "Gemm", "", h, WEIGHT(g, "w4", 8, 8), test_graph_scalar(g, OA_DTYPE_FLOAT, 0.5));
    h = NODE(g, "Gemm", "beta=0.0", h, WEIGHT(g, "w5", 8, 8), WEIGHT(g, "b5", 8));
    h = NODE(g, "MatMul", "", h, h); /* no weights: no layer */
    test_graph_output(g, NODE(g, "Einsum", "equation=ij,jk->ik", h, WEIGHT(g, "w6", 8, 8)));
    const oa_graph *graph = test_graph_finish(g);
    oa_repair_plan plan = {0};
    assert_int_equal(oa_repair_plan_make(&plan, graph, NULL), OA_OK);
    assert_int_equal(plan.left_count, 8);
    for (size_t i = 0; i < plan.left_count; i++) {
        assert_true(strlen(plan.left[i].reason) > 10);
    }
    assert_int_equal(plan.place_count, 1);
    assert_int_equal(place_of(&plan, graph, "w5")->kind, OA_REPAIR_SCALE);
    oa_repair_plan_free(&plan);
    test_graph_destroy(g);
}

static void plan__finds_weights_behind_a_transpose(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, 6), NODE(g, "Transpose", "", WEIGHT(g, "w1", 8, 6)));
    h = NODE(g, "Tanh", "", NODE(g, "Add", "", h, WEIGHT(g, "b1", 8)));
    h = NODE(g, "Gemm", "transB=1", h, NODE(g, "Transpose", "perm=[1,0]", WEIGHT(g, "w2", 8, 5)), WEIGHT(g, "b2", 5));
    h = NODE(g, "Reshape", "", h, INTS(g, -1, 1, 1, 5));
    h = NODE(g, "Conv", "", h, NODE(g, "Transpose", "perm=[3,0,1,2]", WEIGHT(g, "w3", 1, 1, 2, 4)));
    test_graph_output(g, h);
    const oa_graph *graph = test_graph_finish(g);
    oa_repair_plan plan = {0};
    assert_int_equal(oa_repair_plan_make(&plan, graph, NULL), OA_OK);
    assert_int_equal(plan.place_count, 3);
    static const struct {
        const char *weight;
        size_t axis, units;
    } expected[] = {{"w1", 0, 8}, {"w2", 1, 5}, {"w3", 3, 4}};
    for (size_t i = 0; i < TEST_COUNT(expected); i++) {
        const oa_repair_place *place = place_of(&plan, graph, expected[i].weight);
        assert_non_null(place);
        assert_int_equal(place->weight_axis, expected[i].axis);
        assert_int_equal(place->units, expected[i].units);
        assert_string_equal(graph->nodes[place->turn].op_type, "Transpose");
    }
    oa_repair_plan_free(&plan);
    test_graph_destroy(g);
}

static void repair__of_data_that_are_not_finite_says_so(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build_dense(g);
    oa_repair_settings settings = oa_repair_settings_default();
    oa_repair *repair = NULL;
    oa_error error = {0};
    samples data;
    samples_make(&data, 6, 1);
    ((float *)data.array.data)[17] = INFINITY;
    assert_int_equal(oa_repair_create(&repair, graph, 1, &data.batches, &settings, &error), OA_OK);
    assert_int_equal(oa_repair_measure(repair, 0, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "not finite"));
    oa_repair_destroy(repair);
    oa_array_free(&data.array);
    data.batches.count = 0;
    assert_int_equal(oa_repair_create(&repair, graph, 1, &data.batches, &settings, &error), OA_ERROR_INPUT);
    test_graph_destroy(g);
}

/* Two inputs, the second read near the end only; layers beside each other on one level, a product with turned weights
 * and whose bias is added, a long branch beside a short one. */
static const oa_graph *build_two_inputs(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 6), z = INPUT(g, "z", -1, 8);
    size_t h = NODE(g, "Tanh", "", layer(g, x, "one", 6, 8));
    size_t a = NODE(g, "Relu", "", normalise(g, layer(g, h, "two", 8, 8), 8));
    size_t p = NODE(g, "MatMul", "", a, NODE(g, "Transpose", "", WEIGHT(g, "three.w", 8, 8)));
    a = NODE(g, "Tanh", "", NODE(g, "Add", "", p, WEIGHT(g, "three.b", 8)));
    size_t b = layer(g, h, "short", 8, 8);
    h = NODE(g, "Relu", "", NODE(g, "Add", "", a, b));
    h = NODE(g, "Add", "", h, NODE(g, "Flatten", "", z));
    test_graph_output(g, layer(g, h, "out", 8, 3));
    test_graph_output(g, layer(g, z, "aside", 8, 2));
    return test_graph_finish(g);
}

static const oa_graph *build_images(test_graph *g)
{
    size_t x = NODE(g, "Reshape", "", INPUT(g, "x", -1, 6), INTS(g, -1, 1, 2, 3));
    size_t h = NODE(g, "Conv", "pads=[1,1,1,1]", x, WEIGHT(g, "c1", 4, 1, 3, 3), WEIGHT(g, "b1", 4));
    h = NODE(g, "Relu", "", h);
    size_t a = NODE(g, "Conv", "pads=[1,1,1,1]", h, WEIGHT(g, "c2", 4, 4, 3, 3));
    a = NODE(g, "Relu", "", normalise(g, a, 4));
    a = NODE(g, "Conv", "pads=[1,1,1,1]", NODE(g, "Concat", "axis=1", a, x), WEIGHT(g, "c3", 4, 5, 3, 3));
    h = NODE(g, "Relu", "", NODE(g, "Add", "", a, h));
    h = NODE(g, "Flatten", "", NODE(g, "GlobalAveragePool", "", h));
    test_graph_output(g, layer(g, h, "out", 4, 3));
    return test_graph_finish(g);
}

/* The merge of two models, repaired with so much memory for runs that stand still. */
static void repair_held(oa_payloads *merged, oa_repair_info *info, const oa_graph *const *models,
                        const oa_batches *data, size_t held)
{
    oa_repair_settings settings = oa_repair_settings_default();
    oa_repair_end ends[2];
    oa_repair *repair = NULL;
    oa_merge_part part = {.graph = models[1], .weight = 0.4, .keeps_payloads = true};
    oa_layout *layout = discover(models[0]);
    settings.batch = 11;
    settings.held = held;
    assert_int_equal(oa_payloads_init(merged, models[0], NULL), OA_OK);
    assert_int_equal(oa_merge(merged, models[0], layout, &part, 1, NULL), OA_OK);
    assert_int_equal(oa_repair_create(&repair, models[0], 2, data, &settings, NULL), OA_OK);
    assert_int_equal(oa_repair_measure_parents(ends, repair, models[0], layout, &part, 1, NULL), OA_OK);
    assert_int_equal(oa_repair_apply(merged, info, repair, (double[]){0.6, 0.4}, NULL), OA_OK);
    oa_repair_destroy(repair);
    oa_layout_destroy(layout);
}

/* Going on from level to level gives bit for bit what starting over at each gives, whatever part of the runs there is
 * memory for: the same nodes run on the same numbers. */
static void repair__is_the_same_whether_runs_stand_still_or_start_over(void **state)
{
    (void)state;
    static model_builder *const builders[] = {build_dense, build_residual, build_two_inputs, build_images};
    static const size_t amounts[] = {10000, 20000, 40000, SIZE_MAX};
    for (size_t b = 0; b < TEST_COUNT(builders); b++) {
        test_graph *graphs[2] = {test_graph_create(1), test_graph_create(2)};
        const oa_graph *models[2] = {builders[b](graphs[0]), builders[b](graphs[1])};
        samples first, second;
        samples_make(&first, 6, 7);
        samples_make(&second, 8, 8);
        if (models[0]->input_count == 2) {
            assert_int_equal(oa_batches_chain(&first.batches, &second.batches, NULL), OA_OK);
        }
        oa_payloads restarted, held = {0};
        oa_repair_info infos[2];
        repair_held(&restarted, &infos[0], models, &first.batches, 0);
        for (size_t i = 0; i < TEST_COUNT(amounts); i++) {
            repair_held(&held, &infos[1], models, &first.batches, amounts[i]);
            assert_true(infos[0].uncertainty == infos[1].uncertainty && infos[0].samples == infos[1].samples);
            for (size_t t = 0; t < models[0]->tensor_count; t++) {
                const oa_tensor *tensor = &models[0]->tensors[t];
                assert_memory_equal(oa_payload(&held, models[0], t), oa_payload(&restarted, models[0], t),
                                    tensor->count * oa_dtype_size(tensor->dtype));
            }
            oa_payloads_free(&held);
        }
        oa_payloads_free(&restarted);
        oa_batches_close(&first.batches);
        oa_array_free(&first.array);
        oa_array_free(&second.array);
        test_graph_destroy(graphs[0]);
        test_graph_destroy(graphs[1]);
    }
}

/* However many batches there are, those that are used are spread over all of them. */
static void repair__takes_its_samples_from_everywhere(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    const oa_graph *graph = build_dense(g);
    samples data;
    samples_make(&data, 6, 1);
    for (size_t most = 1; most <= SAMPLES + 10; most++) {
        oa_repair_settings settings = {.batch = 7, .samples = most};
        oa_repair *repair = NULL;
        assert_int_equal(oa_repair_create(&repair, graph, 1, &data.batches, &settings, NULL), OA_OK);
        size_t count = oa_repair_batch_count(repair);
        assert_true(count * 7 >= (most < SAMPLES ? most : SAMPLES) && (count - 1) * 7 < most);
        size_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            const oa_array *batch = NULL;
            size_t n;
            assert_int_equal(oa_repair_read_batch(&batch, &n, repair, i, NULL), OA_OK);
            sum += n;
            size_t first = i * 9 / count * 7; /* 9 batches hold 60 samples */
            assert_memory_equal(batch->data, (const float *)data.array.data + first * 6, n * 6 * sizeof(float));
        }
        assert_true(most < SAMPLES || sum == SAMPLES);
        oa_repair_destroy(repair);
    }
    oa_array_free(&data.array);
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair__gives_every_unit_its_mean_and_spread),
        cmocka_unit_test(repair__of_equal_models_changes_no_layer),
        cmocka_unit_test(repair__tells_when_a_parent_does_not_survive_it),
        cmocka_unit_test(plan__takes_normalisations_for_the_layers_before_them),
        cmocka_unit_test(plan__leaves_what_it_cannot_repair_with_a_reason),
        cmocka_unit_test(plan__finds_weights_behind_a_transpose),
        cmocka_unit_test(repair__of_data_that_are_not_finite_says_so),
        cmocka_unit_test(repair__is_the_same_whether_runs_stand_still_or_start_over),
        cmocka_unit_test(repair__takes_its_samples_from_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
