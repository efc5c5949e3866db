/* Shapes without elements (Reshape and its kin), arrays from nothing, and casts. */
#include "tests/exec/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void expect_shape(const op *node, const oa_array *x, const oa_array *second, const size_t *dims, size_t rank)
{
    oa_array y = run_one(node, (const oa_array *const[]){x, second}, second ? 2 : 1);
    assert_int_equal(y.rank, rank);
    for (size_t d = 0; d < rank; d++) {
        assert_int_equal(y.dims[d], dims[d]);
    }
    assert_memory_equal(y.data, x->data, x->count * sizeof(float));
    oa_array_free(&y);
}

static void reshape__infers_and_copies_sizes(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 4}, empty_dims[] = {0, 3};
    static const struct {
        int64_t asked[4];
        size_t count, dims[4];
    } cases[] = {{{4, 6}, 2, {4, 6}},
                 {{-1}, 1, {24}},
                 {{0, -1}, 2, {2, 12}},
                 {{2, 0, 2, -1}, 4, {2, 3, 2, 2}},
                 {{0, 0, 0}, 3, {2, 3, 4}}};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 3), empty = make_array(OA_DTYPE_FLOAT, empty_dims, 2);
    for (size_t i = 0; i < 5; i++) {
        oa_array shape = int64_list(cases[i].asked, cases[i].count);
        op node = {.type = "Reshape", .version = 14}, old = {.type = "Reshape", .version = 1};
        expect_shape(&node, &x, &shape, cases[i].dims, cases[i].count);
        add_attribute(&old, attribute_ints("shape", cases[i].asked, cases[i].count));
        expect_shape(&old, &x, NULL, cases[i].dims, cases[i].count);
        oa_array_free(&shape);
    }
    static const int64_t bad[][3] = {{5, 5, 1}, {-1, -1, 4}, {-2, 3, 4}, {7, -1, 1}, {0, -1, 0}, {INT64_MAX, 2, 2}};
    op node = {.type = "Reshape", .version = 14};
    for (size_t i = 0; i < 6; i++) {
        oa_array shape = int64_list(bad[i], 3);
        expect_failure(&node, (const oa_array *const[]){i == 4 ? &empty : &x, &shape}, 2, OA_ERROR_INPUT);
        oa_array_free(&shape);
    }
    /* allowzero: a zero is a size. */
    add_attribute(&node, attribute_int("allowzero", 1));
    static const int64_t zeros[] = {5, 0};
    static const size_t zero_dims[] = {5, 0};
    oa_array shape = int64_list(zeros, 2);
    expect_shape(&node, &empty, &shape, zero_dims, 2);
    oa_array_free(&shape);
    oa_array_free(&x);
    oa_array_free(&empty);
}

static void flatten__splits_at_its_axis(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 4}, expected[][2] = {{1, 24}, {2, 12}, {6, 4}, {24, 1}};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 3);
    for (int64_t axis = -3; axis <= 3; axis++) {
        op node = {.type = "Flatten", .version = 13};
        add_attribute(&node, attribute_int("axis", axis));
        expect_shape(&node, &x, NULL, expected[axis < 0 ? axis + 3 : axis], 2);
    }
    op node = {.type = "Flatten", .version = 13};
    add_attribute(&node, attribute_int("axis", 4));
    expect_failure(&node, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    oa_array_free(&x);
}

static void squeeze__removes_and_unsqueeze_adds(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 3, 1, 4}, without[] = {3, 4}, half[] = {1, 3, 4};
    static const int64_t both[] = {-4, 2}, one[] = {2}, bad[] = {1}, added[] = {3, 0}, twice[] = {0, -4}, far[] = {4};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 4), flat = random_floats(&random, without, 2);
    oa_array axes = int64_list(both, 2), axis = int64_list(one, 1), bad_axis = int64_list(bad, 1);
    op squeeze = {.type = "Squeeze", .version = 13}, old = {.type = "Squeeze", .version = 1};
    expect_shape(&squeeze, &x, NULL, without, 2);
    expect_shape(&squeeze, &x, &axes, without, 2);
    expect_shape(&squeeze, &x, &axis, half, 3);
    expect_failure(&squeeze, (const oa_array *const[]){&x, &bad_axis}, 2, OA_ERROR_INPUT);
    add_attribute(&old, attribute_ints("axes", both, 2));
    expect_shape(&old, &x, NULL, without, 2);
    static const size_t added_dims[] = {1, 3, 4, 1};
    op unsqueeze = {.type = "Unsqueeze", .version = 13}, old_unsqueeze = {.type = "Unsqueeze", .version = 11};
    oa_array added_axes = int64_list(added, 2), twice_axes = int64_list(twice, 2), far_axes = int64_list(far, 1);
    expect_shape(&unsqueeze, &flat, &added_axes, added_dims, 4);
    expect_failure(&unsqueeze, (const oa_array *const[]){&flat, &twice_axes}, 2, OA_ERROR_INPUT);
    expect_failure(&unsqueeze, (const oa_array *const[]){&flat, &far_axes}, 2, OA_ERROR_INPUT);
    expect_failure(&unsqueeze, (const oa_array *const[]){&flat}, 1, OA_ERROR_INPUT);
    expect_failure(&old_unsqueeze, (const oa_array *const[]){&flat, &added_axes}, 2, OA_ERROR_INPUT);
    add_attribute(&old_unsqueeze, attribute_ints("axes", added, 2));
    expect_shape(&old_unsqueeze, &flat, NULL, added_dims, 4);
    oa_array_free(&x);
    oa_array_free(&flat);
    oa_array_free(&axes);
    oa_array_free(&axis);
    oa_array_free(&bad_axis);
    oa_array_free(&added_axes);
    oa_array_free(&twice_axes);
    oa_array_free(&far_axes);
}

