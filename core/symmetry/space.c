#include "core/symmetry/space_private.h"

#include <string.h>

enum { OA_SPACE_DEPTH_MAX = 4000 }; /* recursion frames are a few hundred bytes */

typedef struct oa_space space_item;

bool oa_spaces_init(oa_spaces *spaces)
{
    *spaces = (oa_spaces){0};
    return oa_space_leaf(spaces, 1) == OA_SPACE_ONE && !spaces->is_out_of_memory;
}

void oa_spaces_free(oa_spaces *spaces)
{
    if (!spaces) {
        return;
    }
    oa_free(spaces->items);
    oa_dims_free(&spaces->dims);
    oa_arena_free(&spaces->arena);
    *spaces = (oa_spaces){0};
}

bool oa_spaces_failed(const oa_spaces *spaces)
{
    return spaces->is_out_of_memory || spaces->is_nested_too_deeply || spaces->dims.is_out_of_memory;
}

static size_t add(oa_spaces *spaces, const space_item *item)
{
    if (!oa_grow(&spaces->items, &spaces->capacity, spaces->count + 1, sizeof *spaces->items)) {
        spaces->is_out_of_memory = true;
        return OA_SPACE_ONE;
    }
    spaces->items[spaces->count] = *item;
    return spaces->count++;
}

bool oa_space_enter(oa_spaces *spaces)
{
    if (spaces->depth >= OA_SPACE_DEPTH_MAX) {
        spaces->is_nested_too_deeply = true;
        return false;
    }
    spaces->depth++;
    return true;
}

void oa_space_leave(oa_spaces *spaces)
{
    spaces->depth--;
}

size_t oa_space_leaf(oa_spaces *spaces, oa_dim size)
{
    if (size == 1 && spaces->count) {
        return OA_SPACE_ONE;
    }
    return add(spaces, &(space_item){.kind = OA_SPACE_LEAF, .size = size});
}

size_t oa_space_pinned(oa_spaces *spaces, oa_dim size, oa_pin pin)
{
    if (size == 1) {
        return OA_SPACE_ONE;
    }
    return add(spaces, &(space_item){.kind = OA_SPACE_LEAF, .size = size, .is_pinned = true, .pin = pin});
}

size_t oa_space_find(oa_spaces *spaces, size_t space)
{
    size_t root = space;
    while (spaces->items[root].kind == OA_SPACE_LINK) {
        root = spaces->items[root].link;
    }
    while (spaces->items[space].kind == OA_SPACE_LINK) {
        size_t next = spaces->items[space].link;
        spaces->items[space].link = root;
        space = next;
    }
    return root;
}

oa_dim oa_space_size(oa_spaces *spaces, size_t space)
{
    return spaces->items[oa_space_find(spaces, space)].size;
}

oa_space_kind oa_space_kind_of(oa_spaces *spaces, size_t space)
{
    return spaces->items[oa_space_find(spaces, space)].kind;
}

size_t oa_space_children(const size_t **children, oa_spaces *spaces, size_t space)
{
    const space_item *item = &spaces->items[oa_space_find(spaces, space)];
    *children = item->children;
    return item->child_count;
}

const oa_pin *oa_space_pin_of(oa_spaces *spaces, size_t space)
{
    const space_item *item = &spaces->items[oa_space_find(spaces, space)];
    return item->kind == OA_SPACE_LEAF && item->is_pinned ? &item->pin : NULL;
}

bool oa_space_contains(oa_spaces *spaces, size_t space, size_t leaf)
{
    size_t root = oa_space_find(spaces, space);
    const size_t *children = spaces->items[root].children;
    size_t count = spaces->items[root].child_count;
    if (root == leaf || count == 0 || !oa_space_enter(spaces)) {
        return root == leaf;
    }
    bool is_found = false;
    for (size_t i = 0; i < count && !is_found; i++) {
        is_found = oa_space_contains(spaces, children[i], leaf);
    }
    oa_space_leave(spaces);
    return is_found;
}

static size_t composite(oa_spaces *spaces, oa_space_kind kind, const size_t *parts, size_t count, oa_dim size)
{
    size_t *children = oa_arena_alloc(&spaces->arena, count, sizeof *children);
    if (!children) {
        spaces->is_out_of_memory = true;
        return OA_SPACE_ONE;
    }
    memcpy(children, parts, count * sizeof *children);
    return add(spaces, &(space_item){.kind = kind, .size = size, .children = children, .child_count = count});
}

