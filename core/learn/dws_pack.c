/* A model's weights as the DWS encoder takes them. */
#include "core/learn/dws.h"

#include <math.h>

static oa_status out_of_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a model");
}

static float *claim(oa_packed_dws *packed, size_t count, size_t more)
{
    size_t total, bytes;
    if (oa_mul_overflows(&total, count, more) || oa_mul_overflows(&bytes, total, sizeof(float))) {
        return NULL;
    }
    packed->base.bytes += bytes;
    return oa_malloc(total, sizeof(float));
}

/* Root mean square 1, of `count` values that are `stride` apart. All zero: they stay so. */
static void scale(float *values, size_t count, size_t stride)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i * stride] * (double)values[i * stride];
    }
    float factor = sum > 0.0 ? (float)sqrt((double)count / sum) : 0.0f;
    for (size_t i = 0; i < count; i++) {
        values[i * stride] *= factor;
    }
}

/* x [size, places], rows `stride` apart. */
static void gather_fixed(float *x, size_t stride, const oa_fixed_relation *fixed, const float *weights)
{
    const oa_relation_axis *rows = &fixed->rows;
    for (size_t i = 0; i < rows->size; i++) {
        for (size_t r = 0; r < rows->rest; r++) {
            const float *row = weights + rows->positions[i * rows->rest + r] * rows->stride;
            for (size_t o = 0; o < fixed->offset_count; o++) {
                x[i * stride + r * fixed->offset_count + o] = row[fixed->offsets[o]];
            }
        }
    }
}

/* x [rows * columns, taps]. */
static void gather_matrix(float *x, const oa_relation *relation, const float *weights)
{
    const oa_relation_axis *rows = &relation->rows, *columns = &relation->columns;
    for (size_t i = 0; i < rows->size; i++) {
        for (size_t j = 0; j < columns->size; j++) {
            for (size_t tap = 0; tap < rows->rest * columns->rest; tap++) {
                const float *cell = weights + rows->positions[i * rows->rest + tap / columns->rest] * rows->stride +
                                    columns->positions[j * columns->rest + tap % columns->rest] * columns->stride;
                for (size_t o = 0; o < relation->offset_count; o++) {
                    *x++ = cell[relation->offsets[o]];
                }
            }
        }
    }
}

static oa_status pack_axis(oa_packed_dws *packed, const oa_dws_plan *plan, size_t a, const float *const *weights,
                           oa_error *error)
{
    const oa_dws_axis *axis = &plan->axes[a];
    if (axis->vector_count && !(packed->vectors[a] = claim(packed, axis->size, axis->vector_count))) {
        return out_of_memory(error);
    }
    for (size_t i = 0; i < axis->vector_count; i++) {
        const oa_fixed_relation *vector = &plan->relations.fixed[axis->vectors[i]];
        gather_fixed(packed->vectors[a] + i, axis->vector_count, vector, weights[vector->tensor]);
        scale(packed->vectors[a] + i, axis->size, axis->vector_count);
    }
    for (size_t i = 0; i < axis->fixed_count; i++) {
        const oa_fixed_relation *fixed = &plan->relations.fixed[axis->fixed[i]];
        float *x = packed->fixed[axis->fixed[i]] = claim(packed, axis->size, fixed->places);
        if (!x) {
            return out_of_memory(error);
        }
        gather_fixed(x, fixed->places, fixed, weights[fixed->tensor]);
        scale(x, axis->size * fixed->places, 1);
    }
    return OA_OK;
}

oa_status oa_dws_pack(oa_packed **result, const oa_aligner_plan *base, const float *const *weights, oa_error *error)
{
    const oa_dws_plan *plan = (const oa_dws_plan *)base;
    oa_packed_dws *packed = oa_calloc(1, sizeof *packed);
    oa_status status = OA_OK;
    if (!packed) {
        return out_of_memory(error);
    }
    packed->base.functions = &oa_encoder_dws;
    packed->axis_count = plan->axis_count;
    packed->fixed_count = plan->relations.fixed_count;
    packed->vectors = oa_calloc(packed->axis_count, sizeof *packed->vectors);
    packed->fixed = oa_calloc(packed->fixed_count, sizeof *packed->fixed);
    packed->matrices = oa_calloc(packed->axis_count, sizeof *packed->matrices);
    if (!packed->vectors || !packed->fixed || !packed->matrices) {
        status = out_of_memory(error);
    }
    for (size_t a = 0; a < plan->axis_count && status == OA_OK; a++) {
        status = pack_axis(packed, plan, a, weights, error);
    }
    for (size_t m = 0; m + 1 < plan->axis_count && status == OA_OK; m++) {
        const oa_relation *relation = &plan->relations.between[plan->matrices[m].relation];
        size_t count = relation->rows.size * relation->columns.size; /* at most the tensor's, which fits */
        float *x = packed->matrices[m] = claim(packed, count, relation->taps);
        if (x) {
            gather_matrix(x, relation, weights[relation->tensor]);
            scale(x, count * relation->taps, 1);
        } else {
            status = out_of_memory(error);
        }
    }
    if (status == OA_OK) {
        *result = &packed->base;
    } else {
        oa_dws_packed_destroy(&packed->base);
    }
    return status;
}

static void free_list(float **list, size_t count)
{
    for (size_t i = 0; i < count && list; i++) {
        oa_free(list[i]);
    }
    oa_free(list);
}

void oa_dws_packed_destroy(oa_packed *base)
{
    oa_packed_dws *packed = (oa_packed_dws *)base;
    if (packed) {
        free_list(packed->vectors, packed->axis_count);
        free_list(packed->fixed, packed->fixed_count);
        free_list(packed->matrices, packed->axis_count);
        oa_free(packed);
    }
}
