/* External data: reading it without leaving the model's folder, and writing it again. */
#include "support.h"

#include "onnx_io/model_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t PAIR[] = {2};
static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ--";
static const char REPLACED[] = "new one!";

/* An initializer of two floats that lies in `location`. */
static Onnx__TensorProto *add_external(fixture *f, const char *name, const char *location, const char *offset,
                                       const char *length)
{
    Onnx__TensorProto *tensor = add_initializer(f, name, OA_DTYPE_FLOAT, 1, PAIR);
    set_external(f, tensor, location, offset, length);
    return tensor;
}

static const char *entry_of(const Onnx__TensorProto *tensor, const char *key)
{
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        if (strcmp(tensor->external_data[i]->key, key) == 0) {
            return tensor->external_data[i]->value;
        }
    }
    return NULL;
}

/* The message of a saved model, to look at what is not in the graph. */
static Onnx__ModelProto *unpack(fixture *f, const char *path)
{
    size_t size;
    unsigned char *data = read_file(f, path, &size);
    Onnx__ModelProto *message = onnx__model_proto__unpack(NULL, size, data);
    assert_non_null(message);
    return message;
}

static size_t offset_of(const Onnx__TensorProto *tensor)
{
    const char *offset = entry_of(tensor, "offset");
    return offset ? strtoul(offset, NULL, 10) : 0;
}

static void make_folder(fixture *f, const char *name)
{
    assert_int_equal(mkdir(path_of(f, name), 0700), 0);
}

static void read__offset_and_length(void **state)
{
    fixture *f = *state;
    add_sum(f);
    add_external(f, "whole", "w.bin", NULL, NULL);
    add_external(f, "part", "w.bin", "8", "8");
    add_external(f, "folder", "sub/v.bin", "4", NULL);
    make_folder(f, "sub");
    write_file(f, "w.bin", LETTERS, 24);
    write_file(f, "sub/v.bin", LETTERS, 12);
    load(f, write_model(f, "m.onnx"));
    check_bytes(f->model, "whole", "abcdefgh", 8);
    check_bytes(f->model, "part", "ijklmnop", 8);
    check_bytes(f->model, "folder", "efghijkl", 8);
    assert_int_equal(oa_model_payload_bytes(f->model), 4 * 8);
}

static void read__unaligned_offsets(void **state)
{
    fixture *f = *state;
    add_sum(f);
    add_external(f, "odd", "w.bin", "3", "8"); /* check_bytes looks at the alignment in memory */
    Onnx__TensorProto *tensor = add_initializer(f, "double", OA_DTYPE_DOUBLE, 1, PAIR);
    set_external(f, tensor, "w.bin", "4", "16");
    write_file(f, "w.bin", LETTERS, 24);
    load(f, write_model(f, "m.onnx"));
    check_bytes(f->model, "odd", "defghijk", 8);
    check_bytes(f->model, "double", "efghijklmnopqrst", 16);
}

static void read__links_inside_the_folder(void **state)
{
    fixture *f = *state;
    add_sum(f);
    add_external(f, "t", "link.bin", NULL, "8");
    write_file(f, "w.bin", LETTERS, 8);
    assert_int_equal(symlink("w.bin", path_of(f, "link.bin")), 0);
    load(f, write_model(f, "m.onnx"));
    check_bytes(f->model, "t", LETTERS, 8);
}

