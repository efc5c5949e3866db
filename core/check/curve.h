/* Loss and accuracy along the line between two models. */
#ifndef OA_CHECK_CURVE_H
#define OA_CHECK_CURVE_H

#include "core/check/evaluate.h"
#include "core/merge/merge.h"
#include "core/merge/repair.h"

/* The line lambda * a + (1 - lambda) * b at evenly spaced lambda from 0 to 1. */
typedef struct oa_curve {
    size_t count;            /* points */
    double *lambda;          /* [count] share of a */
    double *loss;            /* [count] */
    bool has_accuracy;       /* false: the samples have numbers for targets; accuracy is then all zeros */
    double *accuracy;        /* [count] */
    double barrier;          /* largest rise of the loss above the straight line between the ends, at least 0 */
    oa_repair_info repaired; /* with repair: of the point whose statistics are the least certain */
    double auc;              /* integral over lambda of that rise (negative where the loss lies below), at least 0 */
} oa_curve;

void oa_curve_free(oa_curve *curve);
/* *copy is zeroed or freed before. OA_ERROR_MEMORY, *copy is then untouched. O(points). */
oa_status oa_curve_copy(oa_curve *copy, const oa_curve *curve, oa_error *error);

/* Measures `count` >= 2 points on the samples. `b` is the other end: its constants as they are to be averaged (weight
 * is not used, payloads are kept). The models on the way are made by oa_merge, running variances included, just as
 * merging makes them; the ends are a and b themselves. With a `repair` (NULL: none) that has measured both, a first,
 * those between the ends are repaired; the ends never are, so that barriers with and without compare. `engine` runs
 * them (NULL: the built-in one). `progress` may be NULL.
 *
 * barrier = max over lambda of psi, auc = trapezoidal integral of psi over [0, 1], both floored at 0, where
 * psi(lambda) = L(lambda) - (lambda L(1) + (1 - lambda) L(0)): Navon et al., "Equivariant Deep Weight Space Alignment",
 * ICML 2024, section 6. Errors as oa_evaluate and oa_merge. O(count * evaluation). */
oa_status oa_curve_measure(oa_curve *curve, size_t count, const oa_graph *a, const oa_layout *layout,
                           const oa_merge_part *b, oa_repair *repair, const oa_samples *samples, size_t batch,
                           const oa_engine *engine, void (*progress)(void *context, size_t done, size_t total),
                           void *progress_context, oa_error *error);

/* Sets barrier and auc from lambda and loss. */
void oa_curve_summarise(oa_curve *curve);

#endif
