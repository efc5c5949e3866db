/* AveragePool and LpPool: sums over windows, added up in double precision. */
#include "core/exec/kernels.h"
#include "core/exec/pool.h"
#include "core/exec/types.h"

#include <math.h>

typedef struct sum_state {
    double *sums; /* [row] */
    double p;     /* of LpPool: the power of |x| that is added up */
} sum_state;

/* sums[first + i] += expression of x. */
#define TAKE_LOOP(name, type, expression)                                                                              \
    static void name(void *state_, size_t first, const void *x_, size_t n, size_t stride, size_t at)                   \
    {                                                                                                                  \
        const sum_state *state = state_;                                                                               \
        double *sums = state->sums + first;                                                                            \
        const type *xs = x_;                                                                                           \
        (void)at;                                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const double x = (double)xs[i * stride];                                                                   \
            sums[i] += (expression);                                                                                   \
        }                                                                                                              \
    }

TAKE_LOOP(take_f32, float, x)
TAKE_LOOP(take_f64, double, x)
TAKE_LOOP(take_absolute_f32, float, fabs(x))
TAKE_LOOP(take_absolute_f64, double, fabs(x))
TAKE_LOOP(take_square_f32, float, x *x)
TAKE_LOOP(take_square_f64, double, x *x)
TAKE_LOOP(take_power_f32, float, pow(fabs(x), state->p))
TAKE_LOOP(take_power_f64, double, pow(fabs(x), state->p))

/* How the sums of a row become its outputs. */
typedef struct row_finish {
    const double *counts; /* [row] elements along the last axis; NULL: the root of order p */
    double p;
    bool counts_padding;
} row_finish;

static double finish_one(double sum, const row_finish *finish, size_t i, double outer_count)
{
    if (finish->counts) {
        return sum / (finish->counts[i] * outer_count);
    }
    return finish->p == 1.0 ? sum : finish->p == 2.0 ? sqrt(sum) : pow(sum, 1.0 / finish->p);
}

/* Sums of all windows, a row at a time, each row finished into y. */
static void pool_planes(oa_array *y, const oa_array *x, const oa_window *window, sum_state *state, oa_pool_take take,
                        const row_finish *finish)
{
    size_t last = window->rank - 1, width = window->out[last], size = oa_dtype_size(x->dtype);
    size_t in_bytes = oa_window_size(window->in, window->rank) * size, at = 0;
    for (size_t p = 0; p < x->dims[0] * x->dims[1]; p++) {
        size_t position[OA_MAX_RANK] = {0};
        do {
            double outer_count = 1.0;
            for (size_t d = 0; finish->counts && d < last; d++) {
                size_t first, past;
                oa_window_taps(&first, &past, window, d, position[d], finish->counts_padding);
                outer_count *= (double)(past - first);
            }
            for (size_t i = 0; i < width; i++) {
                state->sums[i] = 0.0;
            }
            oa_pool_row(state, (const unsigned char *)x->data + p * in_bytes, size, window, position, take);
            for (size_t i = 0; i < width; i++, at++) {
                double value = finish_one(state->sums[i], finish, i, outer_count);
                if (y->dtype == OA_DTYPE_FLOAT) {
                    ((float *)y->data)[at] = (float)value;
                } else {
                    ((double *)y->data)[at] = value;
                }
            }
        } while (oa_window_next(position, window->out, last));
    }
}

/* The window, the output and scratch for two rows of doubles. */
static oa_status prepare(oa_window *window, oa_array **y, double **row_pair, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = oa_pool_prepare(window, y, call, error);
    if (status != OA_OK) {
        return status;
    }
    *row_pair = oa_call_scratch(call, window->out[window->rank - 1], 2 * sizeof(double));
    return *row_pair ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for a row of sums");
}

oa_status oa_kernel_average_pool(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    bool counts_padding = oa_call_int(call, "count_include_pad", 0) != 0;
    oa_window window;
    oa_array *y = NULL;
    double *row_pair = NULL;
    oa_status status = prepare(&window, &y, &row_pair, call, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    size_t last = window.rank - 1, width = window.out[last];
    double *counts = row_pair + width;
    for (size_t i = 0; i < width; i++) {
        size_t first, past;
        oa_window_taps(&first, &past, &window, last, i, counts_padding);
        counts[i] = (double)(past - first);
    }
    sum_state state = {.sums = row_pair};
    row_finish finish = {.counts = counts, .counts_padding = counts_padding};
    pool_planes(y, x, &window, &state, x->dtype == OA_DTYPE_FLOAT ? take_f32 : take_f64, &finish);
    return OA_OK;
}

oa_status oa_kernel_lp_pool(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_window window;
    oa_array *y = NULL;
    double *row_pair = NULL, p;
    oa_status status = oa_pool_order(&p, call, error);
    if (status == OA_OK) {
        status = prepare(&window, &y, &row_pair, call, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    bool is_f32 = x->dtype == OA_DTYPE_FLOAT;
    oa_pool_take take = is_f32 ? take_power_f32 : take_power_f64;
    if (p == 1.0) {
        take = is_f32 ? take_absolute_f32 : take_absolute_f64;
    } else if (p == 2.0) {
        take = is_f32 ? take_square_f32 : take_square_f64;
    }
    sum_state state = {.sums = row_pair, .p = p};
    row_finish finish = {.p = p};
    pool_planes(y, x, &window, &state, take, &finish);
    return OA_OK;
}
