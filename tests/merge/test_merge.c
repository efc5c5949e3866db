/* Averaging, bit by bit: against numbers that are found by searching all there are, or that are known beforehand. */
#include "core/merge/merge.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/random_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HALVES = 65536, PAIRS = 20000, MODELS = 300 };

/* Two models of one constant, and one that is not a number to average. */
typedef struct two {
    test_graph *graphs[2];
    const oa_graph *a, *b;
    oa_layout *layout;
} two;

static const oa_graph *build(test_graph *g, oa_dtype type, size_t count, const void *data)
{
    static const int64_t steps[3] = {1, 2, 3};
    size_t inputs[2] = {test_graph_constant(g, "weights", type, 1, &(int64_t){(int64_t)count}, data),
                        test_graph_ints(g, "steps", 3, steps)};
    test_graph_output(g, test_graph_node(g, "Mystery", "", inputs, 2));
    return test_graph_finish(g);
}

static two two_create(oa_dtype type_a, const void *a, oa_dtype type_b, const void *b, size_t count)
{
    two t = {.graphs = {test_graph_create(1), test_graph_create(2)}};
    t.a = build(t.graphs[0], type_a, count, a);
    t.b = build(t.graphs[1], type_b, count, b);
    t.layout = discover(t.a);
    return t;
}

static void two_free(two *t)
{
    oa_layout_destroy(t->layout);
    test_graph_destroy(t->graphs[0]);
    test_graph_destroy(t->graphs[1]);
}

/* The merged payload of the constant; the caller frees `payloads`. */
static const void *merge_two(oa_payloads *payloads, const two *t, double weight)
{
    oa_error error = {0};
    oa_merge_part part = {.graph = t->b, .weight = weight};
    assert_int_equal(oa_payloads_init(payloads, t->a, &error), OA_OK);
    assert_int_equal(oa_merge(payloads, t->a, t->layout, &part, 1, &error), OA_OK);
    assert_null(payloads->data[1]); /* integers stay */
    assert_non_null(payloads->data[0]);
    return payloads->data[0];
}

/* Every number of a 16-bit type but NaN; zeros, the smallest, the largest and infinity among them. */
static size_t all_halves(uint16_t *halves, oa_dtype type)
{
    size_t count = 0;
    for (size_t bits = 0; bits < HALVES; bits++) {
        uint16_t half = (uint16_t)bits;
        float value;
        oa_floats_to_f32(&value, &half, type, 1);
        if (!isnan(value)) {
            halves[count++] = half;
        }
    }
    return count;
}

static void check_itself(oa_dtype type, const void *data, size_t count)
{
    static const double weights[] = {0.5, 0.7, 0.3, 1.0 / 3.0, 1.5, -0.5};
    two t = two_create(type, data, type, data, count);
    for (size_t i = 0; i < TEST_COUNT(weights); i++) {
        oa_payloads payloads;
        assert_memory_equal(merge_two(&payloads, &t, weights[i]), data, count * oa_dtype_size(type));
        oa_payloads_free(&payloads);
    }
    two_free(&t);
}

static void merge__of_a_model_with_itself_is_that_model_bit_for_bit(void **state)
{
    (void)state;
    uint16_t *halves = oa_calloc(HALVES, sizeof *halves);
    check_itself(OA_DTYPE_FLOAT16, halves, all_halves(halves, OA_DTYPE_FLOAT16));
    check_itself(OA_DTYPE_BFLOAT16, halves, all_halves(halves, OA_DTYPE_BFLOAT16));
    oa_free(halves);
    oa_random random;
    oa_random_init(&random, 1);
    float *floats = oa_calloc(PAIRS, sizeof *floats);
    double *doubles = oa_calloc(PAIRS, sizeof *doubles);
    for (size_t i = 0; i < PAIRS; i++) {
        do {
            uint64_t bits = oa_random_next(&random);
            memcpy(&floats[i], &bits, sizeof *floats);
            memcpy(&doubles[i], &bits, sizeof *doubles);
        } while (isnan(floats[i]) || isnan(doubles[i]));
    }
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, 0x1p-149f, -0x1p-149f, 0x1.fffffep127f, 1.0f};
    for (size_t i = 0; i < TEST_COUNT(special); i++) {
        floats[i] = special[i];
        doubles[i] = (double)special[i];
    }
    check_itself(OA_DTYPE_FLOAT, floats, PAIRS);
    check_itself(OA_DTYPE_DOUBLE, doubles, PAIRS);
    oa_free(floats);
    oa_free(doubles);
}

