/* Elementwise operators of one input, against the C library in double precision. */
#include "tests/exec/integers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double softplus(double x)
{
    return x > 30.0 ? x : log1p(exp(x));
}

static double of_relu(double x)
{
    return x > 0.0 ? x : 0.0;
}

static double of_sign(double x)
{
    return (double)((x > 0.0) - (x < 0.0));
}

static double of_reciprocal(double x)
{
    return 1.0 / x;
}

static double of_neg(double x)
{
    return -x;
}

static double softsign(double x)
{
    return x / (1.0 + fabs(x));
}

static double hard_swish(double x)
{
    return x * fmax(0.0, fmin(1.0, x / 6.0 + 0.5));
}

static double mish(double x)
{
    return x * tanh(softplus(x));
}

static double gelu(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2.0));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1.0 + tanh(sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static double leaky_relu(double x)
{
    return x < 0.0 ? 0.25 * x : x;
}

static double elu(double x)
{
    return x < 0.0 ? 0.25 * (exp(x) - 1.0) : x;
}

static double celu(double x)
{
    return fmax(0.0, x) + fmin(0.0, 0.25 * (exp(x / 0.25) - 1.0));
}

static double selu(double x)
{
    return 1.5 * (x <= 0.0 ? 0.25 * exp(x) - 0.25 : x);
}

static double thresholded_relu(double x)
{
    return x > 0.25 ? x : 0.0;
}

static double hard_sigmoid(double x)
{
    return fmax(0.0, fmin(1.0, 0.25 * x + 1.5));
}

static double shrink(double x)
{
    return x < -0.25 ? x + 1.5 : x > 0.25 ? x - 1.5 : 0.0;
}

/* What a function is given: its domain, and attributes alpha = 0.25 with a second one of 1.5 under this name. */
static const struct {
    const char *type;
    double (*function)(double);
    double low, high;
    const char *first, *second;
} unary_operators[] = {
    {"Abs", fabs, -9, 9, NULL, NULL},
    {"Neg", of_neg, -9, 9, NULL, NULL},
    {"Relu", of_relu, -9, 9, NULL, NULL},
    {"Sign", of_sign, -9, 9, NULL, NULL},
    {"Exp", exp, -5, 5, NULL, NULL},
    {"Log", log, 0.01, 50, NULL, NULL},
    {"Sqrt", sqrt, 0, 50, NULL, NULL},
    {"Reciprocal", of_reciprocal, 0.1, 9, NULL, NULL},
    {"Floor", floor, -9, 9, NULL, NULL},
    {"Ceil", ceil, -9, 9, NULL, NULL},
    {"Round", rint, -9, 9, NULL, NULL},
    {"Sin", sin, -9, 9, NULL, NULL},
    {"Cos", cos, -9, 9, NULL, NULL},
    {"Tan", tan, -1.2, 1.2, NULL, NULL},
    {"Asin", asin, -1, 1, NULL, NULL},
    {"Acos", acos, -1, 1, NULL, NULL},
    {"Atan", atan, -9, 9, NULL, NULL},
    {"Sinh", sinh, -4, 4, NULL, NULL},
    {"Cosh", cosh, -4, 4, NULL, NULL},
    {"Tanh", tanh, -9, 9, NULL, NULL},
    {"Asinh", asinh, -9, 9, NULL, NULL},
    {"Acosh", acosh, 1, 20, NULL, NULL},
    {"Atanh", atanh, -0.9, 0.9, NULL, NULL},
    {"Erf", erf, -4, 4, NULL, NULL},
    {"Sigmoid", sigmoid, -90, 90, NULL, NULL},
    {"Softplus", softplus, -90, 90, NULL, NULL},
    {"Softsign", softsign, -9, 9, NULL, NULL},
    {"HardSwish", hard_swish, -9, 9, NULL, NULL},
    {"Mish", mish, -9, 9, NULL, NULL},
    {"Gelu", gelu, -4, 9, NULL, NULL},
    {"Gelu", gelu_tanh, -4, 9, "approximate", NULL},
    {"LeakyRelu", leaky_relu, -9, 9, "alpha", NULL},
    {"Elu", elu, -9, 9, "alpha", NULL},
    {"Celu", celu, -9, 9, "alpha", NULL},
    {"Selu", selu, -9, 9, "alpha", "gamma"},
    {"ThresholdedRelu", thresholded_relu, -9, 9, "alpha", NULL},
    {"HardSigmoid", hard_sigmoid, -9, 9, "alpha", "beta"},
    {"Shrink", shrink, -9, 9, "lambd", "bias"},
};

static void unary__equals_the_function_in_double(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16};
    static const double relative[] = {1e-5, 1e-12, 2e-3, 1.6e-2}, absolute[] = {1e-6, 1e-13, 1e-3, 1e-2};
    static const size_t dims[] = {3, 67};
    for (size_t i = 0; i < sizeof unary_operators / sizeof unary_operators[0]; i++) {
        for (size_t kind = 0; kind < 4; kind++) {
            oa_random random;
            oa_random_init(&random, i);
            oa_array made = make_array(OA_DTYPE_DOUBLE, dims, 2);
            for (size_t k = 0; k < made.count; k++) {
                double low = unary_operators[i].low, high = unary_operators[i].high;
                ((double *)made.data)[k] = low + (high - low) * oa_random_uniform(&random);
            }
            oa_array x = floats_as(&made, dtypes[kind]), exact = make_array(OA_DTYPE_DOUBLE, dims, 2);
            for (size_t k = 0; k < made.count; k++) {
                ((double *)exact.data)[k] = unary_operators[i].function(number_at(&x, k));
            }
            oa_array expected = floats_as(&exact, dtypes[kind]);
            op node = {.type = unary_operators[i].type, .version = 20};
            if (unary_operators[i].first && strcmp(unary_operators[i].first, "approximate") == 0) {
                add_attribute(&node, attribute_string("approximate", "tanh"));
            } else if (unary_operators[i].first) {
                add_attribute(&node, attribute_float(unary_operators[i].first, 0.25f));
            }
            if (unary_operators[i].second) {
                add_attribute(&node, attribute_float(unary_operators[i].second, 1.5f));
            }
            oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
            assert_agree(&y, &expected, relative[kind], absolute[kind], node.type, i);
            oa_array_free(&made);
            oa_array_free(&x);
            oa_array_free(&exact);
            oa_array_free(&expected);
            oa_array_free(&y);
        }
    }
}

