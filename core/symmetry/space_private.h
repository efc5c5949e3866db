/* The table of index spaces from the inside. Private to space.c and space_join.c. */
#ifndef OA_SYMMETRY_SPACE_PRIVATE_H
#define OA_SYMMETRY_SPACE_PRIVATE_H

#include "core/symmetry/space.h"

struct oa_space {
    oa_space_kind kind;
    bool is_pinned; /* leaf: as it says; otherwise: all leaves below were pinned when it was set */
    oa_pin pin;
    oa_dim size;
    size_t link; /* when kind is OA_SPACE_LINK */
    size_t *children;
    size_t child_count;
};

/* Guards recursion; leaving must follow a true result. */
bool oa_space_enter(oa_spaces *spaces);
void oa_space_leave(oa_spaces *spaces);

/* Appends to a growing list what lies below a space, in order, with all nested ones of a kind (product or
 * concatenation) opened; a space of another kind is its own only entry. False when memory runs out or the nesting is
 * too deep. */
bool oa_space_open(size_t **list, size_t *count, size_t *capacity, oa_spaces *spaces, size_t space, oa_space_kind kind);

#endif
