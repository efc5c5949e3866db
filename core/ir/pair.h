/* Pairing two graphs of one architecture along their structure. */
#ifndef OA_IR_PAIR_H
#define OA_IR_PAIR_H

#include "core/ir/graph.h"

typedef struct oa_pairing {
    size_t *tensor_b; /* [a->tensor_count] the constant of b in the place of each of a, OA_NONE for unused ones */
    size_t *input_b;  /* [a->input_count] position among b->inputs, OA_NONE when no output depends on it */
    size_t *value_b; /* [a->value_count] the value of b in the place of each of a, OA_NONE when no output depends on it;
                        what Identity passes on stands for what it passed on */
    size_t tensor_count;
} oa_pairing;

/* Walks both graphs from their outputs to their inputs in step. Names, node order, operator-set versions, weights as
 * initializers or Constant nodes, the operand order of commutative operators, attributes at their default or moved to
 * an input, Identity and inference-time Dropout make no difference. Float constants need the same shape, all others the
 * same content, as do those that stand for attributes; one equal to several others may be shared. Values that subgraphs
 * capture are compared like inputs.
 *
 * OA_ERROR_ARCHITECTURE names the first node, in order of execution, at which the graphs differ, on both sides, and
 * how. Also OA_ERROR_MEMORY. On failure *pairing is untouched. O(edges + bytes of non-float constants). */
oa_status oa_pair_graphs(oa_pairing *pairing, const oa_graph *a, const oa_graph *b, oa_error *error);
void oa_pairing_free(oa_pairing *pairing);

/* Do two nodes of the same operator mean the same by their attributes? On a difference `*name` is the attribute's name.
 * Exposed for tests. */
bool oa_nodes_agree(const char **name, const oa_graph *graph_a, const oa_node *a, const oa_graph *graph_b,
                    const oa_node *b);
/* The attribute that an input slot of this operator stands for in older operator sets, or NULL. */
const char *oa_slot_attribute(const oa_node *node, size_t slot);

#endif
