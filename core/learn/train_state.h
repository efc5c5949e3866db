/* Everything that training has to remember from one step to the next, and its form as bytes. */
#ifndef OA_LEARN_TRAIN_STATE_H
#define OA_LEARN_TRAIN_STATE_H

#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* What a step did. */
typedef struct oa_train_record {
    uint32_t family;
    float total, supervised, alignment, task; /* means over its pairs */
    float norm;                               /* of the derivative, before clipping; NaN or infinite: left out */
} oa_train_record;

/* What a check found. */
typedef struct oa_train_check {
    uint64_t step; /* steps done by then */
    double score;  /* lower is better; 1 is what models as they are would get */
} oa_train_check;

typedef struct oa_train_state {
    uint64_t fingerprint; /* of settings, families and starting parameters */
    size_t step;          /* steps done */
    size_t skipped;       /* the last steps in a row that were left out */
    size_t value_count;
    float *values, *first, *second; /* [value_count] parameters and AdamW's moments */
    float *best;                    /* [value_count] the best parameters so far */
    size_t best_check;              /* which check found them, OA_NONE before the first */
    oa_train_record *records;       /* [step] */
    size_t record_capacity;
    oa_train_check *checks; /* [check_count] */
    size_t check_count;
    size_t check_capacity;
    double *measures; /* [check_count, family_count]: with samples the rise of the loss half way between the models,
                         else the squared distance of the aligned weights over that of the models as they are */
    size_t measure_capacity;
    size_t family_count;
} oa_train_state;

/* A zeroed state. OA_ERROR_MEMORY. */
oa_status oa_train_state_init(oa_train_state *state, size_t value_count, size_t family_count, oa_error *error);
void oa_train_state_free(oa_train_state *state);
/* Room for one more record or check. OA_ERROR_MEMORY. */
oa_status oa_train_state_grow(oa_train_state *state, oa_error *error);

/* The state as bytes, for machines of the same byte order. *bytes [*size] is the caller's (oa_free). OA_ERROR_MEMORY.
 * O(state). */
oa_status oa_train_state_write(unsigned char **bytes, size_t *size, const oa_train_state *state, oa_error *error);
/* The reverse; free with oa_train_state_free. OA_ERROR_INPUT for anything that oa_train_state_write has not written. */
oa_status oa_train_state_read(oa_train_state *state, const unsigned char *bytes, size_t size, oa_error *error);

#endif
