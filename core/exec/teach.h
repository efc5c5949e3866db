/* Targets without labels: what models say to samples themselves. */
#ifndef OA_EXEC_TEACH_H
#define OA_EXEC_TEACH_H

#include "core/exec/engine.h"
#include "core/exec/samples.h"

/* What the teachers say on average to samples first .. first + n - 1, as targets for a model that is to stand in for
 * all of them (the aim of distillation: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network",
 * 2015).
 *
 * - targets  [n, ...] float32, owned by the caller: where the first output is [batch, classes] of two and more classes
 *            (axes of size 1 behind them left out) and `wanted` is not OA_LOSS_MSE, the mean of softmax(output); else
 * of the output itself.
 * - loss     what to compare with them: OA_LOSS_SOFT_CROSS_ENTROPY or OA_LOSS_MSE.
 * - batch    samples that are run at a time at most; models with a fixed batch run at that size, padded.
 *
 * Errors: OA_ERROR_UNSUPPORTED (an engine cannot run a teacher, or the first output is not of floating-point numbers),
 * OA_ERROR_INPUT (samples that do not fit, a first output without a row for each sample, or with NaN or infinities),
 * OA_ERROR_MEMORY. The runs of all teachers over the samples. */
oa_status oa_teach(oa_array *targets, oa_loss_kind *loss, const oa_runnable *teachers, size_t count,
                   const oa_batches *data, size_t first, size_t n, size_t batch, oa_loss_kind wanted, oa_error *error);

#endif
