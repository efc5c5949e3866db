/* What a backward function sees: one node after the forward pass, the gradients of its outputs, and where those of its
 * inputs go.
 *
 * The gradient of a value has the value's shape, is float32 and packed. A value that several nodes read collects
 * contributions: the first writes, later ones add. A backward function asks for a sink for every input whose gradient
 * is wanted, and fills all of it. */
#ifndef OA_GRAD_BACKWARD_H
#define OA_GRAD_BACKWARD_H

#include "core/exec/forward.h"

/* Of one value during the backward pass. */
typedef struct oa_gradient_slot {
    float *data;
    bool is_wanted;   /* lies between a wanted constant and the output */
    bool is_filled;   /* something has been written: the next contribution is added */
    bool is_borrowed; /* data is the caller's */
} oa_gradient_slot;

/* Of a BatchNormalization node in training. Zero-initialise. */
typedef struct oa_batch_statistics {
    size_t channels;
    double *sums;    /* [2 * channels], for the node's own use; the block with all of this */
    float *mean;     /* [channels] each */
    float *variance; /* biased */
} oa_batch_statistics;

typedef struct oa_backward_call {
    oa_call *forward;        /* the node with its attributes, inputs and outputs. Data that the operator's row does not
                                ask for (core/grad/table.h) may be NULL; shapes are always there */
    oa_gradient_slot *slots; /* [value_count] */
    const oa_batch_statistics *statistics; /* of a node that normalised by the batch, else NULL */
} oa_backward_call;

/* Where a contribution goes: to be written (all of it), or added. */
typedef struct oa_sink {
    float *data;
    bool adds;
} oa_sink;

/* The gradient of output `index`, or NULL when it is zero. */
const float *oa_backward_output(const oa_backward_call *call, size_t index);
/* Is there an input in this slot, and does anything want its gradient? */
bool oa_backward_wants(const oa_backward_call *call, size_t slot);
/* The sink of a wanted input. OA_ERROR_MEMORY. */
oa_status oa_backward_sink(oa_sink *sink, oa_backward_call *call, size_t slot, oa_error *error);
/* The same, in the memory of output 0's gradient where that is possible: then both have the same data. To be asked for
 * last, and each element of the output's gradient must be read before its place is written. */
oa_status oa_backward_sink_in_place(oa_sink *sink, oa_backward_call *call, size_t slot, oa_error *error);

/* Input 0's gradient is output 0's, under another shape. */
oa_status oa_backward_pass(oa_backward_call *call, oa_error *error);
/* As oa_backward_pass for any slot, summed over what was broadcast, times `factor`. */
oa_status oa_backward_reduce(oa_backward_call *call, size_t slot, float factor, oa_error *error);

/* A sink that is only added to from here on: zeroed when it was to be written. */
void oa_sink_clear(oa_sink *sink, size_t count);
/* The sink gets factor * source[count]. O(count). */
void oa_sink_put(const oa_sink *sink, const float *source, size_t count, float factor);
/* The sink, of `shape`, gets factor * source, of shape [dims], summed over the axes along which `shape` is broadcast.
 * O(elements of source). */
void oa_sink_sum(oa_sink *sink, const oa_array *shape, const float *source, const size_t *dims, size_t rank,
                 float factor);

#endif
