#define _XOPEN_SOURCE 700 /* mkdtemp */

#include "plugin/onnxruntime/temporary_model.h"

#include "onnx_io/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

oa_status oa_temporary_model_write(oa_temporary_model *temporary, oa_model *model, const oa_payloads *payloads,
                                   oa_error *error)
{
    char *folder = oa_path_join(oa_path_temporary(), "onnx-align-XXXXXX");
    if (!folder) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the name of a temporary folder");
    }
    if (!mkdtemp(folder)) {
        oa_status status =
            oa_fail(error, OA_ERROR_OUTPUT, "%s: no temporary folder can be made there (%s)", folder, strerror(errno));
        oa_free(folder);
        return status;
    }
    temporary->folder = folder;
    temporary->path = oa_path_join(folder, "model.onnx");
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
