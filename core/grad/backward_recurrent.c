#include "core/grad/backward_recurrent.h"

#include "core/exec/strided.h"
#include "core/grad/backward_kernels.h"
#include "core/linalg/blas.h"
#include "core/linalg/vector_math.h"

#include <string.h>

enum { X, W, R, B, LENGTHS, INITIAL_H, INITIAL_C, PEEPHOLES };

oa_status oa_recurrent_add(float *c, size_t m, size_t n, const float *a, size_t a_stride, bool transpose_a,
                           const float *b, size_t b_stride, size_t k, oa_error *error)
{
    return oa_gemm((oa_matrix_view){c, m, n, n},
                   (oa_const_matrix_view){a, transpose_a ? k : m, transpose_a ? m : k, a_stride}, transpose_a,
                   (oa_const_matrix_view){b, k, n, b_stride}, false, 1.0f, 1.0f, error);
}

OA_VECTOR_CLONES
void oa_recurrent_add_rows(float *restrict sums, const float *restrict rows, size_t count, size_t n, size_t stride)
{
    for (size_t r = 0; r < count; r++) {
        for (size_t j = 0; j < n; j++) {
            sums[j] += rows[r * stride + j];
        }
    }
}

/* Each sink is added to, so that one constant may stand in several slots. */
static oa_status open_sinks(oa_recurrent_gradient *gradient, oa_backward_call *call, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t slot = 0; slot < OA_RECURRENT_SLOTS && status == OA_OK; slot++) {
        if (slot == LENGTHS || !oa_backward_wants(call, slot)) {
            continue;
        }
        status = oa_backward_sink(&gradient->sinks[slot], call, slot, error);
        if (status == OA_OK) {
            oa_sink_clear(&gradient->sinks[slot], call->forward->inputs[slot]->count);
        }
    }
    return status;
}

/* The pass's memory, and behind it dh, dc, work and, when the layout is another, dx. */
static oa_status open_pass(oa_recurrent_gradient *gradient, oa_call *forward, oa_error *error)
{
    const oa_recurrent *layer = &gradient->layer;
    size_t states, inputs = layer->x->count, extra;
    bool reorders = layer->is_batch_first && gradient->sinks[X].data;
    if (oa_mul_overflows(&states, layer->batch, layer->units) || oa_mul_overflows(&extra, states, 3) ||
        oa_add_overflows(&extra, extra, reorders ? inputs : 0)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for states of %zu rows", layer->batch);
    }
    oa_status status = oa_recurrent_open(&gradient->pass, layer, forward, extra, error);
    if (status == OA_OK) {
        gradient->dh = gradient->pass.extra;
        gradient->dc = gradient->dh + states;
        gradient->work = gradient->dc + states;
        gradient->dx = reorders ? gradient->work + states : gradient->sinks[X].data;
    }
    if (status == OA_OK && reorders && inputs) {
        memset(gradient->dx, 0, inputs * sizeof(float));
    }
    return status;
}

/* The gradient of a last state. */
static void start_state(float *state, const oa_recurrent_gradient *gradient, const float *d_last)
{
    const oa_recurrent *layer = &gradient->layer;
    for (size_t b = 0; b < layer->batch; b++) {
        float *to = state + b * layer->units;
        if (d_last) {
            size_t row = oa_recurrent_state_row(layer, gradient->pass.direction, b);
            memcpy(to, d_last + row * layer->units, layer->units * sizeof *to);
        } else {
            memset(to, 0, layer->units * sizeof *to);
        }
    }
}

/* The state after step t is an output too. */
static void add_output(oa_recurrent_gradient *gradient, size_t t)
{
    const oa_recurrent *layer = &gradient->layer;
    const oa_recurrent_pass *pass = &gradient->pass;
    for (size_t b = 0; b < layer->batch && gradient->d_outputs[0]; b++) {
        if (oa_recurrent_is_active(pass, t, b)) {
            size_t row = oa_recurrent_output_row(layer, pass->direction, t, b);
            oa_recurrent_add_rows(gradient->dh + b * layer->units, gradient->d_outputs[0] + row * layer->units, 1,
                                  layer->units, layer->units);
        }
    }
}

/* What reached the state before the first step. */
static void give_state(const oa_recurrent_gradient *gradient, const oa_sink *sink, const float *state)
{
    const oa_recurrent *layer = &gradient->layer;
    for (size_t b = 0; b < layer->batch && sink->data; b++) {
        size_t row = oa_recurrent_state_row(layer, gradient->pass.direction, b);
        oa_recurrent_add_rows(sink->data + row * layer->units, state + b * layer->units, 1, layer->units, layer->units);
    }
}

/* d R = (gradients before the activations)^T (states before the steps). */
static oa_status give_state_weights(const oa_recurrent_gradient *gradient, oa_error *error)
{
    const oa_recurrent *layer = &gradient->layer;
    const oa_recurrent_pass *pass = &gradient->pass;
    size_t n = layer->units, all = layer->kind->gates * n, rows = layer->steps * layer->batch;
    float *to = gradient->sinks[R].data;
    const float *gates = pass->gates, *side = pass->side;
    const float *states = oa_recurrent_before(pass, pass->h, 0);
    if (!to) {
        return OA_OK;
    }
    to += pass->direction * all * n;
    size_t plain = layer->kind->has_side ? all - n : all;
    oa_status status = oa_recurrent_add(to, plain, n, gates, all, true, states, n, rows, error);
    if (status == OA_OK && layer->kind->has_side) {
        status = layer->is_side_linear
                     ? oa_recurrent_add(to + plain * n, n, n, side, n, true, states, n, rows, error)
                     : oa_recurrent_add(to + plain * n, n, n, gates + plain, all, true, side, n, rows, error);
    }
    return status;
}

