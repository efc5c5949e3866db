#include "core/grad/loss.h"

#include <math.h>

/* Minus the logarithm of the softmax's element `label`, of n, and its gradient (softmax - one-hot) * weight. The
 * maximum is taken off first, so that no exponential overflows. */
static double cross_entropy_row(float *gradient, const float *x, size_t n, size_t label, double weight)
{
    float most = x[0];
    double sum = 0.0;
    for (size_t i = 1; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    for (size_t i = 0; i < n; i++) {
        float e = expf(x[i] - most);
        sum += (double)e;
        if (gradient) {
            gradient[i] = e;
        }
    }
    if (gradient) {
        float factor = (float)(weight / sum);
        for (size_t i = 0; i < n; i++) {
            gradient[i] *= factor;
        }
        gradient[label] -= (float)weight;
    }
    return log(sum) - ((double)x[label] - (double)most);
}

static oa_status cross_entropy(double *loss, float *gradient, const oa_array *output, const oa_target *target,
                               oa_error *error)
{
    const int64_t *labels = target->labels;
    size_t count = target->label_count, classes = oa_loss_classes(output, count);
    const float *x = output->data;
    double sum = 0.0;
    if (!labels) {
        return oa_fail(error, OA_ERROR_INPUT, "cross-entropy needs labels");
    }
    if (!classes) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "the first output, of %zu numbers, does not end in an axis of classes for each of %zu labels",
                       output->count, count);
    }
    for (size_t n = 0; n < count; n++) {
        if (labels[n] < 0 || (uint64_t)labels[n] >= classes) {
            return oa_fail(error, OA_ERROR_INPUT, "label %lld at place %zu, where the model has %zu classes",
                           (long long)labels[n], n, classes);
        }
        sum += cross_entropy_row(gradient ? gradient + n * classes : NULL, x + n * classes, classes, (size_t)labels[n],
                                 1.0 / (double)count);
    }
    *loss = sum / (double)count;
    return OA_OK;
}

/* The same against shares of the classes, which sum to 1: the gradient is (softmax - shares) * weight. */
static double soft_cross_entropy_row(float *gradient, const float *x, const float *shares, size_t n, double weight)
{
    double sum = 0.0;
    /* -sum p log softmax(x) = -log softmax(x)[0] + sum p (x[0] - x) */
    double loss = cross_entropy_row(gradient, x, n, 0, weight);
    for (size_t i = 0; i < n; i++) {
        sum += (double)shares[i] * ((double)x[0] - (double)x[i]);
        if (gradient) {
            gradient[i] += (float)weight * ((i == 0 ? 1.0F : 0.0F) - shares[i]);
        }
    }
    return loss + sum;
}

static oa_status soft_cross_entropy(double *loss, float *gradient, const oa_array *output, const float *shares,
                                    oa_error *error)
{
    size_t count = output->dims[0], classes = oa_loss_classes(output, count);
    const float *x = output->data;
    double sum = 0.0;
    if (!shares || !classes) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "shares of classes do not fit the first output, of %zu numbers for %zu samples", output->count,
                       count);
    }
    for (size_t n = 0; n < count; n++) {
        size_t at = n * classes;
        sum +=
            soft_cross_entropy_row(gradient ? gradient + at : NULL, x + at, shares + at, classes, 1.0 / (double)count);
    }
    *loss = sum / (double)count;
    return OA_OK;
}

static oa_status mean_square(double *loss, float *gradient, const oa_array *output, const float *values,
                             oa_error *error)
{
    const float *x = output->data, factor = (float)(2.0 / (double)output->count);
    double sum = 0.0;
    if (!values) {
        return oa_fail(error, OA_ERROR_INPUT, "the mean squared error needs target values");
    }
    for (size_t i = 0; i < output->count; i++) {
        float difference = x[i] - values[i];
        sum += (double)difference * (double)difference;
        if (gradient) {
            gradient[i] = factor * difference;
        }
    }
    *loss = sum / (double)output->count;
    return OA_OK;
}

oa_status oa_loss_run(double *loss, float *gradient, const oa_array *output, const oa_target *target, oa_loss_kind kind,
                      oa_error *error)
{
    if (output->rank == 0 || output->count == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "the output has no samples to compute a loss of");
    }
    switch (kind) {
    case OA_LOSS_CROSS_ENTROPY:
        return cross_entropy(loss, gradient, output, target, error);
    case OA_LOSS_MSE:
        return mean_square(loss, gradient, output, target->values, error);
    case OA_LOSS_SOFT_CROSS_ENTROPY:
        break;
    }
    return soft_cross_entropy(loss, gradient, output, target->values, error);
}
