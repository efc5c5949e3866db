#include "plugin/cli/raw_samples.h"

#include <stdint.h>
#include <string.h>

static const unsigned char MAGIC[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The magic and the two bytes of the version; then come two or four bytes with the length of the description. */
enum { PREFIX_SIZE = 8 };

/* The description is a Python dictionary in text. */
typedef struct reader {
    const char *at;
    const char *end;
} reader;

typedef struct text_view {
    const char *data;
    size_t size;
} text_view;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_spaces(reader *r)
{
    while (r->at < r->end && is_space(*r->at)) {
        r->at++;
    }
}

/* Reads `c` when it comes next, after spaces. */
static bool take(reader *r, char c)
{
    skip_spaces(r);
    if (r->at == r->end || *r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    size_t length = strlen(word);
    skip_spaces(r);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) {
        return false;
    }
    r->at += length;
    return true;
}

/* A string in single or double quotes, without escapes: none of the words of a header needs them. */
static bool take_string(text_view *text, reader *r)
{
    skip_spaces(r);
    if (r->at == r->end || (*r->at != '\'' && *r->at != '"')) {
        return false;
    }
    char quote = *r->at++;
    const char *start = r->at;
    while (r->at < r->end && *r->at != quote && *r->at != '\\') {
        r->at++;
    }
    if (r->at == r->end || *r->at != quote) {
        return false;
    }
    *text = (text_view){.data = start, .size = (size_t)(r->at - start)};
    r->at++;
    return true;
}

/* A decimal number; Python 2 wrote long ones with an L behind. */
static bool take_number(size_t *number, reader *r)
{
    size_t value = 0;
    skip_spaces(r);
    const char *start = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        if (oa_mul_overflows(&value, value, 10) || oa_add_overflows(&value, value, (size_t)(*r->at - '0'))) {
            return false;
        }
        r->at++;
    }
    if (r->at == start) {
        return false;
    }
    if (r->at < r->end && *r->at == 'L') {
        r->at++;
    }
    *number = value;
    return true;
}

/* "(2, 3)", "(5,)" or "()"; in Python, "(5)" is no tuple. */
static oa_status read_shape(oa_raw_samples *raw, reader *r, oa_error *error)
{
    size_t commas = 0;
    bool is_good = take(r, '(');
    bool is_closed = is_good && take(r, ')');
    while (is_good && !is_closed) {
        size_t size;
        is_good = take_number(&size, r);
        if (is_good && raw->rank == OA_MAX_RANK) {
            return oa_fail(error, OA_ERROR_INPUT, "has more than %d dimensions", OA_MAX_RANK);
        }
        if (is_good) {
            raw->dims[raw->rank++] = size;
        }
        bool has_comma = is_good && take(r, ',');
        commas += has_comma;
        is_closed = is_good && take(r, ')');
        is_good = is_closed || has_comma;
    }
    if (!is_good || (raw->rank == 1 && commas == 0)) {
        return oa_fail(error, OA_ERROR_INPUT, "is a .npy file whose header has no readable shape");
    }
    return OA_OK;
}

/* Plain numbers: a mark for the byte order, a letter for the kind, the bytes of an element. */
static oa_dtype dtype_of(char kind, char size)
{
    static const struct {
        char kind, size;
        oa_dtype dtype;
    } table[] = {
        {'b', '1', OA_DTYPE_BOOL},   {'f', '2', OA_DTYPE_FLOAT16}, {'f', '4', OA_DTYPE_FLOAT},
        {'f', '8', OA_DTYPE_DOUBLE}, {'i', '1', OA_DTYPE_INT8},    {'i', '2', OA_DTYPE_INT16},
        {'i', '4', OA_DTYPE_INT32},  {'i', '8', OA_DTYPE_INT64},   {'u', '1', OA_DTYPE_UINT8},
        {'u', '2', OA_DTYPE_UINT16}, {'u', '4', OA_DTYPE_UINT32},  {'u', '8', OA_DTYPE_UINT64},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].kind == kind && table[i].size == size) {
            return table[i].dtype;
        }
    }
    return OA_DTYPE_UNDEFINED;
}