/* With all weight on one side that side comes out exactly, whatever is on the other. */
static void check_ends(oa_dtype type, const void *a, const void *b, size_t count)
{
    two t = two_create(type, a, type, b, count);
    for (size_t i = 0; i < 2; i++) {
        oa_payloads payloads;
        assert_memory_equal(merge_two(&payloads, &t, i ? 1.0 : 0.0), i ? b : a, count * oa_dtype_size(type));
        oa_payloads_free(&payloads);
    }
    two_free(&t);
}

static void merge__at_both_ends_is_exact(void **state)
{
    (void)state;
    oa_random random;
    oa_random_init(&random, 2);
    float *floats = oa_calloc(2 * PAIRS, sizeof *floats);
    double *doubles = oa_calloc(2 * PAIRS, sizeof *doubles);
    uint16_t *halves = oa_calloc(HALVES, sizeof *halves);
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        double value = oa_random_normal(&random) * ldexp(1.0, (int)oa_random_below(&random, 200) - 100);
        floats[i] = i % 50 == 0 ? -0.0f : (float)value;
        doubles[i] = i % 50 == 0 ? -0.0 : value;
    }
    check_ends(OA_DTYPE_FLOAT, floats, floats + PAIRS, PAIRS);
    check_ends(OA_DTYPE_DOUBLE, doubles, doubles + PAIRS, PAIRS);
    size_t count = all_halves(halves, OA_DTYPE_FLOAT16);
    check_ends(OA_DTYPE_FLOAT16, halves, halves + count / 2, count / 2);
    check_ends(OA_DTYPE_BFLOAT16, halves, halves + count / 2, count / 2);
    oa_free(floats);
    oa_free(doubles);
    oa_free(halves);
}

typedef struct number {
    double value;
    uint16_t bits;
} number;

static int by_value(const void *x, const void *y)
{
    double a = ((const number *)x)->value, b = ((const number *)y)->value;
    return a < b ? -1 : a > b;
}

/* All finite numbers of a 16-bit type, and one step past the largest where infinity begins, sorted. */
static size_t all_numbers(number *numbers, oa_dtype type)
{
    size_t count = 0;
    for (size_t bits = 0; bits < HALVES; bits++) {
        uint16_t half = (uint16_t)bits;
        double value;
        oa_floats_to_f64(&value, &half, type, 1);
        if (isfinite(value) && bits != 0x8000) {
            numbers[count++] = (number){value, half};
        }
    }
    double step = type == OA_DTYPE_FLOAT16 ? 65536.0 : 0x1p128;
    numbers[count++] = (number){step, type == OA_DTYPE_FLOAT16 ? 0x7c00 : 0x7f80};
    numbers[count++] = (number){-step, type == OA_DTYPE_FLOAT16 ? 0xfc00 : 0xff80};
    qsort(numbers, count, sizeof *numbers, by_value);
    return count;
}

/* The nearest number, the one with an even last bit of two that are as near. */
static uint16_t nearest(const number *numbers, size_t count, double value)
{
    size_t low = 0, high = count - 1;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        *(numbers[middle].value <= value ? &low : &high) = middle;
    }
    double below = value - numbers[low].value, above = numbers[high].value - value;
    if (below == above) {
        return numbers[low].bits % 2 == 0 ? numbers[low].bits : numbers[high].bits;
    }
    return below < above ? numbers[low].bits : numbers[high].bits;
}

/* Halves, quarters and eighths of 16-bit numbers are exact in double, so that only the last rounding is seen. */
static void check_rounding(oa_dtype type, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    number *numbers = oa_calloc(HALVES + 2, sizeof *numbers);
    uint16_t *halves = oa_calloc(2 * PAIRS, sizeof *halves);
    assert_true(numbers && halves);
    size_t count = all_numbers(numbers, type);
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        halves[i] = numbers[1 + oa_random_below(&random, count - 2)].bits;
        /* Neighbours and near neighbours: ties. */
        halves[i] = i >= PAIRS && i % 2 ? (uint16_t)(halves[i - PAIRS] ^ oa_random_below(&random, 8)) : halves[i];
    }
    two t = two_create(type, halves, type, halves + PAIRS, PAIRS);
    static const double weights[] = {0.5, 0.25, 0.875};
    for (size_t w = 0; w < TEST_COUNT(weights); w++) {
        oa_payloads payloads;
        const uint16_t *merged = merge_two(&payloads, &t, weights[w]);
        for (size_t i = 0; i < PAIRS; i++) {
            double a, b;
            oa_floats_to_f64(&a, &halves[i], type, 1);
            oa_floats_to_f64(&b, &halves[PAIRS + i], type, 1);
            uint16_t expected = nearest(numbers, count, (1.0 - weights[w]) * a + weights[w] * b);
            bool are_zeros = (expected & 0x7fff) == 0 && (merged[i] & 0x7fff) == 0;
            if (merged[i] != expected && !are_zeros) {
                fail_msg("%g and %g at %g: %04x, expected %04x", a, b, weights[w], merged[i], expected);
            }
        }
        oa_payloads_free(&payloads);
    }
    two_free(&t);
    oa_free(numbers);
    oa_free(halves);
}

