/* How well units of two models go together in the eyes of a method: more than its answer, for a method that goes on. */
#ifndef OA_MATCH_SCORES_H
#define OA_MATCH_SCORES_H

#include "core/symmetry/layout.h"

/* Zeroed: none. Free with oa_match_scores_free. */
typedef struct oa_match_scores {
    float **of; /* [group_count], each [size, size]: a's units are rows, b's columns; the more, the better they fit */
    size_t group_count;
} oa_match_scores;

/* Zeros for every group of a layout. *scores must be zeroed or freed before. OA_ERROR_MEMORY, *scores is then zeroed.
 * Memory: the sum of squared sizes. */
oa_status oa_match_scores_init(oa_match_scores *scores, const oa_layout *layout, oa_error *error);
void oa_match_scores_free(oa_match_scores *scores);

#endif
