/* Operators that only move elements, against walks over all positions. The elements are numbered, so that a misplaced
 * one shows. */
#include "tests/exec/support.h"

#include <stdio.h>
#include <string.h>

static const oa_dtype dtypes[] = {OA_DTYPE_UINT8, OA_DTYPE_FLOAT16, OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_STRING};

/* Element i is the number i, or a string view that is told by its length. */
static void put(oa_array *array, size_t i, size_t number)
{
    static const char letters[] = "";
    switch (array->dtype) {
    case OA_DTYPE_UINT8:
        ((uint8_t *)array->data)[i] = (uint8_t)number;
        break;
    case OA_DTYPE_FLOAT16:
        ((uint16_t *)array->data)[i] = (uint16_t)number;
        break;
    case OA_DTYPE_FLOAT:
        ((float *)array->data)[i] = (float)number;
        break;
    case OA_DTYPE_DOUBLE:
        ((double *)array->data)[i] = (double)number;
        break;
    case OA_DTYPE_STRING: {
        static const char text[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
        ((oa_string_view *)array->data)[i] = number % 27 == 0
                                                 ? (oa_string_view){letters, 0}
                                                 : (oa_string_view){text + number % 26, 1 + number / 26 % 26};
        break;
    }
    default:
        ((int64_t *)array->data)[i] = (int64_t)number;
        break;
    }
}

static oa_array numbered(oa_dtype dtype, const size_t *dims, size_t rank)
{
    oa_array array = make_array(dtype, dims, rank);
    for (size_t i = 0; i < array.count; i++) {
        put(&array, i, i + 1);
    }
    return array;
}

static void random_dims(size_t *dims, size_t rank, oa_random *random)
{
    for (size_t d = 0; d < rank; d++) {
        dims[d] = random_between(random, 1, oa_random_below(random, 6) ? 5 : 40);
    }
}

/* Fails unless y has the shape and, at every position, the element of x that `from` names; OA_NONE: the number 0. */
static void check(const oa_array *y, const oa_array *x, const size_t *dims, size_t rank,
                  size_t (*from)(const size_t *position, const void *context), const void *context, const char *what,
                  uint64_t seed)
{
    oa_array expected = make_array(x->dtype, dims, rank);
    for (size_t i = 0; i < expected.count; i++) {
        size_t position[8];
        unravel(position, i, dims, rank);
        size_t at = from(position, context);
        if (at == OA_NONE && x->dtype != OA_DTYPE_STRING) {
            put(&expected, i, 0);
        } else if (at != OA_NONE) {
            put(&expected, i, at + 1);
        }
    }
    assert_agree(y, &expected, 0.0, 0.0, what, seed);
    oa_array_free(&expected);
}

typedef struct walk_context {
    size_t rank, dims[5]; /* of x */
    size_t order[5];
    int64_t starts[5], steps[5];
    int64_t before[5];
    const char *mode;
} walk_context;

static size_t transposed_from(const size_t *position, const void *context_)
{
    const walk_context *context = context_;
    size_t at[5];
    for (size_t d = 0; d < context->rank; d++) {
        at[context->order[d]] = position[d];
    }
    return ravel_broadcast(at, context->rank, context->dims, context->rank);
}

static void transpose__moves_every_element(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        walk_context context = {.rank = oa_random_below(&random, 6)};
        size_t dims[5];
        int64_t order[5];
        random_dims(context.dims, context.rank, &random);
        oa_random_permutation(context.order, context.rank, &random);
        bool is_default = oa_random_below(&random, 5) == 0;
        for (size_t d = 0; d < context.rank; d++) {
            context.order[d] = is_default ? context.rank - 1 - d : context.order[d];
            order[d] = (int64_t)context.order[d];
            dims[d] = context.dims[context.order[d]];
        }
        oa_array x = numbered(dtypes[seed % 5], context.dims, context.rank);
        op node = {.type = "Transpose", .version = 13};
        if (!is_default) {
            add_attribute(&node, attribute_ints("perm", order, context.rank));
        }
        oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
        check(&y, &x, dims, context.rank, transposed_from, &context, "Transpose", seed);
        oa_array_free(&x);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 200\n");
}

static size_t sliced_from(const size_t *position, const void *context_)
{
    const walk_context *context = context_;
    size_t at[5];
    for (size_t d = 0; d < context->rank; d++) {
        at[d] = (size_t)(context->starts[d] + (int64_t)position[d] * context->steps[d]);
    }
    return ravel_broadcast(at, context->rank, context->dims, context->rank);
}

/* The positions that are in a slice: stepped through one by one. */
static size_t count_positions(int64_t *first, int64_t start, int64_t end, int64_t step, int64_t size)
{
    size_t count = 0;
    start += start < 0 ? size : 0;
    end += end < 0 ? size : 0;
    if (step > 0) {
        start = start < 0 ? 0 : start;
        end = end > size ? size : end;
    } else {
        start = start > size - 1 ? size - 1 : start;
        end = end < -1 ? -1 : end;
    }
    *first = start;
    for (int64_t at = start; step > 0 ? at < end : at > end; at += step) {
        count++;
    }
    return count;
}

static void slice__takes_what_stepping_through_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        walk_context context = {.rank = random_between(&random, 1, 4)};
        size_t dims[5], count = 0, order[5];
        int64_t starts[5], ends[5], axes[5], steps[5];
        random_dims(context.dims, context.rank, &random);
        oa_random_permutation(order, context.rank, &random);
        bool is_old = seed % 3 == 0;
        for (size_t d = 0; d < context.rank; d++) {
            context.steps[d] = 1;
            dims[d] = context.dims[d];
        }
        for (size_t k = oa_random_below(&random, context.rank + 1); k-- > 0; count++) {
            size_t axis = order[k];
            int64_t size = (int64_t)context.dims[axis], reach = 2 * size + 3;
            starts[count] = (int64_t)oa_random_below(&random, (size_t)reach) - size - 1;
            ends[count] = (int64_t)oa_random_below(&random, (size_t)reach) - size - 1;
            steps[count] = is_old ? 1 : (int64_t)random_between(&random, 1, 4) * (oa_random_below(&random, 2) ? 1 : -1);
            if (oa_random_below(&random, 4) == 0) { /* to the very end, as exporters write it */
                ends[count] = steps[count] > 0 ? INT64_MAX : -size - 1;
            }
            axes[count] = (int64_t)axis - (seed % 2 ? (int64_t)context.rank : 0);
            context.steps[axis] = steps[count];
            dims[axis] = count_positions(&context.starts[axis], starts[count], ends[count], steps[count], size);
        }
        oa_array x = numbered(dtypes[seed % 5], context.dims, context.rank), lists[4];
        lists[0] = int64_list(starts, count);
        lists[1] = int64_list(ends, count);
        lists[2] = int64_list(axes, count);
        lists[3] = int64_list(steps, count);
        op node = {.type = "Slice", .version = is_old ? 1 : 13};
        if (is_old) {
            add_attribute(&node, attribute_ints("starts", starts, count));
            add_attribute(&node, attribute_ints("ends", ends, count));
            add_attribute(&node, attribute_ints("axes", axes, count));
        }
        const oa_array *inputs[] = {&x, &lists[0], &lists[1], &lists[2], &lists[3]};
        oa_array y = run_one(&node, inputs, is_old ? 1 : 5);
        check(&y, &x, dims, context.rank, sliced_from, &context, "Slice", seed);
        free_arrays(lists, 4);
        oa_array_free(&x);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 400\n");
}

