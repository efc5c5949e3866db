#include "tests/exec/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double element(const oa_array *array, size_t i)
{
    switch (array->dtype) {
    case OA_DTYPE_FLOAT:
        return (double)((const float *)array->data)[i];
    case OA_DTYPE_DOUBLE:
        return ((const double *)array->data)[i];
    case OA_DTYPE_FLOAT16:
        return (double)oa_half_to_float(((const uint16_t *)array->data)[i]);
    default:
        return (double)oa_bfloat_to_float(((const uint16_t *)array->data)[i]);
    }
}

static bool floats_agree(char *message, size_t message_size, const oa_array *actual, const oa_array *expected,
                         const closeness *limits)
{
    double worst = -1.0;
    size_t at = 0;
    for (size_t i = 0; i < expected->count; i++) {
        double a = element(actual, i), e = element(expected, i);
        double excess;
        if (isnan(a) || isnan(e)) {
            excess = isnan(a) && isnan(e) ? -1.0 : INFINITY;
        } else if (isinf(a) || isinf(e)) {
            excess = a == e ? -1.0 : INFINITY;
        } else {
            excess = fabs(a - e) - (limits->absolute + limits->relative * fabs(e));
        }
        if (excess > worst && excess > 0.0) {
            worst = excess;
            at = i;
        }
    }
    if (worst > 0.0) {
        snprintf(message, message_size, "element %zu is %.9g and should be %.9g", at, element(actual, at),
                 element(expected, at));
    }
    return worst <= 0.0;
}

static bool strings_agree(char *message, size_t message_size, const oa_array *actual, const oa_array *expected)
{
    const oa_string_view *a = actual->data, *e = expected->data;
    for (size_t i = 0; i < expected->count; i++) {
        if (a[i].size != e[i].size || (a[i].size && memcmp(a[i].data, e[i].data, a[i].size) != 0)) {
            snprintf(message, message_size, "element %zu is '%.*s' and should be '%.*s'", i, (int)a[i].size,
                     a[i].size ? a[i].data : "", (int)e[i].size, e[i].size ? e[i].data : "");
            return false;
        }
    }
    return true;
}

static bool bytes_agree(char *message, size_t message_size, const oa_array *actual, const oa_array *expected)
{
    size_t size = oa_dtype_size(expected->dtype);
    for (size_t i = 0; i < expected->count; i++) {
        const unsigned char *a = (const unsigned char *)actual->data + i * size;
        const unsigned char *e = (const unsigned char *)expected->data + i * size;
        if (memcmp(a, e, size) != 0) {
            snprintf(message, message_size, "element %zu of type %s differs (first bytes %u and %u)", i,
                     oa_dtype_name(expected->dtype), a[0], e[0]);
            return false;
        }
    }
    return true;
}

bool arrays_agree(char *message, size_t message_size, const oa_array *actual, const oa_array *expected,
                  const closeness *limits)
{
    if (actual->dtype != expected->dtype) {
        snprintf(message, message_size, "type %s and should be %s", oa_dtype_name(actual->dtype),
                 oa_dtype_name(expected->dtype));
        return false;
    }
    bool is_same = actual->rank == expected->rank && actual->count == expected->count;
    for (size_t d = 0; is_same && d < expected->rank; d++) {
        is_same = actual->dims[d] == expected->dims[d];
    }
    if (!is_same) {
        int at = snprintf(message, message_size, "shape [");
        for (size_t d = 0; d < actual->rank; d++) {
            at += snprintf(message + at, message_size - (size_t)at, " %zu", actual->dims[d]);
        }
        at += snprintf(message + at, message_size - (size_t)at, " ] and should be [");
        for (size_t d = 0; d < expected->rank; d++) {
            at += snprintf(message + at, message_size - (size_t)at, " %zu", expected->dims[d]);
        }
        snprintf(message + at, message_size - (size_t)at, " ]");
        return false;
    }
    if (oa_dtype_is_float(expected->dtype)) {
        return floats_agree(message, message_size, actual, expected, limits);
    }
    if (expected->dtype == OA_DTYPE_STRING) {
        return strings_agree(message, message_size, actual, expected);
    }
    return bytes_agree(message, message_size, actual, expected);
}
