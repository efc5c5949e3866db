/* How well soft permutations align two models, without labels: how near the weights come, and how well the models on
 * the line between them do. Navon et al., "Equivariant Deep Weight Space Alignment", ICML 2024, section 5: the
 * alignment loss and the LMC loss. */
#ifndef OA_LEARN_PAIR_LOSS_H
#define OA_LEARN_PAIR_LOSS_H

#include "core/learn/task.h"

typedef struct oa_pair_terms {
    double alignment; /* squared distance of the weights over the mean of both models' sums of squares */
    double task;      /* loss at a random point of the line; 0 without samples */
} oa_pair_terms;

typedef struct oa_pair_factors {
    double alignment;
    double task;
} oa_pair_factors;

typedef struct oa_pair_loss oa_pair_loss; /* of one thread and one family */

/* batch: samples for the loss on the line; 0: that loss is not wanted. Errors as oa_task_create. */
oa_status oa_pair_loss_create(oa_pair_loss **loss, const oa_family *family, size_t batch, oa_error *error);
void oa_pair_loss_destroy(oa_pair_loss *loss);

/* The terms for models a and b (blocks of weights) and one soft permutation a group, s[g] [size, size]
 * (core/soft/soft.h); and, when s_gradients is not NULL, adds to s_gradients[g] the derivative of factors.alignment *
 * alignment + factors.task * task. Terms of factor 0 are not computed. The point of the line and the samples come from
 * `random`. Errors of running the models; OA_ERROR_MEMORY. */
oa_status oa_pair_loss_run(oa_pair_terms *terms, float *const *s_gradients, oa_pair_loss *loss, const float *a,
                           const float *b, const float *const *s, const oa_pair_factors *factors, oa_random *random,
                           oa_error *error);

#endif
