/* Index spaces one law at a time: what joining, splitting and cutting make of leaves, products and concatenations. */
#include "tests/support/cmocka_all.h"
#include "tests/symmetry/space_map.h"

#include <string.h>

static const oa_pin PIN = {.node = 7, .why = "the test"};

typedef struct fixture {
    oa_spaces spaces;
} fixture;

static int set_up(void **state)
{
    fixture *f = oa_calloc(1, sizeof *f);
    *state = f;
    return f && oa_spaces_init(&f->spaces) ? 0 : -1;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bool has_failed = oa_spaces_failed(&f->spaces) || f->spaces.depth != 0;
    oa_spaces_free(&f->spaces);
    oa_free(f);
    return has_failed ? -1 : 0;
}

#define PRODUCT(s, ...) oa_space_product(s, (size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t))
#define CONCAT(s, ...)                                                                                                 \
    oa_space_concat(s, (size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), PIN)

/* The sizes of the factors or parts of a space, in order. */
static void assert_children(oa_spaces *s, size_t space, oa_space_kind kind, size_t count, const oa_dim *sizes)
{
    const size_t *children;
    assert_int_equal(oa_space_kind_of(s, space), kind);
    assert_int_equal(oa_space_children(&children, s, space), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(oa_space_size(s, children[i]), sizes[i]);
    }
}

static void join__of_leaves_makes_them_one(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t a = oa_space_leaf(s, 8), b = oa_space_leaf(s, 8), c = oa_space_leaf(s, 8);
    oa_space_join(s, a, b, PIN);
    oa_space_join(s, c, b, PIN);
    assert_int_equal(oa_space_find(s, a), oa_space_find(s, c));
    assert_null(oa_space_pin_of(s, a));
    oa_space_pin(s, b, PIN);
    assert_ptr_equal(oa_space_pin_of(s, c)->why, PIN.why);
    assert_int_equal(oa_space_pin_of(s, c)->node, PIN.node);
}

static void join__of_other_sizes_pins_both(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t a = oa_space_leaf(s, 8), b = PRODUCT(s, oa_space_leaf(s, 3), oa_space_leaf(s, 4));
    oa_space_join(s, a, b, PIN);
    assert_non_null(oa_space_pin_of(s, a));
    assert_true(space_stays(s, b));
}

static void join__turns_a_leaf_into_the_product_everywhere(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t leaf = oa_space_leaf(s, 12), around = CONCAT(s, leaf, oa_space_leaf(s, 5));
    size_t product = PRODUCT(s, oa_space_leaf(s, 3), oa_space_leaf(s, 4));
    oa_space_join(s, leaf, product, PIN);
    assert_children(s, leaf, OA_SPACE_PRODUCT, 2, (oa_dim[]){3, 4});
    assert_int_equal(free_leaves(s, around), 3);
    assert_true(spaces_agree(s, leaf, product));
}

static void join__refines_products_with_nested_divisors(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t a = PRODUCT(s, oa_space_leaf(s, 6), oa_space_leaf(s, 4));
    size_t b = PRODUCT(s, oa_space_leaf(s, 2), oa_space_leaf(s, 12));
    oa_space_join(s, a, b, PIN);
    assert_true(spaces_agree(s, a, b));
    assert_true(space_is_free(s, a));
    assert_int_equal(free_leaves(s, a), 3); /* 2 x 3 x 4 */
    assert_int_equal(free_leaves(s, b), 3);
}

static void join__pins_incommensurable_factors_on_both_sides(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t two = oa_space_leaf(s, 2), three = oa_space_leaf(s, 3);
    size_t a = PRODUCT(s, two, three), b = PRODUCT(s, oa_space_leaf(s, 3), oa_space_leaf(s, 2));
    oa_space_join(s, a, b, PIN);
    assert_true(space_stays(s, a) && space_stays(s, b));
    assert_non_null(oa_space_pin_of(s, two));
    assert_non_null(oa_space_pin_of(s, three));
}

static void join__cuts_concatenations_at_the_borders_of_both(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t a = CONCAT(s, oa_space_leaf(s, 5), oa_space_leaf(s, 7));
    size_t b = CONCAT(s, oa_space_leaf(s, 8), oa_space_leaf(s, 4));
    oa_space_join(s, a, b, PIN);
    assert_true(spaces_agree(s, a, b) && space_is_free(s, a));
    assert_int_equal(free_leaves(s, a), 3); /* 5 + 3 + 4 */
}

