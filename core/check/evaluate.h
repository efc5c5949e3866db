/* Loss and accuracy of a model on samples. */
#ifndef OA_CHECK_EVALUATE_H
#define OA_CHECK_EVALUATE_H

#include "core/check/answers.h"
#include "core/check/verify.h"
#include "core/exec/samples.h"

typedef struct oa_evaluation {
    size_t count;
    bool has_accuracy; /* classes are being told apart: the loss is cross-entropy */
    double accuracy;   /* share of the labels at the largest of their outputs; 0 without */
    double loss;       /* as samples->loss says */
} oa_evaluation;

/* Evaluates a model on its first output: for cross-entropy [batch, positions..., classes] with a label for every
 * position (none: for every sample), for MSE anything with a target for every element. At most `batch` samples are in
 * memory at a time, fewer when they are large (oa_batches_fit); models whose batch size is fixed are run at that size,
 * the last samples padded by repeating. Sums in double. Errors: OA_ERROR_INPUT when samples, targets and model do not
 * fit, OA_ERROR_UNSUPPORTED, OA_ERROR_MEMORY. */
oa_status oa_evaluate(oa_evaluation *evaluation, const oa_runnable *model, const oa_samples *samples, size_t batch,
                      oa_error *error);

/* The same, and takes down what the model answers to each sample. Samples without targets will do: nothing but their
 * count is in the evaluation then, and outputs [batch, classes] of two and more are taken for scores of classes unless
 * the loss is MSE. `answers` is zeroed before, and zeroed on failure. */
oa_status oa_evaluate_answers(oa_evaluation *evaluation, oa_answers *answers, const oa_runnable *model,
                              const oa_samples *samples, size_t batch, oa_error *error);

#endif
