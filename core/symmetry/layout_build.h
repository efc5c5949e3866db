/* From the index spaces that discovery found to the layout. Private to this folder. */
#ifndef OA_SYMMETRY_LAYOUT_BUILD_H
#define OA_SYMMETRY_LAYOUT_BUILD_H

#include "core/symmetry/discovery.h"
#include "core/symmetry/layout.h"

enum { OA_PART_DEPTH_MAX = 1000 /* of the trees of parts, which are walked recursively here and by their readers */ };

typedef struct oa_layout_builder {
    oa_layout *layout;
    oa_discovery *discovery;
    size_t *group_of; /* [spaces] the group of a leaf, or OA_NONE */
    size_t *part_of;  /* [spaces] the part made for a space, or OA_NONE */
    size_t *leaf_of;  /* [groups] the space of each, once groups are numbered */
    size_t depth;     /* of the recursion under way */
} oa_layout_builder;

oa_status oa_layout_build(oa_layout **layout, oa_discovery *discovery, oa_error *error);
bool oa_symmetry_has_rule(const oa_node *node);

oa_status oa_layout_no_memory(oa_error *error);
/* Guards recursion: builder->depth-- must follow OA_OK. OA_ERROR_UNSUPPORTED. */
oa_status oa_layout_enter(oa_layout_builder *builder, oa_error *error);

/* The part that stands for a space of constant size, made when there is none yet. */
oa_status oa_layout_part(size_t *part, oa_layout_builder *builder, size_t space, oa_error *error);
/* The part of the product of these spaces, which are no products. */
oa_status oa_layout_product(size_t *part, oa_layout_builder *builder, const size_t *factors, size_t count,
                            oa_error *error);

/* Decides how a constant, whose axes' parts are made, is seen (oa_layout_tensor.view_rank), and makes the parts of
 * that. axis_of[k]: the first of the constant's own axes that axis k of the view is made of, [view_rank + 1].
 * OA_ERROR_MEMORY, OA_ERROR_UNSUPPORTED (hostile nesting). O(factors of the axes). */
oa_status oa_layout_view(size_t *axis_of, oa_layout_builder *builder, size_t tensor, oa_error *error);

/* One place of a group along an axis. */
typedef struct oa_found_place {
    size_t group;
    size_t rest;
    const size_t *positions; /* [size of the group, rest], the layout's */
    size_t outer_group;      /* the nearest group further out in a product around, or OA_NONE */
    bool is_within;          /* an inside with orders of its own, something between its blocks and it */
    bool is_apart;           /* one whose blocks are not around it: there are no positions */
} oa_found_place;

typedef oa_status oa_place_visitor(oa_layout_builder *builder, const oa_found_place *found, void *context,
                                   oa_error *error);

/* Calls `visit` for every place of every group along an axis whose index space is `part`, in order. O(elements), times
 * the part's depth for insides that are not right behind their blocks. */
oa_status oa_layout_place(oa_layout_builder *builder, size_t part, oa_place_visitor *visit, void *context,
                          oa_error *error);

/* Tells which groups lie inside blocks with an order of their own in each, once groups are numbered: their size,
 * block_count, kind and parent are set. OA_ERROR_MEMORY. O(edges), times the blocks' nesting. */
oa_status oa_layout_find_insides(oa_layout_builder *builder, oa_error *error);

/* Finds the reader of every used tensor (op_type and slot) and the side on which each occurrence lies (is_input).
 * OA_ERROR_MEMORY. O(edges + occurrences * axes of the readers). */
oa_status oa_layout_find_sides(oa_layout_builder *builder, oa_error *error);

/* Finds the activations that show the groups. OA_ERROR_MEMORY. O(values + contractions + positions). */
oa_status oa_layout_find_carriers(oa_layout_builder *builder, oa_error *error);

/* is_constant[value] of [graph->value_count]: constants, and what nodes compute out of constants alone. O(edges). */
void oa_mark_constants(bool *is_constant, const oa_graph *graph);

#endif
