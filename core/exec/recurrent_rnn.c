/* RNN: h = f(W x + R h' + b), where f is tanh or the rectifier. */
#include "core/exec/kernels.h"
#include "core/exec/recurrent.h"
#include "core/exec/recurrent_cells.h"
#include "core/exec/types.h"

const oa_recurrent_kind oa_rnn_kind = {.gates = 1, .activations = {"Tanh"}, .allows_relu = true};

/* One row of n units; the gate becomes the state. */
#define RNN_ROWS(dtype, type, tag)                                                                                     \
    OA_VECTOR_CLONES                                                                                                   \
    static void tanh_row_##tag(type *restrict h, type *restrict gate, const type *restrict bias, size_t n)             \
    {                                                                                                                  \
        for (size_t j = 0; j < n; j++) {                                                                               \
            h[j] = gate[j] = oa_cell_tanh_##tag(gate[j] + bias[j]);                                                    \
        }                                                                                                              \
    }                                                                                                                  \
    static void relu_row_##tag(type *restrict h, type *restrict gate, const type *restrict bias, size_t n)             \
    {                                                                                                                  \
        for (size_t j = 0; j < n; j++) {                                                                               \
            const type sum = gate[j] + bias[j];                                                                        \
            h[j] = gate[j] = sum < 0 ? 0 : sum;                                                                        \
        }                                                                                                              \
    }                                                                                                                  \
    static void rows_##tag(const oa_recurrent_pass *pass, size_t t)                                                    \
    {                                                                                                                  \
        size_t n = pass->layer->units, batch = pass->layer->batch;                                                     \
        type *gates = (type *)pass->gates + t * batch * n, *h = oa_recurrent_after(pass, pass->h, t);                  \
        for (size_t b = 0; b < batch; b++) {                                                                           \
            (pass->layer->is_relu[pass->direction] ? relu_row_##tag : tanh_row_##tag)(h + b * n, gates + b * n,        \
                                                                                      pass->bias, n);                  \
        }                                                                                                              \
    }
OA_REAL_TYPES(RNN_ROWS)

oa_status oa_rnn_step(const oa_recurrent_pass *pass, size_t t, oa_error *error)
{
    const oa_recurrent *layer = pass->layer;
    size_t n = layer->units;
    oa_status status =
        oa_recurrent_multiply(pass, oa_recurrent_at(pass, pass->gates, t * layer->batch * n), n,
                              oa_recurrent_before(pass, pass->h, t), pass->r, layer->batch, n, n, true, error);
    if (status == OA_OK) {
        (layer->dtype == OA_DTYPE_FLOAT ? rows_f32 : rows_f64)(pass, t);
    }
    return status;
}

oa_status oa_kernel_rnn(oa_call *call, oa_error *error)
{
    return oa_recurrent_run(call, &oa_rnn_kind, oa_rnn_step, error);
}
