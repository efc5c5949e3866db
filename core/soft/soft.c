/* Soft permutations of a problem's constants: values, distances and gradients, along the plans of soft_plan.h. */
#include "core/soft/soft.h"

#include "core/linalg/blas.h"
#include "core/soft/soft_gram.h"

#include <string.h>

struct oa_soft {
    const oa_match_problem *problem;
    oa_match_problem borrowed;
    soft_tensor *tensors;
    size_t count;
    soft_gram *grams; /* [groups] */
    soft_fixed fixed; /* of constants that are no chains */
    double *factors;  /* [tensors of the layout] those that the Gram matrices were made with */
    bool has_grams;
    bool is_applied;   /* the states are those of the last oa_soft_apply */
    float *scratch[2]; /* [elements of the largest constant, of the largest group's matrix] */
};

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for soft permutations");
}

static bool takes_part(const oa_match_problem *problem, size_t tensor)
{
    const oa_tensor *shape = &problem->a->tensors[tensor];
    return problem->layout->tensors[tensor].moves && oa_dtype_is_float(shape->dtype) && shape->count &&
           problem->tensor_b[tensor] != OA_NONE;
}

static oa_status make_grams(oa_soft *soft, oa_error *error)
{
    const oa_layout *layout = soft->problem->layout;
    soft->grams = oa_calloc(layout->group_count, sizeof *soft->grams);
    soft->factors = oa_malloc(layout->tensor_count, sizeof *soft->factors);
    if (!soft->grams || !soft->factors) {
        return no_memory(error);
    }
    for (size_t i = 0; i < soft->count; i++) {
        const soft_tensor *t = &soft->tensors[i];
        for (size_t k = 0; k < t->step_count && t->counts && !t->is_chain; k++) {
            soft_gram *gram = &soft->grams[t->steps[k].group];
            size_t n = t->steps[k].n, squared;
            if (gram->ab) {
                continue;
            }
            if (oa_mul_overflows(&squared, n, n)) {
                return no_memory(error);
            }
            gram->n = n;
            gram->ab = oa_malloc(squared, sizeof *gram->ab);
            gram->bb = oa_malloc(squared, sizeof *gram->bb);
            if (!gram->ab || !gram->bb) {
                return no_memory(error);
            }
        }
    }
    return OA_OK;
}

static oa_status make_scratch(oa_soft *soft, oa_error *error)
{
    size_t most = 1;
    for (size_t i = 0; i < soft->count; i++) {
        const soft_tensor *t = &soft->tensors[i];
        most = t->count > most ? t->count : most;
        for (size_t k = 0; k < t->step_count; k++) {
            size_t entries;
            if (oa_mul_overflows(&entries, t->steps[k].n, t->steps[k].n)) {
                return no_memory(error);
            }
            most = entries > most ? entries : most;
        }
    }
    for (size_t k = 0; k < 2; k++) {
        soft->scratch[k] = oa_malloc(most, sizeof(float));
        if (!soft->scratch[k]) {
            return no_memory(error);
        }
    }
    return OA_OK;
}

oa_status oa_soft_create(oa_soft **result, const oa_match_problem *problem, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    oa_status status = OA_OK;
    oa_soft *soft = oa_calloc(1, sizeof *soft);
    if (soft) {
        soft->borrowed = *problem;
        soft->problem = &soft->borrowed;
        soft->tensors = oa_calloc(layout->order_count, sizeof *soft->tensors);
    }
    if (!soft || !soft->tensors) {
        status = no_memory(error);
    }
    for (size_t i = 0; i < layout->order_count && status == OA_OK; i++) {
        if (takes_part(problem, layout->order[i])) {
            status = oa_soft_plan(&soft->tensors[soft->count++], soft->problem, layout->order[i], error);
        }
    }
    status = status == OA_OK ? make_grams(soft, error) : status;
    status = status == OA_OK ? make_scratch(soft, error) : status;
    if (status != OA_OK) {
        oa_soft_destroy(soft);
        return status;
    }
    *result = soft;
    return OA_OK;
}

