/* The executor as a whole: who owns which buffer, payloads, types, and what it refuses. */
#include "tests/exec/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const op relu = {.type = "Relu", .version = 14}, neg = {.type = "Neg", .version = 13};
static const op add = {.type = "Add", .version = 14}, identity = {.type = "Identity", .version = 16};

/* Outputs that share a buffer inside, or whose memory is an input's or a constant's, come out as separate arrays. */
static void run__gives_outputs_of_their_own(void **state)
{
    (void)state;
    static const float values[] = {-1.0f, 2.0f, -3.0f, 4.0f};
    static const int64_t sizes[] = {2, 2};
    oa_array x = float_list(values, 4), shape = int64_list(sizes, 2), w = float_list(values, 4), outputs[8] = {{0}};
    op reshape = {.type = "Reshape", .version = 14};
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_constant(&made, "shape", &shape);
    net_constant(&made, "w", &w);
    net_node(&made, &neg, "x", "n");
    net_node(&made, &reshape, "n shape", "square");
    net_node(&made, &identity, "n", "same");
    net_node(&made, &identity, "w", "w_same");
    net_node(&made, &identity, "x", "x_same");
    const char *const names[] = {"n", "square", "same", "w_same", "x_same", "x", "w", "square"};
    for (size_t i = 0; i < 8; i++) {
        net_output(&made, names[i]);
    }
    assert_int_equal(net_finish(&made), OA_OK);
    oa_error error = {0};
    assert_int_equal(net_run(outputs, &made, &x, NULL, &error), OA_OK);
    for (size_t i = 0; i < 8; i++) {
        assert_false(outputs[i].is_view);
        assert_ptr_not_equal(outputs[i].data, x.data);
        assert_ptr_not_equal(outputs[i].data, w.data);
        for (size_t k = 0; k < i; k++) {
            assert_ptr_not_equal(outputs[i].data, outputs[k].data);
        }
        for (size_t k = 0; k < 4; k++) {
            float expected = i < 3 || i == 7 ? -values[k] : values[k];
            assert_true(((float *)outputs[i].data)[k] == expected);
        }
    }
    assert_int_equal(outputs[1].rank, 2);
    free_arrays(outputs, 8);
    assert_memory_equal(x.data, values, sizeof values);
    net_destroy(&made);
    oa_array_free(&x);
    oa_array_free(&shape);
    oa_array_free(&w);
}

/* An operator may write into its input's buffer only when nothing else reads that. */
static void run__overwrites_no_value_that_is_still_read(void **state)
{
    (void)state;
    static const float values[] = {-1.0f, 2.0f, -3.0f, 4.0f};
    op max = {.type = "Max", .version = 13}, clip = {.type = "Clip", .version = 6};
    add_attribute(&clip, attribute_float("min", 0.0f));
    oa_array x = float_list(values, 4), outputs[3] = {{0}};
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_node(&made, &neg, "x", "n");
    net_node(&made, &relu, "n", "r");        /* n is read again below */
    net_node(&made, &identity, "n", "view"); /* shares n's buffer */
    net_node(&made, &clip, "view", "c");     /* the last read of view, but not of the buffer */
    net_node(&made, &max, "n r n", "m");     /* n twice: folded in place, it would change under the fold */
    net_node(&made, &add, "m m", "s");
    net_node(&made, &add, "s c", "t");
    net_output(&made, "t");
    net_output(&made, "n");
    net_output(&made, "c");
    assert_int_equal(net_finish(&made), OA_OK);
    oa_error error = {0};
    assert_int_equal(net_run(outputs, &made, &x, NULL, &error), OA_OK);
    for (size_t i = 0; i < 4; i++) {
        float n = -values[i], r = n > 0.0f ? n : 0.0f;
        assert_true(((float *)outputs[1].data)[i] == n);
        assert_true(((float *)outputs[2].data)[i] == r);
        assert_true(((float *)outputs[0].data)[i] == 2.0f * r + r);
    }
    free_arrays(outputs, 3);
    net_destroy(&made);
    oa_array_free(&x);
}

