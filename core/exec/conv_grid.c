#include "core/exec/conv_grid.h"

#include <string.h>

bool oa_conv_grid_plan(oa_conv_grid *grid, const oa_window *window)
{
    size_t last = 0;
    *grid = (oa_conv_grid){.cells = 1, .phases = 1, .taps = 1};
    for (size_t d = window->rank; d-- > 0;) {
        size_t reach = (window->kernel[d] - 1) * window->dilation[d] / window->stride[d];
        grid->steps[d] = grid->cells;
        if (oa_add_overflows(&grid->sizes[d], window->out[d], reach) ||
            oa_mul_overflows(&grid->cells, grid->cells, grid->sizes[d]) ||
            oa_mul_overflows(&grid->phases, grid->phases, window->stride[d]) ||
            oa_mul_overflows(&grid->taps, grid->taps, window->kernel[d])) {
            return false;
        }
        last += (window->out[d] - 1) * grid->steps[d];
    }
    grid->width = last + 1;
    return true;
}

void oa_conv_grid_tap(size_t *phase, size_t *cell, const oa_conv_grid *grid, const oa_window *window, size_t tap)
{
    size_t phase_step = 1;
    *phase = *cell = 0;
    for (size_t d = window->rank; d-- > 0;) {
        size_t at = tap % window->kernel[d] * window->dilation[d];
        tap /= window->kernel[d];
        *phase += at % window->stride[d] * phase_step;
        *cell += at / window->stride[d] * grid->steps[d];
        phase_step *= window->stride[d];
    }
}

/* Where the input row at an outer position lies: the cell of its place -pad, and the phase as far as the outer axes
 * say; false when no tap reads it. */
static bool find_row(size_t *phase, size_t *cell, const size_t *position, const oa_conv_grid *grid,
                     const oa_window *window)
{
    *phase = *cell = 0;
    for (size_t d = 0; d + 1 < window->rank; d++) {
        size_t at = position[d] + window->pad[d];
        if (at / window->stride[d] >= grid->sizes[d]) {
            return false;
        }
        *phase = *phase * window->stride[d] + at % window->stride[d];
        *cell += at / window->stride[d] * grid->steps[d];
    }
    *phase *= window->stride[window->rank - 1];
    return true;
}

/* The elements of an input row that belong to one phase: x[first], x[first + stride], ... at cells from `cell` on. */
typedef struct row_run {
    size_t first;
    size_t cell;
    size_t count;
} row_run;

static row_run run_of(size_t phase, const oa_conv_grid *grid, const oa_window *window)
{
    size_t d = window->rank - 1, stride = window->stride[d], pad = window->pad[d];
    row_run run = {.first = (phase + stride - pad % stride) % stride};
    run.cell = (run.first + pad) / stride;
    size_t in = run.first < window->in[d] ? (window->in[d] - run.first + stride - 1) / stride : 0;
    size_t room = run.cell < grid->sizes[d] ? grid->sizes[d] - run.cell : 0;
    run.count = in < room ? in : room;
    return run;
}

static inline void copy_row(float *restrict to, const float *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
    }
}

static inline void add_row(float *restrict to, const float *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
}

/* The elements of an input row that fall into each phase, one phase after the other. */
static void put_row(float *cells, const float *x, size_t phase, size_t plane, const oa_conv_grid *grid,
                    const oa_window *window)
{
    size_t stride = window->stride[window->rank - 1];
    for (size_t s = 0; s < stride; s++) {
        const row_run run = run_of(s, grid, window);
        float *restrict to = cells + (phase + s) * plane + run.cell;
        const float *restrict from = x + run.first;
        for (size_t i = 0; i < run.count; i++) {
            to[i] = from[i * stride];
        }
    }
}

static void take_row(float *x, const float *cells, size_t phase, size_t plane, const oa_conv_grid *grid,
                     const oa_window *window)
{
    size_t stride = window->stride[window->rank - 1];
    for (size_t s = 0; s < stride; s++) {
        const row_run run = run_of(s, grid, window);
        const float *restrict from = cells + (phase + s) * plane + run.cell;
        float *restrict to = x + run.first;
        for (size_t i = 0; i < run.count; i++) {
            to[i * stride] += from[i];
        }
    }
}

