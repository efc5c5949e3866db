/* A tape of matrix operations with reverse-mode gradients: what the aligner's networks are made of.
 *
 * Operations are recorded while they compute; oa_tape_backward walks back over them. All values are row-major float
 * matrices. A matrix often stacks the same rows of several models: [models * units, channels]; operations that tell the
 * models apart take `models` and work on blocks of rows / models rows.
 *
 * Memory: an arena that reset keeps, so that steps of equal shapes allocate nothing after the first. Errors are sticky:
 * the first one is kept, operations after it do nothing and return 0, oa_tape_status tells. One thread at a time;
 * tapes are independent. */
#ifndef OA_TAPE_TAPE_H
#define OA_TAPE_TAPE_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct oa_tape oa_tape;
typedef size_t oa_var; /* a matrix on a tape, valid until reset */

/* OA_ERROR_MEMORY. */
oa_status oa_tape_create(oa_tape **tape, oa_error *error);
void oa_tape_destroy(oa_tape *tape);
/* Forgets all matrices and the sticky error, keeps the memory. */
void oa_tape_reset(oa_tape *tape);
/* OA_OK, or the first failure since reset, copied into *error. */
oa_status oa_tape_status(const oa_tape *tape, oa_error *error);
/* Makes every later operation fail with this error (for code that builds on the tape). */
void oa_tape_fail(oa_tape *tape, const oa_error *error);
/* When off (the default is on), nothing is kept for a backward pass: inference. Set after create or reset. */
void oa_tape_record(oa_tape *tape, bool records);

bool oa_tape_is_recording(const oa_tape *tape);
/* For inference with little memory: oa_tape_back_to forgets all matrices and buffers made since oa_tape_here, whose
 * memory the next ones take. Not on a tape that records (it does nothing there). */
typedef struct oa_tape_mark {
    size_t entries, block, used;
} oa_tape_mark;
oa_tape_mark oa_tape_here(const oa_tape *tape);
void oa_tape_back_to(oa_tape *tape, const oa_tape_mark *mark);
/* `made`, with all forgotten that was made since the mark, and itself moved to `room`, a buffer of its size from before
 * the mark. On a tape that records, or failed, just `made`. */
oa_var oa_tape_keep(oa_tape *tape, float *room, const oa_tape_mark *mark, oa_var made);

/* Leaves; the data is borrowed until reset. A parameter's gradient is ADDED to `gradient` (NULL: not wanted). */
oa_var oa_tape_constant(oa_tape *tape, const float *data, size_t rows, size_t columns);
oa_var oa_tape_parameter(oa_tape *tape, const float *data, float *gradient, size_t rows, size_t columns);

/* `count` floats, not initialised, that live until reset: for constants that are made on the way. NULL after a failure,
 * which sticks. */
float *oa_tape_buffer(oa_tape *tape, size_t count);

size_t oa_tape_rows(const oa_tape *tape, oa_var var);
size_t oa_tape_columns(const oa_tape *tape, oa_var var);
const float *oa_tape_data(const oa_tape *tape, oa_var var);

/* Backward pass from a [1, 1] matrix with gradient `seed`. Call once after recording. */
oa_status oa_tape_backward(oa_tape *tape, oa_var loss, float seed, oa_error *error);
/* d loss / d var after the backward pass, [rows, columns], or NULL where no gradient was needed. */
const float *oa_tape_gradient(const oa_tape *tape, oa_var var);

/* ---- Operations (ops_*.c). Each says its result; shapes that do not fit are OA_ERROR_INTERNAL. ---- */

