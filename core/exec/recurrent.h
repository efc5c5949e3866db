/* LSTM, GRU and RNN: what they share, forwards and backwards.
 *
 * A layer has one or two directions, and a pass is one of them over the whole sequence. Inside, sequences are
 * [steps, batch, ...] whatever the node's layout is. The states of all steps stay, state `t` being the one before step
 * t in forward and after it in reverse direction, so that the states before the steps lie together for both. Rows whose
 * sequence has not begun or is over keep their state. */
#ifndef OA_EXEC_RECURRENT_H
#define OA_EXEC_RECURRENT_H

#include "core/exec/call.h"

enum { OA_RECURRENT_ACTIVATIONS = 3 };

/* What an operator is like. */
typedef struct oa_recurrent_kind {
    size_t gates;
    bool has_cell;                                     /* a second state */
    bool has_side;                                     /* `side` of a pass */
    const char *activations[OA_RECURRENT_ACTIVATIONS]; /* of one direction, as they are by default; then NULL */
    bool allows_relu;                                  /* in place of them */
} oa_recurrent_kind;

/* A node as it was read. */
typedef struct oa_recurrent {
    const oa_recurrent_kind *kind;
    oa_dtype dtype; /* of all arrays but the lengths */
    size_t steps;
    size_t batch;
    size_t inputs;
    size_t units;
    size_t directions;
    bool is_batch_first;
    bool is_first_reversed; /* a second direction is always reversed */
    bool is_side_linear;    /* GRU: linear_before_reset */
    bool is_relu[2];        /* of a direction: the activation is not the default */
    const oa_array *x;
    const oa_array *w;         /* [directions, gates * units, inputs] */
    const oa_array *r;         /* [directions, gates * units, units] */
    const oa_array *b;         /* [directions, 2 * gates * units], or NULL */
    const oa_array *lengths;   /* [batch], or NULL */
    const oa_array *initial_h; /* [directions, batch, units], batch first when the layout is; or NULL */
    const oa_array *initial_c;
    const oa_array *peepholes; /* [directions, 3 * units], or NULL */
} oa_recurrent;

/* One direction, and the memory that all directions use one after the other. Elements are of the layer's dtype. */
typedef struct oa_recurrent_pass {
    const oa_recurrent *layer;
    size_t direction;
    bool is_reversed;
    const void *x;         /* [steps * batch, inputs] */
    const void *w;         /* of this direction, as in the layer */
    const void *r;         /* of this direction */
    const size_t *lengths; /* [batch], or NULL */
    void *bias;            /* [gates * units], of input and state together */
    void *side_bias;       /* [units] GRU: of the state's part of the last gate when it is apart, else zeros */
    void *peepholes;       /* [3 * units], zeros when there are none */
    void *gates;           /* [steps * batch, gates * units] */
    void *h;               /* [steps + 1, batch, units] */
    void *c;               /* the same for the cell, or NULL */
    void *side;            /* [steps * batch, units] GRU: what the last gate takes of the state */
    void *extra;           /* as many elements as were asked for */
} oa_recurrent_pass;

/* One step of all rows: reads state and gates, which hold the input's part without bias, and writes the next state;
 * the gates become what the activations made of them. */
typedef oa_status (*oa_recurrent_step)(const oa_recurrent_pass *pass, size_t t, oa_error *error);

/* Reads and checks a node. OA_ERROR_INPUT, OA_ERROR_UNSUPPORTED. */
oa_status oa_recurrent_read(oa_recurrent *layer, oa_call *call, const oa_recurrent_kind *kind, oa_error *error);

/* The memory for passes, in the call's scratch, and x in it when it has to be reordered. OA_ERROR_MEMORY,
 * OA_ERROR_INPUT for lengths out of range. */
oa_status oa_recurrent_open(oa_recurrent_pass *pass, const oa_recurrent *layer, oa_call *call, size_t extra,
                            oa_error *error);

/* Runs one direction over the sequence: one product for the input's part of all steps, then `step` for each. */
oa_status oa_recurrent_forward(oa_recurrent_pass *pass, size_t direction, oa_recurrent_step step, oa_error *error);

/* The whole kernel. */
oa_status oa_recurrent_run(oa_call *call, const oa_recurrent_kind *kind, oa_recurrent_step step, oa_error *error);

/* The element `index` elements after `base`. */
void *oa_recurrent_at(const oa_recurrent_pass *pass, const void *base, size_t index);
/* A state before or after step t: [batch, units] in `states`. */
void *oa_recurrent_before(const oa_recurrent_pass *pass, const void *states, size_t t);
void *oa_recurrent_after(const oa_recurrent_pass *pass, const void *states, size_t t);
/* Is step t part of row b's sequence? */
static inline bool oa_recurrent_is_active(const oa_recurrent_pass *pass, size_t t, size_t b)
{
    return !pass->lengths || t < pass->lengths[b];
}

/* c [m, n], rows `stride` apart, gets a [m, k] times the transpose of b [n, k], or adds it. */
oa_status oa_recurrent_multiply(const oa_recurrent_pass *pass, void *c, size_t stride, const void *a, const void *b,
                                size_t m, size_t n, size_t k, bool adds, oa_error *error);

/* The place of row b of a direction in the last states and the initial ones, and at step t in output 0; in rows of
 * `units`. */
size_t oa_recurrent_state_row(const oa_recurrent *layer, size_t direction, size_t b);
size_t oa_recurrent_output_row(const oa_recurrent *layer, size_t direction, size_t t, size_t b);

/* The operators. A GRU's side is the state after the reset gate, or with linear_before_reset its product. */
extern const oa_recurrent_kind oa_lstm_kind;
extern const oa_recurrent_kind oa_gru_kind;
extern const oa_recurrent_kind oa_rnn_kind;
oa_status oa_lstm_step(const oa_recurrent_pass *pass, size_t t, oa_error *error);
oa_status oa_gru_step(const oa_recurrent_pass *pass, size_t t, oa_error *error);
oa_status oa_rnn_step(const oa_recurrent_pass *pass, size_t t, oa_error *error);

#endif