void oa_soft_destroy(oa_soft *soft)
{
    if (!soft) {
        return;
    }
    for (size_t i = 0; i < soft->count; i++) {
        oa_soft_plan_free(&soft->tensors[i]);
    }
    for (size_t g = 0; soft->grams && g < soft->problem->layout->group_count; g++) {
        oa_free(soft->grams[g].ab);
        oa_free(soft->grams[g].bb);
    }
    oa_free(soft->tensors);
    oa_free(soft->grams);
    oa_free(soft->factors);
    oa_free(soft->scratch[0]);
    oa_free(soft->scratch[1]);
    oa_free(soft);
}

/* ---- one step on one constant ---- */

static oa_matrix_view matrix(const soft_step *step, float *x, size_t k)
{
    size_t rows = step->is_rows ? step->n : step->span, columns = step->is_rows ? step->span : step->n;
    return (oa_matrix_view){x + step->start[k], rows, columns, step->stride};
}

static oa_const_matrix_view const_matrix(const soft_step *step, const float *x, size_t k)
{
    size_t rows = step->is_rows ? step->n : step->span, columns = step->is_rows ? step->span : step->n;
    return (oa_const_matrix_view){x + step->start[k], rows, columns, step->stride};
}

/* The matrices of a step's blocks, one after the other. */
static const float *matrices_of(const soft_step *step, const float *s)
{
    size_t n = step->n, width = step->blocks * n;
    if (step->blocks == 1) {
        return s;
    }
    for (size_t i = 0; i < width; i++) {
        float *restrict row = step->within + i * n;
        memset(row, 0, n * sizeof *row);
        for (size_t j = 0; j < width; j += n) {
            for (size_t k = 0; k < n; k++) {
                row[k] += s[i * width + j + k];
            }
        }
    }
    return step->within;
}

/* Where the matrix of the step's matrix `k` of units is in a row of them. */
static size_t block_offset(const soft_step *step, size_t k)
{
    return k / (step->start_count / step->blocks) * step->n * step->n;
}

/* y = the step on x, or (transposed) on gradients backwards. [count] each. */
static oa_status run_step(float *y, const soft_step *step, const float *s, const float *x, size_t count,
                          bool transposed, oa_error *error)
{
    const float *matrices = matrices_of(step, s);
    oa_status status = OA_OK;
    if (!step->is_full) {
        memcpy(y, x, count * sizeof *y);
    }
    for (size_t k = 0; k < step->start_count && status == OA_OK; k++) {
        oa_const_matrix_view from = const_matrix(step, x, k);
        oa_const_matrix_view by = {matrices + block_offset(step, k), step->n, step->n, step->n};
        status = step->is_rows ? oa_gemm(matrix(step, y, k), by, transposed, from, false, 1.0f, 0.0f, error)
                               : oa_gemm(matrix(step, y, k), from, false, by, !transposed, 1.0f, 0.0f, error);
    }
    return status;
}

/* ds += scale times the gradient of the step's matrix. */
static oa_status step_gradient(float *ds, const soft_step *step, const float *dy, const float *x, float scale,
                               oa_error *error)
{
    size_t n = step->n, width = step->blocks * n;
    float *gradients = step->blocks == 1 ? ds : step->within_gradient;
    oa_status status = OA_OK;
    if (step->blocks > 1) {
        memset(gradients, 0, width * n * sizeof *gradients);
    }
    for (size_t k = 0; k < step->start_count && status == OA_OK; k++) {
        oa_matrix_view into = {gradients + block_offset(step, k), n, n, n};
        status = oa_gemm(into, const_matrix(step, dy, k), !step->is_rows, const_matrix(step, x, k), step->is_rows,
                         scale, 1.0f, error);
    }
    for (size_t i = 0; i < width && step->blocks > 1; i++) {
        for (size_t j = 0; j < width; j++) {
            ds[i * width + j] += gradients[i * n + j % n];
        }
    }
    return status;
}

