/* Conversions between float types against exact arithmetic: the values of the short types are made from their bits by
 * ldexp, and rounding is decided by comparing with the midpoint of two neighbours, which double holds exactly. */
#include "core/ir/dtype.h"

#include "tests/support/cmocka_all.h"

#include "core/base/random.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

/* One of the 16-bit types. */
typedef struct short_type {
    const char *name;
    oa_dtype dtype;
    unsigned fraction; /* bits */
    int bias;
    float (*to_float)(uint16_t bits);
    uint16_t (*from_float)(float value);
    uint16_t (*from_double)(double value);
} short_type;

static const short_type TYPES[] = {
    {"float16", OA_DTYPE_FLOAT16, 10, 15, oa_half_to_float, oa_half_from_float, oa_half_from_double},
    {"bfloat16", OA_DTYPE_BFLOAT16, 7, 127, oa_bfloat_to_float, oa_bfloat_from_float, oa_bfloat_from_double},
};

static uint16_t infinity_of(const short_type *type)
{
    return (uint16_t)(0x7FFFu >> type->fraction << type->fraction);
}

static bool is_nan_pattern(const short_type *type, unsigned bits)
{
    return (bits & 0x7FFFu) > infinity_of(type);
}

/* What the bits stand for. */
static double value_of(const short_type *type, unsigned bits)
{
    unsigned exponent = (bits & 0x7FFFu) >> type->fraction;
    double mantissa = (double)(bits & ((1u << type->fraction) - 1u));
    double sign = bits & 0x8000u ? -1.0 : 1.0;
    int unit = 1 - type->bias - (int)type->fraction;
    if ((bits & 0x7FFFu) == infinity_of(type)) {
        return sign * INFINITY;
    }
    if (exponent == 0) {
        return sign * ldexp(mantissa, unit);
    }
    return sign * ldexp(mantissa + ldexp(1.0, (int)type->fraction), unit + (int)exponent - 1);
}

/* The pattern nearest to |value|, ties to the even one, with the sign of value: by bisection over all patterns, which
 * are ordered as their values are. The infinity stands where the next power of two would be. */
static uint16_t nearest(const short_type *type, double value)
{
    unsigned low = 0;
    unsigned high = infinity_of(type);
    double magnitude = fabs(value);
    double end = 2.0 * ldexp(1.0, type->bias);
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (value_of(type, middle) <= magnitude) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double above = high == infinity_of(type) ? end : value_of(type, high);
    double midpoint = 0.5 * (value_of(type, low) + above);
    bool is_up = magnitude > midpoint || (magnitude == midpoint && (low & 1u));
    return (uint16_t)((is_up ? high : low) | (signbit(value) ? 0x8000u : 0u));
}

static void check_rounding(const short_type *type, double value)
{
    uint16_t expected = nearest(type, value);
    uint16_t bits = type->from_double(value);
    if (bits != expected) {
        fail_msg("%s of %a is %04x, expected %04x", type->name, value, bits, expected);
    }
    float single = (float)value;
    if ((double)single == value) {
        bits = type->from_float(single);
        if (bits != expected) {
            fail_msg("%s of float %a is %04x, expected %04x", type->name, value, bits, expected);
        }
    }
}

static void short_types__have_the_values_of_their_bits(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT_OF(TYPES); t++) {
        for (unsigned bits = 0; bits <= 0xFFFFu; bits++) {
            double value = (double)TYPES[t].to_float((uint16_t)bits);
            if (is_nan_pattern(&TYPES[t], bits)) {
                assert_true(isnan(value));
                assert_int_equal(signbit(value) != 0, bits >> 15);
            } else if (!(value == value_of(&TYPES[t], bits)) || (signbit(value) != 0) != (bits >> 15 != 0)) {
                fail_msg("%s %04x is %a", TYPES[t].name, bits, value);
            }
        }
    }
}

static void short_types__round_trip_every_pattern(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT_OF(TYPES); t++) {
        /* A NaN becomes a quiet one, with sign and payload. */
        unsigned quiet = 1u << (TYPES[t].fraction - 1);
        for (unsigned bits = 0; bits <= 0xFFFFu; bits++) {
            float value = TYPES[t].to_float((uint16_t)bits);
            unsigned expected = is_nan_pattern(&TYPES[t], bits) ? bits | quiet : bits;
            assert_int_equal(TYPES[t].from_float(value), expected);
            assert_int_equal(TYPES[t].from_double((double)value), expected);
        }
    }
}

/* Around every pattern and around the midpoint to the next one: the midpoint itself is a tie; beside it, rounding to
 * float first would make one. */
