/* Samples and labels as a whole: files, folders of tensors, types of inputs. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PROTO_FLOAT = 1, PROTO_UINT8 = 2, PROTO_INT64 = 7, PROTO_STRING = 8, PROTO_DOUBLE = 11, PROTO_BFLOAT16 = 16 };

/* A .pb file in a folder of the fixture. */
static void put(fixture *f, const char *folder, const char *name, const bytes *b)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    write_bytes(f, path, b);
}

/* One float32 sample [2] with both elements `value`. */
static bytes pair_of(fixture *f, float value)
{
    const float pair[2] = {value, value};
    return tensor_proto(f, PROTO_FLOAT, SIZES(2), pair, sizeof pair);
}

static void folder__stacks_tensors_by_number(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 2));
    const char *folder = make_folder(f, "data");
    /* Written in another order than that of their numbers. */
    const unsigned order[] = {10, 2, 0, 11, 1, 100, 9};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        char name[32];
        snprintf(name, sizeof name, "input_%u.pb", order[i]);
        bytes tensor = pair_of(f, (float)order[i]);
        put(f, "data", name, &tensor);
    }
    /* Outputs, hidden and other files do not count. */
    write_text(f, "data/output_0.pb", "no tensor");
    write_text(f, "data/.input_3.pb", "no tensor");
    write_text(f, "data/input_4.txt", "no tensor");
    load(f, folder, &declared);
    check_shape(f, SIZES(7, 2));
    check_values(f, NUMBERS(0, 0, 1, 1, 2, 2, 9, 9, 10, 10, 11, 11, 100, 100));
}

static void folder__takes_all_tensors_without_inputs(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 2));
    const char *folder = make_folder(f, "data");
    static const char *const names[] = {"b.pb", "a10.pb", "a9.pb", "a09.pb", "a9x.pb"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        bytes tensor = pair_of(f, (float)i);
        put(f, "data", names[i], &tensor);
    }
    write_text(f, "data/.a1.pb", "no tensor");
    load(f, folder, &declared);
    /* a09 before a9 (equal numbers, then by bytes), then a9x, a10, b. */
    check_values(f, NUMBERS(3, 3, 2, 2, 4, 4, 1, 1, 0, 0));
}

static void folder__joins_along_the_first_axis(void **state)
{
    fixture *f = *state;
    const char *folder = make_folder(f, "data");
    const float ones[6] = {1, 2, 3, 4, 5, 6};
    bytes first = tensor_proto(f, PROTO_FLOAT, SIZES(1, 3), ones, 12);
    bytes second = tensor_proto(f, PROTO_FLOAT, SIZES(2, 3), ones, 24);
    bytes third = tensor_proto(f, PROTO_FLOAT, SIZES(3), ones + 3, 12);
    put(f, "data", "input_0.pb", &first);
    put(f, "data", "input_1.pb", &second);
    put(f, "data", "input_2.pb", &third);
    const int64_t firsts[] = {1, -1, 16};
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(firsts[i], 3));
        load(f, folder, &declared);
        check_shape(f, SIZES(4, 3));
        check_values(f, NUMBERS(1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6));
    }
}

static void folder__converts_each_type(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 2));
    const char *folder = make_folder(f, "data");
    const double wide[2] = {0.5, -3.0};
    const uint8_t small[2] = {255, 0};
    const uint16_t brain[2] = {0x3F80, 0xC000};
    bytes a = tensor_proto(f, PROTO_DOUBLE, SIZES(2), wide, sizeof wide);
    bytes b = tensor_proto(f, PROTO_UINT8, SIZES(2), small, sizeof small);
    bytes c = tensor_proto(f, PROTO_BFLOAT16, SIZES(2), brain, sizeof brain);
    put(f, "data", "input_0.pb", &a);
    put(f, "data", "input_1.pb", &b);
    put(f, "data", "input_2.pb", &c);
    load(f, folder, &declared);
    check_values(f, NUMBERS(0.5, -3, 1, 0, 1, -2));
}

static void folder__grows_to_many_files(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 2));
    const char *folder = make_folder(f, "data");
    enum { FILES = 300 };
    for (unsigned i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "input_%u.pb", i);
        bytes tensor = pair_of(f, (float)i);
        put(f, "data", name, &tensor);
    }
    load(f, folder, &declared);
    check_shape(f, SIZES(FILES, 2));
    for (size_t i = 0; i < 2 * FILES; i++) {
        assert_true(((const float *)f->samples.data.data)[i] == (float)(i / 2));
    }
}

