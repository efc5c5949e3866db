#include "plugin/cli/sample_folder.h"

#include "core/base/memory.h"
#include "onnx_io/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares two runs of digits as numbers of any length, and moves both behind them. */
static int compare_numbers(const char **a, const char **b)
{
    while (**a == '0') {
        (*a)++;
    }
    while (**b == '0') {
        (*b)++;
    }
    size_t length_a = strspn(*a, "0123456789");
    size_t length_b = strspn(*b, "0123456789");
    int order = length_a == length_b ? strncmp(*a, *b, length_a) : (length_a < length_b ? -1 : 1);
    *a += length_a;
    *b += length_b;
    return order;
}

static int compare_paths(const void *left, const void *right)
{
    const char *whole_a = *(char *const *)left;
    const char *whole_b = *(char *const *)right;
    const char *a = whole_a;
    const char *b = whole_b;
    while (*a && *b) {
        int order;
        if (is_digit(*a) && is_digit(*b)) {
            order = compare_numbers(&a, &b);
        } else {
            order = (int)(unsigned char)*a++ - (int)(unsigned char)*b++;
        }
        if (order != 0) {
            return order;
        }
    }
    /* Names that differ in leading zeros only keep a fixed order too. */
    return *a || *b ? (*a ? 1 : -1) : strcmp(whole_a, whole_b);
}

static bool is_wanted(const char *name, const char *prefix, const char *suffix)
{
    size_t length = strlen(name), end = strlen(suffix);
    return name[0] != '.' && length > end && strcmp(name + length - end, suffix) == 0 &&
           strncmp(name, prefix, strlen(prefix)) == 0;
}

static oa_status add(oa_sample_folder *folder, const char *path, const char *name, oa_error *error)
{
    char *joined = oa_path_join(path, name);
    if (!joined || !oa_grow(&folder->paths, &folder->capacity, folder->count + 1, sizeof *folder->paths)) {
        oa_free(joined);
        return oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for the list of files", path);
    }
    folder->paths[folder->count++] = joined;
    return OA_OK;
}

static oa_status list(oa_sample_folder *folder, const char *path, const char *prefix, const char *suffix,
                      oa_error *error)
{
    oa_status status = OA_OK;
    DIR *stream = opendir(path);
    if (!stream) {
        return oa_fail(error, errno == ENOMEM ? OA_ERROR_MEMORY : OA_ERROR_INPUT, "%s: cannot be read: %s", path,
                       strerror(errno));
    }
    while (status == OA_OK) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            if (errno) {
                status = oa_fail(error, OA_ERROR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
            }
            break;
        }
        if (is_wanted(entry->d_name, prefix, suffix)) {
            status = add(folder, path, entry->d_name, error);
        }
    }
    closedir(stream);
    return status;
}

oa_status oa_sample_folder_list(oa_sample_folder *folder, const char *path, const char *prefix, oa_error *error)
{
    oa_sample_folder made = {0};
    oa_status status = list(&made, path, prefix, ".pb", error);
    if (status == OA_OK && made.count == 0) {
        status = list(&made, path, "", ".pb", error);
    }
    if (status == OA_OK && made.count == 0) {
        status = oa_fail(error, OA_ERROR_INPUT, "%s: holds no TensorProto files (*.pb)", path);
    }
    if (status != OA_OK) {
        oa_sample_folder_free(&made);
        return status;
    }
    qsort(made.paths, made.count, sizeof *made.paths, compare_paths);
    *folder = made;
    return OA_OK;
}

oa_status oa_folder_list(oa_sample_folder *folder, const char *path, const char *suffix, oa_error *error)
{
    oa_sample_folder made = {0};
    oa_status status = list(&made, path, "", suffix, error);
    if (status == OA_OK && made.count == 0) {
        status = oa_fail(error, OA_ERROR_INPUT, "%s: holds no *%s files", path, suffix);
    }
    if (status != OA_OK) {
        oa_sample_folder_free(&made);
        return status;
    }
    qsort(made.paths, made.count, sizeof *made.paths, compare_paths);
    *folder = made;
    return OA_OK;
}

void oa_sample_folder_free(oa_sample_folder *folder)
{
    if (folder) {
        for (size_t i = 0; i < folder->count; i++) {
            oa_free(folder->paths[i]);
        }
        oa_free(folder->paths);
        *folder = (oa_sample_folder){0};
    }
}
