#include "plugin/cli/inputs.h"

#include "plugin/cli/files.h"

#include <stdio.h>
#include <string.h>

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

/* The names of all inputs, "ids, mask"; long lists end in "...". */
enum { OA_INPUT_LIST_SIZE = 240 };
static const char *list_inputs(char *text, const oa_graph *graph)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < graph->input_count; i++) {
        const char *name = graph->values[graph->inputs[i]].name;
        if (length + strlen(name) + sizeof ", ..." > OA_INPUT_LIST_SIZE) {
            strcpy(text + length, i ? ", ..." : "...");
            break;
        }
        length += (size_t)sprintf(text + length, "%s%s", i ? ", " : "", name);
    }
    return text;
}

/* The file that --data names for an input, as "INPUT=FILE"; NULL: none. */
static const char *file_for(const char *given, const char *input)
{
    size_t length = strlen(input);
    return strncmp(given, input, length) == 0 && given[length] == '=' ? given + length + 1 : NULL;
}

/* Sets files[i] to what --data names for input i, or NULL. */
static oa_status assign_files(const char **files, const oa_options *options, const oa_graph *graph, oa_error *error)
{
    char list[OA_INPUT_LIST_SIZE];
    for (size_t k = 0; k < options->data_count; k++) {
        const char *given = options->data_files[k];
        bool is_found = false;
        for (size_t i = 0; i < graph->input_count; i++) {
            const char *file = file_for(given, graph->values[graph->inputs[i]].name);
            if (file && files[i]) {
                return oa_fail(error, OA_ERROR_USAGE, "--data names two files for input '%s'",
                               graph->values[graph->inputs[i]].name);
            }
            files[i] = file ? file : files[i];
            is_found = is_found || file;
        }
        if (!is_found && graph->input_count == 1 && options->data_count == 1) {
            files[0] = given;
        } else if (!is_found) {
            return oa_fail(error, OA_ERROR_USAGE,
                           "--data %s: %s has %zu input%s (%s); say for which a file is, as --data INPUT=FILE", given,
                           options->models[0], graph->input_count, graph->input_count == 1 ? "" : "s",
                           list_inputs(list, graph));
        }
    }
    if (graph->input_count && !files[0] && oa_input_is_used(graph, graph->inputs[0])) {
        return oa_fail(error, OA_ERROR_USAGE, "input '%s' of %s gets no samples: give them with --data %s=FILE",
                       graph->values[graph->inputs[0]].name, options->models[0], graph->values[graph->inputs[0]].name);
    }
    return OA_OK;
}

/* Opens a row for each input; one that has no file only counts as many samples as the others. */
static oa_status open_rows(oa_batches *data, const char *const *files, const oa_options *options, const oa_graph *graph,
                           oa_error *error)
{
    const char *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < graph->input_count; i++) {
        const oa_value *declared = &graph->values[graph->inputs[i]];
        /* Token ids are not scaled along with images. */
        double scale = oa_dtype_is_float(declared->dtype) || graph->input_count == 1 ? options->data_scale : -1.0;
        oa_batches row = {0};
        oa_status status = files[i] ? oa_data_open(&row, files[i], declared, scale, OA_KEEP, error) : OA_OK;
        if (status == OA_OK && first && files[i] && row.count != count) {
            status = oa_fail(error, OA_ERROR_INPUT, "%s holds %zu samples, but %s holds %zu", first, count, files[i],
                             row.count);
        }
        if (files[i] && !first) {
            first = files[i];
            count = row.count;
        }
        if (status == OA_OK && i) {
            status = oa_batches_chain(data, &row, error);
        } else if (status == OA_OK) {
            *data = row;
        }
        if (status != OA_OK) {
            oa_batches_close(&row);
            return status;
        }
    }
    for (oa_batches *row = data; row; row = row->next) {
        row->count = count;
    }
    return OA_OK;
}

oa_status oa_load_samples(oa_samples *samples, const oa_options *options, const oa_graph *graph, oa_error *error)
{
    if (!options->data) {
        return OA_OK;
    }
    oa_samples made = {.loss = options->loss};
    const char **files = oa_calloc(graph->input_count, sizeof *files);
    oa_status status = files ? assign_files(files, options, graph, error)
                             : oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu inputs", graph->input_count);
    if (status == OA_OK) {
        status = open_rows(&made.data, files, options, graph, error);
    }
    if (status == OA_OK && options->labels) {
        status = open_targets(&made.targets, options, graph, made.data.count, error);
    }
    oa_free(files);
    if (status != OA_OK) {
        oa_samples_close(&made);
        return status;
    }
    *samples = made;
    return OA_OK;
}

void oa_verify_inputs_free(oa_verify_inputs *inputs)
{
    oa_feed_free(&inputs->feed);
    oa_rows_free(&inputs->rows);
}

oa_status oa_verify_settings_from(oa_verify_settings *settings, oa_verify_inputs *inputs, const oa_options *options,
                                  const oa_engine_choice *choice, const oa_graph *graph, const size_t *input_of,
                                  const oa_samples *samples, oa_error *error)
{
    *settings = oa_verify_settings_default();
    settings->seed = options->seed;
    settings->tolerance = options->tolerance;
    settings->sizes = choice->sizes;
    size_t fixed = oa_fixed_batch(graph);
    size_t wanted = fixed ? fixed : OA_VERIFY_SAMPLES;
    if (!samples->data.count || (fixed && fixed > samples->data.count)) {
        return OA_OK; /* random ones then */
    }
    size_t n = wanted < samples->data.count ? wanted : samples->data.count;
    oa_status status = oa_rows_read(&inputs->rows, &samples->data, 0, n, n, error);
    if (status == OA_OK) {
        status = oa_feed_set(&inputs->feed, graph, &inputs->rows, input_of, error);
    }
    settings->inputs = inputs->feed.inputs;
    return status;
}
