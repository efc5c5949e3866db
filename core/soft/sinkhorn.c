/* Sinkhorn's iteration by scaling, stabilised by absorption.
 *
 * In the log domain an iteration is F = -logsumexp_j(S + G), then G = -logsumexp_i(S + F), at 2 n^2 exponentials. Here
 * F = f + log u and G = g + log v with a frame (f, g) that stays for as long as u and v are of moderate size: then
 * K = exp(S + f + g) is computed once and an iteration is u = 1 / (K v), v = 1 / (K^T u). When an entry leaves the
 * range, the scalings are absorbed into a new frame and that half step is taken in the log domain (Schmitzer 2019,
 * "Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport Problems", section 3).
 *
 * Backward: with P = exp(S + F + G), each half step contributes minus a matrix diag(x) K diag(y) to the gradient of S;
 * within one frame their sum is K times (elementwise) one product of matrices of rank 2 iterations. */
#include "core/soft/sinkhorn.h"

#include "core/base/memory.h"
#include "core/linalg/blas.h"
#include "core/linalg/vector_math.h"
#include "core/soft/sinkhorn_sweep.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Two scalings at the limit times an entry of K that underflows (1e-38) stay below float's rounding of 1. */
static const float SCALING_MAX = 1e15f;

struct oa_sinkhorn {
    size_t n;
    size_t iterations;
    float *scores; /* [n, n] */
    float *kernel; /* [n, n] of the last frame */
    float *p;      /* [n, n] the last result */
    float *u;      /* [iterations, n] */
    float *v;      /* [iterations + 1, n]; the first is the start */
    size_t *frame_u, *frame_v;
    float *f, *g;           /* [frames, n] */
    size_t frame_count;     /* of the last forward pass; at most 2 iterations + 1 */
    float *left, *right;    /* [2 iterations, n] for the backward pass */
    float *du, *dv, *other; /* [n] */
};

static bool claim(void *pointer, size_t rows, size_t columns, size_t size)
{
    size_t count;
    void *memory = oa_mul_overflows(&count, rows, columns) ? NULL : oa_malloc(count, size);
    memcpy(pointer, &memory, sizeof memory);
    return memory != NULL;
}

oa_status oa_sinkhorn_create(oa_sinkhorn **result, size_t n, size_t iterations, oa_error *error)
{
    oa_sinkhorn *s = oa_calloc(1, sizeof *s);
    bool is_made = s && iterations > 0 && iterations < SIZE_MAX / 4 - 1;
    if (is_made) {
        size_t frames = 2 * iterations + 2, t = iterations;
        s->n = n;
        s->iterations = t;
        is_made = claim(&s->scores, n, n, sizeof(float)) && claim(&s->kernel, n, n, sizeof(float)) &&
                  claim(&s->p, n, n, sizeof(float)) && claim(&s->u, t, n, sizeof(float)) &&
                  claim(&s->v, t + 1, n, sizeof(float)) && claim(&s->frame_u, t, 1, sizeof(size_t)) &&
                  claim(&s->frame_v, t + 1, 1, sizeof(size_t)) && claim(&s->f, frames, n, sizeof(float)) &&
                  claim(&s->g, frames, n, sizeof(float)) && claim(&s->left, 2 * t, n, sizeof(float)) &&
                  claim(&s->right, 2 * t, n, sizeof(float)) && claim(&s->du, n, 1, sizeof(float)) &&
                  claim(&s->dv, n, 1, sizeof(float)) && claim(&s->other, n, 1, sizeof(float));
    }
    if (!is_made) {
        oa_sinkhorn_destroy(s);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a Sinkhorn normalisation of size %zu", n);
    }
    *result = s;
    return OA_OK;
}

void oa_sinkhorn_destroy(oa_sinkhorn *s)
{
    if (s) {
        void *all[] = {s->scores, s->kernel, s->p,    s->u,     s->v,  s->frame_u, s->frame_v,
                       s->f,      s->g,      s->left, s->right, s->du, s->dv,      s->other};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            oa_free(all[i]);
        }
        oa_free(s);
    }
}

/* ---- forward ---- */

