/* Measuring the parents of a merge that is to be repaired, and trying the repair on each of them: data that are too few
 * or of another kind than the parents were trained on spoil a parent, too, and there it can be seen. */
#ifndef OA_CHECK_REPAIR_ENDS_H
#define OA_CHECK_REPAIR_ENDS_H

#include "core/merge/merge.h"
#include "core/merge/repair.h"

/* How far a parent's outputs move when it is repaired all by itself. */
typedef struct oa_repair_end {
    size_t samples;
    bool has_classes;  /* the first output is [samples, at least 2 numbers] */
    double agreement;  /* share of samples whose largest number stays at its place; 1 without classes */
    double difference; /* root of the mean square of the change of the float outputs, relative to their own spread;
                          infinite when some are not finite */
} oa_repair_end;

/* Measures all parents: a, and its parts as they are to be averaged (their payloads are kept). With
 * normalisations to recompute, each parent is then repaired by itself, on a copy, and compared; rescaled layers alone
 * change nothing by construction, and nothing is run then.
 *
 * - ends [count + 1], output.
 *
 * Errors as oa_repair_apply and oa_merge. */
oa_status oa_repair_measure_parents(oa_repair_end *ends, oa_repair *repair, const oa_graph *a, const oa_layout *layout,
                                    const oa_merge_part *parts, size_t count, oa_error *error);

#endif
