/* A convolution on grids, where every tap of the window is a shift.
 *
 * Along each axis, the padded input is dealt out to as many phases as the stride has steps: padded place a goes to cell
 * a / stride of phase a % stride. Tap t of the window reads, for the output at o, cell o + t * dilation / stride of
 * phase t * dilation % stride. So with inputs as [phases, cells] and outputs laid out on cells alike (the places
 * between and after them unused), output p of a flat count is the sum over taps of weight times input[offset of tap +
 * p].
 *
 * Several images lie behind each other: a plane of a channel and phase is [images, cells]. */
#ifndef OA_EXEC_CONV_GRID_H
#define OA_EXEC_CONV_GRID_H

#include "core/exec/conv.h"

typedef struct oa_conv_grid {
    size_t sizes[OA_MAX_RANK]; /* cells along each axis */
    size_t steps[OA_MAX_RANK]; /* between neighbours along it */
    size_t cells;              /* product of sizes */
    size_t width;              /* cells from the first to the last output */
    size_t phases;             /* product of strides */
    size_t taps;               /* product of the kernel's sizes */
} oa_conv_grid;

/* False when the sizes overflow. O(rank). */
bool oa_conv_grid_plan(oa_conv_grid *grid, const oa_window *window);
/* The phase of tap `tap` (counted row-major), and how many cells on it reads. cells - width is the most of those. */
void oa_conv_grid_tap(size_t *phase, size_t *cell, const oa_conv_grid *grid, const oa_window *window, size_t tap);

/* One channel. Cells that stand for no element are not touched: they must be zero where that matters. `plane` is the
 * distance of phases, in elements. */
void oa_conv_grid_put_input(float *cells, const float *x, size_t plane, const oa_conv_grid *grid,
                            const oa_window *window);
/* x = (or +=) the cells of one channel. Inputs that no tap reads have no cell; they are zero or as they were. */
void oa_conv_grid_take_input(float *x, const float *cells, size_t plane, bool adds, const oa_conv_grid *grid,
                             const oa_window *window);
void oa_conv_grid_put_output(float *cells, const float *y, const oa_conv_grid *grid, const oa_window *window);
/* y = the cells plus `bias`. */
void oa_conv_grid_take_output(float *y, const float *cells, float bias, const oa_conv_grid *grid,
                              const oa_window *window);

#endif
