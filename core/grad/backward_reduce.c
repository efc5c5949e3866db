/* Reductions, backwards: each element gets the gradient of the place that it went to, times a factor of its own. */
#include "core/exec/broadcast.h"
#include "core/exec/layouts.h"
#include "core/grad/backward_kernels.h"

/* to = (or +=) the contributions of a run of n elements x; g, and y where it is read, step by one or stand still. */
typedef void (*run_loop)(float *to, const float *x, const float *g, const float *y, size_t step, size_t n, bool adds,
                         float factor);

#define RUN_LOOP(name, expression)                                                                                     \
    static void name(float *to, const float *xs, const float *gs, const float *ys, size_t step, size_t n, bool adds,   \
                     float factor)                                                                                     \
    {                                                                                                                  \
        (void)xs, (void)ys;                                                                                            \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const float g = gs[i * step];                                                                              \
            const float term = (expression);                                                                           \
            to[i] = adds ? to[i] + term : term;                                                                        \
        }                                                                                                              \
    }

RUN_LOOP(plain, factor *g)
RUN_LOOP(square, factor *g *xs[i])
RUN_LOOP(norm, ys[i * step] > 0.0f ? factor * g * xs[i] / ys[i * step] : 0.0f)

/* `factor` is divided by the number of elements that are reduced into one when `is_mean`. */
static oa_status spread(oa_backward_call *call, run_loop loop, float factor, bool is_mean, int64_t since,
                        oa_error *error)
{
    const oa_array *x = call->forward->inputs[0], *y = &call->forward->outputs[0];
    const float *g = oa_backward_output(call, 0), *xs = x->data, *ys = y->data;
    oa_array kept;
    size_t dims[OA_MAX_RANK], rank;
    bool is_nothing;
    oa_sink sink;
    oa_status status = oa_reduced_axes(&kept, dims, &rank, &is_nothing, call->forward, since, error);
    if (status == OA_OK && is_nothing) {
        return oa_backward_pass(call, error);
    }
    if (status == OA_OK) {
        status = oa_backward_sink(&sink, call, 0, error);
    }
    if (status != OA_OK || x->count == 0) {
        return status;
    }
    factor = is_mean ? factor * (float)kept.count / (float)x->count : factor;
    oa_broadcast walk;
    size_t at = 0;
    oa_broadcast_start(&walk, x->dims, x->rank, (const oa_array *const[]){&kept}, 1);
    do {
        size_t from = walk.offsets[0];
        loop(sink.data + at, xs ? xs + at : NULL, g + from, ys ? ys + from : NULL, walk.run_step[0], walk.run,
             sink.adds, factor);
        at += walk.run;
    } while (oa_broadcast_next(&walk));
    return OA_OK;
}

/* The axes became an input with operator set 13 for ReduceSum and with 18 for the others. */
oa_status oa_backward_reduce_sum(oa_backward_call *call, oa_error *error)
{
    return spread(call, plain, 1.0f, false, 13, error);
}

oa_status oa_backward_reduce_mean(oa_backward_call *call, oa_error *error)
{
    return spread(call, plain, 1.0f, true, 18, error);
}

oa_status oa_backward_reduce_sum_square(oa_backward_call *call, oa_error *error)
{
    return spread(call, square, 2.0f, false, 18, error);
}

/* At the origin the gradient is 0. */
oa_status oa_backward_reduce_l2(oa_backward_call *call, oa_error *error)
{
    return spread(call, norm, 1.0f, false, 18, error);
}
