/* BatchNormalization, by the batch's own statistics forwards and by either kind backwards.
 *
 * With h = (x - mean) / sqrt(variance + epsilon), y = scale h + bias, g the gradient of y, and sums over a channel's m
 * elements: d bias = sum(g), d scale = sum(g h), and
 *   dx = scale / sqrt(variance + epsilon) g                                    when the statistics are constants,
 *   dx = scale / sqrt(variance + epsilon) (g - sum(g) / m - h sum(g h) / m)    when they are the batch's
 * (Ioffe and Szegedy 2015, arXiv 1502.03167, section 3). */
#include "core/exec/layouts.h"
#include "core/exec/types.h"
#include "core/grad/backward_kernels.h"

#include <math.h>

enum { LANES = 8 };

/* Adds, over a run of n elements, u - cu to *sum and (u - cu)(v - cv) to *product. Single precision within a run, in
 * lanes that do not wait for each other; runs are added up in double precision. */
static void add_run(double *sum, double *product, const float *u, float cu, const float *v, float cv, size_t n)
{
    float sums[LANES] = {0.0f}, products[LANES] = {0.0f};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            const float d = u[i + l] - cu;
            sums[l] += d;
            products[l] += d * (v[i + l] - cv);
        }
    }
    for (; i < n; i++) {
        const float d = u[i] - cu;
        sums[0] += d;
        products[0] += d * (v[i] - cv);
    }
    for (size_t l = 0; l < LANES; l++) {
        *sum += (double)sums[l];
        *product += (double)products[l];
    }
}

/* For every channel c: sums[c] and products[c] of u - cu[c] and (u - cu[c])(v - cv[c]); cu may be NULL for zeros. */
static void channel_sums(double *restrict sums, double *restrict products, const float *u, const float *cu,
                         const float *v, const float *cv, const oa_channel_layout *layout)
{
    size_t channels = layout->channels, inner = layout->inner;
    for (size_t c = 0; c < channels; c++) {
        sums[c] = products[c] = 0.0;
    }
    for (size_t n = 0; n < layout->outer; n++) {
        for (size_t c = 0; c < channels && inner > 1; c++) {
            size_t at = (n * channels + c) * inner;
            add_run(&sums[c], &products[c], u + at, cu ? cu[c] : 0.0f, v + at, cv[c], inner);
        }
        for (size_t c = 0; c < channels && inner == 1; c++) {
            const float d = u[n * channels + c] - (cu ? cu[c] : 0.0f);
            sums[c] += (double)d;
            products[c] += (double)(d * (v[n * channels + c] - cv[c]));
        }
    }
}

/* Room for so many channels. */
static oa_status resize(oa_batch_statistics *statistics, size_t channels, oa_error *error)
{
    if (statistics->sums && statistics->channels == channels) {
        return OA_OK;
    }
    oa_batch_statistics_free(statistics);
    statistics->sums = oa_malloc(channels, 2 * sizeof *statistics->sums + 2 * sizeof *statistics->mean);
    if (!statistics->sums) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the statistics of %zu channels", channels);
    }
    statistics->channels = channels;
    statistics->mean = (float *)(statistics->sums + 2 * channels);
    statistics->variance = statistics->mean + channels;
    return OA_OK;
}

void oa_batch_statistics_free(oa_batch_statistics *statistics)
{
    oa_free(statistics->sums);
    *statistics = (oa_batch_statistics){0};
}

/* The mean and the biased variance of every channel. */
static void find_moments(oa_batch_statistics *statistics, const float *x, const oa_channel_layout *layout)
{
    double count = (double)layout->outer * (double)layout->inner;
    double *sums = statistics->sums, *products = sums + layout->channels;
    float *mean = statistics->mean;
    for (size_t c = 0; c < layout->channels; c++) {
        /* Any number of the channel's size will do; its first element makes a large mean harmless. */
        mean[c] = x[c * layout->inner];
    }
    channel_sums(sums, products, x, mean, x, mean, layout);
    for (size_t c = 0; c < layout->channels; c++) {
        mean[c] += (float)(sums[c] / count);
    }
    channel_sums(sums, products, x, mean, x, mean, layout);
    for (size_t c = 0; c < layout->channels; c++) {
        double rest = sums[c] / count, variance = products[c] / count - rest * rest;
        statistics->variance[c] = variance > 0.0 ? (float)variance : 0.0f;
    }
}

/* y = (x - mean[c]) * factor[c] + bias[c]. */
static void normalise(float *restrict y, const float *restrict x, const float *mean, const float *scale,
                      const float *bias, const float *variance, float epsilon, const oa_channel_layout *layout)
{
    size_t channels = layout->channels, inner = layout->inner;
    for (size_t n = 0; n < layout->outer; n++) {
        for (size_t c = 0; c < channels; c++) {
            const float m = mean[c], b = bias[c], f = scale[c] / sqrtf(variance[c] + epsilon);
            for (size_t i = 0; i < inner; i++) {
                y[i] = (x[i] - m) * f + b;
            }
            y += inner;
            x += inner;
        }
    }
}

