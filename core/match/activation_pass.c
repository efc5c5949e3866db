/* One pass over the data: what a's units do is kept for a batch, then b's are held against them as they come up. */
#include "core/match/activation_plan.h"

#include "core/exec/array.h"
#include "core/exec/feed.h"

#include <string.h>

/* The activations of a that are kept for a batch, and once more on their way out of an engine that shows them late, may
 * take so many bytes. */
enum { SEEN_BYTES = 192 * 1024 * 1024 };

/* One of the two models. */
typedef struct model_side {
    const oa_graph *graph;
    oa_session *session;
    bool *wanted;           /* [values] what channels look at */
    const size_t *input_of; /* [inputs of a], as of oa_feed_set */
    oa_feed feed;
} model_side;

typedef struct pass {
    oa_activation_plan *plan;
    const oa_match_problem *problem;
    model_side a, b;
    oa_rows rows;
    oa_array *seen; /* [values of a] what a channel needs of a's run, as float32; owned */
    float *widened; /* b's activation as float32, when it is of another type */
    size_t widened_capacity;
    oa_unit_workspace workspace;
} pass;

static oa_status see_a(void *context, size_t value, const oa_array *array, oa_error *error)
{
    pass *p = context;
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

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching activations");
}

/* Runs a model on what is in the rows. */
static oa_status run_model(model_side *model, pass *p, oa_watcher *watcher, oa_error *error)
{
    oa_status status = oa_feed_set(&model->feed, model->graph, &p->rows, model->input_of, error);
    return status == OA_OK ? oa_session_run(NULL, model->session, model->feed.inputs, watcher, p, error) : status;
}

/* How many samples to run at a time. The first one tells how much the activations take. */
static oa_status choose_batch(size_t *batch, pass *p, const oa_batches *data, const oa_activation_settings *settings,
                              oa_error *error)
{
    oa_status status = oa_rows_read(&p->rows, data, 0, 1, 1, error);
    if (status == OA_OK) {
        status = run_model(&p->a, p, see_a, error);
    }
    size_t bytes = 0;
    for (size_t v = 0; v < p->a.graph->value_count && status == OA_OK; v++) {
        bytes += p->seen[v].count * sizeof(float);
        oa_array_free(&p->seen[v]);
    }
    size_t most = oa_batches_fit(data, settings->batch);
    size_t fits = bytes ? SEEN_BYTES / bytes : most;
    *batch = fits < 1 ? 1 : fits < most ? fits : most;
    return status;
}

/* Runs all batches through both models. */
static oa_status run_batches(size_t *samples, pass *p, const oa_batches *data, const oa_activation_settings *settings,
                             oa_error *error)
{
    size_t fixed = oa_fixed_batch(p->a.graph) ? oa_fixed_batch(p->a.graph) : oa_fixed_batch(p->b.graph);
    size_t step = fixed;
    size_t total = fixed && data->count > fixed ? data->count / fixed * fixed : data->count;
    oa_status status = fixed ? OA_OK : choose_batch(&step, p, data, settings, error);
    for (size_t first = 0; first < total && status == OA_OK; first += step) {
        size_t n = total - first < step ? total - first : step;
        status = oa_rows_read(&p->rows, data, first, n, fixed ? fixed : n, error);
        if (status == OA_OK) {
            status = run_model(&p->a, p, see_a, error);
        }
        if (status == OA_OK) {
            status = run_model(&p->b, p, see_b, error);
        }
        if (status == OA_OK && settings->progress) {
            settings->progress(settings->progress_context, first + n, total);
        }
    }
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

static void close_side(model_side *model)
{
    oa_session_destroy(model->session);
    oa_feed_free(&model->feed);
    oa_free(model->wanted);
}

static oa_status prepare(pass *p, const oa_engine *engine, oa_error *error)
{
    p->a.graph = p->problem->a;
    p->b.graph = p->problem->b;
    p->seen = oa_calloc(p->a.graph->value_count, sizeof *p->seen);
    p->a.wanted = oa_calloc(p->a.graph->value_count, sizeof *p->a.wanted);
    p->b.wanted = oa_calloc(p->b.graph->value_count, sizeof *p->b.wanted);
    if (!p->seen || !p->a.wanted || !p->b.wanted) {
        return no_memory(error);
    }
    p->b.input_of = p->problem->input_b;
    for (size_t i = 0; i < p->plan->channel_count; i++) {
        p->a.wanted[p->plan->channels[i].value_a] = true;
        p->b.wanted[p->plan->channels[i].value_b] = true;
    }
    oa_status status = oa_session_create(&p->a.session, engine, p->a.graph, NULL, p->a.wanted, error);
    return status == OA_OK ? oa_session_create(&p->b.session, engine, p->b.graph, NULL, p->b.wanted, error) : status;
}

oa_status oa_activation_pass(oa_activation_plan *plan, const oa_match_problem *problem, const oa_batches *data,
                             const oa_activation_settings *settings, size_t *samples, oa_error *error)
{
    pass p = {.plan = plan, .problem = problem};
    oa_status status = prepare(&p, settings->engine, error);
    if (status == OA_OK) {
        status = run_batches(samples, &p, data, settings, error);
    }
    if (status == OA_OK) {
        status = add_profits(plan, problem, settings->uses_covariance, error);
    }
    for (size_t v = 0; p.seen && v < problem->a->value_count; v++) {
        oa_array_free(&p.seen[v]);
    }
    oa_free(p.seen);
    oa_free(p.widened);
    oa_rows_free(&p.rows);
    oa_unit_workspace_free(&p.workspace);
    close_side(&p.a);
    close_side(&p.b);
    return status;
}
