/* What the matchers that follow gradients take and tell: match_sinkhorn.h, match_ste.h. */
#ifndef OA_SOFT_SETTINGS_H
#define OA_SOFT_SETTINGS_H

#include "core/exec/samples.h"
#include "core/match/scores.h"

#include <stdint.h>

typedef struct oa_soft_settings {
    size_t iterations; /* steps of Adam */
    double rate;       /* its step size */
    uint64_t seed;
    size_t judged_every; /* steps between two looks at the hard permutations of the moment */
    bool continues;      /* the permutations given are another method's answer: start from them */
    size_t threads;      /* for groups beside one another; 1: none. The BLAS has its own (core/linalg/blas.h) */

    /* The loss on samples: from their targets, or without any from what the two models say themselves (teach.h). */
    const oa_samples *samples; /* NULL: the distance of the weights */
    size_t batch;
    size_t samples_max; /* kept in memory */
    bool at_midpoint;   /* lambda is 1/2 and not random */

    /* Sinkhorn only. */
    double temperature;
    size_t sinkhorn_iterations;
    const oa_match_scores *scores; /* when continuing: what the other method knew beside its answer; NULL: nothing */
    /* When continuing: how far, on average, the start's units are ahead of their rows' means in the scores of the first
     * step, without settings->scores and with them. The further, the longer it takes to leave the start; scores tell
     * what to leave it for, so that they may be further ahead (docs/deep-align.md has the measurements). */
    double lead, scored_lead;

    void (*progress)(void *context, size_t done, size_t total); /* may be NULL */
    void *progress_context;
    /* The objective of the soft step and of the hard permutations of the moment, for plots; may be NULL. */
    void (*trace)(void *context, size_t iteration, double soft, double hard);
    void *trace_context;
} oa_soft_settings;

typedef struct oa_soft_info {
    size_t iterations;
    double start;          /* the objective of the permutations given */
    double best;           /* of the result; never above `start` */
    size_t best_iteration; /* after how many steps; 0: the start itself */
} oa_soft_info;

#endif