/* Conv, BatchNormalization, Relu, MaxPool, GlobalAveragePool, Flatten and Gemm on random weights. */
typedef struct small_net {
    net made;
    oa_array weights[8];
    op conv, norm, pool, mean, flatten, gemm;
    size_t gemm_weight; /* index of its tensor */
} small_net;

static void small_net_init(small_net *s, oa_dtype dtype)
{
    static const size_t shapes[8][4] = {{4, 3, 3, 3}, {4}, {4}, {4}, {4}, {4}, {4, 5}, {5}},
                        ranks[8] = {4, 1, 1, 1, 1, 1, 2, 1};
    static const char *const names[8] = {"w", "b", "scale", "bias", "mean", "var", "v", "c"};
    static const int64_t pads[] = {1, 1, 1, 1}, two[] = {2, 2};
    oa_random random;
    oa_random_init(&random, 11);
    *s = (small_net){.made = net_create()};
    s->conv = (op){.type = "Conv", .version = 11};
    add_attribute(&s->conv, attribute_ints("pads", pads, 4));
    s->norm = (op){.type = "BatchNormalization", .version = 15};
    s->pool = (op){.type = "MaxPool", .version = 12};
    add_attribute(&s->pool, attribute_ints("kernel_shape", two, 2));
    add_attribute(&s->pool, attribute_ints("strides", two, 2));
    s->mean = (op){.type = "GlobalAveragePool", .version = 1};
    s->flatten = (op){.type = "Flatten", .version = 13};
    s->gemm = (op){.type = "Gemm", .version = 13};
    net_input(&s->made, "x", dtype);
    for (size_t i = 0; i < 8; i++) {
        oa_array floats = random_floats(&random, shapes[i], ranks[i]);
        for (size_t k = 0; i == 5 && k < floats.count; k++) {
            ((float *)floats.data)[k] = fabsf(((float *)floats.data)[k]) + 0.5f;
        }
        s->weights[i] = floats_as(&floats, dtype);
        oa_array_free(&floats);
        size_t tensor = net_constant(&s->made, names[i], &s->weights[i]);
        s->gemm_weight = i == 6 ? tensor : s->gemm_weight;
    }
    net_node(&s->made, &s->conv, "x w b", "y1");
    net_node(&s->made, &s->norm, "y1 scale bias mean var", "y2");
    net_node(&s->made, &relu, "y2", "y3");
    net_node(&s->made, &s->pool, "y3", "y4");
    net_node(&s->made, &s->mean, "y4", "y5");
    net_node(&s->made, &s->flatten, "y5", "y6");
    net_node(&s->made, &s->gemm, "y6 v c", "y");
    net_output(&s->made, "y");
    assert_int_equal(net_finish(&s->made), OA_OK);
}

static void small_net_free(small_net *s)
{
    net_destroy(&s->made);
    for (size_t i = 0; i < 8; i++) {
        oa_array_free(&s->weights[i]);
    }
}

static void run__gives_the_same_bytes_again(void **state)
{
    (void)state;
    static const size_t dims[] = {3, 3, 10, 8};
    small_net s;
    small_net_init(&s, OA_DTYPE_FLOAT);
    oa_random random;
    oa_random_init(&random, 2);
    oa_array x = random_floats(&random, dims, 4), first = {0};
    oa_executor *executor = NULL;
    oa_error error = {0};
    assert_int_equal(oa_executor_create(&executor, s.made.graph, &error), OA_OK);
    assert_int_equal(oa_executor_run(&first, executor, &x, NULL, &error), OA_OK);
    assert_true(first.rank == 2 && first.dims[0] == 3 && first.dims[1] == 5);
    for (int i = 0; i < 3; i++) { /* also after a run of another size, and one that failed */
        oa_array again = {0}, small = x, bad = x;
        small.dims[0] = 1;
        small.count = x.count / 3;
        assert_int_equal(oa_executor_run(&again, executor, &small, NULL, &error), OA_OK);
        assert_memory_equal(again.data, first.data, 5 * sizeof(float)); /* images are independent */
        oa_array_free(&again);
        bad.dims[0] = 9;
        bad.dims[1] = 1;
        assert_int_equal(oa_executor_run(&again, executor, &bad, NULL, &error), OA_ERROR_INPUT);
        assert_null(again.data);
        assert_int_equal(oa_executor_run(&again, executor, &x, NULL, &error), OA_OK);
        assert_memory_equal(again.data, first.data, first.count * sizeof(float));
        oa_array_free(&again);
    }
    oa_executor_destroy(executor);
    oa_array_free(&first);
    oa_array_free(&x);
    small_net_free(&s);
}

