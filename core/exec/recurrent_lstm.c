/* LSTM (Hochreiter and Schmidhuber 1997, doi 10.1162/neco.1997.9.8.1735), with the forget gate of Gers et al. 2000 and
 * peepholes. With the gates i, o, f and g in the order of the weights, s the sigmoid, and p the peepholes:
 *   i = s(a_i + p_i c'), f = s(a_f + p_f c'), g = tanh(a_g), c = f c' + i g, o = s(a_o + p_o c), h = o tanh(c). */
#include "core/exec/kernels.h"
#include "core/exec/recurrent.h"
#include "core/exec/recurrent_cells.h"
#include "core/exec/types.h"

const oa_recurrent_kind oa_lstm_kind = {.gates = 4, .has_cell = true, .activations = {"Sigmoid", "Tanh", "Tanh"}};

/* One row: gates [4, n] in place, c and h [n] from c_before. */
#define LSTM_ROW(dtype, type, tag)                                                                                     \
    OA_VECTOR_CLONES                                                                                                   \
    static void row_##tag(type *restrict gates, type *restrict c, type *restrict h, const type *restrict c_before,     \
                          const type *restrict bias, const type *restrict peepholes, size_t n)                         \
    {                                                                                                                  \
        OA_INDEPENDENT                                                                                                 \
        for (size_t j = 0; j < n; j++) {                                                                               \
            const type i = oa_cell_sigmoid_##tag(gates[j] + bias[j] + peepholes[j] * c_before[j]);                     \
            const type f =                                                                                             \
                oa_cell_sigmoid_##tag(gates[2 * n + j] + bias[2 * n + j] + peepholes[2 * n + j] * c_before[j]);        \
            const type g = oa_cell_tanh_##tag(gates[3 * n + j] + bias[3 * n + j]);                                     \
            const type cell = f * c_before[j] + i * g;                                                                 \
            const type o = oa_cell_sigmoid_##tag(gates[n + j] + bias[n + j] + peepholes[n + j] * cell);                \
            gates[j] = i;                                                                                              \
            gates[n + j] = o;                                                                                          \
            gates[2 * n + j] = f;                                                                                      \
            gates[3 * n + j] = g;                                                                                      \
            c[j] = cell;                                                                                               \
            h[j] = o * oa_cell_tanh_##tag(cell);                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void rows_##tag(const oa_recurrent_pass *pass, size_t t)                                                    \
    {                                                                                                                  \
        size_t n = pass->layer->units, batch = pass->layer->batch;                                                     \
        type *gates = (type *)pass->gates + t * batch * 4 * n;                                                         \
        type *c = oa_recurrent_after(pass, pass->c, t), *h = oa_recurrent_after(pass, pass->h, t);                     \
        const type *before = oa_recurrent_before(pass, pass->c, t);                                                    \
        for (size_t b = 0; b < batch; b++) {                                                                           \
            row_##tag(gates + b * 4 * n, c + b * n, h + b * n, before + b * n, pass->bias, pass->peepholes, n);        \
        }                                                                                                              \
    }
OA_REAL_TYPES(LSTM_ROW)

oa_status oa_lstm_step(const oa_recurrent_pass *pass, size_t t, oa_error *error)
{
    const oa_recurrent *layer = pass->layer;
    size_t all = 4 * layer->units;
    oa_status status = oa_recurrent_multiply(pass, oa_recurrent_at(pass, pass->gates, t * layer->batch * all), all,
                                             oa_recurrent_before(pass, pass->h, t), pass->r, layer->batch, all,
                                             layer->units, true, error);
    if (status != OA_OK) {
        return status;
    }
    if (layer->dtype == OA_DTYPE_FLOAT) {
        rows_f32(pass, t);
    } else {
        rows_f64(pass, t);
    }
    return OA_OK;
}

oa_status oa_kernel_lstm(oa_call *call, oa_error *error)
{
    return oa_recurrent_run(call, &oa_lstm_kind, oa_lstm_step, error);
}
