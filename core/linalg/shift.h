/* Products with matrices whose rows are shifted views of one array: what a convolution is without laying out its
 * windows as columns. Row k of the matrix is x[offsets[k]], x[offsets[k] + 1], ... .
 *
 * For processors with AVX2 and FMA; others use matrix products (core/linalg/blas.h). Small numbers of rows, for which
 * the packing of a general matrix product costs as much as the product, are what this is for. */
#ifndef OA_LINALG_SHIFT_H
#define OA_LINALG_SHIFT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    OA_SHIFT_ROWS = 4, /* rows are handled so many at a time */
    OA_SHIFT_LANES = 8 /* and columns */
};

/* Can the processor run what follows? */
bool oa_shift_is_available(void);

/* `count` rounded up to whole blocks of `unit`. */
static inline size_t oa_shift_round(size_t count, size_t unit)
{
    return (count + unit - 1) / unit * unit;
}

/* y[r, p] = sum over k of w[r, k] x[offsets[k] + p], for r < rows and p < width, both rounded up: y and x must have
 * room for rows in blocks of OA_SHIFT_ROWS and for columns in blocks of OA_SHIFT_LANES. y [rows, y_stride]; packed is w
 * as [rows / 4, depth, 4], filled up with zeros; offsets [depth]. Nothing may overlap. O(rows * depth * width). */
void oa_shift_product(float *y, size_t y_stride, const float *packed, size_t rows, const float *x,
                      const ptrdiff_t *offsets, size_t depth, size_t width);

/* w[r, k] += sum over p < width of g[r, p] x[offsets[k] + p], for r < rows and k < depth: w [rows, depth] packed, g
 * [rows, g_stride]. `rows` of g are read in blocks of OA_SHIFT_ROWS, whatever is in the last; `width` is a multiple of
 * OA_SHIFT_LANES. Sums are in single precision, in lanes. O(rows * depth * width). */
void oa_shift_correlate(float *w, size_t rows, size_t depth, const float *g, size_t g_stride, const float *x,
                        const ptrdiff_t *offsets, size_t width);

#endif
