/* What activation matching looks at in one pass over the data. Private to this folder. */
#ifndef OA_MATCH_ACTIVATION_PLAN_H
#define OA_MATCH_ACTIVATION_PLAN_H

#include "core/match/activations.h"
#include "core/match/unit_sums.h"

/* A group to be matched, or a group of blocks together with one inside of them that is reordered alike in all: then
 * unit h * size of inner + i is element i of block h. */
typedef struct oa_task {
    size_t group;
    size_t inner; /* or OA_NONE */
    size_t n;
    size_t channels;
    double *profit; /* [n, n], the sum over its channels once the pass is over */
} oa_task;

/* An activation that shows the units of a task. */
typedef struct oa_channel {
    size_t task;
    size_t value_a, value_b;
    size_t axis;
    size_t extent; /* the axis has at least so many elements */
    size_t rest;
    size_t *positions[2];          /* [n, rest] of a, and of b under the groups that are settled already */
    size_t *axis_map[OA_MAX_RANK]; /* for other axes with settled groups: where b's index is, else NULL */
    size_t axis_size[OA_MAX_RANK]; /* entries of the map */
    size_t *outer_map, *inner_map; /* made for the shape of the moment */
    size_t map_dims[OA_MAX_RANK];  /* that shape */
    bool has_maps;                 /* some axis_map is there */
    oa_unit_sums sums;
} oa_channel;

typedef struct oa_activation_plan {
    oa_task *tasks;
    size_t task_count, task_capacity;
    oa_channel *channels;
    size_t channel_count, channel_capacity;
} oa_activation_plan;

/* Plans a pass: tasks for all groups that are not settled and show somewhere beside settled groups only; and for blocks
 * with something inside them where both are open. No tasks: nothing more can be done. `permutations` are those of the
 * settled groups (others are not looked at). Zero-initialised plan; free with oa_activation_plan_free in any case.
 * OA_ERROR_MEMORY. */
oa_status oa_activation_plan_make(oa_activation_plan *plan, const oa_match_problem *problem, const bool *settled,
                                  const oa_permutations *permutations, oa_error *error);
void oa_activation_plan_free(oa_activation_plan *plan);

/* Runs both models over the data and adds up all channels, then the tasks' profits. Errors as oa_match_activations. */
oa_status oa_activation_pass(oa_activation_plan *plan, const oa_match_problem *problem, const oa_batches *data,
                             const oa_activation_settings *settings, size_t *samples, oa_error *error);

#endif
