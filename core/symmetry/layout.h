/* The weight-space layout of a model: its permutation groups, and which axis of which constant each one reorders.
 *
 * It is all that matching, merging and writing know about a model. A permutation is a gather: new[i] = old[p[i]]. */
#ifndef OA_SYMMETRY_LAYOUT_H
#define OA_SYMMETRY_LAYOUT_H

#include "core/base/random.h"
#include "core/ir/graph.h"

typedef enum oa_group_kind {
    OA_GROUP_UNITS,  /* indices that stand by themselves: hidden units, channels */
    OA_GROUP_BLOCKS, /* the outer factor of a product: attention heads, convolution groups, ... */
    OA_GROUP_INSIDE  /* what lies inside the blocks of `parent` */
} oa_group_kind;

/* What lies inside of blocks comes in two forms. Where nothing ties one block's inside to another's, each has an order
 * of its own: the units of the group are then those of all blocks, block after block, a permutation of them takes whole
 * blocks to whole blocks, and it takes them where that of the parent does. The parent lies on no axis where these units
 * follow it at once (see oa_occurrence.is_within). Otherwise the group has the size of one inside, and reorders all of
 * them in the same way. */
typedef struct oa_group {
    size_t size; /* of its permutations */
    oa_group_kind kind;
    size_t parent;      /* the group of blocks that this one lies inside, or OA_NONE */
    size_t block_count; /* blocks with an inside of their own: size / block_count units each; 1 for all other groups */
    size_t first_occurrence;
    size_t occurrence_count;
    size_t first_carrier;
    size_t carrier_count; /* 0 when no activation shows the group */
} oa_group;

/* One place where a group reorders an axis of a constant. `positions` is [size, rest]: where the elements of unit i lie
 * along the axis. In a plain axis rest is 1 and positions[i] = i; behind a flatten, rest is the number of elements a
 * channel. */
typedef struct oa_occurrence {
    size_t group;
    size_t tensor;
    size_t axis;     /* of the tensor's view */
    size_t own_axis; /* the tensor's own that it lies on */
    size_t rest;
    const size_t *positions;
    bool is_within; /* of insides with orders of their own: something lies between their blocks and them (the query
                       heads that share keys and values, the outputs in a group of a convolution). Another group moves
                       the blocks of this axis, and the permutation of this one counts inside of each block only */
    bool is_input;  /* the tensor's first reader sums over the units, which are its input: the input channels of a
                       convolution, say. False for what computes the units or stays with them: biases, scales */
} oa_occurrence;

/* One place where a group lies on an axis of an activation: a value that depends on the graph's inputs and whose units
 * some node sums over. rest, positions and is_within as of an occurrence; other axes of the value may have any size. */
typedef struct oa_place {
    size_t group;
    size_t value; /* of the graph that the layout was found in */
    size_t axis;
    size_t rest;
    const size_t *positions;
    bool is_within;
    bool is_summed; /* a reader of the value sums over the group here, these being the units as the next layer takes
                       them in; or it takes blocks and their insides apart. False for a group that is there beside
                       such a one */
} oa_place;

/* The index space of an axis, as a tree in oa_layout.parts. */
typedef enum oa_part_kind { OA_PART_FIXED, OA_PART_GROUP, OA_PART_PRODUCT, OA_PART_CONCAT } oa_part_kind;

typedef struct oa_part {
    oa_part_kind kind;
    size_t size;
    size_t group;       /* OA_PART_GROUP */
    size_t first_child; /* into oa_layout.children, for products and concatenations */
    size_t child_count;
    const char *reason; /* OA_PART_FIXED: why, as a sentence; owned by the layout */
} oa_part;

typedef struct oa_layout_tensor {
    bool is_used;        /* a live node reads it */
    bool is_statistic;   /* running mean or variance of a BatchNormalization: moves, but is no parameter to compare */
    bool moves;          /* some axis carries a group */
    const char *op_type; /* of the tensor's reader: the first live node in canonical order, where nodes that compute
                            with constants alone (Identity, Transpose, ...) stand for the readers of their results. NULL
                            when only its sizes are read. Owned by the layout */
    size_t slot;         /* which input of that reader it is */
    size_t part[OA_MAX_RANK]; /* the part of each axis; OA_NONE when the axis was never looked at (then it is fixed) */
    /* How occurrences and maps see the tensor: as it is, or, where insides with orders of their own lie on another axis
     * than their blocks, with both and all between as one axis, since no reordering of an axis alone does it then. */
    size_t view_rank;
    size_t view_dims[OA_MAX_RANK];
    size_t view_part[OA_MAX_RANK];
} oa_layout_tensor;

