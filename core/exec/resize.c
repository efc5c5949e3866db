/* Resize and Upsample, axis by axis: every output along an axis is a weighted sum of a few inputs, or the nearest one.
 */
#include "core/exec/resize.h"

#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/layouts.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"

#include <math.h>
#include <string.h>

enum { TAPS = 4 };

/* What one output along an axis reads. */
typedef struct reader {
    size_t from[TAPS];
    double weights[TAPS];
    bool is_outside; /* of the input, where a crop takes the extrapolation's value */
} reader;

static size_t clamp(double place, size_t size)
{
    return place > 0.0 ? place < (double)(size - 1) ? (size_t)place : size - 1 : 0; /* NaN: 0 */
}

static double round_nearest(const oa_resize *r, const oa_resize_axis *axis, double place)
{
    switch (r->rounding) {
    case OA_ROUND_PREFER_FLOOR:
        return ceil(place - 0.5);
    case OA_ROUND_PREFER_CEIL:
        return floor(place + 0.5);
    case OA_ROUND_CEIL:
        return ceil(place);
    case OA_ROUND_BY_SCALE:
        return axis->scale < 1.0 ? ceil(place) : floor(place);
    default:
        return floor(place);
    }
}

/* Keys' cubic convolution kernel at the taps -1, 0, 1 and 2 places from the element before (doi
 * 10.1109/TASSP.1981.1163711). */
static void cubic_weights(double *weights, double a, double part)
{
    const double far = part + 1.0, near = 1.0 - part, end = 2.0 - part;
    weights[0] = ((a * far - 5.0 * a) * far + 8.0 * a) * far - 4.0 * a;
    weights[1] = ((a + 2.0) * part - (a + 3.0)) * part * part + 1.0;
    weights[2] = ((a + 2.0) * near - (a + 3.0)) * near * near + 1.0;
    weights[3] = ((a * end - 5.0 * a) * end + 8.0 * a) * end - 4.0 * a;
}

static void set_reader(reader *to, const oa_resize *r, const oa_resize_axis *axis, size_t i)
{
    const double place = oa_resize_coordinate(r, axis, i), last = (double)axis->in - 1.0, floored = floor(place);
    const double first = r->mode == OA_RESIZE_CUBIC ? floored - 1.0 : floored;
    *to = (reader){.weights = {1.0 - (place - floored), place - floored}};
    to->is_outside = r->place == OA_PLACE_CROP && !(place >= 0.0 && place <= last);
    if (r->mode == OA_RESIZE_NEAREST) {
        to->from[0] = clamp(round_nearest(r, axis, place), axis->in);
        return;
    }
    if (r->mode == OA_RESIZE_CUBIC) {
        cubic_weights(to->weights, r->coefficient, place - floored);
    }
    double sum = 0.0;
    for (size_t k = 0; k < TAPS; k++) {
        double at = first + (double)k;
        if (r->mode == OA_RESIZE_CUBIC && r->excludes_outside && !(at >= 0.0 && at <= last)) {
            to->weights[k] = 0.0;
        }
        to->from[k] = clamp(at, axis->in);
        sum += to->weights[k];
    }
    for (size_t k = 0; k < TAPS && r->excludes_outside && sum != 0.0; k++) {
        to->weights[k] /= sum;
    }
}

