/* Each row normalised. */
#include "core/linalg/vector_math.h"
#include "core/tape/tape_private.h"

#include <math.h>

static const float VARIANCE_MIN = 1e-5f; /* layer norm: keeps rows of equal numbers finite */
static const float NORM_MIN = 1e-12f;

/* [rows, d] -> rows of mean 0 and deviation 1; inverse [rows]: by what they were multiplied. */
OA_VECTOR_CLONES static void layer_norm(float *y, float *inverse, const float *x, size_t rows, size_t d)
{
    for (size_t r = 0; r < rows; r++) {
        const float *restrict in = x + r * d;
        float *restrict out = y + r * d;
        float mean = oa_total(in, d) / (float)d;
        for (size_t k = 0; k < d; k++) {
            out[k] = in[k] - mean;
        }
        inverse[r] = 1.0f / sqrtf(oa_dot(out, out, d) / (float)d + VARIANCE_MIN);
        for (size_t k = 0; k < d; k++) {
            out[k] *= inverse[r];
        }
    }
}

/* y = (x - mean) / s: dx = (dy - mean(dy) - y mean(dy y)) / s. */
OA_VECTOR_CLONES static void layer_norm_slope(float *dx, const float *dy, const float *y, const float *inverse,
                                              size_t rows, size_t d, bool adds)
{
    for (size_t r = 0; r < rows; r++) {
        const float *restrict out = y + r * d, *restrict dout = dy + r * d;
        float *restrict din = dx + r * d;
        float mean = oa_total(dout, d) / (float)d, along = oa_dot(dout, out, d) / (float)d, by = inverse[r];
        for (size_t k = 0; k < d; k++) {
            din[k] = (adds ? din[k] : 0.0f) + by * (dout[k] - mean - out[k] * along);
        }
    }
}

static oa_status layer_norm_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    float beta = 0.0f;
    float *dx = oa_tape_input_gradient(&beta, tape, entry, 0);
    (void)error;
    if (dx) {
        layer_norm_slope(dx, entry->gradient, entry->data, entry->state, entry->rows, entry->columns, beta != 0.0f);
    }
    return OA_OK;
}

oa_var oa_op_layer_norm(oa_tape *tape, oa_var a)
{
    const oa_tape_entry *input = oa_tape_entry_at(tape, a);
    const float *in = input->data;
    size_t d = input->columns, rows = input->rows;
    oa_tape_entry *entry = oa_tape_make(tape, rows, d, &a, 1, layer_norm_backward);
    float *inverse = entry ? oa_tape_state(tape, rows * sizeof *inverse) : NULL;
    if (!inverse) {
        return 0;
    }
    entry->state = inverse;
    layer_norm(entry->data, inverse, in, rows, d);
    return oa_tape_last(tape);
}

/* [rows, d] -> rows of norm 1; inverse [rows]: by what they were multiplied, 1 for those that stay. */
OA_VECTOR_CLONES static void normalise(float *y, float *inverse, const float *x, size_t rows, size_t d)
{
    for (size_t r = 0; r < rows; r++) {
        const float *restrict in = x + r * d;
        float *restrict out = y + r * d;
        float norm = sqrtf(oa_dot(in, in, d));
        inverse[r] = norm < NORM_MIN ? 1.0f : 1.0f / norm;
        for (size_t k = 0; k < d; k++) {
            out[k] = in[k] * inverse[r];
        }
    }
}

/* y = x / |x|: dx = (dy - y <dy, y>) / |x|. */
OA_VECTOR_CLONES static void normalise_slope(float *dx, const float *dy, const float *y, const float *inverse,
                                             size_t rows, size_t d, bool adds)
{
    for (size_t r = 0; r < rows; r++) {
        const float *restrict out = y + r * d, *restrict dout = dy + r * d;
        float *restrict din = dx + r * d;
        bool stays = oa_dot(out, out, d) < 0.5f; /* rows that were normalised have norm 1 */
        float along = stays ? 0.0f : oa_dot(dout, out, d), by = inverse[r];
        for (size_t k = 0; k < d; k++) {
            din[k] = (adds ? din[k] : 0.0f) + by * (dout[k] - out[k] * along);
        }
    }
}

static oa_status normalise_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    float beta = 0.0f;
    float *dx = oa_tape_input_gradient(&beta, tape, entry, 0);
    (void)error;
    if (dx) {
        normalise_slope(dx, entry->gradient, entry->data, entry->state, entry->rows, entry->columns, beta != 0.0f);
    }
    return OA_OK;
}

oa_var oa_op_normalise_rows(oa_tape *tape, oa_var a)
{
    const oa_tape_entry *input = oa_tape_entry_at(tape, a);
    const float *in = input->data;
    size_t d = input->columns, rows = input->rows;
    oa_tape_entry *entry = oa_tape_make(tape, rows, d, &a, 1, normalise_backward);
    float *inverse = entry ? oa_tape_state(tape, rows * sizeof *inverse) : NULL;
    if (!inverse) {
        return 0;
    }
    entry->state = inverse;
    normalise(entry->data, inverse, in, rows, d);
    return oa_tape_last(tape);
}
