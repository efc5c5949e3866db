/* Inputs for running models, from the options. */
#ifndef OA_CLI_INPUTS_H
#define OA_CLI_INPUTS_H

#include "core/check/evaluate.h"
#include "plugin/cli/options.h"

/* Opens the samples of --data and the classes or targets of --labels (--loss tells which) for the first input of the
 * graph. Leaves *samples empty without --data. Close with oa_samples_close. */
oa_status oa_load_samples(oa_samples *samples, const oa_options *options, const oa_graph *graph, oa_error *error);

/* Settings for verifying: seed, tolerance, dimensions, and as inputs the first samples when there are enough. `inputs`,
 * zeroed before, is where they are: the caller frees it in any case, after the settings have been used. Errors as of
 * reading samples. */
oa_status oa_verify_settings_from(oa_verify_settings *settings, oa_array *inputs, const oa_options *options,
                                  const oa_graph *graph, const oa_samples *samples, oa_error *error);

#endif