static void merge__rounds_to_nearest_even(void **state)
{
    (void)state;
    check_rounding(OA_DTYPE_FLOAT16, 3);
}

/* bfloat16 has exponents so far apart that a sum of two is rounded in double already; near numbers are not. */
static void merge__rounds_near_bfloat16_numbers_to_nearest_even(void **state)
{
    (void)state;
    uint16_t a[HALVES], b[HALVES];
    number *numbers = oa_calloc(HALVES + 2, sizeof *numbers);
    size_t count = all_numbers(numbers, OA_DTYPE_BFLOAT16), n = 0;
    for (size_t i = 1; i + 6 < count; i += 3) {
        a[n] = numbers[i].bits;
        b[n++] = numbers[i + i % 5].bits;
    }
    two t = two_create(OA_DTYPE_BFLOAT16, a, OA_DTYPE_BFLOAT16, b, n);
    oa_payloads payloads;
    const uint16_t *merged = merge_two(&payloads, &t, 0.5);
    for (size_t i = 0; i < n; i++) {
        double x, y;
        oa_floats_to_f64(&x, &a[i], OA_DTYPE_BFLOAT16, 1);
        oa_floats_to_f64(&y, &b[i], OA_DTYPE_BFLOAT16, 1);
        uint16_t expected = nearest(numbers, count, 0.5 * x + 0.5 * y);
        assert_true(merged[i] == expected || ((merged[i] | expected) & 0x7fff) == 0);
    }
    oa_payloads_free(&payloads);
    two_free(&t);
    oa_free(numbers);
}

static double element(const oa_tensor *tensor, const void *data, size_t i)
{
    double value;
    oa_floats_to_f64(&value, (const char *)data + i * oa_dtype_size(tensor->dtype), tensor->dtype, 1);
    return value;
}

/* Half the distance to the next number of the type. */
static double half_step(oa_dtype type, double value)
{
    int exponent;
    int digits = type == OA_DTYPE_FLOAT16 ? 11 : type == OA_DTYPE_BFLOAT16 ? 8 : type == OA_DTYPE_FLOAT ? 24 : 53;
    frexp(value, &exponent);
    exponent = type == OA_DTYPE_FLOAT16 && exponent < -13 ? -13 : exponent;
    return ldexp(0.5, exponent - digits);
}

/* Three models of random constants, of mixed types, the second and third seen through a map of constants. */
static void merge__of_three_models_weighs_them(void **state)
{
    (void)state;
    print_message("seeds 1 to %d\n", MODELS);
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        random_layout models[3];
        oa_payloads payloads;
        static const double weights[3] = {0.2, 0.5, 0.3};
        size_t map[8];
        for (size_t m = 0; m < 3; m++) {
            random_layout_create(&models[m], seed, seed + 1000 * m, OA_DTYPE_UNDEFINED);
        }
        const oa_graph *a = models[0].graph;
        for (size_t t = 0; t < a->tensor_count; t++) {
            map[t] = t;
        }
        map[0] = seed % 3 ? 0 : OA_NONE; /* one without a counterpart stays */
        oa_merge_part parts[2] = {{.graph = models[1].graph, .tensor_of = map, .weight = weights[1]},
                                  {.graph = models[2].graph, .weight = weights[2]}};
        assert_int_equal(oa_payloads_init(&payloads, a, NULL), OA_OK);
        assert_int_equal(oa_merge(&payloads, a, models[0].layout, parts, 2, NULL), OA_OK);
        for (size_t t = 0; t < a->tensor_count; t++) {
            const oa_tensor *tensor = &a->tensors[t];
            assert_int_equal(payloads.data[t] == NULL, map[t] == OA_NONE);
            for (size_t i = 0; i < tensor->count && payloads.data[t]; i++) {
                double expected = 0.0;
                for (size_t m = 0; m < 3; m++) {
                    expected += weights[m] * element(&models[m].graph->tensors[t], models[m].graph->tensors[t].data, i);
                }
                double merged = element(tensor, payloads.data[t], i);
                assert_true(fabs(merged - expected) <= half_step(tensor->dtype, expected) * 1.001 + 1e-15);
            }
        }
        oa_payloads_free(&payloads);
        for (size_t m = 0; m < 3; m++) {
            random_layout_free(&models[m]);
        }
    }
}

