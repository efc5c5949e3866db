#include "core/exec/teach.h"

#include "core/exec/feed.h"

#include <math.h>
#include <string.h>

/* What stays from batch to batch. */
typedef struct lesson {
    const oa_runnable *teacher;
    oa_session *session;
    oa_array *results; /* [outputs] */
    oa_rows rows;
    oa_feed feed;
    double *row; /* [row_capacity] an output in double */
    size_t row_capacity;
    float weight; /* of this teacher */
} lesson;

static void softmax(double *x, size_t n)
{
    double most = x[0], sum = 0.0;
    for (size_t i = 1; i < n; i++) {
        most = fmax(most, x[i]);
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = exp(x[i] - most);
        sum += x[i];
    }
    for (size_t i = 0; i < n; i++) {
        x[i] /= sum;
    }
}

/* The targets take the shape of the first output that is seen; that tells the loss, too. */
static oa_status make_targets(oa_array *targets, oa_loss_kind *loss, const oa_array *output, size_t n,
                              oa_loss_kind wanted, oa_error *error)
{
    size_t dims[OA_MAX_RANK];
    memcpy(dims, output->dims, sizeof dims);
    dims[0] = n;
    *loss = wanted != OA_LOSS_MSE && oa_loss_classes(output, output->dims[0]) > 1 ? OA_LOSS_SOFT_CROSS_ENTROPY
                                                                                  : OA_LOSS_MSE;
    return oa_array_init(targets, OA_DTYPE_FLOAT, dims, output->rank, error);
}

static oa_status check_output(const oa_array *output, const oa_array *targets, size_t n, oa_error *error)
{
    if (!oa_dtype_is_float(output->dtype)) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "the first output is of type %s: nothing to compare models by",
                       oa_dtype_name(output->dtype));
    }
    bool fits = output->rank > 0 && output->count > 0 && output->dims[0] >= n;
    for (size_t k = 1; k < output->rank && fits && targets->data; k++) {
        fits = output->rank == targets->rank && output->dims[k] == targets->dims[k];
    }
    return fits ? OA_OK
                : oa_fail(error, OA_ERROR_INPUT,
                          "the first output holds no numbers for each sample of a batch, or not "
                          "as many for each");
}

/* Adds the first n samples of an output to the targets from `place` on. */
static oa_status add(oa_array *targets, lesson *l, const oa_array *output, size_t place, size_t n, oa_loss_kind loss,
                     oa_error *error)
{
    size_t elements = output->count / output->dims[0], bytes = elements * oa_dtype_size(output->dtype);
    if (!oa_grow(&l->row, &l->row_capacity, elements, sizeof *l->row)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the %zu outputs of a sample", elements);
    }
    for (size_t i = 0; i < n; i++) {
        float *target = (float *)targets->data + (place + i) * elements;
        oa_floats_to_f64(l->row, (const char *)output->data + i * bytes, output->dtype, elements);
        if (loss == OA_LOSS_SOFT_CROSS_ENTROPY) {
            softmax(l->row, elements);
        }
        for (size_t k = 0; k < elements; k++) {
            if (!isfinite(l->row[k])) {
                return oa_fail(error, OA_ERROR_INPUT, "the first output has NaN or infinities, at sample %zu of these",
                               place + i);
            }
            target[k] += l->weight * (float)l->row[k];
        }
    }
    return OA_OK;
}

static oa_status run(lesson *l, const oa_batches *data, size_t first, size_t n, size_t size, oa_error *error)
{
    oa_status status = oa_rows_read(&l->rows, data, first, n, size, error);
    if (status == OA_OK) {
        status = oa_feed_set(&l->feed, l->teacher->graph, &l->rows, l->teacher->input_of, error);
    }
    return status == OA_OK ? oa_session_run(l->results, l->session, l->feed.inputs, NULL, NULL, error) : status;
}

/* All that one teacher says. */
static oa_status attend(oa_array *targets, oa_loss_kind *loss, lesson *l, const oa_batches *data, size_t first,
                        size_t n, size_t batch, oa_loss_kind wanted, oa_error *error)
{
    const oa_graph *graph = l->teacher->graph;
    size_t fixed = oa_fixed_batch(graph), step = fixed ? fixed : oa_batches_fit(data, batch);
    oa_status status = oa_session_create(&l->session, l->teacher->engine, graph, l->teacher->payloads, NULL, error);
    l->results = oa_calloc(graph->output_count, sizeof *l->results);
    if (status == OA_OK && !l->results) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the outputs of a model");
    }
    for (size_t done = 0; done < n && status == OA_OK; done += step) {
        size_t some = n - done < step ? n - done : step;
        status = run(l, data, first + done, some, fixed ? step : some, error);
        status = status == OA_OK ? check_output(&l->results[0], targets, some, error) : status;
        if (status == OA_OK && !targets->data) {
            status = make_targets(targets, loss, &l->results[0], n, wanted, error);
        }
        status = status == OA_OK ? add(targets, l, &l->results[0], done, some, *loss, error) : status;
        for (size_t i = 0; i < graph->output_count; i++) {
            oa_array_free(&l->results[i]);
        }
    }
    oa_session_destroy(l->session);
    oa_rows_free(&l->rows);
    oa_feed_free(&l->feed);
    oa_free(l->results);
    oa_free(l->row);
    return status;
}

oa_status oa_teach(oa_array *targets, oa_loss_kind *loss, const oa_runnable *teachers, size_t count,
                   const oa_batches *data, size_t first, size_t n, size_t batch, oa_loss_kind wanted, oa_error *error)
{
    oa_array made = {0};
    oa_loss_kind found = wanted;
    oa_status status = n > 0 ? OA_OK : oa_fail(error, OA_ERROR_INPUT, "there are no samples to ask the models about");
    for (size_t t = 0; t < count && status == OA_OK; t++) {
        lesson l = {.teacher = &teachers[t], .weight = 1.0F / (float)count};
        status = attend(&made, &found, &l, data, first, n, batch, wanted, error);
    }
    if (status != OA_OK) {
        oa_array_free(&made);
        return status;
    }
    *targets = made;
    *loss = found;
    return OA_OK;
}
