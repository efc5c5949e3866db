/* InstanceNormalization and GroupNormalization, which take the moments of one sample's channels, alone or in groups;
 * and the normalisations without parameters: MeanVarianceNormalization, LpNormalization and LRN. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/normalise.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"

#include <math.h>

/* Input `slot` as doubles, one for each of `count` channels, or for each of their groups where it has only so many. */
static oa_status read_channels(double *values, const oa_call *call, size_t slot, size_t count, size_t groups,
                               oa_error *error)
{
    const oa_array *array = call->inputs[slot];
    size_t n = array->count == groups && groups ? groups : count;
    if (array->rank != 1 || array->count != n || !oa_is_real(array->dtype)) {
        char text[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT,
                       "input %zu is %s of shape %s; a number for each of %zu channels is needed", slot,
                       oa_dtype_name(array->dtype), oa_shape_text(text, array->dims, array->rank), count);
    }
    (void)oa_convert(values, OA_DTYPE_DOUBLE, array->data, array->dtype, n);
    for (size_t c = count; c-- > 0 && n != count;) {
        values[c] = values[c / (count / groups)]; /* from behind, so that none is lost */
    }
    return OA_OK;
}

/* The channels of every sample in `groups` groups (0: each alone), which have moments of their own. `has_few`: the
 * parameters are one for each group. */
static oa_status normalise_groups(oa_call *call, size_t groups, bool has_few, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    double epsilon = (double)oa_call_float(call, "epsilon", 1e-5f);
    size_t channels = x->dims[1], samples = x->dims[0], inner = 1, rows;
    for (size_t d = 2; d < x->rank; d++) {
        inner *= x->dims[d];
    }
    oa_channel_layout all = {.outer = 1, .inner = inner}, grouped = {.outer = 1};
    grouped.channels = samples * groups;
    grouped.inner = groups ? channels / groups * inner : 0;
    double *scale = NULL;
    if (!oa_mul_overflows(&rows, samples, channels) && !oa_add_overflows(&rows, rows, channels)) {
        scale = oa_call_scratch(call, rows, 5 * sizeof(double));
    }
    if (!scale) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the moments of %zu channels", channels);
    }
    all.channels = samples * channels;
    double *bias = scale + channels, *mean = bias + channels, *factor = mean + all.channels;
    double *shift = factor + all.channels, *moments = shift + all.channels;
    oa_status status = read_channels(scale, call, 1, channels, has_few ? groups : 0, error);
    if (status == OA_OK) {
        status = read_channels(bias, call, 2, channels, has_few ? groups : 0, error);
    }
    oa_array *y;
    if (status == OA_OK) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    /* The groups' moments lie where `shift` and what is behind it will be: both are no more than the channels. */
    oa_channel_moments(shift, moments, x, &grouped);
    for (size_t r = all.channels; r-- > 0;) {
        size_t group = r / (channels / groups);
        mean[r] = shift[group];
        factor[r] = scale[r % channels] / sqrt(moments[group] + epsilon);
    }
    for (size_t r = 0; r < all.channels; r++) {
        shift[r] = bias[r % channels];
    }
    oa_channel_normalise(y, x, &all, mean, factor, shift, call->team);
    return OA_OK;
}

static oa_status check_channels(const oa_array *x, oa_error *error)
{
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    return x->rank >= 2 ? OA_OK : oa_fail(error, OA_ERROR_INPUT, "an input of rank %zu has no channels", x->rank);
}

oa_status oa_kernel_instance_normalization(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_status status = check_channels(x, error);
    return status == OA_OK ? normalise_groups(call, x->dims[1], false, error) : status;
}

oa_status oa_kernel_group_normalization(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_status status = check_channels(x, error);
    int64_t groups = oa_call_int(call, "num_groups", 0);
    oa_call_ignore(call, "stash_type"); /* the type of the sums, which is float64 here */
    if (status != OA_OK) {
        return status;
    }
    if (groups < 1 || x->dims[1] % (uint64_t)groups != 0) {
        return oa_fail(error, OA_ERROR_INPUT, "%lld groups of %zu channels", (long long)groups, x->dims[1]);
    }
    return normalise_groups(call, (size_t)groups, call->node->version < 21, error);
}

/* x with the axes of `mask` last, as rows of `n`; back with `is_inverse`. */
static void reorder(void *to, const void *from, const oa_array *x, const bool *mask, bool is_inverse)
{
    size_t dims[OA_MAX_RANK], order[OA_MAX_RANK], count = 0;
    ptrdiff_t own[OA_MAX_RANK], steps[OA_MAX_RANK];
    for (int last = 0; last < 2; last++) {
        for (size_t d = 0; d < x->rank; d++) {
            if (mask[d] == (last == 1)) {
                order[count++] = d;
            }
        }
    }
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = x->dims[order[d]];
    }
    oa_packed_steps(own, is_inverse ? dims : x->dims, x->rank);
    for (size_t d = 0; d < x->rank; d++) {
        steps[is_inverse ? order[d] : d] = own[is_inverse ? d : order[d]];
    }
    oa_strided_copy(to, from, is_inverse ? x->dims : dims, steps, x->rank, oa_dtype_size(x->dtype));
}

