#include "plugin/onnxruntime/session.h"

#include "core/exec/array.h"
#include "plugin/onnxruntime/temporary_model.h"

#include <string.h>

typedef struct session {
    const oa_onnxruntime *runtime;
    const oa_graph *graph;
    OrtSession *session;
    size_t *values;            /* [count] what each output of the session is: the graph's own, or what is wanted */
    const char **output_names; /* [count] */
    size_t count;
    const bool *wanted;
    const char **input_names; /* [inputs of the graph], for a run */
    OrtValue **inputs;        /* the same */
    OrtValue **outputs;       /* [count] */
} session;

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while preparing to run the graph");
}

static oa_status check(const session *s, OrtStatus *status, oa_status refusal, oa_error *error)
{
    return oa_onnxruntime_check(s->runtime, status, refusal, error);
}

static oa_model *find_model(const oa_onnxruntime *runtime, const oa_graph *graph)
{
    for (size_t i = 0; i < runtime->model_count; i++) {
        if (oa_model_graph(runtime->models[i]) == graph) {
            return runtime->models[i];
        }
    }
    return NULL;
}

/* The names of what goes in and comes out, in the order of the outputs or that oa_model_show makes. */
static oa_status list_values(session *s, const oa_model *model, oa_error *error)
{
    const oa_graph *graph = s->graph;
    size_t most = s->wanted ? graph->value_count : graph->output_count;
    s->values = oa_malloc(most, sizeof *s->values);
    s->output_names = oa_malloc(most, sizeof *s->output_names);
    s->outputs = oa_calloc(most, sizeof *s->outputs);
    s->input_names = oa_malloc(graph->input_count, sizeof *s->input_names);
    s->inputs = oa_calloc(graph->input_count, sizeof *s->inputs);
    if (!s->values || !s->output_names || !s->outputs || !s->input_names || !s->inputs) {
        return no_memory(error);
    }
    for (size_t i = 0; i < graph->output_count && !s->wanted; i++) {
        s->values[s->count++] = graph->outputs[i];
    }
    for (size_t v = 0; s->wanted && v < graph->value_count; v++) {
        if (s->wanted[v] && oa_model_shows(model, v)) {
            s->values[s->count++] = v;
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        s->output_names[i] = graph->values[s->values[i]].name;
    }
    return OA_OK;
}

/* Arrays of one shape hardly ever follow one another here: patterns and pools of memory would only keep it. */
static oa_status set_options(OrtSessionOptions *options, const oa_onnxruntime *runtime, oa_error *error)
{
    const oa_ort_api *api = runtime->library.api;
    OrtStatus *const results[] = {api->SetSessionLogSeverityLevel(options, OA_ORT_LOG_FATAL),
                                  api->SetSessionGraphOptimizationLevel(options, OA_ORT_OPTIMISE_NOTHING),
                                  api->SetIntraOpNumThreads(options, runtime->threads),
                                  api->SetInterOpNumThreads(options, 1),
                                  api->DisableMemPattern(options),
                                  api->DisableCpuMemArena(options)};
    oa_status status = OA_OK;
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        oa_status own = oa_onnxruntime_check(runtime, results[i], OA_ERROR_UNSUPPORTED, status == OA_OK ? error : NULL);
        status = status == OA_OK ? own : status;
    }
    return status;
}

/* Hands the model over: as bytes, or as a file when these do not hold it. */
static oa_status load(session *s, oa_model *model, const oa_payloads *payloads, const OrtSessionOptions *options,
                      oa_error *error)
{
    const oa_ort_api *api = s->runtime->library.api;
    unsigned char *bytes = NULL;
    size_t size = 0;
    oa_status status = oa_model_pack(&bytes, &size, model, payloads, error);
    if (status == OA_OK) {
        status = check(s, api->CreateSessionFromArray(s->runtime->env, bytes, size, options, &s->session),
                       OA_ERROR_UNSUPPORTED, error);
    } else if (status == OA_ERROR_UNSUPPORTED) {
        oa_temporary_model temporary = {0};
        status = oa_temporary_model_write(&temporary, model, payloads, error);
        if (status == OA_OK) {
            status = check(s, api->CreateSession(s->runtime->env, temporary.path, options, &s->session),
                           OA_ERROR_UNSUPPORTED, error);
        }
        oa_temporary_model_remove(&temporary); /* what is mapped of it stays */
    }
    oa_free(bytes);
    return status;
}

