/* Every call of files.h while the n-th allocation, or the n-th write, sync or rename fails, for every n: the failure is
 * reported, outputs are untouched, nothing leaks (the sanitizer watches), and files stay as they were. The linker sends
 * the calls here (--wrap). */
#include "small_layout.h"
#include "support.h"

#include "tests/support/failing_allocations.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { TOO_MANY = 3000 };

ssize_t __real_write(int descriptor, const void *data, size_t size);
int __real_fsync(int descriptor);
int __real_rename(const char *from, const char *to);
ssize_t __wrap_write(int descriptor, const void *data, size_t size);
int __wrap_fsync(int descriptor);
int __wrap_rename(const char *from, const char *to);

/* Calls until one fails: 1 is the next one, 0 is never. */
static size_t file_calls_left;

static bool file_call_fails(int reason)
{
    if (file_calls_left == 0 || --file_calls_left > 0) {
        return false;
    }
    errno = reason;
    return true;
}

ssize_t __wrap_write(int descriptor, const void *data, size_t size)
{
    return file_call_fails(ENOSPC) ? -1 : __real_write(descriptor, data, size);
}

int __wrap_fsync(int descriptor)
{
    return file_call_fails(EIO) ? -1 : __real_fsync(descriptor);
}

int __wrap_rename(const char *from, const char *to)
{
    return file_call_fails(EACCES) ? -1 : __real_rename(from, to);
}

/* What is tried again and again. */
typedef struct trial {
    fixture *f;
    const char *path;
    oa_value declared;
    small_layout layout;
    oa_permutations permutations;
    size_t count; /* of samples read */
} trial;

typedef oa_status try_once(trial *t, oa_error *error);

/* Fails allocation 1, 2, ... until the call works; then it has to have done so `least` times. `other` is what failures
 * may also be reported as: jansson does not always tell that memory is out. */
static void sweep(trial *t, try_once *call, size_t least, oa_status other)
{
    for (size_t n = 1; n < TOO_MANY; n++) {
        oa_error error = {0};
        fail_allocation(n);
        oa_status status = call(t, &error);
        bool has_failed = allocation_has_failed();
        if (!has_failed) {
            assert_int_equal(status, OA_OK);
            print_message("%zu allocations\n", n - 1);
            assert_true(n > least);
            return;
        }
        /* Some libraries do without what they did not get. */
        if (status != OA_OK && status != OA_ERROR_MEMORY && status != other) {
            fail_msg("allocation %zu: status %d: %s", n, (int)status, error.message);
        }
        if (status != OA_OK) {
            assert_int_equal(error.status, status);
            assert_non_null(strstr(error.message, t->path));
        }
    }
    fail_msg("no end of allocations");
}

/* Opens and reads all of it in two batches. */
static oa_status read_whole(trial *t, bool are_labels, size_t keep, oa_error *error)
{
    oa_batches batches = {0};
    oa_array batch = {0};
    oa_status status = are_labels ? oa_labels_open(&batches, t->path, NULL, keep, error)
                                  : oa_data_open(&batches, t->path, &t->declared, -1.0, keep, error);
    if (status != OA_OK) {
        assert_true(batches.count == 0 && !batches.context);
        return status;
    }
    t->count = batches.count;
    size_t half = batches.count / 2;
    status = oa_batches_read(&batch, &batches, half, batches.count - half, batches.count - half, error);
    if (status == OA_OK) {
        status = oa_batches_read(&batch, &batches, 0, half, half, error);
    }
    if (status != OA_OK && !strstr(error->message, t->path)) {
        oa_error_context(error, "%s", t->path); /* the batch itself is nobody's file */
    }
    oa_array_free(&batch);
    oa_batches_close(&batches);
    return status;
}

static oa_status load_samples(trial *t, oa_error *error)
{
    return read_whole(t, false, 1 << 30, error);
}

static oa_status stream_samples(trial *t, oa_error *error)
{
    return read_whole(t, false, 0, error);
}

static oa_status load_labels(trial *t, oa_error *error)
{
    return read_whole(t, true, 1 << 30, error);
}

static oa_status stream_labels(trial *t, oa_error *error)
{
    return read_whole(t, true, 0, error);
}

