/* Einsum against the sum over all values of all labels. */
#include "tests/exec/support.h"

#include <string.h>

enum { MOST_LABELS = 6, MOST_OPERANDS = 3 };

/* Sizes of the labels a, b, ... */
static const size_t sizes[MOST_LABELS] = {3, 2, 4, 5, 1, 2};

/* An equation without dots, spelled out: its operands' labels, then the output's. */
typedef struct equation {
    const char *text;
    const char *terms[MOST_OPERANDS];
    const char *output;

} equation;

static const equation equations[] = {
    {"ab,bc->ac", {"ab", "bc"}, "ac"},
    {"ab,cb", {"ab", "cb"}, "ac"},
    {"ab,bc->ca", {"ab", "bc"}, "ca"},
    {"abc,abd->adc", {"abc", "abd"}, "adc"},
    {"abcd,aced->bea", {"abcd", "aced"}, "bea"},
    {"ba , dbf -> fad", {"ba", "dbf"}, "fad"},
    {"a,b->ba", {"a", "b"}, "ba"},
    {"ab,ab->ab", {"ab", "ab"}, "ab"},
    {"ab,ab->", {"ab", "ab"}, ""},
    {"aab,ac->bc", {"aab", "ac"}, "bc"},
    {"abc,b->a", {"abc", "b"}, "a"},
    {"abc->cb", {"abc"}, "cb"},
    {"aa->a", {"aa"}, "a"},
    {"aa", {"aa"}, ""},
    {"ab,bc,cd->ad", {"ab", "bc", "cd"}, "ad"},
    {"ab,a,b->b", {"ab", "a", "b"}, "b"},
};

static size_t axes_of(size_t *dims, const char *labels)
{
    for (size_t i = 0; labels[i]; i++) {
        dims[i] = sizes[labels[i] - 'a'];
    }
    return strlen(labels);
}

static size_t place(const char *labels, const size_t *values)
{
    size_t at = 0;
    for (size_t i = 0; labels[i]; i++) {
        at = at * sizes[labels[i] - 'a'] + values[labels[i] - 'a'];
    }
    return at;
}

/* Counts the values of the labels that occur up; false past the last. */
static bool next_values(size_t *values, const equation *e)
{
    for (size_t l = 0; l < MOST_LABELS; l++) {
        bool occurs = false;
        for (size_t i = 0; i < MOST_OPERANDS && e->terms[i]; i++) {
            occurs = occurs || strchr(e->terms[i], 'a' + (int)l);
        }
        if (occurs && ++values[l] < sizes[l]) {
            return true;
        }
        values[l] = 0;
    }
    return false;
}

static void einsum__is_the_sum_over_all_labels(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_INT32};
    for (size_t n = 0; n < sizeof equations / sizeof equations[0] * 3; n++) {
        const equation *e = &equations[n / 3];
        oa_dtype dtype = dtypes[n % 3];
        oa_random random;
        oa_random_init(&random, n);
        oa_array inputs[MOST_OPERANDS];
        const oa_array *pointers[MOST_OPERANDS];
        size_t count = 0, dims[8], values[MOST_LABELS] = {0};
        for (; count < MOST_OPERANDS && e->terms[count]; count++) {
            size_t rank = axes_of(dims, e->terms[count]);
            inputs[count] = make_array(dtype, dims, rank);
            for (size_t i = 0; i < inputs[count].count; i++) {
                int value = (int)oa_random_below(&random, 9) - 4;
                if (dtype == OA_DTYPE_INT32) {
                    ((int32_t *)inputs[count].data)[i] = value;
                } else if (dtype == OA_DTYPE_FLOAT) {
                    ((float *)inputs[count].data)[i] = (float)value;
                } else {
                    ((double *)inputs[count].data)[i] = (double)value;
                }
            }
            pointers[count] = &inputs[count];
        }
        size_t rank = axes_of(dims, e->output);
        oa_array exact = make_array(OA_DTYPE_DOUBLE, dims, rank);
        do {
            double product = 1.0;
            for (size_t i = 0; i < count; i++) {
                product *= number_at(&inputs[i], place(e->terms[i], values));
            }
            ((double *)exact.data)[place(e->output, values)] += product;
        } while (next_values(values, e));
        op node = {.type = "Einsum", .version = 12};
        add_attribute(&node, attribute_string("equation", e->text));
        oa_array y = run_one(&node, pointers, count);
        assert_true(y.dtype == dtype && y.rank == rank && y.count == exact.count);
        for (size_t i = 0; i < y.count; i++) { /* small whole numbers: exact in every type */
            assert_seeded(number_at(&y, i) == ((double *)exact.data)[i], e->text, n);
        }
        oa_array_free(&y);
        oa_array_free(&exact);
        free_arrays(inputs, count);
    }
}

/* "..." stands for leading axes, which are broadcast: as MatMul does it. */
static void einsum__broadcasts_unnamed_axes_as_matmul_does(void **state)
{
    (void)state;
    static const size_t a_dims[] = {2, 1, 3, 4}, b_dims[] = {5, 4, 2};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array a = random_floats(&random, a_dims, 4), b = random_floats(&random, b_dims, 3);
    const oa_array *pointers[] = {&a, &b};
    op node = {.type = "Einsum", .version = 12}, implied = node, product = {.type = "MatMul", .version = 13};
    add_attribute(&node, attribute_string("equation", "...ij,...jk->...ik"));
    add_attribute(&implied, attribute_string("equation", "...ij, ...jk"));
    oa_array expected = run_one(&product, pointers, 2), y = run_one(&node, pointers, 2);
    assert_agree(&y, &expected, 1e-5, 1e-5, "Einsum", 0);
    oa_array_free(&y);
    y = run_one(&implied, pointers, 2);
    assert_agree(&y, &expected, 1e-5, 1e-5, "Einsum", 1);
    oa_array_free(&y);
    oa_array_free(&expected);
    oa_array_free(&a);
    oa_array_free(&b);
}

static void einsum__refuses_equations_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const bad[] = {"ab,bc,cd->ad", "ab->ab",   "ab,bc-ac", "ab,bc->az", "ab,bc->aa", "abc,bc->a",
                                      "ab,ca->bc",    "a1,bc->a", "ab,bc->",  "ab,bc->a.", "ab.,bc->a", ""};
    static const size_t a_dims[] = {3, 4}, b_dims[] = {4, 5};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array a = random_floats(&random, a_dims, 2), b = random_floats(&random, b_dims, 2);
    const oa_array *pointers[] = {&a, &b};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        op node = {.type = "Einsum", .version = 12};
        add_attribute(&node, attribute_string("equation", bad[i]));
        if (strcmp(bad[i], "ab,bc->") == 0) {
            oa_array y = run_one(&node, pointers, 2);
            assert_int_equal(y.rank, 0);
            oa_array_free(&y);
        } else {
            expect_failure(&node, pointers, 2, OA_ERROR_INPUT);
        }
    }
    op none = {.type = "Einsum", .version = 12};
    expect_failure(&none, pointers, 2, OA_ERROR_INPUT);
    oa_array_free(&a);
    oa_array_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(einsum__is_the_sum_over_all_labels),
        cmocka_unit_test(einsum__broadcasts_unnamed_axes_as_matmul_does),
        cmocka_unit_test(einsum__refuses_equations_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
