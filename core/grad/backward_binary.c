/* Elementwise functions of two inputs under broadcasting, backwards: the product of the output's gradient and the
 * partial derivative, summed over what was broadcast. */
#include "core/exec/binary.h"
#include "core/exec/broadcast.h"
#include "core/exec/convert.h"
#include "core/exec/layouts.h"
#include "core/grad/backward_kernels.h"

#include <math.h>

enum { CHUNK = 256 }; /* elements whose contributions stay in the first-level cache until they are summed */

/* to[i] = g[i] * d f(a, b) / d a or b, for n elements; a and b step by one element or stand still. */
typedef void (*partial)(float *to, const float *g, const float *a, size_t step_a, const float *b, size_t step_b,
                        size_t n);

#define PARTIAL(name, expression)                                                                                      \
    static void name(float *restrict to, const float *gs, const float *as, size_t step_a, const float *bs,             \
                     size_t step_b, size_t n)                                                                          \
    {                                                                                                                  \
        if (step_a && step_b) {                                                                                        \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const float g = gs[i], a = as[i], b = bs[i];                                                           \
                (void)a, (void)b;                                                                                      \
                to[i] = (expression);                                                                                  \
            }                                                                                                          \
        } else if (step_a) {                                                                                           \
            const float b = *bs;                                                                                       \
            (void)b;                                                                                                   \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const float g = gs[i], a = as[i];                                                                      \
                (void)a;                                                                                               \
                to[i] = (expression);                                                                                  \
            }                                                                                                          \
        } else {                                                                                                       \
            const float a = *as;                                                                                       \
            (void)a;                                                                                                   \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const float g = gs[i], b = bs[i];                                                                      \
                (void)b;                                                                                               \
                to[i] = (expression);                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

PARTIAL(mul_a, g *b)
PARTIAL(mul_b, g *a)
PARTIAL(div_a, g / b)
PARTIAL(div_b, -g *a / (b * b))
PARTIAL(pow_a, b == 0.0f ? 0.0f : b == 2.0f ? 2.0f * g * a : g * b * powf(a, b - 1.0f))
PARTIAL(prelu_a, a < 0.0f ? g * b : g)
PARTIAL(prelu_b, a < 0.0f ? g * a : 0.0f)
/* Equal operands share. */
PARTIAL(max_a, a > b ? g : a == b ? 0.5f * g : 0.0f)
PARTIAL(max_b, b > a ? g : a == b ? 0.5f * g : 0.0f)
PARTIAL(min_a, a < b ? g : a == b ? 0.5f * g : 0.0f)
PARTIAL(min_b, b < a ? g : a == b ? 0.5f * g : 0.0f)

/* The contribution to input `slot`, of shape `own`; a and b are the inputs as they are broadcast. */
static oa_status contribute(oa_backward_call *call, size_t slot, const oa_array *a, const oa_array *b, partial f,
                            oa_error *error)
{
    const oa_array *y = &call->forward->outputs[0], *own = slot ? b : a;
    const float *g = oa_backward_output(call, 0);
    bool is_whole = own->count == y->count;
    float terms[CHUNK];
    oa_sink sink;
    oa_status status = oa_backward_sink(&sink, call, slot, error);
    if (status != OA_OK) {
        return status;
    }
    bool is_direct = is_whole && !sink.adds;
    if (!is_direct) {
        oa_sink_clear(&sink, own->count);
    }
    if (y->count == 0) {
        return OA_OK;
    }
    oa_broadcast walk;
    oa_broadcast_start(&walk, y->dims, y->rank, (const oa_array *const[]){a, b}, 2);
    do {
        for (size_t first = 0; first < walk.run; first += CHUNK) {
            size_t n = walk.run - first < CHUNK ? walk.run - first : CHUNK;
            float *to = sink.data + walk.offsets[slot] + first * walk.run_step[slot];
            f(is_direct ? to : terms, g, (const float *)a->data + walk.offsets[0] + first * walk.run_step[0],
              walk.run_step[0], (const float *)b->data + walk.offsets[1] + first * walk.run_step[1], walk.run_step[1],
              n);
            if (!is_direct) {
                oa_sink part = {.data = to, .adds = true};
                oa_array shape = {
                    .count = walk.run_step[slot] ? n : 1, .rank = 1, .dims = {walk.run_step[slot] ? n : 1}};
                oa_sink_sum(&part, &shape, terms, &n, 1, 1.0f);
            }
            g += n;
        }
    } while (oa_broadcast_next(&walk));
    return OA_OK;
}

/* Input 1 as an operator of two inputs sees it. */
static oa_status second(oa_array *view, oa_backward_call *call, oa_error *error)
{
    return oa_binary_second(view, call->forward, error);
}

static oa_status both(oa_backward_call *call, partial of_a, partial of_b, oa_error *error)
{
    oa_array b;
    oa_status status = second(&b, call, error);
    if (status == OA_OK && oa_backward_wants(call, 0)) {
        status = contribute(call, 0, call->forward->inputs[0], &b, of_a, error);
    }
    if (status == OA_OK && oa_backward_wants(call, 1)) {
        status = contribute(call, 1, call->forward->inputs[0], &b, of_b, error);
    }
    return status;
}

oa_status oa_backward_mul(oa_backward_call *call, oa_error *error)
{
    return both(call, mul_a, mul_b, error);
}

oa_status oa_backward_div(oa_backward_call *call, oa_error *error)
{
    return both(call, div_a, div_b, error);
}

/* Input 1 gets `sign` times the sum; input 0 the gradient itself, in place where possible, and so last. */
static oa_status sum_of_two(oa_backward_call *call, float sign, oa_error *error)
{
    const oa_array *a = call->forward->inputs[0], *y = &call->forward->outputs[0];
    oa_array b;
    oa_sink sink;
    oa_status status = second(&b, call, error);
    if (status == OA_OK && oa_backward_wants(call, 1)) {
        status = oa_backward_sink(&sink, call, 1, error);
        if (status == OA_OK) {
            oa_sink_sum(&sink, &b, oa_backward_output(call, 0), y->dims, y->rank, sign);
        }
    }
    if (status != OA_OK || !oa_backward_wants(call, 0)) {
        return status;
    }
    return a->count == y->count ? oa_backward_pass(call, error) : oa_backward_reduce(call, 0, 1.0f, error);
}

oa_status oa_backward_add(oa_backward_call *call, oa_error *error)
{
    return sum_of_two(call, 1.0f, error);
}

oa_status oa_backward_sub(oa_backward_call *call, oa_error *error)
{
    return sum_of_two(call, -1.0f, error);
}

oa_status oa_backward_pow(oa_backward_call *call, oa_error *error)
{
    oa_array b;
    oa_status status = second(&b, call, error);
    if (status != OA_OK || b.dtype == OA_DTYPE_FLOAT) {
        return status == OA_OK ? contribute(call, 0, call->forward->inputs[0], &b, pow_a, error) : status;
    }
    /* Exponents of another type are converted. */
    float *exponents = oa_call_scratch(call->forward, b.count, sizeof *exponents);
    if (!exponents) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu exponents", b.count);
    }
    (void)oa_convert(exponents, OA_DTYPE_FLOAT, b.data, b.dtype, b.count);
    b.data = exponents;
    return contribute(call, 0, call->forward->inputs[0], &b, pow_a, error);
}

