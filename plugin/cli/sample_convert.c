#include "plugin/cli/sample_convert.h"

#include "plugin/cli/sample_shape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Elements go through in chunks: gathered in row-major order and native bytes, widened, narrowed. */
enum { CHUNK = 512, LARGEST_ELEMENT = 8 };

/* An integer of any of the types, the range of int64 and uint64 together. */
typedef struct integer {
    uint64_t magnitude;
    bool is_negative;
} integer;

typedef struct conversion {
    const oa_raw_samples *raw;
    oa_dtype dtype;
    double factor, divisor; /* one of them is 1 */
    unsigned char native[CHUNK * LARGEST_ELEMENT];
    double reals[CHUNK];
    integer integers[CHUNK];
    oa_error *error;
} conversion;

static bool is_signed(oa_dtype dtype)
{
    return dtype == OA_DTYPE_INT8 || dtype == OA_DTYPE_INT16 || dtype == OA_DTYPE_INT32 || dtype == OA_DTYPE_INT64;
}

static bool is_integer(oa_dtype dtype)
{
    return is_signed(dtype) || dtype == OA_DTYPE_UINT8 || dtype == OA_DTYPE_UINT16 || dtype == OA_DTYPE_UINT32 ||
           dtype == OA_DTYPE_UINT64 || dtype == OA_DTYPE_BOOL;
}

bool oa_is_sample_dtype(oa_dtype dtype)
{
    return oa_dtype_is_float(dtype) || is_integer(dtype);
}

/* "[3, 0, 5]": where element i of the row-major order is. */
static const char *place_of(char *text, const oa_raw_samples *raw, size_t i)
{
    size_t index[OA_MAX_RANK];
    for (size_t k = raw->rank; k > 0; k--) {
        index[k - 1] = i % raw->dims[k - 1];
        i /= raw->dims[k - 1];
    }
    return oa_dims_text(text, index, raw->rank);
}

/* Copies elements first .. first+n-1 of the row-major order, in native byte order, to c->native. */
static void gather(conversion *c, size_t first, size_t n)
{
    const oa_raw_samples *raw = c->raw;
    size_t size = oa_dtype_size(raw->dtype);
    if (!raw->is_fortran) {
        memcpy(c->native, raw->data + (first - raw->first) * size, n * size);
    } else {
        size_t index[OA_MAX_RANK];
        size_t rest = first;
        for (size_t k = raw->rank; k > 0; k--) {
            index[k - 1] = rest % raw->dims[k - 1];
            rest /= raw->dims[k - 1];
        }
        for (size_t i = 0; i < n; i++) {
            size_t from = 0;
            for (size_t k = raw->rank; k > 0; k--) {
                from = from * raw->dims[k - 1] + index[k - 1];
            }
            memcpy(c->native + i * size, raw->data + from * size, size);
            for (size_t k = raw->rank; k > 0 && ++index[k - 1] == raw->dims[k - 1]; k--) {
                index[k - 1] = 0;
            }
        }
    }
    for (size_t i = 0; raw->is_swapped && i < n; i++) {
        unsigned char *element = c->native + i * size;
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = element[low];
            element[low] = element[high];
            element[high] = byte;
        }
    }
}

static uint64_t load_bits(const unsigned char *at, size_t size)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return two;
    case 4:
        memcpy(&four, at, sizeof four);
        return four;
    default:
        memcpy(&eight, at, sizeof eight);
        return eight;
    }
}

static void store_bits(unsigned char *at, size_t size, uint64_t bits)
{
    uint8_t one = (uint8_t)bits;
    uint16_t two = (uint16_t)bits;
    uint32_t four = (uint32_t)bits;
    switch (size) {
    case 1:
        *at = one;
        break;
    case 2:
        memcpy(at, &two, sizeof two);
        break;
    case 4:
        memcpy(at, &four, sizeof four);
        break;
    default:
        memcpy(at, &bits, sizeof bits);
        break;
    }
}

static void read_integers(conversion *c, size_t n)
{
    oa_dtype dtype = c->raw->dtype;
    size_t size = oa_dtype_size(dtype);
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = load_bits(c->native + i * size, size);
        bool is_negative = is_signed(dtype) && (bits & sign);
        if (dtype == OA_DTYPE_BOOL) {
            bits = bits != 0;
        }
        /* Below zero, the bits stand for bits - 2 * sign. */
        uint64_t magnitude = is_negative ? (sign - (bits & (sign - 1))) : bits;
        c->integers[i] = (integer){.magnitude = magnitude, .is_negative = is_negative};
    }
}

