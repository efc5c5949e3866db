/* Loss and accuracy of a classifier on labelled samples. */
#ifndef OA_CHECK_EVALUATE_H
#define OA_CHECK_EVALUATE_H

#include "core/check/verify.h"

typedef struct oa_samples {
    oa_array data;      /* [samples, ...], of the model's input type */
    int64_t *labels;    /* [label_count] classes */
    size_t label_count; /* 0 when there are none */
} oa_samples;

void oa_samples_free(oa_samples *samples);

typedef struct oa_evaluation {
    size_t count;
    double accuracy; /* share of samples whose largest output is at their label */
    double loss;     /* mean cross-entropy of softmax(outputs) against the labels, in nats */
} oa_evaluation;

/* Evaluates a model with one input and a first output of [batch, classes], `batch` samples at a time. Models whose
 * batch size is fixed are run at that size, the last samples padded by repeating; otherwise in batches of at most
 * `batch`. Errors: OA_ERROR_INPUT when samples, labels and model do not fit, OA_ERROR_UNSUPPORTED, OA_ERROR_MEMORY. */
oa_status oa_evaluate(oa_evaluation *evaluation, const oa_runnable *model, const oa_samples *samples, size_t batch,
                      oa_error *error);

#endif
