/* The command line of train-family. */
#ifndef OA_TOOLS_TRAIN_OPTIONS_H
#define OA_TOOLS_TRAIN_OPTIONS_H

#include "models/tools/architecture.h"
#include "models/tools/exercise.h"

typedef struct oa_train_family_options {
    const char *architecture_text;
    oa_architecture architecture;
    oa_exercise_kind task;
    const char *data;   /* folder of Fashion-MNIST */
    const char *output; /* folder */
    size_t first;       /* number of the first network */
    size_t count;       /* networks; signals, each with two networks */
    size_t steps, batch, threads;
    size_t samples; /* training samples that are written as data */
    double rate;
    uint64_t seed;
    bool writes_data;
    bool wants_help;
} oa_train_family_options;

/* Reads the arguments; what is not given gets its default, steps and rate by the kind of architecture. Strings are
 * borrowed from argv. OA_ERROR_USAGE. */
oa_status oa_train_family_options_read(oa_train_family_options *options, int argc, char **argv, oa_error *error);

const char *oa_train_family_help(void);

#endif
