/* The soft permutations of groups on two levels: doubly stochastic matrices of blocks, and of the units inside of them.
 *
 * A group by itself, or blocks, have the Sinkhorn normalisation S of their scores. Insides with an order of their own
 * in each block have, in the place of each two blocks h and k, S_blocks[h, k] times the normalisation of the scores
 * between the units of h and of k: units go only where their blocks go, and the whole is doubly stochastic again. */
#ifndef OA_SOFT_SOFT_LEVELS_H
#define OA_SOFT_SOFT_LEVELS_H

#include "core/symmetry/layout.h"

/* Workspace of one group. */
typedef struct oa_level oa_level;

/* `iterations` of Sinkhorn. OA_ERROR_MEMORY. O(size^2 + size * blocks * iterations) floats. */
oa_status oa_level_create(oa_level **level, const oa_group *group, size_t iterations, oa_error *error);
void oa_level_destroy(oa_level *level);

/* s [size, size] of scores [size, size]; they may be the same. `blocks` is the s of the parent, NULL for groups of
 * other forms. Keeps what backward needs. OA_ERROR_INPUT for a score that is not finite. */
oa_status oa_level_forward(float *s, oa_level *level, const float *scores, const float *blocks, oa_error *error);

/* Adds to score_gradients [size, size], and for insides to block_gradients, what follows from the gradient of s.
 * `blocks` as in the last forward. */
void oa_level_backward(float *score_gradients, float *block_gradients, oa_level *level, const float *s_gradients,
                       const float *blocks);

#endif
