/* Statistics of units that come in batches, against two plain passes over all numbers. */
#include "core/merge/unit_statistics.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"

#include <math.h>
#include <string.h>

enum { SEEDS = 20, SAMPLES = 24, UNITS = 5 };

static void add_all(oa_unit_statistics *statistics, const float *data, const size_t *dims, size_t rank, size_t axis,
                    size_t batch)
{
    size_t each = 1;
    for (size_t k = 1; k < rank; k++) {
        each *= dims[k];
    }
    for (size_t first = 0; first < dims[0]; first += batch) {
        size_t n = dims[0] - first < batch ? dims[0] - first : batch;
        oa_array array = {.dtype = OA_DTYPE_FLOAT,
                          .rank = rank,
                          .count = n * each,
                          .data = (void *)(uintptr_t)(data + first * each),
                          .is_view = true};
        memcpy(array.dims, dims, rank * sizeof *dims);
        array.dims[0] = n;
        assert_int_equal(oa_unit_statistics_add(statistics, &array, axis, n, NULL), OA_OK);
    }
}

static void expect(double *mean, double *spread, const float *data, const size_t *dims, size_t rank, size_t axis,
                   size_t unit)
{
    size_t inner = 1;
    size_t count = 1;
    for (size_t k = 0; k < rank; k++) {
        inner *= k > axis ? dims[k] : 1;
        count *= dims[k];
    }
    double sums[2] = {0.0, 0.0};
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            double x = (double)data[i] - (pass ? sums[0] : 0.0);
            sums[pass] += i / inner % dims[axis] == unit ? (pass ? x * x : x) : 0.0;
        }
        sums[pass] /= (double)(count / dims[axis]);
    }
    *mean = sums[0];
    *spread = sqrt(sums[1]);
}

static void statistics__are_those_of_two_plain_passes(void **state)
{
    (void)state;
    static const struct shape {
        size_t rank, axis, dims[4];
    } shapes[] = {{2, 1, {SAMPLES, UNITS}},
                  {3, 2, {SAMPLES, 7, UNITS}},
                  {4, 1, {SAMPLES, UNITS, 3, 4}},
                  {3, 1, {SAMPLES, UNITS, 1}}};
    float data[SAMPLES * UNITS * 12];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (size_t s = 0; s < TEST_COUNT(shapes); s++) {
            const struct shape *shape = &shapes[s];
            oa_random random;
            oa_random_init(&random, seed);
            double offset = 1000.0 * oa_random_normal(&random); /* large means do not cancel */
            for (size_t i = 0; i < TEST_COUNT(data); i++) {
                data[i] = (float)(offset + oa_random_normal(&random));
            }
            oa_unit_statistics statistics = {0};
            assert_int_equal(oa_unit_statistics_init(&statistics, UNITS, NULL), OA_OK);
            add_all(&statistics, data, shape->dims, shape->rank, shape->axis, 1 + (size_t)oa_random_below(&random, 9));
            assert_int_equal(statistics.samples, SAMPLES);
            for (size_t u = 0; u < UNITS; u++) {
                double mean, spread, wanted_mean, wanted_spread;
                oa_unit_statistics_get(&mean, &spread, &statistics, u);
                expect(&wanted_mean, &wanted_spread, data, shape->dims, shape->rank, shape->axis, u);
                if (!(fabs(mean - wanted_mean) <= 1e-9 && fabs(spread - wanted_spread) <= 1e-9)) {
                    fail_msg("seed %llu, shape %zu, unit %zu: %g +- %g, expected %g +- %g", (unsigned long long)seed, s,
                             u, mean, spread, wanted_mean, wanted_spread);
                }
            }
            oa_unit_statistics_free(&statistics);
        }
    }
}

