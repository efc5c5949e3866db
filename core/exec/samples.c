#include "core/exec/samples.h"

#include <string.h>

enum { BATCH_BYTES = 16 * 1024 * 1024 };

/* Only a view is needed, so that the array itself can be the context. */
static oa_status read_array(void *elements, void *context, size_t first, size_t n, oa_error *error)
{
    (void)error;
    const oa_array *array = context;
    size_t bytes = array->count / array->dims[0] * oa_dtype_size(array->dtype);
    memcpy(elements, (const char *)array->data + first * bytes, n * bytes);
    return OA_OK;
}

oa_batches oa_batches_of_array(const oa_array *array)
{
    oa_batches batches = {
        .count = array->rank ? array->dims[0] : 0, .dtype = array->dtype, .rank = array->rank, .read = read_array};
    memcpy(batches.dims, array->dims, sizeof batches.dims);
    memcpy(&batches.context, &array, sizeof batches.context); /* read_array does not write to it */
    return batches;
}

void oa_batches_close(oa_batches *batches)
{
    oa_batches *next = NULL;
    for (oa_batches *at = batches; at; at = next) {
        next = at->next;
        if (at->close) {
            at->close(at->context);
        }
        if (at == batches) {
            *at = (oa_batches){0};
        } else {
            oa_free(at);
        }
    }
}

oa_status oa_batches_chain(oa_batches *batches, oa_batches *next, oa_error *error)
{
    oa_batches *made = oa_malloc(1, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the samples of another input");
    }
    *made = *next;
    *next = (oa_batches){0};
    while (batches->next) {
        batches = batches->next;
    }
    batches->next = made;
    return OA_OK;
}

size_t oa_batches_inputs(const oa_batches *batches)
{
    size_t count = 0;
    for (; batches; batches = batches->next) {
        count++;
    }
    return count;
}

size_t oa_batches_elements(const oa_batches *batches)
{
    size_t elements = 1;
    for (size_t k = 1; k < batches->rank; k++) {
        elements *= batches->dims[k];
    }
    return elements;
}

size_t oa_batches_fit(const oa_batches *batches, size_t most)
{
    size_t bytes = 0; /* of a sample, which has been in memory when its file was opened */
    for (; batches; batches = batches->next) {
        bytes += oa_batches_elements(batches) * oa_dtype_size(batches->dtype); /* none where there are no samples */
    }
    size_t fits = bytes ? BATCH_BYTES / bytes : most;
    return fits < 1 ? 1 : fits < most ? fits : most;
}

static bool has_shape(const oa_array *batch, const oa_batches *batches, size_t size)
{
    return batch->data && batch->dtype == batches->dtype && batch->rank == batches->rank && batch->dims[0] == size &&
           memcmp(batch->dims + 1, batches->dims + 1, (batches->rank - 1) * sizeof *batch->dims) == 0;
}

oa_status oa_batches_read(oa_array *batch, const oa_batches *batches, size_t first, size_t n, size_t size,
                          oa_error *error)
{
    if (n == 0 || n > size || first >= batches->count || n > batches->count - first) {
        return oa_fail(error, OA_ERROR_INTERNAL, "samples %zu to %zu of %zu do not make a batch of %zu", first,
                       first + n, batches->count, size);
    }
    if (!has_shape(batch, batches, size)) {
        size_t dims[OA_MAX_RANK];
        memcpy(dims, batches->dims, sizeof dims);
        dims[0] = size;
        oa_array_free(batch);
        oa_status status = oa_array_init(batch, batches->dtype, dims, batches->rank, error);
        if (status != OA_OK) {
            return status;
        }
    }
    oa_status status = batches->read(batch->data, batches->context, first, n, error);
    size_t bytes = oa_batches_elements(batches) * oa_dtype_size(batches->dtype);
    for (size_t i = n; i < size && status == OA_OK; i++) {
        memcpy((char *)batch->data + i * bytes, (const char *)batch->data + (n - 1) * bytes, bytes);
    }
    return status;
}

oa_status oa_batches_spread(oa_array *all, const oa_batches *batches, size_t n, oa_error *error)
{
    oa_array made = {0};
    size_t dims[OA_MAX_RANK];
    memcpy(dims, batches->dims, sizeof dims);
    dims[0] = n;
    oa_status status = oa_array_init(&made, batches->dtype, dims, batches->rank, error);
    size_t bytes = oa_batches_elements(batches) * oa_dtype_size(batches->dtype);
    for (size_t to = 0; to < n && status == OA_OK;) { /* runs of neighbours are read at once */
        size_t run = 1, from = to * batches->count / n;
        while (to + run < n && (to + run) * batches->count / n == from + run) {
            run++;
        }
        status = batches->read((char *)made.data + to * bytes, batches->context, from, run, error);
        to += run;
    }
    if (status == OA_OK) {
        *all = made;
    } else {
        oa_array_free(&made);
    }
    return status;
}

void oa_samples_close(oa_samples *samples)
{
    if (samples) {
        oa_batches_close(&samples->data);
        oa_batches_close(&samples->targets);
        *samples = (oa_samples){0};
    }
}
