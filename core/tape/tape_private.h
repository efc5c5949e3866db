/* What the files of the tape share. */
#ifndef OA_TAPE_TAPE_PRIVATE_H
#define OA_TAPE_TAPE_PRIVATE_H

#include "core/base/memory.h"
#include "core/linalg/blas.h"
#include "core/soft/sinkhorn.h"
#include "core/tape/tape.h"

typedef struct oa_tape_entry oa_tape_entry;

/* Adds to the gradients of the entry's inputs, given the entry's own. */
typedef oa_status (*oa_tape_backward_fn)(oa_tape *tape, const oa_tape_entry *entry, oa_error *error);

struct oa_tape_entry {
    size_t rows;
    size_t columns;
    float *data;     /* [rows, columns]; not written to for leaves */
    float *gradient; /* [rows, columns]; NULL until something is added (leaves: the caller's) */
    bool needs_gradient;
    oa_tape_backward_fn backward; /* NULL for leaves */
    oa_var *inputs;               /* [input_count] */
    size_t input_count;
    void *state; /* what the operation keeps for its backward pass; lives until reset */
};

/* The tape's state: oa_tape_make fails when there is an error, an input is not of the tape, or memory runs out. Returns
 * the entry, with room for its data, or NULL. Pointers to entries are valid until the next is made. */
oa_tape_entry *oa_tape_make(oa_tape *tape, size_t rows, size_t columns, const oa_var *inputs, size_t input_count,
                            oa_tape_backward_fn backward);
/* The same for an entry that shares the data of `of`, from element `first` on. Data are never written to twice. */
oa_tape_entry *oa_tape_view(oa_tape *tape, oa_var of, size_t first, size_t rows, size_t columns,
                            oa_tape_backward_fn backward);
/* The variable of the entry made last. */
oa_var oa_tape_last(const oa_tape *tape);
const oa_tape_entry *oa_tape_entry_at(const oa_tape *tape, oa_var var);
/* Zeroed memory that lives until reset, or NULL with a sticky failure. */
void *oa_tape_state(oa_tape *tape, size_t bytes);
/* A Sinkhorn workspace that belongs to the tape, in use until reset, or for one operation on a tape that does not
 * record; NULL with a sticky failure. */
oa_sinkhorn *oa_tape_sinkhorn(oa_tape *tape, size_t n, size_t iterations);
/* A sticky OA_ERROR_INTERNAL: shapes that do not fit. Returns 0, for operations to return. */
oa_var oa_tape_misfit(oa_tape *tape, const char *operation);

/* Where to add the gradient of input `slot`, or NULL when none is wanted or the tape has failed. *beta is 0 when
 * nothing is there yet (the memory is then not initialised), otherwise 1. */
float *oa_tape_input_gradient(float *beta, oa_tape *tape, const oa_tape_entry *entry, size_t slot);
/* The same, always initialised: for operations that add. */
float *oa_tape_add_gradient(oa_tape *tape, const oa_tape_entry *entry, size_t slot);
/* Adds `gradient` [count], all of it, to input `slot`'s, when that is wanted. */
void oa_tape_pass_on(oa_tape *tape, const oa_tape_entry *entry, size_t slot, const float *gradient, size_t count);

/* Sums of products and of numbers in eight strands, so that the compiler vectorises them in a fixed order. */
static inline float oa_dot(const float *restrict x, const float *restrict y, size_t n)
{
    float sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            sums[k] += x[i + k] * y[i + k];
        }
    }
    float sum = 0.0f;
    for (; i < n; i++) {
        sum += x[i] * y[i];
    }
    for (size_t k = 0; k < 8; k++) {
        sum += sums[k];
    }
    return sum;
}

static inline float oa_total(const float *x, size_t n)
{
    float sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            sums[k] += x[i + k];
        }
    }
    float sum = 0.0f;
    for (; i < n; i++) {
        sum += x[i];
    }
    for (size_t k = 0; k < 8; k++) {
        sum += sums[k];
    }
    return sum;
}

static inline void oa_add_to(float *restrict to, const float *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
    }
}

static inline oa_const_matrix_view oa_view_of(const oa_tape_entry *e)
{
    return (oa_const_matrix_view){e->data, e->rows, e->columns, e->columns};
}

#endif
