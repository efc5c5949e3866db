#include "core/assign/candidates.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 16 }; /* cells that are tested together before they are looked at one by one */

/* reduced[j] = factor * profit[j] - price[j], and the minimum of each of OA_ASSIGN_LANES interleaved parts of the row.
 * Parts that interleave, rather than follow each other, need no reduction across a vector. */
static void reduce_row(double *restrict reduced, double *restrict lane_minimum, const double *restrict profit,
                       const double *restrict price, double factor, size_t n)
{
    for (size_t lane = 0; lane < OA_ASSIGN_LANES; lane++) {
        lane_minimum[lane] = INFINITY;
    }
    size_t j = 0;
    for (; j + OA_ASSIGN_LANES <= n; j += OA_ASSIGN_LANES) {
        for (size_t lane = 0; lane < OA_ASSIGN_LANES; lane++) {
            double value = factor * profit[j + lane] - price[j + lane];
            reduced[j + lane] = value;
            lane_minimum[lane] = value < lane_minimum[lane] ? value : lane_minimum[lane];
        }
    }
    for (size_t lane = 0; j + lane < n; lane++) {
        double value = factor * profit[j + lane] - price[j + lane];
        reduced[j + lane] = value;
        lane_minimum[lane] = value < lane_minimum[lane] ? value : lane_minimum[lane];
    }
}

static double median_of_three(double a, double b, double c)
{
    double low = a < b ? a : b;
    double high = a < b ? b : a;
    double rest = c < high ? c : high;
    return rest > low ? rest : low;
}

/* The value that would stand at `rank` if `values` were sorted; reorders them. Expected O(count) (Hoare's selection).
 */
static double select_rank(double *values, size_t count, size_t rank)
{
    size_t low = 0;
    size_t high = count - 1;
    while (low < high) {
        double pivot = median_of_three(values[low], values[low + (high - low) / 2], values[high]);
        size_t i = low;
        size_t end = high + 1; /* one past the cell under inspection from above: stays in the unsigned range */
        while (i < end) {
            while (values[i] < pivot) {
                i++;
            }
            while (values[end - 1] > pivot) {
                end--;
            }
            if (i < end) {
                double swap = values[i];
                values[i] = values[end - 1];
                values[end - 1] = swap;
                i++;
                end--;
            }
        }
        if (rank < end) {
            high = end - 1;
        } else if (rank >= i) {
            low = i;
        } else {
            break;
        }
    }
    return values[rank];
}

static int any_below(const double *values, double cut)
{
    int any = 0;
    for (size_t k = 0; k < CHUNK; k++) {
        any |= values[k] < cut;
    }
    return any;
}

/* Collects the columns whose reduced cost is below `cut` into chosen and chosen_reduced; returns how many. */
static size_t choose_below(oa_assign_state *state, double cut)
{
    const double *reduced = state->reduced;
    size_t n = state->n;
    size_t count = 0;
    for (size_t start = 0; start < n; start += CHUNK) {
        size_t end = start + CHUNK < n ? start + CHUNK : n;
        if (end - start == CHUNK && !any_below(reduced + start, cut)) {
            continue;
        }
        for (size_t j = start; j < end; j++) {
            /* Stored always, counted only when it belongs: no branch to mispredict. */
            state->chosen[count] = (uint32_t)j;
            state->chosen_reduced[count] = reduced[j];
            count += reduced[j] < cut;
        }
    }
    return count;
}

/* Adds columns whose reduced cost is `cut` until the list is full: those that no row holds, or those that one does. */
static size_t choose_ties(oa_assign_state *state, uint32_t row, double cut, int held, size_t count)
{
    size_t n = state->n;
    for (size_t k = 0; k < n && count < state->list_capacity; k++) {
        size_t j = row + k < n ? row + k : row + k - n;
        if (state->reduced[j] == cut && (state->row_of[j] != OA_ASSIGN_NONE) == (held != 0)) {
            state->chosen[count++] = (uint32_t)j;
        }
    }
    return count;
}

/* Fills `chosen` with the columns of the new list and returns their number. Sets *bound to a value that no reduced cost
 * outside the list is below: every column below it is listed. */
