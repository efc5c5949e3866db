#include "core/learn/dws.h"

#include <string.h>

/* Features as they stand between two layers. */
typedef struct encoding {
    oa_tape *tape;
    const oa_dws_plan *plan;
    const oa_packed_dws *const *models;
    size_t count;       /* models */
    size_t layer;       /* how many the features have behind them */
    const oa_var *next; /* the parameter to take next */
    oa_var *vectors;    /* [axis_count] [models * size, width], where the width is not 0 */
    oa_var *fixed;      /* [fixed_count] [models * size, width], for those that are no vectors */
    oa_var *matrices;   /* [axis_count - 1] [models * rows * columns, width] */
    oa_var *on_axis;    /* [axis_count] [models * size, axis width] all that lies on the units */
    oa_var *pooled;     /* [axis_count] [models, axis width] */
    oa_var *parts;      /* [fixed_count + 3] to put together */
} encoding;

static oa_var take(encoding *e)
{
    return *e->next++;
}

static oa_var product(const encoding *e, oa_var a, oa_var b)
{
    return oa_op_matmul(e->tape, a, false, b, false, 1.0f);
}

/* The same part of all models, one under the other. */
static oa_var stack(const encoding *e, float *const *(*list)(const oa_packed_dws *), size_t index, size_t rows,
                    size_t columns)
{
    size_t count = rows * columns, all;
    float *stacked = oa_mul_overflows(&all, count, e->count) ? NULL : oa_tape_buffer(e->tape, all);
    for (size_t m = 0; m < e->count && stacked; m++) {
        memcpy(stacked + m * count, list(e->models[m])[index], count * sizeof *stacked);
    }
    return stacked ? oa_tape_constant(e->tape, stacked, e->count * rows, columns) : 0;
}

static float *const *vectors_of(const oa_packed_dws *model)
{
    return model->vectors;
}

static float *const *fixed_of(const oa_packed_dws *model)
{
    return model->fixed;
}

static float *const *matrices_of(const oa_packed_dws *model)
{
    return model->matrices;
}

/* The features before the first layer: weights, those to fixed places reduced. */
static void start(encoding *e)
{
    const oa_dws_plan *plan = e->plan;
    for (size_t a = 0; a < plan->axis_count; a++) {
        const oa_dws_axis *axis = &plan->axes[a];
        if (axis->vector_count) {
            e->vectors[a] = stack(e, vectors_of, a, axis->size, axis->vector_count);
        }
        for (size_t i = 0; i < axis->fixed_count; i++) {
            size_t f = axis->fixed[i];
            e->fixed[f] = product(e, stack(e, fixed_of, f, axis->size, plan->relations.fixed[f].places), take(e));
        }
    }
    for (size_t m = 0; m + 1 < plan->axis_count; m++) {
        const oa_relation *relation = &plan->relations.between[plan->matrices[m].relation];
        e->matrices[m] = stack(e, matrices_of, m, relation->rows.size * relation->columns.size, relation->taps);
    }
}

/* The maximum of a matrix over the axis that is not `axis`: [models * size of axis, width]. */
static oa_var pool_matrix(const encoding *e, size_t m, size_t axis)
{
    const oa_dws_matrix *matrix = &e->plan->matrices[m];
    size_t rows = e->plan->axes[matrix->rows].size, columns = e->plan->axes[matrix->columns].size;
    size_t width = oa_tape_columns(e->tape, e->matrices[m]);
    if (matrix->rows == axis) {
        return oa_op_max_rows(e->tape, e->matrices[m], e->count * rows);
    }
    oa_var x = oa_op_reshape(e->tape, e->matrices[m], e->count * rows, columns * width);
    return oa_op_reshape(e->tape, oa_op_max_rows(e->tape, x, e->count), e->count * columns, width);
}

/* What lies on the units of every axis, and its maximum over them. */
static void collect(encoding *e)
{
    for (size_t a = 0; a < e->plan->axis_count; a++) {
        const oa_dws_axis *axis = &e->plan->axes[a];
        size_t count = 0;
        if (oa_dws_vector_width(e->plan, a, e->layer)) {
            e->parts[count++] = e->vectors[a];
        }
        for (size_t i = 0; i < axis->fixed_count; i++) {
            e->parts[count++] = e->fixed[axis->fixed[i]];
        }
        if (a > 0) {
            e->parts[count++] = pool_matrix(e, a - 1, a);
        }
        if (a + 1 < e->plan->axis_count) {
            e->parts[count++] = pool_matrix(e, a, a);
        }
        e->on_axis[a] = count == 1 ? e->parts[0] : oa_op_concat_columns(e->tape, e->parts, count);
        e->pooled[a] = oa_op_max_rows(e->tape, e->on_axis[a], e->count);
    }
}

/* New features on the units of an axis, before the rectifier. */
static oa_var mix_units(encoding *e, size_t axis)
{
    size_t first, count;
    oa_dws_neighbours(&first, &count, e->plan, axis);
    oa_var units = product(e, e->on_axis[axis], take(e));
    oa_var around = count == 1 ? e->pooled[first] : oa_op_concat_columns(e->tape, e->pooled + first, count);
    oa_var shared = product(e, around, take(e));
    return oa_op_add_rows(e->tape, units, oa_op_add_rows(e->tape, shared, take(e), 1), e->count);
}

