/* Shapes of arrays against declared shapes. */
#include "support.h"

#include "plugin/cli/sample_shape.h"

#include <string.h>

/* Lists end with 0; a size below 0 is unknown. Expected NULL: refused. */
typedef struct shape_case {
    const int64_t *declared;
    const size_t *array;
    const size_t *expected;
} shape_case;

#define D(...) ((const int64_t[]){__VA_ARGS__, 0})
#define A(...) ((const size_t[]){__VA_ARGS__, 0})

static size_t length_of(const size_t *list)
{
    size_t length = 0;
    while (list[length]) {
        length++;
    }
    return length;
}

static void check(const shape_case *c, bool may_be_one, size_t index)
{
    size_t rank = 0;
    while (c->declared[rank]) {
        rank++;
    }
    oa_value declared = declare(OA_DTYPE_FLOAT, rank, c->declared);
    oa_sample_shape shape = {.rank = 99};
    oa_error error = {0};
    oa_status status = oa_sample_shape_fit(&shape, &declared, c->array, length_of(c->array), may_be_one, &error);
    if (!c->expected) {
        if (status != OA_ERROR_INPUT || shape.rank != 99) {
            fail_msg("case %zu was not refused", index);
        }
        assert_non_null(strstr(error.message, "does not fit 'x' of shape ["));
        return;
    }
    if (status != OA_OK || shape.rank != length_of(c->expected)) {
        fail_msg("case %zu: rank %zu %s", index, shape.rank, error.message);
    }
    for (size_t k = 0; k < shape.rank; k++) {
        if (shape.dims[k] != c->expected[k]) {
            fail_msg("case %zu: size %zu of axis %zu", index, shape.dims[k], k);
        }
    }
}

static void shape__counts_samples_along_the_first_axis(void **state)
{
    (void)state;
    static const int64_t scalar_per_sample[] = {-1, 0};
    const shape_case cases[] = {
        {D(-1, 1, 28, 28), A(5, 1, 28, 28), A(5, 1, 28, 28)},
        {D(1, 1, 28, 28), A(5, 1, 28, 28), A(5, 1, 28, 28)}, /* a fixed batch size tells nothing of the file */
        {D(-1, 1, 28, 28), A(5, 28, 28), A(5, 1, 28, 28)},
        {D(-1, 1, 28, 28), A(5, 784), A(5, 1, 28, 28)},
        {D(-1, 784), A(5, 28, 28), A(5, 784)},
        {D(-1, 28, 28), A(5, 1, 28, 28), A(5, 28, 28)},
        {D(-1, 1, -1, -1), A(5, 20, 30), A(5, 1, 20, 30)},
        {D(-1, 3, -1, -1), A(5, 3, 20, 30), A(5, 3, 20, 30)},
        {D(-1, -1, 28, 28), A(5, 28, 28), A(5, 1, 28, 28)},
        {D(-1, -1, -1), A(5, 1, 7), A(5, 1, 7)},
        {D(-1, -1), A(5, 1), A(5, 1)},
        {scalar_per_sample, A(5), A(5)},
        {scalar_per_sample, A(5, 1), A(5)},
        {D(-1, 1), A(5), A(5, 1)},
        {D(-1, 3, 32, 32), A(3, 32, 32), NULL}, /* one image without the axis of samples */
        {D(-1, 1, 28, 28), A(28, 28), NULL},
        {D(-1, 1, 28, 28), A(784), NULL},
        {D(-1, 1, 28, 28), A(5, 1, 28, 27), NULL},
        {D(-1, 3, -1, -1), A(5, 20, 30), NULL},
        {D(-1, -1, -1), A(5, 7), NULL}, /* which of the two is 1? */
        {D(-1, -1), A(5, 3, 32, 32), NULL},
        {D(-1, -1, -1), A(5, 2, 3, 4), NULL},
        {D(-1, 10), A(5), NULL},
        {scalar_per_sample, A(5, 2), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check(&cases[i], false, i);
    }
}

static void shape__takes_whole_arrays_as_one_sample_in_folders(void **state)
{
    (void)state;
    const shape_case cases[] = {
        {D(-1, 3, 32, 32), A(3, 32, 32), A(1, 3, 32, 32)},
        {D(-1, 3, 32, 32), A(1, 3, 32, 32), A(1, 3, 32, 32)},
        {D(1, 3, 32, 32), A(1, 3, 32, 32), A(1, 3, 32, 32)},
        {D(1, 3, 32, 32), A(4, 3, 32, 32), A(4, 3, 32, 32)},
        {D(-1, 1, 28, 28), A(28, 28), A(1, 1, 28, 28)},
        {D(-1, 1, 28, 28), A(784), A(1, 1, 28, 28)},
        {D(-1, 1, 28, 28), A(5, 28, 28), A(5, 1, 28, 28)},
        {D(-1, 1, 28, 28), A(5, 784), A(5, 1, 28, 28)},
        {D(-1, 1, -1, -1), A(20, 30), A(1, 1, 20, 30)},
        {D(-1, -1, -1, -1), A(3, 20, 30), A(1, 3, 20, 30)},
        {D(-1, -1, -1, -1), A(2, 3, 20, 30), A(2, 3, 20, 30)},
        {D(-1, -1), A(7), A(1, 7)},
        {D(-1, 1, 28, 28), A(28, 27), NULL},
        {D(-1, 3, 4), A(2, 2, 3, 4), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check(&cases[i], true, i);
    }
    /* A tensor without axes is one sample of an input of shape [batch]. */
    const oa_value labels = declare(OA_DTYPE_INT64, DIMS(-1));
    oa_sample_shape shape;
    assert_int_equal(oa_sample_shape_fit(&shape, &labels, NULL, 0, true, NULL), OA_OK);
    assert_int_equal(shape.rank, 1);
    assert_int_equal(shape.dims[0], 1);
    assert_int_equal(oa_sample_shape_fit(&shape, &labels, NULL, 0, false, NULL), OA_ERROR_INPUT);
}

static void shape__takes_anything_where_nothing_is_declared(void **state)
{
    (void)state;
    const oa_value declared = {.name = "x", .dtype = OA_DTYPE_FLOAT};
    const size_t dims[] = {4, 5};
    oa_sample_shape shape;
    for (int may_be_one = 0; may_be_one < 2; may_be_one++) {
        assert_int_equal(oa_sample_shape_fit(&shape, &declared, dims, 2, may_be_one, NULL), OA_OK);
        assert_int_equal(shape.rank, 2);
        assert_int_equal(shape.dims[0], 4);
        assert_int_equal(shape.dims[1], 5);
        assert_int_equal(oa_sample_shape_fit(&shape, &declared, dims, 0, may_be_one, NULL), OA_ERROR_INPUT);
    }
    const oa_value scalar = {.name = "x", .dtype = OA_DTYPE_FLOAT, .has_shape = true};
    assert_int_equal(oa_sample_shape_fit(&shape, &scalar, dims, 1, true, NULL), OA_ERROR_INPUT);
}

static void shape__refuses_empty_and_huge_arrays(void **state)
{
    (void)state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, -1));
    const size_t empty[] = {0, 4};
    const size_t hollow[] = {4, 0};
    const size_t huge[] = {SIZE_MAX, 2};
    oa_sample_shape shape;
    oa_error error;
    assert_int_equal(oa_sample_shape_fit(&shape, &declared, empty, 2, false, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "no samples: the shape is [0, 4]"));
    assert_int_equal(oa_sample_shape_fit(&shape, &declared, hollow, 2, true, &error), OA_ERROR_INPUT);
    assert_int_equal(oa_sample_shape_fit(&shape, &declared, huge, 2, false, &error), OA_ERROR_INPUT);
    /* A declared shape whose product overflows fits nothing. */
    const oa_value vast = declare(OA_DTYPE_FLOAT, DIMS(-1, INT64_MAX, INT64_MAX));
    assert_int_equal(oa_sample_shape_fit(&shape, &vast, (const size_t[]){1, 1}, 2, false, &error), OA_ERROR_INPUT);
}