static void refuse__locations_that_escape(void **state)
{
    fixture *f = *state;
    make_folder(f, "models");
    make_folder(f, "models-too"); /* its name only starts like the other's */
    char *secret = write_file(f, "secret.bin", LETTERS, 8);
    write_file(f, "models-too/w.bin", LETTERS, 8);
    assert_int_equal(symlink("../secret.bin", path_of(f, "models/link.bin")), 0);
    assert_int_equal(symlink("..", path_of(f, "models/up")), 0);
    assert_int_equal(symlink("../models-too", path_of(f, "models/too")), 0);
    const char *const locations[] = {secret,          "../secret.bin", "sub/../../secret.bin", "..", "link.bin",
                                     "up/secret.bin", "too/w.bin",     "./../secret.bin"};
    add_sum(f);
    for (size_t i = 0; i < sizeof locations / sizeof locations[0]; i++) {
        f->graph->n_initializer = 1;
        add_external(f, "t", locations[i], NULL, "8");
        load_fails(f, write_model(f, "models/m.onnx"), OA_ERROR_INPUT, "'t'", "refused");
    }
    f->graph->n_initializer = 1;
    add_external(f, "t", "..innocent", NULL, "8"); /* only a name that starts with two dots */
    write_file(f, "models/..innocent", LETTERS, 8);
    load(f, write_model(f, "models/m.onnx"));
}

static void refuse__missing_files_and_names(void **state)
{
    fixture *f = *state;
    Onnx__TensorProto *t = (add_sum(f), add_external(f, "t", "w.bin", NULL, NULL));
    refused(f, "'t'", "No such file");
    make_folder(f, "w.bin");
    refused(f, "'t'", "not a regular file");
    t->n_external_data = 0;
    refused(f, "'t'", "names no file");
    add_entry(f, t, "location", "");
    refused(f, "'t'", "names no file");
    add_entry(f, t, "location", "w.bin");
    refused(f, "'t'", "two entries 'location'");
}

static void refuse__numbers_that_do_not_fit(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *offset;
        const char *length;
        const char *words;
    } cases[] = {
        {"-4", NULL, "'-4'"},
        {"0x4", NULL, "'0x4'"},
        {"", NULL, "offset ''"},
        {" 4", NULL, "' 4'"},
        {"99999999999999999999", NULL, "99999999999999999999"},
        {"0", "-8", "'-8'"},
        {"0", "eight", "'eight'"},
        {"0", "12", "12 bytes"},
        {"17", NULL, "only 16"},
        {"12", NULL, "only 4 are left"},
        {"12", "8", "only 4 are left"},
        {"18446744073709551615", "8", "only 16"},
    };
    add_sum(f);
    write_file(f, "w.bin", LETTERS, 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->graph->n_initializer = 1;
        add_external(f, "t", "w.bin", cases[i].offset, cases[i].length);
        refused(f, "'t'", cases[i].words);
    }
}

static void refuse__external_strings(void **state)
{
    fixture *f = *state;
    add_sum(f);
    set_external(f, add_initializer(f, "t", OA_DTYPE_STRING, 1, PAIR), "w.bin", NULL, NULL);
    write_file(f, "w.bin", LETTERS, 16);
    refused(f, "'t'", "strings");
}

static void refuse__bad_external_data_in_a_subgraph(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__GraphProto *inner = new_graph(f);
    Onnx__TensorProto *hidden = new_tensor(f, "hidden", OA_DTYPE_FLOAT, 1, PAIR);
    set_external(f, hidden, "../w.bin", NULL, NULL);
    append(f, &inner->initializer, &inner->n_initializer, hidden);
    add_output(f, inner, "hidden");
    add_attribute(f, add_node(f, f->graph, "If", "x", "z"), "then_branch", 5)->g = inner;
    refused(f, "'hidden'", "refused");
}

