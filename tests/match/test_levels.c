/* Blocks and the insides that they lead: assigned together as well as brute force does, followed and told apart. */
#include "core/base/memory.h"
#include "core/match/two_levels.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Blocks, two insides that they lead, and a group by itself. */
enum { BLOCKS = 3, FIRST = 3, SECOND = 2, ALONE = 4, HEAD = 1, GROUPS = 4, LARGEST = BLOCKS * FIRST };

static const oa_group groups[GROUPS] = {
    {.size = BLOCKS * FIRST, .kind = OA_GROUP_INSIDE, .parent = HEAD, .block_count = BLOCKS},
    {.size = BLOCKS, .kind = OA_GROUP_BLOCKS, .parent = OA_NONE, .block_count = 1},
    {.size = ALONE, .parent = OA_NONE, .block_count = 1},
    {.size = BLOCKS * SECOND, .kind = OA_GROUP_INSIDE, .parent = HEAD, .block_count = BLOCKS},
};

static oa_layout layout_of_two_levels(void)
{
    return (oa_layout){.groups = (oa_group *)(uintptr_t)groups, .group_count = GROUPS};
}

/* The best that n units can do on a part of a matrix, by trying all orders. */
static double best_order(const double *profit, size_t stride, size_t n, size_t depth, bool *is_taken)
{
    double best = depth == n ? 0.0 : -INFINITY;
    for (size_t j = 0; j < n && depth < n; j++) {
        if (!is_taken[j]) {
            is_taken[j] = true;
            best = fmax(best, profit[depth * stride + j] + best_order(profit, stride, n, depth + 1, is_taken));
            is_taken[j] = false;
        }
    }
    return best;
}

static double slow_best(const double *const *profits)
{
    double prices[BLOCKS * BLOCKS];
    for (size_t k = 0; k < BLOCKS * BLOCKS; k++) {
        prices[k] = profits[HEAD] ? profits[HEAD][k] : 0.0;
        for (size_t g = 0; g < GROUPS; g++) {
            size_t n = groups[g].size, m = n / BLOCKS;
            bool is_taken[LARGEST] = {false};
            if (groups[g].block_count > 1 && profits[g]) {
                prices[k] += best_order(profits[g] + k / BLOCKS * m * n + k % BLOCKS * m, n, m, 0, is_taken);
            }
        }
    }
    bool is_taken[BLOCKS] = {false};
    return best_order(prices, BLOCKS, BLOCKS, 0, is_taken);
}

static double worth(const oa_permutations *p, const double *const *profits)
{
    double sum = 0.0;
    for (size_t g = HEAD; g != GROUPS; g = g == HEAD ? 0 : g == 0 ? 3 : GROUPS) {
        for (size_t i = 0; i < groups[g].size && profits[g]; i++) {
            sum += profits[g][i * groups[g].size + p->of[g][i]];
        }
    }
    return sum;
}

static void assert_fit(const oa_permutations *p, const oa_layout *layout)
{
    for (size_t g = 0; g < GROUPS; g++) {
        bool is_used[LARGEST] = {false};
        assert_true(oa_permutations_fit(p, layout, g));
        for (size_t i = 0; i < groups[g].size; i++) {
            assert_true(p->of[g][i] < groups[g].size && !is_used[p->of[g][i]]);
            is_used[p->of[g][i]] = true;
        }
    }
}

