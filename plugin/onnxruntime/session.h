/* Running models by ONNX Runtime: the functions of its engine. Private to this folder. */
#ifndef OA_ONNXRUNTIME_SESSION_H
#define OA_ONNXRUNTIME_SESSION_H

#include "plugin/onnxruntime/library.h"
#include "plugin/onnxruntime/onnxruntime.h"

struct oa_onnxruntime {
    oa_library library;
    OrtEnv *env;
    OrtMemoryInfo *memory; /* says that arrays are in the processor's own */
    int threads;
    oa_model *const *models;
    size_t model_count;
    oa_engine engine;
};

/* Turns a status of the library, which is released, into one of ours: `refusal` for failures that are neither a lack of
 * memory nor of a kernel. NULL is OA_OK. */
oa_status oa_onnxruntime_check(const oa_onnxruntime *runtime, OrtStatus *status, oa_status refusal, oa_error *error);

oa_status oa_onnxruntime_prepare(void **session, void *context, const oa_graph *graph, const oa_payloads *payloads,
                                 const bool *wanted, oa_error *error);
oa_status oa_onnxruntime_run(oa_array *outputs, void *session, const oa_array *inputs, oa_watcher *watcher,
                             void *watcher_context, oa_error *error);
void oa_onnxruntime_finish(void *session);

#endif
