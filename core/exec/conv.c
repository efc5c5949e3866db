#include "core/exec/conv.h"

#include "core/exec/conv_panels.h"
#include "core/exec/conv_shifted.h"
#include "core/exec/kernels.h"
#include "core/exec/types.h"

oa_status oa_conv_read(oa_conv *conv, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *w = call->inputs[1], *bias = oa_call_input(call, 2);
    int64_t groups = oa_call_int(call, "group", 1);
    char text[2][OA_SHAPE_TEXT_SIZE];
    if (x->rank < 3 || w->rank != x->rank || groups < 1 || x->dims[1] % (uint64_t)groups != 0 ||
        w->dims[0] % (uint64_t)groups != 0 || w->dims[1] != x->dims[1] / (uint64_t)groups) {
        return oa_fail(
            error, OA_ERROR_INPUT, "an input of shape %s and a weight of shape %s do not fit for %lld groups",
            oa_shape_text(text[0], x->dims, x->rank), oa_shape_text(text[1], w->dims, w->rank), (long long)groups);
    }
    if (bias && (bias->rank != 1 || bias->dims[0] != w->dims[0])) {
        return oa_fail(error, OA_ERROR_INPUT, "a bias of shape %s for %zu output channels",
                       oa_shape_text(text[0], bias->dims, bias->rank), w->dims[0]);
    }
    conv->batch = x->dims[0];
    conv->groups = (size_t)groups;
    conv->in_channels = w->dims[1];
    conv->out_channels = w->dims[0] / conv->groups;
    oa_status status = oa_call_same_dtype(call, 0, 1, error);
    if (status == OA_OK && bias) {
        status = oa_call_same_dtype(call, 0, 2, error);
    }
    return status == OA_OK ? oa_window_read(&conv->window, call, x, w->dims + 2, false, error) : status;
}

void oa_conv_fill_bias(oa_array *y, const oa_array *bias)
{
    size_t planes = y->dims[0] * y->dims[1];
    size_t size = planes ? y->count / planes : 0;
    for (size_t p = 0; p < planes; p++) {
        size_t channel = p % y->dims[1];
        if (y->dtype == OA_DTYPE_FLOAT) {
            float value = bias ? ((const float *)bias->data)[channel] : 0.0f;
            float *plane = (float *)y->data + p * size;
            for (size_t i = 0; i < size; i++) {
                plane[i] = value;
            }
        } else {
            double value = bias ? ((const double *)bias->data)[channel] : 0.0;
            double *plane = (double *)y->data + p * size;
            for (size_t i = 0; i < size; i++) {
                plane[i] = value;
            }
        }
    }
}

/* How a convolution is computed: see oa_conv_depthwise, oa_conv_shifted, oa_conv_panels and oa_conv_lowered. */
typedef enum conv_way { BY_ROWS, BY_SHIFTS, BY_PANELS, BY_COLUMNS } conv_way;

/* Measured on 3 x 3 kernels: with more output channels than these, panels are faster than shifts. */
enum { MOST_SHIFTED = 8, MOST_MULTIPLIED = 4 };

static conv_way choose(oa_conv_grid *grid, const oa_conv *conv, oa_dtype dtype)
{
    if (dtype != OA_DTYPE_FLOAT) {
        return BY_COLUMNS;
    }
    if (conv->in_channels == 1 && conv->out_channels <= MOST_MULTIPLIED && conv->groups > 1) {
        return BY_ROWS;
    }
    bool is_shifted = oa_conv_shifted_pays(grid, conv);
    if (oa_conv_panels_fits(conv)) {
        return is_shifted && conv->out_channels <= MOST_SHIFTED ? BY_SHIFTS : BY_PANELS;
    }
    return is_shifted ? BY_SHIFTS : BY_COLUMNS;
}

oa_status oa_kernel_conv(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *w = call->inputs[1], *bias = oa_call_input(call, 2);
    oa_conv conv;
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = oa_conv_read(&conv, call, error);
    if (status != OA_OK) {
        return status;
    }
    size_t dims[OA_MAX_RANK] = {x->dims[0], w->dims[0]};
    for (size_t d = 0; d < conv.window.rank; d++) {
        dims[2 + d] = conv.window.out[d];
    }
    oa_array *y;
    status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    const float *biases = bias ? bias->data : NULL;
    oa_conv_grid grid;
    conv_way way = choose(&grid, &conv, x->dtype);
    if (call->finish && (way == BY_COLUMNS || !oa_finish_fits(call->finish, y))) {
        call->finish = NULL;
    }
    call->is_finished = call->finish != NULL;
    switch (way) {
    case BY_ROWS:
        return oa_conv_depthwise(y->data, x->data, w->data, biases, &conv, call, error);
    case BY_SHIFTS:
        return oa_conv_shifted(y->data, x->data, w->data, biases, &conv, &grid, call, error);
    case BY_PANELS:
        return oa_conv_panels(y->data, x->data, w->data, biases, &conv, call, error);
    case BY_COLUMNS:
        break;
    }
    if (bias) {
        oa_conv_fill_bias(y, bias);
    }
    size_t bytes;
    void *scratch = oa_conv_scratch(&bytes, &conv, x->dtype) ? oa_call_scratch(call, bytes, 1) : NULL;
    if (!scratch) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the columns of a convolution");
    }
    return oa_conv_lowered(y->data, x->data, w->data, &conv, bias != NULL, x->dtype, scratch, error);
}
