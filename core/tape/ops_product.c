/* Matrix products. */
#include "core/tape/tape_private.h"

/* ---- scale * op(a) op(b) ---- */

typedef struct matmul {
    bool transpose_a, transpose_b;
    float scale;
} matmul;

static oa_status matmul_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const matmul *m = entry->state;
    const oa_tape_entry *a = oa_tape_entry_at(tape, entry->inputs[0]), *b = oa_tape_entry_at(tape, entry->inputs[1]);
    oa_const_matrix_view dc = {entry->gradient, entry->rows, entry->columns, entry->columns};
    oa_status status = OA_OK;
    float beta;
    float *da = oa_tape_input_gradient(&beta, tape, entry, 0);
    if (da) {
        oa_matrix_view view = {da, a->rows, a->columns, a->columns};
        status = m->transpose_a ? oa_gemm(view, oa_view_of(b), m->transpose_b, dc, true, m->scale, beta, error)
                                : oa_gemm(view, dc, false, oa_view_of(b), !m->transpose_b, m->scale, beta, error);
    }
    float *db = status == OA_OK ? oa_tape_input_gradient(&beta, tape, entry, 1) : NULL;
    if (db) {
        oa_matrix_view view = {db, b->rows, b->columns, b->columns};
        status = m->transpose_b ? oa_gemm(view, dc, true, oa_view_of(a), m->transpose_a, m->scale, beta, error)
                                : oa_gemm(view, oa_view_of(a), !m->transpose_a, dc, false, m->scale, beta, error);
    }
    return status;
}

oa_var oa_op_matmul(oa_tape *tape, oa_var a, bool transpose_a, oa_var b, bool transpose_b, float scale)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a), *y = oa_tape_entry_at(tape, b);
    oa_const_matrix_view xv = oa_view_of(x), yv = oa_view_of(y);
    size_t m = transpose_a ? x->columns : x->rows, k = transpose_a ? x->rows : x->columns;
    size_t n = transpose_b ? y->rows : y->columns;
    if (k != (transpose_b ? y->columns : y->rows)) {
        return oa_tape_misfit(tape, "matmul");
    }
    oa_tape_entry *entry = oa_tape_make(tape, m, n, (oa_var[]){a, b}, 2, matmul_backward);
    matmul *state = entry ? oa_tape_state(tape, sizeof *state) : NULL;
    if (!state) {
        return 0;
    }
    *state = (matmul){transpose_a, transpose_b, scale};
    entry->state = state;
    oa_error error;
    if (oa_gemm((oa_matrix_view){entry->data, m, n, n}, xv, transpose_a, yv, transpose_b, scale, 0.0f, &error) !=
        OA_OK) {
        oa_tape_fail(tape, &error);
    }
    return oa_tape_last(tape);
}

/* ---- sum of products ---- */

static oa_status products_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const float *factors = entry->state;
    size_t count = entry->input_count / 2;
    oa_const_matrix_view dc = {entry->gradient, entry->rows, entry->columns, entry->columns};
    oa_status status = OA_OK;
    for (size_t k = 0; k < count && status == OA_OK; k++) {
        const oa_tape_entry *a = oa_tape_entry_at(tape, entry->inputs[k]);
        const oa_tape_entry *b = oa_tape_entry_at(tape, entry->inputs[count + k]);
        float beta;
        float *da = oa_tape_input_gradient(&beta, tape, entry, k);
        if (da) {
            status = oa_gemm((oa_matrix_view){da, a->rows, a->columns, a->columns}, dc, false, oa_view_of(b), true,
                             factors[k], beta, error);
        }
        float *db = status == OA_OK ? oa_tape_input_gradient(&beta, tape, entry, count + k) : NULL;
        if (db) {
            status = oa_gemm((oa_matrix_view){db, b->rows, b->columns, b->columns}, oa_view_of(a), true, dc, false,
                             factors[k], beta, error);
        }
    }
    return status;
}