oa_status oa_forward_batch_normalization(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_channel_layout layout = oa_channel_layout_read(call);
    float epsilon = oa_call_float(call, "epsilon", 1e-5f);
    oa_batch_statistics *statistics = call->context;
    oa_call_ignore(call, "momentum");
    oa_call_ignore(call, "training_mode");
    oa_call_ignore(call, "is_test");
    if (oa_call_wants(call, 1) || oa_call_wants(call, 2)) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "running statistics as outputs are not computed while training");
    }
    for (size_t i = 0; i < 3; i++) {
        const oa_array *array = call->inputs[i];
        if (array->dtype != OA_DTYPE_FLOAT || (i > 0 && array->count != layout.channels)) {
            return oa_fail(error, OA_ERROR_INPUT, "input %zu has %zu elements of type %s", i, array->count,
                           oa_dtype_name(array->dtype));
        }
    }
    oa_array *y;
    oa_status status = resize(statistics, layout.channels, error);
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, OA_DTYPE_FLOAT, x->dims, x->rank, error);
    }
    if (status == OA_OK && x->count) {
        find_moments(statistics, x->data, &layout);
        normalise(y->data, x->data, statistics->mean, call->inputs[1]->data, call->inputs[2]->data,
                  statistics->variance, epsilon, &layout);
    }
    return status;
}

/* What the gradient needs of the statistics: rows of [channels]. */
typedef struct rows {
    double *sums;     /* of g */
    double *products; /* of g (x - mean) */
    const float *mean;
    float *inverse; /* 1 / sqrt(variance + epsilon) */
} rows;

/* Scale and bias. */
static oa_status give_parameters(oa_backward_call *call, const rows *r, size_t channels, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t slot = 1; slot < 3 && status == OA_OK; slot++) {
        oa_sink sink;
        if (!oa_backward_wants(call, slot)) {
            continue;
        }
        status = oa_backward_sink(&sink, call, slot, error);
        for (size_t c = 0; c < channels && status == OA_OK; c++) {
            float term = slot == 1 ? (float)(r->products[c] * (double)r->inverse[c]) : (float)r->sums[c];
            sink.data[c] = sink.adds ? sink.data[c] + term : term;
        }
    }
    return status;
}

/* dx = f g - a - b (x - mean), where a and b are zero for constant statistics. */
static oa_status give_input(oa_backward_call *call, const rows *r, const oa_channel_layout *layout, oa_error *error)
{
    const float *g = oa_backward_output(call, 0), *x = call->forward->inputs[0]->data;
    const float *scale = call->forward->inputs[1]->data;
    size_t inner = layout->inner;
    double count = (double)layout->outer * (double)inner;
    bool is_batch = call->statistics != NULL;
    oa_sink sink;
    oa_status status = oa_backward_sink_in_place(&sink, call, 0, error);
    float *to = sink.data;
    for (size_t n = 0; n < layout->outer && status == OA_OK; n++) {
        for (size_t c = 0; c < layout->channels; c++) {
            const float f = scale[c] * r->inverse[c], m = r->mean[c];
            const double inverse = (double)r->inverse[c];
            const float a = is_batch ? (float)(r->sums[c] / count) : 0.0f;
            const float b = is_batch ? (float)(r->products[c] * inverse * inverse / count) : 0.0f;
            if (sink.adds) {
                for (size_t i = 0; i < inner; i++) {
                    to[i] += f * (g[i] - a - b * (x[i] - m));
                }
            } else if (is_batch) {
                OA_INDEPENDENT
                for (size_t i = 0; i < inner; i++) {
                    to[i] = f * (g[i] - a - b * (x[i] - m));
                }
            } else {
                OA_INDEPENDENT
                for (size_t i = 0; i < inner; i++) {
                    to[i] = f * g[i];
                }
            }
            to += inner;
            g += inner;
            x += inner;
        }
    }
    return status;
}

oa_status oa_backward_batch_normalization(oa_backward_call *call, oa_error *error)
{
    oa_call *forward = call->forward;
    oa_channel_layout layout = oa_channel_layout_read(forward);
    size_t channels = layout.channels;
    float epsilon = oa_call_float(forward, "epsilon", 1e-5f);
    const oa_batch_statistics *statistics = call->statistics;
    for (size_t i = 1; i < 5; i++) {
        if (forward->inputs[i]->dtype != OA_DTYPE_FLOAT) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "the gradient with parameters that are not float32");
        }
    }
    double *sums = oa_call_scratch(forward, channels, 2 * sizeof(double) + sizeof(float));
    if (!sums) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the sums of %zu channels", channels);
    }
    rows r = {.sums = sums,
              .products = sums + channels,
              .mean = statistics ? statistics->mean : forward->inputs[3]->data,
              .inverse = (float *)(sums + 2 * channels)};
    const float *variance = statistics ? statistics->variance : forward->inputs[4]->data;
    for (size_t c = 0; c < channels; c++) {
        r.inverse[c] = 1.0f / sqrtf(variance[c] + epsilon);
    }
    if (statistics || oa_backward_wants(call, 1) || oa_backward_wants(call, 2)) {
        channel_sums(r.sums, r.products, oa_backward_output(call, 0), NULL, forward->inputs[0]->data, r.mean, &layout);
    }
    oa_status status = give_parameters(call, &r, channels, error);
    if (status == OA_OK && oa_backward_wants(call, 0)) {
        status = give_input(call, &r, &layout, error);
    }
    return status;
}