/* Weights of 16 bits give what the same weights give in 32 bits, but for the rounding of the values between nodes. */
static void run__computes_with_16_bit_floats(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 6, 6};
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16, OA_DTYPE_DOUBLE};
    static const double tolerances[] = {1e-2, 8e-2, 1e-4};
    oa_random random;
    oa_random_init(&random, 2);
    oa_array x = random_floats(&random, dims, 4), expected = {0};
    small_net s;
    oa_error error = {0};
    small_net_init(&s, OA_DTYPE_FLOAT);
    assert_int_equal(net_run(&expected, &s.made, &x, NULL, &error), OA_OK);
    small_net_free(&s);
    for (size_t i = 0; i < 3; i++) {
        oa_array input = floats_as(&x, dtypes[i]), y = {0}, wide;
        small_net_init(&s, dtypes[i]);
        assert_int_equal(net_run(&y, &s.made, &input, NULL, &error), OA_OK);
        assert_int_equal(y.dtype, dtypes[i]);
        wide = floats_as(&y, OA_DTYPE_FLOAT);
        assert_agree(&wide, &expected, tolerances[i], tolerances[i], oa_dtype_name(dtypes[i]), 2);
        oa_array_free(&input);
        oa_array_free(&y);
        oa_array_free(&wide);
        small_net_free(&s);
    }
    oa_array_free(&x);
    oa_array_free(&expected);
}

static void run__reads_replaced_payloads(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 6, 6};
    oa_random random;
    oa_random_init(&random, 2);
    oa_array x = random_floats(&random, dims, 4), plain = {0}, doubled = {0}, zero = {0};
    small_net s;
    oa_error error = {0};
    oa_payloads payloads = {0};
    small_net_init(&s, OA_DTYPE_FLOAT);
    assert_int_equal(oa_payloads_init(&payloads, s.made.graph, &error), OA_OK);
    float *replaced = oa_calloc(20, sizeof(float));
    assert_non_null(replaced);
    payloads.data[s.gemm_weight] = replaced;
    assert_int_equal(net_run(&zero, &s.made, &x, &payloads, &error), OA_OK);
    for (size_t i = 0; i < 20; i++) {
        replaced[i] = 2.0f * ((float *)s.weights[6].data)[i];
    }
    assert_int_equal(net_run(&doubled, &s.made, &x, &payloads, &error), OA_OK);
    assert_int_equal(net_run(&plain, &s.made, &x, NULL, &error), OA_OK);
    for (size_t i = 0; i < plain.count; i++) {
        double bias = number_at(&s.weights[7], i % 5);
        assert_true(number_at(&zero, i) == bias);
        assert_true(fabs(number_at(&doubled, i) - bias - 2.0 * (number_at(&plain, i) - bias)) < 1e-5);
    }
    oa_payloads_free(&payloads);
    oa_array_free(&x);
    oa_array_free(&plain);
    oa_array_free(&doubled);
    oa_array_free(&zero);
    small_net_free(&s);
}

