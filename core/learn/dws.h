/* The paper's encoder, for chains of layers: deep weight space (DWS) layers.
 *
 * Navon, Shamsian, Achituve, Fetaya, Chechik and Maron, "Equivariant Architectures for Learning in Deep Weight Spaces",
 * ICML 2023, in the configuration that Navon et al. 2024 (see aligner.h) publish for alignment: maximum as the pool,
 * only neighbouring layers coupled. A chain has the groups of units g_0, g_1, ... and one weight matrix between each
 * and the next. Features live on
 *
 *     every matrix between two groups           [rows, columns, channels], channels at first the taps of the kernel
 *     every weight to places that never move    [units, places * channels], places reduced to `inputs` learned ones
 *       (the first layer's inputs, the last layer's outputs)
 *     the vectors of a group (biases, norms)    [units, channels], channels at first one a vector
 *
 * With S_l all that lies on the units of group l, side by side (vectors, weights to fixed places, and the neighbouring
 * matrices' maxima over their other axis), and P_l its maximum over the units, a layer computes
 *
 *     units     S_l A + P_{l-1} B + P_l C + P_{l+1} D + b                                 for vectors and fixed places
 *     matrices  X[i, j] E + S_rows[i] F + S_columns[j] G + P_rows H + P_columns J + b
 *
 * which are the equivariant linear maps of the paper's appendix between neighbours; then a rectifier and a norm. Only
 * X E is large; oa_op_pairs does it tile by tile. The last layer computes the units alone: `features` of each, rows of
 * norm 1. Scores are exp(s) <f, f'>.
 *
 * Deviations: the norm is over the channels of each feature, not over the batch, so that a model's features do not
 * depend on which others are encoded with it; every tensor enters with root mean square 1; the last layer's bias, which
 * no unit has, does not enter.
 *
 * Parameters belong to one architecture. Time O(weights * channels^2) a layer and memory O(weights * channels) a layer:
 * 4 MB for 128 x 128 weights and 64 channels. */
#ifndef OA_LEARN_DWS_H
#define OA_LEARN_DWS_H

#include "core/learn/encoder_kind.h"
#include "core/learn/relations.h"

/* A group in the chain. The lists are indices into the plan's fixed relations. */
typedef struct oa_dws_axis {
    size_t group;
    size_t size;
    size_t *vectors; /* those with one place */
    size_t vector_count;
    size_t *fixed; /* those with several */
    size_t fixed_count;
} oa_dws_axis;

/* A matrix between axis l and axis l + 1 of the chain, which is its number. */
typedef struct oa_dws_matrix {
    size_t relation;
    size_t rows;    /* the axis that its rows are: l or l + 1 */
    size_t columns; /* the other */
} oa_dws_matrix;

typedef struct oa_dws_plan {
    oa_aligner_plan base;
    oa_relations relations;
    oa_dws_axis *axes; /* [axis_count] along the chain */
    size_t axis_count;
    oa_dws_matrix *matrices;  /* [axis_count - 1] */
    oa_parameter *parameters; /* [parameter_count] without offsets: what an aligner for this plan must have */
    size_t parameter_count;
    oa_arena arena;
} oa_dws_plan;

/* A model's weights: everything root mean square 1. */
typedef struct oa_packed_dws {
    oa_packed base;
    float **vectors;  /* [axis_count], each [size, vector_count], or NULL */
    float **fixed;    /* [fixed_count of the relations], each [size, places], or NULL for vectors */
    float **matrices; /* [axis_count - 1], each [rows * columns, taps] */
    size_t axis_count, fixed_count;
} oa_packed_dws;

/* Learned places that a fixed relation is reduced to. */
size_t oa_dws_places(const oa_dws_plan *plan, size_t fixed);
/* Channels after `layer` layers (0: as packed) of the vectors of an axis, of a fixed relation, of a matrix, and of all
 * that lies on the units of an axis. */
size_t oa_dws_vector_width(const oa_dws_plan *plan, size_t axis, size_t layer);
size_t oa_dws_fixed_width(const oa_dws_plan *plan, size_t fixed, size_t layer);
size_t oa_dws_matrix_width(const oa_dws_plan *plan, size_t matrix, size_t layer);
size_t oa_dws_axis_width(const oa_dws_plan *plan, size_t axis, size_t layer);
/* The axes whose pools reach the units of an axis: first .. first + count - 1. */
void oa_dws_neighbours(size_t *first, size_t *count, const oa_dws_plan *plan, size_t axis);

/* dws_plan.c, dws_parameters.c, dws_pack.c: see encoder_kind.h. */
oa_status oa_dws_plan_create(oa_aligner_plan **plan, const oa_aligner_config *config, const oa_layout *layout,
                             const oa_graph *graph, oa_error *error);
void oa_dws_plan_destroy(oa_aligner_plan *plan);
size_t oa_dws_parameters(oa_parameter *parameters, const oa_aligner_config *config, const oa_aligner_plan *plan);
oa_status oa_dws_pack(oa_packed **packed, const oa_aligner_plan *plan, const float *const *weights, oa_error *error);
void oa_dws_packed_destroy(oa_packed *packed);

#endif
