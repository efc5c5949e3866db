#include "core/exec/feed.h"

oa_status oa_rows_read(oa_rows *rows, const oa_batches *data, size_t first, size_t n, size_t size, oa_error *error)
{
    if (!rows->of) {
        size_t count = oa_batches_inputs(data);
        rows->of = oa_calloc(count, sizeof *rows->of);
        if (!rows->of) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the samples of %zu inputs", count);
        }
        rows->count = count;
    }
    oa_status status = OA_OK;
    for (size_t r = 0; r < rows->count && status == OA_OK; r++, data = data->next) {
        status = data->read ? oa_batches_read(&rows->of[r], data, first, n, size, error) : OA_OK;
    }
    return status;
}

void oa_rows_free(oa_rows *rows)
{
    for (size_t r = 0; r < rows->count; r++) {
        oa_array_free(&rows->of[r]);
    }
    oa_free(rows->of);
    *rows = (oa_rows){0};
}

bool oa_input_is_used(const oa_graph *graph, size_t value)
{
    for (size_t i = 0; i < graph->step_count; i++) {
        for (size_t k = 0; k < oa_node_use_count(graph, graph->steps[i]); k++) {
            if (oa_node_use(graph, graph->steps[i], k) == value) {
                return true;
            }
        }
    }
    return graph->values[value].is_output;
}

static oa_status convert(oa_array *converted, const oa_array *row, oa_dtype dtype, oa_error *error)
{
    oa_array made = {0};
    oa_status status = oa_array_init(&made, dtype, row->dims, row->rank, error);
    double *wide = status == OA_OK ? oa_malloc(row->count, sizeof *wide) : NULL;
    if (status == OA_OK && !wide) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for a batch");
    }
    if (status == OA_OK) {
        oa_floats_to_f64(wide, row->data, row->dtype, row->count);
        oa_floats_from_f64(made.data, dtype, wide, row->count);
        *converted = made;
    } else {
        oa_array_free(&made);
    }
    oa_free(wide);
    return status;
}

static oa_status set_input(oa_array *input, const oa_value *declared, const oa_array *row, oa_error *error)
{
    bool is_other =
        declared->dtype != row->dtype && oa_dtype_is_float(declared->dtype) && oa_dtype_is_float(row->dtype);
    oa_array_free(input);
    if (is_other) {
        return convert(input, row, declared->dtype, error);
    }
    *input = *row;
    input->is_view = true;
    return OA_OK;
}

/* An input that nobody cares about, of the size that is easiest. One without a known type stays empty. */
static oa_status set_zeros(oa_array *input, const oa_value *declared, oa_error *error)
{
    size_t dims[OA_MAX_RANK] = {0};
    for (size_t k = 0; k < declared->rank; k++) {
        dims[k] = declared->dims[k] < 0 ? 1 : (size_t)declared->dims[k];
    }
    bool is_known = declared->has_shape && !declared->is_opaque && oa_dtype_size(declared->dtype) &&
                    declared->dtype != OA_DTYPE_STRING;
    return is_known ? oa_array_init(input, declared->dtype, dims, declared->rank, error) : OA_OK;
}

static oa_status set_others(oa_feed *feed, const oa_graph *graph, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < feed->count && status == OA_OK; i++) {
        const oa_value *declared = &graph->values[graph->inputs[i]];
        if (feed->inputs[i].data) {
            continue;
        }
        status = oa_input_is_used(graph, graph->inputs[i])
                     ? oa_fail(error, OA_ERROR_INPUT, "input '%s' gets no samples: give them with --data %s=FILE",
                               declared->name, declared->name)
                     : set_zeros(&feed->inputs[i], declared, error);
    }
    return status;
}

oa_status oa_feed_set(oa_feed *feed, const oa_graph *graph, const oa_rows *rows, const size_t *input_of,
                      oa_error *error)
{
    if (!feed->inputs) {
        feed->inputs = oa_calloc(graph->input_count, sizeof *feed->inputs);
        if (!feed->inputs) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu inputs", graph->input_count);
        }
        feed->count = graph->input_count;
    }
    oa_status status = OA_OK;
    for (size_t r = 0; r < rows->count && status == OA_OK; r++) {
        size_t i = input_of ? input_of[r] : r;
        if (i == OA_NONE || !rows->of[r].data) {
            continue;
        }
        if (i >= feed->count) {
            return oa_fail(error, OA_ERROR_INPUT, "samples for %zu inputs do not fit a model with %zu", rows->count,
                           feed->count);
        }
        status = set_input(&feed->inputs[i], &graph->values[graph->inputs[i]], &rows->of[r], error);
    }
    return status == OA_OK ? set_others(feed, graph, error) : status;
}

void oa_feed_free(oa_feed *feed)
{
    for (size_t i = 0; i < feed->count; i++) {
        oa_array_free(&feed->inputs[i]);
    }
    oa_free(feed->inputs);
    *feed = (oa_feed){0};
}

size_t oa_fixed_batch(const oa_graph *graph)
{
    for (size_t i = 0; i < graph->input_count; i++) {
        const oa_value *declared = &graph->values[graph->inputs[i]];
        if (declared->has_shape && declared->rank > 0) {
            return declared->dims[0] > 0 ? (size_t)declared->dims[0] : 0;
        }
    }
    return 0;
}