/* All steps of a constant; `last` [count] receives the result. NULL: only the states, without the last step. */
static oa_status run_steps(float *last, const soft_tensor *t, const float *const *s, oa_error *error)
{
    const float *x = t->b;
    oa_status status = OA_OK;
    for (size_t k = 0; k < t->step_count && status == OA_OK; k++) {
        float *y = k + 1 < t->step_count ? t->states + k * t->count : last;
        status = y ? run_step(y, &t->steps[k], s[t->steps[k].group], x, t->count, false, error) : OA_OK;
        x = y;
    }
    return status;
}

/* Back through the steps: adds scale times the gradients to ds, with skips_last for all but the last step. `dy` [count]
 * is that of the result; it may be scratch[0]. Overwrites both [count] of scratch. */
static oa_status run_back(float *const *ds, const soft_tensor *t, const float *const *s, const float *dy,
                          float *const *scratch, bool skips_last, float scale, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t k = t->step_count; k-- > 0 && status == OA_OK;) {
        const soft_step *step = &t->steps[k];
        const float *x = k ? t->states + (k - 1) * t->count : t->b;
        if (!skips_last || k + 1 < t->step_count) {
            status = step_gradient(ds[step->group], step, dy, x, scale, error);
        }
        if (k && status == OA_OK) {
            float *dx = dy == scratch[0] ? scratch[1] : scratch[0];
            status = run_step(dx, step, s[step->group], dy, t->count, true, error);
            dy = dx;
        }
    }
    return status;
}

/* ---- the interface ---- */

oa_status oa_soft_apply(float *const *moved, oa_soft *soft, const float *const *s, oa_error *error)
{
    oa_status status = OA_OK;
    soft->is_applied = false;
    for (size_t i = 0; i < soft->count && status == OA_OK; i++) {
        const soft_tensor *t = &soft->tensors[i];
        float *target = moved[t->tensor];
        if (!target) {
            continue;
        }
        status = run_steps(t->is_natural ? target : soft->scratch[0], t, s, error);
        if (status == OA_OK && !t->is_natural) {
            oa_soft_unpack(target, t, soft->scratch[0]);
        }
    }
    soft->is_applied = status == OA_OK;
    return status;
}

oa_status oa_soft_apply_backward(float *const *s_gradients, oa_soft *soft, const float *const *s,
                                 const float *const *moved_gradients, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < soft->count && status == OA_OK; i++) {
        const soft_tensor *t = &soft->tensors[i];
        const float *gradient = moved_gradients[t->tensor];
        if (gradient && !soft->is_applied && t->step_count > 1) {
            status = run_steps(soft->scratch[0], t, s, error);
        }
        if (gradient && status == OA_OK) {
            oa_soft_pack(soft->scratch[0], t, gradient);
            status = run_back(s_gradients, t, s, soft->scratch[0], soft->scratch, false, 1.0f, error);
        }
    }
    return status;
}

/* result = result - a, and the sum of its squares. */
static double subtract(float *result, const float *a, size_t count)
{
    enum { CHUNK = 2048, LANES = 8 }; /* float32 sums stay short */
    float *restrict y = result;
    const float *restrict x = a;
    double sum = 0.0;
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t end = count - i < CHUNK ? count : i + CHUNK, j = i;
        float part[LANES] = {0};
        for (; j + LANES <= end; j += LANES) {
            for (size_t k = 0; k < LANES; k++) {
                float change = y[j + k] - x[j + k];
                y[j + k] = change;
                part[k] += change * change;
            }
        }
        for (; j < end; j++) {
            y[j] -= x[j];
            sum += (double)y[j] * (double)y[j];
        }
        for (size_t k = 0; k < LANES; k++) {
            sum += (double)part[k];
        }
    }
    return sum;
}