static size_t choose(double *bound, oa_assign_state *state, uint32_t row, double *lane_minimum)
{
    /* Of the lane minima OA_ASSIGN_RANK are at or below this one, and then so are as many cells; with distinct costs in
     * random order it comes to about 43 cells below it. */
    double cut = select_rank(lane_minimum, OA_ASSIGN_LANES, OA_ASSIGN_RANK);
    size_t count = choose_below(state, cut);
    if (count > state->list_capacity) { /* the low costs crowd in few lanes */
        memcpy(state->selection, state->chosen_reduced, count * sizeof *state->chosen_reduced);
        cut = select_rank(state->selection, count, OA_ASSIGN_RANK);
        count = choose_below(state, cut);
    }
    if (count < OA_ASSIGN_RANK) { /* the cells next in order all cost the same */
        count = choose_ties(state, row, cut, 0, count);
        count = choose_ties(state, row, cut, 1, count);
    }
    *bound = cut;
    return count;
}

void oa_assign_refresh(oa_assign_state *state, uint32_t row)
{
    size_t n = state->n;
    const double *profit = state->profit + (size_t)row * n;
    double lane_minimum[OA_ASSIGN_LANES];
    reduce_row(state->reduced, lane_minimum, profit, state->price, state->factor, n);
    state->work += state->refresh_work;

    uint32_t *columns = state->list_column + (size_t)row * state->list_capacity;
    double *costs = state->list_cost + (size_t)row * state->list_capacity;
    size_t count = n;
    double bound = INFINITY;
    if (n > state->list_capacity) {
        count = choose(&bound, state, row, lane_minimum);
        memcpy(columns, state->chosen, count * sizeof *columns);
    } else {
        for (size_t j = 0; j < n; j++) {
            columns[j] = (uint32_t)j;
        }
    }
    for (size_t k = 0; k < count; k++) {
        costs[k] = state->factor * profit[columns[k]];
    }
    state->list_count[row] = (uint32_t)count;
    state->list_bound[row] = bound;
}

/* The cheapest two of the list. */
static oa_assign_best scan_list(const oa_assign_state *state, uint32_t row)
{
    const uint32_t *columns = state->list_column + (size_t)row * state->list_capacity;
    const double *costs = state->list_cost + (size_t)row * state->list_capacity;
    const double *price = state->price;
    size_t count = state->list_count[row];
    size_t best = 0;
    double lowest = INFINITY;
    double second = INFINITY;
    for (size_t k = 0; k < count; k++) {
        double value = costs[k] - price[columns[k]];
        if (value < second) {
            if (value < lowest) {
                second = lowest;
                lowest = value;
                best = k;
            } else {
                second = value;
            }
        }
    }
    return (oa_assign_best){.column = columns[best], .cost = costs[best], .lowest = lowest, .second = second};
}

oa_assign_best oa_assign_cheapest(oa_assign_state *state, uint32_t row)
{
    state->work++;
    oa_assign_best best = scan_list(state, row);
    if (best.lowest > state->list_bound[row]) {
        oa_assign_refresh(state, row);
        best = scan_list(state, row);
    }
    if (best.second > state->list_bound[row]) {
        best.second = state->list_bound[row];
    }
    return best;
}

static uint32_t unheld_in_list(double *cost, const oa_assign_state *state, uint32_t row, double limit)
{
    const uint32_t *columns = state->list_column + (size_t)row * state->list_capacity;
    const double *costs = state->list_cost + (size_t)row * state->list_capacity;
    for (size_t k = 0; k < state->list_count[row]; k++) {
        if (state->row_of[columns[k]] == OA_ASSIGN_NONE && costs[k] - state->price[columns[k]] <= limit) {
            *cost = costs[k];
            return columns[k];
        }
    }
    return OA_ASSIGN_NONE;
}

uint32_t oa_assign_unheld(double *cost, oa_assign_state *state, uint32_t row, double limit)
{
    uint32_t column = unheld_in_list(cost, state, row, limit);
    if (column == OA_ASSIGN_NONE && limit >= state->list_bound[row]) {
        oa_assign_refresh(state, row); /* lists columns without a row ahead of others that cost the same */
        column = unheld_in_list(cost, state, row, limit);
    }
    return column;
}

double oa_assign_list_spread(const oa_assign_state *state, uint32_t row)
{
    const uint32_t *columns = state->list_column + (size_t)row * state->list_capacity;
    const double *costs = state->list_cost + (size_t)row * state->list_capacity;
    double lowest = INFINITY;
    double highest = -INFINITY;
    for (size_t k = 0; k < state->list_count[row]; k++) {
        double value = costs[k] - state->price[columns[k]];
        lowest = value < lowest ? value : lowest;
        highest = value > highest ? value : highest;
    }
    return (state->list_bound[row] < INFINITY ? state->list_bound[row] : highest) - lowest;
}
