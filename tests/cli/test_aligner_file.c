/* Aligners and checkpoints as files. */
#include "core/base/memory.h"
#include "onnx_io/builder.h"
#include "plugin/cli/aligner_file.h"
#include "plugin/cli/checkpoint_file.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/temporary_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static oa_aligner *small_aligner(uint64_t seed)
{
    oa_aligner *aligner = NULL;
    oa_aligner_config config = oa_aligner_config_default(OA_ENCODER_MESSAGES);
    config.channels = 4;
    config.rounds = 2;
    config.features = 6;
    config.probes = 5;
    config.probe_seed = UINT64_MAX - 3;
    assert_int_equal(oa_aligner_create(&aligner, &config, NULL, seed, NULL), OA_OK);
    return aligner;
}

enum { FOLDER_SIZE = 200 };

static int make_folder(void **state)
{
    char *folder = oa_malloc(FOLDER_SIZE, 1);
    *state = folder;
    return folder && temporary_folder_make(folder, FOLDER_SIZE) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char *folder = *state;
    bool is_removed = temporary_folder_remove(folder);
    oa_free(folder);
    return is_removed ? 0 : -1;
}

static void path_in(char *path, size_t size, void **state, const char *name)
{
    (void)snprintf(path, size, "%s/%s", (const char *)*state, name);
}

static void aligner_file__gives_back_every_bit(void **state)
{
    char path[256];
    oa_aligner *aligner = small_aligner(7), *read = NULL;
    oa_aligner_facts facts = {.families = 1, .models = 2, .steps = 3, .seed = 4};
    path_in(path, sizeof path, state, "aligner.onnx");
    assert_int_equal(oa_aligner_file_save(path, aligner, &facts, NULL), OA_OK);
    oa_error error = {.status = OA_OK};
    if (oa_aligner_file_load(&read, path, NULL, NULL, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(read->config.kind, OA_ENCODER_MESSAGES);
    assert_int_equal(read->config.channels, 4);
    assert_int_equal(read->config.rounds, 2);
    assert_int_equal(read->config.features, 6);
    assert_int_equal(read->config.refinements, aligner->config.refinements);
    assert_int_equal(read->config.probes, 5);
    assert_true(read->config.probe_seed == UINT64_MAX - 3);
    assert_int_equal(read->value_count, aligner->value_count);
    assert_memory_equal(read->values, aligner->values, aligner->value_count * sizeof *aligner->values);
    oa_aligner_destroy(read);
    oa_aligner_destroy(aligner);
}

/* A file with the metadata of an aligner and one tensor; sizes may be anything. */
static oa_status load_fake(void **state, const char *channels, const char *rounds, oa_error *error)
{
    char path[256];
    oa_builder *builder = NULL;
    oa_model *model = NULL;
    oa_aligner *aligner = NULL;
    const float value = 1.0f;
    const size_t dims[2] = {1, 1};
    static const char *const pairs[][2] = {{"format", "onnx-align-aligner"},
                                           {"version", "1"},
                                           {"kind", "messages"},
                                           {"features", "1"},
                                           {"refinements", "0"},
                                           {"probes", "1"},
                                           {"inputs", "0"},
                                           {"probe_seed", "1"}};
    path_in(path, sizeof path, state, "fake.onnx");
    assert_int_equal(oa_builder_create(&builder, "fake", 13, NULL), OA_OK);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        oa_builder_add_metadata(builder, pairs[i][0], pairs[i][1]);
    }
    oa_builder_add_metadata(builder, "channels", channels);
    oa_builder_add_metadata(builder, "rounds", rounds);
    oa_builder_add_tensor(builder, "round0.self", OA_DTYPE_FLOAT, dims, 2, &value);
    assert_int_equal(oa_builder_finish(&model, builder, NULL), OA_OK);
    assert_int_equal(oa_model_save(path, model, NULL, NULL), OA_OK);
    oa_model_destroy(model);
    oa_builder_destroy(builder);
    oa_status status = oa_aligner_file_load(&aligner, path, NULL, NULL, error);
    assert_null(aligner);
    return status;
}

static void aligner_file__refuses_sizes_that_its_tensors_do_not_bear_out(void **state)
{
    static const char *const sizes[][2] = {
        {"65536", "1"}, {"1", "1024"},  {"60000", "1024"}, {"0", "1"},
        {"1", "0"},     {"65537", "1"}, {"-1", "1"},       {"18446744073709551616", "1"},
        {"1e3", "1"},   {"", "1"},      {" 1", "1"}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        oa_error error = {.status = OA_OK};
        assert_int_equal(load_fake(state, sizes[i][0], sizes[i][1], &error), OA_ERROR_INPUT);
        assert_non_null(strstr(error.message, "fake.onnx"));
        assert_non_null(strstr(error.message, "damaged aligner"));
    }
    oa_error error = {.status = OA_OK};
    assert_int_equal(load_fake(state, "1", "1", &error), OA_ERROR_INPUT); /* the sizes fit, parameters are missing */
    assert_non_null(strstr(error.message, "is missing"));
}

static void make_state(oa_train_state *made)
{
    assert_int_equal(oa_train_state_init(made, 100, 1, NULL), OA_OK);
    for (size_t i = 0; i < made->value_count; i++) {
        made->values[i] = (float)i;
    }
    made->fingerprint = 77;
}

static void checkpoint__gives_back_the_state_and_tells_when_there_is_none(void **state)
{
    char path[256];
    bool found = true;
    oa_train_state made = {0}, read = {0};
    make_state(&made);
    path_in(path, sizeof path, state, "checkpoint");
    assert_int_equal(oa_checkpoint_load(&found, &read, path, NULL), OA_OK);
    assert_false(found);
    assert_int_equal(oa_checkpoint_save(path, &made, NULL), OA_OK);
    assert_int_equal(oa_checkpoint_save(path, &made, NULL), OA_OK); /* in the place of the older one */
    assert_int_equal(oa_checkpoint_load(&found, &read, path, NULL), OA_OK);
    assert_true(found);
    assert_int_equal(read.fingerprint, 77);
    assert_memory_equal(read.values, made.values, made.value_count * sizeof *made.values);
    oa_train_state_free(&read);
    oa_train_state_free(&made);
}

static void checkpoint__refuses_every_flipped_byte_and_truncation(void **state)
{
    char path[256];
    unsigned char bytes[4096];
    bool found = true;
    oa_train_state made = {0}, read = {0};
    make_state(&made);
    path_in(path, sizeof path, state, "damaged");
    assert_int_equal(oa_checkpoint_save(path, &made, NULL), OA_OK);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 1600 && size < sizeof bytes);
    for (size_t i = 0; i < 2 * size; i += 13) {
        bool is_cut = i >= size;
        size_t at = is_cut ? i - size : i;
        bytes[at] ^= is_cut ? 0 : 0x40;
        file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, is_cut ? at : size, file), is_cut ? at : size);
        assert_int_equal(fclose(file), 0);
        bytes[at] ^= is_cut ? 0 : 0x40;
        oa_error error = {.status = OA_OK};
        assert_int_equal(oa_checkpoint_load(&found, &read, path, &error), OA_ERROR_INPUT);
        assert_non_null(strstr(error.message, path));
    }
    oa_train_state_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligner_file__gives_back_every_bit),
        cmocka_unit_test(aligner_file__refuses_sizes_that_its_tensors_do_not_bear_out),
        cmocka_unit_test(checkpoint__gives_back_the_state_and_tells_when_there_is_none),
        cmocka_unit_test(checkpoint__refuses_every_flipped_byte_and_truncation),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
