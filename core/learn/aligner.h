/* A learned aligner: an equivariant encoder of a model's weights, and scores between the units of two models.
 *
 * Navon, Shamsian, Fetaya, Chechik, Dym and Maron, "Equivariant Deep Weight Space Alignment", ICML 2024: F = projection
 * . outer product . encoder. The encoder gives every unit of every group a feature vector; units of two models are
 * scored by the inner products; the projection is Sinkhorn's in training and an assignment at inference. */
#ifndef OA_LEARN_ALIGNER_H
#define OA_LEARN_ALIGNER_H

#include "core/match/match.h"
#include "core/match/scores.h"
#include "core/tape/tape.h"

typedef enum oa_encoder_kind {
    OA_ENCODER_MESSAGES, /* messages between units (messages.h): any layout, parameters independent of the architecture
                          */
    OA_ENCODER_DWS       /* the paper's DWS layers (dws.h): one chain architecture */
} oa_encoder_kind;

typedef struct oa_aligner_config {
    oa_encoder_kind kind;
    size_t channels;    /* of a unit's features between rounds or layers */
    size_t rounds;      /* of messages, or hidden DWS layers */
    size_t features;    /* of a unit at the end */
    size_t refinements; /* times that scores are told of each other (messages) */
    size_t probes;      /* fixed random vectors for each axis that is not permuted (messages) */
    size_t inputs;      /* learned channels that such an axis is reduced to (DWS) */
    uint64_t probe_seed;
} oa_aligner_config;

oa_aligner_config oa_aligner_config_default(oa_encoder_kind kind);

/* A named matrix among the parameters. */
typedef struct oa_parameter {
    char name[48];
    size_t rows;
    size_t columns;
    size_t offset;   /* into the flat vector */
    float deviation; /* of the normal distribution it starts from; 0: all elements start at `start` */
    float start;
    bool decays;  /* weight decay applies */
    bool is_fast; /* a lone factor or exponent: it may have far to go, and takes longer steps */
} oa_parameter;

typedef struct oa_aligner {
    oa_aligner_config config;
    oa_parameter *parameters;
    size_t parameter_count;
    float *values; /* [value_count], all parameters one after the other */
    size_t value_count;
} oa_aligner;

typedef struct oa_aligner_plan oa_aligner_plan; /* what an architecture's layout means to an encoder */
typedef struct oa_packed oa_packed;             /* a model's weights as the encoder wants them */

/* A plan for all models with this layout; layout and graph must outlive it. OA_ERROR_UNSUPPORTED, with the reason, for
 * an architecture that the kind of encoder cannot take (never for messages); OA_ERROR_MEMORY. O(weights). */
oa_status oa_aligner_plan_create(oa_aligner_plan **plan, const oa_aligner_config *config, const oa_layout *layout,
                                 const oa_graph *graph, oa_error *error);
void oa_aligner_plan_destroy(oa_aligner_plan *plan);

/* A new aligner with random parameters. The plan matters only to kinds whose parameters depend on the architecture. */
oa_status oa_aligner_create(oa_aligner **aligner, const oa_aligner_config *config, const oa_aligner_plan *plan,
                            uint64_t seed, oa_error *error);
void oa_aligner_destroy(oa_aligner *aligner);

/* weights [tensor_count of the plan's graph]: float32 payloads in the graph's order; NULL for constants that are
 * neither float nor in a group. They are read during the call only. OA_ERROR_MEMORY. O(weights * probes). */
oa_status oa_packed_create(oa_packed **packed, const oa_aligner_plan *plan, const float *const *weights,
                           oa_error *error);
void oa_packed_destroy(oa_packed *packed);
size_t oa_packed_bytes(const oa_packed *packed);

/* The parameters as leaves of a tape, once a tape and step. */
typedef struct oa_aligner_leaves {
    const oa_aligner *aligner;
    oa_var *of; /* [parameter_count] */
} oa_aligner_leaves;

/* gradient [value_count] is added to by the backward pass; NULL: inference. OA_ERROR_MEMORY. */
oa_status oa_aligner_leaves_init(oa_aligner_leaves *leaves, oa_tape *tape, const oa_aligner *aligner, float *gradient,
                                 oa_error *error);
void oa_aligner_leaves_free(oa_aligner_leaves *leaves);

/* features[g] [models * size of g, config.features], rows of norm 1: model m's units are rows m * size and following.
 * Equivariant: reordering a model's units reorders the rows. Errors stick to the tape. */
void oa_aligner_encode(oa_var *features, oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                       const oa_packed *const *models, size_t model_count);

/* The scores [size, size] of group g between models `a` (rows) and `b` (columns) of those encoded. */
oa_var oa_aligner_scores(oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                         const oa_packed *const *models, const oa_var *features, size_t group, size_t a, size_t b);

/* The scores of all groups [group_count] between models `a` and `b`: those above, then told of each other as often as
 * config.refinements says (messages_refine.c). Transposed when the models are exchanged, as those above are. */
void oa_aligner_refined_scores(oa_var *scores, oa_tape *tape, const oa_aligner_leaves *leaves,
                               const oa_aligner_plan *plan, const oa_packed *const *models, const oa_var *features,
                               size_t a, size_t b);

/* Aligns: one forward pass and one assignment a group. Outputs: permutations, and the scores that were assigned by,
 * which the caller has made for the layout (NULL: not wanted). Both models are encoded at a time on two threads, and
 * groups assigned beside one another, when `threads` allows; the BLAS must then be set to one. The answer is the same
 * on any number. Constants of any float dtype. Errors as above, OA_ERROR_INPUT for weights that are not finite; outputs
 * are then untouched but for the scores. */
oa_status oa_match_deep_align(oa_permutations *permutations, oa_match_scores *scores, const oa_aligner *aligner,
                              const oa_match_problem *problem, size_t threads, oa_error *error);

#endif
