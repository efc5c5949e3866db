/* How much a model computes: the same number on every machine, to decide by what takes too long. */
#ifndef OA_EXEC_WORK_H
#define OA_EXEC_WORK_H

#include "core/exec/exec.h"

/* *count of multiplications and additions of one run on these inputs [graph->input_count], in the layers that have
 * weights: convolutions, dense and recurrent layers; products of activations with one another are left out. Runs the
 * graph once. Errors as oa_executor_create and oa_executor_run. */
oa_status oa_count_work(double *count, const oa_graph *graph, const oa_array *inputs, oa_error *error);

#endif