static void create__names_what_it_has_no_kernel_for(void **state)
{
    (void)state;
    op unknown = {.type = "Gargle", .version = 1};
    oa_executor *executor = NULL;
    oa_error error = {0};
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_node(&made, &unknown, "x", "a");
    net_node(&made, &relu, "a", "b");
    net_node(&made, &unknown, "b", "c");
    net_output(&made, "c");
    assert_int_equal(net_finish(&made), OA_OK);
    assert_int_equal(oa_executor_create(&executor, made.graph, &error), OA_ERROR_UNSUPPORTED);
    assert_null(executor);
    assert_non_null(strstr(error.message, "for Gargle ("));
    assert_non_null(strstr(error.message, "'a'"));
    assert_non_null(strstr(error.message, "2 nodes"));
    net_destroy(&made);

    /* Where nothing depends on it, it does not matter. */
    oa_array x = scalar_float(-2.0f), y = {0};
    made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_node(&made, &unknown, "x", "a");
    net_node(&made, &neg, "x", "b");
    net_output(&made, "b");
    assert_int_equal(net_finish(&made), OA_OK);
    assert_int_equal(net_run(&y, &made, &x, NULL, &error), OA_OK);
    assert_true(*(float *)y.data == 2.0f);
    oa_array_free(&y);
    oa_array_free(&x);
    net_destroy(&made);
}

static void create__names_as_many_operators_as_a_message_holds(void **state)
{
    (void)state;
    enum { KINDS = 60 };
    static char types[KINDS][16];
    op unknown = {.version = 1};
    oa_executor *executor = NULL;
    oa_error error = {0};
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    char from[16] = "x", to[16];
    for (size_t i = 0; i < KINDS; i++) {
        snprintf(types[i], sizeof types[i], "Gargle%zu", i);
        snprintf(to, sizeof to, "v%zu", i);
        unknown.type = types[i];
        net_node(&made, &unknown, from, to);
        memcpy(from, to, sizeof from);
    }
    net_output(&made, from);
    assert_int_equal(net_finish(&made), OA_OK);
    assert_int_equal(oa_executor_create(&executor, made.graph, &error), OA_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "Gargle0, Gargle1, Gargle2, "));
    assert_non_null(strstr(error.message, "... (60 nodes, the first is 'v0')"));
    net_destroy(&made);
}

static void run__refuses_attributes_that_it_does_not_know(void **state)
{
    (void)state;
    oa_array x = scalar_float(1.0f);
    op unknown = {.type = "LeakyRelu", .version = 16}, wrong = unknown, hint = unknown;
    add_attribute(&unknown, attribute_float("slope", 0.1f));
    add_attribute(&wrong, attribute_int("alpha", 1));
    add_attribute(&hint, attribute_ints("consumed_inputs", NULL, 0));
    expect_failure(&unknown, (const oa_array *const[]){&x}, 1, OA_ERROR_UNSUPPORTED);
    expect_failure(&wrong, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    oa_array y = run_one(&hint, (const oa_array *const[]){&x}, 1);
    oa_array_free(&y);
    expect_failure(&relu, (const oa_array *const[]){&x, &x}, 2, OA_ERROR_UNSUPPORTED);
    op two = {.type = "Relu", .version = 14, .output_count = 2};
    expect_failure(&two, (const oa_array *const[]){&x}, 1, OA_ERROR_UNSUPPORTED);
    oa_array_free(&x);
}

static void run__checks_its_inputs(void **state)
{
    (void)state;
    small_net s;
    static const size_t dims[] = {1, 3, 6, 6}, flat[] = {1, 108};
    oa_random random;
    oa_random_init(&random, 2);
    oa_array x = random_floats(&random, dims, 4), doubles = floats_as(&x, OA_DTYPE_DOUBLE), y = {0};
    oa_array rows = random_floats(&random, flat, 2), broken = x, missing = x;
    small_net_init(&s, OA_DTYPE_FLOAT);
    broken.count = 7;
    missing.data = NULL;
    oa_error error = {0};
    assert_int_equal(net_run(&y, &s.made, &doubles, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "'x' is float64 and should be float32"));
    assert_int_equal(net_run(&y, &s.made, &broken, NULL, &error), OA_ERROR_INPUT);
    assert_int_equal(net_run(&y, &s.made, &missing, NULL, &error), OA_ERROR_INPUT);
    assert_int_equal(net_run(&y, &s.made, &rows, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "Conv"));
    /* Where the model declares a shape, the message says that the data has another. */
    oa_value *declared = &s.made.graph->values[s.made.graph->inputs[0]];
    declared->has_shape = true;
    declared->rank = 4;
    memcpy(declared->dims, (const int64_t[]){-1, 3, 6, 6}, 4 * sizeof(int64_t));
    assert_int_equal(net_run(&y, &s.made, &rows, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "input 'x' of shape [1, 108]"));
    assert_int_equal(net_run(&y, &s.made, &x, NULL, &error), OA_OK);
    oa_array_free(&y);
    small_net_free(&s);
    oa_array_free(&x);
    oa_array_free(&doubles);
    oa_array_free(&rows);
}

/* A constant of a type without elements in memory can be carried along, but not read. */
static void run__refuses_constants_that_it_cannot_read(void **state)
{
    (void)state;
    oa_array x = scalar_float(1.0f), y = {0};
    oa_array strange = {.dtype = (oa_dtype)17, .rank = 1, .dims = {3}, .count = 3};
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_constant(&made, "strange", &strange);
    net_node(&made, &add, "x strange", "y");
    net_output(&made, "y");
    assert_int_equal(net_finish(&made), OA_OK);
    oa_error error = {0};
    assert_int_equal(net_run(&y, &made, &x, NULL, &error), OA_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "strange"));
    net_destroy(&made);
    made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_constant(&made, "strange", &strange);
    net_output(&made, "strange");
    assert_int_equal(net_finish(&made), OA_OK);
    assert_int_equal(net_run(&y, &made, &x, NULL, &error), OA_ERROR_UNSUPPORTED);
    net_destroy(&made);
    oa_array_free(&x);
}