size_t oa_space_product(oa_spaces *spaces, const size_t *factors, size_t count)
{
    size_t *kept = oa_arena_alloc(&spaces->arena, count, sizeof *kept);
    if (!kept) {
        spaces->is_out_of_memory = true;
        return OA_SPACE_ONE;
    }
    size_t n = 0;
    oa_dim size = 1;
    for (size_t i = 0; i < count; i++) {
        oa_dim factor = oa_space_size(spaces, factors[i]);
        if (factor != 1) {
            kept[n++] = factors[i];
            size = oa_dim_multiply(&spaces->dims, size, factor);
        }
    }
    if (n == 0) {
        return OA_SPACE_ONE;
    }
    return n == 1 ? kept[0] : composite(spaces, OA_SPACE_PRODUCT, kept, n, size);
}

size_t oa_space_concat(oa_spaces *spaces, const size_t *parts, size_t count, oa_pin pin)
{
    oa_dim size = 0;
    bool is_constant = true;
    for (size_t i = 0; i < count; i++) {
        oa_dim part = oa_space_size(spaces, parts[i]);
        is_constant = is_constant && !oa_dim_is_symbolic(part) && part > 0 && size + part < OA_DIM_LIMIT;
        size = is_constant ? size + part : 0;
    }
    if (!is_constant) {
        for (size_t i = 0; i < count; i++) {
            oa_space_pin(spaces, parts[i], pin);
        }
        return oa_space_pinned(spaces, oa_dim_fresh(&spaces->dims), pin);
    }
    return count == 1 ? parts[0] : composite(spaces, OA_SPACE_CONCAT, parts, count, size);
}

void oa_space_pin(oa_spaces *spaces, size_t space, oa_pin pin)
{
    size_t root = oa_space_find(spaces, space);
    space_item *item = &spaces->items[root];
    if (item->is_pinned || !oa_space_enter(spaces)) {
        return;
    }
    item->is_pinned = true;
    item->pin = pin;
    for (size_t i = 0; i < item->child_count; i++) {
        oa_space_pin(spaces, item->children[i], pin);
        item = &spaces->items[root];
    }
    oa_space_leave(spaces);
}

/* Turns the item at `root` into a product or concatenation of two, in place, so that everything that refers to it sees
 * the refinement. */
static void become(oa_spaces *spaces, size_t root, oa_space_kind kind, size_t first, size_t second)
{
    size_t *children = oa_arena_alloc(&spaces->arena, 2, sizeof *children);
    if (!children) {
        spaces->is_out_of_memory = true;
        return;
    }
    children[0] = first;
    children[1] = second;
    spaces->items[root].kind = kind;
    spaces->items[root].children = children;
    spaces->items[root].child_count = 2;
}

/* A leaf with the pin of another item, if it has one. */
static size_t leaf_like(oa_spaces *spaces, size_t root, oa_dim size)
{
    space_item item = spaces->items[root];
    return item.is_pinned ? oa_space_pinned(spaces, size, item.pin) : oa_space_leaf(spaces, size);
}

/* (a + b + ...) as (a' + b' + ...) x inner, when every part divides: the insides of the parts then move together. */
static bool split_concat(size_t *outer, size_t *inner, oa_spaces *spaces, size_t root, oa_dim inner_size, oa_pin pin)
{
    size_t count = spaces->items[root].child_count;
    const size_t *parts = spaces->items[root].children;
    size_t *outers = oa_arena_alloc(&spaces->arena, count, sizeof *outers);
    if (!outers) {
        spaces->is_out_of_memory = true;
        return false;
    }
    oa_dim quotient;
    for (size_t i = 0; i < count; i++) {
        if (!oa_dim_divide(&quotient, &spaces->dims, oa_space_size(spaces, parts[i]), inner_size)) {
            return false;
        }
    }
    size_t common = OA_NONE;
    for (size_t i = 0; i < count; i++) {
        size_t part_inner;
        oa_dim_divide(&quotient, &spaces->dims, oa_space_size(spaces, parts[i]), inner_size);
        oa_space_split(&outers[i], &part_inner, spaces, parts[i], quotient, pin);
        if (common == OA_NONE) {
            common = part_inner;
        } else {
            oa_space_join(spaces, common, part_inner, pin);
        }
    }
    *outer = oa_space_concat(spaces, outers, count, pin);
    *inner = common;
    root = oa_space_find(spaces, root);
    if (spaces->items[root].kind == OA_SPACE_CONCAT) {
        become(spaces, root, OA_SPACE_PRODUCT, *outer, *inner);
    }
    return true;
}

