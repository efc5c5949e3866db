/* Writing arrays as NumPy's .npy files. */
#ifndef OA_TOOLS_NPY_FILE_H
#define OA_TOOLS_NPY_FILE_H

#include "core/exec/exec.h"

/* Writes an array of float32 or int64 in format version 1; the file appears whole or not at all. OA_ERROR_OUTPUT,
 * OA_ERROR_MEMORY. O(bytes). Source: numpy.lib.format. */
oa_status oa_npy_save(const char *path, const oa_array *array, oa_error *error);

#endif
