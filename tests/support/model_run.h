/* Running a graph on seeded random inputs, before and after its constants are replaced. */
#ifndef OA_TESTS_SUPPORT_MODEL_RUN_H
#define OA_TESTS_SUPPORT_MODEL_RUN_H

#include "core/exec/exec.h"
#include "core/symmetry/layout.h"

typedef struct model_run {
    const oa_graph *graph;
    oa_executor *executor;
    oa_array *inputs;  /* [graph->input_count] */
    oa_array *outputs; /* [graph->output_count] of the model as it is */
} model_run;

/* Draws inputs (normal floats; integers 0, 1 or 2; symbolic sizes 2 or 3 by their name) and runs the model. Fails the
 * test when it does not run. */
void model_run_start(model_run *run, const oa_graph *graph, uint64_t seed);
void model_run_free(model_run *run);
/* Is every element of every output a number, and one of them not zero? */
bool model_run_is_finite(const model_run *run);
/* The largest array_distance of an output when the model runs with these payloads; fails the test when it does not. */
double model_run_distance(const model_run *run, const oa_payloads *payloads);
/* The same with the model reordered. */
double model_run_permuted(const model_run *run, const oa_layout *layout, const oa_permutations *permutations);

#endif
