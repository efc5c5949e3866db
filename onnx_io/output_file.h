/* Files that appear whole or not at all: written under a temporary name in the same folder, then renamed. */
#ifndef OA_ONNX_IO_OUTPUT_FILE_H
#define OA_ONNX_IO_OUTPUT_FILE_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise; end with oa_output_file_keep or oa_output_file_discard. */
typedef struct oa_output_file {
    char *path;      /* where it is to appear */
    char *temporary; /* where it is now; NULL when there is no such file */
    char *backup;    /* where the file that it has replaced is now; NULL when there was none */
    unsigned char *buffer;
    size_t used;    /* of the buffer */
    size_t written; /* bytes handed over so far */
    int descriptor; /* valid while is_open */
    int failure;    /* errno of the first write that failed, or 0 */
    bool is_open;
    bool is_committed;
} oa_output_file;

/* Creates an empty temporary file, with the permissions that the umask leaves of rw-rw-rw-. The errors of this module
 * are OA_ERROR_OUTPUT, with path and the system's reason, and OA_ERROR_MEMORY. */
oa_status oa_output_file_create(oa_output_file *file, const char *path, oa_error *error);

/* Appends data [size]. A failure is remembered, and reported by oa_output_file_close. */
void oa_output_file_write(oa_output_file *file, const void *data, size_t size);

/* Ends writing: everything is on the disk afterwards. */
oa_status oa_output_file_close(oa_output_file *file, oa_error *error);

/* Renames the closed file to its path. With `keeps_backup`, a file already there is moved aside first, so that
 * oa_output_file_discard can bring it back; without, it is replaced in one step. */
oa_status oa_output_file_commit(oa_output_file *file, bool keeps_backup, oa_error *error);

/* Removes the file, committed or not, brings a replaced one back, and frees everything. */
void oa_output_file_discard(oa_output_file *file);

/* Accepts a committed file: removes the backup and frees everything. */
void oa_output_file_keep(oa_output_file *file);

#endif
