#include "core/merge/repair_batches.h"

void oa_repair_batches_plan(oa_repair_batches *batches, const oa_graph *graph, const oa_batches *data, size_t batch,
                            size_t samples)
{
    size_t fixed = oa_fixed_batch(graph);
    size_t step = fixed ? fixed : oa_batches_fit(data, batch);
    size_t total = fixed && data->count > step ? data->count / step * step : data->count;
    size_t count = total / step + (total % step != 0);
    size_t most = samples / step + (samples % step != 0);
    *batches = (oa_repair_batches){.graph = graph,
                                   .data = data,
                                   .step = step,
                                   .total = total,
                                   .count = count,
                                   .used = count < most ? count : most,
                                   .is_fixed = fixed > 0};
}

void oa_repair_batches_free(oa_repair_batches *batches)
{
    oa_rows_free(&batches->rows);
    oa_feed_free(&batches->feed);
    *batches = (oa_repair_batches){0};
}

static size_t first_sample(const oa_repair_batches *batches, size_t i)
{
    size_t index = i * (batches->count / batches->used) + i * (batches->count % batches->used) / batches->used;
    return index * batches->step;
}

size_t oa_repair_batches_samples(const oa_repair_batches *batches, size_t i)
{
    size_t rest = batches->total - first_sample(batches, i);
    return rest < batches->step ? rest : batches->step;
}

oa_status oa_repair_batches_read(const oa_array **inputs, oa_repair_batches *batches, size_t i, oa_error *error)
{
    size_t n = oa_repair_batches_samples(batches, i);
    oa_status status = oa_rows_read(&batches->rows, batches->data, first_sample(batches, i), n,
                                    batches->is_fixed ? batches->step : n, error);
    if (status == OA_OK) {
        status = oa_feed_set(&batches->feed, batches->graph, &batches->rows, NULL, error);
    }
    if (status == OA_OK) {
        *inputs = batches->feed.inputs;
    }
    return status;
}
