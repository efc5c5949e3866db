/* BatchNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel. */
#include "core/exec/normalise.h"

#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/spread.h"
#include "core/exec/types.h"

#include <math.h>

typedef struct normalise_work {
    void *y;
    const void *x;
    const oa_channel_layout *layout;
    const double *mean, *factor, *bias;
} normalise_work;

/* y = (x - mean) * factor + bias, for some of the runs of one channel each. y may be x. */
#define NORMALISE_LOOP(dtype, type, tag)                                                                               \
    static void normalise_##tag(void *context, size_t first, size_t end)                                               \
    {                                                                                                                  \
        const normalise_work *w = context;                                                                             \
        size_t inner = w->layout->inner;                                                                               \
        for (size_t run = first; run < end; run++) {                                                                   \
            size_t c = run % w->layout->channels;                                                                      \
            const type m = (type)w->mean[c], f = (type)w->factor[c], b = (type)w->bias[c];                             \
            const type *x = (const type *)w->x + run * inner;                                                          \
            type *y = (type *)w->y + run * inner;                                                                      \
            OA_INDEPENDENT                                                                                             \
            for (size_t i = 0; i < inner; i++) {                                                                       \
                y[i] = (x[i] - m) * f + b;                                                                             \
            }                                                                                                          \
        }                                                                                                              \
    }
OA_REAL_TYPES(NORMALISE_LOOP)

/* The mean and the (population) variance of each channel, in two passes so that a large mean does not cancel. */
#define MOMENTS_LOOP(dtype, type, tag)                                                                                 \
    static void moments_##tag(double *mean, double *variance, const type *x, const oa_channel_layout *layout)          \
    {                                                                                                                  \
        double count = (double)layout->outer * (double)layout->inner;                                                  \
        for (size_t c = 0; c < layout->channels; c++) {                                                                \
            double sum = 0.0, squares = 0.0;                                                                           \
            for (size_t n = 0; n < layout->outer; n++) {                                                               \
                const type *run = x + (n * layout->channels + c) * layout->inner;                                      \
                for (size_t i = 0; i < layout->inner; i++) {                                                           \
                    sum += (double)run[i];                                                                             \
                }                                                                                                      \
            }                                                                                                          \
            mean[c] = sum / count;                                                                                     \
            for (size_t n = 0; n < layout->outer; n++) {                                                               \
                const type *run = x + (n * layout->channels + c) * layout->inner;                                      \
                for (size_t i = 0; i < layout->inner; i++) {                                                           \
                    squares += ((double)run[i] - mean[c]) * ((double)run[i] - mean[c]);                                \
                }                                                                                                      \
            }                                                                                                          \
            variance[c] = squares / count;                                                                             \
        }                                                                                                              \
    }
OA_REAL_TYPES(MOMENTS_LOOP)

void oa_channel_moments(double *mean, double *variance, const oa_array *x, const oa_channel_layout *layout)
{
    if (x->dtype == OA_DTYPE_FLOAT) {
        moments_f32(mean, variance, x->data, layout);
    } else {
        moments_f64(mean, variance, x->data, layout);
    }
}

void oa_channel_normalise(oa_array *y, const oa_array *x, const oa_channel_layout *layout, const double *mean,
                          const double *factor, const double *bias, oa_team *team)
{
    normalise_work work = {y->data, x->data, layout, mean, factor, bias};
    oa_spread(team, layout->outer * layout->channels, layout->inner + 4,
              x->dtype == OA_DTYPE_FLOAT ? normalise_f32 : normalise_f64, &work);
}

/* Inputs 1 to 4, scale, bias, mean and variance, as rows of doubles behind each other in `rows` [4, channels]. */
static oa_status read_parameters(double *rows, const oa_call *call, size_t channels, oa_error *error)
{
    for (size_t i = 0; i < 4; i++) {
        const oa_array *array = call->inputs[1 + i];
        if (array->count != channels || array->dtype == OA_DTYPE_STRING ||
            !oa_convert(rows + i * channels, OA_DTYPE_DOUBLE, array->data, array->dtype, channels)) {
            return oa_fail(error, OA_ERROR_INPUT, "input %zu has %zu elements of type %s; %zu numbers are needed",
                           1 + i, array->count, oa_dtype_name(array->dtype), channels);
        }
    }
    return OA_OK;
}

