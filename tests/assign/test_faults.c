/* The assignment solver while the n-th allocation fails: it says so, leaves its outputs alone and leaks nothing. */
#include "core/assign/assign.h"
#include "core/base/random.h"

#include "tests/assign/matrices.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"

#include <string.h>

enum { SIZE = 90, TOO_MANY = 1000 };

static void maximise__survives_any_failing_allocation(void **state)
{
    (void)state;
    static double profit[SIZE * SIZE];
    oa_random random;
    oa_random_init(&random, 1);
    assert_true(matrix_fill(profit, MATRIX_PRODUCT_LOW, SIZE, &random));
    size_t failures = 0;
    for (size_t nth = 1; nth < TOO_MANY; nth++) {
        size_t permutation[SIZE];
        double prices[2][SIZE];
        size_t untouched[SIZE];
        memset(permutation, 0xaa, sizeof permutation);
        memset(untouched, 0xaa, sizeof untouched);
        memset(prices, 0xaa, sizeof prices);
        oa_error error = {0};
        fail_allocation(nth);
        oa_status status = oa_assign_maximise(permutation, profit, SIZE, NULL, prices[0], prices[1], &error);
        if (!allocation_has_failed()) {
            assert_int_equal(status, OA_OK);
            break;
        }
        failures++;
        assert_int_equal(status, OA_ERROR_MEMORY);
        assert_int_equal(error.status, OA_ERROR_MEMORY);
        assert_memory_equal(permutation, untouched, sizeof permutation);
        assert_memory_equal(prices[0], untouched, sizeof prices[0]);
        assert_memory_equal(prices[1], untouched, sizeof prices[1]);
    }
    print_message("%zu allocations\n", failures);
    assert_in_range(failures, 1, TOO_MANY - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maximise__survives_any_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
