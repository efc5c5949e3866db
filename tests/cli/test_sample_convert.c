/* Element types: what converts to what, and what is refused. */
#include "support.h"

#include "plugin/cli/sample_convert.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const oa_dtype INTEGERS[] = {OA_DTYPE_INT8,  OA_DTYPE_UINT8,  OA_DTYPE_INT16, OA_DTYPE_UINT16,
                                    OA_DTYPE_INT32, OA_DTYPE_UINT32, OA_DTYPE_INT64, OA_DTYPE_UINT64};
static const oa_dtype FLOATS[] = {OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16, OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE};

/* A one-element array that lies in `element`. */
static oa_raw_samples raw_of(oa_dtype dtype, const void *element)
{
    return (oa_raw_samples){.dtype = dtype, .rank = 1, .dims = {1}, .count = 1, .data = element};
}

/* The bytes of an integer of the type, from its two's complement. */
static void store(unsigned char *element, oa_dtype dtype, uint64_t bits)
{
    uint8_t one = (uint8_t)bits;
    uint16_t two = (uint16_t)bits;
    uint32_t four = (uint32_t)bits;
    const void *const from[] = {NULL, &one, &two, NULL, &four, NULL, NULL, NULL, &bits};
    memcpy(element, from[oa_dtype_size(dtype)], oa_dtype_size(dtype));
}

static oa_status convert(void *to, oa_dtype to_dtype, oa_dtype from_dtype, const void *from, double scale,
                         oa_error *error)
{
    oa_raw_samples raw = raw_of(from_dtype, from);
    return oa_sample_convert(to, to_dtype, &raw, 0, raw.count, scale, error);
}

/* The ranges of the types, as long doubles, which hold all of them exactly. */
static long double least_of(oa_dtype dtype)
{
    static const long double table[] = {
        [OA_DTYPE_INT8] = INT8_MIN,   [OA_DTYPE_INT16] = INT16_MIN, [OA_DTYPE_INT32] = INT32_MIN,
        [OA_DTYPE_INT64] = INT64_MIN, [OA_DTYPE_UINT64] = 0.0L,
    };
    return table[dtype];
}

static long double most_of(oa_dtype dtype)
{
    static const long double table[] = {
        [OA_DTYPE_INT8] = INT8_MAX,     [OA_DTYPE_INT16] = INT16_MAX,   [OA_DTYPE_INT32] = INT32_MAX,
        [OA_DTYPE_INT64] = INT64_MAX,   [OA_DTYPE_UINT8] = UINT8_MAX,   [OA_DTYPE_UINT16] = UINT16_MAX,
        [OA_DTYPE_UINT32] = UINT32_MAX, [OA_DTYPE_UINT64] = UINT64_MAX,
    };
    return table[dtype];
}

/* Every integer type to every other at the ends of both ranges: exact, or refused, as the ranges say. */
static void convert__keeps_integers_exactly_or_refuses(void **state)
{
    (void)state;
    static const uint64_t extremes[] = {0,
                                        1,
                                        127,
                                        128,
                                        255,
                                        256,
                                        32767,
                                        32768,
                                        65535,
                                        65536,
                                        INT32_MAX,
                                        1u << 31,
                                        UINT32_MAX,
                                        1ull << 32,
                                        INT64_MAX,
                                        1ull << 63,
                                        UINT64_MAX,
                                        (uint64_t)-2,
                                        -128ull,
                                        -129ull,
                                        -32768ull,
                                        -32769ull,
                                        -2147483648ull,
                                        -2147483649ull};
    for (size_t s = 0; s < COUNT_OF(INTEGERS); s++) {
        for (size_t t = 0; t < COUNT_OF(INTEGERS); t++) {
            for (size_t i = 0; i < COUNT_OF(extremes); i++) {
                bool is_signed = least_of(INTEGERS[s]) < 0.0L;
                long double value = is_signed ? (long double)(int64_t)extremes[i] : (long double)extremes[i];
                if (value < least_of(INTEGERS[s]) || value > most_of(INTEGERS[s])) {
                    continue;
                }
                unsigned char from[8];
                unsigned char to[8] = {0};
                unsigned char expected[8];
                oa_error error = {0};
                store(from, INTEGERS[s], extremes[i]);
                store(expected, INTEGERS[t], extremes[i]);
                oa_status status = convert(to, INTEGERS[t], INTEGERS[s], from, -1.0, &error);
                bool fits = value >= least_of(INTEGERS[t]) && value <= most_of(INTEGERS[t]);
                if ((status == OA_OK) != fits) {
                    fail_msg("%.0Lf from %s to %s: %s", value, oa_dtype_name(INTEGERS[s]), oa_dtype_name(INTEGERS[t]),
                             error.message);
                }
                if (fits) {
                    assert_memory_equal(to, expected, oa_dtype_size(INTEGERS[t]));
                } else {
                    char text[64];
                    snprintf(text, sizeof text, "is %.0Lf, which %s cannot hold", value, oa_dtype_name(INTEGERS[t]));
                    assert_non_null(strstr(error.message, text));
                    assert_int_equal(status, OA_ERROR_INPUT);
                }
            }
        }
    }
}

