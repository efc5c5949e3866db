/* The spatial axes of operators that slide a window: convolution and pooling. */
#ifndef OA_SYMMETRY_WINDOW_H
#define OA_SYMMETRY_WINDOW_H

#include "core/symmetry/discovery.h"

/* Sets result->space[2 ..] for an operator with strides, dilations, pads, auto_pad and ceil_mode that slides a window
 * of kernel[0 .. x->rank - 3] over the axes of x behind the second. A window of one position that moves by one leaves
 * the axis as it is; all others pin it, since neighbours matter. False when the attributes make no sense. */
bool oa_window_axes(oa_axes *result, oa_discovery *discovery, const oa_node *node, const oa_axes *x,
                    const oa_dim *kernel);

/* The same for a transposed convolution, whose window is laid down at every position: output_padding and output_shape
 * count too. */
bool oa_transposed_window_axes(oa_axes *result, oa_discovery *discovery, const oa_node *node, const oa_axes *x,
                               const oa_dim *kernel);

#endif
