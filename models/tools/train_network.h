/* Training one network of a family. */
#ifndef OA_TOOLS_TRAIN_NETWORK_H
#define OA_TOOLS_TRAIN_NETWORK_H

#include "core/check/evaluate.h"
#include "models/tools/architecture.h"
#include "models/tools/exercise.h"

/* What all networks of a family share. Borrowed. */
typedef struct oa_curriculum {
    const char *architecture_text; /* for the file's metadata */
    oa_architecture architecture;
    oa_exercise exercise;
    oa_exercise_set test; /* to judge on; unused when the exercise has signals */
    size_t steps;
    size_t batch;
    double rate; /* of Adam at the first step; falls in a straight line to zero after the last */
    uint64_t seed;
} oa_curriculum;

/* Which network: networks of one number learn the same signal, from different starts. */
typedef struct oa_pupil {
    size_t number;
    size_t view;
} oa_pupil;

/* Makes a network with random weights, trains it with Adam, judges it on the test samples (signals: on all points), and
 * writes it to `path`, with what it was trained for in its metadata: architecture, task, seed, number, view, and the
 * frequency or image of its signal.
 *
 * Everything random follows from (seed, number, view). Statistics of batch normalisation are running averages with
 * momentum 0.1 of the batches' means and variances. Errors: those of gradients, OA_ERROR_OUTPUT, OA_ERROR_INTERNAL when
 * the loss is not finite any more, OA_ERROR_MEMORY. */
oa_status oa_train_network(oa_evaluation *evaluation, const oa_curriculum *curriculum, const oa_pupil *pupil,
                           const char *path, oa_error *error);

#endif
