/* Data for models, read in batches: however large the file behind it, only what is asked for is in memory. */
#ifndef OA_EXEC_SAMPLES_H
#define OA_EXEC_SAMPLES_H

#include "core/exec/exec.h"
#include "core/exec/loss.h"

/* A row of samples of one type and shape. Zeroed: none. Close with oa_batches_close. One reader at a time. */
typedef struct oa_batches {
    size_t count; /* samples */
    oa_dtype dtype;
    size_t rank;              /* at least 1 */
    size_t dims[OA_MAX_RANK]; /* of all samples together: dims[0] is count */
    void *context;
    /* Writes samples first .. first + n - 1, all below count, to `elements` [n, dims[1], ...]. Any order will do,
     * reading on from where the last call ended is the fastest. OA_ERROR_INPUT (the data has changed or cannot be
     * read), OA_ERROR_MEMORY. */
    oa_status (*read)(void *elements, void *context, size_t first, size_t n, oa_error *error);
    void (*close)(void *context); /* NULL: nothing to do */
    struct oa_batches *next;      /* the same samples for the model's next input: owned, made by oa_batches_chain; NULL:
                                     none. One without `read` stands for an input that gets none */
} oa_batches;

/* The samples of an array [count, ...], which is borrowed. */
oa_batches oa_batches_of_array(const oa_array *array);
/* Closes all of the chain. NULL and zeroed are fine; leaves it zeroed. */
void oa_batches_close(oa_batches *batches);
/* Puts `next`, which is taken over and left zeroed, behind the last of the chain. OA_ERROR_MEMORY: nothing is changed.
 */
oa_status oa_batches_chain(oa_batches *batches, oa_batches *next, oa_error *error);
/* How many inputs the chain is for, its gaps included. */
size_t oa_batches_inputs(const oa_batches *batches);

/* How many elements a sample has. */
size_t oa_batches_elements(const oa_batches *batches);
/* How many samples to run at a time: up to `most`, fewer when their elements, of all inputs, would take more than
 * 16 MiB; at least 1. What a model makes of its input is larger than that, but in proportion. */
size_t oa_batches_fit(const oa_batches *batches, size_t most);

/* Makes *batch hold samples first .. first + n - 1 in an array [size, ...], n <= size; what is left over is filled with
 * copies of the last one. *batch is owned, zeroed at first, and keeps its memory from call to call while the shape
 * stays. Errors as `read`, *batch then holds anything. O(elements). */
oa_status oa_batches_read(oa_array *batch, const oa_batches *batches, size_t first, size_t n, size_t size,
                          oa_error *error);

/* Makes *all, which is owned, hold n of the samples, evenly spread over all there are; n <= count. Errors as `read`,
 * and OA_ERROR_MEMORY; *all is zeroed then. O(elements of n samples). */
oa_status oa_batches_spread(oa_array *all, const oa_batches *batches, size_t n, oa_error *error);

/* Samples and what a model should make of them. */
typedef struct oa_samples {
    oa_batches data;    /* of the model's input types, one row after the other by `next` */
    oa_batches targets; /* classes, int64 [count, positions...], for cross-entropy; numbers, float32 [count, ...], for
                           the other losses; or none */
    oa_loss_kind loss;
} oa_samples;

void oa_samples_close(oa_samples *samples);

#endif
