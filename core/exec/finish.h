/* What becomes of a value right where it was made: elementwise nodes that follow a convolution run on a piece of its
 * output while that is still in the cache. Each step computes what the kernel of its node does, byte for byte. */
#ifndef OA_EXEC_FINISH_H
#define OA_EXEC_FINISH_H

#include "core/exec/array.h"

typedef enum oa_finish_kind {
    OA_FINISH_NORMALISE, /* (x - mean) * factor + bias, each of the channel */
    OA_FINISH_RELU,
    OA_FINISH_CLIP, /* to least .. most */
    OA_FINISH_HARD_SWISH,
    OA_FINISH_ADD /* the element of `other` at the same place */
} oa_finish_kind;

enum { OA_FINISH_MOST = 6 };

typedef struct oa_finish_step {
    oa_finish_kind kind;
    const float *mean, *factor, *bias; /* [channels], of NORMALISE */
    size_t channels;                   /* of NORMALISE */
    float least, most;                 /* of CLIP */
    const oa_array *other;             /* of ADD */
} oa_finish_step;

typedef struct oa_finish {
    oa_finish_step steps[OA_FINISH_MOST];
    size_t count;
} oa_finish;

/* Can the steps be taken on an output of this shape, [batch, channels, ...] of float32? O(steps). */
bool oa_finish_fits(const oa_finish *finish, const oa_array *y);

/* Takes all steps on n neighbouring elements of one channel, the first of which is element `at` of the output. O(n). */
void oa_finish_apply(const oa_finish *finish, float *y, size_t channel, size_t at, size_t n);

#endif
