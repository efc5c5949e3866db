#include "tests/ref/assign_slow.h"

#include <math.h>
#include <stdbool.h>

static double best_from(const double *profit, size_t n, size_t row, unsigned taken)
{
    if (row == n) {
        return 0.0;
    }
    double best = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        if (!(taken & 1u << j)) {
            best = fmax(best, profit[row * n + j] + best_from(profit, n, row + 1, taken | 1u << j));
        }
    }
    return best;
}

double assign_try_all(const double *profit, size_t n)
{
    return best_from(profit, n, 0, 0);
}

/* What row i loses when it takes the column of row k. */
static int64_t loss(const int64_t *profit, const size_t *column, size_t n, size_t i, size_t k)
{
    return profit[i * n + column[i]] - profit[i * n + column[k]];
}

/* Finds rows that can exchange their columns along a cycle with a gain, and does it; false when there are none. */
static bool cancel_one(const int64_t *profit, size_t *column, size_t n)
{
    int64_t distance[ASSIGN_CYCLES_LIMIT] = {0};
    size_t before[ASSIGN_CYCLES_LIMIT] = {0};
    size_t changed = n;
    for (size_t round = 0; round <= n; round++) {
        changed = n;
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < n; k++) {
                int64_t other = distance[i] + loss(profit, column, n, i, k);
                if (other < distance[k]) {
                    distance[k] = other;
                    before[k] = i;
                    changed = k;
                }
            }
        }
        if (changed == n) {
            return false;
        }
    }
    /* A distance that still falls after n rounds leads back into a cycle. */
    size_t on_cycle = changed;
    for (size_t step = 0; step < n; step++) {
        on_cycle = before[on_cycle];
    }
    size_t last_column = column[on_cycle];
    size_t row = on_cycle;
    while (before[row] != on_cycle) {
        /* The row before takes the column of this one; walking backwards, it is this row's old column. */
        size_t giver = before[row];
        size_t own = column[giver];
        column[giver] = last_column;
        last_column = own;
        row = giver;
    }
    column[on_cycle] = last_column;
    return true;
}

int64_t assign_cancel_cycles(const int64_t *profit, size_t n)
{
    size_t column[ASSIGN_CYCLES_LIMIT];
    for (size_t i = 0; i < n; i++) {
        column[i] = i;
    }
    while (cancel_one(profit, column, n)) {
    }
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += profit[i * n + column[i]];
    }
    return sum;
}
