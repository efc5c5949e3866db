/* One pair of networks in a comparison: aligned by methods, measured along the line. */
#ifndef OA_TOOLS_COMPARE_PAIR_H
#define OA_TOOLS_COMPARE_PAIR_H

#include "core/check/curve.h"
#include "models/tools/compare_options.h"
#include "models/tools/compare_samples.h"
#include "plugin/cli/align.h"

/* What a method came to on a pair. */
typedef struct oa_compare_outcome {
    oa_permutations permutations;
    double seconds; /* of matching alone */
    double barrier, auc;
    double end_loss, middle_loss;         /* mean of both ends; halfway */
    double end_accuracy, middle_accuracy; /* 0 without classes */
    bool has_accuracy;
} oa_compare_outcome;

typedef struct oa_compare_pair {
    oa_align_run run;   /* models, pairing, layout */
    char *paths[2];     /* owned */
    oa_options options; /* the method's, with these models */
    const char *names[2];
    oa_compare_set test; /* of the pair's own signal; zeroed: the comparison's is used */
    oa_compare_outcome outcomes[OA_COMPARE_METHODS_MAX];
} oa_compare_pair;

/* Loads two networks and finds the layout. Takes over the paths (freed by oa_compare_pair_free, in any case). Errors as
 * oa_run_load and oa_run_find_layout. */
oa_status oa_compare_pair_load(oa_compare_pair *pair, char *a, char *b, const oa_compare_options *options,
                               oa_error *error);
void oa_compare_pair_free(oa_compare_pair *pair);

/* The aligner of a method that has one, for pairs like this; NULL for others. Owned by the caller. */
oa_status oa_compare_load_aligner(oa_aligner **aligner, oa_compare_pair *pair, const oa_compare_options *options,
                                  size_t method, oa_error *error);

/* Matches by one method; samples may be empty, the aligner is the method's. Several pairs may be matched at once. */
oa_status oa_compare_pair_match(oa_compare_pair *pair, const oa_compare_options *options, size_t method,
                                const oa_samples *samples, oa_aligner *aligner, oa_error *error);

/* Measures the line for one method, repaired on the samples for matching when that is asked for. Several methods and
 * pairs may be measured at once. */
oa_status oa_compare_pair_measure(oa_compare_pair *pair, const oa_compare_options *options, size_t method,
                                  const oa_compare_set *test, const oa_compare_set *match, oa_error *error);

#endif