/* Strings outlive what they were taken from. */
static void run__keeps_strings_alive(void **state)
{
    (void)state;
    static const char *const texts[] = {"zero", "", "a rather long third string"};
    static const size_t three = 3;
    static const int64_t order[] = {2, 0, 1, 2};
    op gather = {.type = "Gather", .version = 13}, concat = {.type = "Concat", .version = 13};
    add_attribute(&concat, attribute_int("axis", 0));
    oa_array x = make_array(OA_DTYPE_STRING, &three, 1), indices = int64_list(order, 4), y = {0};
    for (size_t i = 0; i < 3; i++) {
        ((oa_string_view *)x.data)[i] = (oa_string_view){texts[i], strlen(texts[i])};
    }
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_STRING);
    net_constant(&made, "indices", &indices);
    net_node(&made, &gather, "x indices", "g");
    net_node(&made, &concat, "g x", "y");
    net_output(&made, "y");
    assert_int_equal(net_finish(&made), OA_OK);
    oa_error error = {0};
    assert_int_equal(net_run(&y, &made, &x, NULL, &error), OA_OK);
    oa_array_free(&x);
    net_destroy(&made);
    assert_int_equal(y.count, 7);
    for (size_t i = 0; i < 7; i++) {
        const char *expected = texts[i < 4 ? order[i] : (int64_t)i - 4];
        const oa_string_view *view = &((oa_string_view *)y.data)[i];
        assert_int_equal(view->size, strlen(expected));
        assert_true(view->size == 0 || memcmp(view->data, expected, view->size) == 0);
    }
    oa_array_free(&y);
    oa_array_free(&indices);
}

/* What a watcher has seen: names of values in order, and the first elements. */
typedef struct sight {
    const oa_graph *graph;
    char names[100];
    float first[10];
    size_t count;
    size_t fails_at; /* the call that fails, from 1 */
} sight;

static oa_status watch(void *context, size_t value, const oa_array *array, oa_error *error)
{
    sight *seen = context;
    strcat(seen->names, seen->graph->values[value].name);
    seen->first[seen->count++] = ((const float *)array->data)[0];
    return seen->count == seen->fails_at ? oa_fail(error, OA_ERROR_MEMORY, "enough") : OA_OK;
}

