/* Single tensors, the form of test data. */
#include "support.h"

#include "onnx_io/tensor_file.h"

#include <string.h>

static char *write_tensor(fixture *f, const Onnx__TensorProto *tensor)
{
    size_t size;
    unsigned char *data = pack_message(f, &tensor->base, &size);
    return write_file(f, "t.pb", data, size);
}

static void load__elements_shape_and_name(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {1, 2};
    const float data[] = {1.5f, -2.0f};
    Onnx__TensorProto *tensor = new_tensor(f, "answer", OA_DTYPE_FLOAT, 2, dims);
    set_raw(f, tensor, data, sizeof data);
    oa_array array = {0};
    char *name = NULL;
    assert_int_equal(oa_tensor_file_load(&array, &name, write_tensor(f, tensor), &f->error), OA_OK);
    assert_string_equal(name, "answer");
    assert_int_equal(array.dtype, OA_DTYPE_FLOAT);
    assert_int_equal(array.rank, 2);
    assert_int_equal(array.dims[0], 1);
    assert_int_equal(array.dims[1], 2);
    assert_int_equal(array.count, 2);
    assert_false(array.is_view);
    assert_memory_equal(array.data, data, sizeof data);
    oa_free(name);
    oa_free(array.data);
}

static void load__narrow_elements_and_no_name(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {2};
    int32_t items[] = {-1, 5};
    const int16_t expected[] = {-1, 5};
    Onnx__TensorProto *tensor = new_tensor(f, "", OA_DTYPE_INT16, 1, dims);
    tensor->name = NULL;
    tensor->n_int32_data = 2;
    tensor->int32_data = items;
    oa_array array = {0};
    char *name = NULL;
    assert_int_equal(oa_tensor_file_load(&array, &name, write_tensor(f, tensor), &f->error), OA_OK);
    assert_memory_equal(array.data, expected, sizeof expected);
    assert_string_equal(name, "");
    oa_free(name);
    oa_free(array.data);
}

static void load__strings_in_one_block(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {3};
    ProtobufCBinaryData items[] = {{.len = 2, .data = (uint8_t[]){'a', 'b'}}, {0}, {.len = 1, .data = (uint8_t[]){0}}};
    Onnx__TensorProto *tensor = new_tensor(f, "s", OA_DTYPE_STRING, 1, dims);
    tensor->n_string_data = 3;
    tensor->string_data = items;
    oa_array array = {0};
    assert_int_equal(oa_tensor_file_load(&array, NULL, write_tensor(f, tensor), &f->error), OA_OK);
    const oa_string_view *strings = array.data;
    assert_int_equal(strings[0].size, 2);
    assert_memory_equal(strings[0].data, "ab", 2);
    assert_int_equal(strings[1].size, 0);
    assert_int_equal(strings[2].size, 1);
    assert_int_equal(strings[2].data[0], 0);
    oa_free(array.data); /* the bytes too */
}

static void load__empty_tensors(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {0, 3};
    oa_array array = {0};
    char *path = write_tensor(f, new_tensor(f, "e", OA_DTYPE_INT64, 2, dims));
    assert_int_equal(oa_tensor_file_load(&array, NULL, path, &f->error), OA_OK);
    assert_int_equal(array.count, 0);
    assert_non_null(array.data);
    oa_free(array.data);
}

static void load__external_data_beside_the_file(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {2};
    Onnx__TensorProto *tensor = new_tensor(f, "e", OA_DTYPE_FLOAT, 1, dims);
    set_external(f, tensor, "t.bin", "1", "8");
    write_file(f, "t.bin", "_abcdefgh", 9);
    oa_array array = {0};
    assert_int_equal(oa_tensor_file_load(&array, NULL, write_tensor(f, tensor), &f->error), OA_OK);
    assert_memory_equal(array.data, "abcdefgh", 8);
    oa_free(array.data);
}

static void check_refused(fixture *f, const char *path, const char *words)
{
    oa_array array = {0};
    char *name = NULL;
    f->error = (oa_error){0};
    assert_int_equal(oa_tensor_file_load(&array, &name, path, &f->error), OA_ERROR_INPUT);
    assert_null(array.data);
    assert_null(name);
    if (!strstr(f->error.message, path) || !strstr(f->error.message, words)) {
        fail_msg("'%s' does not mention '%s' and the file", f->error.message, words);
    }
}

static void refuse__what_is_no_tensor(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {2};
    Onnx__TensorProto *tensor = new_tensor(f, "t", OA_DTYPE_FLOAT, 1, dims);
    check_refused(f, path_of(f, "none.pb"), "No such file");
    check_refused(f, write_file(f, "empty.pb", "", 0), "empty");
    check_refused(f, write_tensor(f, tensor), "no elements");
    tensor->data_type = 17;
    set_raw(f, tensor, "ab", 2);
    check_refused(f, write_tensor(f, tensor), "type 17");
    /* A SequenceProto called "seq" of one float tensor, and an OptionalProto without a value. */
    const unsigned char sequence[] = {0x0a, 3, 's', 'e', 'q', 0x10, 1, 0x1a, 8, 0x08, 1, 0x10, 1, 0x4a, 2, 'a', 'b'};
    check_refused(f, write_file(f, "seq.pb", sequence, sizeof sequence), "single tensor");
    const unsigned char optional[] = {0x0a, 3, 'o', 'p', 't', 0x10, 0};
    check_refused(f, write_file(f, "opt.pb", optional, sizeof optional), "single tensor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(load__elements_shape_and_name),       ONNX_TEST(load__narrow_elements_and_no_name),
        ONNX_TEST(load__strings_in_one_block),          ONNX_TEST(load__empty_tensors),
        ONNX_TEST(load__external_data_beside_the_file), ONNX_TEST(refuse__what_is_no_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