static void check_same_files(fixture *f, const char *path, const char *other)
{
    size_t size;
    size_t other_size;
    unsigned char *data = read_file(f, path, &size);
    unsigned char *other_data = read_file(f, other, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(data, other_data, size);
}

/* A model with several tensors in one file, a shared region, another file, and a tensor of a subgraph among them. */
static void add_externals(fixture *f)
{
    add_sum(f);
    add_entry(f, add_external(f, "a", "w.bin", "0", "8"), "checksum", "0123");
    add_external(f, "b", "w.bin", "16", "8"); /* a gap before it */
    add_external(f, "tied", "w.bin", "16", "8");
    add_external(f, "c", "v.bin", NULL, NULL);
    Onnx__GraphProto *inner = new_graph(f);
    Onnx__TensorProto *hidden = new_tensor(f, "hidden", OA_DTYPE_FLOAT, 1, PAIR);
    set_external(f, hidden, "w.bin", "24", "8");
    append(f, &inner->initializer, &inner->n_initializer, hidden);
    add_output(f, inner, "hidden");
    add_attribute(f, add_node(f, f->graph, "If", "x", "z"), "then_branch", 5)->g = inner;
    write_file(f, "w.bin", LETTERS, 40);
    write_file(f, "v.bin", LETTERS + 40, 8);
}

static void save__without_changes_gives_the_same_files(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "out/m2.onnx"), NULL, NULL, 0);
    check_same_files(f, path_of(f, "m.onnx"), path_of(f, "out/m2.onnx"));
    check_same_files(f, path_of(f, "w.bin"), path_of(f, "out/w.bin"));
    check_same_files(f, path_of(f, "v.bin"), path_of(f, "out/v.bin"));
    assert_int_equal(count_files(path_of(f, "out")), 3);
}

static void save__changes_only_what_is_replaced(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "out/m.onnx"), "a", REPLACED, 8);
    check_bytes(f->model, "a", "abcdefgh", 8);
    load(f, path_of(f, "out/m.onnx"));
    check_bytes(f->model, "a", REPLACED, 8);
    check_bytes(f->model, "b", LETTERS + 16, 8);
    check_bytes(f->model, "tied", LETTERS + 16, 8);
    check_bytes(f->model, "c", LETTERS + 40, 8);
    check_same_files(f, path_of(f, "v.bin"), path_of(f, "out/v.bin"));
    Onnx__ModelProto *saved = unpack(f, path_of(f, "out/m.onnx"));
    assert_null(entry_of(saved->graph->initializer[1], "checksum")); /* it was the file's */
    const Onnx__TensorProto *hidden = saved->graph->node[1]->attribute[0]->g->initializer[0];
    assert_string_equal(entry_of(hidden, "location"), "w.bin");
    size_t size;
    unsigned char *data = read_file(f, path_of(f, "out/w.bin"), &size);
    assert_true(offset_of(hidden) + 8 <= size);
    assert_memory_equal(data + offset_of(hidden), LETTERS + 24, 8);
    onnx__model_proto__free_unpacked(saved, NULL);
}

static void save__shared_regions_part_when_they_differ(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "out/m.onnx"), "tied", REPLACED, 8);
    load(f, path_of(f, "out/m.onnx"));
    check_bytes(f->model, "a", LETTERS, 8);
    check_bytes(f->model, "b", LETTERS + 16, 8);
    check_bytes(f->model, "tied", REPLACED, 8);
    Onnx__ModelProto *saved = unpack(f, path_of(f, "out/m.onnx"));
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(offset_of(saved->graph->initializer[i]) % 64, 0);
    }
    onnx__model_proto__free_unpacked(saved, NULL);
}

static void save__shared_regions_stay_shared_when_equal(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    oa_payloads payloads = {0};
    assert_int_equal(oa_payloads_init(&payloads, oa_model_graph(f->model), NULL), OA_OK);
    const char *const names[] = {"b", "tied"};
    for (size_t i = 0; i < 2; i++) {
        payloads.data[tensor_index(f->model, names[i])] = oa_malloc(8, 1);
        memcpy(payloads.data[tensor_index(f->model, names[i])], REPLACED, 8);
    }
    oa_status status = oa_model_save(path_of(f, "out/m.onnx"), f->model, &payloads, &f->error);
    oa_payloads_free(&payloads);
    assert_int_equal(status, OA_OK);
    Onnx__ModelProto *saved = unpack(f, path_of(f, "out/m.onnx"));
    assert_int_equal(offset_of(saved->graph->initializer[2]), 16);
    assert_int_equal(offset_of(saved->graph->initializer[3]), 16);
    onnx__model_proto__free_unpacked(saved, NULL);
    load(f, path_of(f, "out/m.onnx"));
    check_bytes(f->model, "tied", REPLACED, 8);
}