static void samples__report_every_failing_allocation(void **state)
{
    fixture *f = *state;
    const float values[] = {1, 2, 3, 4, 5, 6};
    trial t = {.f = f, .declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 3))};
    bytes file = npy(f, "=f4", "True", "(2, 3)", values, sizeof values);
    t.path = write_bytes(f, "x.npy", &file);
    sweep(&t, load_samples, 0, OA_ERROR_MEMORY);
    sweep(&t, stream_samples, 0, OA_ERROR_MEMORY);

    bytes many = new_bytes(f);
    for (size_t i = 0; i < 300000; i++) {
        add_byte(&many, (unsigned)(i * i >> 4 & 0xff));
    }
    file = idx(f, 0x08, SIZES(100000, 3), many.data, many.size);
    file = gzip(f, &file);
    t.path = write_bytes(f, "x.gz", &file);
    sweep(&t, load_samples, 5, OA_ERROR_MEMORY);
    sweep(&t, stream_samples, 5, OA_ERROR_MEMORY);

    t.path = make_folder(f, "data");
    for (size_t i = 0; i < 12; i++) {
        char name[] = "data/input_a.pb";
        name[11] = (char)('a' + i);
        bytes tensor = tensor_proto(f, 1, SIZES(3), values, 12);
        write_bytes(f, name, &tensor);
    }
    sweep(&t, load_samples, 30, OA_ERROR_MEMORY);
    sweep(&t, stream_samples, 30, OA_ERROR_MEMORY);
    assert_int_equal(t.count, 12);
}

static void labels__report_every_failing_allocation(void **state)
{
    fixture *f = *state;
    trial t = {.f = f};
    bytes file = idx(f, 0x08, SIZES(3), "\1\2\3", 3);
    file = gzip(f, &file);
    t.path = write_bytes(f, "l.gz", &file);
    sweep(&t, load_labels, 3, OA_ERROR_MEMORY);
    sweep(&t, stream_labels, 3, OA_ERROR_MEMORY);
    assert_int_equal(t.count, 3);
}

static oa_status save_permutations(trial *t, oa_error *error)
{
    size_t entries = count_entries(t->f->folder);
    oa_status status =
        oa_permutation_file_save(t->path, &t->layout.layout, &t->layout.graph, NULL, &t->permutations, error);
    if (status != OA_OK) {
        assert_int_equal(count_entries(t->f->folder), entries);
    }
    return status;
}

static oa_status load_permutations(trial *t, oa_error *error)
{
    oa_permutations p = {0};
    /* Made outside of what is tried, with room for real failures. */
    size_t first[3] = {2, 1, 0};
    size_t second[4] = {3, 0, 1, 2};
    size_t third[2] = {1, 0};
    size_t fourth[2] = {1, 0};
    size_t *of[] = {first, second, third, fourth};
    p.of = of;
    p.count = SMALL_GROUPS;
    oa_status status = oa_permutation_file_load(&p, t->path, &t->layout.layout, &t->layout.graph, error);
    if (status != OA_OK) {
        assert_int_equal(first[0] * 100 + first[1] * 10 + first[2], 210);
        assert_int_equal(second[0] * 1000 + second[1] * 100 + second[2] * 10 + second[3], 3012);
        assert_int_equal(third[0], 1);
        assert_int_equal(fourth[0], 1);
    }
    return status;
}

static void permutation_file__reports_every_failing_allocation(void **state)
{
    fixture *f = *state;
    trial t = {.f = f, .path = path_of(f, "p.json")};
    small_layout_init(&t.layout);
    assert_int_equal(oa_permutations_init(&t.permutations, &t.layout.layout, NULL), OA_OK);
    sweep(&t, save_permutations, 50, OA_ERROR_MEMORY);
    sweep(&t, load_permutations, 50, OA_ERROR_INPUT);
    oa_permutations_free(&t.permutations);
}

static void text_file__reports_every_failing_step(void **state)
{
    fixture *f = *state;
    const char *path = write_text(f, "a.txt", "old");
    size_t steps = 0;
    oa_status status;
    do {
        oa_error error = {0};
        file_calls_left = ++steps;
        status = oa_write_text(path, "new", &error);
        file_calls_left = 0;
        if (status != OA_OK) {
            assert_int_equal(status, OA_ERROR_OUTPUT);
            assert_non_null(strstr(error.message, path));
            assert_string_equal(read_file(f, path, NULL), "old");
        }
        assert_int_equal(count_entries(f->folder), 1);
    } while (status != OA_OK && steps < TOO_MANY);
    assert_string_equal(read_file(f, path, NULL), "new");
    assert_int_equal(steps, 4); /* write, sync, rename: each failed once */
}

static oa_status write_some_text(trial *t, oa_error *error)
{
    return oa_write_text(t->path, "text", error);
}

static void text_file__reports_every_failing_allocation(void **state)
{
    fixture *f = *state;
    trial t = {.f = f, .path = path_of(f, "a.txt")};
    sweep(&t, write_some_text, 3, OA_ERROR_MEMORY);
}

int main(void)
{
    /* jansson is a shared library: its allocations pass through here only when it is told so. */
    json_set_alloc_funcs(malloc, free);
    const struct CMUnitTest tests[] = {
        FILE_TEST(samples__report_every_failing_allocation),
        FILE_TEST(labels__report_every_failing_allocation),
        FILE_TEST(permutation_file__reports_every_failing_allocation),
        FILE_TEST(text_file__reports_every_failing_step),
        FILE_TEST(text_file__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