static void short_types__round_to_nearest_even(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT_OF(TYPES); t++) {
        for (unsigned bits = 0; bits < infinity_of(&TYPES[t]); bits++) {
            bool is_last = bits + 1u == infinity_of(&TYPES[t]);
            double low = value_of(&TYPES[t], bits);
            double high = is_last ? 2.0 * ldexp(1.0, TYPES[t].bias) : value_of(&TYPES[t], bits + 1);
            double midpoint = 0.5 * (low + high);
            const double points[] = {low,
                                     nextafter(low, high),
                                     0.75 * low + 0.25 * high,
                                     nextafter(midpoint, low),
                                     (double)nextafterf((float)midpoint, 0.0f),
                                     midpoint,
                                     nextafter(midpoint, high),
                                     (double)nextafterf((float)midpoint, INFINITY),
                                     0.25 * low + 0.75 * high,
                                     nextafter(high, low)};
            for (size_t i = 0; i < COUNT_OF(points); i++) {
                check_rounding(&TYPES[t], points[i]);
                check_rounding(&TYPES[t], -points[i]);
            }
        }
    }
}

static void short_types__round_random_doubles(void **state)
{
    (void)state;
    const uint64_t seed = 31;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t i = 0; i < 400000; i++) {
        uint64_t bits = oa_random_next(&random);
        double value;
        if (i % 2) {
            int exponent = (int)oa_random_below(&random, 320) - 160;
            value = ldexp(oa_random_uniform(&random) - 0.5, exponent);
        } else {
            memcpy(&value, &bits, sizeof value);
        }
        for (size_t t = 0; t < COUNT_OF(TYPES) && !isnan(value); t++) {
            check_rounding(&TYPES[t], value);
        }
    }
    for (size_t t = 0; t < COUNT_OF(TYPES); t++) {
        const double ends[] = {0.0, 0x1p-1074, 0x1p-1022, 1e308, INFINITY};
        for (size_t i = 0; i < COUNT_OF(ends); i++) {
            check_rounding(&TYPES[t], ends[i]);
            check_rounding(&TYPES[t], -ends[i]);
        }
    }
}

static void short_types__keep_nan(void **state)
{
    (void)state;
    /* Payloads that are cut off must not leave an infinity. */
    static const uint64_t patterns[] = {0x7FF0000000000001, 0x7FF8000000000000, 0xFFF0000000000001,
                                        0x7FFFFFFFFFFFFFFF, 0xFFF0000040000000, 0x7FF0000020000000};
    for (size_t t = 0; t < COUNT_OF(TYPES); t++) {
        for (size_t i = 0; i < COUNT_OF(patterns); i++) {
            double value;
            memcpy(&value, &patterns[i], sizeof value);
            assert_true(is_nan_pattern(&TYPES[t], TYPES[t].from_double(value)));
            assert_int_equal(TYPES[t].from_double(value) >> 15, patterns[i] >> 63);
        }
        const uint32_t singles[] = {0x7F800001, 0xFF800001, 0x7FC00000, 0x7FFFFFFF, 0x7F80FFFF};
        for (size_t i = 0; i < COUNT_OF(singles); i++) {
            float value;
            memcpy(&value, &singles[i], sizeof value);
            assert_true(is_nan_pattern(&TYPES[t], TYPES[t].from_float(value)));
            assert_int_equal(TYPES[t].from_float(value) >> 15, singles[i] >> 31);
        }
    }
}

static void dtype__sizes_and_names_are_right(void **state)
{
    (void)state;
    static const struct {
        oa_dtype dtype;
        size_t size;
        const char *name;
        bool is_float;
    } table[] = {
        {OA_DTYPE_UNDEFINED, 0, "undefined", false},
        {OA_DTYPE_FLOAT, 4, "float32", true},
        {OA_DTYPE_UINT8, 1, "uint8", false},
        {OA_DTYPE_INT8, 1, "int8", false},
        {OA_DTYPE_UINT16, 2, "uint16", false},
        {OA_DTYPE_INT16, 2, "int16", false},
        {OA_DTYPE_INT32, 4, "int32", false},
        {OA_DTYPE_INT64, 8, "int64", false},
        {OA_DTYPE_STRING, sizeof(oa_string_view), "string", false},
        {OA_DTYPE_BOOL, 1, "bool", false},
        {OA_DTYPE_FLOAT16, 2, "float16", true},
        {OA_DTYPE_DOUBLE, 8, "float64", true},
        {OA_DTYPE_UINT32, 4, "uint32", false},
        {OA_DTYPE_UINT64, 8, "uint64", false},
        {OA_DTYPE_COMPLEX64, 8, "complex64", false},
        {OA_DTYPE_COMPLEX128, 16, "complex128", false},
        {OA_DTYPE_BFLOAT16, 2, "bfloat16", true},
        {(oa_dtype)17, 0, "unknown", false},
        {(oa_dtype)-1, 0, "unknown", false},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        assert_int_equal(oa_dtype_size(table[i].dtype), table[i].size);
        assert_string_equal(oa_dtype_name(table[i].dtype), table[i].name);
        assert_int_equal(oa_dtype_is_float(table[i].dtype), table[i].is_float);
    }
}

