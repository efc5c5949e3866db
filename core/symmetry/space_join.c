/* Joining index spaces: both become their common refinement, and one of them stands for both. */
#include "core/symmetry/space_private.h"

static void link_to(oa_spaces *spaces, size_t from, size_t to)
{
    if (from != to) {
        spaces->items[from].kind = OA_SPACE_LINK;
        spaces->items[from].link = to;
    }
}

/* Joins product with product: both factor lists are walked from the outside, and the larger of two factors is split. */
static bool join_products(oa_spaces *spaces, size_t a, size_t b, oa_pin pin)
{
    size_t *list_a = NULL;
    size_t *list_b = NULL;
    size_t count_a = 0, capacity_a = 0, count_b = 0, capacity_b = 0;
    bool is_done = false;
    if (!oa_space_factors(&list_a, &count_a, &capacity_a, spaces, a) ||
        !oa_space_factors(&list_b, &count_b, &capacity_b, spaces, b)) {
        goto done;
    }
    size_t i = 0;
    size_t j = 0;
    while (i < count_a && j < count_b) {
        oa_dim size_a = oa_space_size(spaces, list_a[i]);
        oa_dim size_b = oa_space_size(spaces, list_b[j]);
        oa_dim rest;
        size_t outer;
        size_t inner;
        if (size_a == size_b) {
            oa_space_join(spaces, list_a[i++], list_b[j++], pin);
        } else if (oa_dim_divide(&rest, &spaces->dims, size_a, size_b)) {
            oa_space_split(&outer, &inner, spaces, list_a[i], size_b, pin);
            oa_space_join(spaces, outer, list_b[j++], pin);
            list_a[i] = inner;
        } else if (oa_dim_divide(&rest, &spaces->dims, size_b, size_a)) {
            oa_space_split(&outer, &inner, spaces, list_b[j], size_a, pin);
            oa_space_join(spaces, list_a[i++], outer, pin);
            list_b[j] = inner;
        } else {
            goto done;
        }
    }
    is_done = i == count_a && j == count_b;
done:
    oa_free(list_a);
    oa_free(list_b);
    return is_done;
}

/* The parts of list[*next ..], at least one, that fit into `room`, as one space; *next moves behind them. */
static size_t take_parts(oa_spaces *spaces, const size_t *list, size_t count, size_t *next, oa_dim room, oa_pin pin)
{
    size_t first = *next;
    oa_dim left = room;
    while (*next < count && oa_space_size(spaces, list[*next]) <= left) {
        left -= oa_space_size(spaces, list[(*next)++]);
    }
    return oa_space_concat(spaces, list + first, *next - first, pin);
}

/* One step of joining two lists of parts: the smaller part, with all behind it that fit, meets the larger one, which is
 * cut where they end. */
static void join_parts(oa_spaces *spaces, size_t *large, const size_t *list, size_t count, size_t *next, bool *is_whole,
                       oa_pin pin)
{
    oa_dim size = oa_space_size(spaces, *large);
    size_t small = take_parts(spaces, list, count, next, size, pin);
    oa_dim taken = oa_space_size(spaces, small);
    size_t met = *large;
    *is_whole = taken == size;
    if (!*is_whole) {
        oa_space_cut(&met, large, spaces, *large, taken, pin);
    }
    oa_space_join(spaces, small, met, pin);
}

/* Joins concatenation with concatenation: both lists of parts are walked from the front. */
static bool join_concats(oa_spaces *spaces, size_t a, size_t b, oa_pin pin)
{
    size_t *list_a = NULL;
    size_t *list_b = NULL;
    size_t count_a = 0, capacity_a = 0, count_b = 0, capacity_b = 0;
    bool is_done = oa_space_open(&list_a, &count_a, &capacity_a, spaces, a, OA_SPACE_CONCAT) &&
                   oa_space_open(&list_b, &count_b, &capacity_b, spaces, b, OA_SPACE_CONCAT);
    size_t i = 0;
    size_t j = 0;
    while (is_done && i < count_a && j < count_b && !oa_spaces_failed(spaces)) {
        bool is_whole;
        if (oa_space_size(spaces, list_a[i]) <= oa_space_size(spaces, list_b[j])) {
            join_parts(spaces, &list_b[j], list_a, count_a, &i, &is_whole, pin);
            j += is_whole;
        } else {
            join_parts(spaces, &list_a[i], list_b, count_b, &j, &is_whole, pin);
            i += is_whole;
        }
    }
    oa_free(list_a);
    oa_free(list_b);
    return is_done;
}

/* Joins a concatenation with a product of its size, which is cut at the borders of the parts. */
static void join_concat_with_product(oa_spaces *spaces, size_t concat, size_t product, oa_pin pin)
{
    size_t count = spaces->items[concat].child_count;
    const size_t *parts = spaces->items[concat].children;
    for (size_t i = 0; i + 1 < count; i++) {
        size_t first;
        size_t rest;
        oa_space_cut(&first, &rest, spaces, product, oa_space_size(spaces, parts[i]), pin);
        oa_space_join(spaces, parts[i], first, pin);
        product = rest;
    }
    oa_space_join(spaces, parts[count - 1], product, pin);
}

static void join_composites(oa_spaces *spaces, size_t a, size_t b, oa_pin pin)
{
    bool is_done = true;
    bool is_concat_a = spaces->items[a].kind == OA_SPACE_CONCAT;
    bool is_concat_b = spaces->items[b].kind == OA_SPACE_CONCAT;
    if (is_concat_a && is_concat_b) {
        is_done = join_concats(spaces, a, b, pin);
    } else if (is_concat_a) {
        join_concat_with_product(spaces, a, b, pin);
    } else if (is_concat_b) {
        join_concat_with_product(spaces, b, a, pin);
    } else {
        is_done = join_products(spaces, a, b, pin);
    }
    if (!is_done) {
        oa_space_pin(spaces, a, pin);
        oa_space_pin(spaces, b, pin);
    }
    /* Both trees now say the same (or are pinned where they do not): one may stand for both, which keeps later joins of
     * the same pair short. */
    a = oa_space_find(spaces, a);
    b = oa_space_find(spaces, b);
    link_to(spaces, a, b);
}

void oa_space_join(oa_spaces *spaces, size_t a, size_t b, oa_pin pin)
{
    a = oa_space_find(spaces, a);
    b = oa_space_find(spaces, b);
    if (a == b) {
        return;
    }
    struct oa_space *item_a = &spaces->items[a];
    struct oa_space *item_b = &spaces->items[b];
    /* An empty space can lie inside of a product that is empty for it: to link them would close a cycle. */
    if (item_a->size != item_b->size || item_a->size == 0) {
        oa_space_pin(spaces, a, pin);
        oa_space_pin(spaces, b, pin);
        return;
    }
    if (item_a->is_pinned) {
        oa_space_pin(spaces, b, item_a->pin);
    } else if (item_b->is_pinned) {
        oa_space_pin(spaces, a, item_b->pin);
    }
    if (item_a->kind == OA_SPACE_LEAF) {
        link_to(spaces, a, b);
    } else if (item_b->kind == OA_SPACE_LEAF) {
        link_to(spaces, b, a);
    } else if (oa_space_enter(spaces)) {
        join_composites(spaces, a, b, pin);
        oa_space_leave(spaces);
    }
}
