#include "plugin/onnxruntime/session.h"

#include <string.h>

/* The library's messages have several lines, and begin with its own source files. */
static void copy_text(char *text, size_t size, const char *message)
{
    size_t length = 0;
    for (; *message && length + 1 < size; message++) {
        text[length++] = *message == '\n' || *message == '\r' || *message == '\t' ? ' ' : *message;
    }
    while (length && text[length - 1] == ' ') {
        length--;
    }
    text[length] = '\0';
}

oa_status oa_onnxruntime_check(const oa_onnxruntime *runtime, OrtStatus *status, oa_status refusal, oa_error *error)
{
    if (!status) {
        return OA_OK;
    }
    const oa_ort_api *api = runtime->library.api;
    char text[OA_ERROR_MESSAGE_SIZE / 2];
    copy_text(text, sizeof text, api->GetErrorMessage(status));
    int code = api->GetErrorCode(status);
    api->ReleaseStatus(status);
    bool is_memory = strstr(text, "bad_alloc") || strstr(text, "Failed to allocate memory");
    oa_status kind = is_memory ? OA_ERROR_MEMORY : code == OA_ORT_NOT_IMPLEMENTED ? OA_ERROR_UNSUPPORTED : refusal;
    return oa_fail(error, kind, "ONNX Runtime %s: %s", runtime->library.version, text);
}

oa_status oa_onnxruntime_create(oa_onnxruntime **runtime, const char *path, int threads, oa_error *error)
{
    oa_onnxruntime *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while loading ONNX Runtime");
    }
    oa_status status = oa_library_open(&made->library, path, error);
    const oa_ort_api *api = made->library.api;
    if (status == OA_OK) {
        status = oa_onnxruntime_check(made, api->CreateEnv(OA_ORT_LOG_FATAL, "onnx-align", &made->env),
                                      OA_ERROR_UNSUPPORTED, error);
    }
    if (status == OA_OK) {
        status = oa_onnxruntime_check(made, api->DisableTelemetryEvents(made->env), OA_ERROR_UNSUPPORTED, error);
    }
    if (status == OA_OK) {
        OrtStatus *failure = api->CreateCpuMemoryInfo(OA_ORT_DEVICE_ALLOCATOR, OA_ORT_DEFAULT_MEMORY, &made->memory);
        status = oa_onnxruntime_check(made, failure, OA_ERROR_UNSUPPORTED, error);
    }
    if (status != OA_OK) {
        oa_onnxruntime_destroy(made);
        return status;
    }
    made->threads = threads;
    made->engine = (oa_engine){.name = "onnxruntime",
                               .context = made,
                               .prepare = oa_onnxruntime_prepare,
                               .run = oa_onnxruntime_run,
                               .finish = oa_onnxruntime_finish};
    *runtime = made;
    return OA_OK;
}

void oa_onnxruntime_destroy(oa_onnxruntime *runtime)
{
    if (!runtime) {
        return;
    }
    if (runtime->memory) {
        runtime->library.api->ReleaseMemoryInfo(runtime->memory);
    }
    if (runtime->env) {
        runtime->library.api->ReleaseEnv(runtime->env);
    }
    oa_free(runtime);
}

const char *oa_onnxruntime_version(const oa_onnxruntime *runtime)
{
    return runtime->library.version;
}

void oa_onnxruntime_serve(oa_onnxruntime *runtime, oa_model *const *models, size_t count)
{
    runtime->models = models;
    runtime->model_count = count;
}

const oa_engine *oa_onnxruntime_engine(const oa_onnxruntime *runtime)
{
    return &runtime->engine;
}
