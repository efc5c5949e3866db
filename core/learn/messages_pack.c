/* A model's weights in the order in which messages use them, scaled to root mean square 1 a tensor. */
#include "core/learn/messages_plan.h"

#include "core/linalg/blas.h"
#include "core/linalg/sums.h"

#include <math.h>
#include <string.h>

static oa_status out_of_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a model");
}

/* count * more floats that belong to the packed model. */
static float *claim(oa_packed_messages *packed, size_t count, size_t more)
{
    size_t total, bytes;
    if (oa_mul_overflows(&total, count, more) || oa_mul_overflows(&bytes, total, sizeof(float))) {
        return NULL;
    }
    packed->base.bytes += bytes;
    return oa_malloc(total, sizeof(float));
}

static void scale_all(float *values, size_t count, float factor)
{
    for (size_t i = 0; i < count; i++) {
        values[i] *= factor;
    }
}

/* Scales to root mean square 1, which makes tensors of any size comparable; zeros stay. Returns what was the sum of
 * squares. */
static double scale_to_unit(float *values, size_t count)
{
    double squares = oa_sum_of_squares(values, count);
    scale_all(values, count, squares > 0.0 ? (float)sqrt((double)count / squares) : 0.0f);
    return squares;
}

/* How many offsets from the first on follow each other. */
static size_t run_length(const size_t *offsets, size_t count)
{
    size_t n = 1;
    while (n < count && offsets[n] == offsets[0] + n) {
        n++;
    }
    return n;
}

/* w[rows, columns * taps] = the relation's elements. */
static void gather_relation(float *w, const oa_relation *relation, const float *weights)
{
    const oa_relation_axis *x = &relation->rows, *y = &relation->columns;
    size_t places = y->size * y->rest, offsets = relation->offset_count;
    /* Rows that lie in order are copied at once. */
    bool is_plain = x->rest == 1 && y->stride == offsets && run_length(y->positions, places) == places &&
                    run_length(relation->offsets, offsets) == offsets;
    for (size_t i = 0; i < x->size; i++) {
        if (is_plain) {
            const float *row = weights + x->positions[i] * x->stride;
            memcpy(w, row + y->positions[0] * y->stride + relation->offsets[0], places * offsets * sizeof *w);
            w += places * offsets;
            continue;
        }
        for (size_t j = 0; j < y->size; j++) {
            for (size_t r = 0; r < x->rest; r++) {
                const float *row = weights + x->positions[i * x->rest + r] * x->stride;
                for (size_t q = 0; q < y->rest; q++) {
                    const float *cell = row + y->positions[j * y->rest + q] * y->stride;
                    for (size_t o = 0; o < offsets; o++) {
                        *w++ = cell[relation->offsets[o]];
                    }
                }
            }
        }
    }
}

/* Sizes are all positive: without their mean they would tell every unit the same. Returns what was their
 * sum of squares around it. */
static double centre(float *sizes, size_t count)
{
    float mean = (float)(oa_sum(sizes, count) / (double)(count ? count : 1));
    for (size_t i = 0; i < count; i++) {
        sizes[i] -= mean;
    }
    double squares = oa_sum_of_squares(sizes, count);
    scale_all(sizes, count, squares > 1e-12 * (double)count ? (float)sqrt((double)count / squares) : 0.0f);
    return squares;
}

static oa_status pack_relation(oa_packed_messages *packed, size_t r, const float *weights, oa_error *error)
{
    const oa_relation *relation = &packed->plan->relations.between[r];
    size_t pairs = relation->rows.size * relation->columns.size, taps = relation->taps;
    float *w = packed->weights[r] = claim(packed, pairs, taps);
    float *sizes = packed->sizes[r] = claim(packed, pairs, 1);
    float *means = taps > 1 ? (packed->means[r] = claim(packed, pairs, 1)) : NULL;
    if (!w || !sizes || (taps > 1 && !means)) {
        return out_of_memory(error);
    }
    gather_relation(w, relation, weights);
    packed->energy[r] = scale_to_unit(w, pairs * taps);
    for (size_t i = 0; i < pairs && taps == 1; i++) {
        sizes[i] = fabsf(w[i]);
    }
    for (size_t i = 0; i < pairs && taps > 1; i++) {
        float sum = 0.0f, squares = 0.0f;
        for (size_t t = 0; t < taps; t++) {
            sum += w[i * taps + t];
            squares += w[i * taps + t] * w[i * taps + t];
        }
        sizes[i] = sqrtf(squares / (float)taps);
        if (means) {
            means[i] = sum / sqrtf((float)taps); /* the sum of `taps` numbers of size 1, scaled to size 1 */
        }
    }
    (void)centre(sizes, pairs);
    if (relation->is_symmetric && taps > 1) {
        oa_free(w);
        packed->weights[r] = NULL;
        packed->base.bytes -= pairs * taps * sizeof(float);
    }
    return OA_OK;
}

