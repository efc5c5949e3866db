/* The sequence of steps that LSTM, GRU and RNN share. */
#include "core/exec/recurrent.h"

#include "core/exec/strided.h"
#include "core/exec/types.h"
#include "core/linalg/blas.h"

#include <string.h>

void *oa_recurrent_at(const oa_recurrent_pass *pass, const void *base, size_t index)
{
    const unsigned char *at = (const unsigned char *)base + index * oa_dtype_size(pass->layer->dtype);
    void *result;
    memcpy(&result, &at, sizeof at); /* parameters are read by the same arithmetic as states are written */
    return result;
}

void *oa_recurrent_before(const oa_recurrent_pass *pass, const void *states, size_t t)
{
    size_t slot = pass->is_reversed ? t + 1 : t;
    return oa_recurrent_at(pass, states, slot * pass->layer->batch * pass->layer->units);
}

void *oa_recurrent_after(const oa_recurrent_pass *pass, const void *states, size_t t)
{
    size_t slot = pass->is_reversed ? t : t + 1;
    return oa_recurrent_at(pass, states, slot * pass->layer->batch * pass->layer->units);
}

size_t oa_recurrent_state_row(const oa_recurrent *layer, size_t direction, size_t b)
{
    return layer->is_batch_first ? b * layer->directions + direction : direction * layer->batch + b;
}

size_t oa_recurrent_output_row(const oa_recurrent *layer, size_t direction, size_t t, size_t b)
{
    return layer->is_batch_first ? (b * layer->steps + t) * layer->directions + direction
                                 : (t * layer->directions + direction) * layer->batch + b;
}

oa_status oa_recurrent_multiply(const oa_recurrent_pass *pass, void *c, size_t stride, const void *a, const void *b,
                                size_t m, size_t n, size_t k, bool adds, oa_error *error)
{
    if (pass->layer->dtype == OA_DTYPE_DOUBLE) {
        return oa_gemm_double(c, stride, a, k, false, b, k, true, m, n, k, 1.0, adds ? 1.0 : 0.0, error);
    }
    return oa_gemm((oa_matrix_view){c, m, n, stride}, (oa_const_matrix_view){a, m, k, k}, false,
                   (oa_const_matrix_view){b, n, k, k}, true, 1.0f, adds ? 1.0f : 0.0f, error);
}

/* Parts of one block of elements, handed out behind each other. */
typedef struct parts {
    size_t elements; /* so far */
    bool overflows;
} parts;

/* Where a part of rows * columns elements begins. */
static size_t add_part(parts *p, size_t rows, size_t columns)
{
    size_t start = p->elements, count;
    p->overflows =
        p->overflows || oa_mul_overflows(&count, rows, columns) || oa_add_overflows(&p->elements, p->elements, count);
    return start;
}

/* The lengths, which lie in front of the elements: room for two float32 is room for one size. */
static oa_status read_lengths(size_t *lengths, const oa_recurrent *layer, oa_error *error)
{
    const int32_t *given = layer->lengths->data;
    for (size_t b = 0; b < layer->batch; b++) {
        if (given[b] < 0 || (size_t)given[b] > layer->steps) {
            return oa_fail(error, OA_ERROR_INPUT, "sequence_lens has a length of %ld for %zu steps", (long)given[b],
                           layer->steps);
        }
        lengths[b] = (size_t)given[b];
    }
    return OA_OK;
}