static oa_status prepare(session *s, oa_model *model, const oa_payloads *payloads, oa_error *error)
{
    const oa_ort_api *api = s->runtime->library.api;
    OrtSessionOptions *options = NULL;
    oa_status status = list_values(s, model, error);
    if (status == OA_OK && s->count == 0) {
        return OA_OK; /* there is nothing to see, and never anything to run */
    }
    if (status == OA_OK && s->wanted) {
        status = oa_model_show(model, s->wanted, error);
    }
    if (status == OA_OK) {
        status = check(s, api->CreateSessionOptions(&options), OA_ERROR_UNSUPPORTED, error);
    }
    if (status == OA_OK) {
        status = set_options(options, s->runtime, error);
    }
    if (status == OA_OK) {
        status = load(s, model, payloads, options, error);
    }
    oa_model_hide(model);
    if (options) {
        api->ReleaseSessionOptions(options);
    }
    return status;
}

oa_status oa_onnxruntime_prepare(void **opened, void *context, const oa_graph *graph, const oa_payloads *payloads,
                                 const bool *wanted, oa_error *error)
{
    const oa_onnxruntime *runtime = context;
    oa_model *model = find_model(runtime, graph);
    if (!model) {
        return oa_fail(error, OA_ERROR_INTERNAL, "ONNX Runtime was asked for a graph of no model that it knows");
    }
    session *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return no_memory(error);
    }
    *made = (session){.runtime = runtime, .graph = graph, .wanted = wanted};
    oa_status status = prepare(made, model, payloads, error);
    if (status != OA_OK) {
        oa_onnxruntime_finish(made);
        return status;
    }
    *opened = made;
    return OA_OK;
}

void oa_onnxruntime_finish(void *opened)
{
    session *s = opened;
    if (s->session) {
        s->runtime->library.api->ReleaseSession(s->session);
    }
    oa_free(s->values);
    oa_free(s->output_names);
    oa_free(s->outputs);
    oa_free(s->input_names);
    oa_free(s->inputs);
    oa_free(s);
}

static void release_values(const session *s, OrtValue **values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i]) {
            s->runtime->library.api->ReleaseValue(values[i]);
        }
        values[i] = NULL;
    }
}

/* Wraps the inputs, without a copy. Those that are empty for want of a type are left to the library to ask for. */
static oa_status wrap_inputs(size_t *count, session *s, const oa_array *inputs, oa_error *error)
{
    *count = 0;
    for (size_t i = 0; i < s->graph->input_count; i++) {
        const oa_array *array = &inputs[i];
        const char *name = s->graph->values[s->graph->inputs[i]].name;
        int64_t dims[OA_MAX_RANK];
        if (!array->data) {
            continue;
        }
        if (array->dtype == OA_DTYPE_STRING) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "input '%s' takes strings, which this engine is not given",
                           name);
        }
        for (size_t k = 0; k < array->rank; k++) {
            dims[k] = (int64_t)array->dims[k];
        }
        OrtStatus *failure = s->runtime->library.api->CreateTensorWithDataAsOrtValue(
            s->runtime->memory, array->data, array->count * oa_dtype_size(array->dtype), dims, array->rank,
            (int)array->dtype, &s->inputs[*count]);
        oa_status status = check(s, failure, OA_ERROR_INPUT, error);
        if (status != OA_OK) {
            oa_error_context(error, "input '%s'", name);
            return status;
        }
        s->input_names[(*count)++] = name;
    }
    return OA_OK;
}