/* NaN stays NaN, except in comparisons; the tails are what the limits are. */
static void unary__is_right_at_the_ends(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        float x, expected;
    } cases[] = {
        {"Relu", NAN, NAN},           {"Sign", NAN, NAN},
        {"HardSigmoid", NAN, NAN},    {"LeakyRelu", NAN, NAN},
        {"Sigmoid", -200.0f, 0.0f},   {"Sigmoid", 200.0f, 1.0f},
        {"Softplus", 200.0f, 200.0f}, {"Softplus", -200.0f, 0.0f},
        {"Softplus", NAN, NAN},       {"Elu", -INFINITY, -1.0f},
        {"Tanh", INFINITY, 1.0f},     {"Round", 2.5f, 2.0f},
        {"Round", -3.5f, -4.0f},      {"Exp", -INFINITY, 0.0f},
        {"Log", 0.0f, -INFINITY},     {"Reciprocal", 0.0f, INFINITY},
        {"Clip", NAN, NAN},           {"ThresholdedRelu", NAN, NAN},
        {"Mish", 200.0f, 200.0f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        oa_array x = scalar_float(cases[i].x), expected = scalar_float(cases[i].expected);
        op node = {.type = cases[i].type, .version = 20};
        oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
        assert_agree(&y, &expected, 1e-6, 1e-30, cases[i].type, i);
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&expected);
    }
}

static void unary__takes_the_integers_that_it_is_defined_for(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_INT8,  OA_DTYPE_INT16,  OA_DTYPE_INT32,  OA_DTYPE_INT64,
                                      OA_DTYPE_UINT8, OA_DTYPE_UINT16, OA_DTYPE_UINT32, OA_DTYPE_UINT64};
    static const char *const types[] = {"Abs", "Neg", "Relu", "Sign"};
    static const size_t dims[] = {100};
    for (size_t i = 0; i < 32; i++) {
        oa_random random;
        oa_random_init(&random, i);
        oa_array x = random_integers(&random, dtypes[i % 8], dims, 1);
        op node = {.type = types[i / 8], .version = 14};
        if (i / 8 == 1 && i % 8 >= 4) {
            expect_failure(&node, (const oa_array *const[]){&x}, 1, OA_ERROR_UNSUPPORTED);
            oa_array_free(&x);
            continue;
        }
        oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
        for (size_t k = 0; k < y.count; k++) {
            wide value = integer_at(&x, k);
            wide expected = i / 8 == 0   ? (value < 0 ? -value : value)
                            : i / 8 == 1 ? -value
                            : i / 8 == 2 ? (value < 0 ? 0 : value)
                                         : (value > 0) - (value < 0);
            assert_seeded(holds(&y, k, expected), node.type, i);
        }
        oa_array_free(&x);
        oa_array_free(&y);
    }
    /* The bounds of Shrink are floats, and what leaves the range is clamped. */
    static const size_t three[] = {3};
    oa_array bytes = make_array(OA_DTYPE_INT8, three, 1);
    memcpy(bytes.data, (const int8_t[]){-100, 1, 100}, 3);
    op node = {.type = "Shrink", .version = 9};
    add_attribute(&node, attribute_float("bias", -50.0f));
    add_attribute(&node, attribute_float("lambd", 1.5f));
    oa_array y = run_one(&node, (const oa_array *const[]){&bytes}, 1);
    assert_memory_equal(y.data, ((const int8_t[]){-128, 0, 127}), 3);
    oa_array_free(&bytes);
    oa_array_free(&y);
}