static void join__of_a_concatenation_cuts_a_product_between_blocks(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t product = PRODUCT(s, oa_space_leaf(s, 4), oa_space_leaf(s, 3));
    size_t concat = CONCAT(s, oa_space_leaf(s, 6), oa_space_leaf(s, 6));
    oa_space_join(s, concat, product, PIN);
    assert_true(spaces_agree(s, concat, product) && space_is_free(s, product));
    assert_int_equal(free_leaves(s, product), 3); /* (2 + 2) x 3, the 3 once */
    assert_int_equal(oa_space_find(s, concat), oa_space_find(s, product));
}

static void join__pins_a_product_cut_inside_a_block(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t product = PRODUCT(s, oa_space_leaf(s, 4), oa_space_leaf(s, 3));
    size_t concat = CONCAT(s, oa_space_leaf(s, 5), oa_space_leaf(s, 7));
    oa_space_join(s, product, concat, PIN);
    assert_true(spaces_agree(s, concat, product));
    assert_true(space_stays(s, product) && space_stays(s, concat));
}

static void split__of_a_product_of_a_concatenation_goes_on_inside(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t concat = CONCAT(s, oa_space_leaf(s, 2), oa_space_leaf(s, 4));
    size_t product = PRODUCT(s, concat, oa_space_leaf(s, 5));
    size_t outer, inner;
    oa_space_split(&outer, &inner, s, product, 6, PIN);
    assert_int_equal(oa_space_find(s, outer), oa_space_find(s, concat));
    assert_int_equal(oa_space_size(s, inner), 5);
    oa_space_split(&outer, &inner, s, product, 3, PIN); /* through the concatenation: (1 + 2) x 2, x 5 */
    assert_true(spaces_agree(s, product, PRODUCT(s, outer, inner)) && space_is_free(s, product));
    assert_children(s, outer, OA_SPACE_CONCAT, 2, (oa_dim[]){1, 2});
}

static void split__of_three_equal_parts_ties_their_insides(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t parts[] = {oa_space_leaf(s, 8), oa_space_leaf(s, 8), oa_space_leaf(s, 8)};
    size_t fused = oa_space_concat(s, parts, 3, PIN);
    size_t outer, inner;
    oa_space_split(&outer, &inner, s, fused, 12, PIN); /* (4 + 4 + 4) x 2 */
    assert_int_equal(oa_space_size(s, outer), 12);
    assert_int_equal(oa_space_size(s, inner), 2);
    assert_true(spaces_agree(s, fused, PRODUCT(s, outer, inner)) && space_is_free(s, fused));
    for (size_t i = 0; i < 3; i++) {
        const size_t *factors;
        assert_int_equal(oa_space_children(&factors, s, parts[i]), 2);
        assert_int_equal(oa_space_find(s, factors[1]), oa_space_find(s, inner));
    }
}

static void split__pins_what_does_not_divide(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t concat = CONCAT(s, oa_space_leaf(s, 5), oa_space_leaf(s, 7));
    size_t leaf = oa_space_leaf(s, 12);
    size_t outer, inner;
    oa_space_split(&outer, &inner, s, concat, 6, PIN);
    assert_true(space_stays(s, concat) && space_stays(s, outer) && space_stays(s, inner));
    assert_int_equal(oa_space_size(s, outer), 6);
    assert_int_equal(oa_space_size(s, inner), 2);
    oa_space_split(&outer, &inner, s, leaf, 5, PIN);
    assert_non_null(oa_space_pin_of(s, leaf));
}

static void split__by_one_or_by_everything_changes_nothing(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t leaf = oa_space_leaf(s, 12);
    size_t outer, inner;
    oa_space_split(&outer, &inner, s, leaf, 12, PIN);
    assert_true(outer == leaf && inner == OA_SPACE_ONE);
    oa_space_split(&outer, &inner, s, leaf, 1, PIN);
    assert_true(inner == leaf && outer == OA_SPACE_ONE);
    assert_int_equal(oa_space_kind_of(s, leaf), OA_SPACE_LEAF);
}

static void cut__of_a_product_cuts_its_outermost_factor(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t outermost = oa_space_leaf(s, 4), inside = oa_space_leaf(s, 3);
    size_t product = PRODUCT(s, outermost, inside);
    size_t first, second;
    oa_space_cut(&first, &second, s, product, 9, PIN);
    assert_children(s, outermost, OA_SPACE_CONCAT, 2, (oa_dim[]){3, 1});
    assert_children(s, first, OA_SPACE_PRODUCT, 2, (oa_dim[]){3, 3});
    assert_int_equal(oa_space_find(s, second), inside); /* one block of it */
    assert_true(spaces_agree(s, product, CONCAT(s, first, second)) && space_is_free(s, product));
}

