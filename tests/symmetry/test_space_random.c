/* Index spaces under random operations. Every operation makes a promise about what moves together; all promises must
 * hold at the end, however later operations refined or pinned the spaces, and in whatever order they came. */
#include "tests/support/cmocka_all.h"
#include "tests/symmetry/space_map.h"

#include <string.h>

enum { ROUNDS = 10000, OPERATIONS_MAX = 25, POOL_MAX = 128, PARTS_MAX = 3, SIZE_MAX_OF_AXIS = 72 };

static const oa_pin PIN = {.node = 7, .why = "the test"};

typedef enum promise_kind { PROMISE_SAME, PROMISE_PRODUCT, PROMISE_CONCAT, PROMISE_STAYS } promise_kind;

/* `whole` moves as its parts do: as the one part, as their product or as their concatenation; or it stays. */
typedef struct promise {
    promise_kind kind;
    size_t whole;
    size_t parts[PARTS_MAX];
    size_t count;
} promise;

typedef struct fixture {
    oa_spaces spaces;
    oa_random random;
    size_t pool[POOL_MAX];
    size_t pool_count;
    promise promises[POOL_MAX * 4];
    size_t promise_count;
} fixture;

static size_t below(fixture *f, size_t n)
{
    return oa_random_below(&f->random, n);
}

static void remember(fixture *f, size_t space)
{
    if (f->pool_count < POOL_MAX) {
        f->pool[f->pool_count++] = space;
    }
}

static void promised(fixture *f, promise_kind kind, size_t whole, const size_t *parts, size_t count)
{
    promise *p = &f->promises[f->promise_count];
    f->promise_count += f->promise_count + 1 < POOL_MAX * 4;
    *p = (promise){.kind = kind, .whole = whole, .count = count};
    if (count) {
        memcpy(p->parts, parts, count * sizeof *parts);
    }
}

static bool keeps_promise(fixture *f, const promise *p)
{
    oa_spaces *s = &f->spaces;
    size_t whole[SIZE_MAX_OF_AXIS];
    size_t expected[SIZE_MAX_OF_AXIS] = {0};
    size_t size = (size_t)oa_space_size(s, p->whole);
    size_t before = 0;
    size_t inner = size;
    if (p->kind == PROMISE_STAYS) {
        return space_stays(s, p->whole);
    }
    space_map(whole, s, p->whole, 1);
    for (size_t c = 0; c < p->count; c++) {
        size_t part[SIZE_MAX_OF_AXIS];
        size_t own = (size_t)oa_space_size(s, p->parts[c]);
        space_map(part, s, p->parts[c], 1);
        inner = p->kind == PROMISE_PRODUCT ? inner / own : 1;
        for (size_t i = 0; p->kind == PROMISE_CONCAT && i < own; i++) {
            expected[before + i] = before + part[i];
        }
        for (size_t i = 0; p->kind != PROMISE_CONCAT && i < size; i++) {
            expected[i] += part[i / inner % own] * inner;
        }
        before += own;
    }
    return memcmp(whole, expected, size * sizeof *whole) == 0;
}

static const promise *broken_promise(fixture *f)
{
    for (size_t i = 0; i < f->promise_count; i++) {
        if (!keeps_promise(f, &f->promises[i])) {
            return &f->promises[i];
        }
    }
    return NULL;
}

/* A known space of that size, or OA_NONE. */
static size_t known(fixture *f, oa_dim size)
{
    size_t first = f->pool_count ? below(f, f->pool_count) : 0;
    for (size_t i = 0; i < f->pool_count; i++) {
        size_t space = f->pool[(first + i) % f->pool_count];
        if (oa_space_size(&f->spaces, space) == size) {
            return space;
        }
    }
    return OA_NONE;
}

/* A random tree with so many indices, some of its leaves shared with earlier trees and some pinned. */
static size_t tree(fixture *f, oa_dim size, size_t depth, bool is_plain)
{
    size_t shape = below(f, 10);
    size_t space = OA_NONE;
    if (!is_plain && below(f, 4) == 0) {
        space = known(f, size);
    }
    if (space != OA_NONE) {
        return space;
    }
    if (depth == 0 || size < 4 || shape < 3) {
        bool is_pinned = !is_plain && below(f, 12) == 0;
        space = is_pinned ? oa_space_pinned(&f->spaces, size, PIN) : oa_space_leaf(&f->spaces, size);
        remember(f, space);
        return space;
    }
    oa_dim outer = 2 + (oa_dim)below(f, 5);
    if (shape < 7 && size % outer == 0 && size > outer) {
        size_t parts[] = {tree(f, outer, depth - 1, is_plain), tree(f, size / outer, depth - 1, is_plain)};
        space = oa_space_product(&f->spaces, parts, 2);
        promised(f, PROMISE_PRODUCT, space, parts, 2);
    } else {
        oa_dim first = size % 2 == 0 && below(f, 2) ? size / 2 : 1 + (oa_dim)below(f, (size_t)size - 1);
        size_t parts[] = {tree(f, first, depth - 1, is_plain), tree(f, size - first, depth - 1, is_plain)};
        space = oa_space_concat(&f->spaces, parts, 2, PIN);
        promised(f, PROMISE_CONCAT, space, parts, 2);
    }
    remember(f, space);
    return space;
}

static oa_dim any_size(fixture *f)
{
    static const oa_dim sizes[] = {6, 8, 12, 24, 24, 36, 60, 72};
    return sizes[below(f, sizeof sizes / sizeof *sizes)];
}

