/* Where, Clip and PRelu: one of several values, by a condition. */
#include "core/exec/binary.h"
#include "core/exec/broadcast.h"
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/types.h"

#include <math.h>
#include <string.h>

/* One run: y[i] = condition ? a : b, elements of `size` bytes; each operand steps by one element or stands still. */
#define WHERE_LOOP(size)                                                                                               \
    static void where_##size(unsigned char *y, const uint8_t *condition, size_t step_condition,                        \
                             const unsigned char *a, size_t step_a, const unsigned char *b, size_t step_b, size_t n)   \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const unsigned char *from = condition[i * step_condition] ? a + i * step_a * size : b + i * step_b * size; \
            memcpy(y + i * size, from, size);                                                                          \
        }                                                                                                              \
    }

WHERE_LOOP(1)
WHERE_LOOP(2)
WHERE_LOOP(4)
WHERE_LOOP(8)
WHERE_LOOP(16)

oa_status oa_kernel_where(oa_call *call, oa_error *error)
{
    const oa_array *const *inputs = call->inputs;
    size_t dims[OA_MAX_RANK], rank;
    if (inputs[0]->dtype != OA_DTYPE_BOOL) {
        return oa_fail(error, OA_ERROR_INPUT, "the condition must be bool, not %s", oa_dtype_name(inputs[0]->dtype));
    }
    oa_status status = oa_call_same_dtype(call, 1, 2, error);
    if (status == OA_OK) {
        status = oa_broadcast_shape(dims, &rank, inputs, 3, error);
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, inputs[1]->dtype, dims, rank, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    size_t size = oa_dtype_size(y->dtype);
    oa_broadcast walk;
    oa_broadcast_start(&walk, dims, rank, inputs, 3);
    unsigned char *to = y->data;
    do {
        const uint8_t *condition = (const uint8_t *)inputs[0]->data + walk.offsets[0];
        const unsigned char *a = (const unsigned char *)inputs[1]->data + walk.offsets[1] * size;
        const unsigned char *b = (const unsigned char *)inputs[2]->data + walk.offsets[2] * size;
        const size_t *step = walk.run_step;
        switch (size) {
        case 1:
            where_1(to, condition, step[0], a, step[1], b, step[2], walk.run);
            break;
        case 2:
            where_2(to, condition, step[0], a, step[1], b, step[2], walk.run);
            break;
        case 4:
            where_4(to, condition, step[0], a, step[1], b, step[2], walk.run);
            break;
        case 8:
            where_8(to, condition, step[0], a, step[1], b, step[2], walk.run);
            break;
        default:
            where_16(to, condition, step[0], a, step[1], b, step[2], walk.run);
            break;
        }
        to += walk.run * size;
    } while (oa_broadcast_next(&walk));
    return OA_OK;
}

/* y = min(max(x, least), most), in this order: when the bounds cross, the upper one wins. A missing bound is the end of
 * the type's range, for floats infinity. NaN stays. y may be x. */
#define CLIP_LOOP(tag, type, range_least, range_most)                                                                  \
    static void clip_##tag(void *y_, const void *x_, size_t n, const void *least_, const void *most_)                  \
    {                                                                                                                  \
        const type *xs = x_;                                                                                           \
        type *y = y_;                                                                                                  \
        const type least = least_ ? *(const type *)least_ : (type)(range_least);                                       \
        const type most = most_ ? *(const type *)most_ : (type)(range_most);                                           \
        OA_INDEPENDENT                                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const type raised = xs[i] < least ? least : xs[i];                                                         \
            y[i] = raised > most ? most : raised;                                                                      \
        }                                                                                                              \
    }

CLIP_LOOP(f32, float, -INFINITY, INFINITY)
CLIP_LOOP(f64, double, -INFINITY, INFINITY)
CLIP_LOOP(i8, int8_t, INT8_MIN, INT8_MAX)
CLIP_LOOP(i16, int16_t, INT16_MIN, INT16_MAX)
CLIP_LOOP(i32, int32_t, INT32_MIN, INT32_MAX)
CLIP_LOOP(i64, int64_t, INT64_MIN, INT64_MAX)
CLIP_LOOP(u8, uint8_t, 0, UINT8_MAX)
CLIP_LOOP(u16, uint16_t, 0, UINT16_MAX)
CLIP_LOOP(u32, uint32_t, 0, UINT32_MAX)
CLIP_LOOP(u64, uint64_t, 0, UINT64_MAX)

typedef void (*clip_loop)(void *y, const void *x, size_t n, const void *least, const void *most);

static clip_loop find_clip(oa_dtype dtype)
{
    switch (dtype) {
#define CLIP_CASE(name, type, tag)                                                                                     \
    case name:                                                                                                         \
        return clip_##tag;
        OA_REAL_TYPES(CLIP_CASE)
        OA_INTEGER_TYPES(CLIP_CASE)
#undef CLIP_CASE
    default:
        return NULL;
    }
}

