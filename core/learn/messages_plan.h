/* The plan of the messages encoder; messages_plan.c. */
#ifndef OA_LEARN_MESSAGES_PLAN_H
#define OA_LEARN_MESSAGES_PLAN_H

#include "core/learn/messages.h"

oa_status oa_messages_plan_create(oa_aligner_plan **plan, const oa_aligner_config *config, const oa_layout *layout,
                                  const oa_graph *graph, oa_error *error);
void oa_messages_plan_destroy(oa_aligner_plan *plan);

#endif
