/* How the shape of an array of samples fits the declared shape of a model's input. */
#ifndef OA_CLI_SAMPLE_SHAPE_H
#define OA_CLI_SAMPLE_SHAPE_H

#include "core/base/error.h"
#include "core/ir/graph.h"

/* An array of samples in the declared shape: [dims[0] samples, dims[1], ...]. */
typedef struct oa_sample_shape {
    size_t rank;
    size_t dims[OA_MAX_RANK];
} oa_sample_shape;

/* Decides how an array of dims [rank] is read as samples for `declared`, whose first dimension stands for any number of
 * samples. An axis fits a declared one of the same or of unknown size. The first that fits of
 * - the array's own shape, the first axis counting samples;
 * - with may_be_one: the array as one sample, in its own shape;
 * - the first axis counting samples, and the rest a sample reshaped: the declared sizes are known and have as many
 *   elements, or the axes agree once those of size 1 are left out ([28, 28] for [1, height, width]), where one single
 *   unknown size may have to be 1;
 * - with may_be_one: the whole array as one sample, reshaped so.
 * When nothing is declared, the array keeps its shape. The elements keep their number and order.
 *
 * OA_ERROR_INPUT, naming both shapes, when nothing fits or there are no elements. O(rank). */
oa_status oa_sample_shape_fit(oa_sample_shape *shape, const oa_value *declared, const size_t *dims, size_t rank,
                              bool may_be_one, oa_error *error);

/* "[batch, 3, 28, 28]" for messages: symbols by their name, unknown sizes as "?". `text` has room for
 * OA_DECLARED_TEXT_SIZE characters; longer shapes end in "...". Returns text. */
enum { OA_DECLARED_TEXT_SIZE = 200 };
const char *oa_declared_text(char *text, const oa_value *declared);
/* The same for a shape of known sizes, rank at most OA_MAX_RANK. */
const char *oa_dims_text(char *text, const size_t *dims, size_t rank);

#endif
