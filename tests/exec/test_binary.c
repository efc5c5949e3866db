/* Elementwise operators of several inputs: broadcasting against an index walk, integers against arithmetic in 128 bits.
 */
#include "tests/exec/integers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A shape that broadcasts to [dims, rank]: leading axes dropped, some sizes 1. */
static size_t broadcast_shape(size_t *own, const size_t *dims, size_t rank, oa_random *random)
{
    size_t dropped = oa_random_below(random, 3) ? 0 : oa_random_below(random, rank + 1);
    for (size_t d = dropped; d < rank; d++) {
        own[d - dropped] = oa_random_below(random, 3) ? dims[d] : 1;
    }
    return rank - dropped;
}

static void random_dims(size_t *dims, size_t rank, oa_random *random)
{
    for (size_t d = 0; d < rank; d++) {
        dims[d] = random_between(random, 1, 6);
        if (oa_random_below(random, 40) == 0) {
            dims[d] = 0;
        }
    }
}

/* The shape that two shapes make together, by the rule itself. */
static size_t joint_dims(size_t *dims, const oa_array *a, const oa_array *b)
{
    size_t rank = a->rank > b->rank ? a->rank : b->rank;
    for (size_t d = 0; d < rank; d++) {
        size_t from_a = d + a->rank >= rank ? a->dims[d + a->rank - rank] : 1;
        size_t from_b = d + b->rank >= rank ? b->dims[d + b->rank - rank] : 1;
        dims[d] = from_a == 1 ? from_b : from_a;
    }
    return rank;
}

typedef double (*real_function)(double a, double b);

static double add(double a, double b)
{
    return a + b;
}

static double subtract(double a, double b)
{
    return a - b;
}

static double multiply(double a, double b)
{
    return a * b;
}

static double divide(double a, double b)
{
    return a / b;
}

static double prelu(double a, double b)
{
    return a < 0.0 ? a * b : a;
}

static double less(double a, double b)
{
    return a < b;
}

static double less_equal(double a, double b)
{
    return a <= b;
}

static double greater(double a, double b)
{
    return a > b;
}

static double greater_equal(double a, double b)
{
    return a >= b;
}

static double equal(double a, double b)
{
    return a == b;
}

static double power_of_magnitude(double a, double b)
{
    return pow(a, b);
}

static const struct {
    const char *type;
    real_function function;
    bool is_test;
} binary_operators[] = {
    {"Add", add, false},        {"Sub", subtract, false},
    {"Mul", multiply, false},   {"Div", divide, false},
    {"Mod", fmod, false},       {"Pow", power_of_magnitude, false},
    {"Max", fmax, false},       {"Min", fmin, false},
    {"Less", less, true},       {"LessOrEqual", less_equal, true},
    {"Greater", greater, true}, {"GreaterOrEqual", greater_equal, true},
    {"Equal", equal, true},
};

static void binary__equals_an_index_walk(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16};
    static const double tolerances[] = {1e-6, 1e-14, 1e-3, 1e-2};
    const size_t operator_count = sizeof binary_operators / sizeof binary_operators[0];
    for (uint64_t seed = 1; seed <= 400; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t dims[5], own[2][5], ranks[2], joint[5], rank = oa_random_below(&random, 6), kind = seed % 4;
        size_t which = (seed / 4) % operator_count;
        random_dims(dims, rank, &random);
        oa_array made, inputs[2];
        for (size_t i = 0; i < 2; i++) {
            ranks[i] = oa_random_below(&random, 4) ? broadcast_shape(own[i], dims, rank, &random) : rank;
            memcpy(own[i], ranks[i] == rank ? dims : own[i], ranks[i] * sizeof dims[0]);
            made = random_floats(&random, own[i], ranks[i]);
            for (size_t k = 0; k < made.count; k++) { /* halves and thirds: equal ones occur, and no power is NaN */
                float *value = &((float *)made.data)[k];
                *value = which == 5 && i == 0 ? fabsf(*value) : roundf(*value * 4.0f) / 4.0f;
            }
            inputs[i] = floats_as(&made, dtypes[kind]);
            oa_array_free(&made);
        }
        size_t joint_rank = joint_dims(joint, &inputs[0], &inputs[1]);
        bool is_test = binary_operators[which].is_test;
        oa_array expected = make_array(is_test ? OA_DTYPE_BOOL : dtypes[kind], joint, joint_rank);
        for (size_t i = 0; i < expected.count; i++) {
            size_t at[5];
            unravel(at, i, joint, joint_rank);
            double a = number_at(&inputs[0], ravel_broadcast(at, joint_rank, inputs[0].dims, inputs[0].rank));
            double b = number_at(&inputs[1], ravel_broadcast(at, joint_rank, inputs[1].dims, inputs[1].rank));
            double value = binary_operators[which].function(a, b);
            if (is_test) {
                ((uint8_t *)expected.data)[i] = value != 0.0;
            } else {
                oa_floats_from_f64((char *)expected.data + i * oa_dtype_size(dtypes[kind]), dtypes[kind], &value, 1);
            }
        }
        op node = {.type = binary_operators[which].type, .version = 16};
        if (which == 4) {
            add_attribute(&node, attribute_int("fmod", 1));
        }
        oa_array y = run_one(&node, (const oa_array *const[]){&inputs[0], &inputs[1]}, 2);
        assert_agree(&y, &expected, tolerances[kind], 1e-30, node.type, seed);
        oa_array_free(&y);
        oa_array_free(&expected);
        oa_array_free(&inputs[0]);
        oa_array_free(&inputs[1]);
    }
    print_message("seeds 1 to 400\n");
}

