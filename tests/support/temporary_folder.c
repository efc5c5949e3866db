#include "tests/support/temporary_folder.h"

#include "core/base/memory.h"
#include "onnx_io/paths.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool temporary_folder_make(char *path, size_t size)
{
    char *made = NULL;
    if (oa_path_make_temporary(&made, "oa-test-XXXXXX", NULL) != OA_OK) {
        return false;
    }
    size_t bytes = strlen(made) + 1;
    bool fits = bytes <= size;
    if (fits) {
        memcpy(path, made, bytes);
    } else {
        rmdir(made);
    }
    oa_free(made);
    return fits;
}

bool temporary_folder_remove(const char *path)
{
    struct stat info;
    DIR *folder = lstat(path, &info) == 0 && S_ISDIR(info.st_mode) ? opendir(path) : NULL;
    bool is_removed = true;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char inner[2048];
            int length = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            is_removed = length > 0 && (size_t)length < sizeof inner && temporary_folder_remove(inner) && is_removed;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return remove(path) == 0 && is_removed;
}
