/* Which engine is too slow, as a matter of two times. */
#include "plugin/cli/engine.h"
#include "tests/support/cmocka_all.h"

static void engine__is_slow_when_another_is_faster_by_far(void **state)
{
    (void)state;
    assert_true(oa_engine_is_slow(1.0, 0.3));
    assert_false(oa_engine_is_slow(1.0, 0.4));
    assert_false(oa_engine_is_slow(1.0, 1.0 / 3.0)); /* three times as long is not more */
    assert_false(oa_engine_is_slow(1.0, 10.0));
    assert_true(oa_engine_is_slow(3600.0, 1.0));
}

static void engine__is_never_slow_for_a_moment(void **state)
{
    (void)state;
    assert_false(oa_engine_is_slow(0.19, 0.0));
    assert_false(oa_engine_is_slow(0.19, 1e-6));
    assert_true(oa_engine_is_slow(0.21, 0.0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine__is_slow_when_another_is_faster_by_far),
        cmocka_unit_test(engine__is_never_slow_for_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
