#include "core/assign/refine.h"

#include "core/assign/candidates.h"

#include <stdbool.h>
#include <string.h>

/* The rows to look at, each at most once: a ring. */
typedef struct row_queue {
    uint32_t *rows;    /* [n] */
    uint32_t *waiting; /* [n], by row: 1 in the queue */
    size_t n;
    size_t head;
    size_t count;
} row_queue;

static void append(row_queue *queue, uint32_t row)
{
    if (row == OA_ASSIGN_NONE || queue->waiting[row]) {
        return;
    }
    size_t tail = queue->head + queue->count;
    queue->rows[tail < queue->n ? tail : tail - queue->n] = row;
    queue->waiting[row] = 1;
    queue->count++;
}

static uint32_t take(row_queue *queue)
{
    uint32_t row = queue->rows[queue->head];
    queue->head = queue->head + 1 < queue->n ? queue->head + 1 : 0;
    queue->count--;
    queue->waiting[row] = 0;
    return row;
}

/* Lowers the price of a column; rounding may leave nothing to lower. */
static void lower(oa_assign_state *state, row_queue *queue, uint32_t column, double price)
{
    if (price < state->price[column]) {
        state->price[column] = price;
        append(queue, state->row_of[column]);
    }
}

/* Lowers the prices of the columns that are cheaper for `row` than its own to where they cost it as much. */
static void settle(oa_assign_state *state, row_queue *queue, uint32_t row)
{
    double cost = state->matched_cost[row];
    double price = state->price[state->column_of[row]];
    double own = cost - price;
    double cut = own - oa_assign_rounding(cost, price);
    state->work++;
    if (state->list_bound[row] < cut) {
        oa_assign_refresh(state, row);
    }
    if (state->list_bound[row] < cut) { /* more than a list holds: refreshing has left the whole row */
        for (size_t j = 0; j < state->n; j++) {
            if (state->reduced[j] < cut) {
                lower(state, queue, (uint32_t)j, oa_assign_cost(state, row, (uint32_t)j) - own);
            }
        }
        return;
    }
    const uint32_t *columns = state->list_column + (size_t)row * state->list_capacity;
    const double *costs = state->list_cost + (size_t)row * state->list_capacity;
    for (size_t k = 0; k < state->list_count[row]; k++) {
        if (costs[k] - state->price[columns[k]] < cut) {
            lower(state, queue, columns[k], costs[k] - own);
        }
    }
}

void oa_assign_refine(oa_assign_state *state, size_t budget)
{
    size_t n = state->n;
    size_t start = state->work;
    row_queue queue = {.rows = state->set_aside, .waiting = state->scanned, .n = n};
    memset(queue.waiting, 0, n * sizeof *queue.waiting);
    for (size_t i = 0; i < n; i++) {
        if (state->column_of[i] != OA_ASSIGN_NONE) {
            append(&queue, (uint32_t)i);
        }
    }
    while (queue.count > 0 && state->work - start < budget) {
        settle(state, &queue, take(&queue));
    }
}
