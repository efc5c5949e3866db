/* One pass over the data: what a's units do is kept for a batch, then b's are held against them as they come up. */
#include "core/match/activation_plan.h"

#include "core/exec/array.h"

#include <string.h>

typedef struct pass {
    oa_activation_plan *plan;
    const oa_match_problem *problem;
    oa_array *seen;  /* [values of a] what a channel needs of a's run, as float32; owned */
    bool *is_wanted; /* [values of a] */
    float *widened;  /* b's activation as float32, when it is of another type */
    size_t widened_capacity;
    oa_unit_workspace workspace;
} pass;

static oa_status see_a(void *context, size_t value, const oa_array *array, oa_error *error)
{
    pass *p = context;
    if (!p->is_wanted[value]) {
        return OA_OK;
    }
    oa_array *kept = &p->seen[value];
    if (!oa_dtype_is_float(array->dtype)) {
        return oa_fail(error, OA_ERROR_INPUT, "value '%s' is of type %s, which no activation is",
                       p->problem->a->values[value].name, oa_dtype_name(array->dtype));
    }
    bool fits = kept->data && kept->rank == array->rank &&
                memcmp(kept->dims, array->dims, array->rank * sizeof *array->dims) == 0;
    if (!fits) {
        oa_array_free(kept);
        oa_status status = oa_array_init(kept, OA_DTYPE_FLOAT, array->dims, array->rank, error);
        if (status != OA_OK) {
            return status;
        }
    }
    oa_floats_to_f32(kept->data, array->data, array->dtype, array->count);
    return OA_OK;
}

/* map[i] for i over the axes from `first` to `end`: the index into b with each axis taken through its map. */
static oa_status compose(size_t **map, const oa_channel *c, const size_t *dims, size_t first, size_t end,
                         oa_error *error)
{
    size_t count = 1;
    for (size_t k = first; k < end; k++) {
        count *= dims[k]; /* of an array that is there */
    }
    size_t *made = oa_realloc(*map, count, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching activations");
    }
    *map = made;
    for (size_t i = 0; i < count; i++) {
        size_t rest = i;
        size_t stride = 1;
        made[i] = 0;
        for (size_t k = end; k > first; k--) {
            size_t index = rest % dims[k - 1];
            made[i] += (c->axis_map[k - 1] ? c->axis_map[k - 1][index] : index) * stride;
            rest /= dims[k - 1];
            stride *= dims[k - 1];
        }
    }
    return OA_OK;
}

static oa_status make_maps(oa_channel *c, const oa_array *array, oa_error *error)
{
    if (!c->has_maps || (c->outer_map && memcmp(c->map_dims, array->dims, array->rank * sizeof *array->dims) == 0)) {
        return OA_OK;
    }
    oa_status status = compose(&c->outer_map, c, array->dims, 0, c->axis, error);
    if (status == OA_OK) {
        status = compose(&c->inner_map, c, array->dims, c->axis + 1, array->rank, error);
    }
    memcpy(c->map_dims, array->dims, sizeof c->map_dims);
    return status;
}

/* The layout was found without running: it must hold for what comes. */
static oa_status check_shapes(const pass *p, const oa_channel *c, const oa_array *a, const oa_array *b, oa_error *error)
{
    const char *name = p->problem->a->values[c->value_a].name;
    bool is_same = a->data && a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
    if (!is_same || !oa_dtype_is_float(b->dtype)) {
        return oa_fail(error, OA_ERROR_INPUT, "value '%s' differs in shape or type between the models on this data",
                       name);
    }
    bool fits = c->axis < a->rank && c->extent <= a->dims[c->axis];
    for (size_t k = 0; fits && k < a->rank; k++) {
        fits = !c->axis_map[k] || c->axis_size[k] == a->dims[k];
    }
    char text[OA_SHAPE_TEXT_SIZE];
    return fits ? OA_OK
                : oa_fail(error, OA_ERROR_INPUT, "value '%s' is of shape %s on this data, which the model does not say",
                          name, oa_shape_text(text, a->dims, a->rank));
}

static oa_unit_view view_of(const oa_channel *c, size_t side, const oa_array *shape, const float *data)
{
    oa_unit_view view = {.data = data,
                         .outer = 1,
                         .axis_size = shape->dims[c->axis],
                         .inner = 1,
                         .rest = c->rest,
                         .positions = c->positions[side],
                         .outer_map = side ? c->outer_map : NULL,
                         .inner_map = side ? c->inner_map : NULL};
    for (size_t k = 0; k < c->axis; k++) {
        view.outer *= shape->dims[k];
    }
    for (size_t k = c->axis + 1; k < shape->rank; k++) {
        view.inner *= shape->dims[k];
    }
    return view;
}

static oa_status see_b(void *context, size_t value, const oa_array *array, oa_error *error)
{
    pass *p = context;
    oa_status status = OA_OK;
    for (size_t i = 0; i < p->plan->channel_count && status == OA_OK; i++) {
        oa_channel *c = &p->plan->channels[i];
        const oa_array *a = &p->seen[c->value_a];
        if (c->value_b != value) {
            continue;
        }
        status = check_shapes(p, c, a, array, error);
        if (status == OA_OK) {
            status = make_maps(c, array, error);
        }
        const float *data = array->data;
        if (status == OA_OK && array->dtype != OA_DTYPE_FLOAT) {
            if (!oa_grow(&p->widened, &p->widened_capacity, array->count, sizeof *p->widened)) {
                return oa_fail(error, OA_ERROR_MEMORY, "out of memory for an activation");
            }
            oa_floats_to_f32(p->widened, array->data, array->dtype, array->count);
            data = p->widened;
        }
        if (status == OA_OK && a->count) {
            oa_unit_view view_a = view_of(c, 0, a, a->data);
            oa_unit_view view_b = view_of(c, 1, array, data);
            status = oa_unit_sums_add(&c->sums, &view_a, &view_b, &p->workspace, error);
        }
    }
    return status;
}