static void cut__out_of_range_or_of_unknown_size_pins(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t leaf = oa_space_leaf(s, 4), open = oa_space_leaf(s, oa_dim_symbol(&s->dims, "batch"));
    size_t first, second;
    oa_space_cut(&first, &second, s, leaf, 4, PIN);
    assert_non_null(oa_space_pin_of(s, leaf));
    oa_space_cut(&first, &second, s, open, 2, PIN);
    assert_non_null(oa_space_pin_of(s, open));
    assert_non_null(oa_space_pin_of(s, first));
    assert_non_null(oa_space_pin_of(s, second));
}

static void pin__reaches_all_that_is_or_will_be_below(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    for (size_t order = 0; order < 3; order++) {
        size_t a = oa_space_leaf(s, 24);
        size_t b = PRODUCT(s, oa_space_leaf(s, 6), oa_space_leaf(s, 4));
        size_t c = CONCAT(s, oa_space_leaf(s, 12), oa_space_leaf(s, 12));
        for (size_t step = 0; step < 3; step++) {
            switch ((order + step) % 3) {
            case 0:
                oa_space_pin(s, a, PIN);
                break;
            case 1:
                oa_space_join(s, a, b, PIN);
                break;
            default:
                oa_space_join(s, c, b, PIN);
                break;
            }
        }
        assert_true(space_stays(s, a) && space_stays(s, b) && space_stays(s, c));
    }
}

static void pin__keeps_the_first_reason(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t leaf = oa_space_leaf(s, 6);
    oa_space_pin(s, leaf, PIN);
    oa_space_pin(s, leaf, (oa_pin){.node = 9, .why = "later"});
    size_t outer, inner;
    oa_space_split(&outer, &inner, s, leaf, 2, (oa_pin){.node = 9, .why = "later"});
    assert_string_equal(oa_space_pin_of(s, outer)->why, PIN.why);
    assert_string_equal(oa_space_pin_of(s, inner)->why, PIN.why);
}

static void size__symbols_multiply_and_divide(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    oa_dims *d = &s->dims;
    oa_dim batch = oa_dim_symbol(d, "batch"), time = oa_dim_symbol(d, "time"), quotient;
    assert_int_equal(oa_dim_symbol(d, "batch"), batch);
    assert_true(batch != time && oa_dim_is_symbolic(batch) && oa_dim_fresh(d) != oa_dim_fresh(d));
    oa_dim all = oa_dim_multiply(d, oa_dim_multiply(d, batch, 16), time);
    assert_int_equal(all, oa_dim_multiply(d, time, oa_dim_multiply(d, 16, batch)));
    assert_true(oa_dim_divide(&quotient, d, all, oa_dim_multiply(d, 4, time)));
    assert_int_equal(quotient, oa_dim_multiply(d, batch, 4));
    assert_false(oa_dim_divide(&quotient, d, all, oa_dim_multiply(d, batch, batch)));
    assert_false(oa_dim_divide(&quotient, d, all, 3));
    assert_false(oa_dim_divide(&quotient, d, 16, batch));
    /* What does not fit is a size like no other. */
    oa_dim huge = oa_dim_multiply(d, OA_DIM_LIMIT / 2, 3);
    assert_true(oa_dim_is_symbolic(huge) && huge != oa_dim_multiply(d, OA_DIM_LIMIT / 2, 3));
    assert_int_equal(oa_dim_multiply(d, 0, batch), 0);
}

static void size__of_symbols_broadcast_is_a_symbol_of_its_own(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    oa_dims *d = &s->dims;
    oa_dim a = oa_dim_symbol(d, "a"), b = oa_dim_symbol(d, "b"), c = oa_dim_symbol(d, "c");
    oa_dim both = oa_dim_broadcast(d, a, b);
    assert_true(oa_dim_is_symbolic(both) && both != a && both != b);
    assert_int_equal(oa_dim_broadcast(d, b, a), both);
    assert_int_equal(oa_dim_broadcast(d, both, a), both);
    assert_int_equal(oa_dim_broadcast(d, b, both), both);
    assert_true(oa_dim_broadcast(d, both, c) != both && oa_dim_broadcast(d, a, c) != both);
    assert_true(oa_dim_fresh(d) != both);
}

static void join__of_symbolic_products_aligns_equal_symbols(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    oa_dim batch = oa_dim_symbol(&s->dims, "batch");
    size_t units = oa_space_leaf(s, 12), heads = oa_space_leaf(s, 3), inside = oa_space_leaf(s, 4);
    size_t a = PRODUCT(s, oa_space_pinned(s, batch, PIN), units);
    size_t b = PRODUCT(s, oa_space_pinned(s, batch, PIN), heads, inside);
    oa_space_join(s, a, b, PIN);
    assert_true(spaces_agree(s, units, PRODUCT(s, heads, inside)));
    assert_int_equal(free_leaves(s, a), 2);
    size_t c = PRODUCT(s, oa_space_leaf(s, 12), oa_space_pinned(s, batch, PIN));
    oa_space_join(s, a, c, PIN); /* 12 x batch against batch x 12 */
    assert_true(space_stays(s, units));
}