/* The bound in an input slot: *bound stays NULL when it is omitted. */
static oa_status clip_bound(const void **bound, const oa_call *call, size_t slot, oa_error *error)
{
    const oa_array *array = oa_call_input(call, slot);
    if (!array) {
        return OA_OK;
    }
    if (array->count != 1) {
        return oa_fail(error, OA_ERROR_INPUT, "the bound in input %zu has %zu elements and must have one", slot,
                       array->count);
    }
    *bound = array->data;
    return oa_call_same_dtype(call, 0, slot, error);
}

oa_status oa_kernel_clip(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    clip_loop loop = find_clip(x->dtype);
    const void *least = NULL, *most = NULL;
    float attributes_f32[2] = {0};
    double attributes_f64[2] = {0};
    oa_status status = OA_OK;
    if (!loop) {
        return oa_fail_dtype(x, error);
    }
    if (call->node->version >= 11) {
        status = clip_bound(&least, call, 1, error);
        if (status == OA_OK) {
            status = clip_bound(&most, call, 2, error);
        }
    } else if (call->input_count > 1 || !oa_is_real(x->dtype)) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "before operator set 11, Clip is of floats and has its bounds as attributes");
    } else {
        bool is_f32 = x->dtype == OA_DTYPE_FLOAT;
        attributes_f32[0] = oa_call_float(call, "min", 0.0f);
        attributes_f32[1] = oa_call_float(call, "max", 0.0f);
        attributes_f64[0] = (double)attributes_f32[0];
        attributes_f64[1] = (double)attributes_f32[1];
        if (oa_node_attribute(call->node, "min")) {
            least = is_f32 ? (const void *)&attributes_f32[0] : (const void *)&attributes_f64[0];
        }
        if (oa_node_attribute(call->node, "max")) {
            most = is_f32 ? (const void *)&attributes_f32[1] : (const void *)&attributes_f64[1];
        }
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    }
    if (status == OA_OK) {
        loop(y->data, x->data, x->count, least, most);
    }
    return status;
}

#define PRELU_LOOP(dtype, type, tag) OA_BINARY_LOOP(prelu_##tag, type, type, a < 0 ? b * a : a)
OA_REAL_TYPES(PRELU_LOOP)
OA_BINARY_LOOP(prelu_i32, int32_t, int32_t, a < 0 ? (int32_t)((uint32_t)a * (uint32_t)b) : a)
OA_BINARY_LOOP(prelu_i64, int64_t, int64_t, a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a)
OA_BINARY_LOOP(prelu_u32, uint32_t, uint32_t, ((void)b, a))
OA_BINARY_LOOP(prelu_u64, uint64_t, uint64_t, ((void)b, a))

void oa_prelu_slope(oa_array *slope, const oa_call *call)
{
    const oa_array *x = call->inputs[0];
    *slope = *call->inputs[1];
    slope->is_view = true;
    if (call->node->version < 7 && slope->rank == 1 && slope->count > 1 && x->rank > 1) {
        /* Then the slopes were one for each channel, along axis 1. */
        slope->rank = x->rank - 1;
        for (size_t d = 1; d < slope->rank; d++) {
            slope->dims[d] = 1;
        }
    }
}

oa_status oa_kernel_prelu(oa_call *call, oa_error *error)
{
    static const oa_binary_row rows[] = {{OA_DTYPE_FLOAT, prelu_f32},  {OA_DTYPE_DOUBLE, prelu_f64},
                                         {OA_DTYPE_INT32, prelu_i32},  {OA_DTYPE_INT64, prelu_i64},
                                         {OA_DTYPE_UINT32, prelu_u32}, {OA_DTYPE_UINT64, prelu_u64}};
    const oa_array *x = call->inputs[0];
    oa_array slope;
    oa_prelu_slope(&slope, call);
    oa_binary_loop loop = oa_binary_find(rows, sizeof rows / sizeof rows[0], x->dtype);
    if (!loop) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = oa_call_same_dtype(call, 0, 1, error);
    if (status != OA_OK) {
        return status;
    }
    size_t dims[OA_MAX_RANK], rank;
    status = oa_broadcast_shape(dims, &rank, (const oa_array *const[]){x, &slope}, 2, error);
    if (status != OA_OK) {
        return status;
    }
    oa_array shape = {.rank = rank};
    memcpy(shape.dims, dims, rank * sizeof dims[0]);
    if (!oa_same_shape(x, &shape)) {
        return oa_fail(error, OA_ERROR_INPUT, "the slope cannot be broadcast to the shape of the input");
    }
    oa_array *y;
    status = oa_call_output_like(&y, call, 0, 0, error);
    if (status == OA_OK) {
        oa_binary_apply(y, x, &slope, loop, call->team);
    }
    return status;
}
