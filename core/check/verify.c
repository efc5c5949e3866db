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

static size_t dimension_of(const oa_value *declared, size_t axis, const oa_verify_settings *settings)
{
    if (declared->dims[axis] >= 0) {
        return (size_t)declared->dims[axis];
    }
    for (size_t i = 0; i < settings->dimension_count && declared->symbols[axis]; i++) {
        if (strcmp(settings->dimensions[i].name, declared->symbols[axis]) == 0) {
            return settings->dimensions[i].value;
        }
    }
    return 1;
}

static void fill(oa_array *input, oa_random *random)
{
    size_t size = oa_dtype_size(input->dtype);
    unsigned char *bytes = input->data;
    for (size_t i = 0; i < input->count; i++) {
        if (oa_dtype_is_float(input->dtype)) {
            float value = (float)oa_random_normal(random);
            oa_floats_from_f32(bytes + i * size, input->dtype, &value, 1);
        } else {
            bytes[i * size] = (unsigned char)oa_random_below(random, 2); /* the rest of a little-endian integer is 0 */
        }
    }
}

oa_status oa_random_input(oa_array *input, const oa_value *declared, const oa_verify_settings *settings,
                          oa_random *random, oa_error *error)
{
    size_t dims[OA_MAX_RANK] = {0};
    bool is_drawable = oa_dtype_is_float(declared->dtype) ||
                       (declared->dtype >= OA_DTYPE_UINT8 && declared->dtype <= OA_DTYPE_INT64) ||
                       declared->dtype == OA_DTYPE_BOOL || declared->dtype == OA_DTYPE_UINT32 ||
                       declared->dtype == OA_DTYPE_UINT64;
    if (!is_drawable || declared->is_opaque) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "input '%s' is of type %s, for which no random values can be drawn",
                       declared->name, oa_dtype_name(declared->dtype));
    }
    if (!declared->has_shape) {
        return oa_fail(error, OA_ERROR_INPUT, "input '%s' declares no shape: give samples with --data", declared->name);
    }
    for (size_t k = 0; k < declared->rank; k++) {
        dims[k] = dimension_of(declared, k, settings);
    }
    oa_status status = oa_array_init(input, declared->dtype, dims, declared->rank, error);
    if (status == OA_OK) {
        fill(input, random);
    }
    return status;
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

/* The inputs in the order in which the other model declares them, as views. An input without a counterpart is one that
 * no output depends on: any numbers will do. */
static oa_status inputs_for(oa_array *views, const oa_array *inputs, const oa_runnable *other, size_t count,
                            const oa_verify_settings *settings, oa_error *error)
{
    oa_random random;
    oa_status status = OA_OK;
    oa_random_init(&random, settings->seed);
    for (size_t i = 0; i < count; i++) {
        size_t at = other->input_of ? other->input_of[i] : i;
        if (at != OA_NONE && at < other->graph->input_count) {
            views[at] = inputs[i];
            views[at].is_view = true;
        }
    }
    for (size_t i = 0; i < other->graph->input_count && status == OA_OK; i++) {
        if (!views[i].data) {
            const oa_value *declared = &other->graph->values[other->graph->inputs[i]];
            status = oa_random_input(&views[i], declared, settings, &random, error);
        }
    }
    return status;
}

static oa_status run_pair(oa_verify_info *info, bool *is_same, const oa_runnable *reference, const oa_runnable *other,
                          oa_executor *const executors[2], const oa_array *inputs, const oa_verify_settings *settings,
                          oa_error *error)
{
    size_t outputs = reference->graph->output_count;
    oa_array *x = oa_calloc(outputs, sizeof *x);
    oa_array *y = oa_calloc(other->graph->output_count, sizeof *y);
    oa_array *views = oa_calloc(other->graph->input_count, sizeof *views);
    oa_status status = x && y && views ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory while verifying");
    if (status == OA_OK) {
        status = oa_executor_run(x, executors[0], inputs, reference->payloads, error);
    }
    if (status == OA_OK) {
        status = inputs_for(views, inputs, other, reference->graph->input_count, settings, error);
    }
    if (status == OA_OK) {
        status = oa_executor_run(y, executors[1], views, other->payloads, error);
    }
    for (size_t i = 0; i < outputs && status == OA_OK; i++) {
        *is_same = compare(info, &x[i], &y[i]) && *is_same;
    }
    free_arrays(x, outputs);
    free_arrays(y, other->graph->output_count);
    free_arrays(views, other->graph->input_count);
    return status;
}

oa_status oa_verify(oa_verify_info *info, const oa_runnable *reference, const oa_runnable *other,
                    const oa_verify_settings *settings, oa_error *error)
{
    size_t count = reference->graph->input_count;
    oa_executor *executors[2] = {NULL, NULL};
    oa_array *drawn = NULL;
    oa_random random;
    oa_random_init(&random, settings->seed);
    oa_verify_info result = {.tolerance =
                                 settings->tolerance >= 0.0 ? settings->tolerance : oa_tolerance_of(reference->graph)};
    bool is_same = true;
    oa_status status = OA_OK;
    if (reference->graph->output_count != other->graph->output_count || count != other->graph->input_count) {
        return oa_fail(error, OA_ERROR_ARCHITECTURE, "the models have different numbers of inputs or outputs");
    }
    status = oa_executor_create(&executors[0], reference->graph, error);
    if (status == OA_OK) {
        status = oa_executor_create(&executors[1], other->graph, error);
    }
    size_t runs = settings->inputs ? 1 : settings->runs;
    for (; result.runs < runs && status == OA_OK; result.runs++) {
        if (settings->inputs) {
            status = run_pair(&result, &is_same, reference, other, executors, settings->inputs, settings, error);
            continue;
        }
        drawn = oa_calloc(count, sizeof *drawn);
        status = drawn ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory while verifying");
        for (size_t i = 0; i < count && status == OA_OK; i++) {
            status = oa_random_input(&drawn[i], &reference->graph->values[reference->graph->inputs[i]], settings,
                                     &random, error);
        }
        if (status == OA_OK) {
            status = run_pair(&result, &is_same, reference, other, executors, drawn, settings, error);
        }
        free_arrays(drawn, count);
    }
    oa_executor_destroy(executors[0]);
    oa_executor_destroy(executors[1]);
    if (status == OA_OK) {
        result.is_same = is_same && result.max_rel_diff <= result.tolerance;
        *info = result;
    }
    return status;
}
