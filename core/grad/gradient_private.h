/* What preparing and running a gradient share. */
#ifndef OA_GRAD_GRADIENT_PRIVATE_H
#define OA_GRAD_GRADIENT_PRIVATE_H

#include "core/grad/backward.h"
#include "core/grad/gradient.h"
#include "core/grad/table.h"

struct oa_gradient {
    const oa_graph *graph;
    oa_gradient_settings settings;
    oa_executor *executor;
    const oa_backward_row **rows;     /* [live_count]; NULL for nodes that the gradient does not pass */
    bool *keeps;                      /* [value_count] what the backward pass reads */
    bool *is_wanted;                  /* [tensor_count] */
    oa_gradient_slot *slots;          /* [value_count] */
    oa_batch_statistics **statistics; /* [live_count]; of nodes that normalise by the batch, else NULL */
    oa_payloads weights;              /* borrowed, of the run */
};

#endif