static void is_inf__looks_where_it_is_told(void **state)
{
    (void)state;
    static const float values[] = {INFINITY, -INFINITY, NAN, 1.0f};
    oa_array x = float_list(values, 4), doubles = floats_as(&x, OA_DTYPE_DOUBLE);
    for (int i = 0; i < 8; i++) {
        op node = {.type = "IsInf", .version = 10};
        add_attribute(&node, attribute_int("detect_positive", i & 1));
        add_attribute(&node, attribute_int("detect_negative", i >> 1 & 1));
        oa_array y = run_one(&node, (const oa_array *const[]){i & 4 ? &x : &doubles}, 1);
        assert_memory_equal(y.data, ((const uint8_t[]){i & 1, i >> 1 & 1, 0, 0}), 4);
        oa_array_free(&y);
    }
    op node = {.type = "IsNaN", .version = 9};
    oa_array y = run_one(&node, (const oa_array *const[]){&doubles}, 1);
    assert_memory_equal(y.data, ((const uint8_t[]){0, 0, 1, 0}), 4);
    oa_array_free(&y);
    oa_array_free(&x);
    oa_array_free(&doubles);
}

static void clip__takes_bounds_as_attributes_and_inputs(void **state)
{
    (void)state;
    static const float values[] = {-3.0f, -0.5f, 0.5f, 3.0f, INFINITY};
    oa_array x = float_list(values, 5), low = scalar_float(-1.0f), high = scalar_float(1.0f),
             below = scalar_float(-2.0f);
    static const float both[] = {-1.0f, -0.5f, 0.5f, 1.0f, 1.0f}, only_low[] = {-1.0f, -0.5f, 0.5f, 3.0f, INFINITY};
    static const float crossed[] = {-2.0f, -2.0f, -2.0f, -2.0f, -2.0f};
    op node = {.type = "Clip", .version = 13};
    oa_array y = run_one(&node, (const oa_array *const[]){&x, &low, &high}, 3);
    assert_memory_equal(y.data, both, sizeof both);
    oa_array_free(&y);
    y = run_one(&node, (const oa_array *const[]){&x, &low, NULL}, 3);
    assert_memory_equal(y.data, only_low, sizeof only_low);
    oa_array_free(&y);
    y = run_one(&node, (const oa_array *const[]){&x, &low, &below}, 3); /* the upper bound wins */
    assert_memory_equal(y.data, crossed, sizeof crossed);
    oa_array_free(&y);
    op old = {.type = "Clip", .version = 6};
    add_attribute(&old, attribute_float("min", -1.0f));
    y = run_one(&old, (const oa_array *const[]){&x}, 1);
    assert_memory_equal(y.data, only_low, sizeof only_low);
    oa_array_free(&y);
    oa_array doubles = floats_as(&x, OA_DTYPE_DOUBLE);
    add_attribute(&old, attribute_float("max", 1.0f));
    y = run_one(&old, (const oa_array *const[]){&doubles}, 1);
    assert_true(number_at(&y, 0) == -1.0 && number_at(&y, 4) == 1.0);
    oa_array_free(&y);
    expect_failure(&old, (const oa_array *const[]){&x, &low}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, &x}, 2, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&low);
    oa_array_free(&high);
    oa_array_free(&below);
    oa_array_free(&doubles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary__equals_the_function_in_double),
        cmocka_unit_test(unary__is_right_at_the_ends),
        cmocka_unit_test(unary__takes_the_integers_that_it_is_defined_for),
        cmocka_unit_test(is_inf__looks_where_it_is_told),
        cmocka_unit_test(clip__takes_bounds_as_attributes_and_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
