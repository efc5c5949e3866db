/* The operations of a tape as a table: how to draw a random case of each, how to record it, and what it has to compute,
 * written a second time in double precision, element by element. */
#ifndef OA_TESTS_TAPE_OPERATIONS_H
#define OA_TESTS_TAPE_OPERATIONS_H

#include "core/base/random.h"
#include "core/tape/tape.h"

enum { TRIAL_INPUTS_MAX = 4, TRIAL_MODELS_MAX = 3, TRIAL_ROWS_MAX = 64 };

/* One case of one operation; operations read what they need of it. */
typedef struct trial {
    size_t input_count;
    size_t rows[TRIAL_INPUTS_MAX];
    size_t columns[TRIAL_INPUTS_MAX];
    size_t out_rows;
    size_t out_columns;
    size_t models;
    size_t n, k;   /* of the constant matrices */
    size_t number; /* of taps, times, the first row, or iterations */
    bool transpose[2];
    bool has_factors;
    float scale;
    float factors[TRIAL_INPUTS_MAX];
    float constants[TRIAL_MODELS_MAX * 256]; /* matrices [models, n, k], or signs [taps, columns] */
    size_t target[TRIAL_ROWS_MAX];
} trial;

typedef struct operation {
    const char *name;
    void (*draw)(trial *t, oa_random *random); /* t is zeroed */
    oa_var (*record)(oa_tape *tape, const oa_var *inputs, const trial *t);
    void (*compute)(double *out, const double *const *in, const trial *t);
    double tolerance; /* of float32 results and gradients, over 1 + the largest */
} operation;

extern const operation OPERATIONS[];
extern const size_t OPERATION_COUNT;

#endif
