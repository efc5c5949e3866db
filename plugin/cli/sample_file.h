/* One file of samples, opened. */
#ifndef OA_CLI_SAMPLE_FILE_H
#define OA_CLI_SAMPLE_FILE_H

#include "onnx_io/mapped_file.h"
#include "plugin/cli/gunzip.h"
#include "plugin/cli/raw_samples.h"

/* How many elements are unpacked at a time. */
enum { OA_SAMPLE_CHUNK = 32 * 1024 };

/* Zero-initialise; free with oa_sample_file_close. A file as it is, is mapped; one packed by gzip is unpacked chunk
 * after chunk. Only a packed array in Fortran's order is unpacked whole, since its samples lie all over the file. */
typedef struct oa_sample_file {
    oa_mapped_file map;
    oa_unpacker *unpacker;   /* of a packed file, or NULL */
    unsigned char *unpacked; /* the chunk at hand, or everything */
    size_t unpacked_end;     /* the element behind the chunk */
    size_t header_size;
    size_t touched;     /* bytes of the mapping read since its pages were last given back */
    oa_raw_samples raw; /* what is at hand; borrows from the map or `unpacked` */
} oa_sample_file;

/* Opens the .npy or IDX file at `path`, either perhaps packed by gzip; what it is is seen from its first bytes. A file
 * that is not packed must hold all the elements that its header tells of and nothing behind them; of one that is, this
 * shows when it is read to its end. Errors: OA_ERROR_INPUT (the file is not named: callers add it), OA_ERROR_MEMORY;
 * *file is then untouched. O(1). */
oa_status oa_sample_file_open(oa_sample_file *file, const char *path, oa_error *error);
void oa_sample_file_close(oa_sample_file *file);

/* Brings elements from `first` (row-major, below raw.count) on to hand, at most `wanted`: raw then has *count >= 1 of
 * them. Going on from where the last call ended costs nothing extra; going back in a packed file unpacks it again from
 * its beginning. Errors as above. */
oa_status oa_sample_file_fetch(size_t *count, oa_sample_file *file, size_t first, size_t wanted, oa_error *error);

/* After the last element was fetched: does the file end there? OA_ERROR_INPUT when not. */
oa_status oa_sample_file_finish(oa_sample_file *file, oa_error *error);

#endif
