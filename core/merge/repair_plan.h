/* Where a merged model can be repaired: found by the graph's structure alone. Private to this folder and its users'
 * reports. */
#ifndef OA_MERGE_REPAIR_PLAN_H
#define OA_MERGE_REPAIR_PLAN_H

#include "core/ir/graph.h"

typedef enum oa_repair_kind {
    OA_REPAIR_STATISTICS,  /* a batch normalisation: its running mean and variance become those of the data */
    OA_REPAIR_SCALE_SHIFT, /* a layer: weights and bias are rescaled so that mean and spread of its units fit */
    OA_REPAIR_SCALE        /* a layer without a bias of its own: only the spread can be made to fit */
} oa_repair_kind;

typedef struct oa_repair_place {
    oa_repair_kind kind;
    size_t node;  /* the live node that is repaired */
    size_t adder; /* the Add behind it that has its bias, or OA_NONE */
    size_t turn;  /* the Transpose before it that its weights pass, or OA_NONE */
    size_t value; /* the one whose units are watched: what a normalisation takes, what a layer puts out */
    bool is_last; /* the units lie on the value's last axis; on axis 1 otherwise */
    size_t units;
    size_t level;               /* places whose data depend on other places' repair have a higher one; from 0 */
    size_t mean, variance;      /* STATISTICS: constants */
    size_t weight, weight_axis; /* of the constant itself, also where it is transposed */
    size_t bias;                /* SCALE_SHIFT */
    double bias_factor;         /* what the layer multiplies its bias with, never 0 */
} oa_repair_place;

/* A layer or a normalisation that stays as averaging made it. */
typedef struct oa_repair_left {
    const oa_node *node;
    const char *reason; /* static: "its weights are shared with another node" */
} oa_repair_left;

typedef struct oa_repair_plan {
    oa_repair_place *places; /* in the order of the nodes */
    size_t place_count;
    oa_repair_left *left;
    size_t left_count;
    size_t level_count;
    size_t place_capacity, left_capacity;
} oa_repair_plan;

/* Zeroed before; free with oa_repair_plan_free in any case. OA_ERROR_MEMORY. O(edges). */
oa_status oa_repair_plan_make(oa_repair_plan *plan, const oa_graph *graph, oa_error *error);
void oa_repair_plan_free(oa_repair_plan *plan);

#endif
