/* Index spaces of axes, and which of them must move together.
 *
 * The index space of an axis is a tree: a leaf (an unstructured set of indices), a product (ordered, outer to inner, as
 * flatten makes it and reshape splits it) or a concatenation (as concat makes it and split cuts it). Spaces are joined
 * by union-find. Joining two spaces of different structure refines both to the common refinement, everywhere they
 * occur: a leaf that meets a product becomes that product. What has no common refinement is pinned, never let go.
 *
 * In the end each leaf that is not pinned is one permutation group: all axes that contain it move together. */
#ifndef OA_SYMMETRY_SPACE_H
#define OA_SYMMETRY_SPACE_H

#include "core/base/memory.h"
#include "core/symmetry/dims.h"

typedef enum oa_space_kind { OA_SPACE_LEAF, OA_SPACE_PRODUCT, OA_SPACE_CONCAT, OA_SPACE_LINK } oa_space_kind;

/* Why a space must keep its order: the node that needs it, or OA_NONE, and a phrase that ends the sentence
 * "fixed by node N: ...". The phrase is static or lives in the table's arena. */
typedef struct oa_pin {
    size_t node;
    const char *why;
} oa_pin;

typedef struct oa_spaces {
    struct oa_space *items;
    size_t count, capacity;
    oa_dims dims;
    oa_arena arena;
    size_t depth;              /* of the recursion under way */
    bool is_out_of_memory;     /* sticky, as is the next; results are then valid indices but meaningless */
    bool is_nested_too_deeply; /* hostile models only */
} oa_spaces;

enum { OA_SPACE_ONE = 0 }; /* the space of size 1: carries nothing */

/* False when memory runs out. */
bool oa_spaces_init(oa_spaces *spaces);
void oa_spaces_free(oa_spaces *spaces);
bool oa_spaces_failed(const oa_spaces *spaces);

/* New spaces. A product drops factors of size 1; a product or concatenation of one space is that space. */
size_t oa_space_leaf(oa_spaces *spaces, oa_dim size);
size_t oa_space_pinned(oa_spaces *spaces, oa_dim size, oa_pin pin);
size_t oa_space_product(oa_spaces *spaces, const size_t *factors, size_t count);
/* Sizes must be constants: with symbolic ones everything is pinned and a pinned leaf returned. */
size_t oa_space_concat(oa_spaces *spaces, const size_t *parts, size_t count, oa_pin pin);

/* What stands for the space after all joins. Amortised near O(1). */
size_t oa_space_find(oa_spaces *spaces, size_t space);
oa_dim oa_space_size(oa_spaces *spaces, size_t space);
oa_space_kind oa_space_kind_of(oa_spaces *spaces, size_t space);
/* Children of a product or concatenation; 0 for a leaf. The array lives as long as the table. */
size_t oa_space_children(const size_t **children, oa_spaces *spaces, size_t space);
/* The pin of a leaf, or NULL when it is free. */
const oa_pin *oa_space_pin_of(oa_spaces *spaces, size_t space);

/* Is `leaf`, a root, among the leaves below the space? O(spaces below). */
bool oa_space_contains(oa_spaces *spaces, size_t space, size_t leaf);

/* Every leaf of the space keeps its order. The first reason stays. */
void oa_space_pin(oa_spaces *spaces, size_t space, oa_pin pin);
/* Both spaces move together from now on. `pin` is the reason recorded when they have no common refinement or their
 * sizes differ. */
void oa_space_join(oa_spaces *spaces, size_t a, size_t b, oa_pin pin);
/* Views a space as (outer, inner) with the given outer size, refining it. When that is impossible the whole space is
 * pinned and *outer, *inner are pinned leaves; the sizes must divide. */
void oa_space_split(size_t *outer, size_t *inner, oa_spaces *spaces, size_t space, oa_dim outer_size, oa_pin pin);
/* Cuts a space of constant size into its first `at` indices and the rest, 0 < at < size; pins it all when impossible.
 */
void oa_space_cut(size_t *first, size_t *second, oa_spaces *spaces, size_t space, oa_dim at, oa_pin pin);

/* Appends the factors of the space, outer to inner, products within products opened, to a growing list. */
bool oa_space_factors(size_t **list, size_t *count, size_t *capacity, oa_spaces *spaces, size_t space);

#endif
