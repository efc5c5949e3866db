/* Sums on vectors, against plain loops. */
#include "core/linalg/sums.h"

#include "core/base/random.h"
#include "tests/support/cmocka_all.h"

#include <math.h>

enum { COUNT = 200 };

/* All lengths around whole vectors. n numbers of at most 8 in another order: each sum rounds by 2^-53 of what it has.
 */
static void sums__are_those_of_a_loop(void **state)
{
    oa_random random;
    (void)state;
    oa_random_init(&random, 3);
    for (size_t n = 0; n <= COUNT; n++) {
        float x[COUNT];
        double sum = 0.0, squares = 0.0, size = 0.0;
        for (size_t i = 0; i < n; i++) {
            x[i] = (float)(16.0 * oa_random_uniform(&random) - 8.0);
            sum += (double)x[i];
            squares += (double)x[i] * (double)x[i];
            size += fabs((double)x[i]);
        }
        assert_true(fabs(oa_sum(x, n) - sum) <= size * (double)n * 0x1p-52);
        assert_true(fabs(oa_sum_of_squares(x, n) - squares) <= squares * (double)n * 0x1p-52);
    }
}

static void all_finite__finds_the_one_that_is_not(void **state)
{
    static const float odd[] = {INFINITY, -INFINITY, NAN, -NAN};
    static const float even[] = {0.0f, -0.0f, 3.4e38f, -3.4e38f, 1e-45f};
    (void)state;
    for (size_t n = 1; n <= 70; n++) {
        for (size_t at = 0; at < n; at++) {
            float x[70];
            for (size_t i = 0; i < n; i++) {
                x[i] = even[i % (sizeof even / sizeof *even)];
            }
            assert_true(oa_all_finite(x, n));
            x[at] = odd[at % (sizeof odd / sizeof *odd)];
            assert_false(oa_all_finite(x, n));
        }
    }
    assert_true(oa_all_finite(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums__are_those_of_a_loop),
        cmocka_unit_test(all_finite__finds_the_one_that_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
