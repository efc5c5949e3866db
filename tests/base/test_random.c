#include "core/base/random.h"

#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdbool.h>

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

/* The state after seeding with 0 is the first four outputs of splitmix64, as its authors publish them. */
static void random__is_seeded_by_splitmix64(void **state)
{
    (void)state;
    static const uint64_t expected[] = {UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4),
                                        UINT64_C(0x06c45d188009454f), UINT64_C(0xf88bb8a8724c81ec)};
    oa_random random;
    oa_random_init(&random, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_true(random.state[i] == expected[i]);
    }
}

/* The stream of xoshiro256** from the state 1, 2, 3, 4, as implementations in other languages have it in their tests.
 */
static void random__is_xoshiro256_starstar(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    oa_random random = {.state = {1, 2, 3, 4}};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(oa_random_next(&random) == expected[i]);
    }
}

static void random__repeats_with_the_seed(void **state)
{
    (void)state;
    oa_random a;
    oa_random b;
    oa_random c;
    oa_random_init(&a, 42);
    oa_random_init(&b, 42);
    oa_random_init(&c, 43);
    size_t same = 0;
    for (size_t i = 0; i < 1000; i++) {
        uint64_t x = oa_random_next(&a);
        assert_true(x == oa_random_next(&b));
        same += x == oa_random_next(&c);
    }
    assert_int_equal(same, 0);
}

/* Pearson's statistic of counts that should all be the same. */
static double chi_squared(const size_t *counts, size_t n, double expected)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double difference = (double)counts[i] - expected;
        sum += difference * difference / expected;
    }
    return sum;
}

static void below__is_in_range_and_even(void **state)
{
    (void)state;
    enum { DRAWS = 70000 };
    oa_random random;
    oa_random_init(&random, 1);
    print_message("seed 1\n");
    size_t counts[7] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        size_t x = oa_random_below(&random, COUNT_OF(counts));
        assert_true(x < COUNT_OF(counts));
        counts[x]++;
    }
    assert_true(chi_squared(counts, COUNT_OF(counts), DRAWS / 7.0) < 22.5); /* 6 degrees of freedom, 0.1 % */
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(oa_random_below(&random, 1), 0);
        assert_true(oa_random_below(&random, SIZE_MAX) < SIZE_MAX);
    }
}

/* With a bound of two thirds of the range, the modulus alone would give the lower half twice as often. */
static void below__has_no_modulo_bias(void **state)
{
    (void)state;
    enum { DRAWS = 30000 };
    oa_random random;
    oa_random_init(&random, 2);
    print_message("seed 2\n");
    const size_t bound = SIZE_MAX / 3 * 2;
    size_t low = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        low += oa_random_below(&random, bound) < bound / 2;
    }
    assert_true(fabs((double)low - DRAWS / 2.0) < 4.0 * sqrt(DRAWS / 4.0));
}

static void uniform__has_mean_and_spread(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    oa_random random;
    oa_random_init(&random, 3);
    print_message("seed 3\n");
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < DRAWS; i++) {
        double x = oa_random_uniform(&random);
        assert_true(x >= 0.0 && x < 1.0);
        assert_true(x * 0x1p53 == floor(x * 0x1p53));
        sum += x;
        squares += x * x;
    }
    double mean = sum / DRAWS;
    assert_true(fabs(mean - 0.5) < 5.0 * sqrt(1.0 / 12.0 / DRAWS));
    assert_true(fabs(squares / DRAWS - 1.0 / 3.0) < 0.005);
}

/* Kolmogorov and Smirnov's distance from the normal distribution, on a grid. */
static void normal__is_normal(void **state)
{
    (void)state;
    enum { DRAWS = 100000, GRID = 81 };
    oa_random random;
    oa_random_init(&random, 4);
    print_message("seed 4\n");
    size_t below[GRID] = {0};
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < DRAWS; i++) {
        double x = oa_random_normal(&random);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        for (size_t k = 0; k < GRID; k++) {
            below[k] += x < -4.0 + 0.1 * (double)k;
        }
    }
    assert_true(fabs(sum / DRAWS) < 5.0 / sqrt(DRAWS));
    assert_true(fabs(squares / DRAWS - 1.0) < 5.0 * sqrt(2.0 / DRAWS));
    for (size_t k = 0; k < GRID; k++) {
        double expected = 0.5 * erfc(-(-4.0 + 0.1 * (double)k) / sqrt(2.0));
        assert_true(fabs((double)below[k] / DRAWS - expected) < 1.95 / sqrt(DRAWS)); /* 0.1 % */
    }
}

static void permutation__is_one_and_all_are_as_likely(void **state)
{
    (void)state;
    enum { N = 4, ALL = 24, DRAWS = 48000 };
    oa_random random;
    oa_random_init(&random, 5);
    print_message("seed 5\n");
    size_t counts[N * N * N * N] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        size_t p[N];
        oa_random_permutation(p, N, &random);
        bool seen[N] = {false};
        size_t code = 0;
        for (size_t k = 0; k < N; k++) {
            assert_true(p[k] < N && !seen[p[k]]);
            seen[p[k]] = true;
            code = code * N + p[k];
        }
        counts[code]++;
    }
    size_t met[ALL] = {0};
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        if (counts[i]) {
            assert_true(count < ALL);
            met[count++] = counts[i];
        }
    }
    assert_int_equal(count, ALL);
    assert_true(chi_squared(met, ALL, (double)DRAWS / ALL) < 49.7); /* 23 degrees of freedom, 0.1 % */
}

static void permutation__of_little(void **state)
{
    (void)state;
    oa_random random;
    oa_random_init(&random, 6);
    size_t p[1] = {7};
    oa_random_permutation(p, 0, &random);
    assert_int_equal(p[0], 7);
    oa_random_permutation(p, 1, &random);
    assert_int_equal(p[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random__is_seeded_by_splitmix64),
        cmocka_unit_test(random__is_xoshiro256_starstar),
        cmocka_unit_test(random__repeats_with_the_seed),
        cmocka_unit_test(below__is_in_range_and_even),
        cmocka_unit_test(below__has_no_modulo_bias),
        cmocka_unit_test(uniform__has_mean_and_spread),
        cmocka_unit_test(normal__is_normal),
        cmocka_unit_test(permutation__is_one_and_all_are_as_likely),
        cmocka_unit_test(permutation__of_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
