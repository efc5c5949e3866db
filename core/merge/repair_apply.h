/* Writing what a repair has found into constants. Private to this folder. */
#ifndef OA_MERGE_REPAIR_APPLY_H
#define OA_MERGE_REPAIR_APPLY_H

#include "core/merge/repair_plan.h"

/* What the units of a place do, and what they shall do; each [units]. Borrowed. */
typedef struct oa_unit_change {
    const double *mean, *spread;
    const double *target_mean, *target_spread; /* not used for statistics */
} oa_unit_change;

/* Sets running mean and variance of a normalisation. The variance of a unit that never varies is kept: zero would blow
 * up whatever other data make of it. OA_ERROR_MEMORY. O(units). */
oa_status oa_repair_set_statistics(oa_payloads *payloads, const oa_graph *graph, const oa_repair_place *place,
                                   const oa_unit_change *change, oa_error *error);

/* Rescales a layer's weights and moves its bias, so that mean and spread become the targets. A unit that never varies,
 * or shall not, keeps its weights; one that is as it shall be keeps them bit for bit. OA_ERROR_INPUT when a number
 * leaves the range of its type, OA_ERROR_MEMORY. O(weights). */
oa_status oa_repair_rescale(oa_payloads *payloads, const oa_graph *graph, const oa_repair_place *place,
                            const oa_unit_change *change, oa_error *error);

#endif
