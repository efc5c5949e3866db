/* Training an aligner on families of models.
 *
 * A step takes pairs of one family, averages the derivative of their objective (objective.h), clips it and makes one
 * step of AdamW; families take turns at random by their weights. Everything random in a step follows from the seed, the
 * step and the pair alone, and sums go in a fixed order: the same settings and families give the same aligner bit for
 * bit, on any number of threads, also after an interruption that the state (train_state.h) has survived. */
#ifndef OA_LEARN_TRAIN_H
#define OA_LEARN_TRAIN_H

#include "core/learn/objective.h"
#include "core/learn/train_state.h"

typedef struct oa_train_settings {
    size_t steps;
    size_t batch;   /* pairs a step */
    double rate;    /* the highest step size: reached after warm_up steps, 0 at the end */
    bool is_cosine; /* the way down: a cosine, or a straight line */
    size_t warm_up;
    double decay; /* of AdamW */
    double clip;  /* the derivative's norm is at most this */
    oa_objective_settings objective;
    double held_out;    /* share of each family's models (or pairs) that is kept for checks; 0: no checks */
    size_t check_every; /* steps */
    size_t check_pairs; /* at most, of each family */
    size_t check_samples;
    size_t patience; /* checks without a better one after which training ends; 0: never */
    uint64_t seed;
    size_t threads; /* the BLAS must be set to one thread when there are several */
    size_t budget;  /* bytes of models that are kept in memory */
} oa_train_settings;

oa_train_settings oa_train_settings_default(void);

typedef struct oa_trainer oa_trainer;

/* The aligner's parameters are where training starts; they change while it runs. Aligner and families are borrowed, the
 * layouts must have groups and every family at least 4 models (2 without checks). Measures the families' checks before
 * training, for comparison. Errors: OA_ERROR_INPUT, naming the family; those of plans and objectives; OA_ERROR_MEMORY.
 */
oa_status oa_trainer_create(oa_trainer **trainer, oa_aligner *aligner, const oa_family *families, size_t family_count,
                            const oa_train_settings *settings, oa_error *error);
void oa_trainer_destroy(oa_trainer *trainer);

/* Called after every step, checks included: the state is complete and may be written away. False ends the run. */
typedef bool (*oa_train_watch)(void *context, const oa_train_state *state);

/* Trains from the state at hand to the end: all steps done, patience lost, or stopped by `watch` (may be NULL). A step
 * whose derivative is not finite is left out; OA_ERROR_INPUT after twenty of them in a row. Errors as above. */
oa_status oa_trainer_run(oa_trainer *trainer, oa_train_watch watch, void *context, oa_error *error);
bool oa_trainer_is_done(const oa_trainer *trainer);

/* The state as it is; to go on from an earlier one, which is taken over when OA_OK is returned. OA_ERROR_INPUT when its
 * fingerprint is another: other settings, families or starting parameters. */
const oa_train_state *oa_trainer_state(const oa_trainer *trainer);
oa_status oa_trainer_resume(oa_trainer *trainer, oa_train_state *state, oa_error *error);
/* Gives the aligner the best parameters that a check has seen, or the last ones without checks. */
void oa_trainer_finish(oa_trainer *trainer);

/* How the families' checks came out before training: units as they are. [family_count] */
const double *oa_trainer_naive(const oa_trainer *trainer);

#endif
