/* Matrix products on packed panels: what a product is made of, for those who lay out the panels themselves. A
 * convolution lays out its windows straight into the cache, where a product of whole matrices would write them to
 * memory, read them, and lay them out again.
 *
 * c [rows, columns] = a [rows, depth] b [depth, columns]. A panel of a is some rows; a panel of b some columns, laid
 * out [depth, unit]; the units are the kernel's. What goes beyond the matrix is filled up with zeros (a) or with
 * anything (b).
 *
 * For processors with AVX2 and FMA, and AVX-512; others use core/linalg/blas.h. */
#ifndef OA_LINALG_PANELS_H
#define OA_LINALG_PANELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OA_PANEL_MOST_LANES = 16,
    OA_PANEL_MOST_ROWS = 8,
    OA_PANEL_MOST_COLUMNS = 48,
    OA_PANEL_DEPTH = 192 /* so deep is a panel of b at most: it stays in the first cache while all of a passes */
};

/* A piece of a panel's row: as many floats as a vector has lanes, of which those that `mask` names are read and the
 * others are zero. Nothing is read for them, so that they may lie anywhere. */
typedef struct oa_panel_copy {
    ptrdiff_t from;
    uint32_t to; /* place in the row */
    uint32_t mask;
} oa_panel_copy;

typedef struct oa_panel_kernel {
    size_t rows;    /* of a panel of a; at most OA_PANEL_MOST_ROWS */
    size_t columns; /* of a panel of b; at most OA_PANEL_MOST_COLUMNS */
    size_t lanes;   /* of a vector */
    /* c [rows, columns] += a b, or starts from start[row] in every row when start is not NULL. Element (row, k) of a is
     * a[row * row_step + k * step]. */
    void (*multiply)(float *c, size_t stride, const float *a, size_t row_step, size_t step, const float *b,
                     size_t depth, const float *start);
    /* Writes pieces of a row in the order given, lanes of zeros included: up to a vector past the row's end. Lane i is
     * from[i * step]; step is below 2^26. */
    void (*copy)(float *row, const float *from, const oa_panel_copy *copies, size_t count, size_t step);
} oa_panel_kernel;

/* The kernels that this processor can run, best first, by index from 0: NULL past the last. */
const oa_panel_kernel *oa_panel_kernel_at(size_t index);
/* The best, or NULL. */
const oa_panel_kernel *oa_panel_kernel_find(void);

typedef struct oa_panel_product oa_panel_product;

/* Lays out columns first .. first + count - 1 of rows `above` .. above + depth - 1 of b: panel [depth, unit], with room
 * for OA_PANEL_SLACK floats behind it that may be overwritten. count is at most the unit. */
enum { OA_PANEL_SLACK = OA_PANEL_MOST_LANES };
typedef void (*oa_panel_fill)(float *panel, const oa_panel_product *product, size_t first, size_t count, size_t above,
                              size_t depth);
/* Sees elements of c that are complete: n of row `row` from column `first` on. */
typedef void (*oa_panel_finish)(float *c, const oa_panel_product *product, size_t row, size_t first, size_t n);

/* Column j of c is at (j / run) * run_step + j % run in each of its rows, which are `stride` apart: images of a batch
 * lie behind each other, each with all of its rows. */
struct oa_panel_product {
    const oa_panel_kernel *kernel;
    size_t rows, columns, depth;
    const float *a; /* element (row, k) is a[row * row_step + k * step] */
    size_t row_step, step;
    const float *last;  /* the last panel packed, by oa_panel_pack; NULL when rows are in whole panels */
    const float *start; /* [rows rounded up to whole panels], what sums start from; NULL: from what is in c */
    float *c;
    size_t stride, run, run_step;
    oa_panel_fill fill;
    oa_panel_finish finish; /* or NULL */
    const void *context;    /* of fill and finish */
};

/* Packs the last rows of a, those that are no whole panel: packed [depth, unit]. O(depth). */
void oa_panel_pack(float *packed, const oa_panel_kernel *kernel, const float *a, size_t rows, size_t row_step,
                   size_t step, size_t depth);

/* Floats of workspace for so many columns at a time. */
size_t oa_panel_workspace(const oa_panel_kernel *kernel, size_t columns);
/* Computes the panels first_panel .. end_panel - 1 of rows and the columns first .. end - 1 of c, where `first` starts
 * a panel and end does, or is the last. The sums of an element are made in the same order whatever the part. */
void oa_panel_multiply(const oa_panel_product *product, size_t first_panel, size_t end_panel, size_t first, size_t end,
                       float *workspace);

#endif