static void convert__takes_integral_floats_for_integers(void **state)
{
    (void)state;
    static const struct {
        oa_dtype dtype;
        double value;
        bool fits;
    } cases[] = {
        {OA_DTYPE_INT8, -128.0, true},      {OA_DTYPE_INT8, -129.0, false},   {OA_DTYPE_INT8, 127.5, false},
        {OA_DTYPE_UINT8, 255.0, true},      {OA_DTYPE_UINT8, 256.0, false},   {OA_DTYPE_UINT8, -1.0, false},
        {OA_DTYPE_UINT8, -0.0, true},       {OA_DTYPE_INT64, -0x1p63, true},  {OA_DTYPE_INT64, 0x1p63, false},
        {OA_DTYPE_UINT64, 0x1p63, true},    {OA_DTYPE_UINT64, 0x1p64, false}, {OA_DTYPE_INT64, 1e300, false},
        {OA_DTYPE_INT32, 0x1p-1074, false}, {OA_DTYPE_INT64, 0x1.8p52, true}, {OA_DTYPE_BOOL, 1.0, true},
        {OA_DTYPE_BOOL, 2.0, false},        {OA_DTYPE_BOOL, 0.5, false},      {OA_DTYPE_BOOL, -1.0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned char to[8] = {0};
        unsigned char expected[8] = {0};
        oa_status status = convert(to, cases[i].dtype, OA_DTYPE_DOUBLE, &cases[i].value, -1.0, NULL);
        if ((status == OA_OK) != cases[i].fits) {
            fail_msg("case %zu: %g to %s", i, cases[i].value, oa_dtype_name(cases[i].dtype));
        }
        if (cases[i].fits) {
            double value = cases[i].value;
            store(expected, cases[i].dtype, value < 0.0 ? (uint64_t)(int64_t)value : (uint64_t)value);
            assert_memory_equal(to, expected, sizeof to);
        }
    }
}

static void convert__refuses_what_a_float_type_cannot_hold(void **state)
{
    (void)state;
    static const struct {
        oa_dtype dtype;
        double most; /* the largest value that rounds to a finite one is just below `beyond` */
        double beyond;
    } cases[] = {
        {OA_DTYPE_FLOAT16, 65504.0, 65520.0},
        {OA_DTYPE_BFLOAT16, 0x1.FEp127, 0x1.FFp127},
        {OA_DTYPE_FLOAT, (double)FLT_MAX, 0x1.FFFFFFp127},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            double within = sign * nextafter(cases[i].beyond, 0.0);
            double beyond = sign * cases[i].beyond;
            unsigned char to[8];
            double back;
            oa_error error = {0};
            assert_int_equal(convert(to, cases[i].dtype, OA_DTYPE_DOUBLE, &within, -1.0, &error), OA_OK);
            oa_floats_to_f64(&back, to, cases[i].dtype, 1);
            assert_true(back == sign * cases[i].most);
            assert_int_equal(convert(to, cases[i].dtype, OA_DTYPE_DOUBLE, &beyond, -1.0, &error), OA_ERROR_INPUT);
            assert_non_null(strstr(error.message, oa_dtype_name(cases[i].dtype)));
        }
    }
}