/* x [rows, columns] of a fixed relation. */
static void gather_fixed(float *x, const oa_fixed_relation *fixed, const float *weights)
{
    const oa_relation_axis *rows = &fixed->rows;
    size_t run = run_length(fixed->offsets, fixed->offset_count);
    for (size_t i = 0; i < rows->size; i++) {
        if (!fixed->is_symmetric) {
            for (size_t r = 0; r < rows->rest; r++) {
                const float *row = weights + rows->positions[i * rows->rest + r] * rows->stride;
                if (run == fixed->offset_count) {
                    memcpy(x, row + fixed->offsets[0], run * sizeof *x);
                    x += run;
                    continue;
                }
                for (size_t o = 0; o < fixed->offset_count; o++) {
                    *x++ = row[fixed->offsets[o]];
                }
            }
            continue;
        }
        for (size_t o = 0; o < fixed->offset_count; o++) {
            float sum = 0.0f, squares = 0.0f;
            for (size_t r = 0; r < rows->rest; r++) {
                float value = weights[rows->positions[i * rows->rest + r] * rows->stride + fixed->offsets[o]];
                sum += value;
                squares += value * value;
            }
            *x++ = sum / (float)rows->rest;
            *x++ = sqrtf(squares / (float)rows->rest);
        }
    }
}

/* Scales of norms and their statistics lie around a value that says nothing: only the differences between units count.
 * Returns the sum of squares. */
static double scale_vector(float *x, size_t count, const oa_layout_tensor *tensor)
{
    bool is_offset_free = tensor->op_type && strcmp(tensor->op_type, "BatchNormalization") != 0 &&
                          strcmp(tensor->op_type, "LayerNormalization") != 0 &&
                          strcmp(tensor->op_type, "InstanceNormalization") != 0 && strcmp(tensor->op_type, "Mul") != 0;
    return is_offset_free ? scale_to_unit(x, count) : centre(x, count);
}

/* How many columns of each matrix are filled. */
typedef struct columns_done {
    size_t *raw, *numbers; /* [group_count * 2] */
    size_t *seen;          /* [group_count * OA_FIXED_WAYS] */
} columns_done;

/* x [n, columns] becomes the next columns of a matrix, each entry divided by the root of their number. */
static void put_columns(float *matrix, size_t width, size_t *done, const float *x, size_t n, size_t columns)
{
    float share = 1.0f / sqrtf((float)columns);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < columns; k++) {
            matrix[i * width + *done + k] = x[i * columns + k] * share;
        }
    }
    *done += columns;
}

/* Adds the fixed relation to what its group sees of fixed axes, and to its raw weights or numbers. */
static oa_status pack_fixed(oa_packed_messages *packed, size_t f, const float *weights, const columns_done *done,
                            oa_error *error)
{
    const oa_message_plan *plan = packed->plan;
    const oa_fixed_relation *fixed = &plan->relations.fixed[f];
    const oa_message_group *group = &plan->groups[fixed->rows.group];
    size_t n = fixed->rows.size, columns = oa_fixed_columns(fixed), probes = plan->base.config.probes, count;
    if (oa_mul_overflows(&count, n, columns)) {
        return out_of_memory(error);
    }
    float *x = oa_malloc(count, sizeof *x);
    if (!x) {
        return out_of_memory(error);
    }
    gather_fixed(x, fixed, weights);
    const oa_layout_tensor *tensor = &plan->base.layout->tensors[fixed->tensor];
    bool is_vector = plan->way[f] == OA_FIXED_VECTOR;
    double squares = is_vector ? scale_vector(x, count, tensor) : scale_to_unit(x, count);
    size_t side = fixed->rows.group * 2 + fixed->rows.is_input;
    packed->energy[is_vector ? oa_energy_of_numbers(plan, fixed->rows.group, fixed->rows.is_input)
                             : oa_energy_of_raw(plan, fixed->rows.group, fixed->rows.is_input)] +=
        tensor->is_statistic ? 0.0 : squares;
    float factor = 1.0f / sqrtf((float)columns * (float)group->fixed_count[plan->way[f]]);
    size_t way = plan->way[f], width = oa_seen_width(plan, fixed->rows.group, way);
    float *seen = packed->seen[fixed->rows.group * OA_FIXED_WAYS + way];
    oa_status status = OA_OK;
    if (group->narrow_probes[way]) {
        size_t *filled = &done->seen[fixed->rows.group * OA_FIXED_WAYS + way];
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < columns; k++) {
                seen[i * width + *filled + k] = factor * x[i * columns + k];
            }
        }
        *filled += columns;
    } else {
        status =
            oa_gemm((oa_matrix_view){seen, n, probes, probes}, (oa_const_matrix_view){x, n, columns, columns}, false,
                    (oa_const_matrix_view){plan->probes[f], columns, probes, probes}, false, factor, 1.0f, error);
    }
    put_columns(is_vector ? packed->numbers[side] : packed->raw[side],
                is_vector ? group->number_count[fixed->rows.is_input] : group->raw_count[fixed->rows.is_input],
                is_vector ? &done->numbers[side] : &done->raw[side], x, n, columns);
    oa_free(x);
    return status;
}

