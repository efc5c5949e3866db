/* Matching: which units of model B correspond to which of model A. */
#ifndef OA_MATCH_MATCH_H
#define OA_MATCH_MATCH_H

#include "core/ir/pair.h"
#include "core/symmetry/layout.h"

#include <stdint.h>

/* Two paired models and the layout of the first. Everything is borrowed. */
typedef struct oa_match_problem {
    const oa_layout *layout; /* of a */
    const oa_graph *a;
    const oa_graph *b;
    const size_t *tensor_b; /* [a->tensor_count] the constant of b that stands for each of a, or OA_NONE */
    const size_t *value_b;  /* [a->value_count] the same for values; NULL for methods that do not run the models */
    const size_t *input_b;  /* [a->input_count] the input of b in the place of each (OA_NONE: none); NULL: the same */
} oa_match_problem;

typedef struct oa_match_settings {
    uint64_t seed;
    size_t starts;     /* independent starts, the best result counts; at least 1 */
    size_t sweeps_max; /* of coordinate descent, a start */
    bool continues;    /* the permutations given are another method's answer: improve on them, no placing pass */
    const bool *held;  /* [groups] that stay as they are given, and with them what they lie in; NULL: none. What is
                          left then starts once, since the others tell where it belongs */
    void (*progress)(void *context, size_t done, size_t total); /* may be NULL; called between sweeps */
    void *progress_context;
} oa_match_settings;

typedef struct oa_match_info {
    size_t starts;
    size_t sweeps;              /* of the best start */
    double inner_product;       /* sum over weights that move of a . permuted b, of the best start */
    double worst_inner_product; /* of the worst start: the spread tells how much the start mattered */
} oa_match_info;

oa_match_settings oa_match_settings_default(void);

/* Weight matching: coordinate descent over the groups of the layout, each step an exact linear assignment (Ainsworth,
 * Hayase and Srinivasa, "Git Re-Basin", ICLR 2023, section 3.2, algorithm 1).
 *
 * permutations  in: where to start from; out: the best found. b reordered by them is near a.
 *
 * Deviations from the paper. The first start goes through the groups once, always to the one whose weights are to the
 * largest share already determined (fixed axes and groups done before), and lets it see only those weights; then sweeps
 * over all groups follow until none improves. The next starts go from random permutations in random order. A step is
 * taken only when the true objective rises, which matters where a group lies on two axes of one tensor and the
 * assignment is only a linearisation. Ties keep the old permutation. Statistics of batch normalisation move along but
 * do not count. Weights that are NaN or infinite: OA_ERROR_INPUT, naming the tensor. Also OA_ERROR_MEMORY. A sweep is
 * O(sum over groups of (weights of the group * size + size^3)). */
oa_status oa_match_weights(oa_permutations *permutations, const oa_match_problem *problem,
                           const oa_match_settings *settings, oa_match_info *info, oa_error *error);

/* Sum of squared differences between a's float parameters (statistics excluded) and b's, reordered (NULL: as they are).
 * OA_ERROR_MEMORY. O(parameters). */
oa_status oa_match_distance(double *distance, const oa_match_problem *problem, const oa_permutations *permutations,
                            oa_error *error);

/* OA_ERROR_INPUT, naming the tensor, when a used float constant of the graph holds NaN, or one that moves an infinity:
 * constants that do not move may be masks, where infinities are meant. O(parameters). */
oa_status oa_check_finite(const oa_graph *graph, const oa_layout *layout, const size_t *tensor_of, oa_error *error);

#endif
