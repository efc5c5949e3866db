/* Softmax and its kin, BatchNormalization and Dropout. */
#include "core/exec/mersenne.h"
#include "tests/exec/support.h"

#include <math.h>
#include <string.h>

/* The elements that are worked on together with element i: positions `base + k * step` for k < count. */
typedef struct row_of {
    size_t base, step, count;
} row_of;

static row_of find_row(size_t i, const size_t *dims, size_t rank, size_t axis, bool joins_rest)
{
    size_t inner = 1, count = 1;
    for (size_t d = axis + 1; d < rank; d++) {
        inner *= dims[d];
    }
    count = axis < rank ? dims[axis] : 1;
    if (joins_rest) {
        count = axis < rank ? count * inner : 1;
        return (row_of){.base = i / count * count, .step = 1, .count = count};
    }
    return (row_of){.base = i / (inner * count) * inner * count + i % inner, .step = inner, .count = count};
}

static void softmax__equals_the_definition(void **state)
{
    (void)state;
    static const char *const types[] = {"Softmax", "LogSoftmax", "Hardmax"};
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t rank = random_between(&random, 1, 4), dims[4];
        for (size_t d = 0; d < rank; d++) {
            dims[d] = random_between(&random, 1, 6);
        }
        bool is_old = oa_random_below(&random, 2), has_axis = oa_random_below(&random, 4);
        size_t axis = has_axis ? oa_random_below(&random, rank + is_old) : is_old ? 1 : rank - 1;
        size_t kind = seed % 3, which = seed / 3 % 3;
        oa_array made = random_floats(&random, dims, rank), x = floats_as(&made, dtypes[which]);
        oa_array exact = make_array(OA_DTYPE_DOUBLE, dims, rank);
        for (size_t i = 0; i < x.count; i++) {
            row_of row = find_row(i, dims, rank, axis, is_old);
            double sum = 0.0, value = number_at(&x, i);
            bool is_first_largest = true;
            for (size_t k = 0; k < row.count; k++) {
                size_t at = row.base + k * row.step;
                double other = number_at(&x, at);
                sum += exp(other);
                is_first_largest = is_first_largest && (at < i ? other < value : other <= value);
            }
            ((double *)exact.data)[i] = kind == 0   ? exp(value) / sum
                                        : kind == 1 ? value - log(sum)
                                                    : (double)is_first_largest;
        }
        op node = {.type = types[kind], .version = is_old ? 11 : 13};
        if (has_axis) {
            add_attribute(&node, attribute_int("axis", (int64_t)axis - (axis < rank && seed % 2 ? (int64_t)rank : 0)));
        }
        oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1), expected = floats_as(&exact, dtypes[which]);
        assert_agree(&y, &expected, which == 2 ? 2e-3 : 1e-5, which == 2 ? 1e-3 : 1e-6, types[kind], seed);
        oa_array_free(&made);
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&exact);
        oa_array_free(&expected);
    }
    print_message("seeds 1 to 200\n");
}

static void softmax__does_not_overflow(void **state)
{
    (void)state;
    static const float values[] = {1e4f, 1e4f, -1e4f}, expected_values[] = {0.5f, 0.5f, 0.0f};
    oa_array x = float_list(values, 3), expected = float_list(expected_values, 3);
    op node = {.type = "Softmax", .version = 13}, log_node = {.type = "LogSoftmax", .version = 13};
    oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
    assert_agree(&y, &expected, 1e-6, 0.0, "Softmax", 0);
    oa_array_free(&y);
    y = run_one(&log_node, (const oa_array *const[]){&x}, 1);
    assert_true(fabsf(((float *)y.data)[0] + 0.6931472f) < 1e-6f && ((float *)y.data)[2] < -1.9e4f);
    oa_array_free(&y);
    oa_array_free(&x);
    oa_array_free(&expected);
    oa_array scalar = scalar_float(1.0f);
    expect_failure(&node, (const oa_array *const[]){&scalar}, 1, OA_ERROR_INPUT);
    oa_array_free(&scalar);
}

/* x and the four parameters, of which the variance is positive. */
static void make_inputs(oa_array *inputs, const size_t *dims, size_t rank, size_t channels, oa_random *random)
{
    inputs[0] = random_floats(random, dims, rank);
    for (size_t i = 1; i < 5; i++) {
        inputs[i] = random_floats(random, &channels, 1);
    }
    for (size_t c = 0; c < channels; c++) {
        ((float *)inputs[4].data)[c] = fabsf(((float *)inputs[4].data)[c]) + 0.1f;
    }
}