static oa_status read_dtype(oa_raw_samples *raw, reader *r, oa_error *error)
{
    text_view text;
    if (!take_string(&text, r)) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "has records or no readable 'descr' as elements; save an array of plain numbers");
    }
    raw->dtype = text.size == 3 ? dtype_of(text.data[1], text.data[2]) : OA_DTYPE_UNDEFINED;
    char order = text.size ? text.data[0] : '\0';
    bool is_order = order == '<' || order == '>' || order == '=' || order == '|';
    if (raw->dtype == OA_DTYPE_UNDEFINED || !is_order || (order == '|' && oa_dtype_size(raw->dtype) > 1)) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "has elements of type '%.*s'; save floats of 2, 4 or 8 bytes, integers or booleans",
                       (int)(text.size < 40 ? text.size : 40), text.data);
    }
    raw->is_swapped = oa_dtype_size(raw->dtype) > 1 && order != '=' && (order == '<') != oa_is_little_endian();
    return OA_OK;
}

static oa_status read_order(oa_raw_samples *raw, reader *r, oa_error *error)
{
    raw->is_fortran = take_word(r, "True");
    if (!raw->is_fortran && !take_word(r, "False")) {
        return oa_fail(error, OA_ERROR_INPUT, "is a .npy file whose 'fortran_order' is neither True nor False");
    }
    return OA_OK;
}

static bool is_text(const text_view *text, const char *expected)
{
    return text->size == strlen(expected) && memcmp(text->data, expected, text->size) == 0;
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } in any order, each key once. */
static oa_status read_description(oa_raw_samples *raw, reader *r, oa_error *error)
{
    static const struct {
        const char *key;
        oa_status (*read)(oa_raw_samples *raw, reader *r, oa_error *error);
    } entries[] = {{"descr", read_dtype}, {"fortran_order", read_order}, {"shape", read_shape}};
    enum { ENTRY_COUNT = sizeof entries / sizeof entries[0] };
    unsigned seen = 0;
    bool is_good = take(r, '{');
    while (is_good && !take(r, '}')) {
        text_view key;
        size_t entry = ENTRY_COUNT;
        is_good = take_string(&key, r) && take(r, ':');
        for (size_t i = 0; is_good && i < ENTRY_COUNT; i++) {
            entry = is_text(&key, entries[i].key) ? i : entry;
        }
        is_good = entry < ENTRY_COUNT && !(seen & 1u << entry);
        if (!is_good) {
            break;
        }
        seen |= 1u << entry;
        oa_status status = entries[entry].read(raw, r, error);
        if (status != OA_OK) {
            return status;
        }
        skip_spaces(r);
        is_good = take(r, ',') || (r->at < r->end && *r->at == '}');
    }
    skip_spaces(r);
    if (!is_good || seen != (1u << ENTRY_COUNT) - 1u || r->at != r->end) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "is a .npy file whose header is not a dictionary of descr, fortran_order and shape");
    }
    return OA_OK;
}

bool oa_npy_is(const unsigned char *bytes, size_t size)
{
    return size >= sizeof MAGIC && memcmp(bytes, MAGIC, sizeof MAGIC) == 0;
}

oa_status oa_npy_read_header(oa_raw_samples *raw, size_t *header_size, const unsigned char *bytes, size_t size,
                             oa_error *error)
{
    if (!oa_npy_is(bytes, size)) {
        return oa_fail(error, OA_ERROR_INPUT, "is not a .npy file");
    }
    size_t width = size < PREFIX_SIZE || bytes[6] != 1 ? 4 : 2;
    if (size < PREFIX_SIZE + width) {
        return oa_fail(error, OA_ERROR_INPUT, "is a .npy file that ends inside its header, after %zu bytes", size);
    }
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0) {
        return oa_fail(error, OA_ERROR_INPUT, "is a .npy file of version %d.%d; 1.0, 2.0 and 3.0 are supported",
                       bytes[6], bytes[7]);
    }
    size_t length = 0;
    for (size_t i = width; i > 0; i--) {
        length = length << 8 | bytes[PREFIX_SIZE + i - 1];
    }
    if (length > size - PREFIX_SIZE - width) {
        return oa_fail(error, OA_ERROR_INPUT, "is a .npy file that ends inside its header, after %zu bytes", size);
    }
    const char *text = (const char *)bytes + PREFIX_SIZE + width;
    reader r = {.at = text, .end = text + length};
    oa_raw_samples made = {0};
    oa_status status = read_description(&made, &r, error);
    if (status == OA_OK) {
        status = oa_raw_samples_measure(&made, PREFIX_SIZE + width + length, error);
    }
    if (status != OA_OK) {
        return status;
    }
    *raw = made;
    *header_size = PREFIX_SIZE + width + length;
    return OA_OK;
}
