#include "core/assign/auction.h"

#include "core/assign/candidates.h"

typedef enum bid_result { BID_SETTLED, BID_DISPLACED, BID_STUCK } bid_result;

/* One bid of `row`, which is free. When it displaces another row, that one is in *displaced. */
static bid_result bid(uint32_t *displaced, oa_assign_state *state, uint32_t row, double epsilon)
{
    oa_assign_best best = oa_assign_cheapest(state, row);
    double *price = &state->price[best.column];
    double lowered = *price - (best.second - best.lowest) - epsilon;
    uint32_t column = best.column;
    double cost = best.cost;
    if (lowered < *price) {
        *price = lowered;
    } else if (state->row_of[column] != OA_ASSIGN_NONE) {
        /* A tie, or an epsilon below the resolution of the price: to displace would go round in circles. */
        column = oa_assign_unheld(&cost, state, row, best.lowest);
        if (column == OA_ASSIGN_NONE) {
            return BID_STUCK;
        }
    }
    *displaced = oa_assign_hold(state, row, column, cost);
    return *displaced == OA_ASSIGN_NONE ? BID_SETTLED : BID_DISPLACED;
}

bool oa_assign_auction(oa_assign_state *state, double epsilon, size_t budget)
{
    size_t start = state->work;
    size_t set_aside = 0;
    while (state->free_count > 0) {
        uint32_t row = state->free_rows[--state->free_count];
        bid_result result = BID_DISPLACED;
        while (result == BID_DISPLACED && state->work - start < budget) {
            uint32_t displaced = OA_ASSIGN_NONE;
            result = bid(&displaced, state, row, epsilon);
            if (result == BID_DISPLACED) {
                row = displaced;
            }
        }
        if (result != BID_SETTLED) {
            state->set_aside[set_aside++] = row;
        }
    }
    for (size_t k = set_aside; k-- > 0;) {
        state->free_rows[state->free_count++] = state->set_aside[k];
    }
    return set_aside == 0;
}
