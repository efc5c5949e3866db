#include "core/linalg/panels.h"

#include "core/base/memory.h"

#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void oa_panel_pack(float *packed, const oa_panel_kernel *kernel, const float *a, size_t rows, size_t row_step,
                   size_t step, size_t depth)
{
    size_t unit = kernel->rows, count = rows % unit;
    const float *from = a + (rows - count) * row_step;
    for (size_t k = 0; k < depth; k++) {
        for (size_t r = 0; r < unit; r++) {
            packed[k * unit + r] = r < count ? from[r * row_step + k * step] : 0.0f;
        }
    }
}

size_t oa_panel_workspace(const oa_panel_kernel *kernel, size_t columns)
{
    size_t panels = columns / kernel->columns + (columns % kernel->columns != 0);
    return panels * OA_PANEL_DEPTH * kernel->columns + OA_PANEL_SLACK;
}

/* A piece of a row of c that lies together: columns first .. first + n - 1. */
static float *piece_of(size_t *n, const oa_panel_product *product, size_t row, size_t first, size_t end)
{
    size_t at = first % product->run;
    *n = smaller(product->run - at, end - first);
    return product->c + first / product->run * product->run_step + row * product->stride + at;
}

/* The columns of one panel in c. */
typedef struct pieces {
    size_t count;
    size_t lengths[OA_PANEL_MOST_COLUMNS];
    float *rows[OA_PANEL_MOST_COLUMNS]; /* where each piece is in row 0 */
} pieces;

static void find_pieces(pieces *found, const oa_panel_product *product, size_t first, size_t end)
{
    found->count = 0;
    for (size_t j = first; j < end; j += found->lengths[found->count++]) {
        found->rows[found->count] = piece_of(&found->lengths[found->count], product, 0, j, end);
    }
}

/* A tile that reaches past c, or over the end of a run: by way of a whole tile. */
static void multiply_piecewise(const oa_panel_product *product, const pieces *columns, size_t row, const float *a,
                               size_t row_step, size_t step, const float *b, size_t depth, const float *start)
{
    static const float zero[OA_PANEL_MOST_ROWS];
    const oa_panel_kernel *kernel = product->kernel;
    float tile[OA_PANEL_MOST_ROWS * OA_PANEL_MOST_COLUMNS];
    kernel->multiply(tile, kernel->columns, a, row_step, step, b, depth, start ? start : zero);
    for (size_t r = row; r < smaller(row + kernel->rows, product->rows); r++) {
        const float *restrict from = tile + (r - row) * kernel->columns;
        for (size_t p = 0; p < columns->count; p++) {
            float *restrict to = columns->rows[p] + r * product->stride;
            size_t n = columns->lengths[p];
            for (size_t i = 0; i < n && start; i++) {
                to[i] = from[i];
            }
            for (size_t i = 0; i < n && !start; i++) {
                to[i] += from[i];
            }
            from += n;
        }
    }
}

/* One panel of b with all panels of a. */
static void multiply_panel(const oa_panel_product *product, size_t first_panel, size_t end_panel, size_t first,
                           size_t end, size_t above, size_t depth, const float *b)
{
    const oa_panel_kernel *kernel = product->kernel;
    size_t unit = kernel->rows;
    pieces columns;
    find_pieces(&columns, product, first, end);
    bool is_whole = columns.lengths[0] == kernel->columns;
    for (size_t panel = first_panel; panel < end_panel; panel++) {
        bool is_last = (panel + 1) * unit > product->rows;
        size_t row_step = is_last ? 1 : product->row_step, step = is_last ? unit : product->step;
        const float *a = (is_last ? product->last : product->a + panel * unit * row_step) + above * step;
        const float *start = product->start && above == 0 ? product->start + panel * unit : NULL;
        if (is_whole && !is_last) {
            kernel->multiply(columns.rows[0] + panel * unit * product->stride, product->stride, a, row_step, step, b,
                             depth, start);
        } else {
            multiply_piecewise(product, &columns, panel * unit, a, row_step, step, b, depth, start);
        }
    }
}

void oa_panel_multiply(const oa_panel_product *product, size_t first_panel, size_t end_panel, size_t first, size_t end,
                       float *workspace)
{
    size_t unit = product->kernel->columns, above = 0;
    do { /* once for an empty depth, too */
        size_t depth = smaller(OA_PANEL_DEPTH, product->depth - above);
        for (size_t j = first; j < end; j += unit) {
            product->fill(workspace + (j - first) * OA_PANEL_DEPTH, product, j, smaller(unit, end - j), above, depth);
        }
        for (size_t j = first; j < end; j += unit) {
            multiply_panel(product, first_panel, end_panel, j, smaller(j + unit, end), above, depth,
                           workspace + (j - first) * OA_PANEL_DEPTH);
        }
        above += depth;
    } while (above < product->depth);
    size_t last_row = smaller(end_panel * product->kernel->rows, product->rows);
    for (size_t row = first_panel * product->kernel->rows; product->finish && row < last_row; row++) {
        for (size_t j = first, n; j < end; j += n) {
            float *piece = piece_of(&n, product, row, j, end);
            product->finish(piece, product, row, j, n);
        }
    }
}
