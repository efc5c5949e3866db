/* What searches that follow gradients share: buffers for b's reordered constants, the loss on samples, and the best
 * hard permutations so far by the true objective. Private to this folder. */
#ifndef OA_SOFT_SEARCH_H
#define OA_SOFT_SEARCH_H

#include "core/match/match.h"
#include "core/soft/line_loss.h"
#include "core/soft/settings.h"

typedef struct oa_search {
    const oa_match_problem *problem;
    const oa_soft_settings *settings;
    oa_random random;
    oa_line_loss *line; /* NULL: the distance of the weights counts */
    float **moved;      /* [tensors], with a loss: b's constants where it wants them; NULL elsewhere */
    float **gradients;  /* [tensors] the same */
    oa_permutations best;
    double best_value;
    oa_soft_info info;
} oa_search;

/* Judges the permutations given. Free the search in any case. Errors as oa_line_loss_create and _run. */
oa_status oa_search_init(oa_search *search, const oa_match_problem *problem, const oa_permutations *start,
                         const oa_soft_settings *settings, oa_error *error);
void oa_search_free(oa_search *search);

/* Writes b's constants, reordered, to search->moved. OA_ERROR_MEMORY. */
oa_status oa_search_reorder(oa_search *search, const oa_permutations *permutations, oa_error *error);

/* The loss on a new batch of what is in search->moved, at a random point of the line or its middle; its derivative is
 * in search->gradients. */
oa_status oa_search_loss(double *loss, oa_search *search, oa_error *error);

/* The true objective of hard permutations: the distance of all weights, or the loss on batches and at points of the
 * line that are always the same. They are kept when they are the best so far. Overwrites search->moved. */
oa_status oa_search_judge(double *value, oa_search *search, const oa_permutations *permutations, size_t iteration,
                          oa_error *error);

/* Is it time to judge after `iteration` steps? Always after the last. */
bool oa_search_is_due(const oa_search *search, size_t iteration);

#endif
