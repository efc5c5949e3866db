/* The windows of a convolution as columns of a matrix, and back: what turns it into matrix products.
 *
 * A tile is a run of output positions of one image, or all positions of several images, whose columns lie side by side:
 * columns [in_channels * kernel, images * (end - first)], of one group. */
#ifndef OA_EXEC_CONV_COLUMNS_H
#define OA_EXEC_CONV_COLUMNS_H

#include "core/exec/conv.h"

typedef struct oa_conv_tile {
    size_t images;
    size_t first; /* output positions first .. end - 1 of each image */
    size_t end;
} oa_conv_tile;

/* Images and output positions of a tile that has at most `most` elements, as far as that goes: positions are not split
 * below 64, which would waste the matrix kernels. Tiles of the rest of an image or a batch are smaller. */
oa_conv_tile oa_conv_tile_plan(const oa_conv *conv, size_t most);
/* The next tile of the batch after that of images *image .., in the order of images and then positions: sets *image and
 * *tile; starts with a zeroed tile and *image; false past the last. */
bool oa_conv_tile_next(size_t *image, oa_conv_tile *tile, const oa_conv_tile *plan, const oa_conv *conv);

/* Rows of the table that the functions below need: rows [oa_conv_tile_rows] of scratch. */
size_t oa_conv_tile_rows(const oa_conv_tile *plan, const oa_conv *conv);

/* columns = the windows of x; `x` is the group's part of the tile's first image, elements are of `size` bytes (4 or 8).
 * O(elements of the tile). */
void oa_conv_columns(void *columns, const void *x, const oa_conv_tile *tile, const oa_conv *conv, size_t *rows,
                     size_t size);
/* The transpose of that: every element of `x` gets the sum of the columns' elements that were read from it, added.
 * `dtype` is float32 or float64. */
void oa_conv_add_columns(void *x, const void *columns, const oa_conv_tile *tile, const oa_conv *conv, size_t *rows,
                         oa_dtype dtype);

/* No padding, and kernel and strides of 1: x itself is the matrix, image by image; and an image has enough columns for
 * a product of its own. */
bool oa_conv_is_pointwise(const oa_window *window);

#endif