/* The first part's reordered payloads become the result where the types agree; the outcome is the same. */
static void merge__takes_over_buffers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        random_layout a, b;
        oa_payloads plain, merged, donor;
        oa_permutations permutations;
        oa_random random;
        random_layout_create(&a, seed, seed, OA_DTYPE_UNDEFINED);
        random_layout_create(&b, seed, seed + 1000, OA_DTYPE_UNDEFINED);
        oa_random_init(&random, seed);
        assert_int_equal(oa_permutations_init(&permutations, a.layout, NULL), OA_OK);
        oa_permutations_random(&permutations, a.layout, &random);
        for (size_t round = 0; round < 2; round++) {
            oa_payloads *target = round ? &merged : &plain;
            void *buffers[8] = {NULL};
            assert_int_equal(oa_payloads_init(&donor, b.graph, NULL), OA_OK);
            assert_int_equal(oa_payloads_init(target, a.graph, NULL), OA_OK);
            assert_int_equal(oa_layout_apply(&donor, a.layout, b.graph, NULL, &permutations, NULL), OA_OK);
            memcpy(buffers, donor.data, donor.count * sizeof *buffers);
            /* In the first round the payloads are the second part's, which nothing is taken from. */
            oa_merge_part parts[2] = {
                {.graph = b.graph, .payloads = round ? &donor : NULL, .weight = round ? 0.4 : 0.0},
                {.graph = b.graph, .payloads = round ? NULL : &donor, .weight = round ? 0.0 : 0.4}};
            assert_int_equal(oa_merge(target, a.graph, a.layout, parts, 2, NULL), OA_OK);
            for (size_t t = 0; t < a.graph->tensor_count; t++) {
                bool is_taken = round == 1 && buffers[t] && a.graph->tensors[t].dtype == b.graph->tensors[t].dtype;
                assert_true(donor.data[t] == (is_taken ? NULL : buffers[t]));
                assert_true(!is_taken || merged.data[t] == buffers[t]);
            }
            oa_payloads_free(&donor);
        }
        for (size_t t = 0; t < a.graph->tensor_count; t++) {
            const oa_tensor *tensor = &a.graph->tensors[t];
            assert_memory_equal(plain.data[t], merged.data[t], tensor->count * oa_dtype_size(tensor->dtype));
        }
        oa_permutations_free(&permutations);
        oa_payloads_free(&plain);
        oa_payloads_free(&merged);
        random_layout_free(&a);
        random_layout_free(&b);
    }
}

static void merge__of_other_types_comes_out_in_the_first(void **state)
{
    (void)state;
    const uint16_t a[] = {0x3c00, 0x4000};   /* 1, 2 */
    const double b[] = {3.0, 1.0 + 0x1p-30}; /* the average of 2 and that is nearest to 1.5 */
    two t = two_create(OA_DTYPE_FLOAT16, a, OA_DTYPE_DOUBLE, b, 2);
    oa_payloads payloads;
    const uint16_t *merged = merge_two(&payloads, &t, 0.5);
    assert_int_equal(merged[0], 0x4000);
    assert_int_equal(merged[1], 0x3e00);
    oa_payloads_free(&payloads);
    two_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge__of_a_model_with_itself_is_that_model_bit_for_bit),
        cmocka_unit_test(merge__at_both_ends_is_exact),
        cmocka_unit_test(merge__rounds_to_nearest_even),
        cmocka_unit_test(merge__rounds_near_bfloat16_numbers_to_nearest_even),
        cmocka_unit_test(merge__of_three_models_weighs_them),
        cmocka_unit_test(merge__takes_over_buffers),
        cmocka_unit_test(merge__of_other_types_comes_out_in_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
