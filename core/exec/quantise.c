/* QuantizeLinear, y = round(x / scale) + zero point within the type's range, and DequantizeLinear, y = (x - zero point)
 * scale. One scale serves all elements, a place along one axis, or a block of places along it. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/types.h"

#include <math.h>

enum { CHUNK = 256 };

/* Where the parameters of elements are: of x [outer, n, inner] those at (o, a, i) are at
 * (o * blocks + a / block) * inner_step + i * (inner_step > 1). */
typedef struct parameters {
    oa_axis_layout layout;
    size_t block; /* places along the axis that share one */
    size_t outer_step;
    size_t inner_step;
    bool is_each_inner; /* elements along `inner` have their own */
} parameters;

static oa_status misfit(const oa_array *x, const oa_array *scale, size_t axis, oa_error *error)
{
    char text[2][OA_SHAPE_TEXT_SIZE];
    return oa_fail(error, OA_ERROR_INPUT, "a scale of shape %s does not fit axis %zu of an input of shape %s",
                   oa_shape_text(text[0], scale->dims, scale->rank), axis, oa_shape_text(text[1], x->dims, x->rank));
}

static oa_status read_parameters(parameters *p, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *scale = call->inputs[1], *zero = oa_call_input(call, 2);
    int64_t given = oa_call_int(call, "axis", 1), block = oa_call_int(call, "block_size", 0);
    *p = (parameters){.layout = {.outer = 1, .n = 1, .inner = x->count}, .block = 1};
    if (zero && !oa_same_shape(zero, scale)) {
        return oa_fail(error, OA_ERROR_INPUT, "scale and zero point have different shapes");
    }
    if (block == 0 && scale->count == 1 && scale->rank <= 1) {
        return OA_OK;
    }
    size_t axis;
    oa_status status = oa_call_axis(&axis, given, x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    p->layout = oa_axis_layout_at(x, axis);
    if (block == 0) {
        p->inner_step = 1;
        return scale->rank == 1 && scale->count == x->dims[axis] ? OA_OK : misfit(x, scale, axis, error);
    }
    bool fits = block > 0 && scale->rank == x->rank;
    for (size_t d = 0; d < x->rank && fits; d++) {
        size_t blocks = x->dims[d] / (uint64_t)block + (x->dims[d] % (uint64_t)block != 0);
        fits = scale->dims[d] == (d == axis ? blocks : x->dims[d]);
    }
    p->block = (size_t)block;
    p->outer_step = scale->count / (p->layout.outer ? p->layout.outer : 1);
    p->inner_step = p->layout.inner;
    p->is_each_inner = true;
    return fits ? OA_OK : misfit(x, scale, axis, error);
}

/* A run of elements, as doubles, and what they become; one scale, or one for each. */
typedef void (*run_loop)(double *y, const double *x, const double *scale, const double *zero, size_t n, size_t step,
                         bool is_float);

static void dequantise(double *y, const double *x, const double *scale, const double *zero, size_t n, size_t step,
                       bool is_float)
{
    (void)is_float;
    for (size_t i = 0; i < n; i++) {
        y[i] = (x[i] - zero[i * step]) * scale[i * step];
    }
}

/* The quotient is rounded to float32 first where that is what it would be computed in: ties are decided by it. */
static void quantise(double *y, const double *x, const double *scale, const double *zero, size_t n, size_t step,
                     bool is_float)
{
    for (size_t i = 0; i < n; i++) {
        const double quotient = x[i] / scale[i * step];
        y[i] = rint(is_float ? (double)(float)quotient : quotient) + zero[i * step];
    }
}

static void run_chunks(oa_array *y, const oa_call *call, const parameters *p, run_loop loop)
{
    const oa_array *x = call->inputs[0], *scales = call->inputs[1], *zeros = oa_call_input(call, 2);
    size_t x_size = oa_dtype_size(x->dtype), y_size = oa_dtype_size(y->dtype);
    bool is_float = scales->dtype == OA_DTYPE_FLOAT;
    for (size_t row = 0; row < p->layout.outer * p->layout.n; row++) {
        size_t o = row / p->layout.n, a = row % p->layout.n;
        size_t first = o * p->outer_step + a / p->block * p->inner_step;
        for (size_t i = 0; i < p->layout.inner; i += CHUNK) {
            double from[CHUNK], to[CHUNK], scale[CHUNK], zero[CHUNK] = {0.0};
            size_t n = p->layout.inner - i < CHUNK ? p->layout.inner - i : CHUNK, at = row * p->layout.inner + i;
            size_t place = p->is_each_inner ? first + i : first, count = p->is_each_inner ? n : 1;
            (void)oa_convert(from, OA_DTYPE_DOUBLE, (const unsigned char *)x->data + at * x_size, x->dtype, n);
            (void)oa_convert(scale, OA_DTYPE_DOUBLE,
                             (const unsigned char *)scales->data + place * oa_dtype_size(scales->dtype), scales->dtype,
                             count);
            if (zeros) {
                (void)oa_convert(zero, OA_DTYPE_DOUBLE,
                                 (const unsigned char *)zeros->data + place * oa_dtype_size(zeros->dtype), zeros->dtype,
                                 count);
            }
            loop(to, from, scale, zero, n, p->is_each_inner, is_float);
            (void)oa_convert((unsigned char *)y->data + at * y_size, y->dtype, to, OA_DTYPE_DOUBLE, n);
        }
    }
}

static bool is_integer(oa_dtype dtype)
{
    return oa_is_number(dtype) && !oa_dtype_is_float(dtype) && dtype != OA_DTYPE_BOOL;
}

oa_status oa_kernel_dequantize_linear(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *scale = call->inputs[1];
    parameters p;
    int64_t dtype = oa_call_int(call, "output_dtype", 0);
    if (!is_integer(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    if (!oa_is_real(scale->dtype)) {
        return oa_fail_dtype(scale, error);
    }
    if (dtype != 0 && dtype != (int64_t)call->dtypes[1]) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "an output of another type than the scale");
    }
    oa_status status = read_parameters(&p, call, error);
    if (status == OA_OK && oa_call_input(call, 2)) {
        status = oa_call_same_dtype(call, 0, 2, error);
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, scale->dtype, x->dims, x->rank, error);
        call->narrow[0] = call->dtypes[1];
    }
    if (status == OA_OK) {
        run_chunks(y, call, &p, dequantise);
    }
    return status;
}

oa_status oa_kernel_quantize_linear(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0], *scale = call->inputs[1], *zero = oa_call_input(call, 2);
    parameters p;
    int64_t given = oa_call_int(call, "output_dtype", 0);
    oa_dtype dtype = zero                                      ? call->dtypes[2]
                     : given > 0 && given <= OA_DTYPE_BFLOAT16 ? (oa_dtype)given
                                                               : OA_DTYPE_UINT8;
    oa_call_ignore(call, "saturate"); /* of 8-bit floats */
    if (!oa_is_number(x->dtype) || x->dtype == OA_DTYPE_BOOL) {
        return oa_fail_dtype(x, error);
    }
    if (!oa_is_real(scale->dtype)) {
        return oa_fail_dtype(scale, error);
    }
    if (!is_integer(dtype) || (given != 0 && given != (int64_t)dtype)) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "quantising to type %d (%s)", (int)(given ? given : (int64_t)dtype),
                       oa_dtype_name(dtype));
    }
    oa_status status = read_parameters(&p, call, error);
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, dtype, x->dims, x->rank, error);
    }
    if (status == OA_OK) {
        run_chunks(y, call, &p, quantise);
    }
    return status;
}
