/* LSTM, backwards: for every unit and row, with the forward pass as in core/exec/recurrent_lstm.c. */
#include "core/exec/recurrent_cells.h"
#include "core/exec/types.h"
#include "core/grad/backward_kernels.h"
#include "core/grad/backward_recurrent.h"

#include <string.h>

/* One row: gates [4, n] become their gradients, dc [n] that of the cell before, and dh goes into them all. */
OA_VECTOR_CLONES
static void lstm_row(float *restrict gates, float *restrict dh, float *restrict dc, const float *restrict before,
                     const float *restrict after, const float *restrict peepholes, size_t n)
{
    OA_INDEPENDENT
    for (size_t j = 0; j < n; j++) {
        const float i = gates[j], o = gates[n + j], f = gates[2 * n + j], g = gates[3 * n + j];
        const float t = oa_cell_tanh_f32(after[j]);
        const float d_o = dh[j] * t * o * (1.0f - o);
        const float d_cell = dc[j] + dh[j] * o * (1.0f - t * t) + d_o * peepholes[n + j];
        const float d_i = d_cell * g * i * (1.0f - i);
        const float d_f = d_cell * before[j] * f * (1.0f - f);
        gates[j] = d_i;
        gates[n + j] = d_o;
        gates[2 * n + j] = d_f;
        gates[3 * n + j] = d_cell * i * (1.0f - g * g);
        dc[j] = d_cell * f + d_i * peepholes[j] + d_f * peepholes[2 * n + j];
        dh[j] = 0.0f;
    }
}

static oa_status lstm_step(oa_recurrent_gradient *gradient, size_t t, oa_error *error)
{
    const oa_recurrent_pass *pass = &gradient->pass;
    size_t n = gradient->layer.units, batch = gradient->layer.batch;
    float *gates = (float *)pass->gates + t * batch * 4 * n;
    const float *before = oa_recurrent_before(pass, pass->c, t), *after = oa_recurrent_after(pass, pass->c, t);
    for (size_t b = 0; b < batch; b++) {
        if (oa_recurrent_is_active(pass, t, b)) {
            lstm_row(gates + b * 4 * n, gradient->dh + b * n, gradient->dc + b * n, before + b * n, after + b * n,
                     pass->peepholes, n);
        } else {
            memset(gates + b * 4 * n, 0, 4 * n * sizeof *gates);
        }
    }
    return oa_recurrent_add(gradient->dh, batch, n, gates, 4 * n, false, pass->r, n, 4 * n, error);
}

oa_status oa_backward_lstm(oa_backward_call *call, oa_error *error)
{
    return oa_recurrent_backward(call, &oa_lstm_kind, oa_lstm_step, lstm_step, error);
}
