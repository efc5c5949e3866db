#include "onnx_io/paths.h"

#include "core/base/memory.h"
#include "onnx_io/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *oa_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *oa_path_folder(const char *path)
{
    size_t length = (size_t)(oa_path_name(path) - path);
    if (length == 0) {
        return oa_strdup(".");
    }
    if (length > 1) {
        length--; /* the slash, except for the root's */
    }
    char *folder = oa_malloc(length + 1, 1);
    if (folder) {
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    return folder;
}

char *oa_path_join(const char *folder, const char *name)
{
    size_t folder_length = strlen(folder);
    size_t name_length = strlen(name);
    char *path = oa_malloc(folder_length + name_length + 2, 1);
    if (path) {
        memcpy(path, folder, folder_length);
        path[folder_length] = '/';
        memcpy(path + folder_length + 1, name, name_length + 1);
    }
    return path;
}

oa_status oa_path_make_temporary(char **folder, const char *pattern, oa_error *error)
{
    const char *named = getenv("TMPDIR");
    char *path = oa_path_join(named && *named ? named : "/tmp", pattern);
    if (!path) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the name of a temporary folder");
    }
    if (!mkdtemp(path)) {
        oa_status status =
            oa_fail(error, OA_ERROR_OUTPUT, "%s: no temporary folder can be made there (%s)", path, strerror(errno));
        oa_free(path);
        return status;
    }
    *folder = path;
    return OA_OK;
}

bool oa_same_file(const char *path, const char *other)
{
    struct stat info;
    struct stat other_info;
    bool exists = stat(path, &info) == 0;
    bool other_exists = stat(other, &other_info) == 0;
    if (exists || other_exists) {
        return exists && other_exists && info.st_dev == other_info.st_dev && info.st_ino == other_info.st_ino;
    }
    /* Neither exists yet: they would be the same file under the same name in the same folder. */
    if (strcmp(oa_path_name(path), oa_path_name(other)) != 0) {
        return false;
    }
    char *folder = oa_path_folder(path);
    char *other_folder = oa_path_folder(other);
    bool is_same = folder && other_folder && stat(folder, &info) == 0 && stat(other_folder, &other_info) == 0 &&
                   info.st_dev == other_info.st_dev && info.st_ino == other_info.st_ino;
    oa_free(folder);
    oa_free(other_folder);
    return is_same;
}
