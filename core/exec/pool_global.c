/* GlobalAveragePool, GlobalMaxPool and GlobalLpPool: each plane as one window. */
#include "core/exec/kernels.h"
#include "core/exec/pool.h"
#include "core/exec/types.h"

#include <math.h>

enum { LANES = 4 };

/* The expression of x added up over n elements, in lanes that do not wait for each other. */
#define PLANE_SUM(name, type, expression)                                                                              \
    static double name(const void *x_, size_t n, double p)                                                             \
    {                                                                                                                  \
        const type *xs = x_;                                                                                           \
        double lanes[LANES] = {0.0, 0.0, 0.0, 0.0};                                                                    \
        size_t i = 0;                                                                                                  \
        (void)p;                                                                                                       \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            for (size_t l = 0; l < LANES; l++) {                                                                       \
                const double x = (double)xs[i + l];                                                                    \
                lanes[l] += (expression);                                                                              \
            }                                                                                                          \
        }                                                                                                              \
        for (; i < n; i++) {                                                                                           \
            const double x = (double)xs[i];                                                                            \
            lanes[0] += (expression);                                                                                  \
        }                                                                                                              \
        return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);                                                          \
    }

PLANE_SUM(sum_f32, float, x)
PLANE_SUM(sum_f64, double, x)
PLANE_SUM(power_sum_f32, float, p == 1.0 ? fabs(x) : p == 2.0 ? x * x : pow(fabs(x), p))
PLANE_SUM(power_sum_f64, double, p == 1.0 ? fabs(x) : p == 2.0 ? x * x : pow(fabs(x), p))

/* The largest of n elements, NaN if there is one; n > 0. */
#define PLANE_MAX(name, type)                                                                                          \
    static double name(const void *x_, size_t n, double p)                                                             \
    {                                                                                                                  \
        const type *xs = x_;                                                                                           \
        type best = xs[0];                                                                                             \
        (void)p;                                                                                                       \
        for (size_t i = 1; i < n; i++) {                                                                               \
            best = xs[i] > best || xs[i] != xs[i] ? xs[i] : best;                                                      \
        }                                                                                                              \
        return (double)best;                                                                                           \
    }

PLANE_MAX(max_f32, float)
PLANE_MAX(max_f64, double)

typedef double (*plane_function)(const void *x, size_t n, double p);

/* y [N, C, 1, ...]: f32 or f64 of every plane; then the root of order p when p is not zero, the mean when `is_mean`. */
static oa_status run_global(oa_call *call, plane_function f32, plane_function f64, double p, bool is_mean,
                            oa_error *error)
{
    const oa_array *x = call->inputs[0];
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    if (x->rank < 2) {
        return oa_fail(error, OA_ERROR_INPUT, "the input has rank %zu; it must have a batch and channels", x->rank);
    }
    size_t dims[OA_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (size_t d = 2; d < x->rank; d++) {
        dims[d] = 1;
    }
    oa_array *y = NULL;
    oa_status status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    size_t n = x->count / y->count;
    if (n == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "nothing to pool: a spatial axis has size 0");
    }
    for (size_t i = 0; i < y->count; i++) {
        const unsigned char *plane = (const unsigned char *)x->data + i * n * oa_dtype_size(x->dtype);
        double value = x->dtype == OA_DTYPE_FLOAT ? f32(plane, n, p) : f64(plane, n, p);
        value = is_mean ? value / (double)n : p == 0.0 ? value : p == 2.0 ? sqrt(value) : pow(value, 1.0 / p);
        if (x->dtype == OA_DTYPE_FLOAT) {
            ((float *)y->data)[i] = (float)value;
        } else {
            ((double *)y->data)[i] = value;
        }
    }
    return OA_OK;
}

oa_status oa_kernel_global_average_pool(oa_call *call, oa_error *error)
{
    return run_global(call, sum_f32, sum_f64, 0.0, true, error);
}

oa_status oa_kernel_global_max_pool(oa_call *call, oa_error *error)
{
    return run_global(call, max_f32, max_f64, 0.0, false, error);
}

oa_status oa_kernel_global_lp_pool(oa_call *call, oa_error *error)
{
    double p;
    oa_status status = oa_pool_order(&p, call, error);
    return status == OA_OK ? run_global(call, power_sum_f32, power_sum_f64, p, false, error) : status;
}
