#include "core/assign/previous.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

/* A sum with its correction (Neumaier), and what bounds the error of summing plainly. */
typedef struct gain_sum {
    double sum;
    double correction;
    double magnitude;
    size_t terms;
} gain_sum;

static void add(gain_sum *gain, double value)
{
    double sum = gain->sum + value;
    gain->correction += fabs(gain->sum) >= fabs(value) ? (gain->sum - sum) + value : (value - sum) + gain->sum;
    gain->sum = sum;
    gain->magnitude += fabs(value);
    gain->terms++;
}

/* Counts what `row` gains by its present column over the one it had. */
static void add_row(gain_sum *gain, const oa_assign_state *state, uint32_t row, const size_t *previous)
{
    add(gain, oa_assign_cost(state, row, (uint32_t)previous[row]));
    add(gain, -oa_assign_cost(state, row, state->column_of[row]));
}

static bool is_rounding(const gain_sum *gain)
{
    double unit = 0.5 * DBL_EPSILON;
    return gain->sum + gain->correction <= (double)gain->terms * unit * gain->magnitude;
}

void oa_assign_prefer(oa_assign_state *state, const size_t *previous)
{
    size_t n = state->n;
    gain_sum total = {0};
    for (size_t i = 0; i < n; i++) {
        add_row(&total, state, (uint32_t)i, previous);
    }
    bool all = is_rounding(&total);
    uint32_t *cycle = state->set_aside;
    uint32_t *visited = state->chosen;
    for (size_t i = 0; i < n; i++) {
        visited[i] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        /* The next row on a cycle is the one that now has the column that this row had. */
        gain_sum part = {0};
        size_t length = 0;
        for (uint32_t row = (uint32_t)i; !visited[row]; row = state->row_of[previous[row]]) {
            visited[row] = 1;
            cycle[length++] = row;
            add_row(&part, state, row, previous);
        }
        if (length > 0 && (all || is_rounding(&part))) {
            for (size_t k = 0; k < length; k++) {
                state->column_of[cycle[k]] = (uint32_t)previous[cycle[k]];
            }
        }
    }
}
