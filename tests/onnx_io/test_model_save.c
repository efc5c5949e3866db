/* Saving: what changes, what must not, and what is left behind when it fails. */
#include "support.h"

#include "core/base/random.h"
#include "onnx_io/model_private.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t PAIR[] = {2};

static void check_same_files(fixture *f, const char *path, const char *other)
{
    size_t size;
    size_t other_size;
    unsigned char *data = read_file(f, path, &size);
    unsigned char *other_data = read_file(f, other, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(data, other_data, size);
}

/* Replaces tensor t of the model just written, and checks what a second reader finds: the new elements in t, and when
 * the old ones are put back, the very bytes of the first file. */
static void check_patch(fixture *f, const void *old, const void *new, size_t size)
{
    char *path = write_model(f, "m.onnx");
    load(f, path);
    check_bytes(f->model, "t", old, size);
    save_with(f, path_of(f, "changed.onnx"), "t", new, size);
    check_bytes(f->model, "t", old, size); /* the model is as it was */
    save_with(f, path_of(f, "same.onnx"), NULL, NULL, 0);
    check_same_files(f, path, path_of(f, "same.onnx"));
    load(f, path_of(f, "changed.onnx"));
    check_bytes(f->model, "t", new, size);
    save_with(f, path_of(f, "back.onnx"), "t", old, size);
    check_same_files(f, path, path_of(f, "back.onnx"));
}

static Onnx__TensorProto *add_pair(fixture *f, int type)
{
    add_sum(f);
    return add_initializer(f, "t", type, 1, PAIR);
}

static void patch__raw_data_of_every_float_type(void **state)
{
    fixture *f = *state;
    static const struct {
        int type;
        size_t size;
    } cases[] = {{OA_DTYPE_FLOAT, 8}, {OA_DTYPE_FLOAT16, 4}, {OA_DTYPE_BFLOAT16, 4}, {OA_DTYPE_DOUBLE, 16}};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        t->data_type = cases[i].type;
        set_raw(f, t, "abcdefghijklmnop", cases[i].size);
        check_patch(f, "abcdefghijklmnop", "ABCDEFGHIJKLMNOP", cases[i].size);
    }
}

static void patch__float_data(void **state)
{
    fixture *f = *state;
    float old[] = {1, 2};
    const float new[] = {-3, 0.1f};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT);
    t->n_float_data = 2;
    t->float_data = old;
    check_patch(f, old, new, sizeof old);
}

static void patch__double_data(void **state)
{
    fixture *f = *state;
    double old[] = {1, 2};
    const double new[] = {-3, 0.1};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_DOUBLE);
    t->n_double_data = 2;
    t->double_data = old;
    check_patch(f, old, new, sizeof old);
}

static void patch__int64_data(void **state)
{
    fixture *f = *state;
    int64_t old[] = {1, 2};
    const int64_t new[] = {-3, INT64_MAX};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_INT64);
    t->n_int64_data = 2;
    t->int64_data = old;
    check_patch(f, old, new, sizeof old);
}

static void patch__uint64_data(void **state)
{
    fixture *f = *state;
    uint64_t old[] = {1, 2};
    const uint64_t new[] = {3, UINT64_MAX};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_UINT64);
    t->n_uint64_data = 2;
    t->uint64_data = old;
    check_patch(f, old, new, sizeof old);
}

static void patch__int32_data(void **state)
{
    fixture *f = *state;
    int32_t old[] = {1, 2};
    const int32_t new[] = {-3, INT32_MAX};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_INT32);
    t->n_int32_data = 2;
    t->int32_data = old;
    check_patch(f, old, new, sizeof old);
}

static void patch__narrow_elements_in_int32_data(void **state)
{
    fixture *f = *state;
    static const int types[] = {OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16, OA_DTYPE_UINT16};
    int32_t items[] = {0x3c00, 0xfbff};
    const uint16_t old[] = {0x3c00, 0xfbff};
    const uint16_t new[] = {0, 0x8000};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_FLOAT16);
    t->n_int32_data = 2;
    t->int32_data = items;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        t->data_type = types[i];
        check_patch(f, old, new, sizeof old);
    }
}

