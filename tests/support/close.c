#include "tests/support/close.h"

#include "core/base/memory.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <string.h>

double relative_distance(size_t *worst, const double *x, const double *y, size_t n)
{
    double largest = 0.0;
    double distance = 0.0;
    *worst = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            *worst = i;
            return INFINITY;
        }
        largest = fmax(largest, fabs(y[i]));
        if (fabs(x[i] - y[i]) > distance) {
            distance = fabs(x[i] - y[i]);
            *worst = i;
        }
    }
    return distance == 0.0 ? 0.0 : distance / largest;
}

void assert_all_close(const void *actual, const void *expected, oa_dtype dtype, size_t n, double relative,
                      double absolute)
{
    size_t size = oa_dtype_size(dtype);
    size_t worst = OA_NONE;
    double excess = 0.0;
    double values[2] = {0.0, 0.0};
    for (size_t i = 0; i < n; i++) {
        double x;
        double y;
        oa_floats_to_f64(&x, (const char *)actual + i * size, dtype, 1);
        oa_floats_to_f64(&y, (const char *)expected + i * size, dtype, 1);
        bool is_finite = isfinite(x) && isfinite(y);
        double over = is_finite ? fabs(x - y) - (absolute + relative * fabs(y)) : INFINITY;
        if (over > excess) {
            excess = over;
            worst = i;
            values[0] = x;
            values[1] = y;
        }
    }
    if (worst != OA_NONE) {
        fail_msg("element %zu of %zu is %.9g, expected %.9g", worst, n, values[0], values[1]);
    }
}

double array_distance(const oa_array *x, const oa_array *y)
{
    if (x->dtype != y->dtype || x->rank != y->rank || memcmp(x->dims, y->dims, x->rank * sizeof *x->dims) != 0) {
        return INFINITY;
    }
    if (!oa_dtype_is_float(x->dtype)) {
        return x->count && memcmp(x->data, y->data, x->count * oa_dtype_size(x->dtype)) != 0 ? INFINITY : 0.0;
    }
    double *wide = oa_calloc(2 * x->count, sizeof *wide);
    assert_non_null(wide);
    oa_floats_to_f64(wide, x->data, x->dtype, x->count);
    oa_floats_to_f64(wide + x->count, y->data, y->dtype, y->count);
    size_t worst;
    double distance = relative_distance(&worst, wide, wide + x->count, x->count);
    oa_free(wide);
    return distance;
}