static void convert__refuses_nan_and_infinity_by_place(void **state)
{
    (void)state;
    enum { COUNT = 5 * 300 * 2 };
    float values[COUNT] = {0};
    float to[COUNT];
    oa_error error = {0};
    oa_raw_samples raw = {
        .dtype = OA_DTYPE_FLOAT, .rank = 3, .dims = {5, 300, 2}, .count = COUNT, .data = (const unsigned char *)values};
    values[(3 * 300 + 217) * 2 + 1] = NAN;
    assert_int_equal(oa_sample_convert(to, OA_DTYPE_FLOAT, &raw, 0, raw.count, -1.0, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "element [3, 217, 1] is NaN"));
    values[1] = -INFINITY;
    assert_int_equal(oa_sample_convert(to, OA_DTYPE_FLOAT, &raw, 0, raw.count, -1.0, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "element [0, 0, 1] is infinite"));
    values[(3 * 300 + 217) * 2 + 1] = 0.0f;
    raw.is_fortran = true; /* then the second element of the file is [1, 0, 0] */
    assert_int_equal(oa_sample_convert(to, OA_DTYPE_FLOAT, &raw, 0, raw.count, -1.0, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "element [1, 0, 0] is infinite"));
    /* Also on the way to integers, and in the short types. */
    const uint16_t half_infinity = 0x7C00;
    const uint16_t bfloat_nan = 0x7FC0;
    assert_int_equal(convert(to, OA_DTYPE_INT64, OA_DTYPE_FLOAT16, &half_infinity, -1.0, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "element [0] is infinite"));
    assert_int_equal(convert(to, OA_DTYPE_INT64, OA_DTYPE_BFLOAT16, &bfloat_nan, -1.0, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "element [0] is NaN"));
}

/* All pairs of types, with numbers that all of them hold. */
static void convert__joins_all_types(void **state)
{
    (void)state;
    const oa_dtype all[] = {OA_DTYPE_BOOL,    OA_DTYPE_INT8,     OA_DTYPE_UINT8, OA_DTYPE_INT16,  OA_DTYPE_UINT16,
                            OA_DTYPE_INT32,   OA_DTYPE_UINT32,   OA_DTYPE_INT64, OA_DTYPE_UINT64, OA_DTYPE_FLOAT,
                            OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16, OA_DTYPE_DOUBLE};
    for (size_t s = 0; s < COUNT_OF(all); s++) {
        for (size_t t = 0; t < COUNT_OF(all); t++) {
            for (unsigned number = 0; number < (all[s] == OA_DTYPE_BOOL || all[t] == OA_DTYPE_BOOL ? 2u : 101u);
                 number += 1 + number / 2) {
                unsigned char from[8] = {0};
                unsigned char to[8] = {0};
                unsigned char expected[8] = {0};
                double value = number;
                if (oa_dtype_is_float(all[s])) {
                    oa_floats_from_f64(from, all[s], &value, 1);
                } else {
                    store(from, all[s], number);
                }
                if (oa_dtype_is_float(all[t])) {
                    oa_floats_from_f64(expected, all[t], &value, 1);
                } else {
                    store(expected, all[t], number);
                }
                assert_int_equal(convert(to, all[t], all[s], from, 1.0, NULL), OA_OK);
                assert_memory_equal(to, expected, sizeof to);
            }
        }
    }
}

/* Whatever byte a file has for true. */
static void convert__makes_booleans_0_and_1(void **state)
{
    (void)state;
    const unsigned char raw[] = {0, 1, 2, 255};
    for (size_t i = 0; i < COUNT_OF(raw); i++) {
        unsigned char boolean;
        float real;
        assert_int_equal(convert(&boolean, OA_DTYPE_BOOL, OA_DTYPE_BOOL, &raw[i], -1.0, NULL), OA_OK);
        assert_int_equal(boolean, i > 0);
        assert_int_equal(convert(&real, OA_DTYPE_FLOAT, OA_DTYPE_BOOL, &raw[i], -1.0, NULL), OA_OK);
        assert_true(real == (i > 0 ? 1.0f : 0.0f));
    }
}

