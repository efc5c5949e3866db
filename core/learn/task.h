/* What the models of a family were trained for: the loss of any weights on a batch of the family's samples. */
#ifndef OA_LEARN_TASK_H
#define OA_LEARN_TASK_H

#include "core/base/random.h"
#include "core/learn/family.h"

typedef struct oa_task oa_task; /* of one thread */

/* Prepares the family's graph for batches of `batch` samples (of the declared size where the models insist on one; at
 * most all samples). Weights that move get gradients; normalisations use the batch's own statistics. Errors as
 * oa_gradient_create, and OA_ERROR_UNSUPPORTED for models with several inputs or weights that are not float32. */
oa_status oa_task_create(oa_task **task, const oa_family *family, size_t batch, oa_error *error);
void oa_task_destroy(oa_task *task);

/* Chooses the batch: random samples, or part `part` of `parts` of the same evenly spaced ones every time. O(batch). */
void oa_task_draw(oa_task *task, oa_random *random);
void oa_task_spread(oa_task *task, size_t part, size_t parts);

/* What a model at `share` of a and 1 - share of b is compared with: for families without labels and targets, the mix of
 * a's and b's outputs on the batch, which runs both models. a, b: blocks of weights. */
oa_status oa_task_aim(oa_task *task, const float *a, const float *b, double share, oa_error *error);

/* The loss of a block of weights on the batch (see oa_family_samples), and with `gradient` [map->total] its derivative
 * by the weights that move; elsewhere gradient is left alone. */
oa_status oa_task_run(double *loss, float *gradient, oa_task *task, const float *weights, oa_error *error);

#endif
