/* Losses of a model's first output and their gradients. */
#ifndef OA_GRAD_LOSS_H
#define OA_GRAD_LOSS_H

#include "core/grad/gradient.h"

/* *loss of `output`, which is float32 with the samples along its first axis, and its gradient [count] unless that is
 * NULL. `gradient` may be overwritten on failure. OA_ERROR_INPUT for a target that does not fit. O(elements). */
oa_status oa_loss_run(double *loss, float *gradient, const oa_array *output, const oa_target *target, oa_loss_kind kind,
                      oa_error *error);

#endif
