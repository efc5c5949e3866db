/* LayerNormalization and RMSNormalization, backwards. With h = (x - mean) r, r = 1 / sqrt(variance + epsilon), g the
 * gradient of y = scale h + bias, d = scale g, and means over a row:
 *   dx = r (d - mean(d) - h mean(d h));   without the mean   dx = r (d - h mean(d h)).
 * d scale and d bias are the sums of g h and g over the rows. */
#include "core/exec/normalise.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"
#include "core/grad/backward_kernels.h"

#include <string.h>

enum { LANES = 8 };

/* Sums over a row of d = scale g and of d h, times 1 / n. */
static void find_means(float *mean_d, float *mean_dh, const float *g, const float *x, const float *scale, size_t n,
                       float mean, float inverse)
{
    float d_lanes[LANES] = {0.0f}, dh_lanes[LANES] = {0.0f};
    double d_sum = 0.0, dh_sum = 0.0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            const float d = scale[i + l] * g[i + l];
            d_lanes[l] += d;
            dh_lanes[l] += d * ((x[i + l] - mean) * inverse);
        }
    }
    for (; i < n; i++) {
        const float d = scale[i] * g[i];
        d_sum += (double)d;
        dh_sum += (double)(d * ((x[i] - mean) * inverse));
    }
    for (size_t l = 0; l < LANES; l++) {
        d_sum += (double)d_lanes[l];
        dh_sum += (double)dh_lanes[l];
    }
    *mean_d = (float)(d_sum / (double)n);
    *mean_dh = (float)(dh_sum / (double)n);
}

/* One row: `to` gets or adds dx, and may be g. */
static void input_row(float *to, const float *g, const float *x, const float *scale, size_t n, float mean,
                      float inverse, bool centres, bool adds)
{
    float mean_d, mean_dh;
    find_means(&mean_d, &mean_dh, g, x, scale, n, mean, inverse);
    mean_d = centres ? mean_d : 0.0f;
    if (adds) {
        for (size_t i = 0; i < n; i++) {
            to[i] += inverse * (scale[i] * g[i] - mean_d - (x[i] - mean) * inverse * mean_dh);
        }
    } else {
        OA_INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            to[i] = inverse * (scale[i] * g[i] - mean_d - (x[i] - mean) * inverse * mean_dh);
        }
    }
}

static void parameter_row(float *restrict d_scale, float *restrict d_bias, const float *restrict g,
                          const float *restrict x, size_t n, float mean, float inverse)
{
    for (size_t i = 0; i < n; i++) {
        d_scale[i] += g[i] * ((x[i] - mean) * inverse);
        d_bias[i] += g[i];
    }
}

static oa_status give_parameter(oa_backward_call *call, size_t slot, const float *sums, const oa_row_layout *layout,
                                oa_error *error)
{
    const oa_array *x = call->forward->inputs[0];
    oa_sink sink;
    if (!oa_backward_wants(call, slot)) {
        return OA_OK;
    }
    oa_status status = oa_backward_sink(&sink, call, slot, error);
    if (status == OA_OK) {
        oa_array shape = *call->forward->inputs[slot];
        size_t rank = x->rank - layout->axis;
        if (shape.rank > rank) { /* leading axes of size 1 */
            memmove(shape.dims, shape.dims + (shape.rank - rank), rank * sizeof *shape.dims);
            shape.rank = rank;
        }
        oa_sink_sum(&sink, &shape, sums, x->dims + layout->axis, rank, 1.0f);
    }
    return status;
}

/* Rows of [n]: the scale as it is broadcast, and the sums for the parameters. */
static oa_status run(oa_backward_call *call, bool centres, oa_error *error)
{
    oa_call *forward = call->forward;
    const oa_array *x = forward->inputs[0];
    const float *g = oa_backward_output(call, 0), *xs = x->data;
    double epsilon = (double)oa_call_float(forward, "epsilon", 1e-5f);
    bool wants_parameters = oa_backward_wants(call, 1) || (centres && oa_backward_wants(call, 2));
    bool wants_input = oa_backward_wants(call, 0);
    oa_row_layout layout;
    ptrdiff_t steps[OA_MAX_RANK];
    oa_sink sink = {0};
    if (!g || oa_backward_output(call, 1) || oa_backward_output(call, 2)) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "the gradient by way of the saved statistics");
    }
    oa_status status = oa_row_layout_read(&layout, forward, error);
    if (status == OA_OK) {
        status = oa_row_parameter_steps(steps, forward, 1, &layout, error);
    }
    size_t n = layout.n;
    float *scale = status == OA_OK ? oa_call_scratch(forward, n, 3 * sizeof(float)) : NULL;
    if (status == OA_OK && !scale) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a row of %zu elements", n);
    }
    if (status == OA_OK && wants_input) {
        status = oa_backward_sink_in_place(&sink, call, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    float *d_scale = scale + n, *d_bias = d_scale + n;
    oa_strided_copy(scale, forward->inputs[1]->data, x->dims + layout.axis, steps, x->rank - layout.axis,
                    sizeof(float));
    memset(d_scale, 0, 2 * n * sizeof *d_scale);
    for (size_t r = 0; r < layout.rows && n; r++) {
        double exact_mean, exact_inverse;
        oa_row_moments_f32(&exact_mean, &exact_inverse, xs + r * n, n, epsilon, centres);
        const float mean = (float)exact_mean, inverse = (float)exact_inverse;
        if (wants_parameters) {
            parameter_row(d_scale, d_bias, g + r * n, xs + r * n, n, mean, inverse);
        }
        if (wants_input) {
            input_row(sink.data + r * n, g + r * n, xs + r * n, scale, n, mean, inverse, centres, sink.adds);
        }
    }
    status = give_parameter(call, 1, d_scale, &layout, error);
    return status == OA_OK && centres ? give_parameter(call, 2, d_bias, &layout, error) : status;
}

oa_status oa_backward_layer_normalization(oa_backward_call *call, oa_error *error)
{
    return run(call, true, error);
}

oa_status oa_backward_rms_normalization(oa_backward_call *call, oa_error *error)
{
    return run(call, false, error);
}
