#include "core/check/verify.h"

#include <math.h>
#include <string.h>

oa_verify_settings oa_verify_settings_default(void)
{
    return (oa_verify_settings){.runs = 4, .tolerance = -1.0};
}

double oa_tolerance_of(const oa_graph *graph)
{
    double tolerance = 1e-4;
    for (size_t i = 0; i < graph->live_count; i++) {
        for (size_t k = 0; k < graph->nodes[i].input_count; k++) {
            const oa_tensor *tensor = oa_node_constant(graph, &graph->nodes[i], k);
            double own = !tensor                              ? 0.0
                         : tensor->dtype == OA_DTYPE_FLOAT16  ? 2e-2
                         : tensor->dtype == OA_DTYPE_BFLOAT16 ? 1e-1
                                                              : 0.0;
            tolerance = own > tolerance ? own : tolerance;
        }
    }
    return tolerance;
}

/* Adds one output's differences to info. */
static bool compare(oa_verify_info *info, const oa_array *x, const oa_array *y)
{
    if (x->dtype != y->dtype || x->rank != y->rank || memcmp(x->dims, y->dims, x->rank * sizeof *x->dims) != 0) {
        return false;
    }
    size_t size = oa_dtype_size(x->dtype);
    if (!oa_dtype_is_float(x->dtype)) {
        return x->count == 0 || memcmp(x->data, y->data, x->count * size) == 0;
    }
    double largest = 0.0;
    double difference = 0.0;
    for (size_t i = 0; i < x->count; i++) {
        double a;
        double b;
        oa_floats_to_f64(&a, (const char *)x->data + i * size, x->dtype, 1);
        oa_floats_to_f64(&b, (const char *)y->data + i * size, y->dtype, 1);
        if (!isfinite(a) || !isfinite(b)) {
            if (!(a == b || (isnan(a) && isnan(b)))) {
                return false;
            }
            continue;
        }
        difference = fmax(difference, fabs(a - b));
        largest = fmax(largest, fabs(a));
    }
    info->max_abs_diff = fmax(info->max_abs_diff, difference);
    info->max_rel_diff = fmax(info->max_rel_diff, difference > 0.0 ? difference / fmax(largest, 1e-30) : 0.0);
    return true;
}

static void free_arrays(oa_array *arrays, size_t count)
{
    for (size_t i = 0; i < count && arrays; i++) {
        oa_array_free(&arrays[i]);
    }
    oa_free(arrays);
}

/* What stays from run to run. */
typedef struct verify_run {
    const oa_runnable *models[2]; /* reference, other */
    const oa_verify_settings *settings;
    oa_session *sessions[2];
    oa_branches branches; /* of the reference */
    oa_session *watched;  /* shows which of them are taken; NULL: there is nothing to see */
    size_t *limits[2];    /* of the integers that each input takes */
    oa_random random;
    oa_verify_info info;
    bool is_same;
} verify_run;

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while verifying");
}

static oa_status draw(oa_array *input, verify_run *run, size_t model, size_t i, oa_random *random, oa_error *error)
{
    const oa_graph *graph = run->models[model]->graph;
    return oa_random_input(input, &graph->values[graph->inputs[i]], run->limits[model][i], &run->settings->sizes,
                           random, error);
}

/* The inputs in the order in which the other model declares them, as views. An input without a counterpart is one that
 * no output depends on: any numbers will do. */
static oa_status inputs_for_other(oa_array *views, verify_run *run, const oa_array *inputs, oa_error *error)
{
    const oa_runnable *other = run->models[1];
    oa_random random;
    oa_status status = OA_OK;
    oa_random_init(&random, run->settings->seed);
    for (size_t i = 0; i < run->models[0]->graph->input_count; i++) {
        size_t at = other->input_of ? other->input_of[i] : i;
        if (at != OA_NONE && at < other->graph->input_count) {
            views[at] = inputs[i];
            views[at].is_view = true;
        }
    }
    for (size_t i = 0; i < other->graph->input_count && status == OA_OK; i++) {
        status = views[i].data ? OA_OK : draw(&views[i], run, 1, i, &random, error);
    }
    return status;
}