static void watch__shows_what_nodes_compute_and_something_reads(void **state)
{
    (void)state;
    static const float values[] = {1.0f, 2.0f};
    op dropout = {.type = "Dropout", .version = 13};
    oa_array x = float_list(values, 2), output = {0};
    oa_executor *executor = NULL;
    oa_error error = {0};
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_node(&made, &neg, "x", "n");
    net_node(&made, &identity, "n", "v");     /* a view of n */
    net_node(&made, &dropout, "v", "d mask"); /* nothing reads the mask */
    net_node(&made, &add, "d d", "s");
    net_node(&made, &relu, "s", "r"); /* may be computed in the place of s */
    net_output(&made, "r");
    assert_int_equal(net_finish(&made), OA_OK);
    assert_int_equal(oa_executor_create(&executor, made.graph, &error), OA_OK);
    sight seen = {.graph = made.graph};
    oa_executor_watch(executor, watch, &seen);
    assert_int_equal(oa_executor_run(&output, executor, &x, NULL, &error), OA_OK);
    assert_string_equal(seen.names, "nvdsr");
    static const float expected[] = {-1.0f, -1.0f, -1.0f, -2.0f, 0.0f};
    assert_memory_equal(seen.first, expected, sizeof expected);
    oa_array_free(&output);
    oa_executor_watch(executor, NULL, NULL);
    assert_int_equal(oa_executor_run(&output, executor, &x, NULL, &error), OA_OK);
    assert_int_equal(seen.count, 5);
    oa_array_free(&output);
    oa_executor_destroy(executor);
    net_destroy(&made);
    oa_array_free(&x);
}

static void watch__ends_a_run_when_it_fails(void **state)
{
    (void)state;
    static const float values[] = {1.0f, 2.0f};
    oa_array x = float_list(values, 2), output = {0};
    oa_executor *executor = NULL;
    net made = net_create();
    net_input(&made, "x", OA_DTYPE_FLOAT);
    net_node(&made, &neg, "x", "n");
    net_node(&made, &relu, "n", "r");
    net_node(&made, &add, "n r", "s");
    net_output(&made, "s");
    assert_int_equal(net_finish(&made), OA_OK);
    assert_int_equal(oa_executor_create(&executor, made.graph, NULL), OA_OK);
    for (size_t n = 1; n <= 3; n++) {
        sight seen = {.graph = made.graph, .fails_at = n};
        oa_error error = {0};
        oa_executor_watch(executor, watch, &seen);
        assert_int_equal(oa_executor_run(&output, executor, &x, NULL, &error), OA_ERROR_MEMORY);
        assert_string_equal(error.message, "enough");
        assert_true(seen.count == n && !output.data);
    }
    oa_executor_watch(executor, NULL, NULL);
    assert_int_equal(oa_executor_run(&output, executor, &x, NULL, NULL), OA_OK);
    oa_array_free(&output);
    oa_executor_destroy(executor);
    net_destroy(&made);
    oa_array_free(&x);
}

static void operators__are_listed_once(void **state)
{
    (void)state;
    const char *domain, *type, *other_domain, *other;
    size_t count = 0;
    for (; oa_executor_operator(&domain, &type, count); count++) {
        assert_true(oa_executor_supports(domain, type));
        for (size_t i = 0; i < count; i++) {
            assert_true(oa_executor_operator(&other_domain, &other, i));
            assert_true(strcmp(other, type) != 0 || strcmp(other_domain, domain) != 0);
        }
    }
    assert_true(count > 100);
    assert_false(oa_executor_supports("", "Gargle"));
    assert_false(oa_executor_supports("com.example", "Relu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run__gives_outputs_of_their_own),
        cmocka_unit_test(run__overwrites_no_value_that_is_still_read),
        cmocka_unit_test(run__gives_the_same_bytes_again),
        cmocka_unit_test(run__computes_with_16_bit_floats),
        cmocka_unit_test(run__reads_replaced_payloads),
        cmocka_unit_test(create__names_what_it_has_no_kernel_for),
        cmocka_unit_test(create__names_as_many_operators_as_a_message_holds),
        cmocka_unit_test(run__refuses_attributes_that_it_does_not_know),
        cmocka_unit_test(run__checks_its_inputs),
        cmocka_unit_test(run__refuses_constants_that_it_cannot_read),
        cmocka_unit_test(run__keeps_strings_alive),
        cmocka_unit_test(watch__shows_what_nodes_compute_and_something_reads),
        cmocka_unit_test(watch__ends_a_run_when_it_fails),
        cmocka_unit_test(operators__are_listed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
