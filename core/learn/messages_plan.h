/* The plan of the messages encoder; messages_plan.c. */
#ifndef OA_LEARN_MESSAGES_PLAN_H
#define OA_LEARN_MESSAGES_PLAN_H

#include "core/learn/messages.h"

oa_status oa_messages_plan_create(oa_aligner_plan **plan, const oa_aligner_config *config, const oa_layout *layout,
                                  const oa_graph *graph, oa_error *error);
void oa_messages_plan_destroy(oa_aligner_plan *plan);

/* How much one kind of weights counts when units are compared by them: exp(factor) share^of_share size^of_size, where
 * share is theirs of the sum of squares of all weights of the units, and size how many of them a unit has. */
enum { OA_WEIGHING_FACTOR, OA_WEIGHING_SHARE, OA_WEIGHING_SIZE, OA_WEIGHING_PARAMETERS };

/* The factor [1, 1] from OA_WEIGHING_PARAMETERS parameters. */
oa_var oa_weigh(oa_tape *tape, const oa_var *parameters, double share, size_t size);

/* Weights that energy counts: a relation, or raw weights and numbers of a group's side. */
size_t oa_energy_of_raw(const oa_message_plan *plan, size_t group, size_t side);
size_t oa_energy_of_numbers(const oa_message_plan *plan, size_t group, size_t side);

/* Of one refinement: two weighings, of tensors that compute units and of those that take them in, and the logarithm of
 * what scores are multiplied with to become soft permutations. */
enum { OA_REFINE_SHARPNESS = 2 * OA_WEIGHING_PARAMETERS, OA_REFINE_PARAMETERS };

/* What part of the weights of a group's units, in both models, is entry `which` of energy. */
double oa_energy_share(const oa_message_plan *plan, const oa_packed_messages *a, const oa_packed_messages *b,
                       size_t group, size_t which);

/* Replaces the scores [group_count] between models a and b by what they become when they are told of each other:
 * config.refinements times, each with OA_REFINE_PARAMETERS parameters [1, 1] on the tape. Errors stick to the tape. */
void oa_messages_refine(oa_var *scores, oa_tape *tape, const oa_aligner_plan *plan, const oa_packed *const *models,
                        const oa_var *parameters, size_t a, size_t b);

#endif
