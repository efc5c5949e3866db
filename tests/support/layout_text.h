/* Layouts as text, so that tests can say in one line which groups they expect. */
#ifndef OA_TESTS_SUPPORT_LAYOUT_TEXT_H
#define OA_TESTS_SUPPORT_LAYOUT_TEXT_H

#include "core/symmetry/layout.h"

/* The groups in order, separated by "; ", each as its size, "b" for blocks or "i" with the parent's number for what
 * lies inside of blocks, and the axes it lies on: "16: w1.0 b1.0 w2.1*9; 4b: w3.0; 2i1: w3.0" (the *9: nine elements of
 * the axis a unit). Insides with an order of their own in each of four blocks: "4x2i1". The caller frees it with
 * oa_free. */
char *layout_text(const oa_layout *layout, const oa_graph *graph);

/* Fails the test when the groups are not exactly those. */
void assert_groups(const oa_layout *layout, const oa_graph *graph, const char *expected);

/* Fails the test unless the axis does not move, or not all of it, for a reason that contains `phrase`. */
void assert_fixed(const oa_layout *layout, const oa_graph *graph, const char *tensor, size_t axis, const char *phrase);

/* Discovers the layout; fails the test when that fails. */
oa_layout *discover(const oa_graph *graph);

#endif
