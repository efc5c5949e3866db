#include "core/exec/resize.h"

#include "core/exec/convert.h"

#include <math.h>

/* Sizes beyond this are not exact as doubles. */
static const double MOST_SIZE = 0x1p53;

typedef struct choice {
    const char *name;
    int value;
} choice;

/* The value that the attribute names; the first when it is absent. */
static oa_status read_choice(int *value, oa_call *call, const char *attribute, const choice *choices, size_t count,
                             oa_error *error)
{
    const oa_string_view *name = oa_call_string(call, attribute);
    *value = choices[0].value;
    if (!name) {
        return OA_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (oa_string_is(name, choices[i].name)) {
            *value = choices[i].value;
            return OA_OK;
        }
    }
    return oa_fail(error, OA_ERROR_UNSUPPORTED, "%s is '%.*s'", attribute, (int)name->size, name->data);
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static oa_status read_mode(oa_resize *r, oa_call *call, oa_error *error)
{
    static const choice modes[] = {{"nearest", OA_RESIZE_NEAREST},
                                   {"linear", OA_RESIZE_LINEAR},
                                   {"bilinear", OA_RESIZE_LINEAR},
                                   {"cubic", OA_RESIZE_CUBIC}};
    int mode;
    oa_status status = read_choice(&mode, call, "mode", modes, COUNT(modes), error);
    r->mode = (oa_resize_mode)mode;
    return status;
}

static oa_status read_places(oa_resize *r, oa_call *call, oa_error *error)
{
    static const choice places[] = {{"half_pixel", OA_PLACE_HALF_PIXEL},
                                    {"half_pixel_symmetric", OA_PLACE_HALF_PIXEL_SYMMETRIC},
                                    {"pytorch_half_pixel", OA_PLACE_PYTORCH_HALF_PIXEL},
                                    {"align_corners", OA_PLACE_ALIGN_CORNERS},
                                    {"asymmetric", OA_PLACE_ASYMMETRIC},
                                    {"tf_crop_and_resize", OA_PLACE_CROP},
                                    {"tf_half_pixel_for_nn", OA_PLACE_HALF_PIXEL_FOR_NEAREST}};
    static const choice roundings[] = {{"round_prefer_floor", OA_ROUND_PREFER_FLOOR},
                                       {"round_prefer_ceil", OA_ROUND_PREFER_CEIL},
                                       {"floor", OA_ROUND_FLOOR},
                                       {"ceil", OA_ROUND_CEIL}};
    int place, rounding;
    oa_status status = read_choice(&place, call, "coordinate_transformation_mode", places, COUNT(places), error);
    if (status == OA_OK) {
        status = read_choice(&rounding, call, "nearest_mode", roundings, COUNT(roundings), error);
    }
    if (status == OA_OK) {
        r->place = (oa_resize_place)place;
        r->rounding = (oa_resize_rounding)rounding;
    }
    return status;
}

/* A list of floats as doubles: [count], or with `is_optional` nothing, which *is_given tells. */
static oa_status read_floats(double *values, bool *is_given, const oa_array *array, size_t count, const char *what,
                             oa_error *error)
{
    *is_given = array && array->count;
    if (!*is_given) {
        return OA_OK;
    }
    if (!oa_dtype_is_float(array->dtype) || array->rank != 1 || array->count != count) {
        char text[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "%s are %s of shape %s; %zu floats are needed", what,
                       oa_dtype_name(array->dtype), oa_shape_text(text, array->dims, array->rank), count);
    }
    oa_floats_to_f64(values, array->data, array->dtype, count);
    return OA_OK;
}

static oa_status set_scale(oa_resize_axis *axis, double scale, bool is_float, oa_error *error)
{
    /* The size is found in the scale's own precision, as others do: 0.7 of 10 is 7. */
    double size = is_float ? (double)((float)scale * (float)axis->in) : scale * (double)axis->in;
    if (!(scale > 0.0) || !(size < MOST_SIZE)) {
        return oa_fail(error, OA_ERROR_INPUT, "a scale of %g for %zu elements", scale, axis->in);
    }
    axis->scale = scale;
    axis->wanted = scale * (double)axis->in;
    axis->out = (size_t)size;
    return OA_OK;
}

static void set_size(oa_resize_axis *axis, size_t size)
{
    axis->out = size;
    axis->wanted = (double)size;
    axis->scale = axis->in ? (double)size / (double)axis->in : 1.0;
}

/* The axes that scales and sizes are of, in `order`; all by default. */
static oa_status read_order(size_t *order, size_t *count, oa_call *call, size_t rank, oa_error *error)
{
    const int64_t *axes;
    bool is_seen[OA_MAX_RANK] = {false};
    oa_call_ints(&axes, count, call, "axes");
    if (!axes) {
        *count = rank;
    }
    if (*count > rank) {
        return oa_fail(error, OA_ERROR_INPUT, "%zu axes of an input of rank %zu", *count, rank);
    }
    for (size_t i = 0; i < *count; i++) {
        order[i] = i;
        if (axes) {
            oa_status status = oa_call_axis(&order[i], axes[i], rank, error);
            if (status != OA_OK) {
                return status;
            }
        }
        if (is_seen[order[i]]) {
            return oa_fail(error, OA_ERROR_INPUT, "axis %zu is named twice", order[i]);
        }
        is_seen[order[i]] = true;
    }
    return OA_OK;
}

static oa_status read_sizes(oa_resize *r, oa_call *call, const size_t *order, size_t count, oa_error *error)
{
    static const choice policies[] = {{"stretch", 0}, {"not_larger", 1}, {"not_smaller", 2}};
    int64_t sizes[OA_MAX_RANK];
    size_t given;
    int policy;
    oa_status status = read_choice(&policy, call, "keep_aspect_ratio_policy", policies, COUNT(policies), error);
    if (status == OA_OK) {
        status = oa_read_ints(sizes, &given, OA_MAX_RANK, call->inputs[3], "sizes", error);
    }
    if (status != OA_OK) {
        return status;
    }
    double common = policy == 1 ? INFINITY : 0.0;
    for (size_t i = 0; i < count; i++) {
        if (given != count || sizes[i] < 0 || (double)sizes[i] >= MOST_SIZE) {
            return oa_fail(error, OA_ERROR_INPUT, "sizes are %zu for %zu axes, or out of range", given, count);
        }
        oa_resize_axis *axis = &r->axes[order[i]];
        set_size(axis, (size_t)sizes[i]);
        common = policy == 1 ? fmin(common, axis->scale) : fmax(common, axis->scale);
    }
    for (size_t i = 0; i < count && policy != 0; i++) {
        oa_resize_axis *axis = &r->axes[order[i]];
        double size = common * (double)axis->in;
        if (!(size < MOST_SIZE)) {
            return oa_fail(error, OA_ERROR_INPUT, "a scale of %g for %zu elements", common, axis->in);
        }
        set_size(axis, (size_t)floor(size + 0.5));
        axis->scale = common;
    }
    return OA_OK;
}

static oa_status read_roi(oa_resize *r, const oa_call *call, const size_t *order, size_t count, oa_error *error)
{
    double values[2 * OA_MAX_RANK];
    bool is_given;
    if (r->place != OA_PLACE_CROP) {
        return OA_OK;
    }
    oa_status status = read_floats(values, &is_given, oa_call_input(call, 1), 2 * count, "the region's bounds", error);
    if (status == OA_OK && !is_given) {
        status = oa_fail(error, OA_ERROR_INPUT, "the region is missing");
    }
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        r->axes[order[i]].start = values[i];
        r->axes[order[i]].end = values[count + i];
    }
    return status;
}

