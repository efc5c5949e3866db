/* The state that the phases of the assignment solver share: a partial assignment, the column prices and the candidate
 * lists.
 *
 * Inside the solver the problem is a minimisation: cost[i, j] = factor * profit[i, j], with factor a negative power of
 * two. The scaling is exact, and keeps costs and their sums away from overflow and from the subnormal numbers.
 * `price` are the duals of the columns; the reduced cost of a cell is cost[i, j] - price[j]. Every phase only ever
 * lowers prices, so reduced costs only ever grow: that is what keeps old candidate lists valid (see candidates.h).
 *
 * Row and column indices are 32 bits: the lists are read all the time and should stay in the cache. */
#ifndef OA_ASSIGN_STATE_H
#define OA_ASSIGN_STATE_H

#include "core/base/error.h"
#include "core/base/memory.h"

#include <stddef.h>
#include <stdint.h>

#define OA_ASSIGN_NONE UINT32_MAX /* no row, no column */

enum {
    OA_ASSIGN_LANES = 64, /* interleaved parts of a row whose minima estimate a low quantile of the row */
    OA_ASSIGN_RANK = 32,  /* a fresh list holds at least this many candidates */
    OA_ASSIGN_LIST = 64   /* capacity of a candidate list; a row that fits is listed whole */
};

typedef struct oa_assign_state {
    size_t n;
    const double *profit; /* [n, n], borrowed */
    double factor;        /* cost = factor * profit */
    double *price;        /* [n] */

    /* The partial assignment. A row in `free_rows` has no column, every other row has one. */
    uint32_t *column_of;  /* [n], by row, or OA_ASSIGN_NONE */
    uint32_t *row_of;     /* [n], by column, or OA_ASSIGN_NONE */
    double *matched_cost; /* [n], by row: the cost of the cell it holds */
    uint32_t *free_rows;  /* [n] */
    size_t free_count;

    /* The candidate lists. */
    size_t list_capacity;  /* min(n, OA_ASSIGN_LIST) */
    uint32_t *list_column; /* [n, list_capacity] */
    double *list_cost;     /* [n, list_capacity] */
    uint32_t *list_count;  /* [n] */
    double *list_bound;    /* [n]: no column outside the list of row i has a reduced cost below list_bound[i] */

    /* Scratch. */
    double *reduced;        /* [n]: the reduced costs of the row refreshed last */
    double *chosen_reduced; /* [n] */
    uint32_t *chosen;       /* [n] */
    double *selection;      /* [n] */
    uint32_t *set_aside;    /* [n] */

    /* Of the search for an augmenting path; `key` and `heap` hold columns 0 .. n-1, and rows as n + row. */
    struct oa_heap *heap;   /* over 2n items */
    double *key;            /* [2n] */
    uint32_t *parent;       /* [n], by column: the row it was reached from */
    double *shift;          /* [n], by row: its reduced costs minus this are distances from the root */
    uint32_t *scanned;      /* [n] */
    double *scanned_key;    /* [n] */
    uint32_t *free_columns; /* [free_count] */

    size_t work;         /* done so far: one for a list scanned */
    size_t refresh_work; /* what refreshing a list counts for, in the same unit */

    oa_arena arena; /* owns all of the above but the profit */
} oa_assign_state;

/* Allocates everything for n >= 1 rows; all rows free, prices zero, lists not built yet. OA_ERROR_MEMORY,
 * OA_ERROR_INPUT when n is too large for the indices; then there is nothing to free. O(n) memory. */
oa_status oa_assign_state_init(oa_assign_state *state, const double *profit, size_t n, oa_error *error);
void oa_assign_state_free(oa_assign_state *state);

/* Gives `column` to `row`; the row that held it, or OA_ASSIGN_NONE, is returned and holds nothing then. `cost` is that
 * of the cell. Leaves free_rows to the caller. O(1). */
uint32_t oa_assign_hold(oa_assign_state *state, uint32_t row, uint32_t column, double cost);

/* The cost of a cell. */
double oa_assign_cost(const oa_assign_state *state, uint32_t row, uint32_t column);

/* How far the reduced cost of a cell may be above another one and still count as equal to it: a few roundings. */
double oa_assign_rounding(double cost, double price);

/* Takes its column from every row that does not hold a cheapest one, roundings aside, and rebuilds free_rows. Scans
 * every list. */
void oa_assign_release(oa_assign_state *state);

#endif