/* Rows of a plane of `sizes`, in order: those along the last axis but one, `step` cells apart, in blocks; `start` is
 * the cell of a block's first row. Where the input begins after `pad` cells; NULL: at the first. Strides are 1. */
typedef struct row_blocks {
    size_t rows;
    size_t step;
    size_t start;
    size_t position[OA_MAX_RANK];
} row_blocks;

static void start_block(row_blocks *blocks, const size_t *pad, const oa_conv_grid *grid, size_t rank)
{
    blocks->start = 0;
    for (size_t d = 0; d < rank; d++) {
        blocks->start += (blocks->position[d] + (pad ? pad[d] : 0)) * grid->steps[d];
    }
}

static row_blocks first_block(const size_t *sizes, const size_t *pad, const oa_conv_grid *grid, size_t rank)
{
    row_blocks blocks = {.rows = rank > 1 ? sizes[rank - 2] : 1, .step = rank > 1 ? grid->steps[rank - 2] : 0};
    start_block(&blocks, pad, grid, rank);
    return blocks;
}

static bool next_block(row_blocks *blocks, const size_t *sizes, const size_t *pad, const oa_conv_grid *grid,
                       size_t rank)
{
    if (rank < 3 || !oa_window_next(blocks->position, sizes, rank - 2)) {
        return false;
    }
    start_block(blocks, pad, grid, rank);
    return true;
}

void oa_conv_grid_put_input(float *cells, const float *x, size_t plane, const oa_conv_grid *grid,
                            const oa_window *window)
{
    size_t last = window->rank - 1, n = window->in[last], position[OA_MAX_RANK] = {0}, phase, cell;
    if (grid->phases == 1) { /* then all inputs have a cell */
        row_blocks blocks = first_block(window->in, window->pad, grid, window->rank);
        do {
            for (size_t r = 0; r < blocks.rows; r++, x += n) {
                copy_row(cells + blocks.start + r * blocks.step, x, n);
            }
        } while (next_block(&blocks, window->in, window->pad, grid, window->rank));
        return;
    }
    do {
        if (find_row(&phase, &cell, position, grid, window)) {
            put_row(cells + cell, x, phase, plane, grid, window);
        }
        x += n;
    } while (oa_window_next(position, window->in, last));
}

void oa_conv_grid_take_input(float *x, const float *cells, size_t plane, bool adds, const oa_conv_grid *grid,
                             const oa_window *window)
{
    size_t last = window->rank - 1, n = window->in[last], position[OA_MAX_RANK] = {0}, phase, cell;
    if (grid->phases == 1) {
        row_blocks blocks = first_block(window->in, window->pad, grid, window->rank);
        do {
            for (size_t r = 0; r < blocks.rows; r++, x += n) {
                const float *row = cells + blocks.start + r * blocks.step;
                if (adds) {
                    add_row(x, row, n);
                } else {
                    copy_row(x, row, n);
                }
            }
        } while (next_block(&blocks, window->in, window->pad, grid, window->rank));
        return;
    }
    if (!adds) {
        memset(x, 0, oa_window_size(window->in, window->rank) * sizeof *x);
    }
    do {
        if (find_row(&phase, &cell, position, grid, window)) {
            take_row(x, cells + cell, phase, plane, grid, window);
        }
        x += n;
    } while (oa_window_next(position, window->in, last));
}

void oa_conv_grid_put_output(float *cells, const float *y, const oa_conv_grid *grid, const oa_window *window)
{
    size_t n = window->out[window->rank - 1];
    row_blocks blocks = first_block(window->out, NULL, grid, window->rank);
    do {
        for (size_t r = 0; r < blocks.rows; r++, y += n) {
            copy_row(cells + blocks.start + r * blocks.step, y, n);
        }
    } while (next_block(&blocks, window->out, NULL, grid, window->rank));
}

void oa_conv_grid_take_output(float *y, const float *cells, float bias, const oa_conv_grid *grid,
                              const oa_window *window)
{
    size_t n = window->out[window->rank - 1];
    row_blocks blocks = first_block(window->out, NULL, grid, window->rank);
    do {
        for (size_t r = 0; r < blocks.rows; r++, y += n) {
            const float *restrict from = cells + blocks.start + r * blocks.step;
            float *restrict to = y;
            for (size_t i = 0; i < n; i++) {
                to[i] = from[i] + bias;
            }
        }
    } while (next_block(&blocks, window->out, NULL, grid, window->rank));
}