/* Splits a product: factors go to the outer side until its size is reached; the factor on the border is split. */
static bool split_product(size_t *outer, size_t *inner, oa_spaces *spaces, size_t root, oa_dim outer_size, oa_pin pin)
{
    size_t *list = NULL;
    size_t count = 0;
    size_t capacity = 0;
    bool is_done = false;
    if (!oa_space_factors(&list, &count, &capacity, spaces, root)) {
        goto done;
    }
    oa_dim wanted = outer_size;
    for (size_t i = 0; i < count; i++) {
        oa_dim size = oa_space_size(spaces, list[i]);
        oa_dim rest;
        if (oa_dim_divide(&rest, &spaces->dims, wanted, size)) {
            wanted = rest;
            if (wanted == 1) {
                *outer = oa_space_product(spaces, list, i + 1);
                *inner = oa_space_product(spaces, list + i + 1, count - i - 1);
                is_done = true;
                break;
            }
        } else if (oa_dim_divide(&rest, &spaces->dims, size, wanted)) {
            size_t border_outer;
            size_t border_inner;
            oa_space_split(&border_outer, &border_inner, spaces, list[i], wanted, pin);
            list[i] = border_outer;
            *outer = oa_space_product(spaces, list, i + 1);
            list[i] = border_inner;
            *inner = oa_space_product(spaces, list + i, count - i);
            is_done = true;
            break;
        } else {
            break;
        }
    }
done:
    oa_free(list);
    return is_done;
}

void oa_space_split(size_t *outer, size_t *inner, oa_spaces *spaces, size_t space, oa_dim outer_size, oa_pin pin)
{
    size_t root = oa_space_find(spaces, space);
    oa_dim size = spaces->items[root].size;
    oa_dim inner_size = 0;
    bool divides = size != 0 && oa_dim_divide(&inner_size, &spaces->dims, size, outer_size);
    if (divides && inner_size == 1) {
        *outer = root;
        *inner = OA_SPACE_ONE;
        return;
    }
    if (divides && outer_size == 1) {
        *outer = OA_SPACE_ONE;
        *inner = root;
        return;
    }
    bool is_done = false;
    if (divides && spaces->items[root].is_pinned) {
        *outer = leaf_like(spaces, root, outer_size);
        *inner = leaf_like(spaces, root, inner_size);
        return;
    }
    if (divides && oa_space_enter(spaces)) {
        if (spaces->items[root].kind == OA_SPACE_LEAF) {
            *outer = leaf_like(spaces, root, outer_size);
            *inner = leaf_like(spaces, root, inner_size);
            become(spaces, root, OA_SPACE_PRODUCT, *outer, *inner);
            is_done = true;
        } else if (spaces->items[root].kind == OA_SPACE_CONCAT) {
            is_done = split_concat(outer, inner, spaces, root, inner_size, pin);
        } else {
            is_done = split_product(outer, inner, spaces, root, outer_size, pin);
        }
        oa_space_leave(spaces);
    }
    if (!is_done) {
        oa_space_pin(spaces, root, pin);
        *outer = oa_space_pinned(spaces, outer_size, pin);
        *inner = oa_space_pinned(spaces, divides ? inner_size : oa_dim_fresh(&spaces->dims), pin);
    }
}

bool oa_space_open(size_t **list, size_t *count, size_t *capacity, oa_spaces *spaces, size_t space, oa_space_kind kind)
{
    size_t root = oa_space_find(spaces, space);
    if (spaces->items[root].kind != kind) {
        if (!oa_grow(list, capacity, *count + 1, sizeof **list)) {
            spaces->is_out_of_memory = true;
            return false;
        }
        (*list)[(*count)++] = root;
        return true;
    }
    if (!oa_space_enter(spaces)) {
        return false;
    }
    bool is_done = true;
    for (size_t i = 0; i < spaces->items[root].child_count && is_done; i++) {
        is_done = oa_space_open(list, count, capacity, spaces, spaces->items[root].children[i], kind);
    }
    oa_space_leave(spaces);
    return is_done;
}

