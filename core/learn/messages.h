/* The encoder of any layout: units tell each other about themselves along the weights that connect them.
 *
 * Features live on units only, never on weights: a weight matrix is the operator along which they travel. In a round,
 * for every group of units in turn (in the layout's order, then against it, and so on, so that news crosses a deep
 * model in one round),
 *
 *     m = sum_k T_in[k] A_k + sum_k T_out[k] B_k + X_in P + X_out P' + X_vec P'' + h S + mean(h) C + b
 *     h = h + gelu(layer norm(m)) S'
 *
 * T_in and T_out are what arrives over the tensors that compute the units and over those that take them in: over the
 * signed weights (each tap of a kernel with its own fixed pattern of signs), their mean over taps, and their root mean
 * square over taps, centred. X are the weights to axes that never move, seen through fixed random vectors, and scales
 * and biases, each kind with a random vector of its own. All weights are scaled to root mean square 1 a tensor. Finally
 * f = h O + X R, normalised.
 *
 * Scores between two models are exp(s) <f, f'>, plus the cosines of the units' weights to axes that never move (exact,
 * where f knows them through random vectors only), plus the products of their single numbers (biases, scales, weights
 * of a lone input), each kind times a factor that is learned (as messages_refine.c has it); then they are told of each
 * other (messages_refine.c).
 *
 * Every step commutes with reordering units, and no parameter depends on a size or on the architecture: one set of
 * parameters serves any layout. Time O(weights * channels) a round, memory O(units * channels) beside the weights. */
#ifndef OA_LEARN_MESSAGES_H
#define OA_LEARN_MESSAGES_H

#include "core/learn/encoder_kind.h"
#include "core/learn/relations.h"

/* By which of the three ways a fixed relation reaches its group. */
enum { OA_FIXED_IN, OA_FIXED_OUT, OA_FIXED_VECTOR, OA_FIXED_WAYS };

/* One end of a relation: what group it brings messages to, and from which. */
typedef struct oa_message_end {
    size_t relation;
    bool to_rows;
} oa_message_end;

typedef struct oa_message_group {
    oa_message_end *ends;
    size_t end_count;
    size_t arrivals[2]; /* how many ends come over tensors that compute the units, and that take them in */
    size_t fixed_count[OA_FIXED_WAYS];
    size_t columns[OA_FIXED_WAYS];       /* of all fixed relations of a way together */
    float *narrow_probes[OA_FIXED_WAYS]; /* [columns, probes] when there are so few columns that it is cheaper to mix
                                            the probes first; NULL otherwise */
    size_t raw_count[2];    /* weights of a unit to fixed axes, of tensors that compute it and take it in */
    size_t number_count[2]; /* single numbers of a unit */
} oa_message_group;

typedef struct oa_message_plan {
    oa_aligner_plan base;
    oa_relations relations;
    oa_message_group *groups; /* [group_count] */
    size_t *way;              /* [fixed_count] OA_FIXED_... */
    float **probes;           /* [fixed_count], each [columns of the relation, probes]; equal ones are shared */
    bool *owns_probes;        /* [fixed_count] */
    float **signs;            /* [between_count], each [taps, channels] or NULL for a single tap */
    bool *owns_signs;
} oa_message_plan;

/* The weights of a model. */
typedef struct oa_packed_messages {
    oa_packed base;
    const oa_message_plan *plan;
    float **weights; /* [between_count], each [rows, columns * taps], or NULL when only means count */
    float **means;   /* [between_count], each [rows, columns] times sqrt(taps), or NULL for a single tap */
    float **sizes;   /* [between_count], root mean squares over taps, centred and scaled */
    float **seen;    /* [group_count * OA_FIXED_WAYS], each [size, oa_seen_width], or NULL */
    float **raw;     /* [group_count * 2], each [size, raw_count], rows of norm 1, or NULL */
    float **numbers; /* [group_count * 2], each [size, number_count], or NULL */
    double *energy;  /* sums of squares: [between_count] of relations, then [group_count * 2] of raw and of numbers */
} oa_packed_messages;

/* What a unit sees of fixed axes: as many numbers as there are probes, or the columns themselves when they are few. */
size_t oa_seen_width(const oa_message_plan *plan, size_t group, size_t way);

/* Columns that a fixed relation has as features: its places, or a mean and a root mean square for each offset. */
size_t oa_fixed_columns(const oa_fixed_relation *relation);

oa_status oa_messages_pack(oa_packed **packed, const oa_aligner_plan *plan, const float *const *weights,
                           oa_error *error);
void oa_messages_packed_destroy(oa_packed *packed);

#endif
