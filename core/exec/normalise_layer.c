/* LayerNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from one on; and without
 * the mean, RMSNormalization, which exports for ONNX Runtime call SimplifiedLayerNormalization. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/normalise.h"
#include "core/exec/spread.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"

#include <math.h>

enum { LANES = 8 };

/* The second moment is taken in a second pass, so that a large mean does not cancel; lanes do not wait for each other.
 */
#define ROW_MOMENTS(dtype, type, tag)                                                                                  \
    void oa_row_moments_##tag(double *mean, double *inverse, const type *x, size_t n, double epsilon, bool centres)    \
    {                                                                                                                  \
        type lanes[LANES] = {0};                                                                                       \
        double sum = 0.0;                                                                                              \
        size_t i = 0;                                                                                                  \
        for (; centres && i + LANES <= n; i += LANES) {                                                                \
            for (size_t l = 0; l < LANES; l++) {                                                                       \
                lanes[l] += x[i + l];                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        for (; centres && i < n; i++) {                                                                                \
            sum += (double)x[i];                                                                                       \
        }                                                                                                              \
        for (size_t l = 0; l < LANES; l++) {                                                                           \
            sum += (double)lanes[l];                                                                                   \
            lanes[l] = 0;                                                                                              \
        }                                                                                                              \
        *mean = sum / (double)n;                                                                                       \
        const type m = (type)*mean;                                                                                    \
        sum = 0.0;                                                                                                     \
        for (i = 0; i + LANES <= n; i += LANES) {                                                                      \
            for (size_t l = 0; l < LANES; l++) {                                                                       \
                lanes[l] += (x[i + l] - m) * (x[i + l] - m);                                                           \
            }                                                                                                          \
        }                                                                                                              \
        for (; i < n; i++) {                                                                                           \
            sum += (double)((x[i] - m) * (x[i] - m));                                                                  \
        }                                                                                                              \
        for (size_t l = 0; l < LANES; l++) {                                                                           \
            sum += (double)lanes[l];                                                                                   \
        }                                                                                                              \
        *inverse = 1.0 / sqrt(sum / (double)n + epsilon);                                                              \
    }
OA_REAL_TYPES(ROW_MOMENTS)

/* One row of n elements; y may be x, bias may be NULL. */
#define ROW_LOOP(dtype, type, tag)                                                                                     \
    static void normalise_##tag(type *y, double *mean, double *inverse, const type *x, const type *scale,              \
                                const type *bias, size_t n, double epsilon, bool centres)                              \
    {                                                                                                                  \
        oa_row_moments_##tag(mean, inverse, x, n, epsilon, centres);                                                   \
        const type m = (type)*mean, factor = (type)*inverse;                                                           \
        if (bias) {                                                                                                    \
            OA_INDEPENDENT                                                                                             \
            for (size_t i = 0; i < n; i++) {                                                                           \
                y[i] = (x[i] - m) * factor * scale[i] + bias[i];                                                       \
            }                                                                                                          \
        } else {                                                                                                       \
            OA_INDEPENDENT                                                                                             \
            for (size_t i = 0; i < n; i++) {                                                                           \
                y[i] = (x[i] - m) * factor * scale[i];                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }
OA_REAL_TYPES(ROW_LOOP)

oa_status oa_row_layout_read(oa_row_layout *layout, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_status status = oa_call_axis(&layout->axis, oa_call_int(call, "axis", -1), x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    layout->rows = layout->n = 1;
    for (size_t d = 0; d < x->rank; d++) {
        *(d < layout->axis ? &layout->rows : &layout->n) *= x->dims[d];
    }
    oa_call_ignore(call, "stash_type"); /* the type of the sums, which is at least float32 here */
    return OA_OK;
}

oa_status oa_row_parameter_steps(ptrdiff_t *steps, const oa_call *call, size_t slot, const oa_row_layout *layout,
                                 oa_error *error)
{
    const oa_array *x = call->inputs[0], *parameter = call->inputs[slot];
    size_t rank = x->rank - layout->axis, extra = parameter->rank > rank ? parameter->rank - rank : 0;
    bool fits = true;
    for (size_t d = 0; d < extra; d++) {
        fits = fits && parameter->dims[d] == 1;
    }
    ptrdiff_t step = 1;
    for (size_t d = rank; d-- > 0;) {
        size_t missing = rank + extra - parameter->rank;
        size_t size = d < missing ? 1 : parameter->dims[d - missing + extra];
        fits = fits && (size == 1 || size == x->dims[layout->axis + d]);
        steps[d] = size == 1 ? 0 : step;
        step *= (ptrdiff_t)size;
    }
    if (!fits) {
        char text[2][OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "input %zu of shape %s does not broadcast to the normalised axes %s",
                       slot, oa_shape_text(text[0], parameter->dims, parameter->rank),
                       oa_shape_text(text[1], x->dims + layout->axis, rank));
    }
    return OA_OK;
}

/* A parameter as a row of n elements of x's type: `*row`, in its own memory or in `room` [n]. */
static oa_status read_parameter(const void **row, void *room, const oa_call *call, size_t slot,
                                const oa_row_layout *layout, oa_error *error)
{
    const oa_array *x = call->inputs[0], *parameter = call->inputs[slot];
    ptrdiff_t steps[OA_MAX_RANK];
    if (parameter->dtype != x->dtype) {
        return oa_fail(error, OA_ERROR_INPUT, "input %zu is %s and input 0 %s", slot, oa_dtype_name(parameter->dtype),
                       oa_dtype_name(x->dtype));
    }
    oa_status status = oa_row_parameter_steps(steps, call, slot, layout, error);
    if (status != OA_OK) {
        return status;
    }
    *row = parameter->data;
    if (parameter->count != layout->n) {
        oa_strided_copy(room, parameter->data, x->dims + layout->axis, steps, x->rank - layout->axis,
                        oa_dtype_size(x->dtype));
        *row = room;
    }
    return OA_OK;
}

/* Output `index`, when it is wanted, with the normalised axes as 1; else *statistic is NULL. */
static oa_status make_statistic(oa_array **statistic, oa_call *call, size_t index, const oa_row_layout *layout,
                                oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t dims[OA_MAX_RANK];
    *statistic = NULL;
    if (index == OA_NONE || !oa_call_wants(call, index)) {
        return OA_OK;
    }
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = d < layout->axis ? x->dims[d] : 1;
    }
    call->narrow[index] = x->dtype; /* statistics of 16-bit floats stay float32 */
    return oa_call_output(statistic, call, index, x->dtype, dims, x->rank, error);
}

static void put_statistic(oa_array *statistic, size_t row, double value)
{
    if (statistic && statistic->dtype == OA_DTYPE_FLOAT) {
        ((float *)statistic->data)[row] = (float)value;
    } else if (statistic) {
        ((double *)statistic->data)[row] = value;
    }
}

typedef struct rows_work {
    oa_array *y;
    const oa_array *x;
    oa_array *means, *inverses; /* or NULL */
    const void *scale, *bias;
    size_t n;
    double epsilon;
    bool centres;
} rows_work;

static void normalise_rows(void *context, size_t first, size_t end)
{
    const rows_work *w = context;
    for (size_t r = first; r < end; r++) {
        double mean, inverse;
        size_t at = r * w->n;
        if (w->x->dtype == OA_DTYPE_FLOAT) {
            normalise_f32((float *)w->y->data + at, &mean, &inverse, (const float *)w->x->data + at, w->scale, w->bias,
                          w->n, w->epsilon, w->centres);
        } else {
            normalise_f64((double *)w->y->data + at, &mean, &inverse, (const double *)w->x->data + at, w->scale,
                          w->bias, w->n, w->epsilon, w->centres);
        }
        put_statistic(w->means, r, mean);
        put_statistic(w->inverses, r, inverse);
    }
}

/* `mean_index` and `inverse_index` are the outputs of the statistics, or OA_NONE. */
static oa_status run(oa_call *call, bool centres, size_t mean_index, size_t inverse_index, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    double epsilon = (double)oa_call_float(call, "epsilon", 1e-5f);
    oa_row_layout layout;
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    oa_status status = oa_row_layout_read(&layout, call, error);
    if (status != OA_OK) {
        return status;
    }
    size_t size = oa_dtype_size(x->dtype), n = layout.n;
    unsigned char *room = oa_call_scratch(call, n, 2 * size);
    if (!room) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a row of %zu elements", n);
    }
    const void *scale = NULL, *bias = NULL;
    status = read_parameter(&scale, room, call, 1, &layout, error);
    if (status == OA_OK && centres && oa_call_input(call, 2)) {
        status = read_parameter(&bias, room + n * size, call, 2, &layout, error);
    }
    oa_array *y = NULL, *means = NULL, *inverses = NULL;
    if (status == OA_OK) {
        status = make_statistic(&means, call, mean_index, &layout, error);
    }
    if (status == OA_OK) {
        status = make_statistic(&inverses, call, inverse_index, &layout, error);
    }
    if (status == OA_OK) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    }
    if (status == OA_OK && n) {
        rows_work work = {y, x, means, inverses, scale, bias, n, epsilon, centres};
        oa_spread(call->team, layout.rows, 4 * n, normalise_rows, &work);
    }
    return status;
}

oa_status oa_kernel_layer_normalization(oa_call *call, oa_error *error)
{
    return run(call, true, 1, 2, error);
}

oa_status oa_kernel_rms_normalization(oa_call *call, oa_error *error)
{
    return run(call, false, OA_NONE, OA_NONE, error);
}

oa_status oa_kernel_simplified_layer_normalization(oa_call *call, oa_error *error)
{
    return run(call, false, OA_NONE, 1, error);
}