static size_t padded_from(const size_t *position, const void *context_)
{
    const walk_context *context = context_;
    size_t at[5];
    for (size_t d = 0; d < context->rank; d++) {
        int64_t size = (int64_t)context->dims[d], place = (int64_t)position[d] - context->before[d];
        while (place < 0 || place >= size) { /* folded back one reflection or period at a time */
            if (strcmp(context->mode, "constant") == 0) {
                return OA_NONE;
            }
            if (strcmp(context->mode, "edge") == 0) {
                place = place < 0 ? 0 : size - 1;
            } else if (strcmp(context->mode, "wrap") == 0) {
                place += place < 0 ? size : -size;
            } else {
                place = size == 1 ? 0 : place < 0 ? -place : 2 * (size - 1) - place;
            }
        }
        at[d] = (size_t)place;
    }
    return ravel_broadcast(at, context->rank, context->dims, context->rank);
}

static void pad__reads_what_its_mode_says(void **state)
{
    (void)state;
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        walk_context context = {.rank = random_between(&random, 1, 4), .mode = modes[seed % 4]};
        size_t dims[5], rank = context.rank;
        int64_t pads[10], axes[5];
        random_dims(context.dims, rank, &random);
        for (size_t d = 0; d < rank; d++) {
            int64_t size = (int64_t)context.dims[d];
            pads[d] = (int64_t)oa_random_below(&random, 8) - 2;
            pads[rank + d] = (int64_t)oa_random_below(&random, 8) - 2;
            if (size + pads[d] + pads[rank + d] < 0) {
                pads[d] = pads[rank + d] = 0;
            }
            context.before[d] = pads[d];
            dims[d] = (size_t)(size + pads[d] + pads[rank + d]);
            axes[d] = (int64_t)d;
        }
        /* Names the axes in reverse, which must not matter. */
        int64_t reversed[10], reversed_axes[5];
        for (size_t d = 0; d < rank; d++) {
            reversed[d] = pads[rank - 1 - d];
            reversed[rank + d] = pads[2 * rank - 1 - d];
            reversed_axes[d] = axes[rank - 1 - d];
        }
        bool names_axes = seed % 2, is_old = seed % 5 == 0 && context.mode[0] != 'w';
        oa_array x = numbered(dtypes[seed % 5 % 4], context.dims, rank);
        oa_array list = int64_list(names_axes ? reversed : pads, 2 * rank), axis_list = int64_list(reversed_axes, rank);
        op node = {.type = "Pad", .version = is_old ? 2 : 19};
        add_attribute(&node, attribute_string("mode", context.mode));
        if (is_old) {
            add_attribute(&node, attribute_ints("pads", pads, 2 * rank));
        }
        const oa_array *inputs[] = {&x, &list, NULL, &axis_list};
        oa_array y = run_one(&node, inputs, is_old ? 1 : names_axes ? 4 : 2);
        check(&y, &x, dims, rank, padded_from, &context, context.mode, seed);
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&list);
        oa_array_free(&axis_list);
    }
    print_message("seeds 1 to 400\n");
}

