/* The reductions. Floats are accumulated in double precision, integers in 64 bits that wrap around. */
#include "core/exec/broadcast.h"
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/types.h"

#include <math.h>

enum { CHUNK = 256, LANES = 4 };

typedef enum reduction { REDUCE_SUM, REDUCE_L1, REDUCE_SQUARES, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN } reduction;

/* What becomes of an accumulator in the end. */
typedef enum finish { FINISH_NOTHING, FINISH_ROOT, FINISH_LOG, FINISH_MEAN, FINISH_LOG_SUM_EXP } finish;

/* `sums`: one accumulator for the whole run (step 0), in lanes that do not wait for each other, or one for each element
 * (step 1). `term` is what an element x contributes, `join` puts accumulators a and b together. */
#define REDUCE_LOOP(name, type, source, identity, term, join)                                                          \
    static inline type name##_join(type a, type b)                                                                     \
    {                                                                                                                  \
        return join;                                                                                                   \
    }                                                                                                                  \
    static void name(void *sums_, size_t step, const void *xs_, size_t n)                                              \
    {                                                                                                                  \
        type *sums = sums_;                                                                                            \
        const source *xs = xs_;                                                                                        \
        if (step) {                                                                                                    \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const type x = (type)xs[i];                                                                            \
                sums[i] = name##_join(sums[i], term);                                                                  \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        type lanes[LANES] = {identity, identity, identity, identity};                                                  \
        size_t i = 0;                                                                                                  \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            for (size_t l = 0; l < LANES; l++) {                                                                       \
                const type x = (type)xs[i + l];                                                                        \
                lanes[l] = name##_join(lanes[l], term);                                                                \
            }                                                                                                          \
        }                                                                                                              \
        for (; i < n; i++) {                                                                                           \
            const type x = (type)xs[i];                                                                                \
            lanes[0] = name##_join(lanes[0], term);                                                                    \
        }                                                                                                              \
        *sums = name##_join(*sums, name##_join(name##_join(lanes[0], lanes[1]), name##_join(lanes[2], lanes[3])));     \
    }

