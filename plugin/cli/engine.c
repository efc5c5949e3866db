#include "plugin/cli/engine.h"

#include "core/exec/feed.h"
#include "plugin/cli/report.h"

#include <math.h>

static const size_t open_sizes[] = {8, 32, 64, 224, 1};

/* Below so many seconds for a run, no engine is too slow; above, one that takes so many times as long as the other is.
 */
static const double LONG_RUN = 0.2;
static const double BY_FAR = 3.0;

/* Larger models are not handed over just to see how long that takes. */
static const size_t TRIED_BYTES = (size_t)1 << 30;

typedef struct trial {
    const oa_engine *engine;
    const oa_options *options;
    const oa_graph *graph;
    const oa_batches *data; /* or NULL: random inputs */
    oa_sizes sizes;         /* of these */
    size_t runs;            /* the first makes what later ones find */
    double seconds;         /* output: of the last one */
} trial;

static oa_status draw_inputs(oa_array *inputs, const trial *t, oa_error *error)
{
    const oa_graph *graph = t->graph;
    size_t *limits = oa_malloc(graph->input_count, sizeof *limits);
    oa_status status =
        limits ? oa_input_limits(limits, graph, error) : oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    oa_random random;
    oa_random_init(&random, t->options->seed);
    for (size_t i = 0; i < graph->input_count && status == OA_OK; i++) {
        status = oa_random_input(&inputs[i], &graph->values[graph->inputs[i]], limits[i], &t->sizes, &random, error);
    }
    oa_free(limits);
    return status;
}

/* Outputs without elements would make all models look alike. */
static oa_status check_outputs(const oa_array *outputs, const oa_graph *graph, oa_error *error)
{
    for (size_t i = 0; i < graph->output_count; i++) {
        if (outputs[i].count == 0) {
            return oa_fail(error, OA_ERROR_INPUT, "output '%s' is empty", graph->values[graph->outputs[i]].name);
        }
    }
    return OA_OK;
}

/* Is some element of each float output so far from zero that differences show beside it? Where a sigmoid gives zeros,
 * an image was too small: rounding is then all that its outputs hold. */
static bool are_telling(const oa_array *outputs, size_t count)
{
    const double LEAST = 1e-4;
    for (size_t i = 0; i < count; i++) {
        double largest = 0.0;
        for (size_t k = 0; k < outputs[i].count && oa_dtype_is_float(outputs[i].dtype); k++) {
            double value;
            const char *at = (const char *)outputs[i].data + k * oa_dtype_size(outputs[i].dtype);
            oa_floats_to_f64(&value, at, outputs[i].dtype, 1);
            largest = fmax(largest, fabs(value));
        }
        if (oa_dtype_is_float(outputs[i].dtype) && !(largest >= LEAST)) {
            return false;
        }
    }
    return true;
}

static oa_status time_runs(oa_array *outputs, trial *t, oa_session *session, const oa_array *inputs, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t r = 0; r < t->runs && status == OA_OK; r++) {
        double start = oa_seconds();
        for (size_t i = 0; i < t->graph->output_count; i++) {
            oa_array_free(&outputs[i]);
        }
        status = oa_session_run(outputs, session, inputs, NULL, NULL, error);
        t->seconds = oa_seconds() - start;
    }
    return status;
}

/* is_telling may be NULL. */
static oa_status run_trial(bool *is_telling, trial *t, oa_error *error)
{
    const oa_graph *graph = t->graph;
    size_t fixed = oa_fixed_batch(graph);
    oa_session *session = NULL;
    oa_rows rows = {0};
    oa_feed feed = {.inputs = oa_calloc(graph->input_count, sizeof *feed.inputs), .count = graph->input_count};
    oa_array *outputs = oa_calloc(graph->output_count, sizeof *outputs);
    oa_status status = OA_OK;
    if (!feed.inputs || !outputs) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory");
        goto done;
    }
    status = oa_session_create(&session, t->engine, graph, NULL, NULL, error);
    if (status == OA_OK && !t->data) {
        status = draw_inputs(feed.inputs, t, error);
    } else if (status == OA_OK) {
        status = oa_rows_read(&rows, t->data, 0, 1, fixed ? fixed : 1, error);
        status = status == OA_OK ? oa_feed_set(&feed, graph, &rows, NULL, error) : status;
    }
    if (status == OA_OK) {
        status = time_runs(outputs, t, session, feed.inputs, error);
    }
    if (status == OA_OK) {
        status = check_outputs(outputs, graph, error);
    }
    if (status == OA_OK && is_telling) {
        *is_telling = are_telling(outputs, graph->output_count);
    }
done:
    for (size_t i = 0; outputs && i < graph->output_count; i++) {
        oa_array_free(&outputs[i]);
    }
    oa_free(outputs);
    oa_feed_free(&feed);
    oa_rows_free(&rows);
    oa_session_destroy(session);
    return status;
}

/* Does the model leave sizes open that count? */
static bool has_open_sizes(const oa_graph *graph)
{
    for (size_t i = 0; i < graph->input_count; i++) {
        const oa_value *declared = &graph->values[graph->inputs[i]];
        for (size_t k = 1; declared->has_shape && k < declared->rank; k++) {
            if (declared->dims[k] < 0) {
                return true;
            }
        }
    }
    return false;
}

/* Runs the model on the first open sizes that it gets through with outputs that tell something; without these, on the
 * first that it gets through at all. */
