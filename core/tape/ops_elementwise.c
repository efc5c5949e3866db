/* Sums, products with numbers, and functions of single elements. */
#include "core/linalg/vector_math.h"
#include "core/tape/tape_private.h"

#include <math.h>

static bool have_same_shape(const oa_tape_entry *x, const oa_tape_entry *y)
{
    return x->rows == y->rows && x->columns == y->columns;
}

/* ---- weighted sum ---- */

static oa_status sum_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const float *factors = entry->state;
    size_t count = entry->rows * entry->columns;
    (void)error;
    for (size_t k = 0; k < entry->input_count; k++) {
        float beta = 0.0f;
        float *restrict dx = oa_tape_input_gradient(&beta, tape, entry, k);
        const float *restrict dy = entry->gradient;
        float factor = factors[k];
        bool adds = beta != 0.0f;
        for (size_t i = 0; i < count && dx; i++) {
            dx[i] = (adds ? dx[i] : 0.0f) + factor * dy[i];
        }
    }
    return OA_OK;
}

oa_var oa_op_sum(oa_tape *tape, const oa_var *terms, const float *factors, size_t count)
{
    if (!count) {
        return oa_tape_misfit(tape, "sum");
    }
    size_t rows = oa_tape_rows(tape, terms[0]), columns = oa_tape_columns(tape, terms[0]);
    oa_tape_entry *entry = oa_tape_make(tape, rows, columns, terms, count, sum_backward);
    float *state = entry ? oa_tape_state(tape, count * sizeof *state) : NULL;
    if (!state) {
        return 0;
    }
    entry->state = state;
    for (size_t k = 0; k < count; k++) {
        const oa_tape_entry *x = oa_tape_entry_at(tape, terms[k]);
        const float *restrict in = x->data;
        float *restrict out = entry->data;
        float factor = state[k] = factors ? factors[k] : 1.0f;
        if (!have_same_shape(x, entry)) {
            return oa_tape_misfit(tape, "sum");
        }
        for (size_t i = 0; i < rows * columns; i++) {
            out[i] = (k ? out[i] : 0.0f) + factor * in[i];
        }
    }
    return oa_tape_last(tape);
}

/* ---- elementwise product, product with a number ---- */

static oa_status multiply_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    (void)error;
    for (size_t k = 0; k < 2; k++) {
        float beta = 0.0f;
        float *restrict dx = oa_tape_input_gradient(&beta, tape, entry, k);
        const float *restrict other = oa_tape_entry_at(tape, entry->inputs[1 - k])->data;
        const float *restrict dy = entry->gradient;
        size_t count = entry->rows * entry->columns;
        bool adds = beta != 0.0f;
        for (size_t i = 0; i < count && dx; i++) {
            dx[i] = (adds ? dx[i] : 0.0f) + dy[i] * other[i];
        }
    }
    return OA_OK;
}

oa_var oa_op_multiply(oa_tape *tape, oa_var a, oa_var b)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a), *y = oa_tape_entry_at(tape, b);
    const float *restrict xs = x->data, *restrict ys = y->data;
    if (!have_same_shape(x, y)) {
        return oa_tape_misfit(tape, "multiply");
    }
    oa_tape_entry *entry = oa_tape_make(tape, x->rows, x->columns, (oa_var[]){a, b}, 2, multiply_backward);
    if (!entry) {
        return 0;
    }
    float *restrict out = entry->data;
    for (size_t i = 0; i < entry->rows * entry->columns; i++) {
        out[i] = xs[i] * ys[i];
    }
    return oa_tape_last(tape);
}

static oa_status scale_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const oa_tape_entry *a = oa_tape_entry_at(tape, entry->inputs[0]);
    float factor = oa_tape_entry_at(tape, entry->inputs[1])->data[0];
    size_t count = entry->rows * entry->columns;
    const float *restrict dy = entry->gradient;
    float beta = 0.0f;
    (void)error;
    float *restrict da = oa_tape_input_gradient(&beta, tape, entry, 0);
    bool adds = beta != 0.0f;
    for (size_t i = 0; i < count && da; i++) {
        da[i] = (adds ? da[i] : 0.0f) + factor * dy[i];
    }
    float *df = oa_tape_add_gradient(tape, entry, 1);
    if (df) {
        double sum = 0.0; /* over rows: thousands of terms of both signs */
        for (size_t r = 0; r < entry->rows; r++) {
            sum += (double)oa_dot(dy + r * entry->columns, a->data + r * entry->columns, entry->columns);
        }
        df[0] += (float)sum;
    }
    return OA_OK;
}

