/* Two models of one structure with everything that matching takes. */
#ifndef OA_TESTS_MATCH_PROBLEM_H
#define OA_TESTS_MATCH_PROBLEM_H

#include "core/match/match.h"
#include "tests/support/graph_builder.h"

typedef const oa_graph *model_builder(test_graph *g);

typedef struct pair {
    test_graph *graphs[2];
    oa_layout *layout; /* of the first */
    oa_pairing pairing;
    oa_match_problem problem;
} pair;

/* Builds both models with the same calls and different weights. */
void pair_create(pair *p, model_builder *build, uint64_t seed_a, uint64_t seed_b);
/* The weights of b become those of a, reordered so that `planted` puts them back, plus noise of the given share of each
 * constant's standard deviation (drawn from `seed`). */
void pair_plant(pair *p, const oa_permutations *planted, double noise, uint64_t seed);
void pair_free(pair *p);

/* Sum over all constants that count and move of a's elements times b's, b reordered, one element at a time in double.
 * Slow and plain; weights are rounded to 11 significant bits as matching sees them. */
double plain_inner(const oa_match_problem *problem, const oa_permutations *permutations);
/* One element as matching sees it, as a double. */
double plain_element(const oa_tensor *tensor, size_t index);

/* Do both say the same for all groups? */
bool same_permutations(const oa_permutations *x, const oa_permutations *y, const oa_layout *layout);

#endif