static oa_status update_grams(oa_soft *soft, const double *factors, oa_error *error)
{
    size_t count = soft->problem->layout->tensor_count;
    bool is_same = soft->has_grams;
    for (size_t t = 0; t < count; t++) {
        double factor = factors ? factors[t] : 1.0;
        is_same = is_same && soft->factors[t] == factor;
        soft->factors[t] = factor;
    }
    if (is_same) {
        return OA_OK;
    }
    oa_status status =
        oa_soft_grams(soft->grams, &soft->fixed, soft->tensors, soft->count, soft->problem, soft->factors, error);
    soft->has_grams = status == OA_OK;
    return status;
}

/* A chain's <a, S b>. It is its gradient by the last step's matrix times that matrix, which saves the last product. */
static oa_status chain_inner(double *sum, float *const *ds, const oa_soft *soft, const soft_tensor *t,
                             const float *const *s, double scale, oa_error *error)
{
    const soft_step *last = &t->steps[t->step_count - 1];
    size_t entries = last->n * last->n;
    float *restrict g = soft->scratch[0];
    double factor = soft->factors[t->tensor];
    float by = (float)(factor * scale);
    oa_status status = run_steps(last->is_full ? NULL : g, t, s, error);
    if (status != OA_OK) {
        return status;
    }
    if (!last->is_full) {
        *sum += factor * oa_soft_dot(g, t->a, t->count);
        return ds ? run_back(ds, t, s, t->a, soft->scratch, false, by, error) : OA_OK;
    }
    memset(g, 0, entries * sizeof *g);
    status = step_gradient(g, last, t->a, t->step_count > 1 ? t->states + (t->step_count - 2) * t->count : t->b, 1.0f,
                           error);
    *sum += factor * oa_soft_dot(g, s[last->group], entries);
    float *restrict into = ds ? ds[last->group] : NULL;
    for (size_t i = 0; i < entries && into; i++) {
        into[i] += by * g[i];
    }
    return status == OA_OK && ds ? run_back(ds, t, s, t->a, soft->scratch, true, by, error) : status;
}

oa_status oa_soft_distance(double *distance, float *const *s_gradients, oa_soft *soft, const float *const *s,
                           const double *factors, double scale, oa_error *error)
{
    oa_status status = update_grams(soft, factors, error);
    double sum = soft->fixed.distance;
    soft->is_applied = false;
    for (size_t g = 0; g < soft->problem->layout->group_count && status == OA_OK; g++) {
        if (soft->grams[g].ab) {
            status = oa_soft_gram_distance(&sum, s_gradients ? s_gradients[g] : NULL, &soft->grams[g], s[g], scale,
                                           soft->scratch[0], error);
        }
    }
    for (size_t i = 0; i < soft->count && status == OA_OK; i++) {
        const soft_tensor *t = &soft->tensors[i];
        if (!t->counts || !t->is_chain) {
            continue;
        }
        double factor = soft->factors[t->tensor];
        status = run_steps(soft->scratch[0], t, s, error);
        if (status == OA_OK) {
            sum += factor * subtract(soft->scratch[0], t->a, t->count);
        }
        if (status == OA_OK && s_gradients) {
            status = run_back(s_gradients, t, s, soft->scratch[0], soft->scratch, false, (float)(2.0 * factor * scale),
                              error);
        }
    }
    if (status == OA_OK) {
        *distance = sum;
    }
    return status;
}

oa_status oa_soft_inner(double *inner, float *const *s_gradients, oa_soft *soft, const float *const *s,
                        const double *factors, double scale, oa_error *error)
{
    oa_status status = update_grams(soft, factors, error);
    double sum = soft->fixed.inner;
    soft->is_applied = false;
    for (size_t g = 0; g < soft->problem->layout->group_count && status == OA_OK; g++) {
        if (soft->grams[g].ab) {
            sum += oa_soft_gram_inner(s_gradients ? s_gradients[g] : NULL, &soft->grams[g], s[g], scale);
        }
    }
    for (size_t i = 0; i < soft->count && status == OA_OK; i++) {
        if (soft->tensors[i].counts && soft->tensors[i].is_chain) {
            status = chain_inner(&sum, s_gradients, soft, &soft->tensors[i], s, scale, error);
        }
    }
    if (status == OA_OK) {
        *inner = sum;
    }
    return status;
}
