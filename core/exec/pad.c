/* Pad: each axis of the output reads the input through a table of places, which may be none. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/strided.h"

#include <string.h>

typedef enum pad_mode { MODE_CONSTANT, MODE_REFLECT, MODE_EDGE, MODE_WRAP } pad_mode;

typedef struct padding {
    int64_t before[OA_MAX_RANK]; /* negative: cut off */
    int64_t after[OA_MAX_RANK];
    pad_mode mode;
    unsigned char value[16]; /* one element */
} padding;

static oa_status read_mode(pad_mode *mode, oa_call *call, oa_error *error)
{
    const oa_string_view *text = oa_call_string(call, "mode");
    *mode = MODE_CONSTANT;
    if (!text || oa_string_is(text, "constant")) {
        return OA_OK;
    }
    if (oa_string_is(text, "reflect")) {
        *mode = MODE_REFLECT;
    } else if (oa_string_is(text, "edge")) {
        *mode = MODE_EDGE;
    } else if (oa_string_is(text, "wrap") && call->node->version >= 19) {
        *mode = MODE_WRAP;
    } else {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "mode '%.*s'", (int)text->size, text->data);
    }
    return OA_OK;
}

/* The list of pads, begins then ends, for the axes of input 3 or for all. */
static oa_status read_pads(padding *p, oa_call *call, oa_error *error)
{
    size_t rank = call->inputs[0]->rank, count = 0, axis_count = rank;
    int64_t pads[2 * OA_MAX_RANK] = {0}, axes[OA_MAX_RANK];
    const oa_array *axes_input = oa_call_input(call, 3);
    oa_status status = OA_OK;
    if (call->node->version < 11) {
        const int64_t *ints;
        oa_call_ints(&ints, &count, call, call->node->version < 2 ? "paddings" : "pads");
        for (size_t i = 0; i < count && i < 2 * OA_MAX_RANK; i++) {
            pads[i] = ints[i];
        }
    } else if (call->input_count < 2 || !call->inputs[1]) {
        return oa_fail(error, OA_ERROR_INPUT, "the pads are missing");
    } else {
        status = oa_read_ints(pads, &count, 2 * OA_MAX_RANK, call->inputs[1], "pads", error);
    }
    for (size_t i = 0; i < rank; i++) {
        axes[i] = (int64_t)i;
    }
    if (status == OA_OK && axes_input) {
        status = oa_read_ints(axes, &axis_count, OA_MAX_RANK, axes_input, "axes", error);
    }
    if (status == OA_OK && count != 2 * axis_count) {
        status = oa_fail(error, OA_ERROR_INPUT, "pads has %zu numbers for %zu axes", count, axis_count);
    }
    for (size_t i = 0; status == OA_OK && i < axis_count; i++) {
        size_t axis;
        status = oa_call_axis(&axis, axes[i], rank, error);
        if (status == OA_OK) {
            p->before[axis] = pads[i];
            p->after[axis] = pads[axis_count + i];
        }
    }
    return status;
}

oa_status oa_constant_pads(int64_t *before, oa_call *call, oa_error *error)
{
    padding p = {.mode = MODE_CONSTANT};
    oa_status status = read_mode(&p.mode, call, error);
    if (status == OA_OK && p.mode != MODE_CONSTANT) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "padding by something else than a constant");
    }
    if (status == OA_OK) {
        status = read_pads(&p, call, error);
    }
    if (status == OA_OK) {
        memcpy(before, p.before, call->inputs[0]->rank * sizeof *before);
    }
    return status;
}

/* The element that constant padding is made of: an attribute up to operator set 10, then input 2; zero without one. */
static oa_status read_value(padding *p, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *value = oa_call_input(call, 2);
    static const oa_string_view no_text = {.data = "", .size = 0};
    if (x->dtype == OA_DTYPE_STRING) {
        memcpy(p->value, &no_text, sizeof no_text);
    }
    if (call->node->version < 11) {
        float attribute = oa_call_float(call, "value", 0.0f);
        if (call->input_count > 1 || !oa_convert(p->value, x->dtype, &attribute, OA_DTYPE_FLOAT, 1)) {
            return oa_fail(error, OA_ERROR_INPUT, "before operator set 11, Pad is of numbers and has attributes only");
        }
        return OA_OK;
    }
    if (!value) {
        return OA_OK;
    }
    if (value->count != 1 || value->dtype != x->dtype) {
        return oa_fail(error, OA_ERROR_INPUT, "the constant must be one element of the input's type");
    }
    memcpy(p->value, value->data, oa_dtype_size(x->dtype));
    return OA_OK;
}

/* The place in an axis of `size` > 0 that position `at`, from before its start to past its end, reads. OA_NONE: the
 * constant. */