static void give_bias(const oa_recurrent_gradient *gradient)
{
    const oa_recurrent *layer = &gradient->layer;
    const oa_recurrent_pass *pass = &gradient->pass;
    size_t n = layer->units, all = layer->kind->gates * n, rows = layer->steps * layer->batch;
    float *to = gradient->sinks[B].data;
    if (!to) {
        return;
    }
    to += pass->direction * 2 * all;
    oa_recurrent_add_rows(to, pass->gates, rows, all, all);
    size_t plain = layer->is_side_linear ? all - n : all;
    oa_recurrent_add_rows(to + all, pass->gates, rows, plain, all);
    if (layer->is_side_linear) {
        oa_recurrent_add_rows(to + all + plain, pass->side, rows, n, n);
    }
}

/* Of the gates i, o and f; o looks at the cell after the step. */
static void give_peepholes(const oa_recurrent_gradient *gradient)
{
    const oa_recurrent *layer = &gradient->layer;
    const oa_recurrent_pass *pass = &gradient->pass;
    size_t n = layer->units;
    float *to = gradient->sinks[PEEPHOLES].data;
    if (!to) {
        return;
    }
    to += pass->direction * 3 * n;
    for (size_t t = 0; t < layer->steps; t++) {
        const float *gates = (const float *)pass->gates + t * layer->batch * 4 * n;
        const float *before = oa_recurrent_before(pass, pass->c, t), *after = oa_recurrent_after(pass, pass->c, t);
        for (size_t b = 0; b < layer->batch; b++) {
            for (size_t j = 0; j < n; j++) {
                to[j] += gates[b * 4 * n + j] * before[b * n + j];
                to[n + j] += gates[b * 4 * n + n + j] * after[b * n + j];
                to[2 * n + j] += gates[b * 4 * n + 2 * n + j] * before[b * n + j];
            }
        }
    }
}

static oa_status run_direction(oa_recurrent_gradient *gradient, size_t direction, oa_recurrent_step forward,
                               oa_recurrent_backward_step backward, oa_error *error)
{
    const oa_recurrent *layer = &gradient->layer;
    oa_recurrent_pass *pass = &gradient->pass;
    size_t all = layer->kind->gates * layer->units, rows = layer->steps * layer->batch;
    oa_status status = oa_recurrent_forward(pass, direction, forward, error);
    start_state(gradient->dh, gradient, gradient->d_outputs[1]);
    start_state(gradient->dc, gradient, gradient->d_outputs[2]);
    for (size_t s = layer->steps; s-- > 0 && status == OA_OK;) {
        size_t t = pass->is_reversed ? layer->steps - 1 - s : s;
        add_output(gradient, t);
        status = backward(gradient, t, error);
    }
    if (status != OA_OK) {
        return status;
    }
    give_state(gradient, &gradient->sinks[INITIAL_H], gradient->dh);
    give_state(gradient, &gradient->sinks[INITIAL_C], gradient->dc);
    give_bias(gradient);
    give_peepholes(gradient);
    if (gradient->sinks[W].data) {
        float *to = gradient->sinks[W].data + direction * all * layer->inputs;
        status = oa_recurrent_add(to, all, layer->inputs, pass->gates, all, true, pass->x, layer->inputs, rows, error);
    }
    if (status == OA_OK && gradient->dx) {
        status = oa_recurrent_add(gradient->dx, rows, layer->inputs, pass->gates, all, false, pass->w, layer->inputs,
                                  all, error);
    }
    return status == OA_OK ? give_state_weights(gradient, error) : status;
}

/* dx from [steps, batch, inputs] to the node's layout. */
static void reorder_input(const oa_recurrent_gradient *gradient)
{
    const oa_recurrent *layer = &gradient->layer;
    size_t n = layer->inputs;
    for (size_t b = 0; b < layer->batch; b++) {
        for (size_t t = 0; t < layer->steps; t++) {
            oa_recurrent_add_rows(gradient->sinks[X].data + (b * layer->steps + t) * n,
                                  gradient->dx + (t * layer->batch + b) * n, 1, n, n);
        }
    }
}

oa_status oa_recurrent_backward(oa_backward_call *call, const oa_recurrent_kind *kind, oa_recurrent_step forward,
                                oa_recurrent_backward_step backward, oa_error *error)
{
    oa_recurrent_gradient gradient = {.d_outputs = {oa_backward_output(call, 0), oa_backward_output(call, 1),
                                                    kind->has_cell ? oa_backward_output(call, 2) : NULL}};
    oa_status status = oa_recurrent_read(&gradient.layer, call->forward, kind, error);
    if (status == OA_OK && gradient.layer.dtype != OA_DTYPE_FLOAT) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "the gradient of a layer that is not float32");
    }
    if (status == OA_OK) {
        status = open_sinks(&gradient, call, error);
    }
    if (status == OA_OK) {
        status = open_pass(&gradient, call->forward, error);
    }
    for (size_t d = 0; d < gradient.layer.directions && status == OA_OK; d++) {
        status = run_direction(&gradient, d, forward, backward, error);
    }
    if (status == OA_OK && gradient.dx != gradient.sinks[X].data) {
        reorder_input(&gradient);
    }
    return status;
}
