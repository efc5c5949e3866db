/* What a model is fed: from samples that were opened for a model like it to arrays for its own inputs. */
#ifndef OA_EXEC_FEED_H
#define OA_EXEC_FEED_H

#include "core/exec/samples.h"

/* One batch of samples for each input of the model that they were opened for. Zero-initialise. */
typedef struct oa_rows {
    oa_array *of; /* [count], zeroed where there are no samples; memory stays from batch to batch */
    size_t count;
} oa_rows;

/* Reads samples first .. first + n - 1 of the whole chain, as oa_batches_read does for one row. */
oa_status oa_rows_read(oa_rows *rows, const oa_batches *data, size_t first, size_t n, size_t size, oa_error *error);
void oa_rows_free(oa_rows *rows);

/* The arrays for one model. Zero-initialise. */
typedef struct oa_feed {
    oa_array *inputs; /* [count], in the order of graph->inputs: views of the rows, or owned */
    size_t count;
} oa_feed;

/* Makes feed->inputs of the rows, which must stay until the next call.
 *
 * - input_of [rows->count]: the input of `graph` that each row is for (OA_NONE: none), or NULL: the same order.
 *
 * Floats become the type of the input. Inputs that no output depends on get zeros where there is no row for them; for
 * others that is OA_ERROR_INPUT, naming the input. Also OA_ERROR_MEMORY. O(elements that are converted + edges). */
oa_status oa_feed_set(oa_feed *feed, const oa_graph *graph, const oa_rows *rows, const size_t *input_of,
                      oa_error *error);
void oa_feed_free(oa_feed *feed);

/* Does any output, or anything on the way to one, depend on this input? O(edges). */
bool oa_input_is_used(const oa_graph *graph, size_t value);

/* The number of samples that the model insists on in each run: the declared size of the first axis of its first input
 * that has axes; 0: any. */
size_t oa_fixed_batch(const oa_graph *graph);

#endif
