/* Runs of the built-in executor that stop on their way: some nodes now, others later, after the constants that these
 * read have changed. Any number of runs of one executor can stand still at a time, each with the values that it still
 * needs. */
#ifndef OA_EXEC_EXECUTION_H
#define OA_EXEC_EXECUTION_H

#include "core/exec/exec.h"

typedef struct oa_execution oa_execution;

/* Begins a run; the executor must outlive it. Inputs as of oa_executor_run, borrowed until oa_execution_hold.
 * OA_ERROR_INPUT, OA_ERROR_MEMORY. O(values). */
oa_status oa_execution_create(oa_execution **run, oa_executor *executor, const oa_array *inputs, oa_error *error);
/* NULL is fine. */
void oa_execution_destroy(oa_execution *run);

/* Runs those of `nodes` [live_count] that have not run yet, in their order. What they read must come from nodes that
 * have run or are flagged (oa_graph_needs). Constants are taken from `payloads` (NULL: the graph's own) as they are
 * now; values made earlier stay what they were. The executor's watcher sees what is made. Errors as oa_executor_run;
 * the run can only be destroyed then. */
oa_status oa_execution_advance(oa_execution *run, const bool *nodes, const oa_payloads *payloads, oa_error *error);

/* Runs `nodes` for the watcher's sake and takes it back, so that they can run again, perhaps with other constants. They
 * must not have run yet, and nothing but they may read what they make. Errors as oa_execution_advance. */
oa_status oa_execution_try(oa_execution *run, const bool *nodes, const oa_payloads *payloads, oa_error *error);

/* Lets the run stand still: what it still needs of its inputs is copied, so that they may go. *bytes is all that it
 * holds. OA_ERROR_MEMORY: it can only be destroyed then. */
oa_status oa_execution_hold(size_t *bytes, oa_execution *run, oa_error *error);

#endif
