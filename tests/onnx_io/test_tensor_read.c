/* The payloads of tensors, in every form in which a model can hold them; and those that no model may have. */
#include "support.h"

#include <string.h>

static const int64_t PAIR[] = {2};

static Onnx__TensorProto *add_pair(fixture *f, int type)
{
    add_sum(f);
    return add_initializer(f, "t", type, 1, PAIR);
}

static void check_pair(fixture *f, const void *bytes, size_t size)
{
    load(f, write_model(f, "m.onnx"));
    const oa_tensor *tensor = tensor_of(f->model, "t");
    assert_int_equal(tensor->rank, 1);
    assert_int_equal(tensor->dims[0], 2);
    assert_true(tensor->is_initializer);
    assert_int_equal(tensor->value, value_index(f->model, "t"));
    check_bytes(f->model, "t", bytes, size);
}

static void set_int32(Onnx__TensorProto *tensor, int32_t *items, size_t count)
{
    tensor->n_int32_data = count;
    tensor->int32_data = items;
}

/* int32_data {a, b} read as two elements of a narrow type. */
static void check_narrow(fixture *f, int type, int32_t a, int32_t b, const void *bytes, size_t size)
{
    int32_t items[] = {a, b};
    set_int32(add_pair(f, type), items, 2);
    check_pair(f, bytes, size);
}

static void read__raw_data_of_every_type(void **state)
{
    fixture *f = *state;
    unsigned char bytes[32];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(7 * i + 1);
    }
    static const struct {
        const char *name;
        int type;
        size_t size; /* of an element, by the ONNX standard */
    } cases[] = {
        {"float", 1, 4},   {"uint8", 2, 1},   {"int8", 3, 1},     {"uint16", 4, 2},       {"int16", 5, 2},
        {"int32", 6, 4},   {"int64", 7, 8},   {"bool", 9, 1},     {"float16", 10, 2},     {"double", 11, 8},
        {"uint32", 12, 4}, {"uint64", 13, 8}, {"complex", 14, 8}, {"complex128", 15, 16}, {"bfloat16", 16, 2},
    };
    size_t total = 8; /* w */
    add_sum(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_raw(f, add_initializer(f, cases[i].name, cases[i].type, 1, PAIR), bytes, 2 * cases[i].size);
        total += 2 * cases[i].size;
    }
    load(f, write_model(f, "m.onnx"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(tensor_of(f->model, cases[i].name)->dtype, cases[i].type);
        check_bytes(f->model, cases[i].name, bytes, 2 * cases[i].size);
    }
    assert_int_equal(oa_model_payload_bytes(f->model), total);
}

static void read__float_data(void **state)
{
    fixture *f = *state;
    float items[] = {1.5f, -0.0f};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT);
    t->n_float_data = 2;
    t->float_data = items;
    check_pair(f, items, sizeof items);
}

static void read__double_data(void **state)
{
    fixture *f = *state;
    double items[] = {1e300, -2.0};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_DOUBLE);
    t->n_double_data = 2;
    t->double_data = items;
    check_pair(f, items, sizeof items);
}

static void read__int64_data(void **state)
{
    fixture *f = *state;
    int64_t items[] = {INT64_MIN, 5};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_INT64);
    t->n_int64_data = 2;
    t->int64_data = items;
    check_pair(f, items, sizeof items);
}

static void read__uint64_data(void **state)
{
    fixture *f = *state;
    uint64_t items[] = {UINT64_MAX, 5};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_UINT64);
    t->n_uint64_data = 2;
    t->uint64_data = items;
    check_pair(f, items, sizeof items);
}

static void read__uint32_in_uint64_data(void **state)
{
    fixture *f = *state;
    uint64_t items[] = {UINT32_MAX, 5};
    const uint32_t expected[] = {UINT32_MAX, 5};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_UINT32);
    t->n_uint64_data = 2;
    t->uint64_data = items;
    check_pair(f, expected, sizeof expected);
}

static void read__int32_data(void **state)
{
    fixture *f = *state;
    const int32_t expected[] = {INT32_MIN, 7};
    check_narrow(f, OA_DTYPE_INT32, INT32_MIN, 7, expected, sizeof expected);
}

static void read__int8_in_int32_data(void **state)
{
    const int8_t expected[] = {-128, 127};
    check_narrow(*state, OA_DTYPE_INT8, -128, 127, expected, sizeof expected);
}

static void read__uint8_in_int32_data(void **state)
{
    const uint8_t expected[] = {0, 255};
    check_narrow(*state, OA_DTYPE_UINT8, 0, 255, expected, sizeof expected);
}

static void read__int16_in_int32_data(void **state)
{
    const int16_t expected[] = {-32768, 32767};
    check_narrow(*state, OA_DTYPE_INT16, -32768, 32767, expected, sizeof expected);
}

static void read__uint16_in_int32_data(void **state)
{
    const uint16_t expected[] = {0, 65535};
    check_narrow(*state, OA_DTYPE_UINT16, 0, 65535, expected, sizeof expected);
}