static oa_status read_shape(oa_dtype *dtype, size_t *dims, size_t *rank, const session *s, const OrtValue *value,
                            oa_error *error)
{
    const oa_ort_api *api = s->runtime->library.api;
    OrtTensorTypeAndShapeInfo *info = NULL;
    int64_t found[OA_MAX_RANK];
    int type = 0;
    oa_status status = check(s, api->GetTensorTypeAndShape(value, &info), OA_ERROR_UNSUPPORTED, error);
    if (status == OA_OK) {
        status = check(s, api->GetTensorElementType(info, &type), OA_ERROR_UNSUPPORTED, error);
    }
    if (status == OA_OK) {
        status = check(s, api->GetDimensionsCount(info, rank), OA_ERROR_UNSUPPORTED, error);
    }
    if (status == OA_OK && *rank > OA_MAX_RANK) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "%zu axes, where at most %d are known", *rank, OA_MAX_RANK);
    }
    if (status == OA_OK) {
        status = check(s, api->GetDimensions(info, found, *rank), OA_ERROR_UNSUPPORTED, error);
    }
    for (size_t k = 0; status == OA_OK && k < *rank; k++) {
        dims[k] = (size_t)found[k];
    }
    *dtype = (oa_dtype)type;
    if (info) {
        api->ReleaseTensorTypeAndShapeInfo(info);
    }
    return status;
}

/* A view of what came out. */
static oa_status view_output(oa_array *view, const session *s, OrtValue *value, oa_error *error)
{
    const oa_ort_api *api = s->runtime->library.api;
    int is_tensor = 0;
    oa_dtype dtype;
    size_t dims[OA_MAX_RANK] = {0}, rank = 0;
    void *data = NULL;
    oa_status status = check(s, api->IsTensor(value, &is_tensor), OA_ERROR_UNSUPPORTED, error);
    if (status == OA_OK && !is_tensor) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "is no tensor");
    }
    if (status == OA_OK) {
        status = read_shape(&dtype, dims, &rank, s, value, error);
    }
    if (status == OA_OK && (dtype == OA_DTYPE_STRING || !oa_dtype_size(dtype))) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "is of element type %s, which cannot be compared here",
                         oa_dtype_name(dtype));
    }
    if (status == OA_OK) {
        status = check(s, api->GetTensorMutableData(value, &data), OA_ERROR_UNSUPPORTED, error);
    }
    return status == OA_OK ? oa_array_view(view, data, dtype, dims, rank, error) : status;
}

/* Shows what is wanted, or copies the graph's outputs to results. Each value is given back as soon as it has been seen.
 */
static oa_status collect(oa_array *results, session *s, oa_watcher *watcher, void *watcher_context, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < s->count && status == OA_OK; i++) {
        oa_array view = {0};
        status = view_output(&view, s, s->outputs[i], error);
        if (status != OA_OK) {
            oa_error_context(error, "value '%s'", s->output_names[i]);
        } else if (!s->wanted) {
            status = oa_array_copy(&results[i], &view, error);
        } else if (watcher) {
            status = watcher(watcher_context, s->values[i], &view, error);
        }
        release_values(s, &s->outputs[i], 1);
    }
    return status;
}

/* As oa_onnxruntime_run, but results are zeroed before, and partly made on failure. */
static oa_status run(oa_array *results, session *s, const oa_array *inputs, oa_watcher *watcher, void *watcher_context,
                     oa_error *error)
{
    size_t fed = 0;
    oa_status status = wrap_inputs(&fed, s, inputs, error);
    if (status == OA_OK && s->count) {
        OrtStatus *failure =
            s->runtime->library.api->Run(s->session, NULL, s->input_names, (const OrtValue *const *)s->inputs, fed,
                                         s->output_names, s->count, s->outputs);
        status = check(s, failure, OA_ERROR_INPUT, error);
    }
    if (status == OA_OK) {
        status = collect(results, s, watcher, watcher_context, error);
    }
    release_values(s, s->inputs, s->graph->input_count);
    release_values(s, s->outputs, s->count);
    return status;
}

oa_status oa_onnxruntime_run(oa_array *outputs, void *opened, const oa_array *inputs, oa_watcher *watcher,
                             void *watcher_context, oa_error *error)
{
    session *s = opened;
    size_t count = s->wanted ? 0 : s->graph->output_count;
    oa_array *results = oa_calloc(count, sizeof *results);
    oa_status status = results ? run(results, s, inputs, watcher, watcher_context, error) : no_memory(error);
    for (size_t i = 0; results && i < count; i++) {
        if (status == OA_OK) {
            outputs[i] = results[i];
        } else {
            oa_array_free(&results[i]);
        }
    }
    oa_free(results);
    return status;
}
