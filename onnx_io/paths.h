/* Paths as text. */
#ifndef OA_ONNX_IO_PATHS_H
#define OA_ONNX_IO_PATHS_H

#include "core/base/error.h"

/* The folder part of `path`: "." when it has none, "/" for a file at the root. Owned by the caller (oa_free); NULL when
 * memory runs out. */
char *oa_path_folder(const char *path);

/* The last part of `path`, inside it. */
const char *oa_path_name(const char *path);

/* folder/name, owned by the caller (oa_free); NULL when memory runs out. */
char *oa_path_join(const char *folder, const char *name);

/* Makes a new folder where TMPDIR says, else the system's. `pattern` is its name, with XXXXXX at the end for what makes
 * it one of its own. *folder is its path, owned by the caller (oa_free). Errors: OA_ERROR_MEMORY, OA_ERROR_OUTPUT. */
oa_status oa_path_make_temporary(char **folder, const char *pattern, oa_error *error);

#endif
