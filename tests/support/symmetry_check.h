/* One model, what discovery must find in it, and the proof by running it. */
#ifndef OA_TESTS_SUPPORT_SYMMETRY_CHECK_H
#define OA_TESTS_SUPPORT_SYMMETRY_CHECK_H

#include "tests/support/graph_builder.h"

/* Finishes the graph, discovers its layout, and fails the test unless
 * - the groups are exactly `groups` (see layout_text.h),
 * - the axes of `fixed`, strings like "w1.0: graph input 'x'", do not move, for a reason that contains the words,
 * - the outputs stay within 1e-4 (1e-10 in float64) of the largest when each group by itself, and when all groups are
 *   reordered at random, on two inputs.
 * With `runs` false the last point is left out, for models that the executor cannot run. Destroys g. */
void check_symmetries(test_graph *g, bool runs, const char *groups, const char *const *fixed, size_t fixed_count);

#define CHECK(g, ...)                                                                                                  \
    check_symmetries(g, true, TEST_FIRST(__VA_ARGS__, 0), (const char *const[]){__VA_ARGS__} + 1,                      \
                     TEST_COUNT((const char *const[]){__VA_ARGS__}) - 1)
#define CHECK_ONLY(g, ...)                                                                                             \
    check_symmetries(g, false, TEST_FIRST(__VA_ARGS__, 0), (const char *const[]){__VA_ARGS__} + 1,                     \
                     TEST_COUNT((const char *const[]){__VA_ARGS__}) - 1)
#define TEST_FIRST(first, ...) first

#endif
