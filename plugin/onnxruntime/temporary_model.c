#include "plugin/onnxruntime/temporary_model.h"

#include "onnx_io/paths.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

oa_status oa_temporary_model_write(oa_temporary_model *temporary, oa_model *model, const oa_payloads *payloads,
                                   oa_error *error)
{
    oa_status status = oa_path_make_temporary(&temporary->folder, "onnx-align-XXXXXX", error);
    if (status != OA_OK) {
        return status;
    }
    temporary->path = oa_path_join(temporary->folder, "model.onnx");
    return temporary->path ? oa_model_save(temporary->path, model, payloads, error)
                           : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the name of a temporary file");
}

void oa_temporary_model_remove(oa_temporary_model *temporary)
{
    DIR *folder = temporary->folder ? opendir(temporary->folder) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        bool is_file = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        char *path = is_file ? oa_path_join(temporary->folder, entry->d_name) : NULL;
        if (path) {
            unlink(path);
        }
        oa_free(path);
    }
    if (folder) {
        closedir(folder);
        rmdir(temporary->folder);
    }
    oa_free(temporary->folder);
    oa_free(temporary->path);
    *temporary = (oa_temporary_model){0};
}