typedef struct oa_layout {
    oa_group *groups;
    size_t group_count;
    oa_occurrence *occurrences; /* sorted by group, then by canonical order of tensors, then by axis */
    size_t occurrence_count;
    oa_place *places; /* value after value, in canonical order of the nodes that sum over them */
    size_t place_count;
    size_t *carriers; /* the places with is_summed by index, sorted by group, then by place */
    size_t carrier_count;
    oa_part *parts;
    size_t part_count;
    size_t *children;
    size_t child_count;
    oa_layout_tensor *tensors; /* [graph->tensor_count] */
    size_t tensor_count;
    size_t *order; /* the used tensors, in the canonical order of their first use: does not depend on names */
    size_t order_count;
    size_t unknown_count;          /* live nodes of operators without a rule ... */
    const char *unknown_operators; /* ... and their operators, comma separated; "" when there are none */
    oa_arena arena;
    size_t group_capacity, occurrence_capacity, place_capacity, part_capacity, child_capacity;
} oa_layout;

/* An axis of a constant that has to stay as it is, beside what the graph says. */
typedef struct oa_fixed_axis {
    size_t tensor;
    size_t axis;
    const char *why; /* static */
} oa_fixed_axis;

/* Finds the permutation symmetries of a graph (see docs/architecture.md). The layout does not refer to the graph
 * afterwards. Sound: reordering by any permutations of its groups leaves the outputs as they are, but for the order of
 * floating-point sums. Errors: OA_ERROR_MEMORY, OA_ERROR_UNSUPPORTED (hostile nesting). About O(edges). */
oa_status oa_layout_discover(oa_layout **layout, const oa_graph *graph, const oa_fixed_axis *fixed, size_t fixed_count,
                             oa_error *error);
void oa_layout_destroy(oa_layout *layout);

/* One permutation for each group. */
typedef struct oa_permutations {
    size_t **of; /* [group_count], each [groups[g].size] */
    size_t count;
} oa_permutations;

/* Insides with orders of their own are permuted together with their blocks, which lead them. Is this group one by
 * itself, or such a leader? */
bool oa_leads(const oa_layout *layout, size_t group);
/* The insides that a group leads: the next after `last`, which is `group` at first; OA_NONE: no more. O(groups). */
size_t oa_next_inside(const oa_layout *layout, size_t group, size_t last);
/* Where a permutation of a group moves something: its occurrences, and those of the insides that it leads. NULL from
 * their count on. O(groups). */
const oa_occurrence *oa_moved_by(const oa_layout *layout, size_t group, size_t index);

/* All identities. */
oa_status oa_permutations_init(oa_permutations *permutations, const oa_layout *layout, oa_error *error);
void oa_permutations_free(oa_permutations *permutations);
void oa_permutations_copy(oa_permutations *to, const oa_permutations *from, const oa_layout *layout);
/* At random among those that the layout allows: insides follow their blocks. */
void oa_permutations_random(oa_permutations *permutations, const oa_layout *layout, oa_random *random);
void oa_permutations_invert(oa_permutations *permutations, const oa_layout *layout);
/* How many units of group g do not stay where they were. */
size_t oa_permutations_moved(const oa_permutations *permutations, const oa_layout *layout, size_t group);

/* Takes the inside of each block to the block where the parent's permutation has it now, in the order that it has. For
 * groups with insides of their own; nothing else changes. O(size). */
void oa_permutations_follow(oa_permutations *permutations, const oa_layout *layout, size_t group);
/* Does this permutation take whole blocks to whole blocks, as the parent's does? True for groups of other forms.
 * O(size).
 */
bool oa_permutations_fit(const oa_permutations *permutations, const oa_layout *layout, size_t group);

/* The unit of a group that element i of an axis belongs to, whose index space is `part`; OA_NONE: to none of it.
 * O(depth of the part). */
size_t oa_layout_unit_at(const oa_layout *layout, size_t part, size_t i, size_t group);

/* map[i] = where element i of an axis of the tensor's view comes from: [size] entries. O(size). */
void oa_layout_axis_map(size_t *map, const oa_layout *layout, size_t tensor, size_t axis, size_t size,
                        const oa_permutations *permutations);

/* Reorders a constant of the layout: target receives source with every axis gathered. `shape` tells the dtype and shape
 * of both, which must not overlap. OA_ERROR_MEMORY. O(elements). */
oa_status oa_layout_reorder(void *target, const void *source, const oa_layout *layout, size_t tensor,
                            const oa_tensor *shape, const oa_permutations *permutations, oa_error *error);

/* Reorders all constants that move into `payloads` (initialised for the graph; earlier replacements are overwritten).
 * `tensor_of` maps the layout's tensors to the graph's, or NULL when they are the same. */
oa_status oa_layout_apply(oa_payloads *payloads, const oa_layout *layout, const oa_graph *graph,
                          const size_t *tensor_of, const oa_permutations *permutations, oa_error *error);

/* Does anything on an axis of its own move? */
bool oa_layout_axis_moves(const oa_layout *layout, size_t tensor, size_t axis);

/* Why an axis does not move (the first reason), or NULL when all of it does. */
const char *oa_layout_fixed_reason(const oa_layout *layout, size_t tensor, size_t axis);

#endif