static oa_var finish(const encoding *e, oa_var x)
{
    return oa_op_layer_norm(e->tape, oa_op_relu(e->tape, x));
}

static oa_var mix_matrix(encoding *e, size_t m)
{
    const oa_dws_matrix *matrix = &e->plan->matrices[m];
    oa_var mix = take(e);
    oa_var rows = product(e, e->on_axis[matrix->rows], take(e));
    oa_var columns = product(e, e->on_axis[matrix->columns], take(e));
    oa_var pools[2] = {e->pooled[matrix->rows], e->pooled[matrix->columns]};
    oa_var shared = product(e, oa_op_concat_columns(e->tape, pools, 2), take(e));
    shared = oa_op_add_rows(e->tape, shared, take(e), 1);
    return oa_op_pairs(e->tape, e->matrices[m], mix, oa_op_add_rows(e->tape, rows, shared, e->count), columns,
                       e->count);
}

static void run_layer(encoding *e)
{
    collect(e);
    for (size_t a = 0; a < e->plan->axis_count; a++) {
        e->vectors[a] = finish(e, mix_units(e, a));
        for (size_t i = 0; i < e->plan->axes[a].fixed_count; i++) {
            e->fixed[e->plan->axes[a].fixed[i]] = finish(e, mix_units(e, a));
        }
    }
    for (size_t m = 0; m + 1 < e->plan->axis_count; m++) {
        e->matrices[m] = mix_matrix(e, m);
    }
    e->layer++;
}

static oa_status check_aligner(const oa_dws_plan *plan, const oa_aligner *aligner, oa_error *error)
{
    bool fits = aligner->parameter_count == plan->parameter_count;
    for (size_t i = 0; i < plan->parameter_count && fits; i++) {
        fits = aligner->parameters[i].rows == plan->parameters[i].rows &&
               aligner->parameters[i].columns == plan->parameters[i].columns;
    }
    return fits ? OA_OK
                : oa_fail(error, OA_ERROR_ARCHITECTURE,
                          "this aligner with DWS layers is for models of another architecture");
}

static oa_status encode_checked(oa_var *features, oa_tape *tape, const oa_aligner_leaves *leaves,
                                const oa_dws_plan *plan, const oa_packed *const *models, size_t model_count,
                                oa_error *error)
{
    size_t axes = plan->axis_count, fixed = plan->relations.fixed_count;
    oa_status status = check_aligner(plan, leaves->aligner, error);
    oa_var *memory = status == OA_OK ? oa_calloc(4 * axes + 2 * fixed + 3, sizeof *memory) : NULL;
    if (!memory) {
        return status != OA_OK ? status : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the features of units");
    }
    encoding e = {.tape = tape,
                  .plan = plan,
                  .models = (const oa_packed_dws *const *)models,
                  .count = model_count,
                  .next = leaves->of,
                  .vectors = memory,
                  .matrices = memory + axes,
                  .on_axis = memory + 2 * axes,
                  .pooled = memory + 3 * axes,
                  .fixed = memory + 4 * axes,
                  .parts = memory + 4 * axes + fixed};
    start(&e);
    for (size_t layer = 0; layer < plan->base.config.rounds; layer++) {
        run_layer(&e);
    }
    collect(&e);
    for (size_t a = 0; a < axes; a++) {
        features[plan->axes[a].group] = oa_op_normalise_rows(tape, mix_units(&e, a));
    }
    oa_free(memory);
    return OA_OK;
}

static void encode(oa_var *features, oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                   const oa_packed *const *models, size_t model_count)
{
    oa_error error = {.status = OA_OK};
    if (encode_checked(features, tape, leaves, (const oa_dws_plan *)plan, models, model_count, &error) != OA_OK) {
        oa_tape_fail(tape, &error);
    }
}

static oa_var scores(oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                     const oa_packed *const *models, const oa_var *features, size_t group, size_t a, size_t b)
{
    size_t n = plan->layout->groups[group].size;
    (void)models;
    if (oa_tape_status(tape, NULL) != OA_OK) {
        return 0; /* the aligner may be another architecture's, and have no parameters at all */
    }
    oa_var product = oa_op_matmul(tape, oa_op_rows(tape, features[group], a * n, n), false,
                                  oa_op_rows(tape, features[group], b * n, n), true, 1.0f);
    return oa_op_scale(tape, product, oa_op_exp(tape, leaves->of[leaves->aligner->parameter_count - 1]));
}

const oa_encoder_functions oa_encoder_dws = {.plan_create = oa_dws_plan_create,
                                             .plan_destroy = oa_dws_plan_destroy,
                                             .parameters = oa_dws_parameters,
                                             .pack = oa_dws_pack,
                                             .packed_destroy = oa_dws_packed_destroy,
                                             .encode = encode,
                                             .scores = scores};
