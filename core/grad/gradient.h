/* Reverse mode over a graph: the loss of a model on a batch of samples, and its gradient with respect to the weights.
 *
 * The forward pass runs the executor's own kernels and keeps what the backward pass reads; the backward pass walks the
 * live nodes in reverse and calls the backward function that stands beside each operator (core/grad/table.h). */
#ifndef OA_GRAD_GRADIENT_H
#define OA_GRAD_GRADIENT_H

#include "core/exec/exec.h"
#include "core/exec/loss.h"

/* What the first output is compared with; everything is borrowed. */
typedef struct oa_target {
    const int64_t *labels; /* [label_count], for cross-entropy, each below the number of classes */
    size_t label_count;    /* [batch, positions...] for an output [batch, positions..., classes] */
    const float *values;   /* [batch, elements of one sample's output], for the others */
} oa_target;

typedef struct oa_gradient_settings {
    oa_loss_kind loss;
    bool is_training; /* BatchNormalization normalises by the batch's own statistics, and they are reported */
} oa_gradient_settings;

typedef struct oa_gradient oa_gradient;

/* Prepares a graph with float32 weights; graph must outlive it. `wants` [graph->tensor_count]: the constants whose
 * gradient is wanted. Only what lies between them and the first output is differentiated. Fails with
 * OA_ERROR_UNSUPPORTED naming the first node on the way without a backward function or the first wanted constant that
 * is not float32; OA_ERROR_MEMORY. O(nodes + edges). */
oa_status oa_gradient_create(oa_gradient **gradient, const oa_graph *graph, const bool *wants,
                             const oa_gradient_settings *settings, oa_error *error);
void oa_gradient_destroy(oa_gradient *gradient);

/* One forward and backward pass. One at a time for an object; objects are independent (one a thread).
 *
 * loss       output: of the batch.
 * gradients  output, [tensor_count]: where wanted, float[count] that is overwritten; ignored elsewhere. NULL: the loss
 *            alone, no backward pass.
 * inputs     [graph->input_count], borrowed.
 * weights    [tensor_count] replacements of float32 constants, NULL entries (or NULL) for the graph's own. Borrowed.
 *
 * After the first run, one of the same shapes allocates nothing. Errors as oa_executor_run, and OA_ERROR_INPUT for a
 * target that does not fit the output. */
oa_status oa_gradient_run(double *loss, float *const *gradients, oa_gradient *gradient, const oa_array *inputs,
                          const oa_target *target, const float *const *weights, oa_error *error);

/* With is_training: the mean and the (biased) variance of the batch for BatchNormalization node `node` in the last run,
 * [channels] each, borrowed until the next; false when the node is no such one. For running averages. */
bool oa_gradient_batch_statistics(const float **mean, const float **variance, size_t *channels,
                                  const oa_gradient *gradient, size_t node);

#endif
