/* Numpy's broadcasting: shapes, and the walk over several operands at once. */
#ifndef OA_EXEC_BROADCAST_H
#define OA_EXEC_BROADCAST_H

#include "core/exec/array.h"

enum { OA_BROADCAST_OPERANDS = 3 };

/* The common shape of `count` arrays: sizes are equal or 1 along every axis, counted from the last. `dims` has room for
 * OA_MAX_RANK. OA_ERROR_INPUT when the shapes do not go together. O(count * rank). */
oa_status oa_broadcast_shape(size_t *dims, size_t *rank, const oa_array *const *arrays, size_t count, oa_error *error);

/* A walk over a packed array of shape [dims] and operands that are broadcast to it. Axes that all operands step through
 * alike are joined, so that the innermost run is as long as it can be. In the innermost run an operand either steps by
 * one element or stays where it is. */
typedef struct oa_broadcast {
    size_t rank;              /* at least 1 */
    size_t dims[OA_MAX_RANK]; /* joined */
    size_t steps[OA_BROADCAST_OPERANDS][OA_MAX_RANK];
    size_t operand_count;
    size_t run;                             /* elements of the innermost run: dims[rank - 1] */
    size_t run_step[OA_BROADCAST_OPERANDS]; /* 0 or 1 */
    size_t index[OA_MAX_RANK];              /* the state of the walk */
    size_t offsets[OA_BROADCAST_OPERANDS];  /* in elements, of the run that is due */
} oa_broadcast;

/* Starts a walk. `arrays` must be broadcastable to [dims], which must not be empty of elements; `count` is at most
 * OA_BROADCAST_OPERANDS. O(count * rank). */
void oa_broadcast_start(oa_broadcast *walk, const size_t *dims, size_t rank, const oa_array *const *arrays,
                        size_t count);
/* Goes to run `index` of all, counted from 0. */
void oa_broadcast_seek(oa_broadcast *walk, size_t index);
/* Goes to the next run; false when there is none. */
bool oa_broadcast_next(oa_broadcast *walk);

#endif
