/* What the files of the trainer share. */
#ifndef OA_LEARN_TRAIN_PRIVATE_H
#define OA_LEARN_TRAIN_PRIVATE_H

#include "core/learn/store.h"
#include "core/learn/train.h"

/* The models of a family, split: entries are models, or pairs 2i, 2i + 1 where the family is paired. */
typedef struct oa_train_split {
    size_t *training; /* [training_count] entries */
    size_t training_count;
    size_t *checked; /* [checked_count][2] the models of each check */
    size_t checked_count;
} oa_train_split;

/* What one thread works with; made for a family when it first comes up. */
typedef struct oa_train_worker {
    oa_tape *tape;
    oa_objective **objectives;     /* [family_count] */
    struct oa_train_bench **bench; /* [family_count] for checks */
} oa_train_worker;

/* A pair's losses as the models are: at both ends and half way. */
typedef struct oa_train_reference {
    double ends;   /* mean of both */
    double middle; /* without aligning */
} oa_train_reference;

struct oa_trainer {
    oa_aligner *aligner;
    const oa_family *families;
    size_t family_count;
    oa_train_settings settings;
    oa_aligner_plan **plans;        /* [family_count] */
    oa_train_split *splits;         /* [family_count] */
    oa_train_reference **reference; /* [family_count][checked_count] */
    double *naive;                  /* [family_count] */
    double *unit; /* [family_count] what the score divides a measure by: naive, unless that is hardly a rise */
    oa_store *store;
    oa_train_worker *workers; /* [settings.threads] */
    oa_train_state state;
    /* The step at hand. */
    size_t family;
    size_t *models;            /* [2 * batch] and at least [2 * check_pairs] */
    uint64_t *seeds;           /* [batch] */
    float **gradients;         /* [batch][value_count] */
    oa_objective_terms *terms; /* [batch] */
    double *found;             /* [check_pairs] of a check */
};

/* A generator for one purpose: the same for the same three numbers. */
void oa_train_random(oa_random *random, uint64_t seed, uint64_t step, uint64_t purpose);

/* Losses of the pairs to check as they are, into trainer->reference and trainer->naive. */
oa_status oa_train_check_naive(oa_trainer *trainer, oa_error *error);
/* measures [family_count] of the aligner as it is. */
oa_status oa_train_check_run(double *measures, oa_trainer *trainer, oa_error *error);
void oa_train_bench_destroy(struct oa_train_bench *bench);

#endif
