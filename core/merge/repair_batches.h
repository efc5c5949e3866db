/* The samples that a repair goes by: some batches, spread evenly over all data. Private to this folder. */
#ifndef OA_MERGE_REPAIR_BATCHES_H
#define OA_MERGE_REPAIR_BATCHES_H

#include "core/exec/feed.h"

/* Zeroed: none. Free with oa_repair_batches_free. */
typedef struct oa_repair_batches {
    const oa_graph *graph;
    const oa_batches *data;
    size_t step;   /* samples in a batch, but perhaps in the last */
    size_t total;  /* samples in all batches; what is left over of a fixed batch is not among them */
    size_t count;  /* batches that there are ... */
    size_t used;   /* ... and that are used */
    bool is_fixed; /* the model runs on `step` samples only */
    oa_rows rows;
    oa_feed feed;
} oa_repair_batches;

/* Plans batches of at most `batch` samples, unless the model fixes their size, fewer when they are large
 * (oa_batches_fit), so many that they hold `samples`. Graph and data must outlive them. */
void oa_repair_batches_plan(oa_repair_batches *batches, const oa_graph *graph, const oa_batches *data, size_t batch,
                            size_t samples);
void oa_repair_batches_free(oa_repair_batches *batches);

/* How many different samples batch i < used has; the run takes `step` of them where the model fixes that. */
size_t oa_repair_batches_samples(const oa_repair_batches *batches, size_t i);

/* Reads batch i: *inputs [graph->input_count] are what the model takes, borrowed until the next call. Errors as
 * oa_batches_read and oa_feed_set. */
oa_status oa_repair_batches_read(const oa_array **inputs, oa_repair_batches *batches, size_t i, oa_error *error);

#endif