static size_t place_of(int64_t at, int64_t size, pad_mode mode)
{
    if (at >= 0 && at < size) {
        return (size_t)at;
    }
    int64_t period = 2 * (size - 1);
    switch (mode) {
    case MODE_REFLECT: /* back and forth between the ends, which are not repeated */
        if (period == 0) {
            return 0;
        }
        at %= period;
        at = at < 0 ? at + period : at;
        return (size_t)(at < size ? at : period - at);
    case MODE_EDGE:
        return (size_t)(at < 0 ? 0 : size - 1);
    case MODE_WRAP:
        at %= size;
        return (size_t)(at < 0 ? at + size : at);
    case MODE_CONSTANT:
    default:
        return OA_NONE;
    }
}

/* The shape of the output; the padding is kept within what can be counted. */
static oa_status measure(size_t *dims, size_t *places, const oa_array *x, const padding *p, oa_error *error)
{
    const int64_t most = INT64_MAX / 8;
    *places = 0;
    for (size_t d = 0; d < x->rank; d++) {
        int64_t before = p->before[d], after = p->after[d];
        if (before > most || before < -most || after > most || after < -most || x->dims[d] > (size_t)most) {
            return oa_fail(error, OA_ERROR_INPUT, "padding by %lld and %lld on axis %zu", (long long)before,
                           (long long)after, d);
        }
        int64_t size = (int64_t)x->dims[d] + before + after;
        if (size < 0 || (x->dims[d] == 0 && size > 0 && p->mode != MODE_CONSTANT)) {
            return oa_fail(error, OA_ERROR_INPUT, "padding by %lld and %lld on axis %zu of size %zu", (long long)before,
                           (long long)after, d, x->dims[d]);
        }
        dims[d] = (size_t)size;
        if (oa_add_overflows(places, *places, dims[d])) {
            return oa_fail(error, OA_ERROR_INPUT, "the sizes overflow");
        }
    }
    return OA_OK;
}

/* One run along the last axis, of input row `row` (NULL: constant throughout). */
static void fill_row(unsigned char *y, const unsigned char *row, const size_t *places, size_t n, const padding *p,
                     size_t size)
{
    for (size_t i = 0; i < n;) {
        if (!row || places[i] == OA_NONE) {
            memcpy(y + i * size, p->value, size);
            i++;
            continue;
        }
        size_t run = 1; /* neighbours that are neighbours in the input too */
        while (i + run < n && places[i + run] == places[i] + run) {
            run++;
        }
        memcpy(y + i * size, row + places[i] * size, run * size);
        i += run;
    }
}

/* y through the tables of places, one behind the other for all axes; y is not empty, of rank 1 at least. */
static void fill(oa_array *y, const oa_array *x, const size_t *places, const padding *p)
{
    size_t size = oa_dtype_size(x->dtype), last = y->rank - 1, width = y->dims[last];
    size_t index[OA_MAX_RANK] = {0};
    unsigned char *to = y->data;
    for (;;) {
        size_t row = 0;
        const size_t *table = places;
        bool is_inside = true;
        for (size_t d = 0; d < last; d++) {
            is_inside = is_inside && table[index[d]] != OA_NONE;
            row = is_inside ? row * x->dims[d] + table[index[d]] : 0;
            table += y->dims[d];
        }
        const unsigned char *from = x->count ? (const unsigned char *)x->data + row * x->dims[last] * size : NULL;
        fill_row(to, is_inside ? from : NULL, table, width, p, size);
        to += width * size;
        size_t d = last;
        while (d > 0 && ++index[d - 1] == y->dims[d - 1]) {
            index[--d] = 0;
        }
        if (d == 0) {
            return;
        }
    }
}

oa_status oa_kernel_pad(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    padding p = {.mode = MODE_CONSTANT};
    size_t dims[OA_MAX_RANK], place_count;
    oa_status status = read_mode(&p.mode, call, error);
    if (status == OA_OK) {
        status = read_pads(&p, call, error);
    }
    if (status == OA_OK) {
        status = read_value(&p, call, error);
    }
    if (status == OA_OK) {
        status = measure(dims, &place_count, x, &p, error);
    }
    oa_array *y = NULL;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    if (x->rank == 0) {
        oa_copy_bytes(y->data, x->data, oa_dtype_size(x->dtype));
        return OA_OK;
    }
    size_t *places = oa_call_scratch(call, place_count, sizeof *places);
    if (!places) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu places", place_count);
    }
    size_t *table = places;
    for (size_t d = 0; d < x->rank; d++) {
        for (size_t i = 0; i < dims[d]; i++) {
            *table++ = place_of((int64_t)i - p.before[d], (int64_t)x->dims[d], p.mode);
        }
    }
    fill(y, x, places, &p);
    return OA_OK;
}
