/* Inputs for models when there are no data. */
#ifndef OA_CHECK_RANDOM_INPUT_H
#define OA_CHECK_RANDOM_INPUT_H

#include "core/base/random.h"
#include "core/exec/exec.h"

/* A value for a symbolic dimension. */
typedef struct oa_dimension {
    const char *name;
    size_t value;
} oa_dimension;

/* Sizes for axes whose size is not declared. Everything is borrowed. */
typedef struct oa_sizes {
    const oa_dimension *named; /* [named_count] by the name of the dimension */
    size_t named_count;
    size_t others;        /* of all other such axes, but those that count samples, which are 1; 0: 1, too */
    bool counts_anywhere; /* samples are counted by the first such axis of an input, not by axis 0 */
} oa_sizes;

/* Which values an integer input can take: below limits[i] for input i of the graph. An input that is looked up in
 * tables (Gather along an axis of known size, also behind Cast, Reshape and the like) can take those that all of them
 * hold; others can be 0 or 1, as masks are. limits is [input_count]. OA_ERROR_MEMORY. O(inputs * edges). */
oa_status oa_input_limits(size_t *limits, const oa_graph *graph, oa_error *error);

/* Draws one input of the declared shape: floats standard normal, integers below `limit` (and what their type holds),
 * truth values. OA_ERROR_INPUT when the shape is not declared, OA_ERROR_UNSUPPORTED for types that cannot be drawn. */
oa_status oa_random_input(oa_array *input, const oa_value *declared, size_t limit, const oa_sizes *sizes,
                          oa_random *random, oa_error *error);

#endif
