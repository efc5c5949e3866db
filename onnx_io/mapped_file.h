/* Files mapped into memory, read-only. */
#ifndef OA_ONNX_IO_MAPPED_FILE_H
#define OA_ONNX_IO_MAPPED_FILE_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Zero-initialise; free with oa_mapped_file_close. */
typedef struct oa_mapped_file {
    const unsigned char *data; /* [size]; NULL for an empty file */
    size_t size;
    dev_t device; /* device and inode tell whether another path is the same file */
    ino_t inode;
} oa_mapped_file;

/* Maps the regular file at `path`. The error names no file: callers add it. Errors: OA_ERROR_INPUT with the system's
 * reason (also for what is not a regular file), OA_ERROR_MEMORY; *file is then untouched. O(1). */
oa_status oa_mapped_file_open(oa_mapped_file *file, const char *path, oa_error *error);
void oa_mapped_file_close(oa_mapped_file *file);

/* Gives the pages read so far back to the system; reading them again fetches them from the file. */
void oa_mapped_file_forget_pages(const oa_mapped_file *file);

/* True when `path` exists and is this very file. */
bool oa_mapped_file_is(const oa_mapped_file *file, const char *path);

#endif
