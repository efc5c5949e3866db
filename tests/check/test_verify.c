/* Verification: what it accepts and what it catches. */
#include "core/check/verify.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"
#include "tests/support/layout_text.h"

#include <math.h>
#include <string.h>

static const oa_graph *build(test_graph *g)
{
    size_t h =
        NODE(g, "Tanh", "", NODE(g, "Gemm", "", INPUT(g, "x", -1, 5), WEIGHT(g, "w1", 5, 6), WEIGHT(g, "b1", 6)));
    h = NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 6, 3), WEIGHT(g, "b2", 3));
    test_graph_output(g, h);
    test_graph_output(g, NODE(g, "Cast", "to=7", NODE(g, "Mul", "", h, test_graph_scalar(g, OA_DTYPE_FLOAT, 10.0))));
    return test_graph_finish(g);
}

static oa_verify_info verified(const oa_runnable *reference, const oa_runnable *other,
                               const oa_verify_settings *settings)
{
    oa_verify_info info = {0};
    oa_error error = {0};
    if (oa_verify(&info, reference, other, settings, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    return info;
}

static void *replace(oa_payloads *payloads, const oa_graph *graph, const char *name)
{
    size_t t = test_graph_tensor(graph, name);
    const oa_tensor *tensor = &graph->tensors[t];
    size_t bytes = tensor->count * oa_dtype_size(tensor->dtype);
    oa_free(payloads->data[t]);
    payloads->data[t] = oa_malloc(bytes, 1);
    assert_non_null(payloads->data[t]);
    memcpy(payloads->data[t], tensor->data, bytes);
    return payloads->data[t];
}

static void verify__accepts_the_model_itself_exactly(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    oa_runnable model = {.graph = build(g)};
    oa_verify_settings settings = oa_verify_settings_default();
    oa_verify_info info = verified(&model, &model, &settings);
    assert_true(info.is_same && info.max_abs_diff == 0.0 && info.max_rel_diff == 0.0);
    assert_int_equal(info.runs, settings.runs);
    assert_true(info.tolerance == 1e-4);
    test_graph_destroy(g);
}

static void verify__accepts_a_reordered_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_graph *g = test_graph_create(seed);
        const oa_graph *graph = build(g);
        oa_layout *layout = discover(graph);
        oa_permutations permutations;
        oa_payloads payloads;
        oa_random random;
        oa_random_init(&random, seed);
        assert_int_equal(oa_permutations_init(&permutations, layout, NULL), OA_OK);
        assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
        oa_permutations_random(&permutations, layout, &random);
        assert_int_equal(oa_layout_apply(&payloads, layout, graph, NULL, &permutations, NULL), OA_OK);
        oa_verify_settings settings = oa_verify_settings_default();
        oa_verify_info info =
            verified(&(oa_runnable){.graph = graph}, &(oa_runnable){.graph = graph, .payloads = &payloads}, &settings);
        assert_true(info.is_same && info.max_rel_diff < 1e-5);
        oa_payloads_free(&payloads);
        oa_permutations_free(&permutations);
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
}

/* Every single weight of the model, changed by a hundredth. */
static void verify__catches_a_change_of_any_one_weight(void **state)
{
    (void)state;
    static const char *const names[] = {"w1", "b1", "w2", "b2"};
    test_graph *g = test_graph_create(3);
    const oa_graph *graph = build(g);
    oa_runnable reference = {.graph = graph};
    oa_verify_settings settings = oa_verify_settings_default();
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        size_t count = graph->tensors[test_graph_tensor(graph, names[i])].count;
        for (size_t k = 0; k < count; k++) {
            oa_payloads payloads;
            assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
            ((float *)replace(&payloads, graph, names[i]))[k] += 0.01f;
            oa_verify_info info =
                verified(&reference, &(oa_runnable){.graph = graph, .payloads = &payloads}, &settings);
            if (info.is_same || !(info.max_rel_diff > 1e-4)) {
                fail_msg("%s[%zu]: relative difference %g", names[i], k, info.max_rel_diff);
            }
            oa_payloads_free(&payloads);
        }
    }
    test_graph_destroy(g);
}

