/* What `train` is told to train on, before any model is read. */
#ifndef OA_CLI_TRAIN_SOURCES_H
#define OA_CLI_TRAIN_SOURCES_H

#include "plugin/cli/options.h"

/* Models that belong together, with their data. Strings are owned. */
typedef struct oa_train_source {
    char **paths; /* [path_count] files, and folders of .onnx files */
    size_t path_count;
    char *data;   /* NULL: none */
    char *labels; /* NULL: none */
    oa_loss_kind loss;
    bool is_paired; /* only files that follow each other, first and second, third and fourth, may be paired */
    double weight;  /* how often they are trained on */
} oa_train_source;

typedef struct oa_train_sources {
    oa_train_source *list;
    size_t count;
    size_t capacity;
} oa_train_sources;

/* From the command line: one source, or those of the file that --families names, a JSON list of
 *
 *     {"models": [path, ...], "data": path, "labels": path, "loss": "cross-entropy" | "mse",
 *      "pairs": "any" | "consecutive", "weight": number}
 *
 * of which only models is required; relative paths start at the file's folder. OA_ERROR_INPUT, naming file, entry and
 * key; OA_ERROR_MEMORY. On failure *sources is untouched. */
oa_status oa_train_sources_read(oa_train_sources *sources, const oa_options *options, oa_error *error);
void oa_train_sources_free(oa_train_sources *sources);

#endif