static void binary__refuses_what_does_not_go_together(void **state)
{
    (void)state;
    static const size_t three[] = {2, 3}, two[] = {2, 2}, four[] = {1, 2, 3};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array a = random_floats(&random, three, 2), b = random_floats(&random, two, 2),
             c = random_floats(&random, four, 3);
    oa_array integers = random_integers(&random, OA_DTYPE_INT32, three, 2),
             bools = random_integers(&random, OA_DTYPE_BOOL, three, 2);
    oa_array halves = floats_as(&a, OA_DTYPE_FLOAT16);
    op node = {.type = "Add", .version = 14};
    expect_failure(&node, (const oa_array *const[]){&a, &b}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&a, &integers}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&a, &halves}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&bools, &bools}, 2, OA_ERROR_UNSUPPORTED);
    expect_failure(&node, (const oa_array *const[]){&a, NULL}, 2, OA_ERROR_INPUT);
    op old = {.type = "Add", .version = 6};
    expect_failure(&old, (const oa_array *const[]){&a, &c}, 2, OA_ERROR_INPUT); /* not without broadcast=1 */
    oa_array_free(&a);
    oa_array_free(&b);
    oa_array_free(&c);
    oa_array_free(&integers);
    oa_array_free(&bools);
    oa_array_free(&halves);
}

/* Up to operator set 6, input 1 is laid along the axes of input 0 from `axis` on. */
static void binary__broadcasts_along_an_axis_in_old_sets(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 4, 5};
    oa_random random;
    oa_random_init(&random, 5);
    oa_array a = random_floats(&random, dims, 4);
    for (size_t axis = 0; axis < 4; axis++) {
        for (size_t rank = 1; axis + rank <= 4; rank++) {
            oa_array b = random_floats(&random, dims + axis, rank);
            op node = {.type = "Mul", .version = 6};
            add_attribute(&node, attribute_int("broadcast", 1));
            if (axis + rank < 4 || axis % 2) { /* the default lays it along the last axes */
                add_attribute(&node, attribute_int("axis", axis % 2 ? (int64_t)axis : (int64_t)axis - 4));
            }
            oa_array y = run_one(&node, (const oa_array *const[]){&a, &b}, 2);
            for (size_t i = 0; i < y.count; i++) {
                size_t at[4], from = 0;
                unravel(at, i, dims, 4);
                for (size_t d = axis; d < axis + rank; d++) {
                    from = from * dims[d] + at[d];
                }
                float expected = ((float *)a.data)[i] * ((float *)b.data)[from];
                assert_seeded(((float *)y.data)[i] == expected, "broadcast along an axis", axis * 10 + rank);
            }
            oa_array_free(&y);
            oa_array_free(&b);
        }
    }
    oa_array_free(&a);
}