static void save__overlapping_regions_are_taken_apart(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_sum(f);
    add_external(f, "a", "w.bin", "0", "8");
    add_external(f, "b", "w.bin", "4", "8");
    write_file(f, "w.bin", LETTERS, 12);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "out/m.onnx"), "a", REPLACED, 8);
    load(f, path_of(f, "out/m.onnx"));
    check_bytes(f->model, "a", REPLACED, 8);
    check_bytes(f->model, "b", LETTERS + 4, 8);
}

static void save__regions_with_one_start_and_two_ends(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {4};
    make_folder(f, "out");
    add_sum(f);
    set_external(f, add_initializer(f, "long", OA_DTYPE_FLOAT, 1, dims), "w.bin", "0", "16");
    add_external(f, "short", "w.bin", "0", "8");
    write_file(f, "w.bin", LETTERS, 16);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "out/m.onnx"), NULL, NULL, 0);
    load(f, path_of(f, "out/m.onnx"));
    check_bytes(f->model, "long", LETTERS, 16);
    check_bytes(f->model, "short", LETTERS, 8);
}

static void save__in_the_current_folder(void **state)
{
    fixture *f = *state;
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    add_externals(f);
    write_model(f, "m.onnx");
    assert_int_equal(chdir(f->folder), 0);
    oa_model *model = NULL;
    oa_status loaded = oa_model_load(&model, "m.onnx", &f->error);
    oa_status saved = loaded == OA_OK ? oa_model_save("o.onnx", model, NULL, &f->error) : loaded;
    oa_status refusal = loaded == OA_OK ? oa_model_save("./m.onnx", model, NULL, NULL) : loaded;
    bool is_same = oa_same_file("o.onnx", path_of(f, "o.onnx")) && oa_same_file("none", path_of(f, "none"));
    oa_model_destroy(model);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(loaded, OA_OK);
    assert_int_equal(saved, OA_OK);
    assert_int_equal(refusal, OA_ERROR_OUTPUT);
    assert_true(is_same);
    load(f, path_of(f, "o.onnx"));
    check_bytes(f->model, "b", LETTERS + 16, 8);
}

static void save__keeps_the_alignment_of_the_old_file(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_sum(f);
    add_external(f, "a", "w.bin", "4096", "8");
    add_external(f, "b", "w.bin", "12288", "8");
    add_external(f, "tied", "w.bin", "12288", "8");
    char *path = write_file(f, "w.bin", LETTERS, 8);
    assert_int_equal(truncate(path, 16384), 0);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "out/m.onnx"), "tied", REPLACED, 8); /* the layout cannot stay */
    Onnx__ModelProto *saved = unpack(f, path_of(f, "out/m.onnx"));
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(offset_of(saved->graph->initializer[i]) % 4096, 0);
    }
    onnx__model_proto__free_unpacked(saved, NULL);
}

/* A model that uses a little of a large file does not carry the rest along. */
static void save__leaves_out_what_the_model_does_not_use(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_sum(f);
    add_external(f, "a", "w.bin", "8", "8");
    add_external(f, "b", "w.bin", "1048576", "8");
    char *path = write_file(f, "w.bin", LETTERS, 16);
    assert_int_equal(truncate(path, 8 << 20), 0);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "out/m.onnx"), NULL, NULL, 0);
    struct stat info;
    assert_int_equal(stat(path_of(f, "out/w.bin"), &info), 0);
    assert_true(info.st_size < 1024);
    load(f, path_of(f, "out/m.onnx"));
    check_bytes(f->model, "a", LETTERS + 8, 8);
    check_bytes(f->model, "b", "\0\0\0\0\0\0\0\0", 8);
}