/* Seventeen axes are too many, in whatever way they come about. */
static void rank__is_limited(void **state)
{
    (void)state;
    size_t dims[OA_MAX_RANK];
    int64_t axes[OA_MAX_RANK + 1];
    for (size_t d = 0; d <= OA_MAX_RANK; d++) {
        axes[d] = (int64_t)d;
        if (d < OA_MAX_RANK) {
            dims[d] = 1;
        }
    }
    oa_array x = make_array(OA_DTYPE_FLOAT, dims, OA_MAX_RANK), list = int64_list(axes, OA_MAX_RANK + 1);
    oa_array zero = int64_list(axes, 1), indices = make_array(OA_DTYPE_INT64, dims, 2);
    op unsqueeze = {.type = "Unsqueeze", .version = 13}, gather = {.type = "Gather", .version = 13};
    op reshape = {.type = "Reshape", .version = 13}, add = {.type = "Add", .version = 13};
    expect_failure(&unsqueeze, (const oa_array *const[]){&x, &zero}, 2, OA_ERROR_UNSUPPORTED);
    expect_failure(&gather, (const oa_array *const[]){&x, &indices}, 2, OA_ERROR_UNSUPPORTED);
    expect_failure(&reshape, (const oa_array *const[]){&x, &list}, 2, OA_ERROR_INPUT);
    oa_array y = run_one(&add, (const oa_array *const[]){&x, &x}, 2);
    assert_int_equal(y.rank, OA_MAX_RANK);
    oa_array_free(&x);
    oa_array_free(&y);
    oa_array_free(&list);
    oa_array_free(&zero);
    oa_array_free(&indices);
}

static void shape__can_be_cut(void **state)
{
    (void)state;
    static const size_t dims[] = {5, 6, 7};
    static const struct {
        int64_t start, end;
        size_t first, count;
    } cases[] = {{0, 3, 0, 3}, {-1, 3, 2, 1}, {1, -1, 1, 1}, {-9, 99, 0, 3}, {2, 1, 0, 0}, {5, 9, 0, 0}};
    oa_array x = make_array(OA_DTYPE_UINT8, dims, 3);
    for (size_t i = 0; i < 6; i++) {
        op node = {.type = "Shape", .version = 15};
        add_attribute(&node, attribute_int("start", cases[i].start));
        add_attribute(&node, attribute_int("end", cases[i].end));
        oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
        assert_true(y.dtype == OA_DTYPE_INT64 && y.rank == 1 && y.count == cases[i].count);
        for (size_t k = 0; k < y.count; k++) {
            assert_int_equal(((int64_t *)y.data)[k], dims[cases[i].first + k]);
        }
        oa_array_free(&y);
    }
    op size = {.type = "Size", .version = 13};
    oa_array y = run_one(&size, (const oa_array *const[]){&x}, 1);
    assert_true(y.rank == 0 && *(int64_t *)y.data == 210);
    oa_array_free(&y);
    oa_array_free(&x);
}

static void constant__is_made_of_any_attribute(void **state)
{
    (void)state;
    static const int64_t ints[] = {4, 5};
    static const float floats[] = {1.5f, 2.5f, 3.5f};
    static const oa_string_view strings[] = {{"ab", 2}, {"", 0}, {"c", 1}};
    oa_tensor tensor = {.name = "t", .dtype = OA_DTYPE_INT64, .rank = 1, .dims = {2}, .count = 2, .data = ints};
    const oa_attribute attributes[] = {
        attribute_tensor("value", &tensor),
        attribute_int("value_int", 4),
        attribute_ints("value_ints", ints, 2),
        attribute_float("value_float", 1.5f),
        {.name = "value_floats", .kind = OA_ATTRIBUTE_FLOATS, .floats = floats, .count = 3},
        attribute_string("value_string", "ab"),
        {.name = "value_strings", .kind = OA_ATTRIBUTE_STRINGS, .strings = strings, .count = 3}};
    static const size_t counts[] = {2, 1, 2, 1, 3, 1, 3};
    for (size_t i = 0; i < 7; i++) {
        op node = {.type = "Constant", .version = 13};
        add_attribute(&node, attributes[i]);
        oa_array y = run_one(&node, NULL, 0);
        assert_int_equal(y.count, counts[i]);
        assert_false(y.is_view);
        if (i < 3) {
            assert_int_equal(((int64_t *)y.data)[y.count - 1], y.count == 2 ? 5 : 4);
        } else if (i < 5) {
            assert_true(((float *)y.data)[0] == 1.5f);
        } else {
            assert_int_equal(((oa_string_view *)y.data)[0].size, 2);
            assert_memory_equal(((oa_string_view *)y.data)[0].data, "ab", 2);
        }
        oa_array_free(&y);
    }
    op none = {.type = "Constant", .version = 13};
    expect_failure(&none, NULL, 0, OA_ERROR_UNSUPPORTED);
    add_attribute(&none, (oa_attribute){.name = "sparse_value", .kind = OA_ATTRIBUTE_OTHER});
    expect_failure(&none, NULL, 0, OA_ERROR_UNSUPPORTED);
}

