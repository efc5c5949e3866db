/* Random small models out of all operators that have a symmetry rule, and some that have none. */
#ifndef OA_TESTS_SUPPORT_RANDOM_GRAPH_H
#define OA_TESTS_SUPPORT_RANDOM_GRAPH_H

#include "tests/support/graph_builder.h"

/* Builds and finishes a model of about `steps` steps (a step is one to six nodes) behind one or two inputs, ended by
 * one to three outputs. The structure depends on `seed` and `steps` only, the weights on the seed that `g` was created
 * with: two models of one structure pair. Numbers stay moderate, and the function is continuous, so that reordering
 * changes the outputs by rounding only. */
const oa_graph *random_graph_build(test_graph *g, uint64_t seed, size_t steps);

#endif
