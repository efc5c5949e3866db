/* Cross-entropy, Sinkhorn normalisation, and operations made elsewhere. */
#include "core/linalg/vector_math.h"
#include "core/soft/sinkhorn.h"
#include "core/tape/tape_private.h"

#include <math.h>

/* ---- cross-entropy of rows ---- */

typedef struct cross_entropy {
    const size_t *target;
    float *share; /* [rows, columns] softmax */
} cross_entropy;

static oa_status cross_entropy_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const cross_entropy *c = entry->state;
    const oa_tape_entry *x = oa_tape_entry_at(tape, entry->inputs[0]);
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    float by = entry->gradient[0] / (float)x->rows;
    (void)error;
    for (size_t r = 0; r < x->rows && dx; r++) {
        const float *restrict share = c->share + r * x->columns;
        float *restrict out = dx + r * x->columns;
        for (size_t k = 0; k < x->columns; k++) {
            out[k] += by * share[k];
        }
        out[c->target[r]] -= by;
    }
    return OA_OK;
}

/* share [rows, columns] = softmax of each row of x; returns the sum of -log(the targets' shares). */
OA_VECTOR_CLONES static double softmax(float *share, const float *x, const size_t *target, size_t rows, size_t columns)
{
    double loss = 0.0;
    for (size_t r = 0; r < rows; r++) {
        const float *restrict z = x + r * columns;
        float *restrict e = share + r * columns;
        float most = z[0];
        for (size_t k = 1; k < columns; k++) {
            most = z[k] > most ? z[k] : most;
        }
        for (size_t k = 0; k < columns; k++) {
            e[k] = oa_exp_fast(z[k] - most);
        }
        float sum = oa_total(e, columns), by = 1.0f / sum;
        for (size_t k = 0; k < columns; k++) {
            e[k] *= by;
        }
        loss += (double)(logf(sum) - (z[target[r]] - most));
    }
    return loss;
}

oa_var oa_op_cross_entropy(oa_tape *tape, oa_var a, const size_t *target)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    size_t rows = x->rows, columns = x->columns, count;
    if (!rows || !columns || oa_mul_overflows(&count, rows, columns)) {
        return oa_tape_misfit(tape, "cross-entropy");
    }
    for (size_t r = 0; r < rows; r++) {
        if (target[r] >= columns) {
            return oa_tape_misfit(tape, "cross-entropy");
        }
    }
    oa_tape_entry *entry = oa_tape_make(tape, 1, 1, &a, 1, cross_entropy_backward);
    cross_entropy *state = entry ? oa_tape_state(tape, sizeof *state) : NULL;
    float *share = state ? oa_tape_buffer(tape, count) : NULL;
    if (!share) {
        return 0;
    }
    *state = (cross_entropy){target, share};
    entry->state = state;
    entry->data[0] = (float)(softmax(share, in, target, rows, columns) / (double)rows);
    return oa_tape_last(tape);
}

/* ---- Sinkhorn ---- */

static oa_status sinkhorn_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    float *dx = oa_tape_add_gradient(tape, entry, 0);
    (void)error;
    if (dx) {
        oa_sinkhorn_backward(dx, entry->state, entry->gradient);
    }
    return OA_OK;
}

oa_var oa_op_sinkhorn(oa_tape *tape, oa_var a, size_t iterations)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a);
    const float *in = x->data;
    size_t n = x->rows;
    if (!n || x->columns != n) {
        return oa_tape_misfit(tape, "sinkhorn");
    }
    oa_tape_entry *entry = oa_tape_make(tape, n, n, &a, 1, sinkhorn_backward);
    oa_sinkhorn *workspace = entry ? oa_tape_sinkhorn(tape, n, iterations) : NULL;
    if (!workspace) {
        return 0;
    }
    entry->state = workspace;
    oa_error error;
    if (oa_sinkhorn_forward(entry->data, workspace, in, &error) != OA_OK) {
        oa_tape_fail(tape, &error);
    }
    return oa_tape_last(tape);
}

/* ---- made elsewhere ---- */

typedef struct custom {
    oa_custom_op op;
    const float **data; /* [inputs] */
    float **gradients;  /* [inputs] */
} custom;

static oa_status custom_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const custom *c = entry->state;
    for (size_t k = 0; k < entry->input_count; k++) {
        c->gradients[k] = oa_tape_add_gradient(tape, entry, k);
        c->data[k] = oa_tape_entry_at(tape, entry->inputs[k])->data;
    }
    oa_status status = oa_tape_status(tape, error); /* the gradients may not have found room */
    if (status != OA_OK) {
        return status;
    }
    return c->op.backward(c->gradients, entry->gradient, c->data, entry->data, c->op.context, error);
}

oa_var oa_op_custom(oa_tape *tape, const oa_custom_op *op, const oa_var *inputs, size_t input_count, size_t rows,
                    size_t columns)
{
    oa_tape_entry *entry = oa_tape_make(tape, rows, columns, inputs, input_count, custom_backward);
    custom *state = entry ? oa_tape_state(tape, sizeof *state) : NULL;
    const float **data = state ? oa_tape_state(tape, input_count * sizeof *data) : NULL;
    float **gradients = data ? oa_tape_state(tape, input_count * sizeof *gradients) : NULL;
    if (!gradients) {
        return 0;
    }
    *state = (custom){*op, data, gradients};
    entry->state = state;
    for (size_t k = 0; k < input_count; k++) {
        data[k] = oa_tape_entry_at(tape, inputs[k])->data;
    }
    oa_error error = {.status = OA_OK};
    error.status = op->forward(entry->data, data, op->context, &error);
    if (error.status != OA_OK) {
        oa_tape_fail(tape, &error);
    }
    return oa_tape_last(tape);
}
