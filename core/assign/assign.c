/* Exact linear assignment by shortest augmenting paths over candidate lists, with auctions to find good prices.
 *
 * The phases:
 *  1. Column prices start at zero, and every row gets its candidate list (candidates.h).
 *  2. An attempt at the exact solution: augmenting row reduction, then shortest augmenting paths for as long as
 *     these stay cheap. Random, tied and nearly solved problems end here.
 *  3. Otherwise auctions with falling epsilon. Profits of low rank, such as products of weight matrices, make path
 *     searches long because the prices are far from optimal. Scaling brings them near; each auction is followed by
 *     price refinement and row reduction, until few rows are left free.
 *  4. Shortest augmenting paths to the end. This alone makes the result exact: all before it chooses the prices that
 *     it starts from.
 *  5. Rows that roundings have left with a column that is not their cheapest are assigned again.
 *
 * Every phase but 4 works to a budget, so that the worst case is that of the path searches.
 *
 * Exactness: epsilons are powers of two and costs are scaled by one, so that for profits that are integers of moderate
 * size no operation rounds. For others there remain rounding errors of the size of those of the sums of profits.
 *
 * Measured on uniform costs, products of random matrices of inner dimension 4 to 1024, planted permutations, points in
 * the plane, few distinct integers, zero and repeated rows: see tests/bench/bench_assign.c. The budgets below are from
 * there; none needs to be precise.
 *
 * Sources: Jonker and Volgenant (1987), doi 10.1007/BF02278710, for row reduction and augmentation; Bertsekas (1988),
 * doi 10.1007/BF02186476, for the auction; Bertsekas and Eckstein (1988), "Dual coordinate step methods for linear
 * network flow problems", Mathematical Programming 42, doi 10.1007/BF01589405, for epsilon scaling; Guthe and Thuerck
 * (2021), "Algorithm 1015", ACM TOMS 47(2), doi 10.1145/3442348, for scaling prices ahead of augmentation. */
#include "core/assign/assign.h"

#include "core/assign/auction.h"
#include "core/assign/augment.h"
#include "core/assign/candidates.h"
#include "core/assign/previous.h"
#include "core/assign/refine.h"
#include "core/assign/state.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    /* Costs stay below 2^900: far enough from overflow for sums of them, and so high that profits which vanish beside
     * the largest are not rounded off as subnormal costs. The factor of subnormal profits has to stay a double. */
    COST_BITS = 900,
    LARGEST_SHIFT = 1000,

    LANES = 8, /* independent maxima, so that the compiler can keep them in vector registers */

    /* Work per row, in list scans. */
    REDUCTION_BUDGET = 4, /* of row reduction, whose returns diminish quickly */
    ATTEMPT_BUDGET = 24,  /* of the path searches of the attempt: about what scaling costs */
    AUCTION_BUDGET = 64,  /* of one auction; a first one that needs more had too small an epsilon */
    REFINE_BUDGET = 8,    /* of price refinement after an auction */

    /* Work in all: below it scaling does not pay, however hard the problem. */
    ATTEMPT_LEAST = 8192,

    /* How far the budget of an auction grows: hard problems are worth it, but price wars between equal rows are not,
     * and path searches end them. */
    AUCTION_GROWTH = 8,

    FIRST_SHIFT = 5,  /* the first epsilon is 2^-5 of the mean spread of a candidate list */
    UP_SHIFT = 4,     /* if it proves too small, it is raised by 2^4 */
    DOWN_SHIFT = 3,   /* each next one is 2^-3 of the one before */
    LAST_SHIFT = 24,  /* none follows one below 2^-24 of the spread */
    FEW_SHARE = 32,   /* the part of the rows that is few enough for the path searches */
    TIED_SHIFT = 20,  /* when all lists are ties, the spread is taken for 2^-20 of the largest cost */
    REPAIR_ROUNDS = 3 /* of assigning rows again that roundings have misplaced */
};

/* The largest absolute value of a finite profit, or NaN. */
static double scan_profit(const double *profit, size_t cells)
{
    double largest[LANES] = {0};
    double poison[LANES] = {0}; /* 0 * x is not 0 just when x is not finite */
    size_t k = 0;
    for (; k + LANES <= cells; k += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            double size = fabs(profit[k + lane]);
            largest[lane] = size > largest[lane] ? size : largest[lane];
            poison[lane] += 0.0 * size;
        }
    }
    for (; k < cells; k++) {
        double size = fabs(profit[k]);
        largest[0] = size > largest[0] ? size : largest[0];
        poison[0] += 0.0 * size;
    }
    double sum = poison[0];
    for (size_t lane = 1; lane < LANES; lane++) {
        largest[0] = largest[lane] > largest[0] ? largest[lane] : largest[0];
        sum += poison[lane];
    }
    return largest[0] + sum;
}

static oa_status refuse(const double *profit, size_t n, oa_error *error)
{
    size_t at = 0;
    while (isfinite(profit[at])) {
        at++;
    }
    return oa_fail(error, OA_ERROR_INPUT, "the profit of row %zu and column %zu is %s", at / n, at % n,
                   isnan(profit[at]) ? "not a number" : "infinite");
}

