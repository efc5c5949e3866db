/* Two models encoded on a tape. */
#ifndef OA_TESTS_LEARN_ENCODED_H
#define OA_TESTS_LEARN_ENCODED_H

#include "core/learn/aligner.h"

/* All float constants of a graph as float32, reordered when payloads are given (may be NULL); [tensor_count]. */
float **weights_of(const oa_graph *graph, const oa_payloads *payloads);
void free_weights(float **weights, const oa_graph *graph);

typedef struct encoded {
    oa_aligner_plan *plan;
    oa_aligner *aligner;
    oa_aligner_leaves leaves;
    oa_packed *packed[2];
    oa_tape *tape;
    oa_var *features; /* [group_count] */
} encoded;

/* A new aligner from `seed`, and the features of both models. Fails the test where anything fails. */
void encoded_create(encoded *e, const oa_aligner_config *config, const oa_layout *layout, const oa_graph *graph,
                    uint64_t seed, float **first, float **second);
/* Once more, with the parameters that the aligner has now; `gradient` as for oa_aligner_leaves_init. */
void encoded_again(encoded *e, float *gradient);
/* The scores of all groups between two of the models, told of each other. */
void encoded_refined(oa_var *scores, const encoded *e, size_t a, size_t b);
oa_var encoded_scores(const encoded *e, size_t group, size_t a, size_t b);
void encoded_free(encoded *e);

/* Encodes a model and its reordered copy (permutations from `seed`): fails the test unless the features are the
 * reordered ones, within `tolerance`, and scores, refined ones too, transpose with the order of the models. */
void check_reordering(const oa_graph *graph, const oa_layout *layout, const oa_aligner_config *config, uint64_t seed,
                      double tolerance);

#endif
