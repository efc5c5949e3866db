/* How the constants of a problem move under matrices: the plan that soft.c runs. Private to this folder.
 *
 * Each constant is kept in a working order of its own, chosen so that the products with the matrices of its groups are
 * products of whole matrices: one axis that moves comes first, another one last, and behind a flatten the units of the
 * last axis are made neighbours ([outputs, inputs, window] becomes [outputs, window, inputs]). */
#ifndef OA_SOFT_SOFT_PLAN_H
#define OA_SOFT_SOFT_PLAN_H

#include "core/match/match.h"

/* One group on one axis of a constant, as matrices inside its working order: with X at element start[k],
 * rows of units:    X [n, span], stride between units; S acts as S X,
 * columns of units: X [span, n], stride between rows;  S acts as X S^T.
 *
 * What counts within blocks only (oa_occurrence.is_within) has a matrix for each block: the blocks were moved by a step
 * before, so that of S [(k, i), (l, j)] the sum over l is what happens inside of block k. */
typedef struct soft_step {
    size_t group;
    size_t n;                        /* units, or those inside of a block */
    size_t blocks;                   /* with a matrix each, and as many starts each, block after block; 1: S itself */
    float *within, *within_gradient; /* [blocks, n, n] when there are several */
    bool is_rows;
    size_t span;
    size_t stride;
    size_t *start;
    size_t start_count;
    bool is_full; /* every element belongs to a unit; otherwise the others stay */
} soft_step;

typedef struct soft_tensor {
    size_t tensor; /* of a's graph */
    size_t count;
    bool counts;   /* for the distance */
    bool is_chain; /* its steps act on one another's results; otherwise on elements of their own, each a matrix */
    bool is_natural;
    size_t rank;
    size_t size[OA_MAX_RANK];    /* axes in working order */
    size_t *offset[OA_MAX_RANK]; /* [size] where along the axis, in elements of the constant; NULL when natural */
    soft_step *steps;
    size_t step_count;
    float *a;      /* [count] in working order; chains that count only */
    float *b;      /* [count] */
    float *states; /* [step_count - 1, count]: b after each step but the last */
} soft_tensor;

/* Fills `planned` (zeroed) for a constant that moves, with its buffers. OA_ERROR_MEMORY. Free it in any case. */
oa_status oa_soft_plan(soft_tensor *planned, const oa_match_problem *problem, size_t tensor, oa_error *error);
void oa_soft_plan_free(soft_tensor *planned);

/* Between the constant's own order and the working order; [count] each, no overlap. */
void oa_soft_pack(float *working, const soft_tensor *t, const float *natural);
void oa_soft_unpack(float *natural, const soft_tensor *t, const float *working);

/* A constant as float32 in working order, whatever its dtype. OA_ERROR_MEMORY. */
oa_status oa_soft_read(float *working, const soft_tensor *t, const oa_tensor *constant, oa_error *error);

#endif
