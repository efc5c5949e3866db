#include "core/assign/state.h"

#include "core/assign/candidates.h"
#include "core/assign/heap.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

enum {
    REFRESH_BASE = 4,          /* measured: refreshing the list of a row of n costs, in list scans, */
    REFRESH_COLUMN_SHARE = 256 /* about 4 + n / 256 */
};

#define ROUNDINGS 8.0

static bool allocate(oa_assign_state *state, size_t n)
{
    oa_arena *arena = &state->arena;
    size_t list_cells;
    if (oa_mul_overflows(&list_cells, n, state->list_capacity)) {
        return false;
    }
    state->price = oa_arena_alloc(arena, n, sizeof *state->price);
    state->column_of = oa_arena_alloc(arena, n, sizeof *state->column_of);
    state->row_of = oa_arena_alloc(arena, n, sizeof *state->row_of);
    state->matched_cost = oa_arena_alloc(arena, n, sizeof *state->matched_cost);
    state->free_rows = oa_arena_alloc(arena, n, sizeof *state->free_rows);
    state->list_column = oa_arena_alloc(arena, list_cells, sizeof *state->list_column);
    state->list_cost = oa_arena_alloc(arena, list_cells, sizeof *state->list_cost);
    state->list_count = oa_arena_alloc(arena, n, sizeof *state->list_count);
    state->list_bound = oa_arena_alloc(arena, n, sizeof *state->list_bound);
    state->reduced = oa_arena_alloc(arena, n, sizeof *state->reduced);
    state->chosen_reduced = oa_arena_alloc(arena, n, sizeof *state->chosen_reduced);
    state->chosen = oa_arena_alloc(arena, n, sizeof *state->chosen);
    state->selection = oa_arena_alloc(arena, n, sizeof *state->selection);
    state->set_aside = oa_arena_alloc(arena, n, sizeof *state->set_aside);
    state->heap = oa_arena_alloc(arena, 1, sizeof *state->heap);
    state->key = oa_arena_alloc(arena, 2 * n, sizeof *state->key);
    state->parent = oa_arena_alloc(arena, n, sizeof *state->parent);
    state->shift = oa_arena_alloc(arena, n, sizeof *state->shift);
    state->scanned = oa_arena_alloc(arena, n, sizeof *state->scanned);
    state->scanned_key = oa_arena_alloc(arena, n, sizeof *state->scanned_key);
    state->free_columns = oa_arena_alloc(arena, n, sizeof *state->free_columns);
    if (!state->price || !state->column_of || !state->row_of || !state->matched_cost || !state->free_rows ||
        !state->list_column || !state->list_cost || !state->list_count || !state->list_bound || !state->reduced ||
        !state->chosen_reduced || !state->chosen || !state->selection || !state->set_aside || !state->heap ||
        !state->key || !state->parent || !state->shift || !state->scanned || !state->scanned_key ||
        !state->free_columns) {
        return false;
    }
    state->heap->items = oa_arena_alloc(arena, 2 * n, sizeof *state->heap->items);
    state->heap->position = oa_arena_alloc(arena, 2 * n, sizeof *state->heap->position);
    state->heap->key = state->key;
    return state->heap->items && state->heap->position;
}

oa_status oa_assign_state_init(oa_assign_state *state, const double *profit, size_t n, oa_error *error)
{
    *state = (oa_assign_state){.n = n, .profit = profit, .factor = -1.0};
    size_t cells;
    if (n > UINT32_MAX / 2 || oa_mul_overflows(&cells, n, n)) { /* items of the heap are numbered up to 2n */
        return oa_fail(error, OA_ERROR_INPUT, "an assignment of %zu rows is too large", n);
    }
    state->list_capacity = n < OA_ASSIGN_LIST ? n : OA_ASSIGN_LIST;
    state->refresh_work = REFRESH_BASE + n / REFRESH_COLUMN_SHARE;
    if (!allocate(state, n)) {
        oa_assign_state_free(state);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for an assignment of %zu rows", n);
    }
    for (size_t i = 0; i < n; i++) {
        state->column_of[i] = OA_ASSIGN_NONE;
        state->row_of[i] = OA_ASSIGN_NONE;
        state->free_rows[i] = (uint32_t)(n - 1 - i); /* a stack: the first row is on top */
    }
    for (size_t item = 0; item < 2 * n; item++) {
        state->heap->position[item] = UINT32_MAX;
    }
    state->free_count = n;
    return OA_OK;
}

void oa_assign_state_free(oa_assign_state *state)
{
    if (state) {
        oa_arena_free(&state->arena);
        *state = (oa_assign_state){0};
    }
}

uint32_t oa_assign_hold(oa_assign_state *state, uint32_t row, uint32_t column, double cost)
{
    uint32_t displaced = state->row_of[column];
    if (displaced != OA_ASSIGN_NONE) {
        state->column_of[displaced] = OA_ASSIGN_NONE;
    }
    state->row_of[column] = row;
    state->column_of[row] = column;
    state->matched_cost[row] = cost;
    return displaced;
}

double oa_assign_cost(const oa_assign_state *state, uint32_t row, uint32_t column)
{
    return state->factor * state->profit[(size_t)row * state->n + column];
}

double oa_assign_rounding(double cost, double price)
{
    return ROUNDINGS * DBL_EPSILON * (fabs(cost) + fabs(price));
}

void oa_assign_release(oa_assign_state *state)
{
    state->free_count = 0;
    for (size_t k = state->n; k-- > 0;) {
        uint32_t row = (uint32_t)k;
        uint32_t column = state->column_of[row];
        if (column != OA_ASSIGN_NONE) {
            double cost = state->matched_cost[row];
            double price = state->price[column];
            oa_assign_best best = oa_assign_cheapest(state, row);
            double rounding =
                oa_assign_rounding(cost, price) + oa_assign_rounding(best.cost, state->price[best.column]);
            if ((cost - price) - best.lowest > rounding) {
                state->row_of[column] = OA_ASSIGN_NONE;
                state->column_of[row] = OA_ASSIGN_NONE;
            }
        }
        if (state->column_of[row] == OA_ASSIGN_NONE) {
            state->free_rows[state->free_count++] = row;
        }
    }
}
