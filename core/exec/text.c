#include "core/exec/text.h"

#include "core/exec/types.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool oa_text_enter(oa_text_locale *locale)
{
    locale->own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (locale->own == (locale_t)0) {
        return false;
    }
    locale->previous = uselocale(locale->own);
    return true;
}

void oa_text_leave(oa_text_locale *locale)
{
    uselocale(locale->previous);
    freelocale(locale->own);
}

/* Does the text read back as the same number of its type? */
static bool reads_back(const char *text, double value, oa_dtype dtype)
{
    double read = strtod(text, NULL);
    switch (dtype) {
    case OA_DTYPE_FLOAT:
        return strtof(text, NULL) == (float)value;
    case OA_DTYPE_FLOAT16:
        return oa_half_from_double(read) == oa_half_from_double(value);
    case OA_DTYPE_BFLOAT16:
        return oa_bfloat_from_double(read) == oa_bfloat_from_double(value);
    default:
        return read == value;
    }
}

/* Lays out `count` digits (without a point) of a number whose first digit counts 10^exponent, -5 <= exponent <= 16
 * unless `is_scientific`. */
static size_t lay_out(char *text, bool is_negative, const char *digits, int count, int exponent, bool is_scientific)
{
    const char *sign = is_negative ? "-" : "";
    int length;
    if (is_scientific) {
        length = snprintf(text, OA_TEXT_SIZE, "%s%c%s%.*se%+03d", sign, digits[0], count > 1 ? "." : "", count - 1,
                          digits + 1, exponent);
    } else if (exponent < 0) {
        length = snprintf(text, OA_TEXT_SIZE, "%s0.%.*s%.*s", sign, -exponent - 1, "0000", count, digits);
    } else if (count <= exponent + 1) {
        length =
            snprintf(text, OA_TEXT_SIZE, "%s%.*s%.*s.0", sign, count, digits, exponent + 1 - count, "0000000000000000");
    } else {
        length = snprintf(text, OA_TEXT_SIZE, "%s%.*s.%s", sign, exponent + 1, digits, digits + exponent + 1);
    }
    return length > 0 ? (size_t)length : 0;
}

static size_t format_real(char *text, double value, oa_dtype dtype)
{
    if (isnan(value) || isinf(value)) {
        const char *word = isnan(value) ? "nan" : value > 0.0 ? "inf" : "-inf";
        memcpy(text, word, strlen(word) + 1);
        return strlen(word);
    }
    char scientific[OA_TEXT_SIZE] = "0e+00", digits[OA_TEXT_SIZE];
    double magnitude = fabs(value);
    for (int places = 0; places <= 16; places++) { /* 17 digits tell all doubles apart */
        (void)snprintf(scientific, sizeof scientific, "%.*e", places, magnitude);
        if (reads_back(scientific, magnitude, dtype)) {
            break;
        }
    }
    int count = 0;
    const char *at = scientific;
    for (; *at != 'e' && *at; at++) {
        if (*at != '.') {
            digits[count++] = *at;
        }
    }
    digits[count] = '\0';
    int exponent = *at ? (int)strtol(at + 1, NULL, 10) : 0;
    /* By the value and not by the digits: the float32 nearest to 0.0001 is just below it. */
    bool is_scientific = magnitude != 0.0 && (magnitude < 1e-4 || magnitude >= 1e16);
    return lay_out(text, signbit(value) != 0, digits, count, exponent, is_scientific);
}

size_t oa_text_format(char *text, const void *array, oa_dtype dtype, size_t index)
{
    int length = 0;
    switch (dtype) {
#define FORMAT_SIGNED(name, type, tag)                                                                                 \
    case name:                                                                                                         \
        length = snprintf(text, OA_TEXT_SIZE, "%" PRId64, (int64_t)((const type *)array)[index]);                      \
        break;
#define FORMAT_UNSIGNED(name, type, tag)                                                                               \
    case name:                                                                                                         \
        length = snprintf(text, OA_TEXT_SIZE, "%" PRIu64, (uint64_t)((const type *)array)[index]);                     \
        break;
        OA_SIGNED_TYPES(FORMAT_SIGNED)
        OA_UNSIGNED_TYPES(FORMAT_UNSIGNED)
#undef FORMAT_SIGNED
#undef FORMAT_UNSIGNED
    case OA_DTYPE_BOOL:
        length = snprintf(text, OA_TEXT_SIZE, "%s", ((const uint8_t *)array)[index] ? "True" : "False");
        break;
    default:
        if (oa_dtype_is_float(dtype)) {
            double value;
            oa_floats_to_f64(&value, (const unsigned char *)array + index * oa_dtype_size(dtype), dtype, 1);
            return format_real(text, value, dtype);
        }
        break;
    }
    return length > 0 ? (size_t)length : 0;
}

/* True when only white space is left. */
static bool is_end(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static bool parse_real(void *array, oa_dtype dtype, size_t index, const char *text)
{
    char *end;
    size_t size = oa_dtype_size(dtype);
    if (dtype == OA_DTYPE_FLOAT) { /* by way of double it would be rounded twice */
        float value = strtof(text, &end);
        memcpy((unsigned char *)array + index * size, &value, size);
    } else {
        double value = strtod(text, &end);
        oa_floats_from_f64((unsigned char *)array + index * size, dtype, &value, 1);
    }
    return end != text && is_end(end);
}

bool oa_text_parse(void *array, oa_dtype dtype, size_t index, oa_string_view string)
{
    char text[512], *end; /* a double has at most some 770 digits, and nobody writes them */
    if (string.size == 0 || string.size >= sizeof text || memchr(string.data, 0, string.size)) {
        return false;
    }
    memcpy(text, string.data, string.size);
    text[string.size] = '\0';
    if (oa_dtype_is_float(dtype)) {
        return parse_real(array, dtype, index, text);
    }
    bool is_negative = text[strspn(text, " \t\r\n")] == '-';
    errno = 0;
    int64_t integer = strtoll(text, &end, 10);
    bool is_read = errno == 0 && end != text && is_end(end);
    errno = 0;
    uint64_t natural = is_negative ? 0 : strtoull(text, &end, 10);
    bool is_natural = !is_negative && errno == 0 && end != text && is_end(end);
    switch (dtype) {
#define PARSE_SIGNED(name, type, tag)                                                                                  \
    case name:                                                                                                         \
        ((type *)array)[index] = (type)integer;                                                                        \
        return is_read && (type)integer == integer;
#define PARSE_UNSIGNED(name, type, tag)                                                                                \
    case name:                                                                                                         \
        ((type *)array)[index] = (type)natural;                                                                        \
        return is_natural && (type)natural == natural;
        OA_SIGNED_TYPES(PARSE_SIGNED)
        OA_UNSIGNED_TYPES(PARSE_UNSIGNED)
#undef PARSE_SIGNED
#undef PARSE_UNSIGNED
    default:
        return false;
    }
}