static void levels__are_assigned_as_well_as_by_brute_force(void **state)
{
    (void)state;
    const oa_layout layout = layout_of_two_levels();
    for (uint64_t seed = 1; seed <= 200; seed++) {
        static double room[GROUPS][LARGEST * LARGEST];
        const double *profits[GROUPS];
        oa_permutations current, found;
        oa_random random;
        oa_random_init(&random, seed);
        assert_int_equal(oa_permutations_init(&current, &layout, NULL), OA_OK);
        assert_int_equal(oa_permutations_init(&found, &layout, NULL), OA_OK);
        oa_permutations_random(&current, &layout, &random);
        for (size_t g = 0; g < GROUPS; g++) {
            profits[g] = oa_random_below(&random, 4) ? room[g] : NULL;
            for (size_t i = 0; i < LARGEST * LARGEST; i++) {
                room[g][i] = oa_random_normal(&random);
            }
        }
        assert_int_equal(oa_assign_levels(&found, &layout, HEAD, profits, &current, false, NULL), OA_OK);
        assert_fit(&found, &layout);
        double best = slow_best(profits);
        if (!(fabs(worth(&found, profits) - best) < 1e-9)) { /* sums of some ten numbers near 1 */
            fail_msg("seed %llu: %.15g, the best is %.15g", (unsigned long long)seed, worth(&found, profits), best);
        }
        /* With the blocks kept: what they are, and no worse than before. */
        oa_permutations kept;
        assert_int_equal(oa_permutations_init(&kept, &layout, NULL), OA_OK);
        assert_int_equal(oa_assign_levels(&kept, &layout, HEAD, profits, &current, true, NULL), OA_OK);
        assert_fit(&kept, &layout);
        assert_memory_equal(kept.of[HEAD], current.of[HEAD], BLOCKS * sizeof(size_t));
        assert_true(worth(&kept, profits) >= worth(&current, profits) - 1e-9);
        oa_permutations_free(&current);
        oa_permutations_free(&found);
        oa_permutations_free(&kept);
    }
}

static void levels__keep_what_nothing_is_known_of(void **state)
{
    (void)state;
    const oa_layout layout = layout_of_two_levels();
    const double *profits[GROUPS] = {NULL};
    oa_permutations current, found;
    oa_random random;
    oa_random_init(&random, 5);
    assert_int_equal(oa_permutations_init(&current, &layout, NULL), OA_OK);
    assert_int_equal(oa_permutations_init(&found, &layout, NULL), OA_OK);
    oa_permutations_random(&current, &layout, &random);
    assert_int_equal(oa_assign_levels(&found, &layout, HEAD, profits, &current, false, NULL), OA_OK);
    for (size_t g = 0; g < GROUPS; g++) {
        if (g != 2) { /* the group by itself was not asked for */
            assert_memory_equal(found.of[g], current.of[g], groups[g].size * sizeof(size_t));
        }
    }
    oa_permutations_free(&current);
    oa_permutations_free(&found);
}

/* Insides taken along keep the order of the block that they come from. */
static void insides__follow_their_blocks(void **state)
{
    (void)state;
    const oa_layout layout = layout_of_two_levels();
    oa_permutations before, after;
    oa_random random;
    oa_random_init(&random, 11);
    assert_int_equal(oa_permutations_init(&before, &layout, NULL), OA_OK);
    assert_int_equal(oa_permutations_init(&after, &layout, NULL), OA_OK);
    for (size_t round = 0; round < 50; round++) {
        oa_permutations_random(&before, &layout, &random);
        oa_permutations_copy(&after, &before, &layout);
        oa_random_permutation(after.of[HEAD], BLOCKS, &random);
        oa_permutations_follow(&after, &layout, 0);
        oa_permutations_follow(&after, &layout, 3);
        assert_fit(&after, &layout);
        for (size_t h = 0; h < BLOCKS; h++) {
            for (size_t k = 0; k < BLOCKS; k++) {
                for (size_t i = 0; i < FIRST && after.of[HEAD][h] == before.of[HEAD][k]; i++) {
                    assert_int_equal(after.of[0][h * FIRST + i], before.of[0][k * FIRST + i]);
                }
            }
        }
    }
    after.of[0][0] = after.of[0][FIRST]; /* a unit of another block */
    assert_false(oa_permutations_fit(&after, &layout, 0));
    oa_permutations_free(&before);
    oa_permutations_free(&after);
}

static void levels__refuse_numbers_that_are_none(void **state)
{
    (void)state;
    const oa_layout layout = layout_of_two_levels();
    static double first[LARGEST * LARGEST];
    const double *profits[GROUPS] = {first};
    oa_permutations found;
    assert_int_equal(oa_permutations_init(&found, &layout, NULL), OA_OK);
    first[4] = NAN;
    assert_int_equal(oa_assign_levels(&found, &layout, HEAD, profits, &found, false, NULL), OA_ERROR_INPUT);
    assert_fit(&found, &layout);
    oa_permutations_free(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels__are_assigned_as_well_as_by_brute_force),
        cmocka_unit_test(levels__keep_what_nothing_is_known_of),
        cmocka_unit_test(insides__follow_their_blocks),
        cmocka_unit_test(levels__refuse_numbers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