static void read__bool_in_int32_data(void **state)
{
    const uint8_t expected[] = {1, 0};
    check_narrow(*state, OA_DTYPE_BOOL, 1, 0, expected, sizeof expected);
}

static void read__float16_bits_in_int32_data(void **state)
{
    const uint16_t expected[] = {0x3c00, 0xfbff}; /* 1 and -65504 */
    check_narrow(*state, OA_DTYPE_FLOAT16, 0x3c00, 0xfbff, expected, sizeof expected);
}

static void read__bfloat16_bits_in_int32_data(void **state)
{
    const uint16_t expected[] = {0x3f80, 0xff7f};
    check_narrow(*state, OA_DTYPE_BFLOAT16, 0x3f80, 0xff7f, expected, sizeof expected);
}

static void read__complex_in_float_data(void **state)
{
    fixture *f = *state;
    float items[] = {1, 2, 3, 4};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_COMPLEX64);
    t->n_float_data = 4;
    t->float_data = items;
    check_pair(f, items, sizeof items);
}

static void read__string_data(void **state)
{
    fixture *f = *state;
    unsigned char first[] = {'a', 0, 'b'}; /* bytes, not C strings */
    ProtobufCBinaryData items[] = {{.len = 3, .data = first}, {.len = 0, .data = NULL}};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_STRING);
    t->n_string_data = 2;
    t->string_data = items;
    load(f, write_model(f, "m.onnx"));
    const oa_string_view *strings = tensor_of(f->model, "t")->data;
    assert_int_equal(strings[0].size, 3);
    assert_memory_equal(strings[0].data, first, 3);
    assert_int_equal(strings[1].size, 0);
    assert_int_equal(oa_model_payload_bytes(f->model), 8 + 3);
}

static void read__scalars_and_empty_tensors(void **state)
{
    fixture *f = *state;
    const int64_t empty[] = {3, 0, 2};
    const float one = 3.25f;
    add_sum(f);
    set_raw(f, add_initializer(f, "scalar", OA_DTYPE_FLOAT, 0, NULL), &one, sizeof one);
    add_initializer(f, "empty", OA_DTYPE_FLOAT, 3, empty);
    set_raw(f, add_initializer(f, "empty_raw", OA_DTYPE_FLOAT16, 3, empty), "", 0);
    load(f, write_model(f, "m.onnx"));
    check_bytes(f->model, "scalar", &one, sizeof one);
    assert_int_equal(tensor_of(f->model, "scalar")->rank, 0);
    assert_int_equal(tensor_of(f->model, "empty")->count, 0);
    assert_non_null(tensor_of(f->model, "empty")->data);
    assert_int_equal(tensor_of(f->model, "empty_raw")->count, 0);
    save_with(f, path_of(f, "o.onnx"), "empty", "", 0);
    load(f, path_of(f, "o.onnx"));
    assert_int_equal(tensor_of(f->model, "empty")->count, 0);
}

static void read__unknown_types_are_carried(void **state)
{
    fixture *f = *state;
    int32_t items[] = {1, 2, 3};
    set_raw(f, add_pair(f, 17), "ab", 2);                     /* float8: one byte an element */
    set_raw(f, add_initializer(f, "u", 22, 1, PAIR), "c", 1); /* int4: two elements a byte */
    set_int32(add_initializer(f, "v", 9999, 1, PAIR), items, 3);
    char *path = write_model(f, "m.onnx");
    load(f, path);
    assert_null(tensor_of(f->model, "t")->data);
    assert_int_equal(tensor_of(f->model, "t")->dtype, 17);
    assert_int_equal(tensor_of(f->model, "u")->count, 2);
    assert_null(tensor_of(f->model, "v")->data);
    save_with(f, path_of(f, "o.onnx"), NULL, NULL, 0);
    size_t size;
    size_t saved_size;
    unsigned char *bytes = read_file(f, path, &size);
    unsigned char *saved = read_file(f, path_of(f, "o.onnx"), &saved_size);
    assert_int_equal(size, saved_size);
    assert_memory_equal(bytes, saved, size);
}

static void refuse__negative_dimension(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {-2};
    add_sum(f);
    set_raw(f, add_initializer(f, "t", OA_DTYPE_FLOAT, 1, dims), "", 0);
    refused(f, "'t'", "-2");
}

static void refuse__overflowing_shape(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {INT64_C(1) << 33, INT64_C(1) << 33};
    add_sum(f);
    set_raw(f, add_initializer(f, "t", OA_DTYPE_FLOAT, 2, dims), "", 0);
    refused(f, "'t'", "more elements");
}

static void refuse__overflowing_bytes(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {INT64_C(1) << 62};
    add_sum(f);
    set_raw(f, add_initializer(f, "t", OA_DTYPE_DOUBLE, 1, dims), "", 0);
    refused(f, "'t'", "more elements");
}

static void refuse__too_many_dimensions(void **state)
{
    fixture *f = *state;
    int64_t dims[OA_MAX_RANK + 1];
    for (size_t i = 0; i <= OA_MAX_RANK; i++) {
        dims[i] = 1;
    }
    add_sum(f);
    set_raw(f, add_initializer(f, "t", OA_DTYPE_FLOAT, OA_MAX_RANK + 1, dims), "abcd", 4);
    refused(f, "'t'", "17 dimensions");
}