/* One output moves by a half: the report says so, in absolute numbers and against the largest output. */
static void verify__measures_the_difference(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(4);
    size_t x = INPUT(g, "x", 2, 3);
    test_graph_output(
        g, NODE(g, "Add", "", x,
                test_graph_constant(g, "b", OA_DTYPE_FLOAT, 1, TEST_DIMS(3), (const float[]){1.0f, 2.0f, 3.0f})));
    const oa_graph *graph = test_graph_finish(g);
    float input[6] = {0.0f, 0.0f, 0.0f, -9.0f, 1.0f, 0.0f};
    oa_array array = {.dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {2, 3}, .count = 6, .data = input, .is_view = true};
    oa_payloads payloads;
    assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
    ((float *)replace(&payloads, graph, "b"))[1] = 2.5f;
    oa_verify_settings settings = oa_verify_settings_default();
    settings.inputs = &array;
    oa_runnable reference = {.graph = graph}, other = {.graph = graph, .payloads = &payloads};
    oa_verify_info info = verified(&reference, &other, &settings);
    assert_false(info.is_same);
    assert_int_equal(info.runs, 1);
    assert_true(info.max_abs_diff == 0.5 && info.max_rel_diff == 0.5 / 8.0);
    settings.tolerance = 0.5 / 8.0;
    assert_true(verified(&reference, &other, &settings).is_same);
    settings.tolerance = 0.06;
    assert_false(verified(&reference, &other, &settings).is_same);
    oa_payloads_free(&payloads);
    test_graph_destroy(g);
}

static void verify__wants_nan_and_infinity_at_the_same_places(void **state)
{
    (void)state;
    static const float values[][2] = {{1.0f, NAN},       {NAN, 1.0f},  {NAN, NAN},      {1.0f, INFINITY},
                                      {1.0f, -INFINITY}, {1.0f, 1.0f}, {NAN, INFINITY}, {1.0f, 2.0f}};
    test_graph *g = test_graph_create(5);
    size_t b = test_graph_constant(g, "b", OA_DTYPE_FLOAT, 1, TEST_DIMS(2), values[5]);
    test_graph_output(g, NODE(g, "Add", "", INPUT(g, "x", 1, 2), b));
    const oa_graph *graph = test_graph_finish(g);
    oa_verify_settings settings = oa_verify_settings_default();
    for (size_t i = 0; i < TEST_COUNT(values); i++) {
        for (size_t k = 0; k < TEST_COUNT(values); k++) {
            oa_payloads one, two;
            assert_int_equal(oa_payloads_init(&one, graph, NULL), OA_OK);
            assert_int_equal(oa_payloads_init(&two, graph, NULL), OA_OK);
            memcpy(replace(&one, graph, "b"), values[i], sizeof values[i]);
            memcpy(replace(&two, graph, "b"), values[k], sizeof values[k]);
            oa_verify_info info = verified(&(oa_runnable){.graph = graph, .payloads = &one},
                                           &(oa_runnable){.graph = graph, .payloads = &two}, &settings);
            assert_int_equal(info.is_same, i == k);
            oa_payloads_free(&one);
            oa_payloads_free(&two);
        }
    }
    test_graph_destroy(g);
}

/* x as it is, and the same numbers as another type or in another shape. */
static const oa_graph *build_form(test_graph *g, size_t form)
{
    size_t x = INPUT(g, "x", 2, 3);
    test_graph_output(g, form == 0   ? NODE(g, "Identity", "", x)
                         : form == 1 ? NODE(g, "Cast", "to=11", x)
                         : form == 2 ? NODE(g, "Reshape", "", x, INTS(g, 3, 2))
                         : form == 3 ? NODE(g, "Unsqueeze", "", x, INTS(g, 0))
                         : form == 4 ? NODE(g, "Greater", "", x, test_graph_scalar(g, OA_DTYPE_FLOAT, 0.0))
                                     : NODE(g, "GreaterOrEqual", "", x, test_graph_scalar(g, OA_DTYPE_FLOAT, 0.3)));
    return test_graph_finish(g);
}

static void verify__compares_types_shapes_and_truth_values(void **state)
{
    (void)state;
    enum { FORMS = 6 };
    oa_verify_settings settings = oa_verify_settings_default();
    for (size_t i = 0; i < FORMS; i++) {
        for (size_t k = 0; k < FORMS; k++) {
            test_graph *a = test_graph_create(1), *b = test_graph_create(1);
            oa_runnable one = {.graph = build_form(a, i)}, two = {.graph = build_form(b, k)};
            assert_int_equal(verified(&one, &two, &settings).is_same, i == k);
            test_graph_destroy(a);
            test_graph_destroy(b);
        }
    }
}

