/* Models that other programs have written: the shipped ones, and ONNX's own test models where they are installed. Their
 * writers serialise canonically, so a load and a save must give back every byte. */
#include "support.h"

#include "onnx_io/tensor_file.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static void check_round_trip(fixture *f, const char *path)
{
    char *saved = path_of(f, "saved.onnx");
    size_t size;
    size_t saved_size;
    load(f, path);
    assert_int_equal(oa_model_save(saved, f->model, NULL, &f->error), OA_OK);
    unsigned char *data = read_file(f, path, &size);
    unsigned char *saved_data = read_file(f, saved, &saved_size);
    if (size != saved_size || memcmp(data, saved_data, size) != 0) {
        fail_msg("%s is not saved as it was", path);
    }
    oa_arena_free(&f->arena); /* one model's bytes at a time; the fixture's message is not used here */
}

/* Calls check_round_trip for every file of the folder whose name ends in `ending`, or for that file in each sub-folder.
 */
static size_t check_folder(fixture *f, const char *path, const char *ending, bool is_nested)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char inner[2048];
        size_t length = strlen(entry->d_name);
        if (is_nested) {
            snprintf(inner, sizeof inner, "%s/%s/%s", path, entry->d_name, ending);
        } else {
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        }
        bool is_wanted = is_nested
                             ? entry->d_name[0] != '.'
                             : length > strlen(ending) && strcmp(entry->d_name + length - strlen(ending), ending) == 0;
        if (is_wanted && file_exists(inner)) {
            check_round_trip(f, inner);
            count++;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return count;
}

static void round_trip__of_the_shipped_models(void **state)
{
    size_t count = check_folder(*state, OA_MODELS_DIR, ".onnx", false);
    printf("%zu models\n", count);
    assert_true(count > 0);
}

static void round_trip__of_the_installed_test_models(void **state)
{
    static const char *const kinds[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", OA_ONNX_TESTDATA, kinds[i]);
        count += check_folder(*state, path, "model.onnx", true);
    }
    if (count == 0) {
        printf("there are no models in %s\n", OA_ONNX_TESTDATA);
        skip();
    }
    printf("%zu models\n", count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(round_trip__of_the_shipped_models),
        ONNX_TEST(round_trip__of_the_installed_test_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