/* Numbers that need rounding in every narrower type. */
static double number(size_t i)
{
    static const double numbers[] = {0.0, -0.0, 1.0 / 3.0, -2.0 / 7.0, 1e-5, 12345.678, 0x1.000001p0, -0x1.FFFFFFFp3};
    return numbers[i % COUNT_OF(numbers)];
}

static void arrays__convert_element_by_element(void **state)
{
    (void)state;
    enum { N = 17 };
    static const oa_dtype types[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16};
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        size_t size = oa_dtype_size(types[t]);
        double wide[N];
        float single[N];
        for (size_t i = 0; i < N; i++) {
            wide[i] = number(i);
            single[i] = (float)number(i);
        }
        for (size_t offset = 0; offset < 2; offset++) { /* also at an odd address */
            unsigned char from_wide[N * 8 + 2] = {0};
            unsigned char from_single[N * 8 + 2] = {0};
            double back_wide[N];
            float back_single[N];
            oa_floats_from_f64(from_wide + offset, types[t], wide, N);
            oa_floats_from_f32(from_single + offset, types[t], single, N);
            oa_floats_to_f64(back_wide, from_wide + offset, types[t], N);
            oa_floats_to_f32(back_single, from_single + offset, types[t], N);
            for (size_t i = 0; i < N; i++) {
                double expected = wide[i];
                float expected_single = single[i];
                if (types[t] == OA_DTYPE_FLOAT) {
                    expected = (double)single[i];
                } else if (types[t] != OA_DTYPE_DOUBLE) {
                    const short_type *type = &TYPES[types[t] == OA_DTYPE_BFLOAT16];
                    expected = value_of(type, nearest(type, wide[i]));
                    expected_single = (float)value_of(type, nearest(type, (double)single[i]));
                }
                assert_true(back_wide[i] == expected && signbit(back_wide[i]) == signbit(expected));
                assert_true(back_single[i] == expected_single && signbit(back_single[i]) == signbit(expected_single));
            }
            /* Nothing behind the last element is touched. */
            assert_int_equal(from_wide[offset + N * size], 0);
            assert_int_equal(from_single[offset + N * size], 0);
        }
    }
}

static void arrays__from_double_to_float_round_to_nearest(void **state)
{
    (void)state;
    const uint64_t seed = 37;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t i = 0; i < 100000; i++) {
        double value = ldexp(oa_random_uniform(&random) - 0.5, (int)oa_random_below(&random, 200) - 100);
        float rounded;
        oa_floats_to_f32(&rounded, &value, OA_DTYPE_DOUBLE, 1);
        double distance = fabs(value - (double)rounded);
        assert_true(distance <= fabs(value - (double)nextafterf(rounded, INFINITY)));
        assert_true(distance <= fabs(value - (double)nextafterf(rounded, -INFINITY)));
    }
    const double tie = 1.0 + 0x1p-24;
    const double odd_tie = 1.0 + 0x1.8p-23;
    float rounded;
    oa_floats_to_f32(&rounded, &tie, OA_DTYPE_DOUBLE, 1);
    assert_true(rounded == 1.0f);
    oa_floats_to_f32(&rounded, &odd_tie, OA_DTYPE_DOUBLE, 1);
    assert_true(rounded == 1.0f + 0x1p-22f);
}

static void arrays__of_nothing_are_fine(void **state)
{
    (void)state;
    static const oa_dtype types[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16};
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        oa_floats_to_f32(NULL, NULL, types[t], 0);
        oa_floats_to_f64(NULL, NULL, types[t], 0);
        oa_floats_from_f32(NULL, types[t], NULL, 0);
        oa_floats_from_f64(NULL, types[t], NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_types__have_the_values_of_their_bits),
        cmocka_unit_test(short_types__round_trip_every_pattern),
        cmocka_unit_test(short_types__round_to_nearest_even),
        cmocka_unit_test(short_types__round_random_doubles),
        cmocka_unit_test(short_types__keep_nan),
        cmocka_unit_test(dtype__sizes_and_names_are_right),
        cmocka_unit_test(arrays__convert_element_by_element),
        cmocka_unit_test(arrays__from_double_to_float_round_to_nearest),
        cmocka_unit_test(arrays__of_nothing_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
