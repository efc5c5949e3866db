/* Our declaration of ONNX Runtime's table of functions, and the engine made of it, against the library itself. */
#include "core/base/random.h"
#include "onnx_io/model.h"
#include "plugin/onnxruntime/library.h"
#include "plugin/onnxruntime/onnxruntime.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/temporary_folder.h"

#include <assert.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Places in the table, counted in the source that api.h names. */
#define HOLDS(entry, place)                                                                                            \
    static_assert(offsetof(oa_ort_api, entry) == (place) * sizeof(void *), #entry " is at another place")
HOLDS(GetErrorMessage, 2);
HOLDS(CreateEnv, 3);
HOLDS(DisableTelemetryEvents, 6);
HOLDS(CreateSessionFromArray, 8);
HOLDS(Run, 9);
HOLDS(CreateSessionOptions, 10);
HOLDS(DisableMemPattern, 17);
HOLDS(DisableCpuMemArena, 19);
HOLDS(SetSessionLogSeverityLevel, 22);
HOLDS(SetInterOpNumThreads, 25);
HOLDS(SessionGetInputCount, 30);
HOLDS(SessionGetOutputCount, 31);
HOLDS(CreateTensorWithDataAsOrtValue, 49);
HOLDS(GetTensorMutableData, 51);
HOLDS(GetTensorElementType, 60);
HOLDS(GetDimensions, 62);
HOLDS(GetTensorTypeAndShape, 65);
HOLDS(CreateCpuMemoryInfo, 69);
HOLDS(ReleaseEnv, 92);
HOLDS(ReleaseValue, 96);
HOLDS(ReleaseSessionOptions, 100);

static const char *const model_names[] = {"mlp-a", "cnn-a", "resnet-a"};
enum { MODELS = sizeof model_names / sizeof model_names[0], BATCH = 3, PIXELS = 28 * 28 };

static oa_library open_library(void)
{
    oa_library library = {0};
    oa_error error = {0};
    if (oa_library_open(&library, NULL, &error) != OA_OK) {
        fail_msg("%s; ./test.sh installs it in build/venv", error.message);
    }
    return library;
}

static oa_model *load_model(const char *name)
{
    char path[1024];
    oa_model *model = NULL;
    oa_error error = {0};
    snprintf(path, sizeof path, "%s/%s.onnx", OA_MODELS_DIR, name);
    if (oa_model_load(&model, path, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    return model;
}

static oa_onnxruntime *load_runtime(oa_model *const *models, size_t count)
{
    oa_onnxruntime *runtime = NULL;
    oa_error error = {0};
    if (oa_onnxruntime_create(&runtime, NULL, 2, &error) != OA_OK) {
        fail_msg("%s; ./test.sh installs it in build/venv", error.message);
    }
    oa_onnxruntime_serve(runtime, models, count);
    return runtime;
}

static void table__keeps_a_status(void **state)
{
    (void)state;
    const oa_ort_api *api = open_library().api;
    OrtStatus *status = api->CreateStatus(OA_ORT_NOT_IMPLEMENTED, "just a text");
    assert_non_null(status);
    assert_int_equal(api->GetErrorCode(status), OA_ORT_NOT_IMPLEMENTED);
    assert_string_equal(api->GetErrorMessage(status), "just a text");
    api->ReleaseStatus(status);
}

static void table__makes_and_reads_tensors(void **state)
{
    (void)state;
    const oa_ort_api *api = open_library().api;
    float data[6] = {1, 2, 3, 4, 5, 6};
    const int64_t dims[2] = {2, 3};
    OrtMemoryInfo *memory = NULL;
    OrtValue *value = NULL;
    OrtTensorTypeAndShapeInfo *info = NULL;
    int is_tensor = 0, type = 0;
    size_t rank = 0;
    int64_t found[2] = {0};
    void *at = NULL;
    assert_null(api->CreateCpuMemoryInfo(OA_ORT_DEVICE_ALLOCATOR, OA_ORT_DEFAULT_MEMORY, &memory));
    assert_null(api->CreateTensorWithDataAsOrtValue(memory, data, sizeof data, dims, 2, (int)OA_DTYPE_FLOAT, &value));
    assert_null(api->IsTensor(value, &is_tensor));
    assert_null(api->GetTensorMutableData(value, &at));
    assert_null(api->GetTensorTypeAndShape(value, &info));
    assert_null(api->GetTensorElementType(info, &type));
    assert_null(api->GetDimensionsCount(info, &rank));
    assert_int_equal(rank, 2);
    assert_null(api->GetDimensions(info, found, 2));
    assert_true(is_tensor == 1 && at == data && type == OA_DTYPE_FLOAT && found[0] == 2 && found[1] == 3);
    /* Too few bytes for the shape. */
    OrtValue *bad = NULL;
    OrtStatus *status = api->CreateTensorWithDataAsOrtValue(memory, data, 4, dims, 2, (int)OA_DTYPE_FLOAT, &bad);
    assert_non_null(status);
    assert_int_equal(api->GetErrorCode(status), OA_ORT_INVALID_ARGUMENT);
    api->ReleaseStatus(status);
    api->ReleaseTensorTypeAndShapeInfo(info);
    api->ReleaseValue(value);
    api->ReleaseMemoryInfo(memory);
}

static void table__opens_a_session(void **state)
{
    (void)state;
    const oa_ort_api *api = open_library().api;
    OrtEnv *env = NULL;
    OrtSessionOptions *options = NULL;
    OrtSession *session = NULL;
    size_t inputs = 0, outputs = 0;
    char path[1024];
    snprintf(path, sizeof path, "%s/cnn-a.onnx", OA_MODELS_DIR);
    assert_null(api->CreateEnv(OA_ORT_LOG_FATAL, "test", &env));
    assert_null(api->CreateSessionOptions(&options));
    assert_null(api->CreateSession(env, path, options, &session));
    assert_null(api->SessionGetInputCount(session, &inputs));
    assert_null(api->SessionGetOutputCount(session, &outputs));
    assert_true(inputs == 1 && outputs == 1);
    api->ReleaseSession(session);
    session = NULL;
    OrtStatus *status = api->CreateSession(env, "/nowhere/model.onnx", options, &session);
    assert_non_null(status);
    api->ReleaseStatus(status);
    api->ReleaseSessionOptions(options);
    api->ReleaseEnv(env);
}

/* What a run shows: a copy of every value. */
typedef struct shown {
    const oa_graph *graph;
    oa_array *values; /* [value_count] */
    size_t count;
} shown;

static oa_status keep(void *context, size_t value, const oa_array *array, oa_error *error)
{
    shown *s = context;
    assert_null(s->values[value].data); /* once each */
    s->count++;
    s->values[value] = *array;
    s->values[value].is_view = false;
    s->values[value].data = oa_malloc(array->count, oa_dtype_size(array->dtype));
    if (!s->values[value].data) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    }
    memcpy(s->values[value].data, array->data, array->count * oa_dtype_size(array->dtype));
    return OA_OK;
}

static oa_array draw_images(const oa_graph *graph)
{
    oa_array images = {0};
    size_t dims[4] = {BATCH, 1, 28, 28};
    oa_random random;
    oa_random_init(&random, 1);
    size_t rank = graph->values[graph->inputs[0]].rank;
    if (rank == 2) {
        dims[1] = PIXELS;
    }
    assert_int_equal(oa_array_init(&images, OA_DTYPE_FLOAT, dims, rank, NULL), OA_OK);
    assert_int_equal(images.count, BATCH * PIXELS);
    for (size_t i = 0; i < images.count; i++) {
        ((float *)images.data)[i] = (float)oa_random_normal(&random);
    }
    return images;
}

/* Relative to the largest element. Both engines round to float32 (6e-8) in each of a dozen layers, in an order of their
 * own. */
static void assert_near(const oa_array *x, const oa_array *y, const char *name)
{
    double largest = 0.0, difference = 0.0;
    assert_true(x->dtype == y->dtype && x->rank == y->rank && x->count == y->count);
    assert_memory_equal(x->dims, y->dims, x->rank * sizeof *x->dims);
    for (size_t i = 0; i < x->count && x->dtype == OA_DTYPE_FLOAT; i++) {
        double a = (double)((const float *)x->data)[i], b = (double)((const float *)y->data)[i];
        assert_true(isfinite(a) && isfinite(b));
        largest = fmax(largest, fabs(a));
        difference = fmax(difference, fabs(a - b));
    }
    if (difference > 1e-5 * largest) {
        fail_msg("%s: differs by %g of %g", name, difference, largest);
    }
}

static void run_outputs(oa_array *output, const oa_engine *engine, const oa_graph *graph, const oa_payloads *payloads,
                        const oa_array *input)
{
    oa_session *session = NULL;
    oa_error error = {0};
    if (oa_session_create(&session, engine, graph, payloads, NULL, &error) != OA_OK ||
        oa_session_run(output, session, input, NULL, NULL, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    oa_session_destroy(session);
}

static void run_shown(shown *s, const bool *wanted, const oa_engine *engine, const oa_graph *graph,
                      const oa_payloads *payloads, const oa_array *input)
{
    oa_session *session = NULL;
    oa_error error = {0};
    *s = (shown){.graph = graph, .values = oa_calloc(graph->value_count, sizeof *s->values)};
    assert_non_null(s->values);
    if (oa_session_create(&session, engine, graph, payloads, wanted, &error) != OA_OK ||
        oa_session_run(NULL, session, input, keep, s, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    oa_session_destroy(session);
}

static void shown_free(shown *s)
{
    for (size_t v = 0; v < s->graph->value_count; v++) {
        oa_array_free(&s->values[v]);
    }
    oa_free(s->values);
}

/* Both engines show the same values, those that are wanted and no others. */
static void check_shown(const oa_engine *engine, const bool *wanted, const oa_graph *graph, const oa_payloads *payloads,
                        const oa_array *images)
{
    shown seen[2];
    run_shown(&seen[0], wanted, NULL, graph, payloads, images);
    run_shown(&seen[1], wanted, engine, graph, payloads, images);
    assert_true(seen[0].count > 0);
    for (size_t v = 0; v < graph->value_count; v++) {
        assert_true(wanted[v] || (!seen[0].values[v].data && !seen[1].values[v].data));
        if (seen[0].values[v].data) {
            assert_near(&seen[0].values[v], &seen[1].values[v], graph->values[v].name);
        }
    }
    shown_free(&seen[0]);
    shown_free(&seen[1]);
}

static void check_model(const oa_engine *engine, const oa_graph *graph, const oa_payloads *payloads)
{
    oa_array images = draw_images(graph), outputs[2] = {{0}, {0}};
    bool *wanted = oa_malloc(graph->value_count, 1);
    assert_non_null(wanted);
    run_outputs(&outputs[0], NULL, graph, payloads, &images);
    run_outputs(&outputs[1], engine, graph, payloads, &images);
    assert_near(&outputs[0], &outputs[1], "the output");
    memset(wanted, 1, graph->value_count);
    check_shown(engine, wanted, graph, payloads, &images);
    memset(wanted, 0, graph->value_count);
    wanted[graph->nodes[0].outputs[0]] = wanted[graph->nodes[2].outputs[0]] = true;
    check_shown(engine, wanted, graph, payloads, &images);
    for (size_t e = 0; e < 2; e++) {
        oa_array_free(&outputs[e]);
    }
    oa_free(wanted);
    oa_array_free(&images);
}

static void engine__shows_what_the_built_in_one_shows(void **state)
{
    (void)state;
    oa_model *models[MODELS];
    for (size_t m = 0; m < MODELS; m++) {
        models[m] = load_model(model_names[m]);
    }
    oa_onnxruntime *runtime = load_runtime(models, MODELS);
    for (size_t m = 0; m < MODELS; m++) {
        check_model(oa_onnxruntime_engine(runtime), oa_model_graph(models[m]), NULL);
    }
    oa_onnxruntime_destroy(runtime);
    for (size_t m = 0; m < MODELS; m++) {
        oa_model_destroy(models[m]);
    }
}

static void engine__runs_the_given_payloads(void **state)
{
    (void)state;
    oa_model *model = load_model("mlp-a");
    const oa_graph *graph = oa_model_graph(model);
    oa_onnxruntime *runtime = load_runtime(&model, 1);
    oa_payloads payloads;
    assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const oa_tensor *tensor = &graph->tensors[t];
        if (tensor->dtype == OA_DTYPE_FLOAT) {
            float *data = oa_malloc(tensor->count, sizeof *data);
            assert_non_null(data);
            for (size_t i = 0; i < tensor->count; i++) {
                data[i] = -0.5f * ((const float *)tensor->data)[i];
            }
            payloads.data[t] = data;
        }
    }
    check_model(oa_onnxruntime_engine(runtime), graph, &payloads);
    check_model(oa_onnxruntime_engine(runtime), graph, NULL);
    oa_payloads_free(&payloads);
    oa_onnxruntime_destroy(runtime);
    oa_model_destroy(model);
}

static void engine__refuses_inputs_that_do_not_fit(void **state)
{
    (void)state;
    oa_model *model = load_model("cnn-a");
    const oa_graph *graph = oa_model_graph(model);
    oa_onnxruntime *runtime = load_runtime(&model, 1);
    oa_session *session = NULL;
    oa_array images = draw_images(graph), output = {0};
    oa_error error = {0};
    assert_int_equal(oa_session_create(&session, oa_onnxruntime_engine(runtime), graph, NULL, NULL, NULL), OA_OK);
    images.dims[2] = 14; /* half of each image */
    images.count /= 2;
    assert_int_equal(oa_session_run(&output, session, &images, NULL, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "ONNX Runtime"));
    images.dims[2] = 28;
    images.count *= 2;
    images.dtype = OA_DTYPE_INT32;
    assert_int_equal(oa_session_run(&output, session, &images, NULL, NULL, &error), OA_ERROR_INPUT);
    images.dtype = OA_DTYPE_FLOAT;
    assert_int_equal(oa_session_run(&output, session, &images, NULL, NULL, &error), OA_OK);
    oa_array_free(&output);
    oa_session_destroy(session);
    oa_array_free(&images);
    /* A graph that it was not told of. */
    oa_onnxruntime_serve(runtime, NULL, 0);
    assert_int_equal(oa_session_create(&session, oa_onnxruntime_engine(runtime), graph, NULL, NULL, &error),
                     OA_ERROR_INTERNAL);
    oa_onnxruntime_destroy(runtime);
    oa_model_destroy(model);
}

static oa_status look_on(void *context, size_t value, const oa_array *array, oa_error *error)
{
    (void)value, (void)array, (void)error;
    (*(size_t *)context)++;
    return OA_OK;
}

/* Ours; those of the library itself do not come through here. */
static void engine__reports_every_failing_allocation(void **state)
{
    (void)state;
    oa_model *model = load_model("mlp-a");
    const oa_graph *graph = oa_model_graph(model);
    oa_array images = draw_images(graph);
    bool wanted[256];
    assert_true(graph->value_count < sizeof wanted);
    memset(wanted, 1, sizeof wanted);
    size_t n = 1;
    for (bool is_done = false; !is_done; n++) {
        oa_onnxruntime *runtime = NULL;
        oa_session *session = NULL, *watched = NULL;
        oa_array output = {0};
        oa_error error = {0};
        size_t seen = 0;
        assert_true(n < 1000);
        fail_allocation(n);
        oa_status status = oa_onnxruntime_create(&runtime, NULL, 1, &error);
        if (status == OA_OK) {
            oa_onnxruntime_serve(runtime, &model, 1);
            status = oa_session_create(&session, oa_onnxruntime_engine(runtime), graph, NULL, NULL, &error);
        }
        if (status == OA_OK) {
            status = oa_session_create(&watched, oa_onnxruntime_engine(runtime), graph, NULL, wanted, &error);
        }
        if (status == OA_OK) {
            status = oa_session_run(NULL, watched, &images, look_on, &seen, &error);
        }
        if (status == OA_OK) {
            status = oa_session_run(&output, session, &images, NULL, NULL, &error);
        }
        is_done = !allocation_has_failed();
        assert_int_equal(status, is_done ? OA_OK : OA_ERROR_MEMORY);
        assert_true(is_done ? seen > 0 && output.data : strlen(error.message) > 0 && !output.data);
        oa_array_free(&output);
        oa_session_destroy(session);
        oa_session_destroy(watched);
        oa_onnxruntime_destroy(runtime);
    }
    print_message("%zu failing allocations\n", n - 2);
    assert_true(n > 10);
    oa_array_free(&images);
    oa_model_destroy(model);
}

/* The library in the environment that test.sh makes. */
static void find_library(char path[static OA_LIBRARY_PATH_SIZE])
{
    char pattern[OA_LIBRARY_PATH_SIZE];
    glob_t files = {0};
    snprintf(pattern, sizeof pattern, "%s/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so*",
             getenv("VIRTUAL_ENV"));
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    snprintf(path, OA_LIBRARY_PATH_SIZE, "%s", files.gl_pathv[0]);
    globfree(&files);
}

static void library__is_found_by_name_folder_and_variable(void **state)
{
    (void)state;
    oa_library found = open_library(), library = {0};
    oa_error error = {0};
    char folder[OA_LIBRARY_PATH_SIZE], path[OA_LIBRARY_PATH_SIZE];
    find_library(path);
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    assert_int_equal(oa_library_open(&library, path, NULL), OA_OK);
    assert_ptr_equal(library.api, found.api);
    for (int up = 0; up < 3; up++) { /* capi, onnxruntime, site-packages */
        *slash = '\0';
        library = (oa_library){0};
        assert_int_equal(oa_library_open(&library, folder, &error), OA_OK);
        assert_ptr_equal(library.api, found.api);
        slash = strrchr(folder, '/');
    }
    assert_int_equal(setenv("ONNX_ALIGN_ONNXRUNTIME", "/nowhere", 1), 0);
    assert_int_equal(oa_library_open(&library, NULL, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "ONNX_ALIGN_ONNXRUNTIME: /nowhere"));
    assert_int_equal(oa_library_open(&library, path, &error), OA_OK); /* a path comes first */
    assert_int_equal(unsetenv("ONNX_ALIGN_ONNXRUNTIME"), 0);
    assert_int_equal(oa_library_open(&library, "/tmp", &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "no libonnxruntime.so"));
    assert_int_equal(oa_library_open(&library, "libm.so.6", &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "not ONNX Runtime's library"));
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The loader would map a file that broke off, and die of it. */
static void library__is_refused_when_it_is_not_whole(void **state)
{
    (void)state;
    char folder[256], whole[OA_LIBRARY_PATH_SIZE], path[OA_LIBRARY_PATH_SIZE];
    oa_library library = {0};
    find_library(whole);
    assert_true(temporary_folder_make(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/libonnxruntime.so.1", folder);
    FILE *file = fopen(whole, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    unsigned char *bytes = oa_malloc(size, 1);
    assert_non_null(bytes);
    rewind(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    const struct {
        size_t size;
        const char *words;
    } cases[] = {{size - 1, "is damaged"}, {size / 2, "is damaged"}, {4096, "is damaged"},
                 {64, "is damaged"},       {40, "cannot be loaded"}, {0, "cannot be loaded"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        oa_error error = {0};
        write_bytes(path, bytes, cases[i].size);
        assert_int_equal(oa_library_open(&library, path, &error), OA_ERROR_INPUT);
        assert_non_null(strstr(error.message, cases[i].words));
        assert_non_null(strstr(error.message, path));
    }
    /* Where the loader would find it, too: what stands elsewhere is taken. */
    assert_int_equal(setenv("LD_LIBRARY_PATH", folder, 1), 0);
    write_bytes(path, bytes, size / 2);
    assert_int_equal(oa_library_open(&library, NULL, NULL), OA_OK);
    assert_string_not_equal(library.path, path);
    assert_int_equal(unsetenv("LD_LIBRARY_PATH"), 0);
    /* A header that asks for far more than there is: e_phoff of a 64-bit file. */
    memset(bytes + 32, 255, 8);
    write_bytes(path, bytes, size / 2);
    oa_error error = {0};
    assert_int_equal(oa_library_open(&library, path, &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "is damaged"));
    assert_int_equal(oa_library_open(&library, "/dev/null", &error), OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "is not a file"));
    oa_free(bytes);
    assert_true(temporary_folder_remove(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__keeps_a_status),
        cmocka_unit_test(table__makes_and_reads_tensors),
        cmocka_unit_test(table__opens_a_session),
        cmocka_unit_test(engine__shows_what_the_built_in_one_shows),
        cmocka_unit_test(engine__runs_the_given_payloads),
        cmocka_unit_test(engine__refuses_inputs_that_do_not_fit),
        cmocka_unit_test(engine__reports_every_failing_allocation),
        cmocka_unit_test(library__is_found_by_name_folder_and_variable),
        cmocka_unit_test(library__is_refused_when_it_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