static wide integer_result(const char *type, wide a, wide b, bool is_fmod, bool is_left, size_t bits)
{
    if (strcmp(type, "Add") == 0) {
        return a + b;
    }
    if (strcmp(type, "Sub") == 0) {
        return a - b;
    }
    if (strcmp(type, "Mul") == 0) {
        return (wide)((unsigned_wide)a * (unsigned_wide)b);
    }
    if (strcmp(type, "Div") == 0) {
        return a / b;
    }
    if (strcmp(type, "Max") == 0) {
        return a > b ? a : b;
    }
    if (strcmp(type, "Min") == 0) {
        return a < b ? a : b;
    }
    if (strcmp(type, "BitShift") == 0) {
        return b >= (wide)bits ? 0 : is_left ? (wide)((unsigned_wide)a << (int)b) : a >> (int)b;
    }
    wide remainder = a % b;
    return !is_fmod && remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

static void integers__wrap_around(void **state)
{
    (void)state;
    static const char *const types[] = {"Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "BitShift"};
    static const oa_dtype dtypes[] = {OA_DTYPE_INT8,  OA_DTYPE_INT16,  OA_DTYPE_INT32,  OA_DTYPE_INT64,
                                      OA_DTYPE_UINT8, OA_DTYPE_UINT16, OA_DTYPE_UINT32, OA_DTYPE_UINT64};
    static const size_t dims[] = {300};
    for (uint64_t seed = 1; seed <= 128; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        const char *type = types[seed % 8];
        bool is_shift = seed % 8 == 7; /* of unsigned types only */
        oa_dtype dtype = is_shift ? dtypes[4 + seed / 8 % 4] : dtypes[seed / 8 % 8];
        bool is_flag = oa_random_below(&random, 2);
        oa_array a = random_integers(&random, dtype, dims, 1), b = random_integers(&random, dtype, dims, 1);
        size_t size = oa_dtype_size(dtype);
        for (size_t i = 0; i < b.count; i++) {
            unsigned char *bytes = (unsigned char *)b.data + i * size;
            if (is_shift) {
                memset(bytes + 1, 0, size - 1);
                bytes[0] &= 0x7f;
            } else if (i % 10 == 0) {
                memset(bytes, 0xff, size); /* -1, or the largest */
            }
            if (integer_at(&b, i) == 0) {
                bytes[0] = 1;
            }
            if (i % 20 == 0) { /* the most negative */
                memset((unsigned char *)a.data + i * size, 0, size);
                ((unsigned char *)a.data)[i * size + size - 1] = 0x80;
            }
        }
        op node = {.type = type, .version = 14};
        if (seed % 8 == 4) {
            add_attribute(&node, attribute_int("fmod", is_flag));
        }
        if (is_shift) {
            add_attribute(&node, attribute_string("direction", is_flag ? "LEFT" : "RIGHT"));
        }
        oa_array y = run_one(&node, (const oa_array *const[]){&a, &b}, 2);
        for (size_t i = 0; i < y.count; i++) {
            wide expected = integer_result(type, integer_at(&a, i), integer_at(&b, i), is_flag, is_flag, 8 * size);
            assert_seeded(y.dtype == a.dtype && holds(&y, i, expected), type, seed);
        }
        oa_array_free(&a);
        oa_array_free(&b);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 128\n");
}

static void integers__refuse_division_by_zero(void **state)
{
    (void)state;
    static const int64_t some[] = {4, 0, 3};
    oa_array a = int64_list(some, 3), b = int64_list(some, 3);
    op divide_op = {.type = "Div", .version = 14}, mod_op = {.type = "Mod", .version = 13};
    expect_failure(&divide_op, (const oa_array *const[]){&a, &b}, 2, OA_ERROR_INPUT);
    expect_failure(&mod_op, (const oa_array *const[]){&a, &b}, 2, OA_ERROR_INPUT);
    static const int64_t negative[] = {1, -1, 2};
    oa_array exponents = int64_list(negative, 3);
    op power = {.type = "Pow", .version = 15};
    expect_failure(&power, (const oa_array *const[]){&a, &exponents}, 2, OA_ERROR_INPUT);
    oa_array_free(&a);
    oa_array_free(&b);
    oa_array_free(&exponents);
}

/* Every mixture of base and exponent types, on numbers whose powers fit. */
static void pow__keeps_the_type_of_the_base(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_INT32, OA_DTYPE_INT64, OA_DTYPE_UINT8};
    static const int bases[] = {0, 1, 2, 3, 5}, exponents[] = {3, 0, 2, 1, 3};
    const size_t five = 5;
    for (size_t i = 0; i < 25; i++) {
        oa_array base = make_array(dtypes[i / 5], &five, 1), exponent = make_array(dtypes[i % 5], &five, 1);
        for (size_t k = 0; k < 5; k++) {
            for (size_t operand = 0; operand < 2; operand++) {
                oa_array *array = operand ? &exponent : &base;
                int value = operand ? exponents[k] : bases[k];
                if (oa_dtype_is_float(array->dtype)) {
                    oa_floats_from_f64((char *)array->data + k * oa_dtype_size(array->dtype), array->dtype,
                                       &(double){(double)value}, 1);
                } else {
                    memcpy((char *)array->data + k * oa_dtype_size(array->dtype), &value,
                           array->dtype == OA_DTYPE_UINT8 ? 1 : sizeof value);
                }
            }
        }
        op node = {.type = "Pow", .version = 15};
        oa_array y = run_one(&node, (const oa_array *const[]){&base, &exponent}, 2);
        assert_int_equal(y.dtype, base.dtype);
        for (size_t k = 0; k < 5; k++) {
            assert_true(number_at(&y, k) == pow((double)bases[k], (double)exponents[k]));
        }
        oa_array_free(&base);
        oa_array_free(&exponent);
        oa_array_free(&y);
    }
    oa_random random;
    oa_random_init(&random, 2);
    oa_array base = random_floats(&random, &five, 1), two = scalar_float(2.0f);
    op node = {.type = "Pow", .version = 15};
    oa_array y = run_one(&node, (const oa_array *const[]){&base, &two}, 2);
    for (size_t k = 0; k < 5; k++) {
        assert_true(((float *)y.data)[k] == ((float *)base.data)[k] * ((float *)base.data)[k]);
    }
    oa_array_free(&base);
    oa_array_free(&two);
    oa_array_free(&y);
}

/* Several inputs of different shapes, of which any may be the one with the shape of the result. */
static void variadic__folds_all_inputs(void **state)
{
    (void)state;
    static const char *const types[] = {"Max", "Min", "Sum", "Mean"};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t dims[4], own[4], rank = random_between(&random, 1, 4), count = random_between(&random, 1, 5);
        for (size_t d = 0; d < rank; d++) {
            dims[d] = random_between(&random, 1, 5);
        }
        oa_array inputs[5];
        const oa_array *pointers[5];
        size_t whole = oa_random_below(&random, count);
        for (size_t i = 0; i < count; i++) {
            size_t own_rank = i == whole ? rank : broadcast_shape(own, dims, rank, &random);
            inputs[i] = random_floats(&random, i == whole ? dims : own, own_rank);
            pointers[i] = &inputs[i];
        }
        oa_array expected = make_array(OA_DTYPE_FLOAT, dims, rank);
        for (size_t i = 0; i < expected.count; i++) {
            size_t at[4];
            unravel(at, i, dims, rank);
            double value = 0.0;
            for (size_t k = 0; k < count; k++) {
                double x = number_at(&inputs[k], ravel_broadcast(at, rank, inputs[k].dims, inputs[k].rank));
                value = k == 0 ? x : seed % 4 == 0 ? fmax(value, x) : seed % 4 == 1 ? fmin(value, x) : value + x;
            }
            ((float *)expected.data)[i] = (float)(seed % 4 == 3 ? value / (double)count : value);
        }
        op node = {.type = types[seed % 4], .version = 13};
        oa_array y = run_one(&node, pointers, count);
        assert_agree(&y, &expected, 1e-5, 1e-6, node.type, seed);
        oa_array_free(&y);
        oa_array_free(&expected);
        free_arrays(inputs, count);
    }
    print_message("seeds 1 to 100\n");
}

static void where__picks_by_the_condition(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_UINT8, OA_DTYPE_FLOAT16, OA_DTYPE_INT32, OA_DTYPE_DOUBLE, OA_DTYPE_BOOL};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t dims[4], own[4], rank = random_between(&random, 1, 4);
        for (size_t d = 0; d < rank; d++) {
            dims[d] = random_between(&random, 1, 5);
        }
        oa_array inputs[3];
        for (size_t i = 0; i < 3; i++) {
            bool is_whole = i == seed % 3;
            size_t own_rank = is_whole ? rank : broadcast_shape(own, dims, rank, &random);
            inputs[i] = random_integers(&random, i ? dtypes[seed % 5] : OA_DTYPE_BOOL, is_whole ? dims : own, own_rank);
        }
        oa_array expected = make_array(inputs[1].dtype, dims, rank);
        size_t size = oa_dtype_size(expected.dtype);
        for (size_t i = 0; i < expected.count; i++) {
            size_t at[4];
            unravel(at, i, dims, rank);
            size_t which =
                ((uint8_t *)inputs[0].data)[ravel_broadcast(at, rank, inputs[0].dims, inputs[0].rank)] ? 1 : 2;
            size_t from = ravel_broadcast(at, rank, inputs[which].dims, inputs[which].rank);
            memcpy((char *)expected.data + i * size, (char *)inputs[which].data + from * size, size);
        }
        op node = {.type = "Where", .version = 16};
        oa_array y = run_one(&node, (const oa_array *const[]){&inputs[0], &inputs[1], &inputs[2]}, 3);
        assert_int_equal(y.count, expected.count);
        assert_memory_equal(y.data, expected.data, expected.count * size);
        oa_array_free(&y);
        oa_array_free(&expected);
        free_arrays(inputs, 3);
    }
    print_message("seeds 1 to 100\n");
}