OA_VECTOR_CLONES
static void make_kernel(oa_sinkhorn *s, size_t frame)
{
    const float *restrict g = s->g + frame * s->n;
    for (size_t i = 0; i < s->n; i++) {
        const float *restrict row = s->scores + i * s->n;
        float *restrict out = s->kernel + i * s->n, f = s->f[frame * s->n + i];
        for (size_t j = 0; j < s->n; j++) {
            out[j] = oa_exp_fast(row[j] + f + g[j]);
        }
    }
}

/* Are all scalings of moderate size? Not when one is NaN. */
static bool in_range(const float *x, size_t n)
{
    size_t inside = 0;
    for (size_t i = 0; i < n; i++) {
        inside += x[i] > 1.0f / SCALING_MAX && x[i] < SCALING_MAX;
    }
    return inside == n;
}

static void invert(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = 1.0f / x[i];
    }
}

/* f_i = -logsumexp_j(S_ij + g_j), or over rows for the transpose. */
static void log_step(float *f, const float *g, const float *scores, size_t n, bool transposed)
{
    size_t along = transposed ? n : 1, across = transposed ? 1 : n;
    for (size_t i = 0; i < n; i++) {
        float most = -INFINITY;
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            float value = scores[i * across + j * along] + g[j];
            most = value > most ? value : most;
        }
        for (size_t j = 0; j < n; j++) {
            sum += (double)oa_exp_fast(scores[i * across + j * along] + g[j] - most);
        }
        f[i] = -most - (float)log(sum);
    }
}

/* Starts a new frame at the current scalings (u may be NULL for ones) whose `rows` (or columns) are one exact half step
 * further. */
static void absorb(oa_sinkhorn *s, const float *u, const float *v, bool rows)
{
    size_t n = s->n, old = s->frame_count - 1, new = s->frame_count++;
    for (size_t i = 0; i < n; i++) {
        s->f[new *n + i] = s->f[old * n + i] + (u ? logf(u[i]) : 0.0f);
        s->g[new *n + i] = s->g[old * n + i] + logf(v[i]);
    }
    if (rows) {
        log_step(s->f + new *n, s->g + new *n, s->scores, n, false);
    } else {
        log_step(s->g + new *n, s->f + new *n, s->scores, n, true);
    }
    make_kernel(s, new);
}

static void set_ones(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = 1.0f;
    }
}

static void sum_columns(float *restrict sums, const float *restrict kernel, size_t n)
{
    memset(sums, 0, n * sizeof *sums);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            sums[j] += kernel[i * n + j];
        }
    }
}

static void start(oa_sinkhorn *s)
{
    size_t n = s->n;
    s->frame_count = 1;
    for (size_t i = 0; i < n; i++) {
        float most = s->scores[i * n];
        for (size_t j = 1; j < n; j++) {
            most = s->scores[i * n + j] > most ? s->scores[i * n + j] : most;
        }
        s->f[i] = -most;
        s->g[i] = 0.0f;
    }
    make_kernel(s, 0);
    set_ones(s->v, n);
    s->frame_v[0] = 0;
}

OA_VECTOR_CLONES
static bool copy_finite(float *restrict copy, const float *restrict x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        copy[i] = x[i];
        bad |= fabsf(x[i]) <= FLT_MAX ? 0 : 1;
    }
    return !bad;
}

static void scale_row(float *restrict p, const float *restrict kernel, float u, const float *restrict v, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        p[j] = u * kernel[j] * v[j];
    }
}

oa_status oa_sinkhorn_forward(float *p, oa_sinkhorn *s, const float *scores, oa_error *error)
{
    size_t n = s->n;
    if (!copy_finite(s->scores, scores, n * n)) {
        return oa_fail(error, OA_ERROR_INPUT, "a score of a Sinkhorn normalisation is not finite");
    }
    if (n) {
        start(s);
    }
    for (size_t t = 0; t < s->iterations && n; t++) {
        float *u = s->u + t * n, *v = s->v + t * n, *next = v + n;
        /* A frame may have begun after v was found: v is then all ones in it. */
        oa_sinkhorn_sweep(u, next, s->kernel, v, n);
        if (!in_range(u, n)) {
            absorb(s, NULL, v, true);
            set_ones(u, n);
            set_ones(v, n);
            s->frame_v[t] = s->frame_count - 1;
            sum_columns(next, s->kernel, n);
        }
        s->frame_u[t] = s->frame_count - 1;
        invert(next, n);
        if (!in_range(next, n)) {
            absorb(s, u, v, false);
            set_ones(u, n);
            set_ones(next, n);
            s->frame_u[t] = s->frame_count - 1;
        }
        s->frame_v[t + 1] = s->frame_count - 1;
    }
    const float *u = s->u + (s->iterations - 1) * n, *v = s->v + s->iterations * n;
    for (size_t i = 0; i < n; i++) {
        scale_row(s->p + i * n, s->kernel + i * n, u[i], v, n);
    }
    memcpy(p, s->p, n * n * sizeof *p);
    return OA_OK;
}