bool oa_space_factors(size_t **list, size_t *count, size_t *capacity, oa_spaces *spaces, size_t space)
{
    return oa_space_size(spaces, space) == 1 || oa_space_open(list, count, capacity, spaces, space, OA_SPACE_PRODUCT);
}

/* Cuts a concatenation: at a border between parts, or through the part that lies across. The parts are kept opened, so
 * that cutting off piece after piece does not nest ever deeper. */
static bool cut_concat(size_t *first, size_t *second, oa_spaces *spaces, size_t root, oa_dim at, oa_pin pin)
{
    size_t *parts = NULL;
    size_t count = 0;
    size_t capacity = 0;
    size_t i = 0;
    bool is_done = oa_space_open(&parts, &count, &capacity, spaces, root, OA_SPACE_CONCAT);
    while (is_done && i < count && oa_space_size(spaces, parts[i]) <= at) {
        at -= oa_space_size(spaces, parts[i]);
        i++;
    }
    if (is_done && at > 0) {
        is_done = oa_grow(&parts, &capacity, count + 1, sizeof *parts);
        spaces->is_out_of_memory = spaces->is_out_of_memory || !is_done;
    }
    if (is_done && at > 0) {
        size_t left;
        size_t right;
        oa_space_cut(&left, &right, spaces, parts[i], at, pin);
        memmove(parts + i + 1, parts + i, (count - i) * sizeof *parts);
        parts[i] = left;
        parts[i + 1] = right;
        count++;
        i++;
    }
    if (is_done) {
        *first = oa_space_concat(spaces, parts, i, pin);
        *second = oa_space_concat(spaces, parts + i, count - i, pin);
        if (spaces->items[root].kind == OA_SPACE_CONCAT) {
            become(spaces, root, OA_SPACE_CONCAT, *first, *second);
        }
    }
    oa_free(parts);
    return is_done;
}

/* Cuts a product along its outermost factor, when the border falls between two of that factor's indices. */
static bool cut_product(size_t *first, size_t *second, oa_spaces *spaces, size_t root, oa_dim at, oa_pin pin)
{
    const size_t *factors = spaces->items[root].children;
    size_t count = spaces->items[root].child_count;
    size_t inner = oa_space_product(spaces, factors + 1, count - 1);
    oa_dim inner_size = oa_space_size(spaces, inner);
    if (at % inner_size != 0) {
        return false;
    }
    size_t left;
    size_t right;
    oa_space_cut(&left, &right, spaces, factors[0], at / inner_size, pin);
    *first = oa_space_product(spaces, (size_t[]){left, inner}, 2);
    *second = oa_space_product(spaces, (size_t[]){right, inner}, 2);
    return true;
}

void oa_space_cut(size_t *first, size_t *second, oa_spaces *spaces, size_t space, oa_dim at, oa_pin pin)
{
    size_t root = oa_space_find(spaces, space);
    oa_dim size = spaces->items[root].size;
    bool is_done = false;
    bool is_inside = !oa_dim_is_symbolic(size) && at > 0 && at < size;
    *first = *second = OA_SPACE_ONE;
    if (is_inside && spaces->items[root].is_pinned) {
        *first = leaf_like(spaces, root, at);
        *second = leaf_like(spaces, root, size - at);
        return;
    }
    if (is_inside && oa_space_enter(spaces)) {
        if (spaces->items[root].kind == OA_SPACE_LEAF) {
            *first = leaf_like(spaces, root, at);
            *second = leaf_like(spaces, root, size - at);
            become(spaces, root, OA_SPACE_CONCAT, *first, *second);
            is_done = true;
        } else if (spaces->items[root].kind == OA_SPACE_CONCAT) {
            is_done = cut_concat(first, second, spaces, root, at, pin);
        } else {
            is_done = cut_product(first, second, spaces, root, at, pin);
        }
        oa_space_leave(spaces);
    }
    if (!is_done) {
        oa_space_pin(spaces, root, pin);
        *first = oa_space_pinned(spaces, is_inside ? at : oa_dim_fresh(&spaces->dims), pin);
        *second = oa_space_pinned(spaces, is_inside ? size - at : oa_dim_fresh(&spaces->dims), pin);
    }
}
