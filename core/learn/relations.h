/* A layout as relations between groups: what messages travel along.
 *
 * Two groups that lie on two axes of a tensor are related by the matrices that the tensor holds for them, one a tap
 * (the offsets of a kernel, the positions behind a flatten). A group whose tensor has other axes that never move is
 * related to those fixed places. Every tensor and axis of a layout is covered by one or the other. */
#ifndef OA_LEARN_RELATIONS_H
#define OA_LEARN_RELATIONS_H

#include "core/symmetry/layout.h"

/* Where the units of a group lie along one axis of a tensor. */
typedef struct oa_relation_axis {
    size_t group;
    const size_t *positions; /* [size, rest], borrowed from the layout */
    size_t size;
    size_t rest;
    size_t stride; /* of the axis, in elements */
    bool is_input; /* the units are what the tensor's reader takes in, not what it gives out */
} oa_relation_axis;

/* Element (i, j, tap) is at rows.positions[i, r] * stride + columns.positions[j, q] * stride + offsets[o], with
 * tap = (r * columns.rest + q) * offset_count + o. */
typedef struct oa_relation {
    size_t tensor;
    oa_relation_axis rows;
    oa_relation_axis columns;
    size_t *offsets; /* [offset_count] of the other axes */
    size_t offset_count;
    size_t taps;       /* rows.rest * columns.rest * offset_count */
    bool is_symmetric; /* other groups reorder the taps: only what does not depend on their order may be used */
} oa_relation;

/* Element (i, place) is at rows.positions[i, r] * stride + offsets[o], with place = r * offset_count + o. */
typedef struct oa_fixed_relation {
    size_t tensor;
    oa_relation_axis rows;
    size_t *offsets; /* [offset_count] of the elements at the other axes' fixed places */
    size_t offset_count;
    size_t places;     /* rows.rest * offset_count */
    bool is_symmetric; /* other groups reorder rows.rest */
} oa_fixed_relation;

typedef struct oa_relations {
    oa_relation *between;
    size_t between_count;
    oa_fixed_relation *fixed;
    size_t fixed_count;
    size_t between_capacity, fixed_capacity;
} oa_relations;

/* Finds the relations among the float constants of a graph. The layout must outlive them. OA_ERROR_MEMORY.
 * O(elements). */
oa_status oa_relations_init(oa_relations *relations, const oa_layout *layout, const oa_graph *graph, oa_error *error);
void oa_relations_free(oa_relations *relations);

#endif