/* y [outer, out, inner] from x [outer, in, inner]. */
#define INTERPOLATE(dtype, type, tag)                                                                                  \
    static void interpolate_##tag(type *y, const type *x, const reader *readers, size_t outer, size_t in, size_t out,  \
                                  size_t inner, size_t taps)                                                           \
    {                                                                                                                  \
        for (size_t o = 0; o < outer; o++, x += in * inner) {                                                          \
            for (size_t i = 0; i < out; i++, y += inner) {                                                             \
                for (size_t k = 0; k < inner; k++) {                                                                   \
                    double sum = 0.0;                                                                                  \
                    for (size_t t = 0; t < taps; t++) {                                                                \
                        sum += readers[i].weights[t] * (double)x[readers[i].from[t] * inner + k];                      \
                    }                                                                                                  \
                    y[k] = (type)sum;                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
OA_REAL_TYPES(INTERPOLATE)

static void copy_nearest(unsigned char *y, const unsigned char *x, const reader *readers, size_t outer, size_t in,
                         size_t out, size_t bytes)
{
    for (size_t o = 0; o < outer; o++, x += in * bytes) {
        for (size_t i = 0; i < out; i++, y += bytes) {
            oa_copy_bytes(y, x + readers[i].from[0] * bytes, bytes);
        }
    }
}

static void resize_axis(void *y, const void *x, const oa_resize *r, const reader *readers, const size_t *dims,
                        size_t rank, size_t axis, oa_dtype dtype)
{
    size_t outer = 1, inner = 1, in = r->axes[axis].in, out = r->axes[axis].out;
    for (size_t d = 0; d < rank; d++) {
        outer *= d < axis ? dims[d] : 1;
        inner *= d > axis ? dims[d] : 1;
    }
    if (r->mode == OA_RESIZE_NEAREST) {
        copy_nearest(y, x, readers, outer, in, out, inner * oa_dtype_size(dtype));
    } else if (dtype == OA_DTYPE_FLOAT) {
        interpolate_f32(y, x, readers, outer, in, out, inner, r->mode == OA_RESIZE_CUBIC ? TAPS : 2);
    } else {
        interpolate_f64(y, x, readers, outer, in, out, inner, r->mode == OA_RESIZE_CUBIC ? TAPS : 2);
    }
}

/* The value for outputs that lie outside along `axis`. */
static void extrapolate(oa_array *y, const oa_resize *r, const reader *readers, size_t axis)
{
    const oa_axis_layout layout = oa_axis_layout_at(y, axis);
    for (size_t o = 0; o < layout.outer; o++) {
        for (size_t i = 0; i < layout.n; i++) {
            size_t at = (o * layout.n + i) * layout.inner;
            for (size_t k = 0; k < layout.inner && readers[i].is_outside; k++) {
                (void)oa_convert((unsigned char *)y->data + (at + k) * oa_dtype_size(y->dtype), y->dtype,
                                 &r->extrapolation, OA_DTYPE_DOUBLE, 1);
            }
        }
    }
}

/* The scratch: readers of one axis, then two arrays that take turns. */
typedef struct room {
    reader *readers;
    unsigned char *turns[2];
} room;

/* Axis after axis, the shrinking ones first so that little is carried along; `order` [count] are those that change. */
static oa_status run_axes(oa_array *y, const oa_array *x, const oa_resize *r, const size_t *order, size_t count,
                          const room *m)
{
    size_t dims[OA_MAX_RANK];
    const void *from = x->data;
    memcpy(dims, x->dims, sizeof dims);
    for (size_t n = 0; n < count; n++) {
        size_t axis = order[n];
        void *to = n + 1 == count ? y->data : m->turns[n % 2];
        for (size_t i = 0; i < r->axes[axis].out; i++) {
            set_reader(&m->readers[i], r, &r->axes[axis], i);
        }
        resize_axis(to, from, r, m->readers, dims, x->rank, axis, x->dtype);
        dims[axis] = r->axes[axis].out;
        from = to;
    }
    for (size_t d = 0; d < x->rank && r->place == OA_PLACE_CROP; d++) {
        for (size_t i = 0; i < r->axes[d].out; i++) {
            set_reader(&m->readers[i], r, &r->axes[d], i);
        }
        extrapolate(y, r, m->readers, d);
    }
    return OA_OK;
}

/* The axes that change, those that shrink most first. */
static size_t order_axes(size_t *order, const oa_resize *r, size_t rank)
{
    size_t count = 0;
    for (size_t d = 0; d < rank; d++) {
        size_t at = count;
        if (r->axes[d].is_same) {
            continue;
        }
        for (; at > 0 && r->axes[order[at - 1]].scale > r->axes[d].scale; at--) {
            order[at] = order[at - 1];
        }
        order[at] = d;
        count++;
    }
    return count;
}

static oa_status run(oa_call *call, const oa_resize *r, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t dims[OA_MAX_RANK], order[OA_MAX_RANK], longest = 0, readers_bytes, elements = 1, most = 0, bytes;
    bool is_real = oa_is_real(x->dtype);
    if (!is_real && (r->mode != OA_RESIZE_NEAREST || x->dtype == OA_DTYPE_STRING)) {
        return oa_fail_dtype(x, error);
    }
    size_t count = order_axes(order, r, x->rank);
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = r->axes[d].out;
        longest = dims[d] > longest ? dims[d] : longest;
    }
    if (count == 0) {
        return oa_call_pass(call, 0, 0, dims, x->rank, error);
    }
    oa_array *y;
    oa_status status = oa_call_output(&y, call, 0, x->dtype, dims, x->rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    bool overflows = oa_mul_overflows(&readers_bytes, longest, sizeof(reader));
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = x->dims[d];
    }
    for (size_t n = 0; n + 1 < count && !overflows; n++) { /* the arrays between */
        dims[order[n]] = r->axes[order[n]].out;
        elements = oa_dtype_size(x->dtype);
        for (size_t d = 0; d < x->rank; d++) {
            overflows = overflows || oa_mul_overflows(&elements, elements, dims[d]);
        }
        most = elements > most ? elements : most;
    }
    overflows = overflows || most > SIZE_MAX / 4;
    most = (most + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    room m = {0};
    if (!overflows && !oa_mul_overflows(&bytes, most, 2) && !oa_add_overflows(&bytes, bytes, readers_bytes)) {
        m.readers = oa_call_scratch(call, bytes, 1);
    }
    if (!m.readers) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu places", longest);
    }
    m.turns[0] = (unsigned char *)(m.readers + longest);
    m.turns[1] = m.turns[0] + most;
    return run_axes(y, x, r, order, count, &m);
}

oa_status oa_kernel_resize(oa_call *call, oa_error *error)
{
    oa_resize r;
    oa_status status = oa_resize_read(&r, call, error);
    return status == OA_OK ? run(call, &r, error) : status;
}

oa_status oa_kernel_upsample(oa_call *call, oa_error *error)
{
    oa_resize r;
    oa_status status = oa_upsample_read(&r, call, error);
    return status == OA_OK ? run(call, &r, error) : status;
}
