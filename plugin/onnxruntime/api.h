/* The part of ONNX Runtime's C interface that is used here, so that the tool needs nothing of it to be built.
 *
 * Source: include/onnxruntime/core/session/onnxruntime_c_api.h of github.com/microsoft/onnxruntime (MIT licence),
 * version 1 of the interface: the first 102 entries of its table of functions, which are promised never to change, and
 * which every release since 1.0 hands out. Names are those of the source; entries that are not used are left out, and
 * their places kept by unused pointers. tests/onnxruntime/test_api.c holds this against the library itself. */
#ifndef OA_ONNXRUNTIME_API_H
#define OA_ONNXRUNTIME_API_H

#include <stddef.h>
#include <stdint.h>

enum { OA_ORT_API_VERSION = 1 };

/* What the table works on; only pointers to them are handed around. A status is NULL for success. */
typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtValue OrtValue;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;

/* Codes of a status. */
enum { OA_ORT_INVALID_ARGUMENT = 2, OA_ORT_NOT_IMPLEMENTED = 9 };
/* Lowest severity that is logged, and how much is optimised. */
enum { OA_ORT_LOG_FATAL = 4, OA_ORT_OPTIMISE_NOTHING = 0 };
/* Kinds of memory: a device's own allocator, with its usual type of memory. */
enum { OA_ORT_DEVICE_ALLOCATOR = 0, OA_ORT_DEFAULT_MEMORY = 0 };

/* Element types are numbered as in ONNX's TensorProto, and so as oa_dtype. */
typedef struct oa_ort_api {
    OrtStatus *(*CreateStatus)(int code, const char *message); /* 0 */
    int (*GetErrorCode)(const OrtStatus *status);
    const char *(*GetErrorMessage)(const OrtStatus *status);
    OrtStatus *(*CreateEnv)(int log_severity, const char *log_name, OrtEnv **env); /* 3 */
    void *unused_4[2];
    OrtStatus *(*DisableTelemetryEvents)(const OrtEnv *env); /* 6 */
    OrtStatus *(*CreateSession)(const OrtEnv *env, const char *path, const OrtSessionOptions *options,
                                OrtSession **session);
    OrtStatus *(*CreateSessionFromArray)(const OrtEnv *env, const void *bytes, size_t size,
                                         const OrtSessionOptions *options, OrtSession **session);
    OrtStatus *(*Run)(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                      const OrtValue *const *inputs, size_t input_count, const char *const *output_names,
                      size_t output_count, OrtValue **outputs);
    OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **options); /* 10 */
    void *unused_11[6];
    OrtStatus *(*DisableMemPattern)(OrtSessionOptions *options); /* 17 */
    void *unused_18;
    OrtStatus *(*DisableCpuMemArena)(OrtSessionOptions *options); /* 19 */
    void *unused_20[2];
    OrtStatus *(*SetSessionLogSeverityLevel)(OrtSessionOptions *options, int log_severity); /* 22 */
    OrtStatus *(*SetSessionGraphOptimizationLevel)(OrtSessionOptions *options, int level);
    OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *options, int threads);
    OrtStatus *(*SetInterOpNumThreads)(OrtSessionOptions *options, int threads); /* 25 */
    void *unused_26[4];
    OrtStatus *(*SessionGetInputCount)(const OrtSession *session, size_t *count); /* 30 */
    OrtStatus *(*SessionGetOutputCount)(const OrtSession *session, size_t *count);
    void *unused_32[17];
    OrtStatus *(*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *info, void *data, size_t bytes,
                                                 const int64_t *dims, size_t rank, int dtype,
                                                 OrtValue **value); /* 49 */
    OrtStatus *(*IsTensor)(const OrtValue *value, int *is_tensor);
    OrtStatus *(*GetTensorMutableData)(OrtValue *value, void **data); /* 51 */
    void *unused_52[8];
    OrtStatus *(*GetTensorElementType)(const OrtTensorTypeAndShapeInfo *info, int *dtype); /* 60 */
    OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *rank);
    OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *dims, size_t rank); /* 62 */
    void *unused_63[2];
    OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *value, OrtTensorTypeAndShapeInfo **info); /* 65 */
    void *unused_66[3];
    OrtStatus *(*CreateCpuMemoryInfo)(int allocator, int memory, OrtMemoryInfo **info); /* 69 */
    void *unused_70[22];
    void (*ReleaseEnv)(OrtEnv *env); /* 92 */
    void (*ReleaseStatus)(OrtStatus *status);
    void (*ReleaseMemoryInfo)(OrtMemoryInfo *info);
    void (*ReleaseSession)(OrtSession *session);
    void (*ReleaseValue)(OrtValue *value); /* 96 */
    void *unused_97[2];
    void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *info); /* 99 */
    void (*ReleaseSessionOptions)(OrtSessionOptions *options);
} oa_ort_api;

/* What the library's one exported function, OrtGetApiBase, returns. */
typedef struct oa_ort_api_base {
    const oa_ort_api *(*GetApi)(uint32_t version); /* NULL for a version that the library does not have */
    const char *(*GetVersionString)(void);
} oa_ort_api_base;

typedef const oa_ort_api_base *(*oa_ort_get_api_base)(void);

#endif
