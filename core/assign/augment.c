#include "core/assign/augment.h"

#include "core/assign/candidates.h"
#include "core/assign/heap.h"

#include <math.h>

enum {
    CHUNK = 16,    /* cells that are tested together before they are looked at one by one */
    REFRESHES = 16 /* lists that one search refreshes */
};

/* One search. Distances are from the root row; keys of columns are tentative distances, -infinity once scanned. */
typedef struct path_search {
    double limit;  /* the distance of the nearest column without a row so far: nothing beyond it matters */
    uint32_t sink; /* that column */
    size_t scanned;
    size_t read; /* rows read in full */
} path_search;

/* Offers column j, at `distance`, reached from `row`. `from` is how far the search has come: rounding may put an edge a
 * little short of it, and clamping keeps the order of distances, so that prices only ever fall. */
static inline void offer(oa_assign_state *state, path_search *search, uint32_t row, size_t j, double distance,
                         double from)
{
    if (distance < from) {
        distance = from;
    }
    if (distance >= search->limit || distance >= state->key[j]) {
        return;
    }
    state->key[j] = distance;
    state->parent[j] = row;
    if (state->row_of[j] == OA_ASSIGN_NONE) {
        search->limit = distance;
        search->sink = (uint32_t)j;
    } else {
        oa_heap_lower(state->heap, (uint32_t)j);
    }
}

/* Offers the listed columns of a row, and puts the rest of the row in the queue at the least distance it can have. */
static void reach_listed(oa_assign_state *state, path_search *search, uint32_t row, double from)
{
    const uint32_t *columns = state->list_column + (size_t)row * state->list_capacity;
    const double *costs = state->list_cost + (size_t)row * state->list_capacity;
    size_t count = state->list_count[row];
    double shift = state->shift[row];
    state->work++;
    for (size_t k = 0; k < count; k++) {
        uint32_t j = columns[k];
        offer(state, search, row, j, (costs[k] - state->price[j]) - shift, from);
    }
    double rest = state->list_bound[row] - shift;
    if (rest < search->limit) {
        uint32_t item = (uint32_t)(state->n + row);
        state->key[item] = rest < from ? from : rest;
        oa_heap_lower(state->heap, item);
    }
}

static int any_improves(const double *restrict profit, const double *restrict price, const double *restrict key,
                        double factor, double shift, double limit)
{
    int any = 0;
    for (size_t k = 0; k < CHUNK; k++) {
        double distance = (factor * profit[k] - price[k]) - shift;
        any |= (distance < key[k]) & (distance < limit);
    }
    return any;
}

/* Offers all columns of a row. */
static void reach_all(oa_assign_state *state, path_search *search, uint32_t row, double from)
{
    size_t n = state->n;
    double shift = state->shift[row];
    double factor = state->factor;
    const double *profit = state->profit + (size_t)row * n;
    const double *price = state->price;
    if (search->read++ < REFRESHES) {
        oa_assign_refresh(state, row);
    } else {
        state->work += state->refresh_work;
    }
    /* The columns without a row first: they lower the limit, which keeps the others out of the heap. */
    for (size_t k = 0; k < state->free_count; k++) {
        uint32_t j = state->free_columns[k];
        offer(state, search, row, j, (factor * profit[j] - price[j]) - shift, from);
    }
    for (size_t start = 0; start < n; start += CHUNK) {
        size_t end = start + CHUNK < n ? start + CHUNK : n;
        if (end - start == CHUNK &&
            !any_improves(profit + start, price + start, state->key + start, factor, shift, search->limit)) {
            continue;
        }
        for (size_t j = start; j < end; j++) {
            offer(state, search, row, j, (factor * profit[j] - price[j]) - shift, from);
        }
    }
}

/* Grows the tree of shortest paths from `root` until the nearest column without a row is known. */
static path_search find_path(oa_assign_state *state, uint32_t root)
{
    size_t n = state->n;
    path_search search = {.limit = INFINITY, .sink = OA_ASSIGN_NONE};
    oa_heap_clear(state->heap);
    for (size_t j = 0; j < n; j++) {
        state->key[j] = INFINITY;
    }
    state->shift[root] = oa_assign_cheapest(state, root).lowest;
    reach_listed(state, &search, root, 0.0);
    while (state->heap->count > 0 && state->key[state->heap->items[0]] < search.limit) {
        uint32_t item = oa_heap_pop(state->heap);
        double distance = state->key[item];
        if (item >= n) {
            reach_all(state, &search, (uint32_t)(item - n), distance);
            continue;
        }
        state->scanned[search.scanned] = item;
        state->scanned_key[search.scanned++] = distance;
        state->key[item] = -INFINITY; /* settled: no offer is lower */
        uint32_t row = state->row_of[item];
        state->shift[row] = (state->matched_cost[row] - state->price[item]) - distance;
        reach_listed(state, &search, row, distance);
    }
    return search;
}

/* Lowers the prices of the scanned columns so that the path has reduced cost zero, and moves the rows along it. */
static void flip_path(oa_assign_state *state, const path_search *search, uint32_t root)
{
    for (size_t k = 0; k < search->scanned; k++) {
        state->price[state->scanned[k]] += state->scanned_key[k] - search->limit;
    }
    uint32_t column = search->sink;
    uint32_t row;
    do {
        row = state->parent[column];
        uint32_t left = state->column_of[row];
        state->row_of[column] = row;
        state->column_of[row] = column;
        state->matched_cost[row] = oa_assign_cost(state, row, column);
        column = left;
    } while (row != root);
}

bool oa_assign_augment(oa_assign_state *state, size_t budget)
{
    size_t start = state->work;
    size_t unheld = 0;
    for (size_t j = 0; j < state->n; j++) {
        if (state->row_of[j] == OA_ASSIGN_NONE) {
            state->free_columns[unheld++] = (uint32_t)j;
        }
    }
    while (state->free_count > 0 && state->work - start < budget) {
        uint32_t root = state->free_rows[state->free_count - 1];
        path_search search = find_path(state, root);
        flip_path(state, &search, root);
        size_t k = 0;
        while (state->free_columns[k] != search.sink) {
            k++;
        }
        state->free_columns[k] = state->free_columns[state->free_count - 1];
        state->free_count--;
    }
    return state->free_count == 0;
}
