/* The elements of a file of samples, as they lie in it. */
#ifndef OA_CLI_RAW_SAMPLES_H
#define OA_CLI_RAW_SAMPLES_H

#include "core/base/error.h"
#include "core/ir/graph.h"

typedef struct oa_raw_samples {
    oa_dtype dtype;
    bool is_swapped; /* in the byte order that this machine has not */
    bool is_fortran; /* the first axis varies fastest, not the last */
    size_t rank;
    size_t dims[OA_MAX_RANK];
    size_t count;              /* product of dims */
    const unsigned char *data; /* elements from `first` on, perhaps unaligned; borrowed */
    size_t first;              /* 0 when is_fortran: then all of them are there */
} oa_raw_samples;

/* Read the header of a file's bytes [size] (of its beginning at least) into everything of *raw but the data, and set
 * *header_size to the offset of the data; the bytes of all elements then fit a size_t together with the header. Errors:
 * OA_ERROR_INPUT (the file is not named: callers add it); the outputs are then untouched. O(header).
 *
 * NumPy's .npy, format versions 1 to 3, as numpy.lib.format describes them: plain numbers and booleans. */
oa_status oa_npy_read_header(oa_raw_samples *raw, size_t *header_size, const unsigned char *bytes, size_t size,
                             oa_error *error);
/* The IDX format of the MNIST files: big-endian. */
oa_status oa_idx_read_header(oa_raw_samples *raw, size_t *header_size, const unsigned char *bytes, size_t size,
                             oa_error *error);

/* Do the bytes start as a file of this format does? */
bool oa_npy_is(const unsigned char *bytes, size_t size);
bool oa_idx_is(const unsigned char *bytes, size_t size);

/* Whether this machine stores the lowest byte first. */
bool oa_is_little_endian(void);

/* Sets raw->count from its shape, and checks that header and elements together fit a size_t. OA_ERROR_INPUT. */
oa_status oa_raw_samples_measure(oa_raw_samples *raw, size_t header_size, oa_error *error);

#endif