static void shape__message_names_both_shapes(void **state)
{
    (void)state;
    oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 3, -1));
    declared.symbols[0] = "batch";
    oa_sample_shape shape;
    oa_error error;
    assert_int_equal(oa_sample_shape_fit(&shape, &declared, (const size_t[]){7, 4, 9}, 3, false, &error),
                     OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "[7, 4, 9]"));
    assert_non_null(strstr(error.message, "'x' of shape [batch, 3, ?]"));
}

static void shape__text_is_cut_when_long(void **state)
{
    (void)state;
    char text[OA_DECLARED_TEXT_SIZE + 1];
    memset(text, 'z', sizeof text);
    oa_value declared = {.rank = OA_MAX_RANK};
    for (size_t k = 0; k < OA_MAX_RANK; k++) {
        declared.dims[k] = -1;
        declared.symbols[k] = "a symbol with a name that is rather long";
    }
    oa_declared_text(text, &declared);
    assert_int_equal(text[OA_DECLARED_TEXT_SIZE], 'z');
    assert_true(strlen(text) < OA_DECLARED_TEXT_SIZE);
    assert_string_equal(text + strlen(text) - 6, ", ...]");
    assert_string_equal(oa_dims_text(text, NULL, 0), "[]");
    assert_string_equal(oa_dims_text(text, (const size_t[]){12, 0}, 2), "[12, 0]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape__counts_samples_along_the_first_axis),
        cmocka_unit_test(shape__takes_whole_arrays_as_one_sample_in_folders),
        cmocka_unit_test(shape__takes_anything_where_nothing_is_declared),
        cmocka_unit_test(shape__refuses_empty_and_huge_arrays),
        cmocka_unit_test(shape__message_names_both_shapes),
        cmocka_unit_test(shape__text_is_cut_when_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
