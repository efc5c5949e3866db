/* The command line of compare-methods. */
#ifndef OA_TOOLS_COMPARE_OPTIONS_H
#define OA_TOOLS_COMPARE_OPTIONS_H

#include "plugin/cli/options.h"

enum { OA_COMPARE_METHODS_MAX = 32 };

/* A method: what the command line of onnx-align would make of it. */
typedef struct oa_compare_method {
    const char *text; /* as given: "deep-align:FILE+sinkhorn" */
    char *chain;      /* without the file; owned */
    char *aligner;    /* the file, or NULL; owned */
    oa_options options;
} oa_compare_method;

typedef struct oa_compare_options {
    const char **folders; /* [folder_count]; owned list */
    size_t folder_count;
    oa_compare_method methods[OA_COMPARE_METHODS_MAX];
    size_t method_count;
    const char *data, *labels;             /* to judge on */
    const char *match_data, *match_labels; /* for methods that run the models */
    const char *images;                    /* folder of Fashion-MNIST, for networks of images */
    const char *results;                   /* file to append to, or NULL */
    const char *iterations, *rate, *seed;  /* passed on to the methods, or NULL */
    size_t pairs;                          /* of each folder, at most; 0: all */
    size_t first;                          /* pair to begin with */
    size_t points, samples, match_samples, threads;
    bool is_side_by_side;  /* as many pairs as threads are matched at a time, each on one */
    bool repairs;          /* what lies between the ends, on the samples for matching */
    bool follows_distance; /* of the weights: no samples for the methods */
    bool wants_help;
} oa_compare_options;

/* Reads the arguments. Strings are borrowed from argv. OA_ERROR_USAGE, OA_ERROR_MEMORY. Free in any case. */
oa_status oa_compare_options_read(oa_compare_options *options, int argc, char **argv, oa_error *error);
void oa_compare_options_free(oa_compare_options *options);

const char *oa_compare_help(void);

#endif