static void constant_of_shape__fills(void **state)
{
    (void)state;
    static const int64_t sizes[] = {2, 3}, negative[] = {2, -3};
    static const int16_t seven[] = {7};
    oa_tensor value = {.name = "t", .dtype = OA_DTYPE_INT16, .rank = 1, .dims = {1}, .count = 1, .data = seven};
    oa_array shape = int64_list(sizes, 2), none = int64_list(NULL, 0), bad = int64_list(negative, 2);
    op plain = {.type = "ConstantOfShape", .version = 9}, filled = plain;
    add_attribute(&filled, attribute_tensor("value", &value));
    oa_array y = run_one(&plain, (const oa_array *const[]){&shape}, 1);
    assert_true(y.dtype == OA_DTYPE_FLOAT && y.count == 6 && ((float *)y.data)[5] == 0.0f);
    oa_array_free(&y);
    y = run_one(&filled, (const oa_array *const[]){&shape}, 1);
    assert_true(y.dtype == OA_DTYPE_INT16 && ((int16_t *)y.data)[0] == 7 && ((int16_t *)y.data)[5] == 7);
    oa_array_free(&y);
    y = run_one(&filled, (const oa_array *const[]){&none}, 1);
    assert_true(y.rank == 0 && ((int16_t *)y.data)[0] == 7);
    oa_array_free(&y);
    expect_failure(&plain, (const oa_array *const[]){&bad}, 1, OA_ERROR_INPUT);
    oa_array_free(&shape);
    oa_array_free(&none);
    oa_array_free(&bad);
}

static void range__counts_exactly(void **state)
{
    (void)state;
    static const struct {
        int64_t start, limit, delta;
        size_t count;
    } cases[] = {{0, 5, 1, 5},  {10, 4, -2, 3}, {3, 3, 1, 0},
                 {5, 0, 1, 0},  {0, 5, 2, 3},   {INT64_MIN, INT64_MAX, INT64_MAX, 3},
                 {0, -7, -3, 3}};
    op node = {.type = "Range", .version = 11};
    for (size_t i = 0; i < 7; i++) {
        oa_array start = int64_list(&cases[i].start, 1), limit = int64_list(&cases[i].limit, 1),
                 delta = int64_list(&cases[i].delta, 1);
        oa_array y = run_one(&node, (const oa_array *const[]){&start, &limit, &delta}, 3);
        assert_int_equal(y.count, cases[i].count);
        for (size_t k = 0; k < y.count; k++) {
            assert_true(((int64_t *)y.data)[k] == (int64_t)((uint64_t)cases[i].start + k * (uint64_t)cases[i].delta));
        }
        oa_array_free(&start);
        oa_array_free(&limit);
        oa_array_free(&delta);
        oa_array_free(&y);
    }
    oa_array zero = scalar_float(0.0f), tenth = scalar_float(0.1f), one = scalar_float(1.0f), nan = scalar_float(NAN);
    oa_array y = run_one(&node, (const oa_array *const[]){&zero, &one, &tenth}, 3);
    assert_int_equal(y.count, 10);
    assert_true(fabsf(((float *)y.data)[9] - 0.9f) < 1e-6f);
    oa_array_free(&y);
    expect_failure(&node, (const oa_array *const[]){&zero, &one, &zero}, 3, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&zero, &nan, &one}, 3, OA_ERROR_INPUT);
    oa_array_free(&zero);
    oa_array_free(&tenth);
    oa_array_free(&one);
    oa_array_free(&nan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reshape__infers_and_copies_sizes),
        cmocka_unit_test(flatten__splits_at_its_axis),
        cmocka_unit_test(squeeze__removes_and_unsqueeze_adds),
        cmocka_unit_test(rank__is_limited),
        cmocka_unit_test(shape__can_be_cut),
        cmocka_unit_test(constant__is_made_of_any_attribute),
        cmocka_unit_test(constant_of_shape__fills),
        cmocka_unit_test(range__counts_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
