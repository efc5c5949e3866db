/* Elementwise functions of one input. A loop is a pure function over a run of elements; y may be x. */
#ifndef OA_EXEC_UNARY_H
#define OA_EXEC_UNARY_H

#include "core/exec/call.h"
#include "core/exec/types.h"

/* y[i] = f(x[i]) for n elements; `settings` are the operator's attributes, in its own order. */
typedef void (*oa_unary_loop)(void *y, const void *x, size_t n, const double *settings);

typedef struct oa_unary_row {
    oa_dtype dtype;
    oa_unary_loop loop;
} oa_unary_row;

/* Defines a loop: `expression` is of x, which is of type `real`, and of the settings. */
#define OA_UNARY_LOOP(name, type, expression)                                                                          \
    static void name(void *y_, const void *x_, size_t n, const double *settings)                                       \
    {                                                                                                                  \
        typedef type real;                                                                                             \
        const real *xs = x_;                                                                                           \
        real *ys = y_;                                                                                                 \
        (void)settings;                                                                                                \
        OA_INDEPENDENT                                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const real x = xs[i];                                                                                      \
            ys[i] = (real)(expression);                                                                                \
        }                                                                                                              \
    }

/* The same for a float type, where `alpha` and `beta` are the first two settings in that type. */
#define OA_UNARY_REAL_LOOP(name, type, expression)                                                                     \
    static void name(void *y_, const void *x_, size_t n, const double *settings)                                       \
    {                                                                                                                  \
        typedef type real;                                                                                             \
        const real *xs = x_;                                                                                           \
        real *ys = y_;                                                                                                 \
        const real alpha = (real)settings[0], beta = (real)settings[1];                                                \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        OA_INDEPENDENT                                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const real x = xs[i];                                                                                      \
            ys[i] = (real)(expression);                                                                                \
        }                                                                                                              \
    }

/* Runs the loop for the dtype of input 0 over all of it; output 0 has its dtype and shape. `settings` are two.
 * OA_ERROR_UNSUPPORTED when no row is of that dtype. */
oa_status oa_unary_run(oa_call *call, const oa_unary_row *rows, size_t row_count, const double *settings,
                       oa_error *error);
/* The same for a function of float32 and float64. */
oa_status oa_unary_run_real(oa_call *call, oa_unary_loop f32, oa_unary_loop f64, const double *settings,
                            oa_error *error);

#endif