static void verify__feeds_inputs_by_their_use(void **state)
{
    (void)state;
    static const size_t input_of[3] = {1, 0, OA_NONE};
    test_graph *a = test_graph_create(1), *b = test_graph_create(1);
    size_t x = INPUT(a, "x", -1, 3), y = INPUT(a, "y", -1, 3);
    INPUT(a, "idle", -1, 2);
    test_graph_output(a, NODE(a, "Sub", "", x, y));
    size_t second = INPUT(b, "second", -1, 3), first = INPUT(b, "first", -1, 3);
    INPUT(b, "unused", -1, 2);
    test_graph_output(b, NODE(b, "Sub", "", first, second));
    oa_runnable one = {.graph = test_graph_finish(a)}, two = {.graph = test_graph_finish(b), .input_of = input_of};
    oa_verify_settings settings = oa_verify_settings_default();
    oa_verify_info info = verified(&one, &two, &settings);
    assert_true(info.is_same && info.max_abs_diff == 0.0);
    two.input_of = NULL;
    assert_false(verified(&one, &two, &settings).is_same);
    test_graph_destroy(a);
    test_graph_destroy(b);
}

static void verify__draws_the_declared_sizes(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    test_graph_input(g, "x", OA_DTYPE_INT64, 4, TEST_DIMS(-1, 3, -5, -6));
    test_graph_output(g, NODE(g, "Identity", "", oa_names_find(&g->graph->value_names, "x")));
    const oa_graph *graph = test_graph_finish(g);
    const oa_value *declared = &graph->values[graph->inputs[0]];
    const oa_sizes sizes = {.named = (const oa_dimension[]){{"5", 7}, {"x0", 2}}, .named_count = 2};
    oa_array array = {0};
    oa_random random;
    oa_random_init(&random, 1);
    assert_int_equal(oa_random_input(&array, declared, 2, &sizes, &random, NULL), OA_OK);
    assert_true(array.rank == 4 && array.dims[0] == 2 && array.dims[1] == 3 && array.dims[2] == 7 &&
                array.dims[3] == 1);
    size_t ones = 0;
    for (size_t i = 0; i < array.count; i++) {
        int64_t value = ((const int64_t *)array.data)[i];
        assert_true(value == 0 || value == 1);
        ones += value == 1;
    }
    assert_true(ones > 5 && ones < array.count - 5);
    oa_array_free(&array);
    test_graph_destroy(g);
}

/* Two tables of 7 and 5 rows, behind what passes indices on; a mask beside them. */
static void verify__draws_indices_that_tables_hold(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t ids = test_graph_input(g, "ids", OA_DTYPE_INT64, 2, TEST_DIMS(-1, 50));
    size_t kinds = test_graph_input(g, "kinds", OA_DTYPE_INT32, 2, TEST_DIMS(-1, 50));
    size_t mask = test_graph_input(g, "mask", OA_DTYPE_INT64, 2, TEST_DIMS(-1, 50));
    size_t large = NODE(g, "Gather", "", WEIGHT(g, "large", 7, 3), ids);
    size_t small = NODE(g, "Gather", "axis=-1", NODE(g, "Identity", "", WEIGHT(g, "small", 3, 5)),
                        NODE(g, "Unsqueeze", "", NODE(g, "Cast", "to=7", ids), INTS(g, 0)));
    size_t third = NODE(g, "Gather", "", WEIGHT(g, "third", 300, 3), kinds);
    /* What is computed from an input is no index any more. */
    size_t fourth = NODE(g, "Gather", "", WEIGHT(g, "fourth", 3, 3), NODE(g, "Mul", "", mask, mask));
    size_t outputs[] = {large, small, third, fourth};
    for (size_t i = 0; i < TEST_COUNT(outputs); i++) {
        test_graph_output(g, outputs[i]);
    }
    const oa_graph *graph = test_graph_finish(g);
    size_t limits[3];
    assert_int_equal(oa_input_limits(limits, graph, NULL), OA_OK);
    assert_true(limits[0] == 5 && limits[1] == 300 && limits[2] == 2);
    oa_random random;
    oa_random_init(&random, 1);
    oa_array array = {0};
    assert_int_equal(oa_random_input(&array, &graph->values[kinds], limits[1], &(oa_sizes){0}, &random, NULL), OA_OK);
    int32_t largest = 0;
    for (size_t i = 0; i < array.count; i++) {
        int32_t value = ((const int32_t *)array.data)[i];
        assert_in_range(value, 0, 299);
        largest = value > largest ? value : largest;
    }
    assert_true(largest > 200);
    oa_array_free(&array);
    /* A byte does not hold all of them; a truth value is one. */
    oa_value byte = graph->values[kinds], truth = byte;
    byte.dtype = OA_DTYPE_INT8;
    truth.dtype = OA_DTYPE_BOOL;
    assert_int_equal(oa_random_input(&array, &byte, 300, &(oa_sizes){0}, &random, NULL), OA_OK);
    for (size_t i = 0; i < array.count; i++) {
        assert_true(((const int8_t *)array.data)[i] >= 0);
    }
    oa_array_free(&array);
    assert_int_equal(oa_random_input(&array, &truth, 300, &(oa_sizes){0}, &random, NULL), OA_OK);
    for (size_t i = 0; i < array.count; i++) {
        assert_true(((const uint8_t *)array.data)[i] <= 1);
    }
    oa_array_free(&array);
    oa_verify_settings settings = oa_verify_settings_default();
    assert_true(verified(&(oa_runnable){.graph = graph}, &(oa_runnable){.graph = graph}, &settings).is_same);
    test_graph_destroy(g);
}

