/* Small models of the kinds that people merge, for matching. */
#ifndef OA_TESTS_MATCH_MODELS_H
#define OA_TESTS_MATCH_MODELS_H

#include "tests/support/graph_builder.h"

const oa_graph *build_mlp(test_graph *g);
/* Convolutions with batch normalisation, pooling, a flatten. */
const oa_graph *build_cnn(test_graph *g);
/* A residual stream with layers of their own inside. */
const oa_graph *build_residual(test_graph *g);
/* Attention in heads behind a fused product, on a residual stream. */
const oa_graph *build_attention(test_graph *g);
/* Three query heads to each of two heads of keys and values: factors lie between blocks and their insides. */
const oa_graph *build_grouped_queries(test_graph *g);
/* Convolutions of groups: one channel each, and four of three: inputs lie on another axis than the groups. */
const oa_graph *build_grouped(test_graph *g);
/* Products of queries and keys under masks that hold minus infinity and the smallest number. */
const oa_graph *build_masked(test_graph *g);
/* A residual stream with square layers that read and write it: its group lies on both axes of their weights. */
const oa_graph *build_square(test_graph *g);
/* The same without any weight that has the stream on one axis only: nothing tells a unit from another at first sight.
 */
const oa_graph *build_square_only(test_graph *g);
/* The same weight twice, one layer after the other. */
const oa_graph *build_recurrent(test_graph *g);
/* x times x transposed, flattened: the group is both factors of one axis. */
const oa_graph *build_outer_product(test_graph *g);
/* One hidden layer of six units; two of four. */
const oa_graph *build_six(test_graph *g);
const oa_graph *build_four_and_four(test_graph *g);

#endif
