/* Saying where two graphs part. */
#ifndef OA_IR_DIFFERENCE_H
#define OA_IR_DIFFERENCE_H

#include "core/ir/structure.h"

/* Two graphs; [0] is the first. Borrowed. */
typedef struct oa_two_graphs {
    const oa_graph *graph[2];
    const oa_structure *structure[2];
} oa_two_graphs;

/* Two things, one of each graph, that do not fit together. */
typedef struct oa_misfit {
    size_t value[2];  /* or OA_NONE: there is nothing */
    size_t reader[2]; /* the nodes that read them, or OA_NONE: they are outputs of the graphs */
    const char *how;  /* "" when the things themselves say it */
} oa_misfit;

/* How two constants that should be in the same place differ, or NULL: shape, type, content unless both are floats. */
const char *oa_constants_differ(const oa_tensor *a, const oa_tensor *b);

/* Records OA_ERROR_ARCHITECTURE and returns it. A walk from the outputs meets late nodes first, so what it found is
 * only named when there is nothing earlier: otherwise the first nodes in order of execution that are like none of the
 * other graph. O(nodes log nodes); without memory for that, the misfit is named. */
oa_status oa_graphs_differ(const oa_two_graphs *two, const oa_misfit *misfit, oa_error *error);

#endif