static void refuse__raw_data_of_wrong_length(void **state)
{
    fixture *f = *state;
    set_raw(f, add_pair(f, OA_DTYPE_FLOAT), "0123456789ab", 12);
    refused(f, "'t'", "12 bytes");
}

static void refuse__typed_data_of_wrong_length(void **state)
{
    fixture *f = *state;
    int32_t items[] = {1, 2, 3};
    set_int32(add_pair(f, OA_DTYPE_INT32), items, 3);
    refused(f, "'t'", "3 items");
}

static void refuse__missing_data(void **state)
{
    fixture *f = *state;
    add_pair(f, OA_DTYPE_FLOAT);
    refused(f, "'t'", "no elements");
}

static void refuse__data_in_the_wrong_field(void **state)
{
    fixture *f = *state;
    int32_t items[] = {1, 2};
    set_int32(add_pair(f, OA_DTYPE_FLOAT), items, 2);
    refused(f, "'t'", "int32_data");
}

static void refuse__raw_and_typed_data_together(void **state)
{
    fixture *f = *state;
    float items[] = {1, 2};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT);
    set_raw(f, t, items, sizeof items);
    t->n_float_data = 2;
    t->float_data = items;
    refused(f, "'t'", "both raw_data and float_data");
}

static void refuse__external_and_inline_data_together(void **state)
{
    fixture *f = *state;
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT);
    set_raw(f, t, "01234567", 8);
    set_external(f, t, "w.bin", NULL, NULL);
    write_file(f, "w.bin", "01234567", 8);
    refused(f, "'t'", "external");
}

static void refuse__segments(void **state)
{
    fixture *f = *state;
    Onnx__TensorProto__Segment segment = ONNX__TENSOR_PROTO__SEGMENT__INIT;
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT);
    set_raw(f, t, "01234567", 8);
    t->segment = &segment;
    refused(f, "'t'", "segments");
}

static void refuse__strings_in_raw_data(void **state)
{
    fixture *f = *state;
    set_raw(f, add_pair(f, OA_DTYPE_STRING), "ab", 2);
    refused(f, "'t'", "strings");
}

static void refuse__elements_outside_their_range(void **state)
{
    fixture *f = *state;
    int32_t items[] = {1, 65536};
    set_int32(add_pair(f, OA_DTYPE_FLOAT16), items, 2);
    refused(f, "'t'", "element 1");
}

static void refuse__uint32_outside_its_range(void **state)
{
    fixture *f = *state;
    uint64_t items[] = {1, UINT64_C(1) << 32};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_UINT32);
    t->n_uint64_data = 2;
    t->uint64_data = items;
    refused(f, "'t'", "element 1");
}

static void refuse__a_tensor_without_type(void **state)
{
    fixture *f = *state;
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT);
    set_raw(f, t, "01234567", 8);
    t->has_data_type = 0;
    refused(f, "'t'", "no element type");
    t->has_data_type = 1;
    t->data_type = 0;
    refused(f, "'t'", "no element type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(read__raw_data_of_every_type),
        ONNX_TEST(read__float_data),
        ONNX_TEST(read__double_data),
        ONNX_TEST(read__int64_data),
        ONNX_TEST(read__uint64_data),
        ONNX_TEST(read__uint32_in_uint64_data),
        ONNX_TEST(read__int32_data),
        ONNX_TEST(read__int8_in_int32_data),
        ONNX_TEST(read__uint8_in_int32_data),
        ONNX_TEST(read__int16_in_int32_data),
        ONNX_TEST(read__uint16_in_int32_data),
        ONNX_TEST(read__bool_in_int32_data),
        ONNX_TEST(read__float16_bits_in_int32_data),
        ONNX_TEST(read__bfloat16_bits_in_int32_data),
        ONNX_TEST(read__complex_in_float_data),
        ONNX_TEST(read__string_data),
        ONNX_TEST(read__scalars_and_empty_tensors),
        ONNX_TEST(read__unknown_types_are_carried),
        ONNX_TEST(refuse__negative_dimension),
        ONNX_TEST(refuse__overflowing_shape),
        ONNX_TEST(refuse__overflowing_bytes),
        ONNX_TEST(refuse__too_many_dimensions),
        ONNX_TEST(refuse__raw_data_of_wrong_length),
        ONNX_TEST(refuse__typed_data_of_wrong_length),
        ONNX_TEST(refuse__missing_data),
        ONNX_TEST(refuse__data_in_the_wrong_field),
        ONNX_TEST(refuse__raw_and_typed_data_together),
        ONNX_TEST(refuse__external_and_inline_data_together),
        ONNX_TEST(refuse__segments),
        ONNX_TEST(refuse__strings_in_raw_data),
        ONNX_TEST(refuse__elements_outside_their_range),
        ONNX_TEST(refuse__uint32_outside_its_range),
        ONNX_TEST(refuse__a_tensor_without_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
