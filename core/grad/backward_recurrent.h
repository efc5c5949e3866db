/* What LSTM, GRU and RNN share backwards. The pass is run once more for its states and activations; then the steps are
 * gone through from the last to the first. */
#ifndef OA_GRAD_BACKWARD_RECURRENT_H
#define OA_GRAD_BACKWARD_RECURRENT_H

#include "core/exec/recurrent.h"
#include "core/grad/backward.h"

enum { OA_RECURRENT_SLOTS = 8 };

typedef struct oa_recurrent_gradient {
    oa_recurrent layer;
    oa_recurrent_pass pass;
    const float *d_outputs[3];         /* of all states and of the last ones; NULL where zero */
    oa_sink sinks[OA_RECURRENT_SLOTS]; /* of the inputs, only added to; NULL where not wanted */
    float *dh;                         /* [batch, units] of the state after the step that is due, then before it */
    float *dc;                         /* the same of the cell */
    float *work;                       /* [batch, units] */
    float *dx;                         /* [steps * batch, inputs], the sink's or in need of reordering */
} oa_recurrent_gradient;

/* One step of all rows: the gates become the gradients before the activations (zero where a row is not active), dh and
 * dc those before the step. Of a GRU whose reset gate comes after the product, `side` becomes the product's. */
typedef oa_status (*oa_recurrent_backward_step)(oa_recurrent_gradient *gradient, size_t t, oa_error *error);

oa_status oa_recurrent_backward(oa_backward_call *call, const oa_recurrent_kind *kind, oa_recurrent_step forward,
                                oa_recurrent_backward_step backward, oa_error *error);

/* c [m, n] += op(a) b, rows as far apart as said; op(a) is [m, k], transposed when the flag is set. */
oa_status oa_recurrent_add(float *c, size_t m, size_t n, const float *a, size_t a_stride, bool transpose_a,
                           const float *b, size_t b_stride, size_t k, oa_error *error);

/* sums[n] += the sums of the columns of rows [count, n], `stride` apart. */
void oa_recurrent_add_rows(float *sums, const float *rows, size_t count, size_t n, size_t stride);

#endif
