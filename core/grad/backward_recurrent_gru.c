/* GRU and RNN, backwards, with the forward passes as in core/exec/recurrent_gru.c and core/exec/recurrent_rnn.c. */
#include "core/exec/recurrent_cells.h"
#include "core/exec/types.h"
#include "core/grad/backward_kernels.h"
#include "core/grad/backward_recurrent.h"

#include <string.h>

/* One row: the gates z and n become their gradients, and dh what goes past the gates. */
OA_VECTOR_CLONES
static void gru_row(float *restrict gates, float *restrict dh, const float *restrict before, size_t n)
{
    OA_INDEPENDENT
    for (size_t j = 0; j < n; j++) {
        const float z = gates[j], fresh = gates[2 * n + j];
        gates[j] = dh[j] * (before[j] - fresh) * z * (1.0f - z);
        gates[2 * n + j] = dh[j] * (1.0f - z) * (1.0f - fresh * fresh);
        dh[j] *= z;
    }
}

/* The gate r becomes its gradient; `side` goes from the product to its gradient. */
OA_VECTOR_CLONES
static void linear_side_row(float *restrict gates, float *restrict side, size_t n)
{
    OA_INDEPENDENT
    for (size_t j = 0; j < n; j++) {
        const float r = gates[n + j], d = gates[2 * n + j];
        gates[n + j] = d * side[j] * r * (1.0f - r);
        side[j] = d * r;
    }
}

/* The same where the side is r h', whose gradient is d_side. */
OA_VECTOR_CLONES
static void side_row(float *restrict gates, float *restrict dh, const float *restrict d_side,
                     const float *restrict before, size_t n)
{
    OA_INDEPENDENT
    for (size_t j = 0; j < n; j++) {
        const float r = gates[n + j];
        gates[n + j] = d_side[j] * before[j] * r * (1.0f - r);
        dh[j] += d_side[j] * r;
    }
}

static void hold_row(float *gates, float *side, size_t all, size_t n)
{
    memset(gates, 0, all * sizeof *gates);
    memset(side, 0, n * sizeof *side);
}

static oa_status gru_step(oa_recurrent_gradient *gradient, size_t t, oa_error *error)
{
    const oa_recurrent *layer = &gradient->layer;
    const oa_recurrent_pass *pass = &gradient->pass;
    size_t n = layer->units, batch = layer->batch, all = 3 * n;
    float *gates = (float *)pass->gates + t * batch * all, *side = (float *)pass->side + t * batch * n;
    float *dh = gradient->dh, *d_side = gradient->work;
    const float *before = oa_recurrent_before(pass, pass->h, t), *r = pass->r;
    for (size_t b = 0; b < batch; b++) {
        if (!oa_recurrent_is_active(pass, t, b)) {
            hold_row(gates + b * all, side + b * n, all, n);
            continue;
        }
        gru_row(gates + b * all, dh + b * n, before + b * n, n);
        if (layer->is_side_linear) {
            linear_side_row(gates + b * all, side + b * n, n);
        }
    }
    oa_status status = OA_OK;
    if (layer->is_side_linear) {
        status = oa_recurrent_add(dh, batch, n, side, n, false, r + 2 * n * n, n, n, error);
    } else {
        memset(d_side, 0, batch * n * sizeof *d_side);
        status = oa_recurrent_add(d_side, batch, n, gates + 2 * n, all, false, r + 2 * n * n, n, n, error);
        for (size_t b = 0; b < batch; b++) {
            side_row(gates + b * all, dh + b * n, d_side + b * n, before + b * n, n);
        }
    }
    return status == OA_OK ? oa_recurrent_add(dh, batch, n, gates, all, false, r, n, 2 * n, error) : status;
}

oa_status oa_backward_gru(oa_backward_call *call, oa_error *error)
{
    return oa_recurrent_backward(call, &oa_gru_kind, oa_gru_step, gru_step, error);
}

static oa_status rnn_step(oa_recurrent_gradient *gradient, size_t t, oa_error *error)
{
    const oa_recurrent *layer = &gradient->layer;
    const oa_recurrent_pass *pass = &gradient->pass;
    size_t n = layer->units, batch = layer->batch;
    float *gates = (float *)pass->gates + t * batch * n, *dh = gradient->dh;
    for (size_t b = 0; b < batch; b++) {
        float *row = gates + b * n, *d = dh + b * n;
        if (!oa_recurrent_is_active(pass, t, b)) {
            memset(row, 0, n * sizeof *row);
            continue;
        }
        for (size_t j = 0; j < n; j++) {
            row[j] = d[j] * (layer->is_relu[pass->direction] ? (float)(row[j] > 0.0f) : 1.0f - row[j] * row[j]);
            d[j] = 0.0f;
        }
    }
    return oa_recurrent_add(dh, batch, n, gates, n, false, pass->r, n, n, error);
}

oa_status oa_backward_rnn(oa_backward_call *call, oa_error *error)
{
    return oa_recurrent_backward(call, &oa_rnn_kind, oa_rnn_step, rnn_step, error);
}
