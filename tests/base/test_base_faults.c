/* The containers of core/base while the n-th allocation fails: they say so and stay as they were. */
#include "core/base/memory.h"
#include "core/base/names.h"

#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"

#include <stdio.h>
#include <string.h>

enum { NAMES = 500, LENGTH = 16, TOO_MANY = 1000 };

static void names__stay_as_they_were(void **state)
{
    (void)state;
    static char texts[NAMES][LENGTH];
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(texts[i], LENGTH, "n%zu", i);
    }
    size_t n = 0;
    size_t failures = 0;
    bool has_failed;
    do {
        oa_names names = {0};
        fail_allocation(++n);
        for (size_t i = 0; i < NAMES; i++) {
            size_t before = names.count;
            if (!oa_names_put(&names, texts[i], i)) {
                failures++;
                assert_int_equal(names.count, before);
                assert_int_equal(oa_names_find(&names, texts[i]), OA_NONE);
                assert_true(oa_names_put(&names, texts[i], i));
            }
        }
        has_failed = allocation_has_failed();
        for (size_t i = 0; i < NAMES; i++) {
            assert_int_equal(oa_names_find(&names, texts[i]), i);
        }
        oa_names_free(&names);
    } while (has_failed && n < TOO_MANY);
    assert_int_equal(failures, n - 1);
    assert_int_equal(n - 1, 5); /* 64, 128, ... 1024 slots */
}

static void grow__keeps_the_array(void **state)
{
    (void)state;
    int *list = NULL;
    size_t capacity = 0;
    assert_true(oa_grow(&list, &capacity, 8, sizeof *list));
    list[7] = 77;
    fail_allocation(1);
    assert_false(oa_grow(&list, &capacity, 9, sizeof *list));
    assert_true(allocation_has_failed());
    assert_int_equal(capacity, 8);
    assert_int_equal(list[7], 77);
    oa_free(list);
}

static void arena__keeps_its_blocks(void **state)
{
    (void)state;
    oa_arena arena = {0};
    fail_allocation(1);
    assert_null(oa_arena_strdup(&arena, "first"));
    assert_true(allocation_has_failed());
    const char *text = oa_arena_strdup(&arena, "first");
    assert_non_null(text);
    fail_allocation(1);
    assert_null(oa_arena_alloc(&arena, 1000000, 1));
    assert_true(allocation_has_failed());
    assert_string_equal(text, "first");
    assert_non_null(oa_arena_alloc(&arena, 10, 1));
    oa_arena_free(&arena);
}

static void allocators__fail_as_null(void **state)
{
    (void)state;
    fail_allocation(1);
    assert_null(oa_malloc(1, 1));
    fail_allocation(1);
    assert_null(oa_calloc(1, 1));
    fail_allocation(1);
    assert_null(oa_strdup("text"));
    assert_true(allocation_has_failed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names__stay_as_they_were),
        cmocka_unit_test(grow__keeps_the_array),
        cmocka_unit_test(arena__keeps_its_blocks),
        cmocka_unit_test(allocators__fail_as_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
