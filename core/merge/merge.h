/* Averaging aligned models. */
#ifndef OA_MERGE_MERGE_H
#define OA_MERGE_MERGE_H

#include "core/ir/graph.h"
#include "core/symmetry/layout.h"

/* One model to average, seen through the first one's constants. */
typedef struct oa_merge_part {
    const oa_graph *graph;
    const size_t *tensor_of; /* [a->tensor_count] its constant in the place of each of a's, OA_NONE for none */
    oa_payloads *payloads;   /* its reordered constants; buffers may be taken over (see below). NULL: none */
    double weight;
    bool keeps_payloads; /* its buffers stay its own */
} oa_merge_part;

/* Averages float constants: merged[t] = a[t] + sum_i weight_i * (part_i[t] - a[t]), computed in double and rounded to
 * nearest even in a's dtype; a's own weight is one minus the sum of the others. A constant on which all models agree
 * comes out bit for bit, and so does a single part of weight 1 in its own dtype. Running variances of
 * BatchNormalization are not averaged but estimated for the averaged layer (see statistics.h). Everything that is not
 * float stays as a has it.
 *
 * `merged` is initialised for a. Buffers of the first part's payloads are taken over for the result where the dtypes
 * agree (they become NULL there), so that no further copy of the weights is needed. OA_ERROR_MEMORY. O(parameters). */
oa_status oa_merge(oa_payloads *merged, const oa_graph *a, const oa_layout *layout, const oa_merge_part *parts,
                   size_t count, oa_error *error);

#endif
