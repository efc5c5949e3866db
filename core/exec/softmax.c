/* Softmax, LogSoftmax and Hardmax along one axis, or over all axes from one on in old operator sets. */
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/order.h"
#include "core/exec/spread.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"
#include "core/linalg/exponentials.h"

#include <tgmath.h>

/* Rows of n elements, y may be x. The maximum is taken off first, so that no exponential overflows, and sums are in
 * double precision. */
#define ROW_LOOPS(dtype, type, tag)                                                                                    \
    static type largest_##tag(const type *x, size_t n)                                                                 \
    {                                                                                                                  \
        type best = x[0];                                                                                              \
        for (size_t i = 1; i < n; i++) {                                                                               \
            best = x[i] > best ? x[i] : best;                                                                          \
        }                                                                                                              \
        return best;                                                                                                   \
    }                                                                                                                  \
    static void log_softmax_##tag(void *y_, const void *x_, size_t n)                                                  \
    {                                                                                                                  \
        type *y = y_;                                                                                                  \
        const type *x = x_;                                                                                            \
        const type best = largest_##tag(x, n);                                                                         \
        double sum = 0.0;                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                                               \
            sum += (double)exp(x[i] - best);                                                                           \
        }                                                                                                              \
        const double logarithm = log(sum);                                                                             \
        for (size_t i = 0; i < n; i++) {                                                                               \
            y[i] = (type)((double)(x[i] - best) - logarithm);                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void hardmax_##tag(void *y_, const void *x_, size_t n)                                                      \
    {                                                                                                                  \
        type *y = y_;                                                                                                  \
        size_t best = oa_order_first(x_, dtype, n, false, false);                                                      \
        for (size_t i = 0; i < n; i++) {                                                                               \
            y[i] = i == best;                                                                                          \
        }                                                                                                              \
    }
OA_REAL_TYPES(ROW_LOOPS)

static void softmax_f64(void *y_, const void *x_, size_t n)
{
    double *y = y_;
    const double *x = x_;
    const double best = largest_f64(x, n);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        y[i] = exp(x[i] - best);
        sum += y[i];
    }
    const double scale = 1.0 / sum;
    for (size_t i = 0; i < n; i++) {
        y[i] = y[i] * scale;
    }
}

typedef void (*row_loop)(void *y, const void *x, size_t n);

oa_status oa_axis_layout_read(oa_axis_layout *layout, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    bool is_old = call->node->version < 13; /* then the axes from `axis` on were one */
    size_t axis = 0;
    int64_t given = oa_call_int(call, "axis", is_old ? 1 : -1);
    *layout = (oa_axis_layout){.outer = 1, .n = 1, .inner = 1};
    if (!(is_old && given == (int64_t)x->rank)) { /* the old form may also leave nothing */
        oa_status status = oa_call_axis(&axis, given, x->rank, error);
        if (status != OA_OK) {
            return status;
        }
    } else {
        axis = x->rank;
    }
    for (size_t d = 0; d < x->rank; d++) {
        if (d < axis) {
            layout->outer *= x->dims[d];
        } else if (d == axis || is_old) {
            layout->n *= x->dims[d];
        } else {
            layout->inner *= x->dims[d];
        }
    }
    return OA_OK;
}

/* Rows that do not lie together are gathered into `row` [n] and scattered again. */
static void run_strided(oa_array *y, const oa_array *x, const oa_axis_layout *layout, row_loop loop, void *row)
{
    size_t size = oa_dtype_size(x->dtype), inner = layout->inner, n = layout->n;
    const ptrdiff_t steps[1] = {(ptrdiff_t)inner};
    for (size_t o = 0; o < layout->outer; o++) {
        for (size_t i = 0; i < inner; i++) {
            size_t at = o * n * inner + i;
            oa_strided_copy(row, (const unsigned char *)x->data + at * size, &n, steps, 1, size);
            loop(row, row, n);
            for (size_t k = 0; k < n; k++) {
                oa_copy_bytes((unsigned char *)y->data + (at + k * inner) * size, (unsigned char *)row + k * size,
                              size);
            }
        }
    }
}

typedef struct rows_work {
    unsigned char *y;
    const unsigned char *x;
    row_loop loop;
    size_t n;
    size_t bytes; /* of a row */
} rows_work;

static void run_rows(void *context, size_t first, size_t end)
{
    const rows_work *work = context;
    for (size_t row = first; row < end; row++) {
        work->loop(work->y + row * work->bytes, work->x + row * work->bytes, work->n);
    }
}

static oa_status run(oa_call *call, row_loop f32, row_loop f64, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_axis_layout layout;
    oa_array *y = NULL;
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    row_loop loop = x->dtype == OA_DTYPE_FLOAT ? f32 : f64;
    size_t size = oa_dtype_size(x->dtype);
    oa_status status = oa_axis_layout_read(&layout, call, error);
    if (status == OA_OK) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    if (layout.inner == 1) {
        rows_work work = {y->data, x->data, loop, layout.n, layout.n * size};
        oa_spread(call->team, layout.outer, 4 * layout.n, run_rows, &work);
        return OA_OK;
    }
    void *row = oa_call_scratch(call, layout.n, size);
    if (!row) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a row of %zu elements", layout.n);
    }
    run_strided(y, x, &layout, loop, row);
    return OA_OK;
}

static void softmax_rows(void *y, const void *x, size_t n)
{
    oa_softmax_floats(y, x, n);
}

oa_status oa_kernel_softmax(oa_call *call, oa_error *error)
{
    return run(call, softmax_rows, softmax_f64, error);
}

oa_status oa_kernel_log_softmax(oa_call *call, oa_error *error)
{
    return run(call, log_softmax_f32, log_softmax_f64, error);
}

oa_status oa_kernel_hardmax(oa_call *call, oa_error *error)
{
    return run(call, hardmax_f32, hardmax_f64, error);
}
