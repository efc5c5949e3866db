#include "plugin/cli/inputs.h"

#include "plugin/cli/files.h"

/* How many bytes of --data may stay in memory, and how many of --labels; more is read again for every model. */
enum { OA_KEEP = 64 * 1024 * 1024, OA_VERIFY_SAMPLES = 16 };

static oa_status open_targets(oa_batches *targets, const oa_options *options, const oa_graph *graph, size_t samples,
                              oa_error *error)
{
    const oa_value *output = graph->output_count ? &graph->values[graph->outputs[0]] : NULL;
    bool are_classes = options->loss == OA_LOSS_CROSS_ENTROPY;
    oa_status status = are_classes ? oa_labels_open(targets, options->labels, output, OA_KEEP, error)
                                   : oa_targets_open(targets, options->labels, OA_KEEP, error);
    if (status == OA_OK && targets->count != samples) {
        status = oa_fail(error, OA_ERROR_INPUT, "%s holds %zu samples, but %s holds %zu %s", options->data, samples,
                         options->labels, targets->count, are_classes ? "labels" : "targets");
    }
    return status;
}

oa_status oa_load_samples(oa_samples *samples, const oa_options *options, const oa_graph *graph, oa_error *error)
{
    if (!options->data) {
        return OA_OK;
    }
    if (graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_USAGE, "--data feeds models with one input; %s has %zu", options->models[0],
                       graph->input_count);
    }
    oa_samples made = {.loss = options->loss};
    oa_status status =
        oa_data_open(&made.data, options->data, &graph->values[graph->inputs[0]], options->data_scale, OA_KEEP, error);
    if (status == OA_OK && options->labels) {
        status = open_targets(&made.targets, options, graph, made.data.count, error);
    }
    if (status != OA_OK) {
        oa_samples_close(&made);
        return status;
    }
    *samples = made;
    return OA_OK;
}

oa_status oa_verify_settings_from(oa_verify_settings *settings, oa_array *inputs, const oa_options *options,
                                  const oa_graph *graph, const oa_samples *samples, oa_error *error)
{
    *settings = oa_verify_settings_default();
    settings->seed = options->seed;
    settings->tolerance = options->tolerance;
    settings->dimensions = options->dimensions;
    settings->dimension_count = options->dimension_count;
    if (!samples || !samples->data.count) {
        return OA_OK;
    }
    const oa_value *declared = &graph->values[graph->inputs[0]];
    bool is_fixed = declared->has_shape && declared->rank > 0 && declared->dims[0] > 0;
    size_t wanted = is_fixed ? (size_t)declared->dims[0] : OA_VERIFY_SAMPLES;
    if (wanted > samples->data.count && is_fixed) {
        return OA_OK; /* random ones then */
    }
    size_t n = wanted < samples->data.count ? wanted : samples->data.count;
    settings->inputs = inputs;
    return oa_batches_read(inputs, &samples->data, 0, n, n, error);
}
