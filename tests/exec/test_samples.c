/* Batches of an array, and of a source that a test plays. */
#include "core/exec/samples.h"
#include "tests/support/cmocka_all.h"

#include <string.h>

enum { COUNT = 5, ELEMENTS = 3 };

/* A source whose element k of sample i is 10 i + k, that counts what happens to it. */
typedef struct numbers {
    size_t reads;
    size_t closed;
    bool fails;
} numbers;

static oa_status read_numbers(void *elements, void *context, size_t first, size_t n, oa_error *error)
{
    numbers *source = context;
    float *at = elements;
    source->reads++;
    if (source->fails) {
        return oa_fail(error, OA_ERROR_INPUT, "the source is broken");
    }
    for (size_t i = 0; i < n * ELEMENTS; i++) {
        at[i] = (float)(10 * (first + i / ELEMENTS) + i % ELEMENTS);
    }
    return OA_OK;
}

static void close_numbers(void *context)
{
    ((numbers *)context)->closed++;
}

static oa_batches open_numbers(numbers *source)
{
    return (oa_batches){.count = COUNT,
                        .dtype = OA_DTYPE_FLOAT,
                        .rank = 3,
                        .dims = {COUNT, 1, ELEMENTS},
                        .context = source,
                        .read = read_numbers,
                        .close = close_numbers};
}

static void batches__are_padded_with_the_last_sample(void **state)
{
    (void)state;
    numbers source = {0};
    oa_batches batches = open_numbers(&source);
    oa_array batch = {0};
    assert_int_equal(oa_batches_elements(&batches), ELEMENTS);
    for (size_t first = 0; first < COUNT; first++) {
        for (size_t n = 1; first + n <= COUNT; n++) {
            for (size_t size = n; size < n + 3; size++) {
                assert_int_equal(oa_batches_read(&batch, &batches, first, n, size, NULL), OA_OK);
                assert_true(batch.rank == 3 && batch.dims[0] == size && batch.dims[1] == 1 &&
                            batch.dims[2] == ELEMENTS && batch.count == size * ELEMENTS);
                for (size_t i = 0; i < size * ELEMENTS; i++) {
                    size_t sample = first + (i / ELEMENTS < n ? i / ELEMENTS : n - 1);
                    assert_true(((const float *)batch.data)[i] == (float)(10 * sample + i % ELEMENTS));
                }
            }
        }
    }
    oa_array_free(&batch);
    oa_batches_close(&batches);
    assert_int_equal(source.closed, 1);
}

static void batches__keep_their_memory_while_the_shape_stays(void **state)
{
    (void)state;
    numbers source = {0};
    oa_batches batches = open_numbers(&source);
    oa_array batch = {0};
    assert_int_equal(oa_batches_read(&batch, &batches, 0, 2, 2, NULL), OA_OK);
    const void *memory = batch.data;
    assert_int_equal(oa_batches_read(&batch, &batches, 4, 1, 2, NULL), OA_OK);
    assert_ptr_equal(batch.data, memory);
    assert_int_equal(oa_batches_read(&batch, &batches, 0, 5, 5, NULL), OA_OK);
    assert_int_equal(batch.dims[0], 5);
    assert_int_equal(source.reads, 3);
    oa_array_free(&batch);
}

static void batches__refuse_what_is_not_there(void **state)
{
    (void)state;
    const size_t bad[][3] = {{0, 0, 0}, {0, 0, 2}, {0, 3, 2}, {5, 1, 1}, {4, 2, 2}, {(size_t)-1, 2, 2}};
    numbers source = {0};
    oa_batches batches = open_numbers(&source);
    oa_array batch = {0};
    oa_error error = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(oa_batches_read(&batch, &batches, bad[i][0], bad[i][1], bad[i][2], &error), OA_ERROR_INTERNAL);
    }
    assert_int_equal(source.reads, 0);
    source.fails = true;
    assert_int_equal(oa_batches_read(&batch, &batches, 0, 1, 1, &error), OA_ERROR_INPUT);
    assert_string_equal(error.message, "the source is broken");
    oa_array_free(&batch);
}

static void batches__of_an_array_are_its_rows(void **state)
{
    (void)state;
    const int64_t rows[COUNT][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}};
    int64_t copy[COUNT][2];
    memcpy(copy, rows, sizeof copy);
    const oa_array array = {
        .dtype = OA_DTYPE_INT64, .rank = 2, .dims = {COUNT, 2}, .count = 2 * COUNT, .data = copy, .is_view = true};
    oa_samples samples = {.data = oa_batches_of_array(&array)};
    oa_array batch = {0};
    assert_int_equal(oa_batches_read(&batch, &samples.data, 1, 3, 3, NULL), OA_OK);
    assert_memory_equal(batch.data, rows[1], sizeof rows[1] * 3);
    oa_array_free(&batch);
    oa_samples_close(&samples);
    assert_true(samples.data.count == 0);
    oa_samples_close(&samples); /* twice, and nothing, without harm */
    oa_samples_close(NULL);
    oa_batches_close(NULL);
    assert_memory_equal(copy, rows, sizeof rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches__are_padded_with_the_last_sample),
        cmocka_unit_test(batches__keep_their_memory_while_the_shape_stays),
        cmocka_unit_test(batches__refuse_what_is_not_there),
        cmocka_unit_test(batches__of_an_array_are_its_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
