/* One file of samples, opened. */
#ifndef OA_CLI_SAMPLE_FILE_H
#define OA_CLI_SAMPLE_FILE_H

#include "onnx_io/mapped_file.h"
#include "plugin/cli/raw_samples.h"

/* Zero-initialise; free with oa_sample_file_close. */
typedef struct oa_sample_file {
    oa_mapped_file map;
    unsigned char *unpacked; /* the bytes of a gzip file, or NULL */
    oa_raw_samples raw;      /* borrows from the two above */
} oa_sample_file;

/* Opens the .npy or IDX file at `path`, either perhaps packed by gzip; what it is is seen from its first bytes. It must
 * hold all the elements that its header tells of and nothing behind them. Errors: OA_ERROR_INPUT (the file is not
 * named: callers add it), OA_ERROR_MEMORY; *file is then untouched. O(1), for gzip O(bytes). */
oa_status oa_sample_file_open(oa_sample_file *file, const char *path, oa_error *error);
void oa_sample_file_close(oa_sample_file *file);

#endif
