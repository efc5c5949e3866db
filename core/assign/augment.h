/* Shortest augmenting paths: the exact part of the solver. */
#ifndef OA_ASSIGN_AUGMENT_H
#define OA_ASSIGN_AUGMENT_H

#include "core/assign/state.h"

#include <stdbool.h>

/* Gives a column to free rows, one after the other, each along the shortest alternating path to a column without a row,
 * until none is free or `budget` units of work are spent (checked between paths); true when none is free. Every row
 * that has a column must hold a cheapest one, and does afterwards.
 *
 * O(n^2 log n) a path in the worst case, a small part of that as a rule: of the rows that a path search reaches, only
 * the candidate list is read at first; the rest of the row waits in the queue under the list's bound, and is read only
 * if the search gets that far.
 *
 * Source: Jonker and Volgenant (1987), "A shortest augmenting path algorithm for dense and sparse linear assignment
 * problems", Computing 38, doi 10.1007/BF02278710, without their initialisation. Deviations: a heap, and the deferred
 * reading of rows. */
bool oa_assign_augment(oa_assign_state *state, size_t budget);

#endif
