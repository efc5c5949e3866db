/* What training leaves beside the aligner: the course of its losses as a table and a picture, and a summary. */
#ifndef OA_CLI_TRAIN_REPORT_H
#define OA_CLI_TRAIN_REPORT_H

#include "core/learn/train.h"
#include "plugin/cli/options.h"
#include "plugin/cli/train_set.h"

/* A CSV table: a line a step with its family and losses, the score of a check where one was made after it. */
oa_status oa_train_table_save(const char *path, const oa_train_state *state, oa_error *error);

/* An SVG picture: the three losses over the steps, smoothed, and the scores of the checks. */
oa_status oa_train_picture_save(const char *path, const oa_train_state *state, oa_error *error);

typedef struct oa_train_summary {
    const oa_train_set *set;
    const oa_aligner *aligner;
    const oa_train_state *state;
    const double *naive; /* [families] */
    size_t steps;        /* asked for */
    size_t resumed_at;   /* the step from which a checkpoint went on, 0: none */
    double seconds;
} oa_train_summary;

/* Prints the outcome: text or JSON. */
oa_status oa_train_print(const oa_options *options, const oa_train_summary *summary, oa_error *error);

#endif
