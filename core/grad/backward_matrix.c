/* Gemm and MatMul, backwards. For Y = A B with the output's gradient G: dA = G B^T and dB = A^T G. */
#include "core/exec/broadcast.h"
#include "core/grad/backward_kernels.h"
#include "core/linalg/blas.h"

static oa_const_matrix_view view(const float *data, size_t rows, size_t columns)
{
    return (oa_const_matrix_view){.data = data, .rows = rows, .columns = columns, .stride = columns};
}

/* sink [rows, columns] gets alpha op(a) op(b). */
static oa_status multiply(const oa_sink *sink, size_t rows, size_t columns, oa_const_matrix_view a, bool transpose_a,
                          oa_const_matrix_view b, bool transpose_b, float alpha, oa_error *error)
{
    oa_matrix_view c = {.data = sink->data, .rows = rows, .columns = columns, .stride = columns};
    return oa_gemm(c, a, transpose_a, b, transpose_b, alpha, sink->adds ? 1.0f : 0.0f, error);
}

oa_status oa_backward_gemm(oa_backward_call *call, oa_error *error)
{
    const oa_array *a = call->forward->inputs[0], *b = call->forward->inputs[1], *y = &call->forward->outputs[0];
    bool transpose_a = oa_call_int(call->forward, "transA", 0) != 0;
    bool transpose_b = oa_call_int(call->forward, "transB", 0) != 0;
    float alpha = oa_call_float(call->forward, "alpha", 1.0f), beta = oa_call_float(call->forward, "beta", 1.0f);
    const oa_const_matrix_view va = view(a->data, a->dims[0], a->dims[1]), vb = view(b->data, b->dims[0], b->dims[1]);
    const oa_const_matrix_view g = view(oa_backward_output(call, 0), y->dims[0], y->dims[1]);
    oa_status status = OA_OK;
    oa_sink sink;
    if (oa_backward_wants(call, 0)) {
        status = oa_backward_sink(&sink, call, 0, error);
        if (status == OA_OK) {
            status = transpose_a ? multiply(&sink, va.rows, va.columns, vb, transpose_b, g, true, alpha, error)
                                 : multiply(&sink, va.rows, va.columns, g, false, vb, !transpose_b, alpha, error);
        }
    }
    if (status == OA_OK && oa_backward_wants(call, 1)) {
        status = oa_backward_sink(&sink, call, 1, error);
        if (status == OA_OK) {
            status = transpose_b ? multiply(&sink, vb.rows, vb.columns, g, true, va, transpose_a, alpha, error)
                                 : multiply(&sink, vb.rows, vb.columns, va, !transpose_a, g, false, alpha, error);
        }
    }
    if (status == OA_OK && oa_backward_wants(call, 2)) {
        status = oa_backward_reduce(call, 2, beta, error);
    }
    return status;
}

/* A product of batches of matrices a [m, k] and b [k, n]. */
typedef struct batches {
    size_t m, n, k;
    oa_array a; /* the axes before the matrices, without data */
    oa_array b;
    size_t dims[OA_MAX_RANK]; /* of the batches together */
    size_t rank;
} batches;

static oa_array batch_of(const oa_array *array)
{
    oa_array batch = {.count = 1};
    batch.rank = array->rank > 2 ? array->rank - 2 : 0;
    for (size_t d = 0; d < batch.rank; d++) {
        batch.dims[d] = array->dims[d];
        batch.count *= array->dims[d];
    }
    return batch;
}

/* One product for each pair of matrices; a gradient of matrices that serve several pairs is a sum. */
static oa_status multiply_batches(oa_backward_call *call, oa_sink sink, bool is_of_a, const batches *p, oa_error *error)
{
    const oa_array *a = call->forward->inputs[0], *b = call->forward->inputs[1];
    const float *g = oa_backward_output(call, 0);
    size_t size_a = p->m * p->k, size_b = p->k * p->n;
    const oa_array *own = is_of_a ? &p->a : &p->b;
    size_t together = 1;
    for (size_t d = 0; d < p->rank; d++) {
        together *= p->dims[d];
    }
    if (own->count != together) {
        oa_sink_clear(&sink, own->count * (is_of_a ? size_a : size_b));
    }
    oa_broadcast walk;
    oa_broadcast_start(&walk, p->dims, p->rank, (const oa_array *const[]){&p->a, &p->b}, 2);
    do {
        for (size_t i = 0; i < walk.run; i++) {
            size_t at_a = walk.offsets[0] + i * walk.run_step[0], at_b = walk.offsets[1] + i * walk.run_step[1];
            const oa_const_matrix_view vg = view(g, p->m, p->n);
            const oa_sink part = {.data = sink.data + (is_of_a ? at_a * size_a : at_b * size_b), .adds = sink.adds};
            oa_status status =
                is_of_a ? multiply(&part, p->m, p->k, vg, false,
                                   view((const float *)b->data + at_b * size_b, p->k, p->n), true, 1.0f, error)
                        : multiply(&part, p->k, p->n, view((const float *)a->data + at_a * size_a, p->m, p->k), true,
                                   vg, false, 1.0f, error);
            if (status != OA_OK) {
                return status;
            }
            g += p->m * p->n;
        }
    } while (oa_broadcast_next(&walk));
    return OA_OK;
}

oa_status oa_backward_matmul(oa_backward_call *call, oa_error *error)
{
    const oa_array *a = call->forward->inputs[0], *b = call->forward->inputs[1], *y = &call->forward->outputs[0];
    batches p = {.m = a->rank >= 2 ? a->dims[a->rank - 2] : 1,
                 .k = a->dims[a->rank - 1],
                 .n = b->rank >= 2 ? b->dims[b->rank - 1] : 1,
                 .a = batch_of(a),
                 .b = batch_of(b)};
    if (p.b.count == 1 && p.n) { /* one matrix on the right: the whole batch is one tall matrix */
        p.m = y->count / p.n;
        p.a = (oa_array){.count = 1};
        p.b = p.a;
    }
    oa_status status = oa_broadcast_shape(p.dims, &p.rank, (const oa_array *const[]){&p.a, &p.b}, 2, error);
    for (size_t slot = 0; slot < 2 && status == OA_OK; slot++) {
        oa_sink sink;
        if (!oa_backward_wants(call, slot)) {
            continue;
        }
        status = oa_backward_sink(&sink, call, slot, error);
        if (status == OA_OK && y->count == 0) {
            oa_sink_clear(&sink, call->forward->inputs[slot]->count);
        } else if (status == OA_OK) {
            status = multiply_batches(call, sink, slot == 0, &p, error);
        }
    }
    return status;
}