static void prelu__takes_a_slope_for_each_channel(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 4}, slope_dims[] = {3, 1}, old_dims[] = {3};
    oa_random random;
    oa_random_init(&random, 9);
    oa_array x = random_floats(&random, dims, 3), slope = random_floats(&random, slope_dims, 2),
             flat = make_array(OA_DTYPE_FLOAT, old_dims, 1);
    memcpy(flat.data, slope.data, 3 * sizeof(float));
    op node = {.type = "PRelu", .version = 9}, old = {.type = "PRelu", .version = 6};
    oa_array y = run_one(&node, (const oa_array *const[]){&x, &slope}, 2);
    oa_array same = run_one(&old, (const oa_array *const[]){&x, &flat}, 2);
    for (size_t i = 0; i < y.count; i++) {
        double expected = prelu(number_at(&x, i), number_at(&slope, i / 4 % 3));
        assert_true(fabs(number_at(&y, i) - expected) < 1e-6 && number_at(&same, i) == number_at(&y, i));
    }
    expect_failure(&node, (const oa_array *const[]){&x, &flat}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&slope, &x}, 2, OA_ERROR_INPUT); /* only one way */
    oa_array_free(&x);
    oa_array_free(&slope);
    oa_array_free(&flat);
    oa_array_free(&y);
    oa_array_free(&same);
}

