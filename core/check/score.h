/* Adding up what a batch of outputs says about a model. Private to this folder. */
#ifndef OA_CHECK_SCORE_H
#define OA_CHECK_SCORE_H

#include "core/check/evaluate.h"

/* Sums over the samples so far. Zero-initialise but for `kind` and what takes down answers; free with oa_score_free. */
typedef struct oa_score {
    oa_loss_kind kind;
    oa_answers *answers; /* borrowed; NULL: nobody wants them */
    size_t expected;     /* samples in all, for them */
    size_t samples;
    size_t right; /* cross-entropy: samples whose largest output is at their label */
    size_t terms; /* that `loss` is a sum of: samples, or elements */
    double loss;
    double *row; /* [row_capacity] workspace */
    size_t row_capacity;
} oa_score;

/* Adds the first n samples of the output [batch, ...] against their targets [batch, ...]; with NULL for targets, they
 * are counted and their answers taken down. Errors: OA_ERROR_INPUT when shapes do not fit each other or a label is no
 * class, OA_ERROR_MEMORY. O(elements). */
oa_status oa_score_add(oa_score *score, const oa_array *output, const oa_array *targets, size_t n, oa_error *error);
/* The means. Some samples must have been added. */
oa_evaluation oa_score_result(const oa_score *score);
void oa_score_free(oa_score *score);

#endif
