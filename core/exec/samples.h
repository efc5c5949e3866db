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
} oa_batches;

/* The samples of an array [count, ...], which is borrowed. */
oa_batches oa_batches_of_array(const oa_array *array);
void oa_batches_close(oa_batches *batches); /* NULL and zeroed are fine; leaves it zeroed */

/* How many elements a sample has. */
size_t oa_batches_elements(const oa_batches *batches);

/* Makes *batch hold samples first .. first + n - 1 in an array [size, ...], n <= size; what is left over is filled with
 * copies of the last one. *batch is owned, zeroed at first, and keeps its memory from call to call while the shape
 * stays. Errors as `read`, *batch then holds anything. O(elements). */
oa_status oa_batches_read(oa_array *batch, const oa_batches *batches, size_t first, size_t n, size_t size,
                          oa_error *error);

/* Samples and what a model should make of them. */
typedef struct oa_samples {
    oa_batches data;    /* of the model's input type */
    oa_batches targets; /* classes, int64 [count, positions...], for cross-entropy; numbers, float32 [count, ...], for
                           MSE; or none */
    oa_loss_kind loss;
} oa_samples;

void oa_samples_close(oa_samples *samples);

#endif