static void patch__signed_narrow_elements(void **state)
{
    fixture *f = *state;
    int32_t items[] = {-128, 127};
    const int8_t old[] = {-128, 127};
    const int8_t new[] = {-1, 0};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_INT8);
    t->n_int32_data = 2;
    t->int32_data = items;
    check_patch(f, old, new, sizeof old);
}

static void patch__sixteen_bit_integers(void **state)
{
    fixture *f = *state;
    int32_t items[] = {-32768, 32767};
    const int16_t old[] = {-32768, 32767};
    const int16_t new[] = {-1, 300};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_INT16);
    t->n_int32_data = 2;
    t->int32_data = items;
    check_patch(f, old, new, sizeof old);
}

static void patch__uint32_in_uint64_data(void **state)
{
    fixture *f = *state;
    uint64_t items[] = {UINT32_MAX, 7};
    const uint32_t old[] = {UINT32_MAX, 7};
    const uint32_t new[] = {0, 128};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_UINT32);
    t->n_uint64_data = 2;
    t->uint64_data = items;
    check_patch(f, old, new, sizeof old);
}

static void patch__many_narrow_elements(void **state)
{
    fixture *f = *state;
    enum { COUNT = 5000 };
    const int64_t dims[] = {COUNT};
    int32_t *items = make(f, COUNT, sizeof *items);
    uint16_t *old = make(f, COUNT, sizeof *old);
    uint16_t *new = make(f, COUNT, sizeof *new);
    oa_random random;
    oa_random_init(&random, 20240811);
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = old[i] = (uint16_t)oa_random_below(&random, 65536);
        new[i] = (uint16_t)(oa_random_below(&random, 65536) >> oa_random_below(&random, 16));
    }
    add_sum(f);
    Onnx__TensorProto *t = add_initializer(f, "t", OA_DTYPE_BFLOAT16, 1, dims);
    t->n_int32_data = COUNT;
    t->int32_data = items;
    check_patch(f, old, new, COUNT * sizeof *old);
}

/* What a merge does with half precision: widen, compute, round once, write. The expected bits are by hand: ties go to
 * even, the last double is just above a tie, overflow gives infinity. */
static void patch__rounded_half_precision(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {5};
    const double values[] = {1.0 + 0x1p-11, 1.0 + 0x3p-11, 65520.0, 0x1p-25, 1.0 + 0x1p-11 + 0x1p-40};
    const uint16_t half[] = {0x3c00, 0x3c02, 0x7c00, 0x0000, 0x3c01};
    const double wide[] = {1.0 + 0x1p-8, 1.0 + 0x3p-8, 3.4e38, -1e-45, 1.0 + 0x1p-8 + 0x1p-40};
    const uint16_t brain[] = {0x3f80, 0x3f82, 0x7f80, 0x8000, 0x3f81};
    uint16_t rounded[5];
    add_sum(f);
    set_raw(f, add_initializer(f, "half", OA_DTYPE_FLOAT16, 1, dims), "0123456789", 10);
    set_raw(f, add_initializer(f, "brain", OA_DTYPE_BFLOAT16, 1, dims), "0123456789", 10);
    load(f, write_model(f, "m.onnx"));
    oa_floats_from_f64(rounded, OA_DTYPE_FLOAT16, values, 5);
    save_with(f, path_of(f, "half.onnx"), "half", rounded, sizeof rounded);
    oa_floats_from_f64(rounded, OA_DTYPE_BFLOAT16, wide, 5);
    save_with(f, path_of(f, "brain.onnx"), "brain", rounded, sizeof rounded);
    load(f, path_of(f, "half.onnx"));
    check_bytes(f->model, "half", half, sizeof half);
    load(f, path_of(f, "brain.onnx"));
    check_bytes(f->model, "brain", brain, sizeof brain);
}

static void patch__strings(void **state)
{
    fixture *f = *state;
    ProtobufCBinaryData items[] = {{.len = 1, .data = (uint8_t[]){'a'}}, {.len = 0, .data = NULL}};
    const oa_string_view new[] = {{.data = "", .size = 0}, {.data = "long\0er", .size = 7}};
    Onnx__TensorProto *t = add_pair(f, OA_DTYPE_STRING);
    t->n_string_data = 2;
    t->string_data = items;
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "o.onnx"), "t", new, sizeof new);
    load(f, path_of(f, "o.onnx"));
    const oa_string_view *found = tensor_of(f->model, "t")->data;
    assert_int_equal(found[0].size, 0);
    assert_int_equal(found[1].size, 7);
    assert_memory_equal(found[1].data, "long\0er", 7);
}

