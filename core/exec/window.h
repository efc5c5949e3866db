/* The geometry that convolution and pooling share: a window that slides over the spatial axes of an array
 * [N, C, in_1, ..., in_rank]. A tap is a position inside the window; a row is the run along the last axis, so that an
 * outer position counts through all axes but the last. */
#ifndef OA_EXEC_WINDOW_H
#define OA_EXEC_WINDOW_H

#include "core/exec/call.h"

typedef struct oa_window {
    size_t rank; /* spatial axes, at least 1 */
    size_t in[OA_MAX_RANK];
    size_t out[OA_MAX_RANK];
    size_t kernel[OA_MAX_RANK];
    size_t stride[OA_MAX_RANK];
    size_t dilation[OA_MAX_RANK];
    size_t pad[OA_MAX_RANK];     /* before */
    size_t pad_end[OA_MAX_RANK]; /* after */
} oa_window;

/* Fills the window from x's spatial shape and the attributes strides, dilations, pads, auto_pad and kernel_shape.
 * `kernel` is the kernel's spatial shape [x->rank - 2]; NULL takes it from kernel_shape, which otherwise must agree
 * with it. In `is_ceil` mode a last window that reaches past the end counts, unless it would start there.
 * OA_ERROR_INPUT for what is out of range. O(rank). */
oa_status oa_window_read(oa_window *window, oa_call *call, const oa_array *x, const size_t *kernel, bool is_ceil,
                         oa_error *error);

/* The same for a transposed convolution: the window slides over the output, whose shape becomes `in`, and `out` is x's.
 * Reads output_shape and output_padding too. x has rank 3 at least. */
oa_status oa_window_read_transposed(oa_window *window, oa_call *call, const oa_array *x, const size_t *kernel,
                                    oa_error *error);

/* Products: of all sizes, and of all but the last. */
size_t oa_window_size(const size_t *sizes, size_t rank);
size_t oa_window_rows(const size_t *sizes, size_t rank);

/* Counts a position [rank] up, last axis fastest; false when it wraps to zero. */
bool oa_window_next(size_t *position, const size_t *sizes, size_t rank);

/* The input row that outer tap `tap` reads for outer position `out` (both [rank - 1]); false when it is padding. */
static inline bool oa_window_row(size_t *row, const oa_window *window, const size_t *out, const size_t *tap)
{
    size_t found = 0;
    for (size_t d = 0; d + 1 < window->rank; d++) {
        size_t at = out[d] * window->stride[d] + tap[d] * window->dilation[d]; /* in the padded input */
        if (at < window->pad[d] || at - window->pad[d] >= window->in[d]) {
            return false;
        }
        found = found * window->in[d] + (at - window->pad[d]);
    }
    *row = found;
    return true;
}

/* Along axis `d`, tap `tap` reads real input for the outputs *first .. *end - 1; the one at *first reads input *from,
 * the next ones `stride` further each. */
void oa_window_span(size_t *first, size_t *end, size_t *from, const oa_window *window, size_t d, size_t tap);

/* The taps *first .. *past - 1 of the window at output `out` along axis `d` that read real input; with `counts_padding`
 * those that read the padding too (but not past it). */
void oa_window_taps(size_t *first, size_t *past, const oa_window *window, size_t d, size_t out, bool counts_padding);

/* All taps along the last axis that any output reads real input with are among *first .. *past - 1. */
void oa_window_last_taps(size_t *first, size_t *past, const oa_window *window);

/* The outer taps of one outer output position that read real input, walked in order. */
typedef struct oa_window_box {
    size_t first[OA_MAX_RANK];
    size_t past[OA_MAX_RANK];
    size_t tap[OA_MAX_RANK];
} oa_window_box;

/* Starts at the first tap; false when there is none. */
bool oa_window_box_start(oa_window_box *box, const oa_window *window, const size_t *out);
bool oa_window_box_next(oa_window_box *box, const oa_window *window);

#endif
