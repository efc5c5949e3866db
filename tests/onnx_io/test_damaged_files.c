/* Files that were cut off or changed at random: they are refused or, where the damage makes sense, read and saved; the
 * sanitizers watch. */
#include "everything.h"

#include "core/base/random.h"
#include "onnx_io/tensor_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The seed of this run: OA_SEED or the time. */
static uint64_t seed_of_run(const char *test)
{
    const char *given = getenv("OA_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("%s: OA_SEED=%" PRIu64 "\n", test, seed);
    return seed;
}

/* True when the first `length` bytes end between two fields of the outermost message, by a reader of our own. */
static bool is_boundary(const unsigned char *data, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t tag_size = 1;
        while (data[at + tag_size - 1] & 0x80) {
            tag_size++;
        }
        unsigned type = data[at] & 7;
        at += tag_size;
        size_t value = 0;
        for (unsigned shift = 0;; shift += 7) { /* only varints and lengths occur at this level */
            value |= (size_t)(data[at] & 0x7f) << shift;
            if (data[at++] < 0x80) {
                break;
            }
        }
        at += type == 2 ? value : 0;
    }
    return at == length;
}

static void truncation__at_every_byte_is_refused(void **state)
{
    fixture *f = *state;
    build_everything(f);
    size_t size;
    unsigned char *data = pack_message(f, &f->message->base, &size);
    load(f, write_model(f, "whole.onnx"));
    size_t accepted = 0;
    for (size_t length = 0; length < size; length++) {
        oa_model *model = NULL;
        oa_error error = {0};
        char *path = write_file(f, "cut.onnx", data, length);
        oa_status status = oa_model_load(&model, path, &error);
        oa_model_destroy(model);
        if (status == OA_OK) {
            assert_true(is_boundary(data, length));
            accepted++;
        } else {
            assert_int_equal(status, OA_ERROR_INPUT);
            assert_non_null(strstr(error.message, path));
        }
    }
    /* Without the unknown field, without the second import: still whole models. */
    assert_int_equal(accepted, 2);
}

static void damage(unsigned char *data, size_t size, oa_random *random)
{
    size_t changes = 1 + oa_random_below(random, 4);
    for (size_t i = 0; i < changes; i++) {
        size_t at = oa_random_below(random, size);
        switch (oa_random_below(random, 3)) {
        case 0:
            data[at] ^= (unsigned char)(1u << oa_random_below(random, 8));
            break;
        case 1:
            data[at] = (unsigned char)oa_random_below(random, 256);
            break;
        default: { /* some bytes of one place in another */
            size_t from = oa_random_below(random, size);
            size_t longest = size - (at > from ? at : from);
            memmove(data + at, data + from, 1 + oa_random_below(random, longest < 16 ? longest : 16));
            break;
        }
        }
    }
}

static void check_damage(fixture *f, uint64_t seed)
{
    build_everything(f);
    size_t size;
    unsigned char *data = pack_message(f, &f->message->base, &size);
    unsigned char *damaged = make(f, size, 1);
    oa_random random;
    oa_random_init(&random, seed);
    char *path = path_of(f, "damaged.onnx");
    char *saved = path_of(f, "saved.onnx");
    size_t accepted = 0;
    for (int i = 0; i < 1000; i++) {
        memcpy(damaged, data, size);
        damage(damaged, size, &random);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(damaged, 1, size, file), size);
        fclose(file);
        oa_model *model = NULL;
        oa_error error = {0};
        if (oa_model_load(&model, path, &error) != OA_OK) {
            assert_non_null(strstr(error.message, path));
            continue;
        }
        accepted++;
        oa_status status = oa_model_save(saved, model, NULL, &error);
        oa_model_destroy(model);
        if (status != OA_OK) {
            fail_msg("accepted but not saved: %s", error.message);
        }
        load(f, saved);
    }
    printf("%zu of 1000 damaged models were still models\n", accepted);
    assert_true(accepted > 0);
}

static void damage__is_refused_or_saved_and_read_again(void **state)
{
    check_damage(*state, seed_of_run(__func__));
}

/* An empty tensor got an aligned place behind the end of its file. */
static void damage__that_leaves_an_empty_external_tensor(void **state)
{
    check_damage(*state, 1795676197);
}

static void damage__of_a_tensor_file(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {2, 3};
    Onnx__TensorProto *tensor = new_tensor(f, "t", OA_DTYPE_INT16, 2, dims);
    tensor->n_int32_data = 6;
    tensor->int32_data = make(f, 6, sizeof *tensor->int32_data);
    size_t size;
    unsigned char *data = pack_message(f, &tensor->base, &size);
    unsigned char *damaged = make(f, size, 1);
    oa_random random;
    oa_random_init(&random, seed_of_run(__func__));
    char *path = path_of(f, "damaged.pb");
    for (int i = 0; i < 2000; i++) {
        memcpy(damaged, data, size);
        damage(damaged, size, &random);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(damaged, 1, size, file), size);
        fclose(file);
        oa_array array = {0};
        char *name = NULL;
        if (oa_tensor_file_load(&array, &name, path, NULL) == OA_OK) {
            assert_non_null(array.data);
            assert_non_null(name);
        } else {
            assert_null(array.data);
            assert_null(name);
        }
        oa_free(array.data);
        oa_free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(truncation__at_every_byte_is_refused),
        ONNX_TEST(damage__is_refused_or_saved_and_read_again),
        ONNX_TEST(damage__that_leaves_an_empty_external_tensor),
        ONNX_TEST(damage__of_a_tensor_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
