/* Soft permutations by their definition, one element at a time in double. */
#ifndef OA_TESTS_SOFT_SOFT_SLOW_H
#define OA_TESTS_SOFT_SOFT_SLOW_H

#include "core/match/match.h"

/* moved [count]: b's constant for tensor t, its occurrences contracted with s [groups][n * n] one after the other. */
void slow_apply(double *moved, const oa_match_problem *problem, size_t t, const double *const *s);

/* The distance of soft.h; factors [tensors] or NULL. */
double slow_distance(const oa_match_problem *problem, const double *const *s, const double *factors);

/* One random matrix a group around the uniform one, as floats and as the same doubles; freed with free_matrices. */
typedef struct matrices {
    float **f;
    double **d;
    float **gradient; /* zeroed */
    size_t count;
} matrices;

void make_matrices(matrices *m, const oa_layout *layout, uint64_t seed);
void free_matrices(matrices *m);

#endif
