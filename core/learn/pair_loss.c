#include "core/learn/pair_loss.h"

#include "core/linalg/sums.h"
#include "core/soft/soft.h"

#include <string.h>

struct oa_pair_loss {
    const oa_family *family;
    oa_task *task;           /* NULL without samples */
    oa_tensor *tensors[2];   /* [tensor_count] of the views of a and b */
    size_t *same;            /* [tensor_count] b's constants are a's */
    double *tensor_factors;  /* [tensor_count] */
    bool *counts;            /* [tensor_count] a parameter that moves */
    float *middle;           /* [total] weights on the line */
    float *gradient;         /* [total] */
    float **moved;           /* [tensor_count] into middle */
    const float **gradients; /* [tensor_count] into gradient */
};

oa_status oa_pair_loss_create(oa_pair_loss **result, const oa_family *family, size_t batch, oa_error *error)
{
    size_t tensors = family->graph->tensor_count;
    oa_status status = OA_OK;
    oa_pair_loss *loss = oa_calloc(1, sizeof *loss);
    if (loss) {
        loss->family = family;
        for (size_t m = 0; m < 2; m++) {
            loss->tensors[m] = oa_calloc(tensors, sizeof **loss->tensors);
        }
        loss->same = oa_calloc(tensors, sizeof *loss->same);
        loss->tensor_factors = oa_calloc(tensors, sizeof *loss->tensor_factors);
        loss->counts = oa_calloc(tensors, sizeof *loss->counts);
        loss->middle = oa_calloc(family->map->total, sizeof *loss->middle);
        loss->gradient = oa_calloc(family->map->total, sizeof *loss->gradient);
        loss->moved = oa_calloc(tensors, sizeof *loss->moved);
        loss->gradients = oa_calloc(tensors, sizeof *loss->gradients);
    }
    if (!loss || !loss->tensors[0] || !loss->tensors[1] || !loss->same || !loss->tensor_factors || !loss->counts ||
        !loss->middle || !loss->gradient || !loss->moved || !loss->gradients) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for aligning pairs of %s", family->name);
        goto done;
    }
    for (size_t t = 0; t < tensors; t++) {
        const oa_layout_tensor *place = &family->layout->tensors[t];
        bool is_weight = family->map->offset[t] != OA_NONE;
        loss->same[t] = place->is_used ? t : OA_NONE;
        loss->counts[t] = is_weight && place->moves && !place->is_statistic && family->graph->tensors[t].count > 0;
        loss->moved[t] = loss->counts[t] ? loss->middle + family->map->offset[t] : NULL;
        loss->gradients[t] = loss->counts[t] ? loss->gradient + family->map->offset[t] : NULL;
    }
    if (family->samples.inputs && batch) {
        status = oa_task_create(&loss->task, family, batch, error);
    }
done:
    if (status == OA_OK) {
        *result = loss;
    } else {
        oa_pair_loss_destroy(loss);
    }
    return status;
}

void oa_pair_loss_destroy(oa_pair_loss *loss)
{
    if (loss) {
        oa_task_destroy(loss->task);
        oa_free(loss->tensors[0]);
        oa_free(loss->tensors[1]);
        oa_free(loss->same);
        oa_free(loss->tensor_factors);
        oa_free(loss->counts);
        oa_free(loss->middle);
        oa_free(loss->gradient);
        oa_free(loss->moved);
        oa_free(loss->gradients);
        oa_free(loss);
    }
}

/* Factors that make the squared distance a share of the sum of squares of the weights that count: as weight matching
 * has it, large tensors count for more. */
static void find_factors(oa_pair_loss *loss, const float *a, const float *b)
{
    double squares = 0.0;
    for (size_t t = 0; t < loss->family->map->tensor_count; t++) {
        if (loss->counts[t]) {
            size_t at = loss->family->map->offset[t], count = loss->family->graph->tensors[t].count;
            squares += 0.5 * (oa_sum_of_squares(a + at, count) + oa_sum_of_squares(b + at, count));
        }
    }
    for (size_t t = 0; t < loss->family->map->tensor_count; t++) {
        loss->tensor_factors[t] = squares > 0.0 && loss->counts[t] ? 1.0 / squares : 0.0;
    }
}

/* to = b + share * (a - b). */
static void mix(float *restrict to, const float *restrict a, const float *b, size_t count, float share)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = b[i] + share * (a[i] - b[i]);
    }
}

/* to += share * (a - to): the same where b is there already. */
static void mix_into(float *restrict to, const float *restrict a, size_t count, float share)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += share * (a[i] - to[i]);
    }
}

/* The loss of share * a + (1 - share) * S#b and its gradient. */
static oa_status run_line(double *value, float *const *s_gradients, oa_pair_loss *loss, oa_soft *soft, const float *a,
                          const float *b, const float *const *s, double factor, oa_random *random, oa_error *error)
{
    const oa_family *family = loss->family;
    double share = oa_random_uniform(random);
    oa_task_draw(loss->task, random);
    oa_status status = oa_task_aim(loss->task, a, b, share, error);
    status = status == OA_OK ? oa_soft_apply(loss->moved, soft, s, error) : status;
    if (status != OA_OK) {
        return status;
    }
    for (size_t t = 0; t < family->map->tensor_count; t++) {
        size_t at = family->map->offset[t], count = family->graph->tensors[t].count;
        if (loss->counts[t]) {
            mix_into(loss->middle + at, a + at, count, (float)share);
        } else if (at != OA_NONE) {
            mix(loss->middle + at, a + at, b + at, count, (float)share);
        }
    }
    status = oa_task_run(value, s_gradients ? loss->gradient : NULL, loss->task, loss->middle, error);
    if (status != OA_OK || !s_gradients) {
        return status;
    }
    float scale = (float)(factor * (1.0 - share));
    for (size_t t = 0; t < family->map->tensor_count; t++) {
        float *restrict g = loss->counts[t] ? loss->gradient + family->map->offset[t] : NULL;
        size_t count = family->graph->tensors[t].count;
        for (size_t i = 0; g && i < count; i++) {
            g[i] *= scale;
        }
    }
    return oa_soft_apply_backward(s_gradients, soft, s, loss->gradients, error);
}

oa_status oa_pair_loss_run(oa_pair_terms *terms, float *const *s_gradients, oa_pair_loss *loss, const float *a,
                           const float *b, const float *const *s, const oa_pair_factors *factors, oa_random *random,
                           oa_error *error)
{
    const oa_family *family = loss->family;
    oa_graph view_a, view_b;
    oa_soft *soft = NULL;
    oa_pair_terms found = {0};
    oa_weight_map_view(&view_a, loss->tensors[0], family->map, family->graph, a);
    oa_weight_map_view(&view_b, loss->tensors[1], family->map, family->graph, b);
    oa_match_problem problem = {.layout = family->layout, .a = &view_a, .b = &view_b, .tensor_b = loss->same};
    oa_status status = oa_soft_create(&soft, &problem, error);
    if (status == OA_OK && factors->alignment != 0.0) {
        find_factors(loss, a, b);
        status =
            oa_soft_distance(&found.alignment, s_gradients, soft, s, loss->tensor_factors, factors->alignment, error);
    }
    if (status == OA_OK && factors->task != 0.0 && loss->task) {
        status = run_line(&found.task, s_gradients, loss, soft, a, b, s, factors->task, random, error);
    }
    oa_soft_destroy(soft);
    if (status == OA_OK) {
        *terms = found;
    }
    return status;
}