static size_t expanded_from(const size_t *position, const void *context_)
{
    const walk_context *context = context_;
    return ravel_broadcast(position, context->order[0], context->dims, context->rank);
}

static void expand__repeats(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        walk_context context = {0};
        size_t dims[5], rank = random_between(&random, 1, 4);
        int64_t shape[5];
        random_dims(dims, rank, &random);
        size_t dropped = oa_random_below(&random, rank + 1);
        context.rank = rank - dropped;
        context.order[0] = rank; /* the rank of the result */
        for (size_t d = 0; d < rank; d++) {
            bool is_one = oa_random_below(&random, 2);
            shape[d] = (int64_t)dims[d];
            if (d >= dropped) {
                context.dims[d - dropped] = is_one ? 1 : dims[d];
                shape[d] = !is_one && oa_random_below(&random, 2) ? 1 : shape[d]; /* broadcast both ways */
            }
        }
        oa_array x = numbered(dtypes[seed % 5], context.dims, context.rank), list = int64_list(shape, rank);
        op node = {.type = "Expand", .version = 13};
        oa_array y = run_one(&node, (const oa_array *const[]){&x, &list}, 2);
        check(&y, &x, dims, rank, expanded_from, &context, "Expand", seed);
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&list);
    }
    print_message("seeds 1 to 100\n");
}

