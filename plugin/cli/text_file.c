#include "plugin/cli/files.h"

#include <string.h>
#include <sys/stat.h>

oa_status oa_text_file_prepare(oa_output_file *file, const char *path, const char *text, oa_error *error)
{
    struct stat info;
    /* Renaming would put a file in the place of a device, a pipe or a link: /dev/stdout, for one. */
    if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return oa_fail(error, OA_ERROR_OUTPUT, "%s: is %s; name a file", path,
                       S_ISDIR(info.st_mode)   ? "a folder"
                       : S_ISLNK(info.st_mode) ? "a symbolic link"
                                               : "not a regular file");
    }
    oa_status status = oa_output_file_create(file, path, error);
    if (status != OA_OK) {
        return status;
    }
    oa_output_file_write(file, text, strlen(text));
    status = oa_output_file_close(file, error);
    if (status != OA_OK) {
        oa_output_file_discard(file);
    }
    return status;
}

oa_status oa_text_file_finish(oa_output_file *file, oa_error *error)
{
    oa_status status = oa_output_file_commit(file, false, error);
    if (status == OA_OK) {
        oa_output_file_keep(file);
    } else {
        oa_output_file_discard(file);
    }
    return status;
}

oa_status oa_write_text(const char *path, const char *text, oa_error *error)
{
    oa_output_file file = {0};
    oa_status status = oa_text_file_prepare(&file, path, text, error);
    return status == OA_OK ? oa_text_file_finish(&file, error) : status;
}
