#include "core/check/evaluate.h"

#include <math.h>
#include <string.h>

void oa_samples_free(oa_samples *samples)
{
    if (samples) {
        oa_array_free(&samples->data);
        oa_free(samples->labels);
        *samples = (oa_samples){0};
    }
}

/* Adds one sample's logits to the sums. */
static oa_status score(oa_evaluation *sums, const char *row, oa_dtype dtype, size_t classes, int64_t label,
                       oa_error *error)
{
    if (label < 0 || (uint64_t)label >= classes) {
        return oa_fail(error, OA_ERROR_INPUT, "label %lld is outside the model's %zu classes", (long long)label,
                       classes);
    }
    size_t size = oa_dtype_size(dtype);
    double largest = -INFINITY;
    double own = 0.0;
    size_t best = 0;
    for (size_t c = 0; c < classes; c++) {
        double value;
        oa_floats_to_f64(&value, row + c * size, dtype, 1);
        if (value > largest) {
            largest = value;
            best = c;
        }
        if (c == (size_t)label) {
            own = value;
        }
    }
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++) {
        double value;
        oa_floats_to_f64(&value, row + c * size, dtype, 1);
        sum += exp(value - largest);
    }
    sums->count++;
    sums->accuracy += best == (size_t)label ? 1.0 : 0.0;
    sums->loss += largest + log(sum) - own;
    return OA_OK;
}

static oa_status check_fit(const oa_graph *graph, const oa_samples *samples, oa_error *error)
{
    if (graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_INPUT, "samples fit models with one input only, this one has %zu",
                       graph->input_count);
    }
    if (samples->data.rank == 0 || samples->data.dims[0] == 0 || samples->label_count != samples->data.dims[0]) {
        return oa_fail(error, OA_ERROR_INPUT, "there are %zu samples and %zu labels",
                       samples->data.rank ? samples->data.dims[0] : 0, samples->label_count);
    }
    return OA_OK;
}

/* Copies `count` samples from `first` on into the batch, repeating the last sample. */
static void fill_batch(oa_array *batch, const oa_samples *samples, size_t first)
{
    size_t total = samples->data.dims[0];
    size_t bytes = samples->data.count / total * oa_dtype_size(samples->data.dtype);
    for (size_t i = 0; i < batch->dims[0]; i++) {
        size_t from = first + i < total ? first + i : total - 1;
        memcpy((char *)batch->data + i * bytes, (const char *)samples->data.data + from * bytes, bytes);
    }
}

static oa_status score_batch(oa_evaluation *sums, const oa_array *logits, size_t size, const oa_samples *samples,
                             size_t first, oa_error *error)
{
    if (!oa_dtype_is_float(logits->dtype) || logits->rank != 2 || logits->dims[0] != size || logits->dims[1] == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "the first output is not [batch, classes], so it has no accuracy");
    }
    size_t row = logits->dims[1] * oa_dtype_size(logits->dtype);
    oa_status status = OA_OK;
    for (size_t i = 0; i < size && first + i < samples->label_count && status == OA_OK; i++) {
        status = score(sums, (const char *)logits->data + i * row, logits->dtype, logits->dims[1],
                       samples->labels[first + i], error);
    }
    return status;
}

static oa_status run_batch(oa_evaluation *sums, oa_executor *executor, const oa_runnable *model, const oa_array *batch,
                           const oa_samples *samples, size_t first, oa_error *error)
{
    size_t outputs = model->graph->output_count;
    oa_array *results = oa_calloc(outputs, sizeof *results);
    if (!results) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while evaluating");
    }
    oa_status status = oa_executor_run(results, executor, batch, model->payloads, error);
    if (status == OA_OK) {
        status = score_batch(sums, &results[0], batch->dims[0], samples, first, error);
    }
    for (size_t i = 0; i < outputs; i++) {
        oa_array_free(&results[i]);
    }
    oa_free(results);
    return status;
}

oa_status oa_evaluate(oa_evaluation *evaluation, const oa_runnable *model, const oa_samples *samples, size_t batch,
                      oa_error *error)
{
    oa_status status = check_fit(model->graph, samples, error);
    if (status != OA_OK) {
        return status;
    }
    const oa_value *declared = &model->graph->values[model->graph->inputs[0]];
    bool is_fixed = declared->has_shape && declared->rank > 0 && declared->dims[0] > 0;
    size_t total = samples->data.dims[0];
    size_t step = is_fixed ? (size_t)declared->dims[0] : batch;
    oa_executor *executor = NULL;
    oa_array images = {0};
    oa_evaluation sums = {0};
    status = oa_executor_create(&executor, model->graph, error);
    for (size_t first = 0; first < total && status == OA_OK; first += step) {
        size_t dims[OA_MAX_RANK];
        memcpy(dims, samples->data.dims, sizeof dims);
        dims[0] = is_fixed || total - first >= step ? step : total - first;
        if (!images.data || images.dims[0] != dims[0]) {
            oa_array_free(&images);
            status = oa_array_init(&images, samples->data.dtype, dims, samples->data.rank, error);
        }
        if (status == OA_OK) {
            fill_batch(&images, samples, first);
            status = run_batch(&sums, executor, model, &images, samples, first, error);
        }
    }
    if (status == OA_OK) {
        sums.accuracy /= (double)sums.count;
        sums.loss /= (double)sums.count;
        *evaluation = sums;
    }
    oa_array_free(&images);
    oa_executor_destroy(executor);
    return status;
}