static Onnx__AttributeProto *add_constant(fixture *f, const char *kind, int type)
{
    add_sum(f);
    return add_attribute(f, add_node(f, f->graph, "Constant", "", "t"), kind, type);
}

static void patch__constant_tensor(void **state)
{
    fixture *f = *state;
    Onnx__AttributeProto *a = add_constant(f, "value", 4);
    a->t = new_tensor(f, "", OA_DTYPE_FLOAT, 1, PAIR);
    set_raw(f, a->t, "abcdefgh", 8);
    check_patch(f, "abcdefgh", "ABCDEFGH", 8);
}

static void patch__constant_float(void **state)
{
    fixture *f = *state;
    const float new = -0.25f;
    Onnx__AttributeProto *a = add_constant(f, "value_float", 1);
    a->has_f = 1;
    a->f = 0.1f;
    const float old = a->f;
    check_patch(f, &old, &new, sizeof old);
}

static void patch__constant_floats(void **state)
{
    fixture *f = *state;
    float old[] = {1, 2, 3};
    const float new[] = {-1, -2, -3};
    Onnx__AttributeProto *a = add_constant(f, "value_floats", 6);
    a->n_floats = 3;
    a->floats = old;
    check_patch(f, old, new, sizeof old);
}

static void patch__constant_ints(void **state)
{
    fixture *f = *state;
    int64_t old[] = {1, 2};
    const int64_t new[] = {-1, INT64_MIN};
    Onnx__AttributeProto *a = add_constant(f, "value_ints", 7);
    a->n_ints = 2;
    a->ints = old;
    check_patch(f, old, new, sizeof old);
}

static void patch__constant_int(void **state)
{
    fixture *f = *state;
    const int64_t old = 5;
    const int64_t new = -6;
    Onnx__AttributeProto *a = add_constant(f, "value_int", 2);
    a->has_i = 1;
    a->i = old;
    check_patch(f, &old, &new, sizeof old);
}

static void patch__constant_strings(void **state)
{
    fixture *f = *state;
    const oa_string_view new[] = {{.data = "new", .size = 3}};
    ProtobufCBinaryData old = {.len = 1, .data = (uint8_t[]){'a'}};
    Onnx__AttributeProto *a = add_constant(f, "value_strings", 8);
    a->n_strings = 1;
    a->strings = &old;
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "o.onnx"), "t", new, sizeof new);
    load(f, path_of(f, "o.onnx"));
    assert_memory_equal(((const oa_string_view *)tensor_of(f->model, "t")->data)->data, "new", 3);
    a->name = oa_arena_strdup(&f->arena, "value_string");
    a->n_strings = 0;
    a->has_s = 1;
    a->s = old;
    a->type = 3;
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "o.onnx"), "t", new, sizeof new);
    load(f, path_of(f, "o.onnx"));
    assert_int_equal(((const oa_string_view *)tensor_of(f->model, "t")->data)->size, 3);
}

