/* Candidate lists: for every row a few columns of low reduced cost, and a bound on all others.
 *
 * Almost everything that an assignment algorithm asks of a row concerns its cheapest few columns. Reading those from a
 * short list costs tens of nanoseconds, reading the row costs microseconds once the matrix is larger than the cache.
 * Because prices only fall, a list stays usable after prices have changed: the reduced costs of its columns are
 * computed from the current prices, and those of all other columns are still no lower than the bound that was stored
 * with it. A list is rebuilt from the whole row only when the answer may lie beyond that bound. */
#ifndef OA_ASSIGN_CANDIDATES_H
#define OA_ASSIGN_CANDIDATES_H

#include "core/assign/state.h"

/* The cheapest column of a row. */
typedef struct oa_assign_best {
    uint32_t column; /* the cheapest */
    double cost;     /* of that cell */
    double lowest;   /* its reduced cost */
    double second;   /* a lower bound on the reduced cost of all other columns; >= lowest */
} oa_assign_best;

/* Rebuilds the list of a row from the whole row and leaves the row's reduced costs in state->reduced. Among columns of
 * equal reduced cost that do not all fit, those without a row come first, counted from column `row` on so that equal
 * rows do not all list the same ones. O(n), with O(n) extra for rows full of ties. */
void oa_assign_refresh(oa_assign_state *state, uint32_t row);

/* The cheapest column of a row by the current prices, from its list where that is certain. O(list), O(n) for a refresh.
 */
oa_assign_best oa_assign_cheapest(oa_assign_state *state, uint32_t row);

/* A column without a row whose reduced cost in `row` is at most `limit`, the lowest of the row, or OA_ASSIGN_NONE; with
 * a column, *cost is the cost of its cell. O(list), O(n) for a refresh. */
uint32_t oa_assign_unheld(double *cost, oa_assign_state *state, uint32_t row, double limit);

/* How far the reduced costs in the list of a row are apart: the bound, or the highest when the list is the row, minus
 * the lowest. O(list). */
double oa_assign_list_spread(const oa_assign_state *state, uint32_t row);

#endif