static void convert__scales(void **state)
{
    (void)state;
    const uint8_t bytes_255[] = {255};
    const int16_t short_3 = 3;
    const int64_t large = INT64_C(9007199254740993); /* 2^53 + 1 */
    const bool yes = true;
    float real;
    double wide;
    int32_t integer;
    int64_t same;
    oa_error error = {0};
    /* Without a scale only bytes are divided, and only for floats. */
    assert_int_equal(convert(&real, OA_DTYPE_FLOAT, OA_DTYPE_UINT8, bytes_255, -1.0, &error), OA_OK);
    assert_true(real == 1.0f);
    assert_int_equal(convert(&integer, OA_DTYPE_INT32, OA_DTYPE_UINT8, bytes_255, -1.0, &error), OA_OK);
    assert_int_equal(integer, 255);
    assert_int_equal(convert(&real, OA_DTYPE_FLOAT, OA_DTYPE_INT16, &short_3, -1.0, &error), OA_OK);
    assert_true(real == 3.0f);
    assert_int_equal(convert(&real, OA_DTYPE_FLOAT, OA_DTYPE_BOOL, &yes, -1.0, &error), OA_OK);
    assert_true(real == 1.0f);
    /* With one, everything is multiplied. */
    assert_int_equal(convert(&real, OA_DTYPE_FLOAT, OA_DTYPE_UINT8, bytes_255, 2.0, &error), OA_OK);
    assert_true(real == 510.0f);
    assert_int_equal(convert(&wide, OA_DTYPE_DOUBLE, OA_DTYPE_INT16, &short_3, 0.1, &error), OA_OK);
    assert_true(wide == 3.0 * 0.1);
    assert_int_equal(convert(&integer, OA_DTYPE_INT32, OA_DTYPE_INT16, &short_3, 4.0, &error), OA_OK);
    assert_int_equal(integer, 12);
    assert_int_equal(convert(&integer, OA_DTYPE_INT32, OA_DTYPE_INT16, &short_3, 0.5, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "element [0] is 1.5 when scaled, which int32 cannot hold"));
    /* A scale of 1 is none: integers beyond the reach of double stay exact. */
    assert_int_equal(convert(&same, OA_DTYPE_INT64, OA_DTYPE_INT64, &large, 1.0, &error), OA_OK);
    assert_true(same == large);
    /* Zero is a scale too. */
    assert_int_equal(convert(&real, OA_DTYPE_FLOAT, OA_DTYPE_UINT8, bytes_255, 0.0, &error), OA_OK);
    assert_true(real == 0.0f);
    /* What scaling makes too large is refused. */
    const double huge = 1e308;
    assert_int_equal(convert(&wide, OA_DTYPE_DOUBLE, OA_DTYPE_DOUBLE, &huge, 10.0, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "when scaled, which float64 cannot hold"));
}

/* To float16 and bfloat16 directly, not by way of float32. */
static void convert__rounds_once(void **state)
{
    (void)state;
    const double value = 1.0 + 0x1p-11 + 0x1p-40; /* float32 drops the last bit, and then the rest is a tie */
    const double wider = 1.0 + 0x1p-8 + 0x1p-40;
    uint16_t bits;
    assert_int_equal(convert(&bits, OA_DTYPE_FLOAT16, OA_DTYPE_DOUBLE, &value, -1.0, NULL), OA_OK);
    assert_int_equal(bits, 0x3C01);
    assert_int_equal(convert(&bits, OA_DTYPE_BFLOAT16, OA_DTYPE_DOUBLE, &wider, -1.0, NULL), OA_OK);
    assert_int_equal(bits, 0x3F81);
}

static void convert__knows_its_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(INTEGERS); i++) {
        assert_true(oa_is_sample_dtype(INTEGERS[i]));
    }
    for (size_t i = 0; i < COUNT_OF(FLOATS); i++) {
        assert_true(oa_is_sample_dtype(FLOATS[i]));
    }
    assert_true(oa_is_sample_dtype(OA_DTYPE_BOOL));
    assert_false(oa_is_sample_dtype(OA_DTYPE_STRING));
    assert_false(oa_is_sample_dtype(OA_DTYPE_COMPLEX64));
    assert_false(oa_is_sample_dtype(OA_DTYPE_COMPLEX128));
    assert_false(oa_is_sample_dtype(OA_DTYPE_UNDEFINED));
    assert_false(oa_is_sample_dtype((oa_dtype)17));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convert__keeps_integers_exactly_or_refuses),
        cmocka_unit_test(convert__takes_integral_floats_for_integers),
        cmocka_unit_test(convert__refuses_what_a_float_type_cannot_hold),
        cmocka_unit_test(convert__refuses_nan_and_infinity_by_place),
        cmocka_unit_test(convert__joins_all_types),
        cmocka_unit_test(convert__makes_booleans_0_and_1),
        cmocka_unit_test(convert__scales),
        cmocka_unit_test(convert__rounds_once),
        cmocka_unit_test(convert__knows_its_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