/* Fields that the installed onnx.proto does not know, at every level that a newer one may extend. */
static void save__unknown_fields_survive(void **state)
{
    fixture *f = *state;
    int32_t items[] = {1, 300};
    Onnx__TensorProto *w = add_sum(f);
    Onnx__TensorProto *narrow = add_initializer(f, "narrow", OA_DTYPE_FLOAT16, 1, PAIR);
    narrow->n_int32_data = 2;
    narrow->int32_data = items;
    Onnx__AttributeProto *a = add_attribute(f, f->graph->node[0], "odd", 2);
    add_unknown(f, &f->message->base, 1000, "model");
    add_unknown(f, &f->message->base, 26, "model again");
    add_unknown(f, &f->graph->base, 16, "graph");
    add_unknown(f, &f->graph->node[0]->base, 9, "node");
    add_unknown(f, &a->base, 24, "attribute");
    add_unknown(f, &w->base, 16, "tensor");
    add_unknown(f, &narrow->base, 16, "narrow tensor");
    add_unknown(f, &f->graph->input[0]->base, 4, "value");
    add_unknown(f, &f->graph->input[0]->type->tensor_type->base, 70000, "type");
    add_unknown(f, &f->message->opset_import[0]->base, 3, "import");
    char *path = write_model(f, "m.onnx");
    load(f, path);
    save_with(f, path_of(f, "o.onnx"), NULL, NULL, 0);
    check_same_files(f, path, path_of(f, "o.onnx"));
    const float zeros[2] = {0};
    save_with(f, path_of(f, "o.onnx"), "w", zeros, sizeof zeros);
    memset(w->raw_data.data, 0, sizeof zeros);
    check_same_files(f, write_model(f, "expected.onnx"), path_of(f, "o.onnx"));
}

static void save__training_info_and_functions_survive(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__TrainingInfoProto training = ONNX__TRAINING_INFO_PROTO__INIT;
    training.algorithm = new_graph(f);
    append(f, &f->message->training_info, &f->message->n_training_info, &training);
    Onnx__FunctionProto function = ONNX__FUNCTION_PROTO__INIT;
    function.name = oa_arena_strdup(&f->arena, "F");
    append(f, &f->message->functions, &f->message->n_functions, &function);
    char *path = write_model(f, "m.onnx");
    load(f, path);
    save_with(f, path_of(f, "o.onnx"), NULL, NULL, 0);
    check_same_files(f, path, path_of(f, "o.onnx"));
}