oa_status oa_recurrent_open(oa_recurrent_pass *pass, const oa_recurrent *layer, oa_call *call, size_t extra,
                            oa_error *error)
{
    const oa_recurrent_kind *kind = layer->kind;
    size_t rows = 0, slots = 0, all = kind->gates * layer->units, bytes = 0;
    parts p = {.overflows =
                   oa_mul_overflows(&rows, layer->steps, layer->batch) || oa_add_overflows(&slots, rows, layer->batch)};
    size_t lengths_at = add_part(&p, layer->lengths ? layer->batch : 0, sizeof(size_t) / sizeof(float));
    size_t x_at = add_part(&p, layer->is_batch_first ? rows : 0, layer->inputs);
    size_t bias_at = add_part(&p, all, 1), side_bias_at = add_part(&p, layer->units, 1);
    size_t peepholes_at = add_part(&p, 3, layer->units), gates_at = add_part(&p, rows, all);
    size_t h_at = add_part(&p, slots, layer->units), c_at = add_part(&p, kind->has_cell ? slots : 0, layer->units);
    size_t side_at = add_part(&p, kind->has_side ? rows : 0, layer->units), extra_at = add_part(&p, extra, 1);
    void *block = NULL;
    if (!p.overflows && !oa_mul_overflows(&bytes, p.elements, oa_dtype_size(layer->dtype))) {
        block = oa_call_scratch(call, bytes, 1);
    }
    if (!block) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu steps of %zu rows with %zu units", layer->steps,
                       layer->batch, layer->units);
    }
    *pass = (oa_recurrent_pass){.layer = layer};
    pass->x = layer->x->data;
    pass->bias = oa_recurrent_at(pass, block, bias_at);
    pass->side_bias = oa_recurrent_at(pass, block, side_bias_at);
    pass->peepholes = oa_recurrent_at(pass, block, peepholes_at);
    pass->gates = oa_recurrent_at(pass, block, gates_at);
    pass->h = oa_recurrent_at(pass, block, h_at);
    pass->c = kind->has_cell ? oa_recurrent_at(pass, block, c_at) : NULL;
    pass->side = kind->has_side ? oa_recurrent_at(pass, block, side_at) : NULL;
    pass->extra = oa_recurrent_at(pass, block, extra_at);
    if (layer->is_batch_first) {
        const size_t dims[3] = {layer->steps, layer->batch, layer->inputs};
        const ptrdiff_t steps[3] = {(ptrdiff_t)layer->inputs, (ptrdiff_t)(layer->steps * layer->inputs), 1};
        void *x = oa_recurrent_at(pass, block, x_at);
        oa_strided_copy(x, layer->x->data, dims, steps, 3, oa_dtype_size(layer->dtype));
        pass->x = x;
    }
    if (layer->lengths) {
        size_t *lengths = oa_recurrent_at(pass, block, lengths_at);
        pass->lengths = lengths;
        return read_lengths(lengths, layer, error);
    }
    return OA_OK;
}

/* sum[i] = a[i] + b[i]; zeros without a bias. */
#define BIAS_LOOP(dtype, type, tag)                                                                                    \
    static void add_biases_##tag(type *sum, const type *a, const type *b, size_t n)                                    \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            sum[i] = a[i] + b[i];                                                                                      \
        }                                                                                                              \
    }
OA_REAL_TYPES(BIAS_LOOP)

static void set_bias(oa_recurrent_pass *pass)
{
    const oa_recurrent *layer = pass->layer;
    size_t size = oa_dtype_size(layer->dtype), units = layer->units, all = layer->kind->gates * units;
    memset(pass->bias, 0, all * size);
    memset(pass->side_bias, 0, units * size);
    if (!layer->b) {
        return;
    }
    const void *input = oa_recurrent_at(pass, layer->b->data, pass->direction * 2 * all);
    const void *state = oa_recurrent_at(pass, input, all);
    size_t together = layer->is_side_linear ? all - units : all;
    if (layer->dtype == OA_DTYPE_FLOAT) {
        add_biases_f32(pass->bias, input, state, together);
    } else {
        add_biases_f64(pass->bias, input, state, together);
    }
    if (layer->is_side_linear) {
        memcpy(oa_recurrent_at(pass, pass->bias, together), oa_recurrent_at(pass, input, together), units * size);
        memcpy(pass->side_bias, oa_recurrent_at(pass, state, together), units * size);
    }
}

/* The state before the first step. */
static void set_state(oa_recurrent_pass *pass, void *states, const oa_array *initial)
{
    const oa_recurrent *layer = pass->layer;
    size_t row = layer->units * oa_dtype_size(layer->dtype);
    unsigned char *to =
        oa_recurrent_at(pass, states, (pass->is_reversed ? layer->steps : 0) * layer->batch * layer->units);
    for (size_t b = 0; b < layer->batch; b++) {
        if (initial) {
            size_t from = oa_recurrent_state_row(layer, pass->direction, b);
            memcpy(to + b * row, (const unsigned char *)initial->data + from * row, row);
        } else {
            memset(to + b * row, 0, row);
        }
    }
}

/* Rows for which step t is none keep what they had. */
static void hold_rows(const oa_recurrent_pass *pass, void *states, size_t t)
{
    size_t row = pass->layer->units * oa_dtype_size(pass->layer->dtype);
    const unsigned char *before = oa_recurrent_before(pass, states, t);
    unsigned char *after = oa_recurrent_after(pass, states, t);
    for (size_t b = 0; b < pass->layer->batch; b++) {
        if (!oa_recurrent_is_active(pass, t, b)) {
            memcpy(after + b * row, before + b * row, row);
        }
    }
}