oa_var oa_op_scale(oa_tape *tape, oa_var a, oa_var factor)
{
    const oa_tape_entry *x = oa_tape_entry_at(tape, a), *f = oa_tape_entry_at(tape, factor);
    const float *restrict in = x->data;
    if (f->rows != 1 || f->columns != 1) {
        return oa_tape_misfit(tape, "scale");
    }
    float by = f->data[0];
    oa_tape_entry *entry = oa_tape_make(tape, x->rows, x->columns, (oa_var[]){a, factor}, 2, scale_backward);
    if (!entry) {
        return 0;
    }
    float *restrict out = entry->data;
    for (size_t i = 0; i < entry->rows * entry->columns; i++) {
        out[i] = by * in[i];
    }
    return oa_tape_last(tape);
}

/* ---- functions ---- */

/* x -> y, and (x, y) -> dy/dx, by a list of expressions: loops that the compiler vectorises. */
#define OA_TAPE_FUNCTION(name, value, slope)                                                                           \
    OA_VECTOR_CLONES static void name##_loop(float *restrict out, const float *restrict xs, size_t count)              \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++) {                                                                           \
            float x = xs[i];                                                                                           \
            out[i] = (value);                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    OA_VECTOR_CLONES static void name##_slope_loop(float *restrict dx, const float *restrict dy,                       \
                                                   const float *restrict xs, const float *restrict ys, size_t count,   \
                                                   bool adds)                                                          \
    {                                                                                                                  \
        /* Two loops: the compiler splits small ones by itself, and gives up on large ones. */                         \
        for (size_t i = 0; i < count && !adds; i++) {                                                                  \
            float x = xs[i], y = ys[i];                                                                                \
            (void)x;                                                                                                   \
            (void)y;                                                                                                   \
            dx[i] = dy[i] * (slope);                                                                                   \
        }                                                                                                              \
        for (size_t i = 0; i < count && adds; i++) {                                                                   \
            float x = xs[i], y = ys[i];                                                                                \
            (void)x;                                                                                                   \
            (void)y;                                                                                                   \
            dx[i] += dy[i] * (slope);                                                                                  \
        }                                                                                                              \
    }                                                                                                                  \
    static oa_status name##_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)                       \
    {                                                                                                                  \
        float beta = 0.0f;                                                                                             \
        float *dx = oa_tape_input_gradient(&beta, tape, entry, 0);                                                     \
        (void)error;                                                                                                   \
        if (dx) {                                                                                                      \
            name##_slope_loop(dx, entry->gradient, oa_tape_entry_at(tape, entry->inputs[0])->data, entry->data,        \
                              entry->rows * entry->columns, beta != 0.0f);                                             \
        }                                                                                                              \
        return OA_OK;                                                                                                  \
    }                                                                                                                  \
    oa_var oa_op_##name(oa_tape *tape, oa_var a)                                                                       \
    {                                                                                                                  \
        const oa_tape_entry *input = oa_tape_entry_at(tape, a);                                                        \
        const float *xs = input->data;                                                                                 \
        oa_tape_entry *entry = oa_tape_make(tape, input->rows, input->columns, &a, 1, name##_backward);                \
        if (!entry) {                                                                                                  \
            return 0;                                                                                                  \
        }                                                                                                              \
        name##_loop(entry->data, xs, entry->rows * entry->columns);                                                    \
        return oa_tape_last(tape);                                                                                     \
    }

/* Hendrycks and Gimpel 2016, the tanh form: x/2 (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
static inline float gelu_inner(float x)
{
    return oa_tanh_fast(0.797884561f * (x + 0.044715f * x * x * x));
}

static inline float gelu_slope(float x)
{
    float t = gelu_inner(x);
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.797884561f * (1.0f + 0.134145f * x * x);
}

OA_TAPE_FUNCTION(relu, x > 0.0f ? x : 0.0f, x > 0.0f ? 1.0f : 0.0f)
OA_TAPE_FUNCTION(gelu, 0.5f * x * (1.0f + gelu_inner(x)), gelu_slope(x))
OA_TAPE_FUNCTION(exp, expf(x), y)