static void save__replaces_an_older_file_and_keeps_to_the_umask(void **state)
{
    fixture *f = *state;
    struct stat info;
    add_sum(f);
    load(f, write_model(f, "m.onnx"));
    char *path = write_file(f, "o.onnx", "older", 5);
    mode_t mask = umask(027);
    save_with(f, path, NULL, NULL, 0);
    umask(mask);
    check_same_files(f, path_of(f, "m.onnx"), path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(count_files(f->folder), 2);
}

static void save_refused(fixture *f, const char *path, const char *words)
{
    size_t files = count_files(f->folder);
    f->error = (oa_error){0};
    assert_int_equal(oa_model_save(path, f->model, NULL, &f->error), OA_ERROR_OUTPUT);
    if (!strstr(f->error.message, words) || !strstr(f->error.message, path)) {
        fail_msg("'%s' does not mention '%s' and the path", f->error.message, words);
    }
    assert_int_equal(oa_model_save(path, f->model, NULL, NULL), OA_ERROR_OUTPUT);
    assert_int_equal(count_files(f->folder), files);
}

static void save__refuses_its_own_input(void **state)
{
    fixture *f = *state;
    add_sum(f);
    char *path = write_model(f, "m.onnx");
    load(f, path);
    assert_int_equal(link(path, path_of(f, "hard.onnx")), 0);
    assert_int_equal(symlink("m.onnx", path_of(f, "soft.onnx")), 0);
    save_refused(f, path, "input");
    save_refused(f, path_of(f, "hard.onnx"), "input");
    save_refused(f, path_of(f, "soft.onnx"), "input");
    save_refused(f, path_of(f, "./m.onnx"), "input");
    load(f, path);
}

static void save__refuses_what_is_no_file(void **state)
{
    fixture *f = *state;
    add_sum(f);
    char *path = write_model(f, "m.onnx");
    load(f, path);
    save_refused(f, f->folder, "folder");
    save_refused(f, path_of(f, ""), "names no file");
    save_refused(f, path_of(f, "missing/o.onnx"), "create the folder");
    save_refused(f, path_of(f, "m.onnx/o.onnx"), "create the folder");
    assert_int_equal(mkfifo(path_of(f, "pipe"), 0600), 0);
    save_refused(f, path_of(f, "pipe"), "regular file");
    save_refused(f, "/dev/null", "regular file");
    assert_int_equal(symlink("elsewhere.onnx", path_of(f, "dangling.onnx")), 0);
    save_refused(f, path_of(f, "dangling.onnx"), "symbolic link");
    write_model(f, "other.onnx");
    assert_int_equal(symlink("other.onnx", path_of(f, "link.onnx")), 0);
    save_refused(f, path_of(f, "link.onnx"), "symbolic link");
    if (geteuid() != 0) { /* nothing is forbidden to root */
        assert_int_equal(chmod(f->folder, 0500), 0);
        save_refused(f, path_of(f, "o.onnx"), "may write");
        assert_int_equal(chmod(f->folder, 0700), 0);
    }
}

/* A full disk, as far as a test can have one: no file may pass 64 KiB. */
static void save__a_full_disk_leaves_nothing_behind(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {100000};
    add_sum(f);
    set_raw(f, add_initializer(f, "large", OA_DTYPE_FLOAT, 1, dims), make(f, 100000, 4), 400000);
    load(f, write_model(f, "m.onnx"));
    char *path = write_file(f, "o.onnx", "older", 5);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit limit = {.rlim_cur = 65536, .rlim_max = old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    oa_status status = oa_model_save(path, f->model, NULL, &f->error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, OA_ERROR_OUTPUT);
    assert_non_null(strstr(f->error.message, "make room"));
    assert_int_equal(count_files(f->folder), 2);
    size_t size;
    assert_memory_equal(read_file(f, path, &size), "older", 5);
    save_with(f, path, NULL, NULL, 0); /* and afterwards all is well */
    check_same_files(f, path_of(f, "m.onnx"), path);
}

static void save__counts_payloads(void **state)
{
    fixture *f = *state;
    add_sum(f);
    load(f, write_model(f, "m.onnx"));
    oa_payloads none = {0};
    assert_int_equal(oa_model_save(path_of(f, "o.onnx"), f->model, &none, &f->error), OA_ERROR_INTERNAL);
    assert_false(file_exists(path_of(f, "o.onnx")));
}

static void same_file__sees_through_names(void **state)
{
    fixture *f = *state;
    char *path = write_file(f, "a", "a", 1);
    char *other = write_file(f, "b", "a", 1);
    assert_int_equal(link(path, path_of(f, "hard")), 0);
    assert_int_equal(symlink("a", path_of(f, "soft")), 0);
    assert_true(oa_same_file(path, path));
    assert_true(oa_same_file(path, path_of(f, "hard")));
    assert_true(oa_same_file(path_of(f, "soft"), path));
    assert_false(oa_same_file(path, other));
    assert_false(oa_same_file(path, path_of(f, "none")));
    assert_true(oa_same_file(path_of(f, "none"), path_of(f, "./none")));
    assert_false(oa_same_file(path_of(f, "none"), path_of(f, "other")));
    assert_false(oa_same_file("/nowhere-at-all/a", "/nowhere-either/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(patch__raw_data_of_every_float_type),
        ONNX_TEST(patch__float_data),
        ONNX_TEST(patch__double_data),
        ONNX_TEST(patch__int64_data),
        ONNX_TEST(patch__uint64_data),
        ONNX_TEST(patch__int32_data),
        ONNX_TEST(patch__narrow_elements_in_int32_data),
        ONNX_TEST(patch__signed_narrow_elements),
        ONNX_TEST(patch__sixteen_bit_integers),
        ONNX_TEST(patch__uint32_in_uint64_data),
        ONNX_TEST(patch__many_narrow_elements),
        ONNX_TEST(patch__rounded_half_precision),
        ONNX_TEST(patch__strings),
        ONNX_TEST(patch__constant_tensor),
        ONNX_TEST(patch__constant_float),
        ONNX_TEST(patch__constant_floats),
        ONNX_TEST(patch__constant_ints),
        ONNX_TEST(patch__constant_int),
        ONNX_TEST(patch__constant_strings),
        ONNX_TEST(save__unknown_fields_survive),
        ONNX_TEST(save__training_info_and_functions_survive),
        ONNX_TEST(save__replaces_an_older_file_and_keeps_to_the_umask),
        ONNX_TEST(save__refuses_its_own_input),
        ONNX_TEST(save__refuses_what_is_no_file),
        ONNX_TEST(save__a_full_disk_leaves_nothing_behind),
        ONNX_TEST(save__counts_payloads),
        ONNX_TEST(same_file__sees_through_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