static void folder__refuses_what_does_not_fit(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, -1));
    const char *folder = make_folder(f, "data");
    load_fails(f, folder, &declared, "holds no TensorProto files", "");
    bytes pair = pair_of(f, 1.0f);
    put(f, "data", "input_0.pb", &pair);
    const float three[3] = {0};
    bytes triple = tensor_proto(f, PROTO_FLOAT, SIZES(3), three, sizeof three);
    put(f, "data", "input_1.pb", &triple);
    load_fails(f, folder, &declared, "input_1.pb", "samples of shape [3], the files before it of shape [2]");
    bytes text = tensor_proto(f, PROTO_STRING, SIZES(0), "", 0);
    text.size = 0;
    add(&text,
        "\x08\x02\x10\x08\x32\x01"
        "a\x32\x01"
        "b",
        10); /* dims 2, STRING, "a", "b" */
    put(f, "data", "input_1.pb", &text);
    load_fails(f, folder, &declared, "input_1.pb", "string");
    const float bad[2] = {0.0f, NAN};
    bytes nan = tensor_proto(f, PROTO_FLOAT, SIZES(2), bad, sizeof bad);
    put(f, "data", "input_1.pb", &nan);
    load_fails(f, folder, &declared, "input_1.pb", "element [1] is NaN");
    write_text(f, "data/input_1.pb", "no tensor");
    load_fails(f, folder, &declared, "input_1.pb", "");
    bytes empty = tensor_proto(f, PROTO_FLOAT, SIZES(0), "", 0);
    put(f, "data", "input_1.pb", &empty);
    load_fails(f, folder, &declared, "input_1.pb", "no samples");
    for (size_t size = 0; size < pair.size; size++) {
        write_file(f, "data/input_1.pb", pair.data, size);
        oa_error error = {0};
        /* A shorter message may be one too, but of a tensor that has no elements or another shape. */
        assert_int_equal(read_samples(&f->samples, folder, &declared, -1.0, &error), OA_ERROR_INPUT);
        assert_non_null(strstr(error.message, "input_1.pb"));
    }
}

static void samples__replace_the_ones_before(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_INT8, DIMS(-1));
    bytes a = npy(f, "|i1", "False", "(2,)", "\1\2", 2);
    bytes b = npy(f, "|i1", "False", "(3,)", "\3\4\5", 3);
    load(f, write_bytes(f, "a", &a), &declared);
    load(f, write_bytes(f, "b", &b), &declared);
    check_values(f, NUMBERS(3, 4, 5));
}

static void samples__refuse_inputs_without_numbers(void **state)
{
    fixture *f = *state;
    bytes a = npy(f, "|i1", "False", "(2,)", "\1\2", 2);
    const char *path = write_bytes(f, "a", &a);
    const oa_dtype types[] = {OA_DTYPE_STRING, OA_DTYPE_UNDEFINED, OA_DTYPE_COMPLEX64, (oa_dtype)17};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const oa_value declared = declare(types[i], DIMS(-1));
        load_fails(f, path, &declared, "input 'x'", oa_dtype_name(types[i]));
    }
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1));
    assert_int_equal(read_samples(&f->samples, path, &declared, (double)NAN, NULL), OA_ERROR_USAGE);
    assert_int_equal(read_samples(&f->samples, path, &declared, (double)INFINITY, NULL), OA_ERROR_USAGE);
}

static void samples__refuse_special_files(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1));
    const char *path = path_of(f, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    load_fails(f, path, &declared, "not a regular file", "");
    load_fails(f, path_of(f, "absent"), &declared, "No such file", "");
}

/* Loads labels for an output (NULL: [n, classes]), which must work. */
static void load_labels_for(fixture *f, const oa_value *output, const char *path, size_t n, const int64_t *expected)
{
    if (read_labels(&f->samples, path, output, &f->error) != OA_OK) {
        fail_msg("%s", f->error.message);
    }
    assert_int_equal(f->samples.label_count, n);
    assert_memory_equal(f->samples.labels, expected, n * sizeof *expected);
}

static void load_labels(fixture *f, const char *path, size_t n, const int64_t *expected)
{
    load_labels_for(f, NULL, path, n, expected);
}

static void labels_fail_for(fixture *f, const oa_value *output, const char *path, const char *text)
{
    held before = f->samples;
    assert_int_equal(read_labels(&f->samples, path, output, &f->error), OA_ERROR_INPUT);
    message_has(f, path);
    message_has(f, text);
    assert_memory_equal(&before, &f->samples, sizeof before);
}

static void labels_fail(fixture *f, const char *path, const char *text)
{
    labels_fail_for(f, NULL, path, text);
}

