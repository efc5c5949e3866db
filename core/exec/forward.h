/* Runs whose values stay: for those who come back to the nodes after the run, to differentiate them. */
#ifndef OA_EXEC_FORWARD_H
#define OA_EXEC_FORWARD_H

#include "core/exec/blocks.h"
#include "core/exec/call.h"

/* The values to keep until oa_executor_release, [value_count] flags, borrowed; NULL: none. Others go as soon as their
 * last reader has run. Idle memory is no longer limited from here on. */
void oa_executor_keep(oa_executor *executor, const bool *keeps);

/* Lets `kernel` run live node `node` in place of the table's, with `context` in its call. OA_ERROR_MEMORY. */
oa_status oa_executor_override(oa_executor *executor, size_t node, oa_kernel kernel, void *context, oa_error *error);

/* As oa_executor_run, but the outputs stay in the executor like all kept values. Releases everything on failure. */
oa_status oa_executor_forward(oa_executor *executor, const oa_array *inputs, const oa_payloads *payloads,
                              oa_error *error);

/* After oa_executor_forward: the value of the run, borrowed until oa_executor_release. Of one that was not kept, type
 * and shape are right and data is NULL. */
const oa_array *oa_executor_value(const oa_executor *executor, size_t value);

/* After oa_executor_forward: the call of live node `node` once more, with all its inputs and outputs as views; borrowed
 * until the next use of the executor. For its attributes and its scratch; it makes no outputs. O(inputs + outputs). */
oa_call *oa_executor_recall(oa_executor *executor, size_t node);

/* The values of the last oa_executor_forward are no longer needed. */
void oa_executor_release(oa_executor *executor);

/* Names the node and its operator in front of an error. */
void oa_node_context(oa_error *error, const oa_graph *graph, const oa_node *node);

/* The executor's idle memory, for others who live as long. */
oa_blocks *oa_executor_blocks(oa_executor *executor);

#endif