/* scale * op(a) op(b). */
oa_var oa_op_matmul(oa_tape *tape, oa_var a, bool transpose_a, oa_var b, bool transpose_b, float scale);
/* Sum of `count` matrices of one shape, each times its factor (NULL: 1). */
oa_var oa_op_sum(oa_tape *tape, const oa_var *terms, const float *factors, size_t count);
/* sum_k factors[k] * a_k b_k: like sum of matmuls without the intermediate matrices. */
oa_var oa_op_sum_of_products(oa_tape *tape, const oa_var *a, const oa_var *b, const float *factors, size_t count);
/* a[models * n, d] + row[1 or models, d] broadcast over the rows of each block. */
oa_var oa_op_add_rows(oa_tape *tape, oa_var a, oa_var rows, size_t models);
/* Mean (maximum) over the rows of each block: [models, d]. The gradient of a maximum goes to its first place. */
oa_var oa_op_mean_rows(oa_tape *tape, oa_var a, size_t models);
oa_var oa_op_max_rows(oa_tape *tape, oa_var a, size_t models);
/* Elementwise product; times a [1, 1] matrix; exp of a [1, 1] matrix. */
oa_var oa_op_multiply(oa_tape *tape, oa_var a, oa_var b);
oa_var oa_op_scale(oa_tape *tape, oa_var a, oa_var factor);
oa_var oa_op_exp(oa_tape *tape, oa_var a);
/* Elementwise. gelu is the tanh form. */
oa_var oa_op_relu(oa_tape *tape, oa_var a);
oa_var oa_op_gelu(oa_tape *tape, oa_var a);
/* Each row minus its mean, divided by sqrt(its variance + 1e-5). */
oa_var oa_op_layer_norm(oa_tape *tape, oa_var a);
/* Each row divided by its norm (rows of norm below 1e-12 stay as they are). */
oa_var oa_op_normalise_rows(oa_tape *tape, oa_var a);
/* The same numbers as [rows, columns], row-major. */
oa_var oa_op_reshape(oa_tape *tape, oa_var a, size_t rows, size_t columns);
oa_var oa_op_transpose(oa_tape *tape, oa_var a);
/* Rows first .. first + count - 1; one matrix under the other. */
oa_var oa_op_rows(oa_tape *tape, oa_var a, size_t first, size_t count);
oa_var oa_op_stack(oa_tape *tape, const oa_var *parts, size_t count);
/* Side by side. */
oa_var oa_op_concat_columns(oa_tape *tape, const oa_var *parts, size_t count);
/* Broadcast of row r to rows r * times ... r * times + times - 1. */
oa_var oa_op_repeat_rows(oa_tape *tape, oa_var a, size_t times);

/* For each model m: w_m x_m, w_m [n, k] a constant (the matrices are borrowed until reset, row-major, packed; the list
 * of pointers is copied), x [models * k, d]; result [models * n, d]. With transpose: w_m^T x_m with x [models * n, d],
 * result [models * k, d]. */
oa_var oa_op_propagate(oa_tape *tape, const float *const *w, size_t models, size_t n, size_t k, bool transpose,
                       oa_var x, float scale);
/* x [r, d] -> [r * taps, d]: row r, tap t is x_r times (elementwise) signs[t, d] (borrowed; entries are +-1). */
oa_var oa_op_spread_taps(oa_tape *tape, oa_var x, const float *signs, size_t taps);
/* Its adjoint: x [r * taps, d] -> [r, d], sum over taps of x_{r, t} times signs[t, d]. */
oa_var oa_op_gather_taps(oa_tape *tape, oa_var x, const float *signs, size_t taps);

/* Features of all pairs of a model's rows i (n of them) and columns j (k of them), x [models * n * k, c] with pair (i,
 * j) of model m in row (m * n + i) * k + j, mixed by `mix` [c, d], with rows [models * n, d] and columns [models * k,
 * d]: each pair's layer_norm(relu(x mix + rows_i + columns_j)), [models * n * k, d]. One pass over the memory. */
oa_var oa_op_pairs(oa_tape *tape, oa_var x, oa_var mix, oa_var rows, oa_var columns, size_t models);

/* Mean over rows of the cross-entropy of softmax(a[r, .]) against column target[r] (borrowed): [1, 1]. */
oa_var oa_op_cross_entropy(oa_tape *tape, oa_var a, const size_t *target);
/* Doubly stochastic matrix of exp(a) [n, n] by `iterations` Sinkhorn iterations (core/soft/sinkhorn.h). */
oa_var oa_op_sinkhorn(oa_tape *tape, oa_var a, size_t iterations);

/* An operation made elsewhere. forward writes output [rows, columns]; backward ADDS to each non-NULL input gradient.
 * Both get the context, which must live until reset. */
typedef struct oa_custom_op {
    oa_status (*forward)(float *output, const float *const *inputs, void *context, oa_error *error);
    oa_status (*backward)(float *const *input_gradients, const float *output_gradient, const float *const *inputs,
                          const float *output, void *context, oa_error *error);
    void *context;
} oa_custom_op;
oa_var oa_op_custom(oa_tape *tape, const oa_custom_op *op, const oa_var *inputs, size_t input_count, size_t rows,
                    size_t columns);

#endif