static void batch_normalization__equals_the_definition(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16};
    for (uint64_t seed = 1; seed <= 120; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t rank = random_between(&random, 2, 4), dims[4], features = 1;
        for (size_t d = 0; d < rank; d++) {
            dims[d] = random_between(&random, 1, 6);
            features *= d ? dims[d] : 1;
        }
        bool is_spatial = seed % 4 != 0; /* off: statistics for every feature, up to operator set 8 */
        size_t channels = is_spatial ? dims[1] : features, inner = features / dims[1];
        oa_array made[5], inputs[5];
        make_inputs(made, dims, rank, channels, &random);
        for (size_t i = 0; i < 5; i++) {
            inputs[i] = floats_as(&made[i], dtypes[seed % 3]);
        }
        op node = {.type = "BatchNormalization", .version = is_spatial ? 15 : 7};
        add_attribute(&node, attribute_float("epsilon", 0.01f));
        if (!is_spatial) {
            add_attribute(&node, attribute_int("spatial", 0));
        }
        const oa_array *pointers[] = {&inputs[0], &inputs[1], &inputs[2], &inputs[3], &inputs[4]};
        oa_array y = run_one(&node, pointers, 5), exact = make_array(OA_DTYPE_DOUBLE, dims, rank);
        for (size_t i = 0; i < exact.count; i++) {
            size_t c = is_spatial ? i / inner % channels : i % features;
            ((double *)exact.data)[i] = (number_at(&inputs[0], i) - number_at(&inputs[3], c)) /
                                            sqrt(number_at(&inputs[4], c) + (double)0.01f) * number_at(&inputs[1], c) +
                                        number_at(&inputs[2], c);
        }
        oa_array expected = floats_as(&exact, dtypes[seed % 3]);
        assert_agree(&y, &expected, seed % 3 == 2 ? 2e-3 : 1e-5, seed % 3 == 2 ? 2e-3 : 1e-5, "BatchNormalization",
                     seed);
        free_arrays(made, 5);
        free_arrays(inputs, 5);
        oa_array_free(&y);
        oa_array_free(&exact);
        oa_array_free(&expected);
    }
    print_message("seeds 1 to 120\n");
}

static void batch_normalization__updates_its_statistics_in_training(void **state)
{
    (void)state;
    static const size_t dims[] = {3, 2, 4};
    oa_random random;
    oa_random_init(&random, 3);
    oa_array inputs[5], outputs[3] = {{0}};
    make_inputs(inputs, dims, 3, 2, &random);
    op node = {.type = "BatchNormalization", .version = 15, .output_count = 3};
    add_attribute(&node, attribute_int("training_mode", 1));
    add_attribute(&node, attribute_float("momentum", 0.75f));
    const oa_array *pointers[] = {&inputs[0], &inputs[1], &inputs[2], &inputs[3], &inputs[4]};
    oa_error error = {0};
    assert_int_equal(run_op(outputs, &node, pointers, 5, &error), OA_OK);
    for (size_t c = 0; c < 2; c++) {
        double mean = 0.0, variance = 0.0;
        for (size_t i = 0; i < 24; i++) {
            mean += i / 4 % 2 == c ? number_at(&inputs[0], i) / 12.0 : 0.0;
        }
        for (size_t i = 0; i < 24; i++) {
            variance += i / 4 % 2 == c ? pow(number_at(&inputs[0], i) - mean, 2.0) / 12.0 : 0.0;
        }
        assert_true(fabs(number_at(&outputs[1], c) - (0.75 * number_at(&inputs[3], c) + 0.25 * mean)) < 1e-6);
        assert_true(fabs(number_at(&outputs[2], c) - (0.75 * number_at(&inputs[4], c) + 0.25 * variance)) < 1e-6);
        double first = (number_at(&inputs[0], c * 4) - mean) / sqrt(variance + 1e-5) * number_at(&inputs[1], c) +
                       number_at(&inputs[2], c);
        assert_true(fabs(number_at(&outputs[0], c * 4) - first) < 1e-5);
    }
    free_arrays(outputs, 3);
    op old = {.type = "BatchNormalization", .version = 9, .output_count = 5};
    expect_failure(&old, pointers, 5, OA_ERROR_UNSUPPORTED);
    op oldest = {.type = "BatchNormalization", .version = 6}; /* is_test is 0 */
    expect_failure(&oldest, pointers, 5, OA_ERROR_UNSUPPORTED);
    pointers[1] = &inputs[0];
    expect_failure(&node, pointers, 5, OA_ERROR_INPUT);
    free_arrays(inputs, 5);
}

/* y, mean and 1 / deviation by the definition, in double precision. */
static void layer_reference(oa_array *exact, const oa_array *const *inputs, size_t n, bool centres)
{
    for (size_t i = 0; i < exact[0].count; i++) {
        size_t row = i / n;
        double mean = 0.0, moment = 0.0;
        for (size_t k = 0; k < n && centres; k++) {
            mean += number_at(inputs[0], row * n + k) / (double)n;
        }
        for (size_t k = 0; k < n; k++) {
            moment += pow(number_at(inputs[0], row * n + k) - mean, 2.0) / (double)n;
        }
        double inverse = 1.0 / sqrt(moment + (double)0.01f);
        ((double *)exact[1].data)[row] = mean;
        ((double *)exact[2].data)[row] = inverse;
        ((double *)exact[0].data)[i] = (number_at(inputs[0], i) - mean) * inverse * number_at(inputs[1], i % n) +
                                       (centres ? number_at(inputs[2], i % n) : 0.0);
    }
}