static void verify__opens_sizes_that_are_not_named(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t x = test_graph_input(g, "x", OA_DTYPE_FLOAT, 3, TEST_DIMS(2, -1, -2));
    test_graph_output(g, NODE(g, "Relu", "", x));
    const oa_value *declared = &test_graph_finish(g)->values[x];
    static const size_t wanted[2][3] = {{2, 8, 8}, {2, 1, 8}};
    for (size_t k = 0; k < 2; k++) {
        oa_array array = {0};
        oa_random random;
        oa_random_init(&random, 1);
        const oa_sizes sizes = {.others = 8, .counts_anywhere = k == 1};
        assert_int_equal(oa_random_input(&array, declared, 2, &sizes, &random, NULL), OA_OK);
        assert_memory_equal(array.dims, wanted[k], sizeof wanted[k]);
        oa_array_free(&array);
    }
    test_graph_destroy(g);
}

static void verify__refuses_what_it_cannot_compare(void **state)
{
    (void)state;
    oa_verify_settings settings = oa_verify_settings_default();
    oa_verify_info info = {.runs = 77};
    oa_error error = {0};
    test_graph *a = test_graph_create(1), *b = test_graph_create(1), *c = test_graph_create(1);
    oa_runnable one = {.graph = build(a)};
    size_t x = INPUT(b, "x", -1, 5);
    test_graph_output(b, NODE(b, "Mystery", "", x));
    test_graph_output(b, NODE(b, "Mystery", "", x));
    oa_runnable unknown = {.graph = test_graph_finish(b)};
    test_graph_output(c, NODE(c, "Relu", "", INPUT(c, "x", -1, 5)));
    oa_runnable fewer = {.graph = test_graph_finish(c)};
    assert_int_equal(oa_verify(&info, &one, &unknown, &settings, &error), OA_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "Mystery"));
    assert_int_equal(oa_verify(&info, &one, &fewer, &settings, &error), OA_ERROR_ARCHITECTURE);
    oa_value text = {.name = "t", .dtype = OA_DTYPE_STRING, .has_shape = true};
    oa_value shapeless = {.name = "t", .dtype = OA_DTYPE_FLOAT};
    oa_array array = {0};
    oa_random random;
    oa_random_init(&random, 1);
    assert_int_equal(oa_random_input(&array, &text, 2, &settings.sizes, &random, &error), OA_ERROR_UNSUPPORTED);
    assert_int_equal(oa_random_input(&array, &shapeless, 2, &settings.sizes, &random, &error), OA_ERROR_INPUT);
    assert_int_equal(info.runs, 77); /* untouched */
    test_graph_destroy(a);
    test_graph_destroy(b);
    test_graph_destroy(c);
}

static void tolerance__is_that_of_the_least_precise_weights(void **state)
{
    (void)state;
    static const oa_dtype types[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16};
    static const double tolerances[] = {1e-4, 1e-4, 2e-2, 1e-1};
    for (size_t i = 0; i < TEST_COUNT(types); i++) {
        test_graph *g = test_graph_create(1);
        size_t x = INPUT(g, "x", -1, 4);
        g->float_type = types[i];
        size_t w = NODE(g, "Cast", "to=1", WEIGHT(g, "w", 4));
        test_graph_output(g, NODE(g, "Mul", "", x, w));
        assert_true(oa_tolerance_of(test_graph_finish(g)) == tolerances[i]);
        test_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify__accepts_the_model_itself_exactly),
        cmocka_unit_test(verify__accepts_a_reordered_model),
        cmocka_unit_test(verify__catches_a_change_of_any_one_weight),
        cmocka_unit_test(verify__measures_the_difference),
        cmocka_unit_test(verify__wants_nan_and_infinity_at_the_same_places),
        cmocka_unit_test(verify__compares_types_shapes_and_truth_values),
        cmocka_unit_test(verify__feeds_inputs_by_their_use),
        cmocka_unit_test(verify__draws_the_declared_sizes),
        cmocka_unit_test(verify__draws_indices_that_tables_hold),
        cmocka_unit_test(verify__opens_sizes_that_are_not_named),
        cmocka_unit_test(verify__refuses_what_it_cannot_compare),
        cmocka_unit_test(tolerance__is_that_of_the_least_precise_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