/* The batch in the float type of a model's input, when that is another. */
static oa_status convert(oa_array *converted, const oa_array *batch, oa_dtype dtype, oa_error *error)
{
    oa_array_free(converted);
    oa_status status = oa_array_init(converted, dtype, batch->dims, batch->rank, error);
    double *wide = status == OA_OK ? oa_malloc(batch->count, sizeof *wide) : NULL;
    if (status == OA_OK && !wide) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for a batch");
    }
    if (status == OA_OK) {
        oa_floats_to_f64(wide, batch->data, batch->dtype, batch->count);
        oa_floats_from_f64(converted->data, dtype, wide, batch->count);
    }
    oa_free(wide);
    return status;
}

static oa_status run_model(oa_executor *executor, const oa_graph *graph, const oa_array *batch, oa_error *error)
{
    oa_dtype wanted = graph->values[graph->inputs[0]].dtype;
    oa_array converted = {0};
    oa_array *outputs = oa_calloc(graph->output_count, sizeof *outputs);
    oa_status status = outputs ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching activations");
    if (status == OA_OK && wanted != batch->dtype && oa_dtype_is_float(wanted) && oa_dtype_is_float(batch->dtype)) {
        status = convert(&converted, batch, wanted, error);
        batch = &converted;
    }
    if (status == OA_OK) {
        status = oa_executor_run(outputs, executor, batch, NULL, error);
    }
    for (size_t i = 0; outputs && i < graph->output_count; i++) {
        oa_array_free(&outputs[i]);
    }
    oa_free(outputs);
    oa_array_free(&converted);
    return status;
}

static size_t fixed_batch(const oa_graph *graph)
{
    const oa_value *declared = &graph->values[graph->inputs[0]];
    return declared->has_shape && declared->rank > 0 && declared->dims[0] > 0 ? (size_t)declared->dims[0] : 0;
}

/* Runs all batches through both executors. */
static oa_status run_batches(size_t *samples, oa_executor *const *executors, const oa_match_problem *problem,
                             const oa_batches *data, const oa_activation_settings *settings, oa_error *error)
{
    size_t fixed = fixed_batch(problem->a) ? fixed_batch(problem->a) : fixed_batch(problem->b);
    size_t step = fixed ? fixed : settings->batch;
    size_t total = fixed && data->count > fixed ? data->count / fixed * fixed : data->count;
    oa_array batch = {0};
    oa_status status = OA_OK;
    for (size_t first = 0; first < total && status == OA_OK; first += step) {
        size_t n = total - first < step ? total - first : step;
        status = oa_batches_read(&batch, data, first, n, fixed ? fixed : n, error);
        if (status == OA_OK) {
            status = run_model(executors[0], problem->a, &batch, error);
        }
        if (status == OA_OK) {
            status = run_model(executors[1], problem->b, &batch, error);
        }
        if (status == OA_OK && settings->progress) {
            settings->progress(settings->progress_context, first + n, total);
        }
    }
    oa_array_free(&batch);
    *samples = total;
    return status;
}

static oa_status add_profits(const oa_activation_plan *plan, const oa_match_problem *problem, bool uses_covariance,
                             oa_error *error)
{
    for (size_t i = 0; i < plan->channel_count; i++) {
        const oa_channel *c = &plan->channels[i];
        oa_status status = oa_unit_sums_profit(plan->tasks[c->task].profit, &c->sums, uses_covariance, error);
        if (status != OA_OK) {
            oa_error_context(error, "value '%s'", problem->a->values[c->value_a].name);
            return status;
        }
    }
    return OA_OK;
}

oa_status oa_activation_pass(oa_activation_plan *plan, const oa_match_problem *problem, const oa_batches *data,
                             const oa_activation_settings *settings, size_t *samples, oa_error *error)
{
    pass p = {.plan = plan,
              .problem = problem,
              .seen = oa_calloc(problem->a->value_count, sizeof *p.seen),
              .is_wanted = oa_calloc(problem->a->value_count, sizeof *p.is_wanted)};
    oa_executor *executors[2] = {NULL, NULL};
    oa_status status = OA_OK;
    if (!p.seen || !p.is_wanted) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching activations");
        goto done;
    }
    for (size_t i = 0; i < plan->channel_count; i++) {
        p.is_wanted[plan->channels[i].value_a] = true;
    }
    status = oa_executor_create(&executors[0], problem->a, error);
    if (status == OA_OK) {
        status = oa_executor_create(&executors[1], problem->b, error);
    }
    if (status == OA_OK) {
        oa_executor_watch(executors[0], see_a, &p);
        oa_executor_watch(executors[1], see_b, &p);
        status = run_batches(samples, executors, problem, data, settings, error);
    }
    if (status == OA_OK) {
        status = add_profits(plan, problem, settings->uses_covariance, error);
    }
done:
    for (size_t v = 0; p.seen && v < problem->a->value_count; v++) {
        oa_array_free(&p.seen[v]);
    }
    oa_free(p.seen);
    oa_free(p.is_wanted);
    oa_free(p.widened);
    oa_unit_workspace_free(&p.workspace);
    oa_executor_destroy(executors[0]);
    oa_executor_destroy(executors[1]);
    return status;
}
