/* The auction: free rows bid for columns. */
#ifndef OA_ASSIGN_AUCTION_H
#define OA_ASSIGN_AUCTION_H

#include "core/assign/state.h"

#include <stdbool.h>

/* Lets free rows bid until all have a column or `budget` units of work are spent; true when all have. A bid takes the
 * cheapest column of the row, lowers its price until the column is dearer by `epsilon` than the row's second choice,
 * and displaces the row that held it, which bids next. Afterwards every row with a column holds one whose reduced cost
 * is within epsilon of the row's lowest.
 *
 * epsilon  >= 0. With 0 this is the augmenting row reduction of Jonker and Volgenant: exact, but a row whose two
 * cheapest columns cost the same and are both taken stays free.
 *
 * Source: Bertsekas (1988), "The auction algorithm", Annals of Operations Research 14, doi 10.1007/BF02186476.
 * Deviation: the second choice may be the bound of the candidate list, which lowers the price by less. */
bool oa_assign_auction(oa_assign_state *state, double epsilon, size_t budget);

#endif
