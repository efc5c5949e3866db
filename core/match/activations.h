/* Matching by what units do on data. */
#ifndef OA_MATCH_ACTIVATIONS_H
#define OA_MATCH_ACTIVATIONS_H

#include "core/exec/engine.h"
#include "core/exec/samples.h"
#include "core/match/match.h"

typedef struct oa_activation_settings {
    bool uses_covariance;    /* covariance instead of correlation: strong units then count more */
    bool continues;          /* the permutations given are another method's answer */
    size_t batch;            /* most samples that are run at a time, at least 1 */
    const oa_engine *engine; /* what runs the models; NULL: the built-in executor */
    void (*progress)(void *context, size_t done, size_t total); /* may be NULL; called after every batch */
    void *progress_context;
} oa_activation_settings;

typedef struct oa_activation_info {
    size_t samples;   /* that were run */
    size_t passes;    /* over them: 1, and more where groups show only beside others (attention heads) */
    size_t matched;   /* groups */
    size_t unmatched; /* groups that no activation shows by themselves: they are matched by weights beside the others */
    size_t dead;      /* units of matched groups that do nothing on this data: they stay as far as they can */
    double before; /* mean correlation (covariance) of units that belong together, under the permutations given ... */
    double after;  /* ... and found */
} oa_activation_info;

oa_activation_settings oa_activation_settings_default(void);

/* Activation matching: runs both models on the data and assigns to each unit of a the unit of b whose activation goes
 * along with its own (Ainsworth, Hayase and Srinivasa, "Git Re-Basin", ICLR 2023, section 3.1; by correlation as in Li,
 * Yosinski, Clune, Lipson and Hopcroft, "Convergent learning", ICLR 2016). Exact for each group by itself: one linear
 * assignment, without iterations. Groups that no activation shows (inside loops and branches, say) are matched by
 * weights (match.h) while those that were found stay.
 *
 * permutations  in: what ties keep, and where those groups start from; out: b reordered by them is near a.
 * problem       with value_b.
 * data          samples of a's inputs; b's counterparts get the same. Floats become the types of the inputs.
 *
 * A unit is observed wherever a later operator sums over it: positions of an image, tokens and elements behind a
 * flatten are samples of it like those of the batch. Correlations of several such places (a residual stream) are added
 * up. Channels inside blocks (heads, convolution groups) are matched together with their blocks: the correlation of two
 * blocks is the best that their insides can do. Running moments are in double around a centre from the first batch, so
 * that the result hardly depends on the batch size. A model with a fixed batch runs on as many whole batches as there
 * are, or on one that is padded. Other batches are as large as the activations of both models fit into some 400 MiB.
 *
 * Errors: OA_ERROR_INPUT (data that do not fit, activations that are NaN or infinite, naming the value),
 * OA_ERROR_UNSUPPORTED (a model that the engine cannot run), OA_ERROR_MEMORY; the permutations are then untouched.
 * O(passes * (two runs + sum over carriers of samples * size^2) + sum over groups of size^3). Memory: size^2 doubles a
 * carrier, and all carriers of a, and of what the engine keeps of b, for one batch. */
oa_status oa_match_activations(oa_permutations *permutations, const oa_match_problem *problem, const oa_batches *data,
                               const oa_activation_settings *settings, oa_activation_info *info, oa_error *error);

#endif
