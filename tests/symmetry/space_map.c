#include "tests/symmetry/space_map.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

enum { SEEDS = 3 };

static size_t size_of(oa_spaces *spaces, size_t space)
{
    oa_dim size = oa_space_size(spaces, space);
    assert_true(size > 0);
    return (size_t)size;
}

/* target[first + i * stride] += weight * (where index i of the space comes from), for `repeat` copies of ... see
 * space_map: the recursion fills a fresh array for each child, slow and plain. */
static size_t *map_of(oa_spaces *spaces, size_t space, uint64_t seed)
{
    size_t size = size_of(spaces, space);
    size_t *map = oa_calloc(size, sizeof *map);
    const size_t *children;
    size_t count = oa_space_children(&children, spaces, space);
    assert_non_null(map);
    switch (oa_space_kind_of(spaces, space)) {
    case OA_SPACE_LEAF:
        for (size_t i = 0; i < size; i++) {
            map[i] = i;
        }
        if (!oa_space_pin_of(spaces, space)) {
            oa_random random;
            oa_random_init(&random, seed * 1000003 + oa_space_find(spaces, space));
            oa_random_permutation(map, size, &random);
        }
        break;
    case OA_SPACE_CONCAT: {
        size_t before = 0;
        for (size_t c = 0; c < count; c++) {
            size_t *part = map_of(spaces, children[c], seed);
            for (size_t i = 0; i < size_of(spaces, children[c]); i++) {
                map[before + i] = before + part[i];
            }
            before += size_of(spaces, children[c]);
            oa_free(part);
        }
        assert_int_equal(before, size);
        break;
    }
    default: {
        size_t inner = size;
        for (size_t c = 0; c < count; c++) {
            size_t own = size_of(spaces, children[c]);
            size_t *factor = map_of(spaces, children[c], seed);
            assert_int_equal(inner % own, 0);
            inner /= own;
            for (size_t i = 0; i < size; i++) {
                map[i] += factor[i / inner % own] * inner;
            }
            oa_free(factor);
        }
        assert_int_equal(inner, 1);
        break;
    }
    }
    return map;
}

void space_map(size_t *map, oa_spaces *spaces, size_t space, uint64_t seed)
{
    size_t *made = map_of(spaces, space, seed);
    memcpy(map, made, size_of(spaces, space) * sizeof *map);
    oa_free(made);
}

bool spaces_agree(oa_spaces *spaces, size_t a, size_t b)
{
    bool is_same = size_of(spaces, a) == size_of(spaces, b);
    for (uint64_t seed = 0; seed < SEEDS && is_same; seed++) {
        size_t *map_a = map_of(spaces, a, seed);
        size_t *map_b = map_of(spaces, b, seed);
        is_same = memcmp(map_a, map_b, size_of(spaces, a) * sizeof *map_a) == 0;
        oa_free(map_a);
        oa_free(map_b);
    }
    return is_same;
}

bool space_stays(oa_spaces *spaces, size_t space)
{
    bool stays = true;
    for (uint64_t seed = 0; seed < SEEDS && stays; seed++) {
        size_t *map = map_of(spaces, space, seed);
        for (size_t i = 0; i < size_of(spaces, space); i++) {
            stays = stays && map[i] == i;
        }
        oa_free(map);
    }
    return stays;
}

bool space_is_free(oa_spaces *spaces, size_t space)
{
    const size_t *children;
    size_t count = oa_space_children(&children, spaces, space);
    bool is_free = oa_space_size(spaces, space) == 1 || !oa_space_pin_of(spaces, space);
    for (size_t i = 0; i < count && is_free; i++) {
        is_free = space_is_free(spaces, children[i]);
    }
    return is_free;
}

size_t free_leaves(oa_spaces *spaces, size_t space)
{
    const size_t *children;
    size_t count = oa_space_children(&children, spaces, space);
    size_t sum = 0;
    if (oa_space_kind_of(spaces, space) == OA_SPACE_LEAF) {
        return oa_space_size(spaces, space) > 1 && !oa_space_pin_of(spaces, space);
    }
    for (size_t i = 0; i < count; i++) {
        sum += free_leaves(spaces, children[i]);
    }
    return sum;
}
