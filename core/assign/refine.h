/* Prices for a partial assignment that is nearly optimal. */
#ifndef OA_ASSIGN_REFINE_H
#define OA_ASSIGN_REFINE_H

#include "core/assign/state.h"

/* Lowers prices until every row that has a column holds a cheapest one, without moving any row, or until `budget` units
 * of work are spent. The first is possible just when no exchange among the held columns gains anything. An auction
 * leaves rows within epsilon of their cheapest column; where its assignment is optimal nevertheless, which is common
 * among equal or nearly equal rows, this finds the prices that show it, and the path searches have nothing to do.
 *
 * The queue-ordered label-correcting method for shortest paths (Bellman and Ford) in the graph whose nodes are the held
 * columns, with the role that Goldberg (1997), "An efficient implementation of a scaling minimum-cost flow algorithm",
 * Journal of Algorithms 22, doi 10.1006/jagm.1995.0805, gives to price refinement. Deviation: a budget instead of the
 * detection of negative cycles. */
void oa_assign_refine(oa_assign_state *state, size_t budget);

#endif
