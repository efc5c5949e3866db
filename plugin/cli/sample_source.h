/* The samples of a file or folder, as batches that are read when they are asked for. */
#ifndef OA_CLI_SAMPLE_SOURCE_H
#define OA_CLI_SAMPLE_SOURCE_H

#include "core/exec/samples.h"

/* How the samples are to be read. Everything is borrowed for the call. */
typedef struct oa_sample_form {
    const oa_value *declared; /* type and shape that they shall have (sample_shape.h, sample_convert.h) */
    const char *prefix;       /* of the names of wanted files in a folder (sample_folder.h) */
    double scale;             /* as of oa_sample_convert */
    size_t keep;              /* samples of at most so many bytes stay in memory, more are read again and again */
    oa_status (*check)(const void *elements, size_t first, size_t count, oa_error *error); /* what else must hold of
                                                                                              them, or NULL */
} oa_sample_form;

/* Opens the .npy or IDX file, either perhaps packed by gzip, or the folder of TensorProto files at `path`, and reads
 * all of it once, so that whatever is wrong with it shows at once. At any time no more is in memory than `keep`, one
 * chunk, and of a folder one file. Later readings fail with OA_ERROR_INPUT when the files have changed. Errors:
 * OA_ERROR_INPUT, naming file and element, OA_ERROR_MEMORY; *batches is then untouched. O(bytes). */
oa_status oa_sample_source_open(oa_batches *batches, const char *path, const oa_sample_form *form, oa_error *error);

#endif
