/* Loading and saving while the n-th allocation, write, sync or rename fails, for every n: the failure is reported,
 * nothing leaks (the sanitizer watches), and no file is left behind or lost. The linker sends the calls here (--wrap).
 */
#include "everything.h"

#include "onnx_io/tensor_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
ssize_t __real_write(int descriptor, const void *data, size_t size);
int __real_fsync(int descriptor);
int __real_rename(const char *from, const char *to);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
ssize_t __wrap_write(int descriptor, const void *data, size_t size);
int __wrap_fsync(int descriptor);
int __wrap_rename(const char *from, const char *to);

/* Calls until one fails: 1 is the next one, 0 is never. */
static size_t allocations_left;
static size_t file_calls_left;

static bool fails(size_t *left)
{
    return *left && --*left == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails(&allocations_left) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(&allocations_left) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
    return fails(&allocations_left) ? NULL : __real_realloc(pointer, size);
}

ssize_t __wrap_write(int descriptor, const void *data, size_t size)
{
    if (fails(&file_calls_left)) {
        errno = ENOSPC;
        return -1;
    }
    return __real_write(descriptor, data, size);
}

int __wrap_fsync(int descriptor)
{
    if (fails(&file_calls_left)) {
        errno = EIO;
        return -1;
    }
    return __real_fsync(descriptor);
}

int __wrap_rename(const char *from, const char *to)
{
    if (fails(&file_calls_left)) {
        errno = EACCES;
        return -1;
    }
    return __real_rename(from, to);
}

enum { TOO_MANY = 5000 };

static void load__reports_every_failing_allocation(void **state)
{
    fixture *f = *state;
    build_everything(f);
    char *path = write_model(f, "m.onnx");
    size_t n = 0;
    oa_status status;
    do {
        oa_model *model = NULL;
        oa_error error = {0};
        allocations_left = ++n;
        status = oa_model_load(&model, path, &error);
        allocations_left = 0;
        if (status != OA_OK) {
            assert_int_equal(status, OA_ERROR_MEMORY);
            assert_null(model);
            assert_non_null(strstr(error.message, path));
        }
        oa_model_destroy(model);
    } while (status != OA_OK && n < TOO_MANY);
    assert_int_equal(status, OA_OK);
    printf("loading took %zu allocations\n", n - 1);
    assert_true(n > 50);
}

/* Loads a model and sets payloads to save, one of them changed. */
static void prepare_save(fixture *f, oa_payloads *payloads)
{
    build_everything(f);
    load(f, write_model(f, "m.onnx"));
    const char *const names[] = {"w", "external", "half", "strings"};
    assert_int_equal(oa_payloads_init(payloads, oa_model_graph(f->model), NULL), OA_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const oa_tensor *tensor = tensor_of(f->model, names[i]);
        void *copy = oa_malloc(tensor->count, oa_dtype_size(tensor->dtype));
        assert_non_null(copy);
        memcpy(copy, tensor->data, tensor->count * oa_dtype_size(tensor->dtype));
        payloads->data[tensor_index(f->model, names[i])] = copy;
    }
    ((float *)payloads->data[tensor_index(f->model, "external")])[0] = 1.0f;
}

/* A file as it was before the sweep; no bytes when there was none. */
typedef struct snapshot {
    const char *path;
    unsigned char *bytes;
    size_t size;
} snapshot;

static snapshot take_snapshot(fixture *f, const char *path)
{
    snapshot taken = {.path = path};
    if (file_exists(path)) {
        taken.bytes = read_file(f, path, &taken.size);
    }
    return taken;
}

static void check_snapshot(fixture *f, const snapshot *before)
{
    assert_int_equal(file_exists(before->path), before->bytes != NULL);
    if (before->bytes) {
        size_t size;
        unsigned char *bytes = read_file(f, before->path, &size);
        assert_int_equal(size, before->size);
        assert_memory_equal(bytes, before->bytes, size);
    }
}

/* Saves with the n-th call of one kind failing, for n = 1, 2, ... until it works. Before that, everything in the folder
 * must stay as it is: with `has_older`, an output with data of its own, which saving is to replace. */
static void sweep_save(void **state, size_t *left, oa_status expected, bool has_older)
{
    fixture *f = *state;
    oa_payloads payloads = {0};
    char *path = path_of(f, "o.onnx");
    prepare_save(f, &payloads);
    if (has_older) {
        save_with(f, path, NULL, NULL, 0);
    }
    snapshot model = take_snapshot(f, path);
    snapshot data = take_snapshot(f, path_of(f, "o.onnx.data"));
    size_t files = count_files(f->folder);
    size_t n = 0;
    oa_status status;
    do {
        oa_error error = {0};
        *left = ++n;
        status = oa_model_save(path, f->model, &payloads, &error);
        *left = 0;
        if (status != OA_OK) {
            assert_int_equal(status, expected);
            assert_non_null(strstr(error.message, path));
            assert_int_equal(count_files(f->folder), files);
            check_snapshot(f, &model);
            check_snapshot(f, &data);
        }
    } while (status != OA_OK && n < TOO_MANY);
    oa_payloads_free(&payloads);
    assert_int_equal(status, OA_OK);
    printf("saving took %zu such calls\n", n - 1);
    assert_true(n > 5);
    assert_int_equal(count_files(f->folder), has_older ? files : files + 2);
    const float one = 1.0f;
    load(f, path);
    assert_memory_equal(tensor_of(f->model, "external")->data, &one, sizeof one);
}

static void save__reports_every_failing_allocation(void **state)
{
    sweep_save(state, &allocations_left, OA_ERROR_MEMORY, true);
}

static void save__undoes_every_failing_write_sync_and_rename(void **state)
{
    sweep_save(state, &file_calls_left, OA_ERROR_OUTPUT, false);
}

static void save__brings_older_files_back(void **state)
{
    sweep_save(state, &file_calls_left, OA_ERROR_OUTPUT, true);
}

static void tensor_file__reports_every_failing_allocation(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {2};
    Onnx__TensorProto *tensor = new_tensor(f, "t", OA_DTYPE_STRING, 1, dims);
    tensor->n_string_data = 2;
    tensor->string_data = make(f, 2, sizeof *tensor->string_data);
    size_t size;
    unsigned char *data = pack_message(f, &tensor->base, &size);
    char *path = write_file(f, "t.pb", data, size);
    size_t n = 0;
    oa_status status;
    do {
        oa_array array = {0};
        char *name = NULL;
        allocations_left = ++n;
        status = oa_tensor_file_load(&array, &name, path, NULL);
        allocations_left = 0;
        if (status != OA_OK) {
            assert_int_equal(status, OA_ERROR_MEMORY);
            assert_null(array.data);
            assert_null(name);
        }
        oa_free(array.data);
        oa_free(name);
    } while (status != OA_OK && n < TOO_MANY);
    assert_int_equal(status, OA_OK);
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(load__reports_every_failing_allocation),           ONNX_TEST(save__reports_every_failing_allocation),
        ONNX_TEST(save__undoes_every_failing_write_sync_and_rename), ONNX_TEST(save__brings_older_files_back),
        ONNX_TEST(tensor_file__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