static oa_status run_pair(verify_run *run, const oa_array *inputs, oa_error *error)
{
    const oa_graph *other = run->models[1]->graph;
    size_t outputs = run->models[0]->graph->output_count;
    oa_array *x = oa_calloc(outputs, sizeof *x);
    oa_array *y = oa_calloc(other->output_count, sizeof *y);
    oa_array *views = oa_calloc(other->input_count, sizeof *views);
    oa_status status = x && y && views ? OA_OK : no_memory(error);
    if (status == OA_OK) {
        status = oa_session_run(x, run->sessions[0], inputs, NULL, NULL, error);
    }
    oa_branches_begin(&run->branches, inputs);
    if (status == OA_OK && run->watched) {
        status = oa_session_run(NULL, run->watched, inputs, oa_branches_see, &run->branches, error);
    }
    oa_branches_end(&run->branches);
    if (status == OA_OK) {
        status = inputs_for_other(views, run, inputs, error);
    }
    if (status == OA_OK) {
        status = oa_session_run(y, run->sessions[1], views, NULL, NULL, error);
    }
    for (size_t i = 0; i < outputs && status == OA_OK; i++) {
        run->is_same = compare(&run->info, &x[i], &y[i]) && run->is_same;
    }
    free_arrays(x, outputs);
    free_arrays(y, other->output_count);
    free_arrays(views, other->input_count);
    return status;
}

static oa_status run_drawn(verify_run *run, oa_error *error)
{
    size_t count = run->models[0]->graph->input_count;
    oa_array *drawn = oa_calloc(count, sizeof *drawn);
    oa_status status = drawn ? OA_OK : no_memory(error);
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        status = draw(&drawn[i], run, 0, i, &run->random, error);
    }
    if (status == OA_OK) {
        status = run_pair(run, drawn, error);
    }
    free_arrays(drawn, count);
    return status;
}

static oa_status prepare(verify_run *run, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t m = 0; m < 2 && status == OA_OK; m++) {
        const oa_runnable *model = run->models[m];
        run->limits[m] = oa_malloc(model->graph->input_count, sizeof *run->limits[m]);
        status = run->limits[m] ? oa_input_limits(run->limits[m], model->graph, error) : no_memory(error);
        if (status == OA_OK) {
            status = oa_session_create(&run->sessions[m], model->engine, model->graph, model->payloads, NULL, error);
        }
    }
    const oa_runnable *reference = run->models[0];
    if (status == OA_OK) {
        status = oa_branches_init(&run->branches, reference->graph, error);
    }
    if (status == OA_OK && run->branches.shows) {
        status = oa_session_create(&run->watched, reference->engine, reference->graph, reference->payloads,
                                   run->branches.tells, error);
    }
    return status;
}

oa_status oa_verify(oa_verify_info *info, const oa_runnable *reference, const oa_runnable *other,
                    const oa_verify_settings *settings, oa_error *error)
{
    verify_run run = {.models = {reference, other}, .settings = settings, .is_same = true};
    oa_random_init(&run.random, settings->seed);
    run.info.tolerance = settings->tolerance >= 0.0 ? settings->tolerance : oa_tolerance_of(reference->graph);
    run.info.engine = oa_engine_name(other->engine);
    if (reference->graph->output_count != other->graph->output_count ||
        reference->graph->input_count != other->graph->input_count) {
        return oa_fail(error, OA_ERROR_ARCHITECTURE, "the models have different numbers of inputs or outputs");
    }
    oa_status status = prepare(&run, error);
    size_t runs = settings->inputs ? 1 : settings->runs;
    for (; run.info.runs < runs && status == OA_OK; run.info.runs++) {
        status = settings->inputs ? run_pair(&run, settings->inputs, error) : run_drawn(&run, error);
    }
    if (status == OA_OK) {
        bool are_one = reference->graph == other->graph;
        status = oa_branches_unentered(&run.info.unentered, &run.branches, are_one ? other->payloads : NULL, error);
    }
    oa_session_destroy(run.watched);
    oa_branches_free(&run.branches);
    for (size_t m = 0; m < 2; m++) {
        oa_session_destroy(run.sessions[m]);
        oa_free(run.limits[m]);
    }
    if (status == OA_OK) {
        run.info.is_same = run.is_same && run.info.max_rel_diff <= run.info.tolerance;
        *info = run.info;
    }
    return status;
}
