#include "plugin/onnxruntime/library.h"

#include "plugin/onnxruntime/library_file.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const FILE_NAME = "libonnxruntime.so";

/* Checks the file that the loader takes for a path, or for a name without a slash: what LD_LIBRARY_PATH has first.
 * Where it looks after that, the system's own installations are. */
static oa_status check_file(const char *path, oa_error *error)
{
    const char *list = strchr(path, '/') ? NULL : getenv("LD_LIBRARY_PATH");
    for (size_t length; list && *list; list += length + (list[length] != '\0')) {
        char file[OA_LIBRARY_PATH_SIZE];
        length = strcspn(list, ":;");
        int shown = length < sizeof file ? (int)length : 0;
        int written = snprintf(file, sizeof file, "%.*s/%s", shown ? shown : 1, shown ? list : ".", path);
        if (length < sizeof file && written > 0 && (size_t)written < sizeof file && access(file, R_OK) == 0) {
            return oa_library_file_check(file, error);
        }
    }
    return strchr(path, '/') ? oa_library_file_check(path, error) : OA_OK;
}

/* Opens one file.
 *
 * From 1.29 on, the library reports its use to its makers by network, from the moment that an environment is created:
 * too early for DisableTelemetryEvents. This variable, which it reads before, keeps it quiet. */
static oa_status open_file(oa_library *library, const char *path, oa_error *error)
{
    oa_status status = check_file(path, error);
    if (status != OA_OK) {
        return status;
    }
    if (setenv("ORT_DISABLE_TELEMETRY", "1", 1) != 0) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for an environment variable");
    }
    oa_library made = {.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (!made.handle) {
        const char *reason = dlerror();
        return oa_fail(error, OA_ERROR_INPUT, "%s: cannot be loaded (%s)", path, reason ? reason : "no reason given");
    }
    /* ISO C knows no way from an object pointer to a function pointer; POSIX says that they are alike. */
    oa_ort_get_api_base get_base;
    void *symbol = dlsym(made.handle, "OrtGetApiBase");
    memcpy(&get_base, &symbol, sizeof get_base);
    const oa_ort_api_base *base = symbol ? get_base() : NULL;
    if (!base) {
        dlclose(made.handle);
        return oa_fail(error, OA_ERROR_INPUT, "%s: is not ONNX Runtime's library (it has no OrtGetApiBase)", path);
    }
    made.version = base->GetVersionString();
    made.api = base->GetApi(OA_ORT_API_VERSION);
    if (!made.api) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: ONNX Runtime %s does not offer version %d of its interface", path,
                       made.version, (int)OA_ORT_API_VERSION);
    }
    snprintf(made.path, sizeof made.path, "%s", path);
    *library = made;
    return OA_OK;
}

/* Opens the last file, by name, that fits the pattern: of several versions, the newest as a rule. */
static oa_status open_match(oa_library *library, const char *pattern, oa_error *error)
{
    glob_t found = {0};
    oa_status status = OA_ERROR_UNSUPPORTED;
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = found.gl_pathc; i-- > 0 && status != OA_OK;) {
            status = open_file(library, found.gl_pathv[i], error);
        }
    }
    globfree(&found);
    return status;
}

static oa_status open_in_folder(oa_library *library, const char *folder, oa_error *error)
{
    static const char *const places[] = {"", "/capi", "/lib", "/onnxruntime/capi"};
    oa_status status = OA_ERROR_UNSUPPORTED;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && status == OA_ERROR_UNSUPPORTED; i++) {
        char pattern[OA_LIBRARY_PATH_SIZE];
        snprintf(pattern, sizeof pattern, "%s%s/%s*", folder, places[i], FILE_NAME);
        status = open_match(library, pattern, error);
    }
    return status == OA_ERROR_UNSUPPORTED
               ? oa_fail(error, OA_ERROR_INPUT, "%s: there is no %s in this folder", folder, FILE_NAME)
               : status;
}

static oa_status open_named(oa_library *library, const char *path, oa_error *error)
{
    struct stat info;
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    return is_folder ? open_in_folder(library, path, error) : open_file(library, path, error);
}

/* The wheels of Python's package index hold the library. Those of other kinds of machines cannot be loaded and are
 * passed over. */
static oa_status open_in_python(oa_library *library)
{
    /* An environment variable, or NULL, and the folder of packages below it. */
    static const char *const places[][2] = {
        {"VIRTUAL_ENV", "/lib/python3*/site-packages"},  {"CONDA_PREFIX", "/lib/python3*/site-packages"},
        {"HOME", "/.local/lib/python3*/site-packages"},  {NULL, "/usr/local/lib/python3*/dist-packages"},
        {NULL, "/usr/local/lib/python3*/site-packages"}, {NULL, "/usr/lib/python3/dist-packages"},
        {NULL, "/usr/lib/python3*/site-packages"}};
    oa_status status = OA_ERROR_UNSUPPORTED;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && status != OA_OK; i++) {
        const char *base = places[i][0] ? getenv(places[i][0]) : "";
        char pattern[OA_LIBRARY_PATH_SIZE];
        if (base && (*base || !places[i][0])) {
            snprintf(pattern, sizeof pattern, "%s%s/onnxruntime/capi/%s*", base, places[i][1], FILE_NAME);
            status = open_match(library, pattern, NULL);
        }
    }
    return status;
}

oa_status oa_library_open(oa_library *library, const char *path, oa_error *error)
{
    const char *named = path ? path : getenv("ONNX_ALIGN_ONNXRUNTIME");
    if (named && *named) {
        oa_status status = open_named(library, named, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s", path ? "--onnxruntime" : "ONNX_ALIGN_ONNXRUNTIME");
        }
        return status;
    }
    if (open_file(library, "libonnxruntime.so.1", NULL) == OA_OK || open_file(library, FILE_NAME, NULL) == OA_OK ||
        open_in_python(library) == OA_OK) {
        return OA_OK;
    }
    return oa_fail(error, OA_ERROR_UNSUPPORTED,
                   "ONNX Runtime was not found; install it (pip install onnxruntime), or name its library with "
                   "--onnxruntime PATH");
}
