#include "core/match/unit_sums.h"

#include "core/base/memory.h"
#include "core/linalg/blas.h"

#include <math.h>

/* Samples that go through at a time: enough for the matrix product to be worth it, few enough to stay in the cache. */
enum { CHUNK_ELEMENTS = 256 * 1024, CHUNK_LEAST = 256, CHUNK_MOST = 4096 };

void oa_unit_workspace_free(oa_unit_workspace *workspace)
{
    oa_free(workspace->rows[0]);
    oa_free(workspace->rows[1]);
    oa_free(workspace->products);
    *workspace = (oa_unit_workspace){0};
}

oa_status oa_unit_sums_init(oa_unit_sums *sums, size_t n, oa_error *error)
{
    oa_unit_sums made = {.n = n};
    size_t square;
    bool is_good = !oa_mul_overflows(&square, n, n);
    for (size_t s = 0; s < 2; s++) {
        oa_unit_moments *m = &made.side[s];
        *m = (oa_unit_moments){.centre = oa_calloc(n, sizeof *m->centre),
                               .scale = oa_calloc(n, sizeof *m->scale),
                               .sums = oa_calloc(n, sizeof *m->sums),
                               .squares = oa_calloc(n, sizeof *m->squares)};
        is_good = is_good && m->centre && m->scale && m->sums && m->squares;
    }
    made.products = is_good ? oa_calloc(square, sizeof *made.products) : NULL;
    if (!made.products) {
        oa_unit_sums_free(&made);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the correlations of %zu units", n);
    }
    *sums = made;
    return OA_OK;
}

void oa_unit_sums_free(oa_unit_sums *sums)
{
    for (size_t s = 0; s < 2; s++) {
        oa_free(sums->side[s].centre);
        oa_free(sums->side[s].scale);
        oa_free(sums->side[s].sums);
        oa_free(sums->side[s].squares);
    }
    oa_free(sums->products);
    *sums = (oa_unit_sums){0};
}

/* The run of a unit's samples at outer index o, element r. */
static const float *run_of(const oa_unit_view *view, size_t unit, size_t o, size_t r)
{
    size_t outer = view->outer_map ? view->outer_map[o] : o;
    return view->data + (outer * view->axis_size + view->positions[unit * view->rest + r]) * view->inner;
}

/* Mean and spread of every unit in the first batch. Two passes, in double. */
static void measure(oa_unit_moments *moments, size_t n, const oa_unit_view *view)
{
    double count = (double)view->outer * (double)view->rest * (double)view->inner;
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        double squares = 0.0;
        double mean = 0.0;
        for (size_t pass = 0; pass < 2; pass++) {
            for (size_t o = 0; o < view->outer; o++) {
                for (size_t r = 0; r < view->rest; r++) {
                    const float *run = run_of(view, i, o, r);
                    for (size_t t = 0; t < view->inner; t++) {
                        double x = (double)run[t] - mean;
                        sum += x;
                        squares += x * x;
                    }
                }
            }
            if (pass == 0) {
                mean = sum / count;
                squares = 0.0;
            }
        }
        double spread = sqrt(squares / count);
        float scale = (float)(1.0 / spread);
        moments->centre[i] = (float)mean;
        moments->scale[i] = isfinite(scale) && scale > 0.0f ? scale : 1.0f;
    }
}

/* Samples first .. first + count - 1 of all units, one row a unit. A sample's number counts the inner index fastest. */
static void fill_units(float *rows, const oa_unit_moments *m, size_t n, const oa_unit_view *view, size_t first,
                       size_t count)
{
    for (size_t i = 0; i < n; i++) {
        float *restrict to = rows + i * count;
        float centre = m->centre[i];
        float scale = m->scale[i];
        for (size_t done = 0; done < count;) {
            size_t t = (first + done) % view->inner;
            size_t run = (first + done) / view->inner;
            size_t left = view->inner - t;
            size_t length = left < count - done ? left : count - done;
            const float *restrict from = run_of(view, i, run / view->rest, run % view->rest);
            for (size_t k = 0; k < length && !view->inner_map; k++) {
                to[done + k] = (from[t + k] - centre) * scale;
            }
            for (size_t k = 0; k < length && view->inner_map; k++) {
                to[done + k] = (from[view->inner_map[t + k]] - centre) * scale;
            }
            done += length;
        }
        double sum = 0.0;
        double squares = 0.0;
        for (size_t k = 0; k < count; k++) {
            double x = (double)to[k];
            sum += x;
            squares += x * x;
        }
        m->sums[i] += sum;
        m->squares[i] += squares;
    }
}

