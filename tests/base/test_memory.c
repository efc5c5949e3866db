#include "core/base/memory.h"

#include "tests/support/cmocka_all.h"

#include "core/base/random.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

/* Sizes around the halves and the ends of the range. */
static const size_t SIZES[] = {0,
                               1,
                               2,
                               3,
                               7,
                               (size_t)1 << 31,
                               ((size_t)1 << 32) - 1,
                               (size_t)1 << 32,
                               ((size_t)1 << 32) + 1,
                               SIZE_MAX / 3,
                               SIZE_MAX / 2,
                               SIZE_MAX / 2 + 1,
                               SIZE_MAX - 1,
                               SIZE_MAX};

static void overflow__of_sums_and_products_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        for (size_t j = 0; j < COUNT_OF(SIZES); j++) {
            size_t a = SIZES[i];
            size_t b = SIZES[j];
            size_t result = 12345;
            /* The compiler's own checks are the other opinion. */
            size_t product;
            bool overflows = __builtin_mul_overflow(a, b, &product);
            assert_int_equal(oa_mul_overflows(&result, a, b), overflows);
            assert_int_equal(result, overflows ? 12345 : product);
            result = 12345;
            size_t sum;
            overflows = __builtin_add_overflow(a, b, &sum);
            assert_int_equal(oa_add_overflows(&result, a, b), overflows);
            assert_int_equal(result, overflows ? 12345 : sum);
        }
    }
}

static void allocators__refuse_what_overflows(void **state)
{
    (void)state;
    static const size_t too_much[][2] = {
        {SIZE_MAX, 2}, {2, SIZE_MAX}, {(size_t)1 << 32, (size_t)1 << 32}, {SIZE_MAX, 1}, {SIZE_MAX / 2 + 1, 1}};
    oa_arena arena = {0};
    char *kept = oa_malloc(4, 1);
    assert_non_null(kept);
    for (size_t i = 0; i < COUNT_OF(too_much); i++) {
        assert_null(oa_calloc(too_much[i][0], too_much[i][1]));
        assert_null(oa_malloc(too_much[i][0], too_much[i][1]));
        assert_null(oa_realloc(kept, too_much[i][0], too_much[i][1]));
        assert_null(oa_arena_alloc(&arena, too_much[i][0], too_much[i][1]));
    }
    assert_null(oa_arena_alloc(&arena, PTRDIFF_MAX, 1));
    assert_null(oa_arena_strndup(&arena, "x", SIZE_MAX));
    memset(kept, 1, 4); /* a failed realloc keeps the block */
    oa_free(kept);
    oa_arena_free(&arena);
}

static void allocators__give_a_block_for_nothing(void **state)
{
    (void)state;
    void *a = oa_calloc(0, 8);
    void *b = oa_malloc(8, 0);
    void *c = oa_realloc(NULL, 0, 0);
    assert_true(a && b && c);
    c = oa_realloc(c, 0, 1);
    assert_non_null(c);
    oa_free(a);
    oa_free(b);
    oa_free(c);
    oa_free(NULL);
}

static void calloc__gives_zeros(void **state)
{
    (void)state;
    unsigned char *block = oa_calloc(1000, 3);
    assert_non_null(block);
    for (size_t i = 0; i < 3000; i++) {
        assert_int_equal(block[i], 0);
    }
    oa_free(block);
}

static void strdup__copies(void **state)
{
    (void)state;
    char text[] = "weights";
    char *copy = oa_strdup(text);
    text[0] = 'x';
    assert_string_equal(copy, "weights");
    oa_free(copy);
    copy = oa_strdup("");
    assert_string_equal(copy, "");
    oa_free(copy);
}

static void grow__keeps_elements_and_doubles(void **state)
{
    (void)state;
    uint64_t *list = NULL;
    size_t capacity = 0;
    size_t moves = 0;
    for (size_t i = 0; i < 10000; i++) {
        size_t before = capacity;
        assert_true(oa_grow(&list, &capacity, i + 1, sizeof *list));
        assert_true(capacity > i);
        moves += capacity != before;
        list[i] = i * i;
    }
    assert_true(moves <= 12); /* 8, 16, ... 16384 */
    for (size_t i = 0; i < 10000; i++) {
        assert_true(list[i] == i * i);
    }
    /* What cannot be is refused, with the list as it was. */
    size_t before = capacity;
    assert_false(oa_grow(&list, &capacity, SIZE_MAX / sizeof *list, sizeof *list));
    assert_false(oa_grow(&list, &capacity, SIZE_MAX, sizeof *list));
    assert_false(oa_grow(&list, &capacity, SIZE_MAX, 1));
    assert_int_equal(capacity, before);
    assert_true(list[9999] == 9999u * 9999u);
    oa_free(list);
    /* Nothing needed, nothing made. */
    list = NULL;
    capacity = 0;
    assert_true(oa_grow(&list, &capacity, 0, sizeof *list));
    assert_null(list);
}

/* Blocks of random sizes: zeroed, aligned, apart from each other, and stable while more come. */
static void arena__gives_separate_zeroed_aligned_blocks(void **state)
{
    (void)state;
    enum { BLOCKS = 3000 };
    const uint64_t seed = 17;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    oa_arena arena = {0};
    unsigned char *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t kind = oa_random_below(&random, 100);
        sizes[i] = kind == 0 ? oa_random_below(&random, 200000) : oa_random_below(&random, 100);
        blocks[i] = oa_arena_alloc(&arena, sizes[i], 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(blocks[i][k], 0);
        }
        memset(blocks[i], (int)(i % 251 + 1), sizes[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(blocks[i][k], i % 251 + 1);
        }
    }
    oa_arena_free(&arena);
    assert_null(arena.blocks);
    oa_arena_free(&arena);
    oa_arena_free(NULL);
}

static void arena__copies_texts(void **state)
{
    (void)state;
    oa_arena arena = {0};
    const char text[] = {'a', 'b', '\0', 'c'}; /* not terminated, a zero inside */
    char *copy = oa_arena_strndup(&arena, text, 4);
    assert_memory_equal(copy, text, 4);
    assert_int_equal(copy[4], 0);
    assert_string_equal(oa_arena_strndup(&arena, NULL, 0), "");
    assert_string_equal(oa_arena_strdup(&arena, "weights"), "weights");
    oa_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow__of_sums_and_products_is_found),
        cmocka_unit_test(allocators__refuse_what_overflows),
        cmocka_unit_test(allocators__give_a_block_for_nothing),
        cmocka_unit_test(calloc__gives_zeros),
        cmocka_unit_test(strdup__copies),
        cmocka_unit_test(grow__keeps_elements_and_doubles),
        cmocka_unit_test(arena__gives_separate_zeroed_aligned_blocks),
        cmocka_unit_test(arena__copies_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