/* Is the node in training mode? How that is said differs between operator sets. */
static oa_status read_mode(bool *is_training, oa_call *call, oa_error *error)
{
    int64_t version = call->node->version;
    *is_training = false;
    if (version >= 14) {
        *is_training = oa_call_int(call, "training_mode", 0) != 0;
        return OA_OK;
    }
    bool is_old_training = version < 7 && oa_call_int(call, "is_test", 0) == 0;
    for (size_t i = 1; i < call->output_count; i++) {
        is_old_training = is_old_training || call->node->outputs[i] != OA_NONE;
    }
    if (is_old_training) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED,
                       "training mode before operator set 14, whose saved statistics are not defined exactly");
    }
    return OA_OK;
}

/* With `spatial` off, which an attribute could say up to operator set 8, every feature has statistics of its own. */
oa_channel_layout oa_channel_layout_read(oa_call *call)
{
    const oa_array *x = call->inputs[0];
    bool is_spatial = call->node->version >= 9 || oa_call_int(call, "spatial", 1) != 0;
    oa_channel_layout layout = {
        .outer = x->rank ? x->dims[0] : 1, .channels = x->rank >= 2 ? x->dims[1] : 1, .inner = 1};
    for (size_t d = 2; d < x->rank; d++) {
        if (is_spatial) {
            layout.inner *= x->dims[d];
        } else {
            layout.channels *= x->dims[d];
        }
    }
    return layout;
}

/* Training mode: rows 2 and 3 become the batch's own moments, and outputs 1 and 2 the running ones, momentum of the old
 * and the rest of the new. */
static oa_status train(double *rows, oa_call *call, const oa_channel_layout *layout, double momentum, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t channels = layout->channels;
    double *mean = rows + 2 * channels, *variance = rows + 3 * channels;
    double *batch_mean = rows + 4 * channels, *batch_variance = rows + 5 * channels;
    oa_channel_moments(batch_mean, batch_variance, x, layout);
    for (size_t c = 0; c < channels; c++) {
        mean[c] = mean[c] * momentum + batch_mean[c] * (1.0 - momentum);
        variance[c] = variance[c] * momentum + batch_variance[c] * (1.0 - momentum);
    }
    for (size_t i = 1; i < 3; i++) {
        if (!oa_call_wants(call, i)) {
            continue;
        }
        oa_array *running;
        const oa_array *old = call->inputs[2 + i];
        oa_status status = oa_call_output(&running, call, i, old->dtype, old->dims, old->rank, error);
        if (status != OA_OK) {
            return status;
        }
        (void)oa_convert(running->data, running->dtype, i == 1 ? mean : variance, OA_DTYPE_DOUBLE, channels);
        call->narrow[i] = call->dtypes[2 + i];
    }
    for (size_t c = 0; c < channels; c++) {
        mean[c] = batch_mean[c];
        variance[c] = batch_variance[c];
    }
    return OA_OK;
}

oa_status oa_kernel_batch_normalization(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    double epsilon = (double)oa_call_float(call, "epsilon", 1e-5f);
    double momentum = (double)oa_call_float(call, "momentum", 0.9f);
    bool is_training;
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = read_mode(&is_training, call, error);
    if (status != OA_OK) {
        return status;
    }
    oa_channel_layout layout = oa_channel_layout_read(call);
    size_t channels = layout.channels;
    double *rows = oa_call_scratch(call, channels, 6 * sizeof(double));
    if (!rows) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the statistics of %zu channels", channels);
    }
    status = read_parameters(rows, call, channels, error);
    if (status == OA_OK && is_training) {
        status = train(rows, call, &layout, momentum, error);
    }
    double *scale = rows, *bias = rows + channels, *mean = rows + 2 * channels, *variance = rows + 3 * channels;
    for (size_t c = 0; c < channels && status == OA_OK; c++) {
        scale[c] /= sqrt(variance[c] + epsilon);
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    }
    if (status != OA_OK) {
        return status;
    }
    oa_channel_normalise(y, x, &layout, mean, scale, bias, call->team);
    return OA_OK;
}
