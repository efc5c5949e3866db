/* The TensorProto files of a folder. */
#ifndef OA_CLI_SAMPLE_FOLDER_H
#define OA_CLI_SAMPLE_FOLDER_H

#include "core/base/error.h"

#include <stddef.h>

/* Paths, owned. Zero-initialise; free with oa_sample_folder_free. */
typedef struct oa_sample_folder {
    char **paths; /* [count] */
    size_t count;
    size_t capacity;
} oa_sample_folder;

/* Lists the .pb files in the folder at `path`, those whose names start with `prefix` when there are any, else all but
 * hidden ones, by name, with numbers in names compared as numbers: input_2.pb comes before input_10.pb. Errors:
 * OA_ERROR_INPUT when the folder cannot be read or has no such file, OA_ERROR_MEMORY; *folder is then untouched.
 * O(n log n) comparisons. */
oa_status oa_sample_folder_list(oa_sample_folder *folder, const char *path, const char *prefix, oa_error *error);
/* Lists the files in the folder whose names end in `suffix`, in the same order; errors as above. */
oa_status oa_folder_list(oa_sample_folder *folder, const char *path, const char *suffix, oa_error *error);
void oa_sample_folder_free(oa_sample_folder *folder);

#endif
