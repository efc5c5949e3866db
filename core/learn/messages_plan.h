/* The plan of the messages encoder; messages_plan.c. */
#ifndef OA_LEARN_MESSAGES_PLAN_H
#define OA_LEARN_MESSAGES_PLAN_H

#include "core/learn/messages.h"

oa_status oa_messages_plan_create(oa_aligner_plan **plan, const oa_aligner_config *config, const oa_layout *layout,
                                  const oa_graph *graph, oa_error *error);
void oa_messages_plan_destroy(oa_aligner_plan *plan);

/* Logarithms of how much tensors that compute units and those that take them in count, and of what scores are
 * multiplied with to become soft permutations. */
enum { OA_REFINE_IN, OA_REFINE_OUT, OA_REFINE_SHARPNESS, OA_REFINE_PARAMETERS };

/* Replaces the scores [group_count] between models a and b by what they become when they are told of each other:
 * config.refinements times, each with OA_REFINE_PARAMETERS parameters [1, 1] on the tape. Errors stick to the tape. */
void oa_messages_refine(oa_var *scores, oa_tape *tape, const oa_aligner_plan *plan, const oa_packed *const *models,
                        const oa_var *parameters, size_t a, size_t b);

#endif