#define REAL_LOOPS(dtype, source, tag)                                                                                 \
    REDUCE_LOOP(sum_##tag, double, source, 0.0, x, a + b)                                                              \
    REDUCE_LOOP(l1_##tag, double, source, 0.0, fabs(x), a + b)                                                         \
    REDUCE_LOOP(squares_##tag, double, source, 0.0, x *x, a + b)                                                       \
    REDUCE_LOOP(prod_##tag, double, source, 1.0, x, a *b)                                                              \
    REDUCE_LOOP(max_##tag, double, source, -(double)INFINITY, x, a > b || a != a ? a : b)                              \
    REDUCE_LOOP(min_##tag, double, source, (double)INFINITY, x, a < b || a != a ? a : b)

OA_REAL_TYPES(REAL_LOOPS)
REDUCE_LOOP(sum_bits, uint64_t, uint64_t, 0, x, a + b)
REDUCE_LOOP(l1_i64, uint64_t, uint64_t, 0, (int64_t)x < 0 ? 0 - x : x, a + b)
REDUCE_LOOP(squares_bits, uint64_t, uint64_t, 0, x *x, a + b)
REDUCE_LOOP(prod_bits, uint64_t, uint64_t, 1, x, a *b)
REDUCE_LOOP(max_i64, int64_t, int64_t, INT64_MIN, x, a > b ? a : b)
REDUCE_LOOP(min_i64, int64_t, int64_t, INT64_MAX, x, a < b ? a : b)
REDUCE_LOOP(max_u64, uint64_t, uint64_t, 0, x, a > b ? a : b)
REDUCE_LOOP(min_u64, uint64_t, uint64_t, UINT64_MAX, x, a < b ? a : b)

typedef void (*reduce_loop)(void *sums, size_t step, const void *x, size_t n);

/* By kind, for sources of float32, float64, int64 and uint64: those that are read without conversion. */
static reduce_loop find_loop(reduction kind, oa_dtype source)
{
    static const reduce_loop loops[][4] = {
        [REDUCE_SUM] = {sum_f32, sum_f64, sum_bits, sum_bits},
        [REDUCE_L1] = {l1_f32, l1_f64, l1_i64, sum_bits},
        [REDUCE_SQUARES] = {squares_f32, squares_f64, squares_bits, squares_bits},
        [REDUCE_PROD] = {prod_f32, prod_f64, prod_bits, prod_bits},
        [REDUCE_MAX] = {max_f32, max_f64, max_i64, max_u64},
        [REDUCE_MIN] = {min_f32, min_f64, min_i64, min_u64},
    };
    size_t column = source == OA_DTYPE_FLOAT ? 0 : source == OA_DTYPE_DOUBLE ? 1 : source == OA_DTYPE_INT64 ? 2 : 3;
    return loops[kind][column];
}

/* Accumulators are 8 bytes wide: double, int64 or uint64, as `wide` says. */
typedef union wide_number {
    double real;
    int64_t integer;
    uint64_t bits;
} wide_number;

static wide_number identity_of(reduction kind, oa_dtype wide)
{
    if (wide == OA_DTYPE_DOUBLE) {
        return (wide_number){.real = kind == REDUCE_PROD  ? 1.0
                                     : kind == REDUCE_MAX ? -(double)INFINITY
                                     : kind == REDUCE_MIN ? (double)INFINITY
                                                          : 0.0};
    }
    if (wide == OA_DTYPE_INT64) {
        return (wide_number){.integer = kind == REDUCE_PROD  ? 1
                                        : kind == REDUCE_MAX ? INT64_MIN
                                        : kind == REDUCE_MIN ? INT64_MAX
                                                             : 0};
    }
    return (wide_number){.bits = kind == REDUCE_PROD ? 1 : kind == REDUCE_MIN ? UINT64_MAX : 0};
}

/* A run of elements converted to the wide type, and with `shifts` to exp(x - shift of its place). */
static void take_converted(wide_number *sums, size_t step, const unsigned char *x, oa_dtype dtype, size_t run,
                           reduce_loop loop, oa_dtype wide, const wide_number *shifts)
{
    wide_number chunk[CHUNK];
    for (size_t at = 0; at < run; at += CHUNK) {
        size_t n = run - at < CHUNK ? run - at : CHUNK;
        (void)oa_convert(chunk, wide, x + at * oa_dtype_size(dtype), dtype, n);
        for (size_t i = 0; shifts && i < n; i++) {
            chunk[i].real = exp(chunk[i].real - shifts[(at + i) * step].real);
        }
        loop(sums + at * step, step, chunk, n);
    }
}

/* sums[place of the element in the output] takes in every element of x. `kept` has the shape of the output with the
 * reduced axes as 1. With `shifts`, what is taken in is exp(x - shift) of the place. */
static void reduce(wide_number *sums, const oa_array *x, const oa_array *kept, reduction kind, oa_dtype wide,
                   const wide_number *shifts)
{
    for (size_t i = 0; i < kept->count; i++) {
        sums[i] = identity_of(kind, wide);
    }
    if (x->count == 0) {
        return;
    }
    const unsigned char *from = x->data;
    size_t size = oa_dtype_size(x->dtype);
    /* float32 goes into double sums as it is; what else is not of the wide type is converted a chunk at a time. */
    bool is_direct = !shifts && (x->dtype == wide || (x->dtype == OA_DTYPE_FLOAT && wide == OA_DTYPE_DOUBLE));
    reduce_loop loop = find_loop(kind, is_direct ? x->dtype : wide);
    oa_broadcast walk;
    oa_broadcast_start(&walk, x->dims, x->rank, (const oa_array *const[]){kept}, 1);
    do {
        wide_number *place = sums + walk.offsets[0];
        if (is_direct) {
            loop(place, walk.run_step[0], from, walk.run);
        } else {
            take_converted(place, walk.run_step[0], from, x->dtype, walk.run, loop, wide,
                           shifts ? shifts + walk.offsets[0] : NULL);
        }
        from += walk.run * size;
    } while (oa_broadcast_next(&walk));
}

/* `count` elements went into each accumulator. */
static void finish_sums(wide_number *sums, size_t n, finish end, oa_dtype wide, size_t count, const wide_number *shifts)
{
    for (size_t i = 0; i < n; i++) {
        switch (end) {
        case FINISH_NOTHING:
            break;
        case FINISH_ROOT:
            sums[i].real = sqrt(sums[i].real);
            break;
        case FINISH_LOG:
            sums[i].real = log(sums[i].real);
            break;
        case FINISH_LOG_SUM_EXP:
            sums[i].real = log(sums[i].real) + shifts[i].real;
            break;
        case FINISH_MEAN:
            if (wide == OA_DTYPE_DOUBLE) {
                sums[i].real /= (double)count;
            } else if (wide == OA_DTYPE_INT64) {
                sums[i].integer /= (int64_t)count;
            } else {
                sums[i].bits /= count;
            }
            break;
        }
    }
}

oa_status oa_reduced_axes(oa_array *kept, size_t *dims, size_t *rank, bool *is_nothing, oa_call *call, int64_t since,
                          oa_error *error)
{
    const oa_array *x = call->inputs[0];
    bool mask[OA_MAX_RANK], is_given;
    oa_status status = oa_call_axes(mask, &is_given, call, 1, since, x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    bool keeps = oa_call_int(call, "keepdims", 1) != 0;
    bool is_noop = call->node->version >= since && oa_call_int(call, "noop_with_empty_axes", 0) != 0;
    bool names_any = false;
    for (size_t d = 0; d < x->rank; d++) {
        names_any = names_any || mask[d];
    }
    *is_nothing = !names_any && is_noop;
    size_t kept_dims[OA_MAX_RANK];
    *rank = 0;
    for (size_t d = 0; d < x->rank; d++) {
        bool is_reduced = names_any ? mask[d] : !is_noop;
        kept_dims[d] = is_reduced ? 1 : x->dims[d];
        if (!is_reduced || keeps) {
            dims[(*rank)++] = kept_dims[d];
        }
    }
    return oa_array_view(kept, NULL, OA_DTYPE_DOUBLE, kept_dims, x->rank, error);
}

static oa_status check_types(const oa_array *x, size_t count, reduction kind, finish end, oa_error *error)
{
    bool is_extreme = kind == REDUCE_MAX || kind == REDUCE_MIN;
    if (!oa_is_number(x->dtype) || (x->dtype == OA_DTYPE_BOOL && !is_extreme)) {
        return oa_fail_dtype(x, error);
    }
    if (count == 0 && (end == FINISH_MEAN || (is_extreme && !oa_dtype_is_float(x->dtype)))) {
        return oa_fail(error, OA_ERROR_INPUT, "nothing to reduce: an axis has size 0");
    }
    return OA_OK;
}

/* For LogSumExp: the largest element of each place, which is taken off before the exponential. Where it is infinite,
 * nothing is: the differences would be NaN, and the exponentials themselves are right. */
static void find_shifts(wide_number *shifts, const oa_array *x, const oa_array *kept)
{
    reduce(shifts, x, kept, REDUCE_MAX, OA_DTYPE_DOUBLE, NULL);
    for (size_t i = 0; i < kept->count; i++) {
        shifts[i].real = isinf(shifts[i].real) ? 0.0 : shifts[i].real;
    }
}

static oa_status run(oa_call *call, reduction kind, finish end, int64_t since, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_array kept, *y;
    size_t dims[OA_MAX_RANK], rank;
    bool is_nothing;
    oa_status status = oa_reduced_axes(&kept, dims, &rank, &is_nothing, call, since, error);
    if (status != OA_OK) {
        return status;
    }
    if (is_nothing) {
        bool is_plain = end == FINISH_MEAN || (end == FINISH_NOTHING && kind != REDUCE_L1 && kind != REDUCE_SQUARES);
        return is_plain
                   ? oa_call_pass(call, 0, 0, x->dims, x->rank, error)
                   : oa_fail(error, OA_ERROR_UNSUPPORTED, "noop_with_empty_axes where the function is not a plain one");
    }
    size_t count = kept.count ? x->count / kept.count : 1;
    status = check_types(x, count, kind, end, error);
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, dims, rank, error);
    }
    if (status != OA_OK) {
        return status;
    }
    bool is_real = oa_dtype_is_float(x->dtype) || (end != FINISH_NOTHING && end != FINISH_MEAN);
    oa_dtype wide = is_real ? OA_DTYPE_DOUBLE : x->dtype == OA_DTYPE_UINT64 ? OA_DTYPE_UINT64 : OA_DTYPE_INT64;
    wide_number *sums = oa_call_scratch(call, kept.count, 2 * sizeof *sums);
    if (!sums) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu sums", kept.count);
    }
    wide_number *shifts = end == FINISH_LOG_SUM_EXP ? sums + kept.count : NULL;
    if (shifts) {
        find_shifts(shifts, x, &kept);
    }
    reduce(sums, x, &kept, kind, wide, shifts);
    finish_sums(sums, kept.count, end, wide, count, shifts);
    (void)oa_convert(y->data, y->dtype, sums, wide, kept.count);
    return OA_OK;
}

/* The axes became an input with operator set 13 for ReduceSum and with 18 for the others. */
oa_status oa_kernel_reduce_sum(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_SUM, FINISH_NOTHING, 13, error);
}

oa_status oa_kernel_reduce_mean(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_SUM, FINISH_MEAN, 18, error);
}

oa_status oa_kernel_reduce_l1(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_L1, FINISH_NOTHING, 18, error);
}

oa_status oa_kernel_reduce_l2(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_SQUARES, FINISH_ROOT, 18, error);
}

oa_status oa_kernel_reduce_log_sum(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_SUM, FINISH_LOG, 18, error);
}

oa_status oa_kernel_reduce_log_sum_exp(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_SUM, FINISH_LOG_SUM_EXP, 18, error);
}

oa_status oa_kernel_reduce_max(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_MAX, FINISH_NOTHING, 18, error);
}

oa_status oa_kernel_reduce_min(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_MIN, FINISH_NOTHING, 18, error);
}

oa_status oa_kernel_reduce_prod(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_PROD, FINISH_NOTHING, 18, error);
}

oa_status oa_kernel_reduce_sum_square(oa_call *call, oa_error *error)
{
    return run(call, REDUCE_SQUARES, FINISH_NOTHING, 18, error);
}
