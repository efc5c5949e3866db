/* Cast between all types, against conversions written out, and text against what NumPy prints. */
#include "tests/exec/integers.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

static const oa_dtype numbers[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16,
                                   OA_DTYPE_INT8,  OA_DTYPE_INT16,  OA_DTYPE_INT32,   OA_DTYPE_INT64,
                                   OA_DTYPE_UINT8, OA_DTYPE_UINT16, OA_DTYPE_UINT32,  OA_DTYPE_UINT64,
                                   OA_DTYPE_BOOL};
enum { NUMBER_COUNT = 13 };

static oa_array cast_to(const oa_array *x, oa_dtype dtype)
{
    op node = {.type = "Cast", .version = 13};
    add_attribute(&node, attribute_int("to", (int64_t)dtype));
    return run_one(&node, (const oa_array *const[]){x}, 1);
}

/* Small whole numbers are the same in every type that holds them. */
static void cast__keeps_small_numbers(void **state)
{
    (void)state;
    const size_t count = 100;
    for (size_t i = 0; i < NUMBER_COUNT * NUMBER_COUNT; i++) {
        oa_dtype from = numbers[i / NUMBER_COUNT], to = numbers[i % NUMBER_COUNT];
        bool is_bool = from == OA_DTYPE_BOOL || to == OA_DTYPE_BOOL;
        oa_array x = make_array(from, &count, 1);
        for (size_t k = 0; k < count; k++) {
            double value = (double)k;
            uint64_t bits = from == OA_DTYPE_BOOL ? k % 2 : k;
            if (oa_dtype_is_float(from)) {
                oa_floats_from_f64((char *)x.data + k * oa_dtype_size(from), from, &value, 1);
            } else {
                memcpy((char *)x.data + k * oa_dtype_size(from), &bits, oa_dtype_size(from));
            }
        }
        oa_array y = cast_to(&x, to);
        for (size_t k = 0; k < count; k++) {
            double expected = from == OA_DTYPE_BOOL ? (double)(k % 2)
                              : to == OA_DTYPE_BOOL ? (double)(k > 0)
                                                    : (double)k;
            assert_seeded(number_at(&y, k) == expected && y.dtype == to, is_bool ? "bool" : "number", i);
        }
        oa_array_free(&x);
        oa_array_free(&y);
    }
}

static void cast__wraps_integers_and_clamps_reals(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 64; seed++) {
        static const size_t dims[] = {50};
        oa_random random;
        oa_random_init(&random, seed);
        oa_dtype from = numbers[4 + seed % 8], to = numbers[4 + seed / 8 % 8];
        oa_array x = random_integers(&random, from, dims, 1), y = cast_to(&x, to);
        for (size_t k = 0; k < 50; k++) {
            assert_seeded(holds(&y, k, integer_at(&x, k)), "low bits", seed);
        }
        oa_array_free(&x);
        oa_array_free(&y);
    }
    static const float values[] = {-1e30f, 1e30f, NAN, -1.9f, 1.9f, 254.9f, -128.9f};
    oa_array x = float_list(values, 7);
    static const int8_t bytes[] = {-128, 127, 0, -1, 1, 127, -128};
    static const uint8_t unsigned_bytes[] = {0, 255, 0, 0, 1, 254, 0};
    static const uint64_t words[] = {0, UINT64_MAX, 0, 0, 1, 254, 0};
    static const int64_t signed_words[] = {INT64_MIN, INT64_MAX, 0, -1, 1, 254, -128};
    static const uint8_t bools[] = {1, 1, 1, 1, 1, 1, 1};
    const struct {
        oa_dtype dtype;
        const void *expected;
    } cases[] = {{OA_DTYPE_INT8, bytes},
                 {OA_DTYPE_UINT8, unsigned_bytes},
                 {OA_DTYPE_UINT64, words},
                 {OA_DTYPE_INT64, signed_words},
                 {OA_DTYPE_BOOL, bools}};
    for (size_t i = 0; i < 5; i++) {
        oa_array y = cast_to(&x, cases[i].dtype);
        assert_memory_equal(y.data, cases[i].expected, 7 * oa_dtype_size(cases[i].dtype));
        oa_array_free(&y);
    }
    oa_array_free(&x);
}

/* A number between two neighbours of the narrow type and just above the middle as double: by way of float32 it would be
 * rounded to the middle first and then to the even neighbour below. */
static void cast__rounds_once(void **state)
{
    (void)state;
    const size_t one = 1;
    oa_array x = make_array(OA_DTYPE_DOUBLE, &one, 1), integer = make_array(OA_DTYPE_INT64, &one, 1);
    *(double *)x.data = 1.0 + 0x1p-11 + 0x1p-40;
    oa_array half = cast_to(&x, OA_DTYPE_FLOAT16);
    assert_true(number_at(&half, 0) == 1.0 + 0x1p-10);
    *(double *)x.data = 1.0 + 0x1p-8 + 0x1p-40;
    oa_array brain = cast_to(&x, OA_DTYPE_BFLOAT16);
    assert_true(number_at(&brain, 0) == 1.0 + 0x1p-7);
    /* An integer that double would round to the middle between two floats. */
    *(int64_t *)integer.data = (INT64_C(1) << 60) + (INT64_C(1) << 36) + 1;
    oa_array single = cast_to(&integer, OA_DTYPE_FLOAT);
    assert_true(number_at(&single, 0) == 0x1p60 + 0x1p37);
    oa_array_free(&x);
    oa_array_free(&integer);
    oa_array_free(&half);
    oa_array_free(&brain);
    oa_array_free(&single);
}