oa_var oa_op_sum_of_products(oa_tape *tape, const oa_var *a, const oa_var *b, const float *factors, size_t count)
{
    if (!count) {
        return oa_tape_misfit(tape, "sum of products");
    }
    size_t rows = oa_tape_rows(tape, a[0]), columns = oa_tape_columns(tape, b[0]);
    oa_var *inputs = oa_tape_state(tape, 2 * count * sizeof *inputs);
    float *state = inputs ? oa_tape_state(tape, count * sizeof *state) : NULL;
    for (size_t k = 0; k < count && state; k++) {
        inputs[k] = a[k];
        inputs[count + k] = b[k];
        state[k] = factors ? factors[k] : 1.0f;
        if (oa_tape_rows(tape, a[k]) != rows || oa_tape_columns(tape, b[k]) != columns ||
            oa_tape_columns(tape, a[k]) != oa_tape_rows(tape, b[k])) {
            return oa_tape_misfit(tape, "sum of products");
        }
    }
    oa_tape_entry *entry = state ? oa_tape_make(tape, rows, columns, inputs, 2 * count, products_backward) : NULL;
    if (!entry) {
        return 0;
    }
    entry->state = state;
    for (size_t k = 0; k < count; k++) {
        oa_error error;
        if (oa_gemm((oa_matrix_view){entry->data, rows, columns, columns}, oa_view_of(oa_tape_entry_at(tape, a[k])),
                    false, oa_view_of(oa_tape_entry_at(tape, b[k])), false, state[k], k ? 1.0f : 0.0f,
                    &error) != OA_OK) {
            oa_tape_fail(tape, &error);
            return 0;
        }
    }
    return oa_tape_last(tape);
}

/* ---- one constant matrix a model ---- */

typedef struct propagation {
    const float **w;
    size_t models, n, k;
    bool transpose;
    float scale;
} propagation;

/* y_m = beta y_m + scale op(w_m) x_m. */
static oa_status apply(float *y, const float *x, const propagation *p, bool transpose, size_t d, float beta,
                       oa_error *error)
{
    size_t from = transpose ? p->n : p->k, to = transpose ? p->k : p->n;
    oa_status status = OA_OK;
    for (size_t m = 0; m < p->models && status == OA_OK; m++) {
        status = oa_gemm((oa_matrix_view){y + m * to * d, to, d, d}, (oa_const_matrix_view){p->w[m], p->n, p->k, p->k},
                         transpose, (oa_const_matrix_view){x + m * from * d, from, d, d}, false, p->scale, beta, error);
    }
    return status;
}

static oa_status propagate_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const propagation *p = entry->state;
    float beta;
    float *dx = oa_tape_input_gradient(&beta, tape, entry, 0);
    return dx ? apply(dx, entry->gradient, p, !p->transpose, entry->columns, beta, error) : OA_OK;
}

oa_var oa_op_propagate(oa_tape *tape, const float *const *w, size_t models, size_t n, size_t k, bool transpose,
                       oa_var x, float scale)
{
    const oa_tape_entry *input = oa_tape_entry_at(tape, x);
    size_t from = transpose ? n : k, to = transpose ? k : n, d = input->columns;
    const float *data = input->data;
    if (input->rows != models * from) {
        return oa_tape_misfit(tape, "propagate");
    }
    propagation *state = oa_tape_state(tape, sizeof *state);
    const float **list = state ? oa_tape_state(tape, models * sizeof *list) : NULL;
    oa_tape_entry *entry = list ? oa_tape_make(tape, models * to, d, &x, 1, propagate_backward) : NULL;
    if (!entry) {
        return 0;
    }
    for (size_t m = 0; m < models; m++) {
        list[m] = w[m];
    }
    *state = (propagation){.w = list, .models = models, .n = n, .k = k, .transpose = transpose, .scale = scale};
    entry->state = state;
    oa_error error;
    if (apply(entry->data, data, state, transpose, d, 0.0f, &error) != OA_OK) {
        oa_tape_fail(tape, &error);
    }
    return oa_tape_last(tape);
}
