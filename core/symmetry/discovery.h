/* The state of symmetry discovery, and what operators' rules may do with it. Private to this folder.
 *
 * Discovery walks the live nodes once, in canonical order, those of bodies with the node that they belong to. Each
 * operator's rule reads the index spaces of its inputs' axes, joins those that must move together, pins those that must
 * not move, and gives spaces to its outputs. A rule returns false when it cannot account for a node; then every axis
 * that the node touches is pinned. */
#ifndef OA_SYMMETRY_DISCOVERY_H
#define OA_SYMMETRY_DISCOVERY_H

#include "core/ir/graph.h"
#include "core/symmetry/space.h"

/* What is known of a value so far. */
typedef struct oa_axes {
    bool has_rank; /* false: nothing is known; all that flows into it was pinned */
    size_t rank;
    size_t space[OA_MAX_RANK];
    /* Integers that the value holds, when they are known before running (shape arithmetic); at most OA_CONTENTS_MAX. */
    bool has_contents;
    size_t content_rank; /* 0, 1, or 2 with rows of content_columns */
    size_t content_count;
    size_t content_columns;
    const oa_dim *contents; /* symbolic entries are sizes */
    bool is_uniform;        /* all elements are equal, so that their order says nothing */
} oa_axes;

enum { OA_CONTENTS_MAX = 256 };

/* An axis of one of a node's inputs that the node sums over, or the space on it that is summed over when that is but a
 * factor of the axis. */
typedef struct oa_contraction {
    size_t node; /* in graph->steps, like all nodes here */
    size_t slot;
    size_t axis;
    size_t space;
    size_t index; /* which of those that the node sums over: axes of one index run together */
} oa_contraction;

typedef struct oa_stack oa_stack; /* stacks.h */

typedef struct oa_discovery {
    const oa_graph *graph;
    oa_spaces spaces;
    oa_axes *axes;                /* [values] */
    size_t node;                  /* the node whose rule runs */
    oa_contraction *contractions; /* in the order of nodes */
    size_t contraction_count, contraction_capacity;
    size_t *assumed; /* values whose rank only what reads them tells, in the order in which this was noticed */
    size_t assumed_count, assumed_capacity;
    oa_stack *stacks;
    size_t stack_count, stack_capacity;
    size_t *first_reader, *readers; /* [values + 1], nodes that read each value; NULL until stacks are looked for */
    size_t rewalk_count;            /* how often a body was walked again */
} oa_discovery;

typedef bool oa_rule(oa_discovery *discovery, const oa_node *node);

typedef struct oa_rule_entry {
    const char *op_type; /* with its domain before it, and a dot, when that is not the standard one */
    oa_rule *rule;
} oa_rule_entry;

/* One table of rules for each family, ended by a NULL op_type. */
extern const oa_rule_entry oa_rules_attention[];
extern const oa_rule_entry oa_rules_elementwise[];
extern const oa_rule_entry oa_rules_einsum[];
extern const oa_rule_entry oa_rules_linear[];
extern const oa_rule_entry oa_rules_normalise[];
extern const oa_rule_entry oa_rules_order[];
extern const oa_rule_entry oa_rules_quantise[];
extern const oa_rule_entry oa_rules_recurrent[];
extern const oa_rule_entry oa_rules_reduce[];
extern const oa_rule_entry oa_rules_select[];
extern const oa_rule_entry oa_rules_shape[];

/* Is this the node's operator, with the domain before it when that is not the standard one? */
bool oa_is_operator(const char *name, const oa_node *node);

/* The rule of a node without bodies; NULL when its operator is not known. */
oa_rule *oa_rule_of(const oa_node *node);

/* Walks `count` steps from `first` on, with the bodies of their nodes. False when discovery has failed. */
bool oa_walk_steps(oa_discovery *discovery, size_t first, size_t count);
/* The same for the bodies of a node, which is the one at work: its inputs, its outputs and what the bodies use. */
bool oa_walk_bodies(oa_discovery *discovery, const oa_node *node);

/* Shape arithmetic: sets the contents of the node's outputs when those of its inputs are known. Returns false when
 * memory runs out. */
bool oa_fold(oa_discovery *discovery, const oa_node *node);

/* A reason that names the node at work. */
oa_pin oa_reason(const oa_discovery *discovery, const char *why);

/* The axes of an input slot; NULL when the slot is empty. */
const oa_axes *oa_input_axes(oa_discovery *discovery, const oa_node *node, size_t slot);
/* The same when its rank is known, else NULL. */
const oa_axes *oa_input_ranked(oa_discovery *discovery, const oa_node *node, size_t slot);
/* The same, but when the rank is unknown it is taken to be `rank`, with axes of unknown size: lets a rule go on for
 * operators that fix their inputs' rank. NULL when the slot is empty or the rank is known to be another. */
const oa_axes *oa_input_of_rank(oa_discovery *discovery, const oa_node *node, size_t slot, size_t rank);
/* The known integers of an input slot: false when absent or unknown. */
bool oa_input_contents(const oa_dim **contents, size_t *count, oa_discovery *discovery, const oa_node *node,
                       size_t slot);
/* The `axes`-like list of an operator: from the attribute, or from the input slot in newer operator sets, normalised
 * against `rank`. *is_given tells whether there was one; false when it is not known or out of range. */
bool oa_axis_list(bool *is_member, bool *is_given, oa_discovery *discovery, const oa_node *node, const char *attribute,
                  size_t slot, size_t rank);

oa_dim oa_axis_size(oa_discovery *discovery, const oa_axes *axes, size_t axis);
void oa_join(oa_discovery *discovery, size_t a, size_t b, const char *why);
/* Says that the node at work sums over `space` on an axis of an input: what the node puts out has no such index.
 * `index` tells several of them apart. */
void oa_note_contracted(oa_discovery *discovery, size_t slot, size_t axis, size_t space, size_t index);
/* The same for two inputs that are multiplied and summed over an index that they share, which joins their spaces. */
typedef struct oa_operand {
    size_t slot;
    size_t axis;
    size_t space;
} oa_operand;
void oa_contract(oa_discovery *discovery, const oa_operand *a, const oa_operand *b, const char *why);
/* Does the node sum over this leaf on an axis of an input slot? After the walk. */
bool oa_is_contracted(oa_discovery *discovery, size_t node, size_t slot, size_t axis, size_t leaf);
void oa_pin_space(oa_discovery *discovery, size_t space, const char *why);
void oa_pin_axes(oa_discovery *discovery, const oa_axes *axes, const char *why);
size_t oa_fixed(oa_discovery *discovery, oa_dim size, const char *why);
/* The space of an axis whose size is not known. Nothing need pin it: no constant has an axis of a symbolic size, and to
 * join it with an axis of any other size pins that one. */
size_t oa_unknown(oa_discovery *discovery);

/* Gives axes to an output slot (ignored when nobody reads it); what they hold is not known. */
void oa_set_output(oa_discovery *discovery, const oa_node *node, size_t slot, const oa_axes *axes);
/* The rule of operators whose result has the axes of their first input, in any order of these. */
bool oa_pass_first(oa_discovery *discovery, const oa_node *node);

/* NumPy broadcasting of the listed values: joins what lines up, gives the result's axes. False when sizes clash. */
bool oa_broadcast(oa_axes *result, oa_discovery *discovery, const oa_axes *const *list, size_t count);

#endif