/* Chooses the scale, and refuses profits that are not finite. */
static oa_status choose_factor(oa_assign_state *state, oa_error *error)
{
    double largest = scan_profit(state->profit, state->n * state->n);
    if (!isfinite(largest)) {
        return refuse(state->profit, state->n, error);
    }
    int exponent = 0;
    (void)frexp(largest, &exponent);
    int shift = COST_BITS - exponent;
    state->factor = -ldexp(1.0, shift < LARGEST_SHIFT ? shift : LARGEST_SHIFT);
    return OA_OK;
}

/* The power of two at or below a positive value. */
static double binary_floor(double value)
{
    int exponent;
    (void)frexp(value, &exponent);
    return ldexp(1.0, exponent - 1);
}

/* Auctions with falling epsilon, until row reduction leaves few rows free. Afterwards every row that has a column holds
 * a cheapest one. */
static void scale(oa_assign_state *state, double spread)
{
    size_t n = state->n;
    size_t budget = AUCTION_BUDGET * n;
    double epsilon = ldexp(spread, -FIRST_SHIFT);
    /* An epsilon of the size of the largest cost settles at once; one that has underflowed would stay what it is. */
    while (!oa_assign_auction(state, epsilon, budget) && epsilon < ldexp(1.0, COST_BITS) && epsilon > 0.0) {
        epsilon = ldexp(epsilon, UP_SHIFT);
    }
    size_t largest_budget = AUCTION_GROWTH * budget;
    double last = ldexp(spread, -LAST_SHIFT);
    for (;;) {
        oa_assign_refine(state, REFINE_BUDGET * n);
        oa_assign_release(state);
        (void)oa_assign_auction(state, 0.0, REDUCTION_BUDGET * n);
        if (state->free_count <= n / FEW_SHARE || epsilon <= last) {
            return;
        }
        epsilon = ldexp(epsilon, -DOWN_SHIFT);
        while (!oa_assign_auction(state, epsilon, budget) && budget < largest_budget) {
            budget *= 2;
        }
    }
}

static void solve(oa_assign_state *state)
{
    size_t n = state->n;
    double spread = 0.0;
    for (size_t i = 0; i < n; i++) {
        oa_assign_refresh(state, (uint32_t)i);
        spread += oa_assign_list_spread(state, (uint32_t)i);
    }
    if (n == 1) { /* there is no second choice to bid against */
        (void)oa_assign_hold(state, 0, 0, oa_assign_cost(state, 0, 0));
        return;
    }
    spread /= (double)n;
    (void)oa_assign_auction(state, 0.0, REDUCTION_BUDGET * n);
    size_t budget = ATTEMPT_BUDGET * n;
    if (oa_assign_augment(state, budget > ATTEMPT_LEAST ? budget : ATTEMPT_LEAST)) {
        return;
    }
    scale(state, spread > 0.0 ? binary_floor(spread) : ldexp(1.0, COST_BITS - TIED_SHIFT));
    (void)oa_assign_augment(state, SIZE_MAX);
}

/* Searches accumulate roundings in the prices, which may leave a row with a column that is not quite its cheapest. */
static void repair(oa_assign_state *state)
{
    for (int round = 0; round < REPAIR_ROUNDS; round++) {
        oa_assign_release(state);
        if (state->free_count == 0) {
            return;
        }
        (void)oa_assign_augment(state, SIZE_MAX);
    }
}

static bool is_permutation(const size_t *permutation, uint32_t *seen, size_t n)
{
    memset(seen, 0, n * sizeof *seen);
    for (size_t i = 0; i < n; i++) {
        if (permutation[i] >= n || seen[permutation[i]]) {
            return false;
        }
        seen[permutation[i]] = 1;
    }
    return true;
}

oa_status oa_assign_maximise(size_t *permutation, const double *profit, size_t n, const size_t *previous,
                             double *row_price, double *column_price, oa_error *error)
{
    if (n == 0) {
        return OA_OK;
    }
    oa_assign_state state;
    oa_status status = oa_assign_state_init(&state, profit, n, error);
    if (status != OA_OK) {
        return status;
    }
    if (previous && !is_permutation(previous, state.chosen, n)) {
        status = oa_fail(error, OA_ERROR_INPUT, "the previous assignment of %zu rows is not a permutation", n);
        goto done;
    }
    status = choose_factor(&state, error);
    if (status != OA_OK) {
        goto done;
    }
    solve(&state);
    repair(&state);
    if (previous) {
        oa_assign_prefer(&state, previous);
    }
    for (size_t i = 0; i < n; i++) {
        permutation[i] = state.column_of[i];
    }
    for (size_t i = 0; row_price && i < n; i++) {
        row_price[i] = oa_assign_cheapest(&state, (uint32_t)i).lowest / state.factor;
    }
    for (size_t j = 0; column_price && j < n; j++) {
        column_price[j] = state.price[j] / state.factor;
    }
done:
    oa_assign_state_free(&state);
    return status;
}
