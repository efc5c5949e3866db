#include "core/merge/unit_statistics.h"

#include <math.h>

/* Spread that a float32 value has by rounding alone, relative to the value: 2^-24 / sqrt(3), and some for sums. */
static const double ROUNDING = 1e-7;

oa_status oa_unit_statistics_init(oa_unit_statistics *statistics, size_t units, oa_error *error)
{
    oa_unit_statistics made = {.units = units};
    double **const lists[] = {&made.centre, &made.a, &made.b, &made.aa, &made.ab, &made.bb, &made.one_a, &made.one_b};
    bool is_good = true;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        *lists[i] = oa_calloc(units, sizeof **lists[i]);
        is_good = is_good && *lists[i];
    }
    if (!is_good) {
        oa_unit_statistics_free(&made);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the statistics of %zu units", units);
    }
    *statistics = made;
    return OA_OK;
}

void oa_unit_statistics_free(oa_unit_statistics *statistics)
{
    oa_free(statistics->centre);
    oa_free(statistics->a);
    oa_free(statistics->b);
    oa_free(statistics->aa);
    oa_free(statistics->ab);
    oa_free(statistics->bb);
    oa_free(statistics->one_a);
    oa_free(statistics->one_b);
    oa_free(statistics->row);
    *statistics = (oa_unit_statistics){0};
}

/* The elements of an activation [rows, units, inner], row after row. */
typedef struct row_view {
    const char *data;
    oa_dtype dtype;
    size_t units, inner;
} row_view;

/* Sums of x - centre and of its square into one_a and one_b, over some rows. */
static void add_rows(oa_unit_statistics *s, const row_view *view, size_t first, size_t count)
{
    size_t size = oa_dtype_size(view->dtype);
    for (size_t u = 0; u < s->units; u++) {
        s->one_a[u] = 0.0;
        s->one_b[u] = 0.0;
    }
    for (size_t r = first; r < first + count; r++) {
        const char *row = view->data + r * view->units * view->inner * size;
        if (view->inner == 1) {
            oa_floats_to_f64(s->row, row, view->dtype, view->units);
            for (size_t u = 0; u < view->units; u++) {
                double x = s->row[u] - s->centre[u];
                s->one_a[u] += x;
                s->one_b[u] += x * x;
            }
            continue;
        }
        for (size_t u = 0; u < view->units; u++) {
            double a = 0.0;
            double b = 0.0;
            oa_floats_to_f64(s->row, row + u * view->inner * size, view->dtype, view->inner);
            for (size_t i = 0; i < view->inner; i++) {
                double x = s->row[i] - s->centre[u];
                a += x;
                b += x * x;
            }
            s->one_a[u] += a;
            s->one_b[u] += b;
        }
    }
}

oa_status oa_unit_statistics_add(oa_unit_statistics *s, const oa_array *array, size_t axis, size_t samples,
                                 oa_error *error)
{
    size_t rows = 1;
    row_view view = {.data = array->data, .dtype = array->dtype, .units = s->units, .inner = 1};
    if (!oa_dtype_is_float(array->dtype) || axis >= array->rank || array->dims[axis] != s->units) {
        return oa_fail(error, OA_ERROR_INPUT, "its values are not floats with %zu units on axis %zu", s->units, axis);
    }
    for (size_t k = 0; k < array->rank; k++) {
        rows *= k < axis ? array->dims[k] : 1;
        view.inner *= k > axis ? array->dims[k] : 1;
    }
    if (rows * view.inner == 0) {
        return OA_OK;
    }
    if (!oa_grow(&s->row, &s->row_capacity, view.inner == 1 ? s->units : view.inner, sizeof *s->row)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the statistics of %zu units", s->units);
    }
    samples = samples && rows % samples == 0 ? samples : 1;
    size_t rows_each = rows / samples;
    double share = 1.0 / ((double)rows_each * (double)view.inner);
    if (s->samples == 0) {
        add_rows(s, &view, 0, rows_each);
        for (size_t u = 0; u < s->units; u++) {
            s->centre[u] = s->one_a[u] * share;
        }
    }
    for (size_t i = 0; i < samples; i++) {
        add_rows(s, &view, i * rows_each, rows_each);
        for (size_t u = 0; u < s->units; u++) {
            double a = s->one_a[u] * share;
            double b = s->one_b[u] * share;
            s->a[u] += a;
            s->b[u] += b;
            s->aa[u] += a * a;
            s->ab[u] += a * b;
            s->bb[u] += b * b;
        }
    }
    s->samples += samples;
    return OA_OK;
}

void oa_unit_statistics_get(double *mean, double *spread, const oa_unit_statistics *s, size_t u)
{
    double n = (double)s->samples;
    double off = s->a[u] / n;
    double variance = s->b[u] / n - off * off;
    *mean = s->centre[u] + off;
    double least = ROUNDING * fabs(*mean);
    /* A NaN stays one. */
    *spread = variance <= least * least ? 0.0 : sqrt(variance);
}

double oa_unit_statistics_uncertainty(const oa_unit_statistics *s)
{
    double n = (double)s->samples;
    double sum = 0.0;
    size_t varying = 0;
    if (s->samples < 2) {
        return INFINITY;
    }
    for (size_t u = 0; u < s->units; u++) {
        double mean;
        double spread;
        oa_unit_statistics_get(&mean, &spread, s, u);
        if (spread == 0.0) {
            continue;
        }
        double off = s->a[u] / n;
        double of_mean = fmax(s->aa[u] / n - off * off, 0.0) / (n - 1.0);
        double z = s->b[u] / n - 2.0 * off * off;
        double zz = (s->bb[u] - 4.0 * off * s->ab[u] + 4.0 * off * off * s->aa[u]) / n;
        double of_variance = fmax(zz - z * z, 0.0) / (n - 1.0);
        double variance = spread * spread;
        sum += of_mean / variance + of_variance / (4.0 * variance * variance);
        varying++;
    }
    return varying ? sqrt(sum / (double)varying) : 0.0;
}