static void layer_normalization__equals_the_definition(void **state)
{
    (void)state;
    static const char *const types[] = {"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"};
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16};
    for (uint64_t seed = 1; seed <= 90; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t rank = random_between(&random, 1, 4), dims[4], kept[4], n = 1, kind = seed % 3, which = seed / 3 % 3;
        size_t axis = oa_random_below(&random, rank);
        for (size_t d = 0; d < rank; d++) {
            dims[d] = random_between(&random, 1, d + 1 == rank ? 20 : 4);
            kept[d] = d < axis ? dims[d] : 1;
            n *= d < axis ? 1 : dims[d];
        }
        oa_array made[3], inputs[3], outputs[3] = {{0}}, exact[3];
        const oa_array *pointers[] = {&inputs[0], &inputs[1], &inputs[2]};
        for (size_t i = 0; i < 3; i++) {
            made[i] = i == 0 ? random_floats(&random, dims, rank) : random_floats(&random, dims + axis, rank - axis);
            inputs[i] = floats_as(&made[i], dtypes[which]);
            exact[i] = make_array(OA_DTYPE_DOUBLE, i == 0 ? dims : kept, rank);
        }
        layer_reference(exact, pointers, n, kind == 0);
        op node = {.type = types[kind], .version = 17, .output_count = kind == 0 ? 3 : kind == 1 ? 1 : 2};
        add_attribute(&node, attribute_float("epsilon", 0.01f));
        add_attribute(&node, attribute_int("axis", (int64_t)axis - (seed % 2 ? (int64_t)rank : 0)));
        oa_error error = {0};
        if (run_op(outputs, &node, pointers, kind == 0 ? 3 : 2, &error) != OA_OK) {
            fail_msg("%s", error.message);
        }
        for (size_t i = 0; i < node.output_count; i++) {
            bool is_half = which == 2 && i == 0;
            const oa_array *reference = &exact[kind == 2 && i == 1 ? 2 : i];
            oa_array expected = floats_as(reference, which == 2 && i > 0 ? OA_DTYPE_FLOAT : dtypes[which]);
            assert_agree(&outputs[i], &expected, is_half ? 2e-3 : 1e-5, is_half ? 2e-3 : 1e-5, types[kind], seed);
            oa_array_free(&expected);
        }
        for (size_t i = 0; i < 3; i++) {
            oa_array_free(&made[i]);
            oa_array_free(&inputs[i]);
            oa_array_free(&outputs[i]);
            oa_array_free(&exact[i]);
        }
    }
    print_message("seeds 1 to 90\n");
}

static void layer_normalization__refuses_parameters_that_do_not_broadcast(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 4};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 3), four = random_floats(&random, dims + 2, 1);
    oa_array three = random_floats(&random, dims + 1, 1), wide = make_array(OA_DTYPE_DOUBLE, dims + 2, 1);
    op node = {.type = "LayerNormalization", .version = 17};
    expect_failure(&node, (const oa_array *const[]){&x, &three}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, &four, &three}, 3, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, &x}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, &wide}, 2, OA_ERROR_INPUT);
    add_attribute(&node, attribute_int("axis", 3));
    expect_failure(&node, (const oa_array *const[]){&x, &four}, 2, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&three);
    oa_array_free(&four);
    oa_array_free(&wide);
}