static void save__beside_the_model_takes_other_names(void **state)
{
    fixture *f = *state;
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    save_with(f, path_of(f, "o.onnx"), "a", REPLACED, 8);
    assert_int_equal(count_files(f->folder), 6);
    Onnx__ModelProto *saved = unpack(f, path_of(f, "o.onnx"));
    assert_string_equal(entry_of(saved->graph->initializer[1], "location"), "o.onnx.data");
    assert_string_equal(entry_of(saved->graph->initializer[4], "location"), "o.onnx.1.data");
    onnx__model_proto__free_unpacked(saved, NULL);
    size_t size;
    assert_memory_equal(read_file(f, path_of(f, "w.bin"), &size), LETTERS, 40); /* the input is as it was */
    load(f, path_of(f, "o.onnx"));
    check_bytes(f->model, "a", REPLACED, 8);
    check_bytes(f->model, "c", LETTERS + 40, 8);
}

static void save__again_reuses_the_names_of_the_older_output(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    for (int i = 0; i < 2; i++) {
        save_with(f, path_of(f, "o.onnx"), "a", i ? REPLACED : LETTERS, 8);
        save_with(f, path_of(f, "out/o.onnx"), "a", i ? REPLACED : LETTERS, 8);
    }
    assert_int_equal(count_files(f->folder), 7);
    assert_int_equal(count_files(path_of(f, "out")), 3);
    load(f, path_of(f, "o.onnx"));
    check_bytes(f->model, "a", REPLACED, 8);
    load(f, path_of(f, "out/o.onnx"));
    check_bytes(f->model, "a", REPLACED, 8);
}

static void save__leaves_files_of_others_alone(void **state)
{
    fixture *f = *state;
    make_folder(f, "out");
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    write_file(f, "out/w.bin", "other", 5);
    write_file(f, "out/o.onnx.data", "other", 5);
    assert_int_equal(symlink("nowhere", path_of(f, "out/v.bin")), 0);
    /* An older file that mentions the name, but not as its data: as its producer, and in metadata. */
    write_file(f, "out/o.onnx", "\x12\x05w.bin\x72\x0a\x0a\x01k\x12\x05w.bin", 19);
    save_with(f, path_of(f, "out/o.onnx"), NULL, NULL, 0);
    size_t size;
    assert_memory_equal(read_file(f, path_of(f, "out/w.bin"), &size), "other", 5);
    assert_memory_equal(read_file(f, path_of(f, "out/o.onnx.data"), &size), "other", 5);
    assert_false(oa_same_file(path_of(f, "out/v.bin"), path_of(f, "out/o.onnx.1.data")));
    load(f, path_of(f, "out/o.onnx"));
    check_bytes(f->model, "b", LETTERS + 16, 8);
    check_bytes(f->model, "c", LETTERS + 40, 8);
}

/* The older output shares the data of the input: replacing it must not touch that. */
static void save__over_a_copy_of_the_input_keeps_the_data(void **state)
{
    fixture *f = *state;
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    write_model(f, "o.onnx");
    save_with(f, path_of(f, "o.onnx"), "a", REPLACED, 8);
    size_t size;
    assert_memory_equal(read_file(f, path_of(f, "w.bin"), &size), LETTERS, 40);
    load(f, path_of(f, "m.onnx"));
    check_bytes(f->model, "a", LETTERS, 8);
    load(f, path_of(f, "o.onnx"));
    check_bytes(f->model, "a", REPLACED, 8);
}

static void save__refuses_its_data_file_as_output(void **state)
{
    fixture *f = *state;
    add_externals(f);
    load(f, write_model(f, "m.onnx"));
    assert_int_equal(link(path_of(f, "v.bin"), path_of(f, "hard.bin")), 0);
    const char *const names[] = {"w.bin", "hard.bin"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(oa_model_save(path_of(f, names[i]), f->model, NULL, &f->error), OA_ERROR_OUTPUT);
        assert_non_null(strstr(f->error.message, "input"));
    }
}

