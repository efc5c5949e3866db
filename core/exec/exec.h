/* The built-in executor: runs a graph on the CPU.
 *
 * It serves to verify that a rewritten model computes the same function, and to evaluate models on data. Shapes are
 * found while running, so that any batch size fits. Kernels are looked up in one table by domain and operator. */
#ifndef OA_EXEC_EXEC_H
#define OA_EXEC_EXEC_H

#include "core/base/error.h"
#include "core/ir/graph.h"

/* A dense run-time tensor. Zero-initialise; free with oa_array_free. */
typedef struct oa_array {
    oa_dtype dtype;
    size_t rank;
    size_t dims[OA_MAX_RANK];
    size_t count; /* product of dims */
    void *data;   /* packed row-major elements, aligned; the bytes of owned string elements follow them in the block */
    bool is_view; /* data is borrowed */
} oa_array;

/* Allocates count elements (zeroed). OA_ERROR_MEMORY, OA_ERROR_INPUT on overflowing dims. */
oa_status oa_array_init(oa_array *array, oa_dtype dtype, const size_t *dims, size_t rank, oa_error *error);
void oa_array_free(oa_array *array);

typedef struct oa_executor oa_executor;

/* Prepares a graph, which must outlive the executor. It will run on as many threads as the BLAS has been told to use by
 * now (oa_blas_set_threads); they start with the first run that needs them. Fails with OA_ERROR_UNSUPPORTED, naming all
 * operators that no kernel exists for and the first node of theirs; only live nodes count. O(nodes + edges). */
oa_status oa_executor_create(oa_executor **executor, const oa_graph *graph, oa_error *error);
void oa_executor_destroy(oa_executor *executor);

/* Runs the graph. One run at a time for an executor; executors are independent of each other.
 *
 * - outputs [graph->output_count], outputs: owned by the caller, who frees each with oa_array_free; untouched on
 *   failure.
 * - inputs [graph->input_count], borrowed, in the order of graph->inputs, of the declared dtypes. The declared shapes
 *   are not insisted on, only named when the run fails.
 * - payloads: replacements for constants, or NULL.
 *
 * The memory of intermediate values serves others as soon as their last reader has run; float16 and bfloat16 weights
 * are widened for the node that uses them only, so that the peak stays near the largest activations. At most 256 MiB
 * stay with the executor for later runs, so that one of the same shapes makes nothing but its outputs anew. Errors:
 * OA_ERROR_INPUT for shapes or types that do not fit (naming node and operator), OA_ERROR_UNSUPPORTED, OA_ERROR_MEMORY.
 */
oa_status oa_executor_run(oa_array *outputs, oa_executor *executor, const oa_array *inputs, const oa_payloads *payloads,
                          oa_error *error);

/* Sees the values of a run: called for every output of a node that anything reads, right after the node has run. The
 * array is borrowed and valid during the call only. A status other than OA_OK ends the run with that status; the
 * callback then sets the error. */
typedef oa_status oa_executor_watcher(void *context, size_t value, const oa_array *array, oa_error *error);

/* Lets `watcher` (NULL: nobody) see the values of all runs from now on. Graph inputs and constants are not shown. */
void oa_executor_watch(oa_executor *executor, oa_executor_watcher *watcher, void *context);

/* True when a kernel exists for the operator ("" is the standard domain). O(operators). */
bool oa_executor_supports(const char *domain, const char *op_type);
/* The operators that have a kernel, by index from 0: false past the last, with the outputs untouched. */
bool oa_executor_operator(const char **domain, const char **op_type, size_t index);

#endif