static void labels__are_read_from_every_format(void **state)
{
    fixture *f = *state;
    const int64_t expected[] = {3, 0, 9};
    bytes file = idx(f, 0x08, SIZES(3), "\3\0\x09", 3);
    load_labels(f, write_bytes(f, "l", &file), 3, expected);
    file = gzip(f, &file);
    load_labels(f, write_bytes(f, "l", &file), 3, expected);
    file = npy(f, "|u1", "False", "(3, 1)", "\3\0\x09", 3);
    load_labels(f, write_bytes(f, "l", &file), 3, expected);
    bytes floats = new_bytes(f);
    add_little(&floats, 0x40400000, 4);
    add_little(&floats, 0, 4);
    add_little(&floats, 0x41100000, 4);
    file = npy(f, "<f4", "False", "(3,)", floats.data, floats.size);
    load_labels(f, write_bytes(f, "l", &file), 3, expected);
    const char *folder = make_folder(f, "labels");
    const int64_t one = 3;
    const int64_t more[] = {0, 9};
    bytes scalar = tensor_proto(f, PROTO_INT64, 0, NULL, &one, sizeof one);
    bytes vector = tensor_proto(f, PROTO_INT64, SIZES(2), more, sizeof more);
    put(f, "labels", "label_2.pb", &scalar);
    put(f, "labels", "label_10.pb", &vector);
    write_text(f, "labels/input_0.pb", "no labels");
    load_labels(f, folder, 3, expected);
}

static void labels__must_be_whole_numbers_from_zero(void **state)
{
    fixture *f = *state;
    bytes file = npy(f, "|i1", "False", "(3,)", "\1\xff\2", 3);
    labels_fail(f, write_bytes(f, "l", &file), "label 1 is -1; classes count from 0");
    bytes floats = new_bytes(f);
    add_little(&floats, 0x3FC00000, 4);
    file = npy(f, "<f4", "False", "(1,)", floats.data, floats.size);
    labels_fail(f, write_bytes(f, "l", &file), "element [0] is 1.5, which int64 cannot hold");
    file = npy(f, "<u8", "False", "(1,)", "\0\0\0\0\0\0\0\x80", 8);
    labels_fail(f, write_bytes(f, "l", &file), "9223372036854775808, which int64 cannot hold");
    file = npy(f, "|u1", "False", "(3, 2)", "\1\0\1\0\1\0", 6);
    labels_fail(f, write_bytes(f, "l", &file), "[3, 2], which does not fit 'labels' of shape [n]");
    file = npy(f, "|u1", "False", "(0,)", "", 0);
    labels_fail(f, write_bytes(f, "l", &file), "no samples");
    labels_fail(f, path_of(f, "absent"), "No such file");
}

/* One for every position of an output, whose last axis is that of the classes. */
static void labels__have_the_axes_of_the_output(void **state)
{
    fixture *f = *state;
    const int64_t expected[] = {3, 0, 9, 1, 2, 2};
    bytes file = npy(f, "|u1", "False", "(3, 2)", "\3\0\x09\1\2\2", 6);
    const char *path = write_bytes(f, "l", &file);
    const oa_value fitting[] = {declare(OA_DTYPE_FLOAT, DIMS(-1, 2, 10)), declare(OA_DTYPE_FLOAT, DIMS(-1, -1, -1)),
                                declare(OA_DTYPE_FLOAT, DIMS(3, 2, 1, 10)),
                                declare(OA_DTYPE_FLOAT, DIMS(-1, 2, 10, 1, 1))};
    for (size_t i = 0; i < COUNT_OF(fitting); i++) {
        load_labels_for(f, &fitting[i], path, 6, expected);
    }
    const oa_value others[] = {declare(OA_DTYPE_FLOAT, DIMS(-1, 10)),
                               declare(OA_DTYPE_FLOAT, DIMS(-1, 10, 1, 1)),
                               declare(OA_DTYPE_FLOAT, DIMS(-1)),
                               {.dtype = OA_DTYPE_FLOAT}};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        labels_fail_for(f, &others[i], path, "[3, 2], which does not fit 'labels' of shape [n]");
    }
    const oa_value longer = declare(OA_DTYPE_FLOAT, DIMS(-1, 3, 10));
    labels_fail_for(f, &longer, path, "[3, 2], which does not fit 'labels' of shape [n, 3]");
    file = npy(f, "|u1", "False", "(3, 1)", "\3\0\x09", 3);
    const oa_value flat[] = {declare(OA_DTYPE_FLOAT, DIMS(-1, 10, 1, 1)), declare(OA_DTYPE_FLOAT, DIMS(-1, 1, 10))};
    for (size_t i = 0; i < COUNT_OF(flat); i++) {
        load_labels_for(f, &flat[i], write_bytes(f, "l", &file), 3, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(folder__stacks_tensors_by_number),    FILE_TEST(folder__takes_all_tensors_without_inputs),
        FILE_TEST(folder__joins_along_the_first_axis),  FILE_TEST(folder__converts_each_type),
        FILE_TEST(folder__grows_to_many_files),         FILE_TEST(folder__refuses_what_does_not_fit),
        FILE_TEST(samples__replace_the_ones_before),    FILE_TEST(samples__refuse_inputs_without_numbers),
        FILE_TEST(samples__refuse_special_files),       FILE_TEST(labels__are_read_from_every_format),
        FILE_TEST(labels__have_the_axes_of_the_output), FILE_TEST(labels__must_be_whole_numbers_from_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
