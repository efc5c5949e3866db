#include "plugin/cli/output_folder.h"

#include "core/base/memory.h"
#include "onnx_io/paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static oa_status check_names(const char *folder, const oa_options *options, char *const *paths, oa_error *error)
{
    for (size_t i = 1; i < options->model_count; i++) {
        for (size_t k = 0; k < options->model_count; k++) {
            if (oa_same_file(paths[i], options->models[k])) {
                return oa_fail(error, OA_ERROR_OUTPUT, "%s would replace the input %s: give another folder than %s",
                               paths[i], options->models[k], folder);
            }
            if (k > i && strcmp(oa_path_name(options->models[i]), oa_path_name(options->models[k])) == 0) {
                return oa_fail(error, OA_ERROR_OUTPUT, "%s and %s have the same file name, so both cannot go into %s",
                               options->models[i], options->models[k], folder);
            }
        }
    }
    return OA_OK;
}

oa_status oa_output_folder_save(const char *folder, const oa_options *options, oa_model *const *models,
                                const oa_follower *followers, oa_error *error)
{
    size_t count = options->model_count;
    bool is_made = mkdir(folder, 0777) == 0;
    oa_status status = OA_OK;
    size_t written = 1;
    char **paths = NULL;
    if (!is_made && errno != EEXIST) {
        return oa_fail(error, OA_ERROR_OUTPUT, "the folder %s cannot be made: %s", folder, strerror(errno));
    }
    paths = oa_calloc(count, sizeof *paths);
    status = paths ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    for (size_t i = 1; i < count && status == OA_OK; i++) {
        paths[i] = oa_path_join(folder, oa_path_name(options->models[i]));
        status = paths[i] ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    }
    if (status == OA_OK) {
        status = check_names(folder, options, paths, error);
    }
    for (; written < count && status == OA_OK; written++) {
        status = oa_model_save(paths[written], models[written], &followers[written - 1].payloads, error);
    }
    if (status != OA_OK) {
        for (size_t i = 1; i + 1 < written; i++) {
            unlink(paths[i]);
        }
        if (is_made) {
            rmdir(folder);
        }
    }
    for (size_t i = 1; i < count && paths; i++) {
        oa_free(paths[i]);
    }
    oa_free(paths);
    return status;
}
