/* The loss of the models on the line between a and a reordered b, on batches of samples, and its gradient. */
#ifndef OA_SOFT_LINE_LOSS_H
#define OA_SOFT_LINE_LOSS_H

#include "core/base/random.h"
#include "core/exec/samples.h"
#include "core/match/match.h"

typedef struct oa_line_loss oa_line_loss; /* of one thread */

/* Prepares a's graph for batches of `batch` samples: of the declared size where the model insists on one, at most all
 * there are, and fewer when each has many labels (text). Up to `samples_max` samples (and 256 MiB), evenly spread, are
 * read and kept. Normalisations use the batch's own statistics, which is what recomputing them for the merged model
 * comes to. Problem and samples are borrowed. Errors: as oa_gradient_create, OA_ERROR_UNSUPPORTED for models with
 * several inputs, OA_ERROR_INPUT for samples that cannot be read, OA_ERROR_MEMORY; without targets those of oa_teach:
 * the loss is then from what a and b say on average. */
oa_status oa_line_loss_create(oa_line_loss **line, const oa_match_problem *problem, const oa_samples *samples,
                              size_t batch, size_t samples_max, oa_error *error);
void oa_line_loss_destroy(oa_line_loss *line);

/* Does the loss depend on how this constant of a's graph is reordered? Those that move, but for statistics. */
bool oa_line_loss_wants(const oa_line_loss *line, size_t tensor);

/* How many batches cover `samples` samples, or all that are kept when these are fewer, or fewer when each has many
 * labels; at least 1. */
size_t oa_line_loss_batches(const oa_line_loss *line, size_t samples);

/* Chooses the batch: samples drawn at random, or part `part` of `parts` of the same ones every time. O(batch). */
void oa_line_loss_draw(oa_line_loss *line, oa_random *random);
void oa_line_loss_spread(oa_line_loss *line, size_t part, size_t parts);

/* The loss, on the batch chosen, of lambda * a + (1 - lambda) * b. moved [tensors]: b's constants, reordered (NULL
 * entries: as they are). gradients [tensors], or NULL for the loss alone: [count] each where wanted, overwritten with
 * the derivative by moved. Errors as oa_gradient_run. */
oa_status oa_line_loss_run(double *loss, float *const *gradients, oa_line_loss *line, const float *const *moved,
                           double lambda, oa_error *error);

#endif
