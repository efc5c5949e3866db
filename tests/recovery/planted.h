/* A model's copy with its units in another order, and perhaps noise on its weights. */
#ifndef OA_TESTS_RECOVERY_PLANTED_H
#define OA_TESTS_RECOVERY_PLANTED_H

#include "core/base/random.h"
#include "core/symmetry/layout.h"

/* A graph that shares everything with another, but for the payloads of float constants. */
typedef struct planted {
    oa_graph graph;
    oa_tensor *tensors;
    oa_payloads payloads;
    double noise; /* sum of squares of what was added, statistics left out */
} planted;

/* Reorders a by the permutations and adds Gaussian noise of `noise` times the spread of each constant. Fails the test
 * when that fails. `a` must outlive it. */
void planted_make(planted *b, const oa_graph *a, const oa_layout *layout, const oa_permutations *permutations,
                  double noise, oa_random *random);
void planted_free(planted *b);

/* How many units are not where the inverse of `truth` says: b was reordered by truth, so that this puts it back.
 * Inverts truth. */
size_t planted_wrong(const oa_permutations *found, oa_permutations *truth, const oa_layout *layout);

#endif