/* Moments of groups of channels, and parameters of channels, or of groups before operator set 21. */
static void group_normalization__equals_the_definition(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE};
    static const size_t dims[] = {2, 6, 3, 2};
    for (uint64_t seed = 1; seed <= 24; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t kind = seed % 3, groups = kind == 0 ? 6 : seed % 2 ? 2 : 3, inner = 6, size = 6 / groups * inner;
        size_t count = kind == 1 ? groups : 6; /* of parameters */
        const size_t *shapes[3] = {dims, &count, &count};
        oa_array made[3], inputs[3], exact = make_array(OA_DTYPE_DOUBLE, dims, 4);
        for (size_t i = 0; i < 3; i++) {
            made[i] = random_floats(&random, shapes[i], i ? 1 : 4);
            inputs[i] = floats_as(&made[i], dtypes[seed / 3 % 2]);
        }
        for (size_t i = 0; i < exact.count; i++) {
            double mean = 0.0, variance = 0.0;
            size_t first = i / size * size, channel = i / inner % 6, at = kind == 1 ? channel / (6 / groups) : channel;
            for (size_t k = 0; k < size; k++) {
                mean += number_at(&inputs[0], first + k) / (double)size;
            }
            for (size_t k = 0; k < size; k++) {
                variance += pow(number_at(&inputs[0], first + k) - mean, 2.0) / (double)size;
            }
            ((double *)exact.data)[i] =
                (number_at(&inputs[0], i) - mean) / sqrt(variance + (double)0.01f) * number_at(&inputs[1], at) +
                number_at(&inputs[2], at);
        }
        op node = {.type = kind == 0 ? "InstanceNormalization" : "GroupNormalization", .version = kind == 1 ? 18 : 21};
        add_attribute(&node, attribute_float("epsilon", 0.01f));
        if (kind != 0) {
            add_attribute(&node, attribute_int("num_groups", (int64_t)groups));
        }
        oa_array y = run_one(&node, (const oa_array *const[]){&inputs[0], &inputs[1], &inputs[2]}, 3);
        oa_array expected = floats_as(&exact, inputs[0].dtype);
        assert_agree(&y, &expected, 1e-5, 1e-5, node.type, seed);
        free_arrays(made, 3);
        free_arrays(inputs, 3);
        oa_array_free(&y);
        oa_array_free(&exact);
        oa_array_free(&expected);
    }
}

/* The first words of the generator for the seed of its authors' test program, and the 10000th for that of the C++
 * standard, which both publish. */
static void mersenne__is_the_published_generator(void **state)
{
    (void)state;
    oa_mersenne generator;
    oa_mersenne_init(&generator, 5489);
    uint32_t word = 0;
    for (int i = 0; i < 10000; i++) {
        word = oa_mersenne_next(&generator);
        assert_true(i != 0 || word == UINT32_C(3499211612));
    }
    assert_true(word == UINT32_C(4123659995));
}

static void dropout__is_the_identity_unless_training(void **state)
{
    (void)state;
    static const size_t dims[] = {30, 40};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 2), ratio = scalar_float(0.25f), outputs[2] = {{0}};
    oa_array no = make_array(OA_DTYPE_BOOL, NULL, 0), yes = make_array(OA_DTYPE_BOOL, NULL, 0);
    *(uint8_t *)yes.data = 1;
    op node = {.type = "Dropout", .version = 13, .output_count = 2};
    add_attribute(&node, attribute_int("seed", 42));
    oa_error error = {0};
    const oa_array *pointers[] = {&x, &ratio, &no};
    assert_int_equal(run_op(outputs, &node, pointers, 3, &error), OA_OK);
    assert_agree(&outputs[0], &x, 0.0, 0.0, "Dropout", 0);
    for (size_t i = 0; i < x.count; i++) {
        assert_int_equal(((uint8_t *)outputs[1].data)[i], 1);
    }
    oa_array_free(&outputs[0]);
    oa_array_free(&outputs[1]);
    pointers[2] = &yes;
    assert_int_equal(run_op(outputs, &node, pointers, 3, &error), OA_OK);
    size_t kept = 0;
    for (size_t i = 0; i < x.count; i++) {
        bool is_kept = ((uint8_t *)outputs[1].data)[i];
        double expected = is_kept ? number_at(&x, i) / 0.75 : 0.0;
        assert_true(fabs(number_at(&outputs[0], i) - expected) < 1e-5);
        kept += is_kept;
    }
    assert_true(kept > 840 && kept < 960); /* 900 expected, 15 the standard deviation */
    oa_array_free(&outputs[0]);
    oa_array_free(&outputs[1]);
    *(float *)ratio.data = 1.0f;
    expect_failure(&node, pointers, 3, OA_ERROR_INPUT);
    op old = {.type = "Dropout", .version = 6}, inference = {.type = "Dropout", .version = 6};
    expect_failure(&old, pointers, 1, OA_ERROR_UNSUPPORTED);
    add_attribute(&inference, attribute_int("is_test", 1));
    oa_array y = run_one(&inference, pointers, 1);
    assert_agree(&y, &x, 0.0, 0.0, "Dropout", 6);
    oa_array_free(&y);
    oa_array_free(&x);
    oa_array_free(&ratio);
    oa_array_free(&no);
    oa_array_free(&yes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax__equals_the_definition),
        cmocka_unit_test(softmax__does_not_overflow),
        cmocka_unit_test(batch_normalization__equals_the_definition),
        cmocka_unit_test(batch_normalization__updates_its_statistics_in_training),
        cmocka_unit_test(layer_normalization__equals_the_definition),
        cmocka_unit_test(layer_normalization__refuses_parameters_that_do_not_broadcast),
        cmocka_unit_test(group_normalization__equals_the_definition),
        cmocka_unit_test(mersenne__is_the_published_generator),
        cmocka_unit_test(dropout__is_the_identity_unless_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