oa_status oa_backward_prelu(oa_backward_call *call, oa_error *error)
{
    const oa_array *x = call->forward->inputs[0];
    oa_array slope;
    oa_prelu_slope(&slope, call->forward);
    oa_status status = OA_OK;
    if (oa_backward_wants(call, 0)) {
        status = contribute(call, 0, x, &slope, prelu_a, error);
    }
    if (status == OA_OK && oa_backward_wants(call, 1)) {
        status = contribute(call, 1, x, &slope, prelu_b, error);
    }
    return status;
}

/* Max and Min of one input pass it on. */
static oa_status extreme(oa_backward_call *call, partial of_a, partial of_b, oa_error *error)
{
    if (call->forward->input_count == 1) {
        return oa_backward_pass(call, error);
    }
    if (call->forward->input_count > 2) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "the gradient of more than two operands");
    }
    const oa_array *a = call->forward->inputs[0], *b = call->forward->inputs[1];
    oa_status status = OA_OK;
    if (oa_backward_wants(call, 0)) {
        status = contribute(call, 0, a, b, of_a, error);
    }
    if (status == OA_OK && oa_backward_wants(call, 1)) {
        status = contribute(call, 1, a, b, of_b, error);
    }
    return status;
}

oa_status oa_backward_max(oa_backward_call *call, oa_error *error)
{
    return extreme(call, max_a, max_b, error);
}

oa_status oa_backward_min(oa_backward_call *call, oa_error *error)
{
    return extreme(call, min_a, min_b, error);
}

/* Every operand gets the gradient times `factor`. */
static oa_status sum_of_all(oa_backward_call *call, float factor, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < call->forward->input_count && status == OA_OK; i++) {
        if (oa_backward_wants(call, i)) {
            status = oa_backward_reduce(call, i, factor, error);
        }
    }
    return status;
}

oa_status oa_backward_sum(oa_backward_call *call, oa_error *error)
{
    return sum_of_all(call, 1.0f, error);
}

oa_status oa_backward_mean(oa_backward_call *call, oa_error *error)
{
    return sum_of_all(call, 1.0f / (float)call->forward->input_count, error);
}
