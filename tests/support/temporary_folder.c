#include "tests/support/temporary_folder.h"

#include "onnx_io/paths.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool temporary_folder_make(char *path, size_t size)
{
    int length = snprintf(path, size, "%s/oa-test-XXXXXX", oa_path_temporary());
    return length > 0 && (size_t)length < size && mkdtemp(path);
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
