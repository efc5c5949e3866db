/* What a model answers to each sample: enough to compare models sample by sample afterwards, when they are gone. */
#ifndef OA_CHECK_ANSWERS_H
#define OA_CHECK_ANSWERS_H

#include "core/base/error.h"
#include "core/exec/loss.h"

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise; free with oa_answers_free. Bounded: 9 to 13 bytes a sample, and at most 16 MiB of outputs. */
typedef struct oa_answers {
    size_t count;     /* samples that were answered */
    size_t capacity;  /* samples that there is room for */
    size_t unusable;  /* samples with NaN or an infinity among the outputs */
    bool has_targets; /* right or loss are filled */
    bool are_classes; /* choice is filled: a sample's outputs are scores of classes */
    size_t *choice;   /* [capacity] place of the largest output */
    bool *right;      /* [capacity] it is the label; for classes with labels */
    double *loss;     /* [capacity] mean squared difference from the targets; for numbers with targets */
    float *outputs;   /* [capacity, kept] for numbers without targets: every stride-th of the first samples */
    size_t elements;  /* outputs a sample */
    size_t kept;      /* of them */
    size_t stride;
    /* Of the targets, for what a model is good for that does not look at its input. */
    size_t *label_counts;  /* [elements] */
    double *target_means;  /* [elements] */
    double target_squares; /* sum over samples and elements of the squared distance from the mean of each element */
} oa_answers;

void oa_answers_free(oa_answers *answers);

/* What comes with one sample. */
typedef struct oa_answer {
    const double *outputs; /* [elements] */
    size_t elements;
    bool are_classes;     /* the same for all samples */
    const float *targets; /* [elements], or NULL */
    size_t label;         /* OA_NONE: not known */
} oa_answer;

/* Adds one sample of `expected` in all; what does not fit into the bound is left out. OA_ERROR_MEMORY; OA_ERROR_INPUT
 * when a sample has more or fewer outputs than the first. O(elements). */
oa_status oa_answers_add(oa_answers *answers, const oa_answer *answer, size_t expected, oa_error *error);

#endif
