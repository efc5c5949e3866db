/* Inputs for running models, from the options. */
#ifndef OA_CLI_INPUTS_H
#define OA_CLI_INPUTS_H

#include "core/check/evaluate.h"
#include "core/exec/feed.h"
#include "plugin/cli/engine.h"
#include "plugin/cli/options.h"

/* Opens the samples of --data, a row for each input of the graph (files are for the input that they name, or for the
 * only one), and the classes or targets of --labels (--loss tells which). Leaves *samples empty without --data. Close
 * with oa_samples_close. */
oa_status oa_load_samples(oa_samples *samples, const oa_options *options, const oa_graph *graph, oa_error *error);

/* The inputs that settings for verifying point at. Zero-initialise; free with oa_verify_inputs_free, after the settings
 * have been used. */
typedef struct oa_verify_inputs {
    oa_rows rows;
    oa_feed feed;
} oa_verify_inputs;
void oa_verify_inputs_free(oa_verify_inputs *inputs);

/* Settings for verifying a model: seed, tolerance, dimensions, sizes of random inputs as `choice` has them, and as
 * inputs the first samples when there are enough. `input_of` maps the inputs that the samples are for to those of the
 * graph (NULL: the same). Errors as of reading samples. */
oa_status oa_verify_settings_from(oa_verify_settings *settings, oa_verify_inputs *inputs, const oa_options *options,
                                  const oa_engine_choice *choice, const oa_graph *graph, const size_t *input_of,
                                  const oa_samples *samples, oa_error *error);

#endif
