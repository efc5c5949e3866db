#include "plugin/cli/inputs.h"

#include "plugin/cli/files.h"

enum { OA_VERIFY_SAMPLES = 16 };

oa_status oa_load_samples(oa_samples *samples, const oa_options *options, const oa_graph *graph, oa_error *error)
{
    if (!options->data) {
        return OA_OK;
    }
    if (graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_USAGE, "--data feeds models with one input; %s has %zu", options->models[0],
                       graph->input_count);
    }
    oa_status status =
        oa_samples_load(samples, options->data, &graph->values[graph->inputs[0]], options->data_scale, error);
    if (status == OA_OK && options->labels) {
        status = oa_labels_load(samples, options->labels, error);
        if (status == OA_OK && samples->label_count != samples->data.dims[0]) {
            status = oa_fail(error, OA_ERROR_INPUT, "%s holds %zu samples, but %s holds %zu labels", options->data,
                             samples->data.dims[0], options->labels, samples->label_count);
        }
    }
    return status;
}

oa_verify_settings oa_verify_settings_from(oa_array *view, const oa_options *options, const oa_graph *graph,
                                           const oa_samples *samples)
{
    oa_verify_settings settings = oa_verify_settings_default();
    settings.seed = options->seed;
    settings.tolerance = options->tolerance;
    settings.dimensions = options->dimensions;
    settings.dimension_count = options->dimension_count;
    if (samples && samples->data.data) {
        const oa_value *declared = &graph->values[graph->inputs[0]];
        bool is_fixed = declared->has_shape && declared->rank > 0 && declared->dims[0] > 0;
        size_t total = samples->data.dims[0];
        size_t wanted = is_fixed ? (size_t)declared->dims[0] : OA_VERIFY_SAMPLES;
        if (wanted <= total || !is_fixed) {
            *view = samples->data;
            view->is_view = true;
            view->dims[0] = wanted < total ? wanted : total;
            view->count = samples->data.count / total * view->dims[0];
            settings.inputs = view;
        }
    }
    return settings;
}