static void logic__treats_any_byte_but_zero_as_true(void **state)
{
    (void)state;
    static const size_t dims[] = {4};
    static const struct {
        const char *type;
        uint8_t expected[4];
    } cases[] = {{"And", {0, 0, 0, 1}}, {"Or", {0, 1, 1, 1}}, {"Xor", {0, 1, 1, 0}}, {"Equal", {1, 0, 0, 1}}};
    oa_array a = make_array(OA_DTYPE_BOOL, dims, 1), b = make_array(OA_DTYPE_BOOL, dims, 1);
    memcpy(a.data, (const uint8_t[]){0, 0, 2, 255}, 4);
    memcpy(b.data, (const uint8_t[]){0, 7, 0, 1}, 4);
    for (size_t i = 0; i < 4; i++) {
        op node = {.type = cases[i].type, .version = 13};
        oa_array y = run_one(&node, (const oa_array *const[]){&a, &b}, 2);
        assert_int_equal(y.dtype, OA_DTYPE_BOOL);
        assert_memory_equal(y.data, cases[i].expected, 4);
        oa_array_free(&y);
    }
    op node = {.type = "Not", .version = 1};
    oa_array y = run_one(&node, (const oa_array *const[]){&a}, 1);
    assert_memory_equal(y.data, ((const uint8_t[]){1, 1, 0, 0}), 4);
    oa_array_free(&y);
    oa_array_free(&a);
    oa_array_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary__equals_an_index_walk),
        cmocka_unit_test(binary__refuses_what_does_not_go_together),
        cmocka_unit_test(binary__broadcasts_along_an_axis_in_old_sets),
        cmocka_unit_test(integers__wrap_around),
        cmocka_unit_test(integers__refuse_division_by_zero),
        cmocka_unit_test(pow__keeps_the_type_of_the_base),
        cmocka_unit_test(variadic__folds_all_inputs),
        cmocka_unit_test(where__picks_by_the_condition),
        cmocka_unit_test(prelu__takes_a_slope_for_each_channel),
        cmocka_unit_test(logic__treats_any_byte_but_zero_as_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