static void operate(fixture *f)
{
    oa_spaces *s = &f->spaces;
    size_t space = f->pool[below(f, f->pool_count)];
    oa_dim size = oa_space_size(s, space);
    size_t parts[2];
    size_t choice = below(f, 10);
    if (choice < 5) {
        size_t other = below(f, 2) ? known(f, size) : tree(f, size, 3, false);
        oa_space_join(s, space, other, PIN);
        promised(f, PROMISE_SAME, space, &other, 1);
    } else if (choice < 7) {
        oa_dim outer = 2 + (oa_dim)below(f, 5);
        if (size % outer == 0) {
            oa_space_split(&parts[0], &parts[1], s, space, outer, PIN);
            promised(f, PROMISE_PRODUCT, space, parts, 2);
            remember(f, parts[0]);
            remember(f, parts[1]);
        }
    } else if (choice < 9 && size > 1) {
        oa_space_cut(&parts[0], &parts[1], s, space, 1 + (oa_dim)below(f, (size_t)size - 1), PIN);
        promised(f, PROMISE_CONCAT, space, parts, 2);
        remember(f, parts[0]);
        remember(f, parts[1]);
    } else if (choice == 9 && below(f, 3) == 0) {
        oa_space_pin(s, space, PIN);
        promised(f, PROMISE_STAYS, space, NULL, 0);
    }
}

static void start(fixture *f, uint64_t seed)
{
    *f = (fixture){0};
    oa_random_init(&f->random, seed);
    assert_true(oa_spaces_init(&f->spaces));
}

static void spaces__keep_every_promise_under_random_operations(void **state)
{
    (void)state;
    fixture *f = oa_calloc(1, sizeof *f);
    size_t free_count = 0;
    size_t promise_count = 0;
    print_message("seeds 1 to %d\n", ROUNDS);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        start(f, seed);
        size_t first = tree(f, any_size(f), 3, false);
        size_t operations = 1 + below(f, OPERATIONS_MAX);
        for (size_t i = 0; i < operations; i++) {
            operate(f);
        }
        assert_false(oa_spaces_failed(&f->spaces));
        const promise *broken = broken_promise(f);
        if (broken) {
            fail_msg("seed %llu: space %zu breaks promise %d", (unsigned long long)seed, broken->whole,
                     (int)broken->kind);
        }
        free_count += free_leaves(&f->spaces, first) > 0;
        promise_count += f->promise_count;
        oa_spaces_free(&f->spaces);
    }
    print_message("%zu promises; the first space still moves in %zu of %d\n", promise_count, free_count, ROUNDS);
    assert_true(free_count > ROUNDS / 4);
    oa_free(f);
}

static void join__of_two_random_trees_makes_them_the_same(void **state)
{
    (void)state;
    fixture *f = oa_calloc(1, sizeof *f);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        start(f, seed);
        oa_dim size = any_size(f);
        size_t a = tree(f, size, 4, false), b = tree(f, size, 4, false);
        oa_space_join(&f->spaces, a, b, PIN);
        if (!spaces_agree(&f->spaces, a, b) || broken_promise(f)) {
            fail_msg("seed %llu: the trees differ after they were joined", (unsigned long long)seed);
        }
        /* Joining again, the other way round, finds nothing left to do. */
        size_t before = free_leaves(&f->spaces, a);
        oa_space_join(&f->spaces, b, a, PIN);
        assert_int_equal(free_leaves(&f->spaces, b), before);
        oa_spaces_free(&f->spaces);
    }
    oa_free(f);
}

/* A copy of the tree with fresh leaves, some of whose branches are a single leaf instead. */
static size_t coarse_copy(fixture *f, size_t space)
{
    const size_t *children;
    size_t parts[PARTS_MAX];
    size_t count = oa_space_children(&children, &f->spaces, space);
    if (count == 0 || below(f, 4) == 0) {
        return oa_space_leaf(&f->spaces, oa_space_size(&f->spaces, space));
    }
    bool is_product = oa_space_kind_of(&f->spaces, space) == OA_SPACE_PRODUCT;
    assert_true(count <= PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        parts[i] = coarse_copy(f, children[i]);
    }
    return is_product ? oa_space_product(&f->spaces, parts, count) : oa_space_concat(&f->spaces, parts, count, PIN);
}

static void join__of_coarser_copies_of_one_tree_pins_nothing(void **state)
{
    (void)state;
    fixture *f = oa_calloc(1, sizeof *f);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        start(f, seed);
        size_t fine = tree(f, any_size(f), 4, true);
        size_t leaves = free_leaves(&f->spaces, fine);
        size_t a = coarse_copy(f, fine), b = coarse_copy(f, fine);
        oa_space_join(&f->spaces, a, b, PIN);
        if (!space_is_free(&f->spaces, a) || !space_is_free(&f->spaces, b) || free_leaves(&f->spaces, a) > leaves) {
            fail_msg("seed %llu: a refinement exists, but something was pinned", (unsigned long long)seed);
        }
        oa_space_join(&f->spaces, a, fine, PIN);
        assert_true(space_is_free(&f->spaces, fine) && spaces_agree(&f->spaces, fine, b));
        oa_spaces_free(&f->spaces);
    }
    oa_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaces__keep_every_promise_under_random_operations),
        cmocka_unit_test(join__of_two_random_trees_makes_them_the_same),
        cmocka_unit_test(join__of_coarser_copies_of_one_tree_pins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