/* Every axis as it is. */
static void start_axes(oa_resize *r, const oa_array *x)
{
    for (size_t d = 0; d < x->rank; d++) {
        r->axes[d] = (oa_resize_axis){.in = x->dims[d], .end = 1.0};
        set_size(&r->axes[d], x->dims[d]);
        r->axes[d].scale = 1.0;
    }
}

/* What has become of the axes: nothing can be read where there is nothing. */
static oa_status finish_axes(oa_resize *r, const oa_array *x, oa_error *error)
{
    for (size_t d = 0; d < x->rank; d++) {
        oa_resize_axis *axis = &r->axes[d];
        if (axis->out && !axis->in) {
            return oa_fail(error, OA_ERROR_INPUT, "axis %zu has no elements to make %zu of", d, axis->out);
        }
        bool is_whole = axis->scale == 1.0 && axis->out == axis->in;
        axis->is_same = is_whole && (r->place != OA_PLACE_CROP || (axis->start == 0.0 && axis->end == 1.0));
    }
    return OA_OK;
}

/* The scales in an input, one for each axis in `order`. */
static oa_status read_scales(oa_resize *r, bool *is_given, const oa_array *scales, const size_t *order, size_t count,
                             oa_error *error)
{
    double values[OA_MAX_RANK];
    oa_status status = read_floats(values, is_given, scales, count, "the scales", error);
    for (size_t i = 0; i < count && *is_given && status == OA_OK; i++) {
        status = set_scale(&r->axes[order[i]], values[i], scales->dtype == OA_DTYPE_FLOAT, error);
    }
    return status;
}

