/* External data: payloads that lie in files beside the model. */
#ifndef OA_ONNX_IO_EXTERNAL_FILES_H
#define OA_ONNX_IO_EXTERNAL_FILES_H

#include "core/base/error.h"
#include "core/base/names.h"
#include "onnx_io/mapped_file.h"

#include <onnx.pb-c.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct oa_external_file {
    char *location; /* as the model writes it */
    oa_mapped_file map;
} oa_external_file;

/* The files that a model refers to, each mapped once. Zero-initialise and set model_path (borrowed); free with
 * oa_external_files_free. */
typedef struct oa_external_files {
    const char *model_path;
    char *folder; /* the model's folder, resolved; found when first needed */
    oa_external_file *files;
    size_t count;
    size_t capacity;
    oa_names by_location;
} oa_external_files;

/* Where a payload lies; owns nothing. */
typedef struct oa_external_region {
    size_t file; /* index in oa_external_files */
    size_t offset;
    size_t size;
} oa_external_region;

void oa_external_files_free(oa_external_files *files);

/* True when `message` keeps its payload in another file. */
bool oa_is_external(const Onnx__TensorProto *message);

/* Finds the payload of `message`, for which oa_is_external holds, mapping its file when that is new. `size` is what the
 * shape and type ask for, or OA_NONE when they do not tell (then the entry's length, or the rest of the file).
 *
 * The location must be a relative path without "..", to a regular file that is inside the model's folder after all
 * symbolic links are resolved; offset and length must be decimal numbers inside the file. Errors: OA_ERROR_INPUT,
 * OA_ERROR_MEMORY. O(entries). */
oa_status oa_external_files_find(oa_external_region *region, oa_external_files *files, const Onnx__TensorProto *message,
                                 size_t size, oa_error *error);

const unsigned char *oa_external_files_data(const oa_external_files *files, const oa_external_region *region);

/* True when `path` exists and is one of the files. O(files). */
bool oa_external_files_contain(const oa_external_files *files, const char *path);

#endif