static void concat__of_unknown_sizes_is_pinned(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t leaf = oa_space_leaf(s, 4), open = oa_space_leaf(s, oa_dim_fresh(&s->dims));
    size_t concat = CONCAT(s, leaf, open);
    assert_non_null(oa_space_pin_of(s, leaf));
    assert_non_null(oa_space_pin_of(s, open));
    assert_non_null(oa_space_pin_of(s, concat));
}

static void join__of_empty_spaces_ends(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t empty = oa_space_leaf(s, 0);
    size_t product = PRODUCT(s, empty, oa_space_leaf(s, 3));
    oa_space_join(s, empty, product, PIN); /* of one size, 0, although one lies inside the other */
    oa_space_pin(s, product, PIN);
    assert_false(oa_spaces_failed(s));
    size_t *list = NULL;
    size_t count = 0, capacity = 0;
    assert_true(oa_space_factors(&list, &count, &capacity, s, product));
    oa_free(list);
}

static void join__with_a_shifted_copy_of_itself_ends(void **state)
{
    oa_spaces *s = &((fixture *)*state)->spaces;
    size_t x = oa_space_leaf(s, 10), y = oa_space_leaf(s, 4);
    size_t a = CONCAT(s, x, y), b = CONCAT(s, y, x);
    oa_space_join(s, a, b, PIN);
    assert_true(spaces_agree(s, a, b));
    assert_int_equal(free_leaves(s, x), 5); /* all of one class of 2, the greatest common divisor */
    const size_t *list;
    size_t first = OA_NONE;
    size_t stack[64] = {a}, depth = 1;
    while (depth) {
        size_t space = stack[--depth];
        size_t count = oa_space_children(&list, s, space);
        for (size_t i = 0; i < count; i++) {
            stack[depth++] = list[i];
        }
        if (count == 0) {
            first = first == OA_NONE ? oa_space_find(s, space) : first;
            assert_int_equal(oa_space_find(s, space), first);
        }
    }
}

/* Not the fixture's table: this one has to fail. */
static void nesting__too_deep_is_reported_not_crashed(void **state)
{
    (void)state;
    oa_spaces s;
    assert_true(oa_spaces_init(&s));
    size_t a = oa_space_leaf(&s, 2), b = oa_space_leaf(&s, 2);
    for (size_t i = 0; i < 50000; i++) {
        a = CONCAT(&s, a, oa_space_leaf(&s, 2));
        b = CONCAT(&s, oa_space_leaf(&s, 2), b);
    }
    oa_space_pin(&s, a, PIN);
    assert_true(s.is_nested_too_deeply && oa_spaces_failed(&s));
    oa_space_join(&s, a, b, PIN);
    size_t first, second;
    oa_space_cut(&first, &second, &s, a, 3, PIN);
    oa_space_split(&first, &second, &s, b, 50001, PIN);
    assert_int_equal(s.depth, 0);
    oa_spaces_free(&s);
}

#define LAW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAW(join__of_leaves_makes_them_one),
        LAW(join__of_other_sizes_pins_both),
        LAW(join__turns_a_leaf_into_the_product_everywhere),
        LAW(join__refines_products_with_nested_divisors),
        LAW(join__pins_incommensurable_factors_on_both_sides),
        LAW(join__cuts_concatenations_at_the_borders_of_both),
        LAW(join__of_a_concatenation_cuts_a_product_between_blocks),
        LAW(join__pins_a_product_cut_inside_a_block),
        LAW(split__of_a_product_of_a_concatenation_goes_on_inside),
        LAW(split__of_three_equal_parts_ties_their_insides),
        LAW(split__pins_what_does_not_divide),
        LAW(split__by_one_or_by_everything_changes_nothing),
        LAW(cut__of_a_product_cuts_its_outermost_factor),
        LAW(cut__out_of_range_or_of_unknown_size_pins),
        LAW(pin__reaches_all_that_is_or_will_be_below),
        LAW(pin__keeps_the_first_reason),
        LAW(size__symbols_multiply_and_divide),
        LAW(size__of_symbols_broadcast_is_a_symbol_of_its_own),
        LAW(join__of_symbolic_products_aligns_equal_symbols),
        LAW(concat__of_unknown_sizes_is_pinned),
        LAW(join__of_empty_spaces_ends),
        LAW(join__with_a_shifted_copy_of_itself_ends),
        cmocka_unit_test(nesting__too_deep_is_reported_not_crashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