/* ---- backward ---- */

/* Writes to `left` and `right` the factors of all half steps' contributions, given the gradients of the last F and G in
 * s->du and s->dv: sum_t u_t (v_t dG_t)^T + (u_t dF_t) v_(t-1)^T, to be taken off elementwise times K. */
static void walk_back(oa_sinkhorn *s)
{
    size_t n = s->n;
    for (size_t t = s->iterations; t-- > 0;) {
        const float *u = s->u + t * n, *v = s->v + (t + 1) * n, *before = s->v + t * n;
        float *left = s->left + 2 * t * n, *right = s->right + 2 * t * n;
        for (size_t j = 0; j < n; j++) {
            s->dv[j] *= v[j];
            right[j] = s->dv[j];
            left[j] = u[j];
        }
        oa_sinkhorn_sweep_back(s->du, s->other, s->kernel, u, s->dv, n);
        for (size_t i = 0; i < n; i++) {
            left[n + i] = s->du[i];
            right[n + i] = before[i];
            s->dv[i] = -before[i] * s->other[i];
            s->du[i] = 0.0f; /* F of an earlier iteration only counts through its G */
        }
    }
}

/* The plain way, for when there were several frames: each half step's matrix is made again. */
static void walk_back_in_logs(float *score_gradients, oa_sinkhorn *s)
{
    size_t n = s->n;
    for (size_t t = s->iterations; t-- > 0;) {
        const float *u = s->u + t * n, *f = s->f + s->frame_u[t] * n;
        for (size_t half = 0; half < 2; half++) {
            /* First the columns' step, which made G_t, then the rows', which was made from G_(t-1). */
            const float *v = s->v + (t + 1 - half) * n, *g = s->g + s->frame_v[t + 1 - half] * n;
            memset(s->other, 0, n * sizeof *s->other);
            for (size_t i = 0; i < n; i++) {
                float row = f[i] + logf(u[i]), sum = 0.0f;
                for (size_t j = 0; j < n; j++) {
                    float share = oa_exp_fast(s->scores[i * n + j] + row + g[j] + logf(v[j]));
                    float change = share * (half ? s->du[i] : s->dv[j]);
                    score_gradients[i * n + j] -= change;
                    sum += change;
                    s->other[j] += change;
                }
                s->du[i] -= half ? 0.0f : sum;
            }
            for (size_t j = 0; j < n && half; j++) {
                s->dv[j] = -s->other[j];
                s->du[j] = 0.0f;
            }
        }
    }
}

void oa_sinkhorn_backward(float *score_gradients, oa_sinkhorn *s, const float *p_gradients)
{
    size_t n = s->n, width = 2 * s->iterations;
    memset(s->dv, 0, n * sizeof *s->dv);
    for (size_t i = 0; i < n; i++) {
        float sum = 0.0f;
        for (size_t j = 0; j < n; j++) {
            float e = p_gradients[i * n + j] * s->p[i * n + j];
            score_gradients[i * n + j] += e;
            s->dv[j] += e;
            sum += e;
        }
        s->du[i] = sum;
    }
    if (!n) {
        return;
    }
    if (s->frame_count > 1) {
        walk_back_in_logs(score_gradients, s);
        return;
    }
    walk_back(s);
    /* p is not needed any more and has the size. Sizes were checked when it was made: the product cannot fail. */
    (void)oa_gemm((oa_matrix_view){s->p, n, n, n}, (oa_const_matrix_view){s->left, width, n, n}, true,
                  (oa_const_matrix_view){s->right, width, n, n}, false, 1.0f, 0.0f, NULL);
    for (size_t i = 0; i < n * n; i++) {
        score_gradients[i] -= s->p[i] * s->kernel[i];
    }
}