static void statistics__of_what_never_varies_have_no_spread(void **state)
{
    (void)state;
    oa_unit_statistics statistics = {0};
    float data[SAMPLES * 2];
    double mean, spread;
    for (size_t i = 0; i < SAMPLES; i++) {
        data[2 * i] = i % 2 ? 12345.678f : nextafterf(12345.678f, 0.0f); /* as far apart as rounding puts it */
        data[2 * i + 1] = i % 2 ? 1e-20f : -1e-20f;                      /* little, but all there is */
    }
    assert_int_equal(oa_unit_statistics_init(&statistics, 2, NULL), OA_OK);
    add_all(&statistics, data, (size_t[]){SAMPLES, 2}, 2, 1, 5);
    oa_unit_statistics_get(&mean, &spread, &statistics, 0);
    assert_true(spread == 0.0);
    oa_unit_statistics_get(&mean, &spread, &statistics, 1);
    assert_true(fabs(spread - 1e-20) <= 1e-26);
    oa_unit_statistics_free(&statistics);
}

static double uncertainty_of(uint64_t seed, size_t samples, size_t positions, bool are_copies)
{
    enum { MANY = 400, MOST_POSITIONS = 8 };
    static float data[MANY * MOST_POSITIONS * UNITS];
    oa_unit_statistics statistics = {0};
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t i = 0; i < samples; i++) {
        for (size_t u = 0; u < UNITS; u++) {
            float x = (float)oa_random_normal(&random);
            for (size_t k = 0; k < positions; k++) {
                data[(i * UNITS + u) * positions + k] = x;
                x = are_copies ? x : (float)oa_random_normal(&random);
            }
        }
    }
    assert_int_equal(oa_unit_statistics_init(&statistics, UNITS, NULL), OA_OK);
    add_all(&statistics, data, (size_t[]){samples, UNITS, positions}, 3, 1, 50);
    double result = oa_unit_statistics_uncertainty(&statistics);
    oa_unit_statistics_free(&statistics);
    return result;
}

/* Of n independent normal numbers, the mean has the error s / sqrt(n) and the standard deviation s / sqrt(2 n):
 * together s sqrt(1.5 / n). Estimated from 5 units, these errors are themselves off by some 10 %. */
static void uncertainty__is_that_of_independent_samples(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static const size_t counts[] = {50, 400};
        for (size_t c = 0; c < TEST_COUNT(counts); c++) {
            double wanted = sqrt(1.5 / (double)counts[c]);
            assert_true(fabs(uncertainty_of(seed, counts[c], 1, false) - wanted) <= 0.4 * wanted);
            /* The same number at every position says no more than once; others do. */
            assert_true(fabs(uncertainty_of(seed, counts[c], 8, true) - wanted) <= 0.4 * wanted);
            assert_true(fabs(uncertainty_of(seed, counts[c], 8, false) - wanted / sqrt(8.0)) <=
                        0.4 * wanted / sqrt(8.0));
        }
    }
    assert_true(isinf(uncertainty_of(1, 1, 8, false)));
}

static void statistics__refuse_what_does_not_fit(void **state)
{
    (void)state;
    oa_unit_statistics statistics = {0};
    float data[12] = {0};
    oa_array array = {.dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {3, 4}, .count = 12, .data = data, .is_view = true};
    assert_int_equal(oa_unit_statistics_init(&statistics, 4, NULL), OA_OK);
    oa_error error = {0};
    assert_int_equal(oa_unit_statistics_add(&statistics, &array, 2, 3, &error), OA_ERROR_INPUT);
    assert_int_equal(oa_unit_statistics_add(&statistics, &array, 0, 3, &error), OA_ERROR_INPUT);
    array.dtype = OA_DTYPE_INT32;
    assert_int_equal(oa_unit_statistics_add(&statistics, &array, 1, 3, &error), OA_ERROR_INPUT);
    assert_int_equal(statistics.samples, 0);
    oa_unit_statistics_free(&statistics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics__are_those_of_two_plain_passes),
        cmocka_unit_test(statistics__of_what_never_varies_have_no_spread),
        cmocka_unit_test(uncertainty__is_that_of_independent_samples),
        cmocka_unit_test(statistics__refuse_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