oa_status oa_resize_read(oa_resize *resize, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t order[OA_MAX_RANK], count;
    bool is_given = false;
    *resize = (oa_resize){.coefficient = (double)oa_call_float(call, "cubic_coeff_a", -0.75f),
                          .excludes_outside = oa_call_int(call, "exclude_outside", 0) != 0,
                          .extrapolation = (double)oa_call_float(call, "extrapolation_value", 0.0f)};
    oa_status status = read_mode(resize, call, error);
    if (status == OA_OK) {
        status = read_places(resize, call, error);
    }
    if (status == OA_OK) {
        status = read_order(order, &count, call, x->rank, error);
    }
    if (status == OA_OK && oa_call_int(call, "antialias", 0) != 0) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "attribute 'antialias'");
    }
    if (status != OA_OK) {
        return status;
    }
    start_axes(resize, x);
    bool is_old = call->node->version < 11; /* then the scales came second */
    if (is_old) {
        resize->place = OA_PLACE_ASYMMETRIC;
        resize->rounding = OA_ROUND_BY_SCALE;
    }
    status = read_scales(resize, &is_given, oa_call_input(call, is_old ? 1 : 2), order, count, error);
    if (status == OA_OK && !is_given) {
        status = oa_call_input(call, 3) ? read_sizes(resize, call, order, count, error)
                                        : oa_fail(error, OA_ERROR_INPUT, "neither scales nor sizes are given");
    }
    oa_call_ignore(call, "keep_aspect_ratio_policy"); /* of sizes */
    if (status == OA_OK) {
        status = read_roi(resize, call, order, count, error);
    }
    return status == OA_OK ? finish_axes(resize, x, error) : status;
}

oa_status oa_upsample_read(oa_resize *resize, oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    size_t order[OA_MAX_RANK];
    *resize = (oa_resize){.place = OA_PLACE_ASYMMETRIC, .rounding = OA_ROUND_FLOOR};
    oa_status status = read_mode(resize, call, error);
    if (status != OA_OK) {
        return status;
    }
    start_axes(resize, x);
    for (size_t d = 0; d < x->rank; d++) {
        order[d] = d;
    }
    if (call->node->version >= 9) {
        bool is_given = false;
        status = read_scales(resize, &is_given, oa_call_input(call, 1), order, x->rank, error);
        if (status == OA_OK && !is_given) {
            status = oa_fail(error, OA_ERROR_INPUT, "the scales are missing");
        }
        return status == OA_OK ? finish_axes(resize, x, error) : status;
    }
    const oa_attribute *scales = oa_call_attribute(call, "scales");
    if (call->node->version < 7 || !scales || scales->kind != OA_ATTRIBUTE_FLOATS || scales->count != x->rank) {
        return oa_fail(error, OA_ERROR_INPUT, "before operator set 9 scales are an attribute, one for each of %zu axes",
                       x->rank);
    }
    for (size_t d = 0; d < x->rank && status == OA_OK; d++) {
        status = set_scale(&resize->axes[d], (double)scales->floats[d], true, error);
    }
    return status == OA_OK ? finish_axes(resize, x, error) : status;
}

double oa_resize_coordinate(const oa_resize *resize, const oa_resize_axis *axis, size_t i)
{
    const double x = (double)i, in = (double)axis->in;
    switch (resize->place) {
    case OA_PLACE_HALF_PIXEL:
        return (x + 0.5) / axis->scale - 0.5;
    case OA_PLACE_HALF_PIXEL_SYMMETRIC: {
        double adjustment = (double)axis->out / axis->wanted;
        return in / 2.0 * (1.0 - adjustment) + (x + 0.5) / axis->scale - 0.5;
    }
    case OA_PLACE_PYTORCH_HALF_PIXEL:
        return axis->out > 1 ? (x + 0.5) / axis->scale - 0.5 : 0.0;
    case OA_PLACE_ALIGN_CORNERS:
        return axis->wanted != 1.0 ? x * (in - 1.0) / (axis->wanted - 1.0) : 0.0;
    case OA_PLACE_CROP:
        return axis->out > 1
                   ? axis->start * (in - 1.0) + x * (axis->end - axis->start) * (in - 1.0) / (axis->wanted - 1.0)
                   : 0.5 * (axis->start + axis->end) * (in - 1.0);
    case OA_PLACE_HALF_PIXEL_FOR_NEAREST:
        return (x + 0.5) / axis->scale;
    default:
        return x / axis->scale;
    }
}