/* The chunk as doubles, scaled. */
static oa_status read_reals(conversion *c, size_t first, size_t n)
{
    if (oa_dtype_is_float(c->raw->dtype)) {
        oa_floats_to_f64(c->reals, c->native, c->raw->dtype, n);
    } else {
        read_integers(c, n);
        for (size_t i = 0; i < n; i++) {
            double magnitude = (double)c->integers[i].magnitude;
            c->reals[i] = c->integers[i].is_negative ? -magnitude : magnitude;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(c->reals[i])) {
            char text[OA_DECLARED_TEXT_SIZE];
            return oa_fail(c->error, OA_ERROR_INPUT, "element %s is %s; clean the samples first",
                           place_of(text, c->raw, first + i), isnan(c->reals[i]) ? "NaN" : "infinite");
        }
        c->reals[i] = c->reals[i] * c->factor / c->divisor;
    }
    return OA_OK;
}

static oa_status cannot_hold(const conversion *c, size_t element, const char *value)
{
    char text[OA_DECLARED_TEXT_SIZE];
    return oa_fail(c->error, OA_ERROR_INPUT, "element %s is %s%s, which %s cannot hold",
                   place_of(text, c->raw, element), value, c->factor != 1.0 ? " when scaled" : "",
                   oa_dtype_name(c->dtype));
}

static oa_status write_floats(conversion *c, unsigned char *target, size_t first, size_t n)
{
    double rounded[CHUNK];
    oa_floats_from_f64(target, c->dtype, c->reals, n);
    oa_floats_to_f64(rounded, target, c->dtype, n);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(rounded[i])) {
            char text[32];
            snprintf(text, sizeof text, "%.9g", c->reals[i]);
            return cannot_hold(c, first + i, text);
        }
    }
    return OA_OK;
}

/* Reals to integers: only those that are integers, and in the range of one of the types, are. */
static oa_status truncate_reals(conversion *c, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double magnitude = fabs(c->reals[i]);
        if (!(magnitude < 0x1p64) || magnitude != trunc(magnitude)) {
            char text[32];
            snprintf(text, sizeof text, "%.9g", c->reals[i]);
            return cannot_hold(c, first + i, text);
        }
        c->integers[i] = (integer){.magnitude = (uint64_t)magnitude, .is_negative = c->reals[i] < 0.0};
    }
    return OA_OK;
}

static oa_status write_integers(conversion *c, unsigned char *target, size_t first, size_t n)
{
    size_t size = oa_dtype_size(c->dtype);
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    uint64_t least = is_signed(c->dtype) ? sign : 0; /* of the negative ones, the largest magnitude */
    uint64_t most = is_signed(c->dtype) ? sign - 1 : sign - 1 + sign;
    if (c->dtype == OA_DTYPE_BOOL) {
        most = 1;
    }
    for (size_t i = 0; i < n; i++) {
        integer value = c->integers[i];
        if (value.magnitude > (value.is_negative ? least : most)) {
            char text[32];
            snprintf(text, sizeof text, "%s%llu", value.is_negative ? "-" : "", (unsigned long long)value.magnitude);
            return cannot_hold(c, first + i, text);
        }
        store_bits(target + i * size, size, value.is_negative ? UINT64_C(0) - value.magnitude : value.magnitude);
    }
    return OA_OK;
}

static oa_status convert_chunk(conversion *c, unsigned char *target, size_t first, size_t n)
{
    gather(c, first, n);
    bool is_exact = is_integer(c->raw->dtype) && c->factor == 1.0 && c->divisor == 1.0;
    oa_status status = OA_OK;
    if (oa_dtype_is_float(c->dtype)) {
        status = read_reals(c, first, n);
        return status == OA_OK ? write_floats(c, target, first, n) : status;
    }
    if (is_exact) {
        read_integers(c, n);
    } else {
        status = read_reals(c, first, n);
        if (status == OA_OK) {
            status = truncate_reals(c, first, n);
        }
    }
    return status == OA_OK ? write_integers(c, target, first, n) : status;
}

oa_status oa_sample_convert(void *elements, oa_dtype dtype, const oa_raw_samples *raw, size_t first, size_t count,
                            double scale, oa_error *error)
{
    bool are_bytes = raw->dtype == OA_DTYPE_UINT8 && oa_dtype_is_float(dtype);
    conversion c = {.raw = raw,
                    .dtype = dtype,
                    .factor = scale < 0.0 ? 1.0 : scale,
                    .divisor = scale < 0.0 && are_bytes ? 255.0 : 1.0,
                    .error = error};
    size_t size = oa_dtype_size(dtype);
    oa_status status = OA_OK;
    for (size_t done = 0; done < count && status == OA_OK; done += CHUNK) {
        size_t n = count - done < CHUNK ? count - done : CHUNK;
        status = convert_chunk(&c, (unsigned char *)elements + done * size, first + done, n);
    }
    return status;
}
