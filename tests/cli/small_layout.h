/* A small layout put together by hand: what permutation files need to know of a model, no more. */
#ifndef OA_TESTS_CLI_SMALL_LAYOUT_H
#define OA_TESTS_CLI_SMALL_LAYOUT_H

#include "core/symmetry/layout.h"

enum { SMALL_TENSORS = 5, SMALL_GROUPS = 4, SMALL_OCCURRENCES = 10 };

/* Four groups over five tensors:
 * 0: 3 units, w1:0 b1:0 w2:1;
 * 1: 4 units, w2:0 and twice w3:1, as a concatenation may have it;
 * 2 and 3, blocks and what is inside of them: 2 units each, both on w3:0 and q:0. */
typedef struct small_layout {
    oa_tensor tensors[SMALL_TENSORS];
    oa_graph graph;
    oa_group groups[SMALL_GROUPS];
    oa_occurrence occurrences[SMALL_OCCURRENCES];
    oa_layout layout;
} small_layout;

void small_layout_init(small_layout *s);
/* The same model with groups 0 and 1 in the other order, and the places of each in another order. */
void small_layout_init_reordered(small_layout *s);

#endif