static void normalise_rows(float *x, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < columns; k++) {
            sum += (double)x[i * columns + k] * (double)x[i * columns + k];
        }
        scale_all(x + i * columns, columns, sum > 0.0 ? (float)(1.0 / sqrt(sum)) : 0.0f);
    }
}

static oa_status claim_groups(oa_packed_messages *packed, oa_error *error)
{
    const oa_message_plan *plan = packed->plan;
    for (size_t g = 0; g < plan->base.layout->group_count; g++) {
        size_t n = plan->base.layout->groups[g].size;
        for (size_t way = 0; way < OA_FIXED_WAYS; way++) {
            float **seen = &packed->seen[g * OA_FIXED_WAYS + way];
            size_t width = oa_seen_width(plan, g, way);
            if (plan->groups[g].fixed_count[way]) {
                if (!(*seen = claim(packed, n, width))) {
                    return out_of_memory(error);
                }
                memset(*seen, 0, n * width * sizeof(float));
            }
        }
        for (size_t side = 0; side < 2; side++) {
            if (plan->groups[g].raw_count[side] &&
                !(packed->raw[g * 2 + side] = claim(packed, n, plan->groups[g].raw_count[side]))) {
                return out_of_memory(error);
            }
            if (plan->groups[g].number_count[side] &&
                !(packed->numbers[g * 2 + side] = claim(packed, n, plan->groups[g].number_count[side]))) {
                return out_of_memory(error);
            }
        }
    }
    return OA_OK;
}

oa_status oa_messages_pack(oa_packed **result, const oa_aligner_plan *base, const float *const *weights,
                           oa_error *error)
{
    const oa_message_plan *plan = (const oa_message_plan *)base;
    size_t groups = base->layout->group_count;
    oa_packed_messages *packed = oa_calloc(1, sizeof *packed);
    columns_done filled = {.raw = oa_calloc(groups * 2, sizeof *filled.raw),
                           .numbers = oa_calloc(groups * 2, sizeof *filled.numbers),
                           .seen = oa_calloc(groups * OA_FIXED_WAYS, sizeof *filled.seen)};
    oa_status status = OA_OK;
    if (packed) {
        packed->base.functions = &oa_encoder_messages;
        packed->plan = plan;
        packed->weights = oa_calloc(plan->relations.between_count, sizeof *packed->weights);
        packed->means = oa_calloc(plan->relations.between_count, sizeof *packed->means);
        packed->sizes = oa_calloc(plan->relations.between_count, sizeof *packed->sizes);
        packed->seen = oa_calloc(groups * OA_FIXED_WAYS, sizeof *packed->seen);
        packed->raw = oa_calloc(groups * 2, sizeof *packed->raw);
        packed->numbers = oa_calloc(groups * 2, sizeof *packed->numbers);
        packed->energy = oa_calloc(plan->relations.between_count + groups * 4, sizeof *packed->energy);
    }
    if (!packed || !filled.raw || !filled.numbers || !filled.seen || !packed->weights || !packed->means ||
        !packed->sizes || !packed->seen || !packed->raw || !packed->numbers || !packed->energy) {
        status = out_of_memory(error);
        goto done;
    }
    status = claim_groups(packed, error);
    for (size_t r = 0; r < plan->relations.between_count && status == OA_OK; r++) {
        status = pack_relation(packed, r, weights[plan->relations.between[r].tensor], error);
    }
    for (size_t f = 0; f < plan->relations.fixed_count && status == OA_OK; f++) {
        status = pack_fixed(packed, f, weights[plan->relations.fixed[f].tensor], &filled, error);
    }
    for (size_t k = 0; k < groups * 2 && status == OA_OK; k++) {
        if (packed->raw[k]) {
            normalise_rows(packed->raw[k], base->layout->groups[k / 2].size, plan->groups[k / 2].raw_count[k % 2]);
        }
    }
done:
    oa_free(filled.raw);
    oa_free(filled.numbers);
    oa_free(filled.seen);
    if (status == OA_OK) {
        *result = &packed->base;
    } else if (packed) {
        oa_messages_packed_destroy(&packed->base);
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

void oa_messages_packed_destroy(oa_packed *base)
{
    oa_packed_messages *packed = (oa_packed_messages *)base;
    if (!packed) {
        return;
    }
    size_t relations = packed->plan->relations.between_count, groups = packed->plan->base.layout->group_count;
    free_list(packed->weights, relations);
    free_list(packed->means, relations);
    free_list(packed->sizes, relations);
    free_list(packed->seen, groups * OA_FIXED_WAYS);
    free_list(packed->raw, groups * 2);
    free_list(packed->numbers, groups * 2);
    oa_free(packed->energy);
    oa_free(packed);
}