static void save__moves_weights_out_when_the_message_is_too_large(void **state)
{
    fixture *f = *state;
    enum { COUNT = 1024, LIMIT = 3000 };
    const int64_t dims[] = {COUNT};
    int32_t *items = make(f, COUNT, sizeof *items);
    uint16_t *halves = make(f, COUNT, sizeof *halves);
    float *floats = make(f, COUNT, sizeof *floats);
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = halves[i] = (uint16_t)(i * 63);
        floats[i] = (float)i;
    }
    add_sum(f);
    Onnx__TensorProto *half = add_initializer(f, "half", OA_DTYPE_FLOAT16, 1, dims);
    half->n_int32_data = COUNT;
    half->int32_data = items;
    Onnx__TensorProto *typed = add_initializer(f, "typed", OA_DTYPE_FLOAT, 1, dims);
    typed->n_float_data = COUNT;
    typed->float_data = floats;
    set_raw(f, add_initializer(f, "raw", OA_DTYPE_FLOAT, 1, dims), floats, COUNT * sizeof *floats);
    char *path = write_model(f, "m.onnx");
    load(f, path);
    assert_int_equal(oa_model_save_limited(path_of(f, "o.onnx"), f->model, NULL, LIMIT, &f->error), OA_OK);
    struct stat info;
    assert_int_equal(stat(path_of(f, "o.onnx"), &info), 0);
    assert_true(info.st_size <= LIMIT);
    Onnx__ModelProto *saved = unpack(f, path_of(f, "o.onnx"));
    assert_string_equal(entry_of(saved->graph->initializer[1], "location"), "o.onnx.data");
    onnx__model_proto__free_unpacked(saved, NULL);
    save_with(f, path_of(f, "inline.onnx"), NULL, NULL, 0);
    check_same_files(f, path, path_of(f, "inline.onnx")); /* the model is as it was */
    load(f, path_of(f, "o.onnx"));
    check_bytes(f->model, "half", halves, COUNT * sizeof *halves);
    check_bytes(f->model, "typed", floats, COUNT * sizeof *floats);
    check_bytes(f->model, "raw", floats, COUNT * sizeof *floats);
    assert_int_equal(oa_model_save_limited(path_of(f, "p.onnx"), f->model, NULL, 10, &f->error), OA_ERROR_OUTPUT);
    assert_false(file_exists(path_of(f, "p.onnx")));
    assert_false(file_exists(path_of(f, "p.onnx.data")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(read__offset_and_length),
        ONNX_TEST(read__unaligned_offsets),
        ONNX_TEST(read__links_inside_the_folder),
        ONNX_TEST(refuse__locations_that_escape),
        ONNX_TEST(refuse__missing_files_and_names),
        ONNX_TEST(refuse__numbers_that_do_not_fit),
        ONNX_TEST(refuse__external_strings),
        ONNX_TEST(refuse__bad_external_data_in_a_subgraph),
        ONNX_TEST(save__without_changes_gives_the_same_files),
        ONNX_TEST(save__changes_only_what_is_replaced),
        ONNX_TEST(save__shared_regions_part_when_they_differ),
        ONNX_TEST(save__shared_regions_stay_shared_when_equal),
        ONNX_TEST(save__overlapping_regions_are_taken_apart),
        ONNX_TEST(save__regions_with_one_start_and_two_ends),
        ONNX_TEST(save__in_the_current_folder),
        ONNX_TEST(save__keeps_the_alignment_of_the_old_file),
        ONNX_TEST(save__leaves_out_what_the_model_does_not_use),
        ONNX_TEST(save__beside_the_model_takes_other_names),
        ONNX_TEST(save__again_reuses_the_names_of_the_older_output),
        ONNX_TEST(save__leaves_files_of_others_alone),
        ONNX_TEST(save__over_a_copy_of_the_input_keeps_the_data),
        ONNX_TEST(save__refuses_its_data_file_as_output),
        ONNX_TEST(save__moves_weights_out_when_the_message_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