static bool is_text(const oa_array *strings, size_t i, const char *text)
{
    const oa_string_view *view = &((const oa_string_view *)strings->data)[i];
    return view->size == strlen(text) && memcmp(view->data, text, view->size) == 0;
}

/* What str() of NumPy's scalars gives. */
static void cast__prints_like_numpy(void **state)
{
    (void)state;
    static const struct {
        double value;
        oa_dtype dtype;
        const char *text;
    } cases[] = {
        {0.0, OA_DTYPE_FLOAT, "0.0"},
        {-0.0, OA_DTYPE_FLOAT, "-0.0"},
        {1.0, OA_DTYPE_FLOAT, "1.0"},
        {0.1, OA_DTYPE_FLOAT, "0.1"},
        {-0.47892547, OA_DTYPE_FLOAT, "-0.47892547"},
        {123456.0, OA_DTYPE_FLOAT, "123456.0"},
        {16777216.0, OA_DTYPE_FLOAT, "16777216.0"},
        {0.0001, OA_DTYPE_FLOAT, "1e-04"}, /* as float32 it is less */
        {0.0001, OA_DTYPE_DOUBLE, "0.0001"},
        {0.00010001, OA_DTYPE_FLOAT, "0.00010001"},
        {0.00001, OA_DTYPE_FLOAT, "1e-05"},
        {0.000012345, OA_DTYPE_FLOAT, "1.2345e-05"},
        {1e15, OA_DTYPE_FLOAT, "1000000000000000.0"},
        {1e16, OA_DTYPE_FLOAT, "1e+16"},
        {3.4028235e38, OA_DTYPE_FLOAT, "3.4028235e+38"},
        {1e-45, OA_DTYPE_FLOAT, "1e-45"},
        {(double)NAN, OA_DTYPE_FLOAT, "nan"},
        {(double)INFINITY, OA_DTYPE_FLOAT, "inf"},
        {-(double)INFINITY, OA_DTYPE_FLOAT, "-inf"},
        {0.1, OA_DTYPE_DOUBLE, "0.1"},
        {1.0 / 3.0, OA_DTYPE_DOUBLE, "0.3333333333333333"},
        {1e300, OA_DTYPE_DOUBLE, "1e+300"},
        {1234567.891, OA_DTYPE_DOUBLE, "1234567.891"},
        {5e-324, OA_DTYPE_DOUBLE, "5e-324"},
        {0.1, OA_DTYPE_FLOAT16, "0.1"},
        {65504.0, OA_DTYPE_FLOAT16, "65500.0"},
        {1.0 / 3.0, OA_DTYPE_FLOAT16, "0.3333"},
    };
    const size_t one = 1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        oa_array x = make_array(cases[i].dtype, &one, 1);
        oa_floats_from_f64(x.data, x.dtype, &cases[i].value, 1);
        oa_array y = cast_to(&x, OA_DTYPE_STRING);
        if (!is_text(&y, 0, cases[i].text)) {
            const oa_string_view *view = y.data;
            fail_msg("'%.*s' and should be '%s'", (int)view->size, view->data, cases[i].text);
        }
        oa_array_free(&x);
        oa_array_free(&y);
    }
    oa_array integers = int64_list((const int64_t[]){INT64_MIN, 0, 42}, 3), y = cast_to(&integers, OA_DTYPE_STRING);
    assert_true(is_text(&y, 0, "-9223372036854775808") && is_text(&y, 1, "0") && is_text(&y, 2, "42"));
    oa_array_free(&y);
    integers.dtype = OA_DTYPE_UINT64;
    y = cast_to(&integers, OA_DTYPE_STRING);
    assert_true(is_text(&y, 0, "9223372036854775808"));
    oa_array_free(&y);
    oa_array bools = cast_to(&integers, OA_DTYPE_BOOL);
    y = cast_to(&bools, OA_DTYPE_STRING);
    assert_true(is_text(&y, 0, "True") && is_text(&y, 1, "False"));
    oa_array_free(&y);
    oa_array_free(&bools);
    oa_array_free(&integers);
}

