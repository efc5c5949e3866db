/* Random layouts over random constants: any tree of groups on any axis, not only what models need. */
#ifndef OA_TESTS_SUPPORT_RANDOM_LAYOUT_H
#define OA_TESTS_SUPPORT_RANDOM_LAYOUT_H

#include "core/symmetry/layout.h"
#include "tests/support/graph_builder.h"

typedef struct random_layout {
    test_graph *g;
    const oa_graph *graph; /* some constants, all read by one node */
    oa_layout *layout;
} random_layout;

/* One to five constants of rank 0 to 4. Groups repeat across constants, across the axes of one, and along one axis. The
 * shapes and the layout depend on `seed` only, the payloads on `payload_seed`. `type` is the constants' dtype, any but
 * strings, with random bytes; OA_DTYPE_UNDEFINED makes normal numbers of float types mixed by `payload_seed`. */
void random_layout_create(random_layout *r, uint64_t seed, uint64_t payload_seed, oa_dtype type);
void random_layout_free(random_layout *r);

#endif