/* Splitting an array and concatenating the parts gives the array back; the parts are what Slice takes. */
static void split__is_undone_by_concat(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t rank = random_between(&random, 1, 4), dims[4], axis = oa_random_below(&random, rank);
        size_t count = random_between(&random, 1, 5), total = 0;
        int64_t sizes[5], version = (int64_t[]){2, 11, 13, 18}[seed % 4];
        bool is_even = oa_random_below(&random, 2);
        random_dims(dims, rank, &random);
        for (size_t i = 0; i < count; i++) {
            sizes[i] = is_even ? 3 : (int64_t)oa_random_below(&random, 4);
            total += (size_t)sizes[i];
        }
        if (is_even && version == 18 && oa_random_below(&random, 2)) { /* the last part may be smaller then */
            total -= 1;
            sizes[count - 1] -= 1;
        }
        dims[axis] = total;
        oa_array x = numbered(dtypes[seed % 5], dims, rank), parts[5] = {{0}}, list = int64_list(sizes, count);
        op node = {.type = "Split", .version = version, .output_count = count};
        add_attribute(&node, attribute_int("axis", (int64_t)axis - (seed % 3 ? (int64_t)rank : 0)));
        if (version < 13 && !is_even) {
            add_attribute(&node, attribute_ints("split", sizes, count));
        }
        if (version >= 18 && is_even) {
            add_attribute(&node, attribute_int("num_outputs", (int64_t)count));
        }
        oa_error error = {0};
        bool by_input = version >= 13 && !is_even;
        assert_seeded(run_op(parts, &node, (const oa_array *const[]){&x, &list}, by_input ? 2 : 1, &error) == OA_OK,
                      error.message, seed);
        const oa_array *pointers[5];
        for (size_t i = 0; i < count; i++) {
            pointers[i] = &parts[i];
            assert_seeded(parts[i].dims[axis] == (size_t)sizes[i], "size of a part", seed);
        }
        op concat = {.type = "Concat", .version = 13};
        add_attribute(&concat, attribute_int("axis", (int64_t)axis));
        oa_array y = run_one(&concat, pointers, count);
        assert_agree(&y, &x, 0.0, 0.0, "Split and Concat", seed);
        free_arrays(parts, count);
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&list);
    }
    print_message("seeds 1 to 200\n");
}

static void gather__takes_slices_by_index(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t rank = random_between(&random, 1, 4), dims[4], axis = oa_random_below(&random, rank);
        size_t index_rank = oa_random_below(&random, 3), index_dims[2], index_count = 1;
        random_dims(dims, rank, &random);
        random_dims(index_dims, index_rank, &random);
        oa_array x = numbered(dtypes[seed % 5], dims, rank);
        oa_array indices = make_array(seed % 2 ? OA_DTYPE_INT64 : OA_DTYPE_INT32, index_dims, index_rank);
        for (size_t i = 0; i < indices.count; i++) {
            int64_t index = (int64_t)oa_random_below(&random, 2 * dims[axis]) - (int64_t)dims[axis];
            memcpy((char *)indices.data + i * oa_dtype_size(indices.dtype), &index, oa_dtype_size(indices.dtype));
        }
        index_count = indices.count;
        op node = {.type = "Gather", .version = 13};
        add_attribute(&node, attribute_int("axis", (int64_t)axis));
        oa_array y = run_one(&node, (const oa_array *const[]){&x, &indices}, 2);
        assert_seeded(y.rank == rank - 1 + index_rank, "rank", seed);
        size_t inner = 1;
        for (size_t d = axis + 1; d < rank; d++) {
            inner *= dims[d];
        }
        oa_array expected = make_array(x.dtype, y.dims, y.rank);
        for (size_t i = 0; i < expected.count; i++) {
            int64_t index = (int64_t)number_at(&indices, i / inner % index_count);
            size_t place = (size_t)(index < 0 ? index + (int64_t)dims[axis] : index);
            put(&expected, i, (i / inner / index_count * dims[axis] + place) * inner + i % inner + 1);
        }
        assert_agree(&y, &expected, 0.0, 0.0, "Gather", seed);
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&indices);
        oa_array_free(&expected);
    }
    print_message("seeds 1 to 200\n");
}