/* Whatever is printed reads back as the same number, in any locale. */
static void cast__text_reads_back(void **state)
{
    (void)state;
    static const oa_dtype floats[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16};
    static const size_t dims[] = {2000};
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* a decimal comma, where it is installed */
    for (uint64_t seed = 1; seed <= 4; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        oa_array x = random_integers(&random, OA_DTYPE_UINT64, dims, 1); /* any bit patterns, narrowed by the view */
        x.dtype = floats[seed - 1];
        oa_array text = cast_to(&x, OA_DTYPE_STRING), y = cast_to(&text, x.dtype);
        for (size_t i = 0; i < x.count; i++) {
            double before = number_at(&x, i), after = number_at(&y, i);
            assert_seeded(isnan(before) ? isnan(after) : before == after, "text", seed);
        }
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&text);
    }
    (void)setlocale(LC_ALL, "C");
    print_message("seeds 1 to 4\n");
}

static oa_array string_list(const char *const *texts, size_t count)
{
    oa_array array = make_array(OA_DTYPE_STRING, &count, 1);
    for (size_t i = 0; i < count; i++) {
        ((oa_string_view *)array.data)[i] = (oa_string_view){texts[i], strlen(texts[i])};
    }
    return array;
}

static void cast__reads_numbers_from_text(void **state)
{
    (void)state;
    static const char *const reals[] = {"3.14", "1e-3", "NaN", "INF", "+INF", "-INF", " 2 "};
    static const float values[] = {3.14f, 1e-3f, NAN, INFINITY, INFINITY, -INFINITY, 2.0f};
    oa_array text = string_list(reals, 7), expected = float_list(values, 7), y = cast_to(&text, OA_DTYPE_FLOAT);
    assert_agree(&y, &expected, 0.0, 0.0, "numbers", 0);
    oa_array_free(&text);
    oa_array_free(&expected);
    oa_array_free(&y);
    static const struct {
        const char *text;
        oa_dtype dtype;
        bool is_number;
    } cases[] = {{"127", OA_DTYPE_INT8, true},
                 {"128", OA_DTYPE_INT8, false},
                 {"-128", OA_DTYPE_INT8, true},
                 {"-1", OA_DTYPE_UINT8, false},
                 {"255", OA_DTYPE_UINT8, true},
                 {"18446744073709551615", OA_DTYPE_UINT64, true},
                 {"18446744073709551616", OA_DTYPE_UINT64, false},
                 {"9223372036854775808", OA_DTYPE_INT64, false},
                 {"", OA_DTYPE_FLOAT, false},
                 {"abc", OA_DTYPE_FLOAT, false},
                 {"1.5x", OA_DTYPE_DOUBLE, false},
                 {"1.5", OA_DTYPE_INT32, false},
                 {"12", OA_DTYPE_INT16, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        oa_array one = string_list(&cases[i].text, 1);
        op node = {.type = "Cast", .version = 13};
        add_attribute(&node, attribute_int("to", (int64_t)cases[i].dtype));
        if (cases[i].is_number) {
            oa_array number = run_one(&node, (const oa_array *const[]){&one}, 1);
            oa_array again = cast_to(&number, OA_DTYPE_STRING);
            assert_true(is_text(&again, 0, cases[i].text));
            oa_array_free(&number);
            oa_array_free(&again);
        } else {
            expect_failure(&node, (const oa_array *const[]){&one}, 1, OA_ERROR_INPUT);
        }
        oa_array_free(&one);
    }
}

static void cast__names_types_in_old_sets(void **state)
{
    (void)state;
    oa_array x = scalar_float(2.5f);
    op node = {.type = "Cast", .version = 1}, unknown = {.type = "Cast", .version = 1};
    add_attribute(&node, attribute_string("to", "INT32"));
    oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
    assert_true(y.dtype == OA_DTYPE_INT32 && *(int32_t *)y.data == 2);
    oa_array_free(&y);
    add_attribute(&unknown, attribute_string("to", "INT33"));
    expect_failure(&unknown, (const oa_array *const[]){&x}, 1, OA_ERROR_UNSUPPORTED);
    static const int64_t types[] = {OA_DTYPE_UNDEFINED, OA_DTYPE_COMPLEX64, 17, -1, INT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        op bad = {.type = "Cast", .version = 19};
        add_attribute(&bad, attribute_int("to", types[i]));
        expect_failure(&bad, (const oa_array *const[]){&x}, 1, OA_ERROR_UNSUPPORTED);
    }
    oa_array like = make_array(OA_DTYPE_UINT16, NULL, 0);
    op cast_like = {.type = "CastLike", .version = 15};
    y = run_one(&cast_like, (const oa_array *const[]){&x, &like}, 2);
    assert_true(y.dtype == OA_DTYPE_UINT16 && *(uint16_t *)y.data == 2);
    oa_array_free(&y);
    oa_array_free(&x);
    oa_array_free(&like);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cast__keeps_small_numbers),
        cmocka_unit_test(cast__wraps_integers_and_clamps_reals),
        cmocka_unit_test(cast__rounds_once),
        cmocka_unit_test(cast__prints_like_numpy),
        cmocka_unit_test(cast__text_reads_back),
        cmocka_unit_test(cast__reads_numbers_from_text),
        cmocka_unit_test(cast__names_types_in_old_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
