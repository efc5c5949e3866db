#include "core/base/names.h"

#include "tests/support/cmocka_all.h"

#include "core/base/memory.h"
#include "core/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void names__find_nothing_in_an_empty_map(void **state)
{
    (void)state;
    oa_names names = {0};
    assert_int_equal(oa_names_find(&names, "x"), OA_NONE);
    oa_names_free(&names);
    oa_names_free(NULL);
}

static void names__store_and_replace(void **state)
{
    (void)state;
    oa_names names = {0};
    assert_true(oa_names_put(&names, "a", 1));
    assert_true(oa_names_put(&names, "", 2));
    assert_true(oa_names_put(&names, "ab", 3));
    assert_int_equal(oa_names_find(&names, "a"), 1);
    assert_int_equal(oa_names_find(&names, ""), 2);
    assert_int_equal(oa_names_find(&names, "ab"), 3);
    assert_int_equal(oa_names_find(&names, "b"), OA_NONE);
    char other[] = "a"; /* equal by content, not by address */
    assert_true(oa_names_put(&names, other, 0));
    assert_int_equal(oa_names_find(&names, "a"), 0);
    assert_int_equal(names.count, 3);
    oa_names_free(&names);
    assert_null(names.slots);
    assert_int_equal(oa_names_find(&names, "a"), OA_NONE);
}

/* Against an array indexed by the number that the name is made of. */
static void names__agree_with_an_array(void **state)
{
    (void)state;
    enum { NAMES = 20000, STEPS = 100000, LENGTH = 16 };
    const uint64_t seed = 23;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    char(*texts)[LENGTH] = oa_calloc(NAMES, sizeof *texts);
    size_t *expected = oa_calloc(NAMES, sizeof *expected);
    assert_true(texts && expected);
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(texts[i], LENGTH, "n%zu", i);
        expected[i] = OA_NONE;
    }
    oa_names names = {0};
    size_t count = 0;
    for (size_t step = 0; step < STEPS; step++) {
        size_t i = oa_random_below(&random, NAMES);
        assert_int_equal(oa_names_find(&names, texts[i]), expected[i]);
        if (oa_random_below(&random, 2)) {
            count += expected[i] == OA_NONE;
            expected[i] = step;
            assert_true(oa_names_put(&names, texts[i], step));
            assert_int_equal(names.count, count);
        }
    }
    for (size_t i = 0; i < NAMES; i++) {
        assert_int_equal(oa_names_find(&names, texts[i]), expected[i]);
    }
    assert_true(names.capacity >= 2 * names.count - 2); /* half empty, so that searching ends soon */
    oa_names_free(&names);
    oa_free(texts);
    oa_free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names__find_nothing_in_an_empty_map),
        cmocka_unit_test(names__store_and_replace),
        cmocka_unit_test(names__agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
