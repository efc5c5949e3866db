/* GRU (Cho et al. 2014, arXiv 1406.1078). With the gates z, r and n in the order of the weights and s the sigmoid:
 *   z = s(a_z), r = s(a_r), h = (1 - z) n + z h', where
 *   n = tanh(a_n + R_n (r h') + b)      or, with linear_before_reset,      n = tanh(a_n + r (R_n h' + b)).
 * The pass's side is r h' or R_n h' + b. */
#include "core/exec/kernels.h"
#include "core/exec/recurrent.h"
#include "core/exec/recurrent_cells.h"
#include "core/exec/types.h"

const oa_recurrent_kind oa_gru_kind = {.gates = 3, .has_side = true, .activations = {"Sigmoid", "Tanh"}};

/* One row: gates [3, n] in place; bias [3, n]. */
#define GRU_ROWS(dtype, type, tag)                                                                                     \
    OA_VECTOR_CLONES                                                                                                   \
    static void update_##tag(type *restrict gates, const type *restrict bias, size_t n)                                \
    {                                                                                                                  \
        for (size_t j = 0; j < 2 * n; j++) {                                                                           \
            gates[j] = oa_cell_sigmoid_##tag(gates[j] + bias[j]);                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    OA_VECTOR_CLONES                                                                                                   \
    static void finish_##tag(type *restrict h, type *restrict gates, const type *restrict before,                      \
                             const type *restrict bias, size_t n)                                                      \
    {                                                                                                                  \
        OA_INDEPENDENT                                                                                                 \
        for (size_t j = 0; j < n; j++) {                                                                               \
            const type z = gates[j], fresh = oa_cell_tanh_##tag(gates[2 * n + j] + bias[2 * n + j]);                   \
            gates[2 * n + j] = fresh;                                                                                  \
            h[j] = (1 - z) * fresh + z * before[j];                                                                    \
        }                                                                                                              \
    }                                                                                                                  \
    static void update_rows_##tag(const oa_recurrent_pass *pass, size_t t)                                             \
    {                                                                                                                  \
        size_t n = pass->layer->units, batch = pass->layer->batch;                                                     \
        type *gates = (type *)pass->gates + t * batch * 3 * n, *side = (type *)pass->side + t * batch * n;             \
        const type *before = oa_recurrent_before(pass, pass->h, t);                                                    \
        for (size_t b = 0; b < batch; b++) {                                                                           \
            update_##tag(gates + b * 3 * n, pass->bias, n);                                                            \
            for (size_t j = 0; j < n; j++) {                                                                           \
                side[b * n + j] = gates[(b * 3 + 1) * n + j] * before[b * n + j];                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void update_linear_rows_##tag(const oa_recurrent_pass *pass, size_t t)                                      \
    {                                                                                                                  \
        size_t n = pass->layer->units, batch = pass->layer->batch;                                                     \
        type *gates = (type *)pass->gates + t * batch * 3 * n, *side = (type *)pass->side + t * batch * n;             \
        const type *side_bias = pass->side_bias;                                                                       \
        for (size_t b = 0; b < batch; b++) {                                                                           \
            type *row = gates + b * 3 * n;                                                                             \
            update_##tag(row, pass->bias, n);                                                                          \
            for (size_t j = 0; j < n; j++) {                                                                           \
                side[b * n + j] += side_bias[j];                                                                       \
                row[2 * n + j] += row[n + j] * side[b * n + j];                                                        \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void finish_rows_##tag(const oa_recurrent_pass *pass, size_t t)                                             \
    {                                                                                                                  \
        size_t n = pass->layer->units, batch = pass->layer->batch;                                                     \
        type *gates = (type *)pass->gates + t * batch * 3 * n, *h = oa_recurrent_after(pass, pass->h, t);              \
        const type *before = oa_recurrent_before(pass, pass->h, t);                                                    \
        for (size_t b = 0; b < batch; b++) {                                                                           \
            finish_##tag(h + b * n, gates + b * 3 * n, before + b * n, pass->bias, n);                                 \
        }                                                                                                              \
    }
OA_REAL_TYPES(GRU_ROWS)

/* What the update gates, and then what the state, are made of. */
typedef struct row_loops {
    void (*update)(const oa_recurrent_pass *pass, size_t t);
    void (*update_linear)(const oa_recurrent_pass *pass, size_t t);
    void (*finish)(const oa_recurrent_pass *pass, size_t t);
} row_loops;

oa_status oa_gru_step(const oa_recurrent_pass *pass, size_t t, oa_error *error)
{
    static const row_loops f32 = {update_rows_f32, update_linear_rows_f32, finish_rows_f32};
    static const row_loops f64 = {update_rows_f64, update_linear_rows_f64, finish_rows_f64};
    const oa_recurrent *layer = pass->layer;
    const row_loops *loops = layer->dtype == OA_DTYPE_FLOAT ? &f32 : &f64;
    size_t n = layer->units, batch = layer->batch, all = 3 * n;
    void *gates = oa_recurrent_at(pass, pass->gates, t * batch * all);
    void *last = oa_recurrent_at(pass, gates, 2 * n), *side = oa_recurrent_at(pass, pass->side, t * batch * n);
    const void *before = oa_recurrent_before(pass, pass->h, t), *r_last = oa_recurrent_at(pass, pass->r, 2 * n * n);
    oa_status status = oa_recurrent_multiply(pass, gates, all, before, pass->r, batch, 2 * n, n, true, error);
    if (status == OA_OK && layer->is_side_linear) {
        status = oa_recurrent_multiply(pass, side, n, before, r_last, batch, n, n, false, error);
    }
    if (status != OA_OK) {
        return status;
    }
    (layer->is_side_linear ? loops->update_linear : loops->update)(pass, t);
    if (!layer->is_side_linear) {
        status = oa_recurrent_multiply(pass, last, all, side, r_last, batch, n, n, true, error);
    }
    loops->finish(pass, t);
    return status;
}

oa_status oa_kernel_gru(oa_call *call, oa_error *error)
{
    return oa_recurrent_run(call, &oa_gru_kind, oa_gru_step, error);
}