static void move__refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3}, other[] = {3, 3};
    static const int64_t twice[] = {0, 0}, far[] = {0, 2}, zero[] = {0, 1}, one[] = {1, 1}, negative[] = {-5, 1, 1, 1};
    oa_array x = numbered(OA_DTYPE_FLOAT, dims, 2), y = numbered(OA_DTYPE_FLOAT, other, 2);
    oa_array list_zero = int64_list(zero, 2), list_one = int64_list(one, 2), list_twice = int64_list(twice, 2);
    oa_array list_negative = int64_list(negative, 4), list_far = int64_list(far, 2);
    op transpose = {.type = "Transpose", .version = 13}, transpose_far = transpose, transpose_short = transpose;
    add_attribute(&transpose, attribute_ints("perm", twice, 2));
    add_attribute(&transpose_far, attribute_ints("perm", far, 2));
    add_attribute(&transpose_short, attribute_ints("perm", zero, 1));
    expect_failure(&transpose, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    expect_failure(&transpose_far, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    expect_failure(&transpose_short, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    op slice = {.type = "Slice", .version = 13};
    const oa_array *same_axis[] = {&x, &list_zero, &list_one, &list_twice};
    const oa_array *zero_step[] = {&x, &list_zero, &list_one, &list_zero, &list_zero};
    const oa_array *longer[] = {&x, &list_zero, &list_negative};
    expect_failure(&slice, same_axis, 4, OA_ERROR_INPUT);
    expect_failure(&slice, zero_step, 5, OA_ERROR_INPUT);
    expect_failure(&slice, longer, 3, OA_ERROR_INPUT);
    expect_failure(&slice, same_axis, 2, OA_ERROR_INPUT);
    op pad = {.type = "Pad", .version = 13};
    expect_failure(&pad, (const oa_array *const[]){&x, &list_negative}, 2, OA_ERROR_INPUT);
    expect_failure(&pad, (const oa_array *const[]){&x, &list_one}, 2, OA_ERROR_INPUT);
    expect_failure(&pad, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    op expand = {.type = "Expand", .version = 13};
    expect_failure(&expand, (const oa_array *const[]){&x, &list_negative}, 2, OA_ERROR_INPUT);
    expect_failure(&expand, (const oa_array *const[]){&x, &y}, 2, OA_ERROR_INPUT);
    op gather = {.type = "Gather", .version = 13}, split = {.type = "Split", .version = 13, .output_count = 2};
    expect_failure(&gather, (const oa_array *const[]){&x, &list_far}, 2, OA_ERROR_INPUT);
    expect_failure(&gather, (const oa_array *const[]){&x, &y}, 2, OA_ERROR_INPUT);
    expect_failure(&split, (const oa_array *const[]){&y}, 1, OA_ERROR_INPUT);
    expect_failure(&split, (const oa_array *const[]){&y, &list_far}, 2, OA_ERROR_INPUT);
    op concat = {.type = "Concat", .version = 13}, concat_rows = concat;
    add_attribute(&concat_rows, attribute_int("axis", 1));
    expect_failure(&concat, (const oa_array *const[]){&x, &x}, 2, OA_ERROR_INPUT);
    expect_failure(&concat_rows, (const oa_array *const[]){&x, &y}, 2, OA_ERROR_INPUT);
    expect_failure(&concat_rows, (const oa_array *const[]){&x, NULL}, 2, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&y);
    oa_array_free(&list_zero);
    oa_array_free(&list_one);
    oa_array_free(&list_twice);
    oa_array_free(&list_negative);
    oa_array_free(&list_far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transpose__moves_every_element),  cmocka_unit_test(slice__takes_what_stepping_through_does),
        cmocka_unit_test(pad__reads_what_its_mode_says),   cmocka_unit_test(expand__repeats),
        cmocka_unit_test(split__is_undone_by_concat),      cmocka_unit_test(gather__takes_slices_by_index),
        cmocka_unit_test(move__refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