static oa_status find_sizes(oa_sizes *sizes, trial *t, oa_error *error)
{
    enum { SIZES = sizeof open_sizes / sizeof open_sizes[0] };
    oa_status status = OA_ERROR_INPUT;
    bool is_telling = false, has_run = false;
    for (size_t i = 0; i < 2 * SIZES && !is_telling; i++) {
        t->sizes.others = open_sizes[i % SIZES];
        t->sizes.counts_anywhere = i >= SIZES;
        status = run_trial(&is_telling, t, error);
        if (status == OA_OK && (is_telling || !has_run)) {
            *sizes = t->sizes;
            has_run = true;
        } else if (status != OA_OK && status != OA_ERROR_INPUT) {
            break;
        }
    }
    return status == OA_ERROR_INPUT && has_run ? OA_OK : status;
}

/* Tries an engine on the models. Only what it does not support counts against it: inputs that fit
 * better may come. *seconds is what the slowest took for its run. */
static oa_status try_engine(double *seconds, oa_sizes *sizes, const oa_engine *engine, const oa_options *options,
                            oa_model *const *models, size_t count, const oa_batches *data, oa_error *error)
{
    *seconds = 0.0;
    for (size_t m = 0; m < count; m++) {
        trial t = {.engine = engine,
                   .options = options,
                   .graph = oa_model_graph(models[m]),
                   .data = data,
                   .sizes = *sizes,
                   .runs = 1};
        bool is_open = m == 0 && !data && has_open_sizes(t.graph);
        oa_status status = is_open ? find_sizes(sizes, &t, error) : run_trial(NULL, &t, error);
        if (status == OA_ERROR_UNSUPPORTED || status == OA_ERROR_MEMORY) {
            oa_error_context(error, "%s", options->models[m]);
            return status;
        }
        *seconds = t.seconds > *seconds ? t.seconds : *seconds;
    }
    return OA_OK;
}

static oa_status use_runtime(oa_engine_choice *choice, const oa_options *options, oa_model *const *models, size_t count,
                             const oa_batches *data, oa_error *error)
{
    oa_onnxruntime *runtime = NULL;
    oa_status status = oa_onnxruntime_create(&runtime, options->onnxruntime, options->threads, error);
    if (status != OA_OK) {
        return status;
    }
    oa_onnxruntime_serve(runtime, models, count);
    double seconds;
    status = try_engine(&seconds, &choice->sizes, oa_onnxruntime_engine(runtime), options, models, count, data, error);
    if (status != OA_OK) {
        oa_onnxruntime_destroy(runtime);
        return status;
    }
    choice->runtime = runtime;
    choice->engine = oa_onnxruntime_engine(runtime);
    return OA_OK;
}

bool oa_engine_is_slow(double seconds, double other_seconds)
{
    return seconds >= LONG_RUN && seconds > BY_FAR * other_seconds;
}

/* Seconds for a run of a model, after one that does not count. */
static oa_status time_engine(double *seconds, trial *t, const oa_engine *engine)
{
    t->engine = engine;
    oa_status status = run_trial(NULL, t, NULL);
    *seconds = t->seconds;
    return status;
}

/* The built-in engine takes its time: is ONNX Runtime at hand, and does it take much less? Whatever goes wrong on the
 * way leaves everything as it was. */
static void look_for_faster(oa_engine_choice *choice, const oa_options *options, oa_model *const *models, size_t count,
                            const oa_batches *data)
{
    trial t = {.options = options, .graph = oa_model_graph(models[0]), .data = data, .sizes = choice->sizes, .runs = 2};
    double own, other;
    oa_engine_choice found = {.sizes = choice->sizes};
    if (time_engine(&own, &t, oa_engine_builtin()) != OA_OK || !oa_engine_is_slow(own, 0.0) ||
        use_runtime(&found, options, models, count, data, NULL) != OA_OK) {
        return;
    }
    if (time_engine(&other, &t, found.engine) == OA_OK && oa_engine_is_slow(own, other)) {
        found.sizes = choice->sizes;
        *choice = found;
        oa_note(options,
                "the built-in engine takes %.2g seconds for a run of %s, ONNX Runtime %s takes %.2g; using that", own,
                options->models[0], oa_onnxruntime_version(found.runtime), other);
        return;
    }
    oa_engine_choice_free(&found);
}

oa_status oa_engine_choose(oa_engine_choice *choice, const oa_options *options, oa_model *const *models, size_t count,
                           const oa_batches *data, oa_error *error)
{
    data = data && data->count ? data : NULL;
    if (choice->engine) {
        return OA_OK;
    }
    choice->sizes = (oa_sizes){.named = options->dimensions, .named_count = options->dimension_count};
    if (options->engine == OA_ENGINE_ONNXRUNTIME) {
        return use_runtime(choice, options, models, count, data, error);
    }
    oa_error reason = {0};
    double seconds;
    oa_status status = try_engine(&seconds, &choice->sizes, oa_engine_builtin(), options, models, count, data, &reason);
    if (status == OA_OK) {
        choice->engine = oa_engine_builtin();
        bool can_change = options->engine == OA_ENGINE_AUTO && oa_model_payload_bytes(models[0]) <= TRIED_BYTES;
        if (can_change && oa_engine_is_slow(seconds, 0.0)) {
            look_for_faster(choice, options, models, count, data);
        }
        return OA_OK;
    }
    if (status != OA_ERROR_UNSUPPORTED || options->engine == OA_ENGINE_BUILTIN) {
        return oa_fail(error, status, "%s", reason.message);
    }
    oa_error other = {0};
    status = use_runtime(choice, options, models, count, data, &other);
    if (status != OA_OK) {
        return oa_fail(error, status, "%.500s; %.450s", reason.message, other.message);
    }
    oa_note(options, "%s; using ONNX Runtime %s", reason.message, oa_onnxruntime_version(choice->runtime));
    return OA_OK;
}

void oa_engine_choice_free(oa_engine_choice *choice)
{
    oa_onnxruntime_destroy(choice->runtime);
    *choice = (oa_engine_choice){0};
}
