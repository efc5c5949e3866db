/* Where ONNX Runtime's shared library is. Private to this folder. */
#ifndef OA_ONNXRUNTIME_LIBRARY_H
#define OA_ONNXRUNTIME_LIBRARY_H

#include "core/base/error.h"
#include "plugin/onnxruntime/api.h"

enum { OA_LIBRARY_PATH_SIZE = 4096 };

typedef struct oa_library {
    void *handle;
    const oa_ort_api *api;
    const char *version;
    char path[OA_LIBRARY_PATH_SIZE]; /* as it was opened */
} oa_library;

/* Opens the library at `path`: the file, or a folder that has it (a wheel's onnxruntime, its capi, or an unpacked
 * release). Without a path (NULL): that of the environment variable ONNX_ALIGN_ONNXRUNTIME; without it, the first that
 * is found by the loader (libonnxruntime.so.1, libonnxruntime.so) or in a Python installation: the activated
 * environment (VIRTUAL_ENV, CONDA_PREFIX), the user's own packages, the system's. Python is not run.
 *
 * The environment variable ORT_DISABLE_TELEMETRY is set to 1, so that the library reports nothing to its makers: no
 * other thread may read the environment meanwhile. The library stays loaded until the process ends: its threads and
 * destructors do not bear being unmapped. Errors: OA_ERROR_INPUT for a named one that cannot be used, with the loader's
 * reason; OA_ERROR_UNSUPPORTED when there is none, saying how to get it; *library is then untouched. */
oa_status oa_library_open(oa_library *library, const char *path, oa_error *error);

#endif
