/* What a kind of encoder provides behind core/learn/aligner.h. */
#ifndef OA_LEARN_ENCODER_KIND_H
#define OA_LEARN_ENCODER_KIND_H

#include "core/learn/aligner.h"

/* Plans and packed models begin with these, so that aligner.c finds the kind. */
struct oa_aligner_plan {
    const struct oa_encoder_functions *functions;
    oa_aligner_config config;
    const oa_layout *layout;
    const oa_graph *graph;
};

struct oa_packed {
    const struct oa_encoder_functions *functions;
    size_t bytes;
};

typedef struct oa_encoder_functions {
    oa_status (*plan_create)(oa_aligner_plan **plan, const oa_aligner_config *config, const oa_layout *layout,
                             const oa_graph *graph, oa_error *error);
    void (*plan_destroy)(oa_aligner_plan *plan);
    /* Writes the parameters' names, shapes and starts (offsets are filled in afterwards) and returns how many there
     * are; parameters NULL: only counts. plan may be NULL where the kind does not need it. */
    size_t (*parameters)(oa_parameter *parameters, const oa_aligner_config *config, const oa_aligner_plan *plan);
    oa_status (*pack)(oa_packed **packed, const oa_aligner_plan *plan, const float *const *weights, oa_error *error);
    void (*packed_destroy)(oa_packed *packed);
    void (*encode)(oa_var *features, oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                   const oa_packed *const *models, size_t model_count);
    oa_var (*scores)(oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                     const oa_packed *const *models, const oa_var *features, size_t group, size_t a, size_t b);
    /* NULL: the scores are as they are. */
    void (*refine)(oa_var *scores, oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                   const oa_packed *const *models, size_t a, size_t b);
} oa_encoder_functions;

extern const oa_encoder_functions oa_encoder_messages; /* messages.c */
extern const oa_encoder_functions oa_encoder_dws;      /* dws.c */

#endif
