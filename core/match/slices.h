/* Seeing two paired constants as matrices with a row for each unit of a group. Private to this folder. */
#ifndef OA_MATCH_SLICES_H
#define OA_MATCH_SLICES_H

#include "core/match/match.h"

/* The maps that put b's constant t into a's order: `before` over the axes of its view in front of `axis`, `along` over
 * the axis, `after` over those behind it. Offsets are in elements. */
typedef struct oa_slices {
    size_t before_count, axis_size, after_count;
    size_t *before; /* [before_count] */
    size_t *along;  /* [axis_size] */
    size_t *after;  /* [after_count] */
    bool after_is_identity;
} oa_slices;

/* `permutations` NULL: identities. OA_ERROR_MEMORY. */
oa_status oa_slices_init(oa_slices *slices, const oa_match_problem *problem, size_t tensor, size_t axis,
                         const oa_permutations *permutations, oa_error *error);
void oa_slices_free(oa_slices *slices);

/* `count` elements of a float type as float32 with 11 significant bits, as all methods that go by weights see them: a
 * model is answered the same whether it is stored in float32 or in float16. O(count). */
void oa_comparable_floats(float *to, const void *from, oa_dtype dtype, size_t count);

/* profit[i, j] += <unit i of a, unit j of b> over the elements of one occurrence, everything else of b reordered by
 * `permutations`: the other axes, and on this axis the other groups and the other occurrences of this one. profit is
 * [n, n] in double; products run in float32 over bounded pieces and are summed in double. OA_ERROR_MEMORY. O(n *
 * elements). */
oa_status oa_add_profit(double *profit, const oa_match_problem *problem, const oa_occurrence *occurrence,
                        const oa_permutations *permutations, oa_error *error);

/* *sum += sum over elements of a_t * (b reordered)_t, in double, of the weights as they
 * are compared (11 significant bits); with `squared`, of (a - b)^2, exactly. O(elements). */
oa_status oa_add_inner(double *sum, const oa_match_problem *problem, size_t tensor, const oa_permutations *permutations,
                       bool squared, oa_error *error);

/* Does this constant count for the objective? */
bool oa_counts(const oa_match_problem *problem, size_t tensor);

#endif
