/* What the nodes and values of a graph are computed from, as numbers that can be compared between graphs. */
#ifndef OA_IR_STRUCTURE_H
#define OA_IR_STRUCTURE_H

#include "core/ir/graph.h"

/* Zero-initialise; free with oa_structure_free. */
typedef struct oa_structure {
    size_t *real; /* [value_count] the value itself, or the one behind the Identity and Dropout nodes before it */
    size_t *uses; /* [value_count] how often live nodes and outputs read the value, looking through those nodes */
    uint64_t *value_hash; /* [value_count] */
    uint64_t *node_hash;  /* [live_count] */
} oa_structure;

/* Computes all of it for a finished graph. Hashes cover everything that oa_pair_graphs compares on the way from the
 * inputs to a node, and how often its weights are used, but nothing that makes no difference there; graph inputs count
 * by their position. OA_ERROR_MEMORY. O(edges + bytes of non-float constants). */
oa_status oa_structure_init(oa_structure *structure, const oa_graph *graph, oa_error *error);
void oa_structure_free(oa_structure *structure);

/* True for a node whose first output is its first input at inference: Identity, and Dropout unless it trains. O(1). */
bool oa_node_passes(const oa_graph *graph, const oa_node *node);

/* True for an operator of two operands whose order makes no difference. */
bool oa_node_commutes(const oa_node *node);

/* FNV-1a over some more bytes; start with OA_HASH_START. */
#define OA_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t oa_hash_bytes(uint64_t hash, const void *data, size_t size);
uint64_t oa_hash_text(uint64_t hash, const char *text); /* with its end, so that "a", "b" and "ab" differ */

#endif