oa_status oa_recurrent_forward(oa_recurrent_pass *pass, size_t direction, oa_recurrent_step step, oa_error *error)
{
    const oa_recurrent *layer = pass->layer;
    size_t all = layer->kind->gates * layer->units;
    pass->direction = direction;
    pass->is_reversed = layer->is_first_reversed || direction == 1;
    pass->w = oa_recurrent_at(pass, layer->w->data, direction * all * layer->inputs);
    pass->r = oa_recurrent_at(pass, layer->r->data, direction * all * layer->units);
    set_bias(pass);
    if (layer->kind->has_cell) {
        size_t bytes = 3 * layer->units * oa_dtype_size(layer->dtype);
        if (layer->peepholes) {
            memcpy(pass->peepholes, oa_recurrent_at(pass, layer->peepholes->data, direction * 3 * layer->units), bytes);
        } else {
            memset(pass->peepholes, 0, bytes);
        }
        set_state(pass, pass->c, layer->initial_c);
    }
    set_state(pass, pass->h, layer->initial_h);
    oa_status status = oa_recurrent_multiply(pass, pass->gates, all, pass->x, pass->w, layer->steps * layer->batch, all,
                                             layer->inputs, false, error);
    for (size_t s = 0; s < layer->steps && status == OA_OK; s++) {
        size_t t = pass->is_reversed ? layer->steps - 1 - s : s;
        status = step(pass, t, error);
        if (pass->lengths && status == OA_OK) {
            hold_rows(pass, pass->h, t);
            if (pass->c) {
                hold_rows(pass, pass->c, t);
            }
        }
    }
    return status;
}

/* Output 0: the states after the steps, zeros where a row's sequence is over. */
static void put_states(oa_array *y, const oa_recurrent_pass *pass)
{
    const oa_recurrent *layer = pass->layer;
    size_t row = layer->units * oa_dtype_size(layer->dtype), batch = layer->batch;
    unsigned char *to = y->data;
    for (size_t t = 0; t < layer->steps; t++) {
        const unsigned char *after = oa_recurrent_after(pass, pass->h, t);
        if (!layer->is_batch_first && !pass->lengths) {
            oa_copy_bytes(to + oa_recurrent_output_row(layer, pass->direction, t, 0) * row, after, batch * row);
            continue;
        }
        for (size_t b = 0; b < batch; b++) {
            unsigned char *at = to + oa_recurrent_output_row(layer, pass->direction, t, b) * row;
            if (oa_recurrent_is_active(pass, t, b)) {
                memcpy(at, after + b * row, row);
            } else {
                memset(at, 0, row);
            }
        }
    }
}

/* Outputs 1 and 2: the last state. */
static void put_last(oa_array *last, const oa_recurrent_pass *pass, const void *states)
{
    const oa_recurrent *layer = pass->layer;
    size_t row = layer->units * oa_dtype_size(layer->dtype);
    size_t slot = pass->is_reversed ? 0 : layer->steps;
    const unsigned char *from = oa_recurrent_at(pass, states, slot * layer->batch * layer->units);
    for (size_t b = 0; b < layer->batch; b++) {
        size_t at = oa_recurrent_state_row(layer, pass->direction, b);
        memcpy((unsigned char *)last->data + at * row, from + b * row, row);
    }
}

oa_status oa_recurrent_run(oa_call *call, const oa_recurrent_kind *kind, oa_recurrent_step step, oa_error *error)
{
    oa_recurrent layer;
    oa_recurrent_pass pass;
    oa_array *outputs[3] = {NULL};
    oa_status status = oa_recurrent_read(&layer, call, kind, error);
    if (status != OA_OK) {
        return status;
    }
    size_t d = layer.directions, b = layer.batch, u = layer.units;
    const size_t all[2][4] = {{layer.steps, d, b, u}, {b, layer.steps, d, u}}, last[2][3] = {{d, b, u}, {b, d, u}};
    for (size_t i = 0; i < (kind->has_cell ? 3 : 2) && status == OA_OK; i++) {
        if (oa_call_wants(call, i)) {
            const size_t *dims = i == 0 ? all[layer.is_batch_first] : last[layer.is_batch_first];
            status = oa_call_output(&outputs[i], call, i, layer.dtype, dims, i == 0 ? 4 : 3, error);
        }
    }
    if (status == OA_OK) {
        status = oa_recurrent_open(&pass, &layer, call, 0, error);
    }
    for (size_t i = 0; i < d && status == OA_OK; i++) {
        status = oa_recurrent_forward(&pass, i, step, error);
        if (outputs[0] && status == OA_OK) {
            put_states(outputs[0], &pass);
        }
        if (outputs[1] && status == OA_OK) {
            put_last(outputs[1], &pass, pass.h);
        }
        if (outputs[2] && status == OA_OK) {
            put_last(outputs[2], &pass, pass.c);
        }
    }
    return status;
}