oa_status oa_kernel_mean_variance_normalization(oa_call *call, oa_error *error)
{
    static const int64_t usual[] = {0, 2, 3};
    const oa_array *x = call->inputs[0];
    const int64_t *axes;
    size_t count, axis;
    bool mask[OA_MAX_RANK] = {false};
    oa_call_ints(&axes, &count, call, "axes");
    if (!axes) {
        axes = usual;
        count = sizeof usual / sizeof usual[0];
    }
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    for (size_t i = 0; i < count; i++) {
        oa_status status = oa_call_axis(&axis, axes[i], x->rank, error);
        if (status != OA_OK) {
            return status;
        }
        mask[axis] = true;
    }
    oa_channel_layout layout = {.outer = 1, .channels = 1, .inner = 1};
    for (size_t d = 0; d < x->rank; d++) {
        *(mask[d] ? &layout.inner : &layout.channels) *= x->dims[d];
    }
    size_t bytes = x->count * oa_dtype_size(x->dtype), rows, all;
    double *mean = NULL;
    if (!oa_mul_overflows(&rows, layout.channels, 3 * sizeof(double)) && !oa_add_overflows(&all, rows, bytes)) {
        mean = oa_call_scratch(call, all, 1);
    }
    if (!mean) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the moments of %zu rows", layout.channels);
    }
    oa_array *y, moved = *x;
    oa_status status = oa_call_output(&y, call, 0, x->dtype, x->dims, x->rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    double *factor = mean + layout.channels, *bias = factor + layout.channels;
    moved.data = bias + layout.channels;
    reorder(moved.data, x->data, x, mask, false);
    oa_channel_moments(mean, factor, &moved, &layout);
    for (size_t r = 0; r < layout.channels; r++) {
        factor[r] = 1.0 / (sqrt(factor[r]) + 1e-9);
        bias[r] = 0.0;
    }
    oa_channel_normalise(&moved, &moved, &layout, mean, factor, bias, call->team);
    reorder(y->data, moved.data, x, mask, true);
    return OA_OK;
}

/* Rows of n elements `step` apart, by their norm; y may be x. */
#define LP_LOOP(dtype, type, tag)                                                                                      \
    static void lp_##tag(type *y, const type *x, const oa_axis_layout *layout, int64_t p)                              \
    {                                                                                                                  \
        for (size_t r = 0; r < layout->outer * layout->inner; r++) {                                                   \
            size_t step = layout->inner, at = r / step * layout->n * step + r % step;                                  \
            double sum = 0.0;                                                                                          \
            for (size_t i = 0; i < layout->n; i++) {                                                                   \
                const double value = (double)x[at + i * step];                                                         \
                sum += p == 1 ? fabs(value) : value * value;                                                           \
            }                                                                                                          \
            const double norm = p == 1 ? sum : sqrt(sum);                                                              \
            for (size_t i = 0; i < layout->n; i++) {                                                                   \
                y[at + i * step] = norm > 0.0 ? (type)((double)x[at + i * step] / norm) : 0;                           \
            }                                                                                                          \
        }                                                                                                              \
    }
OA_REAL_TYPES(LP_LOOP)

oa_status oa_kernel_lp_normalization(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t p = oa_call_int(call, "p", 2);
    size_t axis;
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    if (p != 1 && p != 2) {
        return oa_fail(error, OA_ERROR_INPUT, "a norm of order %lld; 1 and 2 are defined", (long long)p);
    }
    oa_status status = oa_call_axis(&axis, oa_call_int(call, "axis", -1), x->rank, error);
    oa_array *y = NULL;
    if (status == OA_OK) {
        status = oa_call_output_like(&y, call, 0, 0, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    const oa_axis_layout layout = oa_axis_layout_at(x, axis);
    if (x->dtype == OA_DTYPE_FLOAT) {
        lp_f32(y->data, x->data, &layout, p);
    } else {
        lp_f64(y->data, x->data, &layout, p);
    }
    return OA_OK;
}

/* y = x / (bias + alpha / size * the sum of squares of `size` channels around)^beta. */
typedef struct local_response {
    oa_axis_layout layout;
    size_t size;
    double alpha, beta, bias;
} local_response;

#define LRN_LOOP(dtype, type, tag)                                                                                     \
    static void lrn_##tag(type *y, const type *x, const local_response *r)                                             \
    {                                                                                                                  \
        size_t n = r->layout.n, inner = r->layout.inner, before = (r->size - 1) / 2, after = r->size / 2;              \
        for (size_t o = 0; o < r->layout.outer; o++) {                                                                 \
            for (size_t c = 0; c < n; c++) {                                                                           \
                size_t first = c > before ? c - before : 0, end = n - c > after ? c + after + 1 : n;                   \
                for (size_t i = 0; i < inner; i++) {                                                                   \
                    double sum = 0.0;                                                                                  \
                    for (size_t k = first; k < end; k++) {                                                             \
                        const double value = (double)x[(o * n + k) * inner + i];                                       \
                        sum += value * value;                                                                          \
                    }                                                                                                  \
                    const double base = r->bias + r->alpha / (double)r->size * sum;                                    \
                    y[(o * n + c) * inner + i] = (type)((double)x[(o * n + c) * inner + i] / pow(base, r->beta));      \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
OA_REAL_TYPES(LRN_LOOP)

oa_status oa_kernel_lrn(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t size = oa_call_int(call, "size", 0);
    local_response r = {.alpha = (double)oa_call_float(call, "alpha", 0.0001f),
                        .beta = (double)oa_call_float(call, "beta", 0.75f),
                        .bias = (double)oa_call_float(call, "bias", 1.0f)};
    oa_status status = check_channels(x, error);
    if (status == OA_OK && size < 1) {
        status = oa_fail(error, OA_ERROR_INPUT, "a size of %lld channels", (long long)size);
    }
    oa_array *y = NULL;
    if (status == OA_OK) {
        status = oa_call_output(&y, call, 0, x->dtype, x->dims, x->rank, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    r.layout = oa_axis_layout_at(x, 1);
    r.size = (size_t)size;
    if (x->dtype == OA_DTYPE_FLOAT) {
        lrn_f32(y->data, x->data, &r);
    } else {
        lrn_f64(y->data, x->data, &r);
    }
    return OA_OK;
}
