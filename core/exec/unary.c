#include "core/exec/unary.h"

#include "core/exec/spread.h"

typedef struct unary_work {
    unsigned char *y;
    const unsigned char *x;
    const oa_unary_row *row;
    const double *settings;
} unary_work;

static void run_part(void *context, size_t first, size_t end)
{
    const unary_work *work = context;
    size_t at = first * oa_dtype_size(work->row->dtype);
    work->row->loop(work->y + at, work->x + at, end - first, work->settings);
}

oa_status oa_unary_run(oa_call *call, const oa_unary_row *rows, size_t row_count, const double *settings,
                       oa_error *error)
{
    const oa_array *x = call->inputs[0];
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].dtype == x->dtype) {
            oa_array *y;
            oa_status status = oa_call_output_like(&y, call, 0, 0, error);
            if (status == OA_OK) {
                unary_work work = {y->data, x->data, &rows[i], settings};
                oa_spread(call->team, x->count, 2, run_part, &work);
            }
            return status;
        }
    }
    return oa_fail_dtype(x, error);
}

oa_status oa_unary_run_real(oa_call *call, oa_unary_loop f32, oa_unary_loop f64, const double *settings,
                            oa_error *error)
{
    const oa_unary_row rows[] = {{OA_DTYPE_FLOAT, f32}, {OA_DTYPE_DOUBLE, f64}};
    return oa_unary_run(call, rows, sizeof rows / sizeof rows[0], settings, error);
}
