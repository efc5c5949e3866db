/* Inputs for running models, from the options. */
#ifndef OA_CLI_INPUTS_H
#define OA_CLI_INPUTS_H

#include "core/check/evaluate.h"
#include "plugin/cli/options.h"

/* The samples of --data (and --labels), read for the first input of the graph. Leaves *samples empty without --data. */
oa_status oa_load_samples(oa_samples *samples, const oa_options *options, const oa_graph *graph, oa_error *error);

/* Settings for verifying: seed, tolerance, dimensions, and as inputs a view of some samples when there are any. The
 * view lives as long as `samples`; `view` is the caller's. */
oa_verify_settings oa_verify_settings_from(oa_array *view, const oa_options *options, const oa_graph *graph,
                                           const oa_samples *samples);

#endif
