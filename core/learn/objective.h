/* What an aligner is trained to do, on one pair of models; no labels are needed:
 *
 * - supervised: the cross-entropy of the scores between a reordered, damaged copy of a model and the model itself
 *   against the reordering, as a mean over units, then over groups;
 * - alignment: how far the softly aligned weights are apart (pair_loss.h);
 * - task: how well models on the line between a and the softly aligned b do.
 *
 * The loss is their sum, each times its factor. Navon et al., "Equivariant Deep Weight Space Alignment", ICML 2024,
 * section 5. Deviations: where models have no labels, their own outputs stand for them; and the first counts for little
 * (docs/deep-align.md says why). */
#ifndef OA_LEARN_OBJECTIVE_H
#define OA_LEARN_OBJECTIVE_H

#include "core/learn/aligner.h"
#include "core/learn/augment.h"
#include "core/learn/pair_loss.h"

typedef struct oa_objective_settings {
    double supervised; /* factors of the three terms; 0: not computed */
    double alignment;
    double task;
    oa_augmentation augmentation;
    size_t sinkhorn_iterations;
    size_t batch; /* samples for the task */
} oa_objective_settings;

oa_objective_settings oa_objective_settings_default(void);

typedef struct oa_objective_terms {
    double total, supervised, alignment, task;
} oa_objective_terms;

/* One model of a pair: its block of weights, and the same packed. */
typedef struct oa_objective_model {
    const float *weights;
    const oa_packed *packed;
} oa_objective_model;

typedef struct oa_objective oa_objective; /* of one thread and one family */

/* family and plan (of the family's layout and graph) are borrowed. Errors as oa_pair_loss_create. */
oa_status oa_objective_create(oa_objective **objective, const oa_family *family, const oa_aligner_plan *plan,
                              const oa_objective_settings *settings, oa_error *error);
void oa_objective_destroy(oa_objective *objective);

/* The loss of one pair and, unless gradient is NULL, its derivative by the aligner's parameters, ADDED to gradient
 * [value_count]. The tape is reset first. `seed` decides everything random: copies, the point of the line, samples. */
oa_status oa_objective_run(oa_objective_terms *terms, float *gradient, oa_objective *objective, oa_tape *tape,
                           const oa_aligner *aligner, const oa_objective_model *a, const oa_objective_model *b,
                           uint64_t seed, oa_error *error);

#endif
