#include "core/soft/soft_gram.h"

#include "core/linalg/blas.h"

#include <string.h>

/* A step's first matrix with units as rows; the constants here have one matrix only. */
static oa_const_matrix_view units_of(const soft_step *step, const float *working, size_t matrix)
{
    size_t rows = step->is_rows ? step->n : step->span, columns = step->is_rows ? step->span : step->n;
    return (oa_const_matrix_view){working + step->start[matrix], rows, columns, step->stride};
}

static oa_status add_step(soft_gram *gram, const soft_step *step, const float *a, const float *b, double factor,
                          oa_error *error)
{
    size_t n = step->n;
    oa_status status = OA_OK;
    for (size_t k = 0; k < step->start_count && status == OA_OK; k++) {
        oa_const_matrix_view x = units_of(step, a, k), y = units_of(step, b, k);
        status = oa_gemm((oa_matrix_view){gram->ab, n, n, n}, x, !step->is_rows, y, step->is_rows, (float)factor, 1.0f,
                         error);
        if (status == OA_OK) {
            status = oa_gemm((oa_matrix_view){gram->bb, n, n, n}, y, !step->is_rows, y, step->is_rows, (float)factor,
                             1.0f, error);
        }
        for (size_t i = 0; i < x.rows; i++) {
            for (size_t j = 0; j < x.columns; j++) {
                double value = (double)x.data[i * x.stride + j];
                gram->constant += factor * value * value;
            }
        }
    }
    return status;
}

/* What belongs to no unit: marks the others by walking through the steps' matrices. */
static oa_status add_fixed(soft_fixed *fixed, const soft_tensor *t, const float *a, double factor, oa_error *error)
{
    unsigned char *moves = oa_calloc(t->count, 1);
    if (!moves) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for soft permutations");
    }
    for (size_t s = 0; s < t->step_count; s++) {
        const soft_step *step = &t->steps[s];
        size_t rows = step->is_rows ? step->n : step->span, columns = step->is_rows ? step->span : step->n;
        for (size_t k = 0; k < step->start_count; k++) {
            for (size_t i = 0; i < rows; i++) {
                memset(moves + step->start[k] + i * step->stride, 1, columns);
            }
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        double x = (double)a[i], y = (double)t->b[i];
        fixed->distance += moves[i] ? 0.0 : factor * (x - y) * (x - y);
        fixed->inner += moves[i] ? 0.0 : factor * x * y;
    }
    oa_free(moves);
    return OA_OK;
}

static bool is_covered(const soft_tensor *t)
{
    size_t covered = 0;
    for (size_t k = 0; k < t->step_count; k++) {
        covered += t->steps[k].n * t->steps[k].span * t->steps[k].start_count;
    }
    return covered == t->count;
}

oa_status oa_soft_grams(soft_gram *grams, soft_fixed *fixed, const soft_tensor *tensors, size_t count,
                        const oa_match_problem *problem, const double *factors, oa_error *error)
{
    oa_status status = OA_OK;
    *fixed = (soft_fixed){0};
    for (size_t g = 0; g < problem->layout->group_count; g++) {
        size_t n = grams[g].n;
        grams[g].constant = 0.0;
        if (grams[g].ab) {
            memset(grams[g].ab, 0, n * n * sizeof(float));
            memset(grams[g].bb, 0, n * n * sizeof(float));
        }
    }
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        const soft_tensor *t = &tensors[i];
        if (!t->counts || t->is_chain) {
            continue;
        }
        double factor = factors[t->tensor];
        float *a = oa_malloc(t->count, sizeof *a);
        status = a ? oa_soft_read(a, t, &problem->a->tensors[t->tensor], error)
                   : oa_fail(error, OA_ERROR_MEMORY, "out of memory for soft permutations");
        for (size_t k = 0; k < t->step_count && status == OA_OK; k++) {
            status = add_step(&grams[t->steps[k].group], &t->steps[k], a, t->b, factor, error);
        }
        if (status == OA_OK && !is_covered(t)) {
            status = add_fixed(fixed, t, a, factor, error);
        }
        oa_free(a);
    }
    return status;
}

double oa_soft_dot(const float *x, const float *y, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i += 1024) {
        float part[8] = {0};
        size_t end = n - i < 1024 ? n : i + 1024, j = i;
        for (; j + 8 <= end; j += 8) {
            for (size_t k = 0; k < 8; k++) {
                part[k] += x[j + k] * y[j + k];
            }
        }
        for (; j < end; j++) {
            sum += (double)x[j] * (double)y[j];
        }
        for (size_t k = 0; k < 8; k++) {
            sum += (double)part[k];
        }
    }
    return sum;
}

oa_status oa_soft_gram_distance(double *sum, float *gradient, const soft_gram *gram, const float *s, double scale,
                                float *scratch, oa_error *error)
{
    size_t n = gram->n;
    oa_status status = oa_gemm((oa_matrix_view){scratch, n, n, n}, (oa_const_matrix_view){s, n, n, n}, false,
                               (oa_const_matrix_view){gram->bb, n, n, n}, false, 1.0f, 0.0f, error);
    if (status != OA_OK) {
        return status;
    }
    *sum += gram->constant - 2.0 * oa_soft_dot(s, gram->ab, n * n) + oa_soft_dot(s, scratch, n * n);
    float by = 2.0f * (float)scale;
    const float *restrict ab = gram->ab, *restrict sbb = scratch;
    float *restrict out = gradient;
    for (size_t i = 0; i < n * n && gradient; i++) {
        out[i] += by * (sbb[i] - ab[i]);
    }
    return OA_OK;
}

double oa_soft_gram_inner(float *gradient, const soft_gram *gram, const float *s, double scale)
{
    size_t count = gram->n * gram->n;
    float by = (float)scale;
    const float *restrict ab = gram->ab;
    float *restrict out = gradient;
    for (size_t i = 0; i < count && gradient; i++) {
        out[i] += by * ab[i];
    }
    return oa_soft_dot(s, gram->ab, count);
}