/* The same with one row a sample, for activations without an inner axis, whose units are next to each other. */
static void fill_samples(float *rows, const oa_unit_moments *m, size_t n, const oa_unit_view *view, size_t first,
                         size_t count)
{
    const float *restrict centre = m->centre;
    const float *restrict scale = m->scale;
    double *restrict sums = m->sums;
    double *restrict squares = m->squares;
    for (size_t k = 0; k < count; k++) {
        float *restrict to = rows + k * n;
        size_t o = (first + k) / view->rest;
        size_t r = (first + k) % view->rest;
        const float *restrict from = view->data + (view->outer_map ? view->outer_map[o] : o) * view->axis_size;
        for (size_t i = 0; i < n; i++) {
            to[i] = (from[view->positions[i * view->rest + r]] - centre[i]) * scale[i];
        }
        for (size_t i = 0; i < n; i++) {
            double x = (double)to[i];
            sums[i] += x;
            squares[i] += x * x;
        }
    }
}

static oa_status make_room(oa_unit_workspace *w, size_t n, size_t chunk, oa_error *error)
{
    size_t elements;
    bool is_good = !oa_mul_overflows(&elements, n, chunk);
    for (size_t s = 0; s < 2; s++) {
        is_good = is_good && oa_grow(&w->rows[s], &w->row_capacity[s], elements, sizeof *w->rows[s]);
    }
    is_good = is_good && oa_grow(&w->products, &w->product_capacity, n * n, sizeof *w->products);
    return is_good ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the activations of %zu units", n);
}

oa_status oa_unit_sums_add(oa_unit_sums *sums, const oa_unit_view *a, const oa_unit_view *b, oa_unit_workspace *w,
                           oa_error *error)
{
    const oa_unit_view *views[2] = {a, b};
    const size_t n = sums->n;
    bool is_flat = a->inner == 1;
    size_t total = a->outer * a->rest * a->inner; /* no more than the elements of a */
    size_t chunk = CHUNK_ELEMENTS / n < CHUNK_LEAST ? CHUNK_LEAST : CHUNK_ELEMENTS / n;
    chunk = chunk > CHUNK_MOST ? CHUNK_MOST : chunk;
    oa_status status = make_room(w, n, chunk, error);
    for (size_t s = 0; s < 2 && sums->count == 0 && total && status == OA_OK; s++) {
        measure(&sums->side[s], n, views[s]);
    }
    for (size_t first = 0; first < total && status == OA_OK; first += chunk) {
        size_t count = total - first < chunk ? total - first : chunk;
        oa_const_matrix_view rows[2];
        for (size_t s = 0; s < 2; s++) {
            if (is_flat) {
                fill_samples(w->rows[s], &sums->side[s], n, views[s], first, count);
            } else {
                fill_units(w->rows[s], &sums->side[s], n, views[s], first, count);
            }
            rows[s] = is_flat ? (oa_const_matrix_view){w->rows[s], count, n, n}
                              : (oa_const_matrix_view){w->rows[s], n, count, count};
        }
        status =
            oa_gemm((oa_matrix_view){w->products, n, n, n}, rows[0], is_flat, rows[1], !is_flat, 1.0f, 0.0f, error);
        for (size_t i = 0; i < n * n && status == OA_OK; i++) {
            sums->products[i] += (double)w->products[i];
        }
    }
    sums->count += status == OA_OK ? total : 0;
    return status;
}

/* What the products of a unit are multiplied by, 0 for units that do not vary: one over its spread for correlations, or
 * what undoes the scale for covariances. A spread below a millionth of the mean is float32's rounding. */
static double factor_of(const oa_unit_sums *sums, size_t side, size_t unit, bool uses_covariance)
{
    const oa_unit_moments *m = &sums->side[side];
    double scale = (double)m->scale[unit];
    double mean = m->sums[unit] / (double)sums->count;
    double variance = m->squares[unit] / (double)sums->count - mean * mean;
    double own_mean = (double)m->centre[unit] * scale + mean; /* in the units of the variance */
    if (variance <= 0.0 || sqrt(variance) <= 1e-6 * fabs(own_mean)) {
        return 0.0;
    }
    return uses_covariance ? 1.0 / scale : 1.0 / sqrt(variance);
}

oa_status oa_unit_sums_profit(double *profit, const oa_unit_sums *sums, bool uses_covariance, oa_error *error)
{
    const size_t n = sums->n;
    const oa_unit_moments *a = &sums->side[0];
    const oa_unit_moments *b = &sums->side[1];
    if (!sums->count) {
        return OA_OK;
    }
    double count = (double)sums->count;
    double *factors = oa_malloc(n, sizeof *factors);
    if (!factors) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the correlations of %zu units", n);
    }
    bool is_finite = true;
    for (size_t j = 0; j < n; j++) {
        is_finite = is_finite && isfinite(a->squares[j]) && isfinite(b->squares[j]);
        factors[j] = factor_of(sums, 1, j, uses_covariance);
    }
    for (size_t i = 0; i < n && is_finite; i++) {
        double factor = factor_of(sums, 0, i, uses_covariance);
        double mean = a->sums[i] / count;
        for (size_t j = 0; j < n; j++) {
            double together = sums->products[i * n + j] / count - mean * (b->sums[j] / count);
            is_finite = is_finite && isfinite(together);
            profit[i * n + j] += together * factor * factors[j];
        }
    }
    oa_free(factors);
    return is_finite ? OA_OK : oa_fail(error, OA_ERROR_INPUT, "activations are NaN, infinite or too large");
}
