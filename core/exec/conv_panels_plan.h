/* What the parts of a convolution on panels share. */
#ifndef OA_EXEC_CONV_PANELS_PLAN_H
#define OA_EXEC_CONV_PANELS_PLAN_H

#include "core/exec/conv.h"
#include "core/linalg/panels.h"

enum { OA_CONV_BLOCK_PANELS = 6 }; /* of columns that one piece of work has: a's panels are read once for all of them */

typedef struct oa_conv_panels_plan {
    const oa_conv *conv;
    const oa_panel_kernel *kernel;
    bool is_flat;          /* a kernel of 1 without strides and padding: an image is one row */
    size_t taps;           /* of the window */
    size_t positions;      /* outputs of a channel */
    size_t row_length;     /* outputs that read places `step` apart */
    size_t step;           /* the stride along the last axis */
    size_t plane;          /* inputs of a channel */
    size_t depth;          /* in_channels * taps */
    size_t most_copies;    /* of a panel, for one tap */
    size_t last_size;      /* floats of a group's last panel of weights; 0 when all are whole */
    size_t padded_rows;    /* out_channels in whole panels */
    size_t workspace_size; /* floats of one worker */
    /* In the scratch: */
    float *last;           /* [groups, last_size] */
    float *start;          /* [groups, padded_rows], the biases */
    float *workspaces;     /* [threads, workspace_size] */
    oa_panel_copy *copies; /* [threads, OA_CONV_BLOCK_PANELS, taps, most_copies] */
} oa_conv_panels_plan;

/* All but what is in the scratch; false when a size overflows, or the window has too many taps to list copies for. */
bool oa_conv_panels_make(oa_conv_panels_plan *plan, const oa_conv *conv);
/* The scratch; false when there is not so much memory. */
bool oa_conv_panels_place(oa_conv_panels_plan *plan, oa_call *call);

/* The copies that make a row of a panel of columns first .. first + count - 1, for each tap: copies [taps, the count
 * that is returned], from the channel of the first image on. O(taps * count). */
size_t oa_conv_panels_copies(oa_panel_copy *copies, const oa_conv_panels_plan *plan, size_t first, size_t count);

#endif
