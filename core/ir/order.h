/* Sorting the nodes of a graph or of a body, and copying them into the graph's arena. Private to this folder. */
#ifndef OA_IR_ORDER_H
#define OA_IR_ORDER_H

#include "core/ir/graph.h"

/* The nodes of one level, in any order, with the values that are wanted of it. A view: owns nothing. */
typedef struct oa_node_list {
    const oa_node *nodes;
    size_t count;
    size_t body; /* that they are of, or OA_NONE */
    const size_t *outputs;
    size_t output_count;
} oa_node_list;

/* Zero-initialise; free with oa_node_order_free, also after a failure. */
typedef struct oa_node_order {
    size_t *position;  /* [nodes] place of each in the order: those that an output depends on come first */
    size_t live_count; /* of these */
} oa_node_order;

/* A topological order that does not depend on the given one. OA_ERROR_INPUT: a cycle, or, in the graph itself, a value
 * that nothing produces. Also OA_ERROR_MEMORY. O(edges). */
oa_status oa_order_nodes(oa_node_order *order, const oa_graph *graph, const oa_node_list *list, oa_error *error);
void oa_node_order_free(oa_node_order *order);

/* Copies a node with its lists into the arena; strings and what attributes point at are borrowed. False when memory
 * runs out. */
bool oa_list_copy(size_t **copy, oa_graph *graph, const size_t *list, size_t count);
bool oa_node_copy(oa_node *copy, oa_graph *graph, const oa_node *node);

#endif
