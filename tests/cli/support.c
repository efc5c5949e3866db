#include "support.h"

#include "tests/support/temporary_folder.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

int set_up(void **state)
{
    fixture *f = oa_calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(temporary_folder_make(f->folder, sizeof f->folder));
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    fixture *f = *state;
    assert_true(temporary_folder_remove(f->folder));
    held_free(&f->samples);
    oa_arena_free(&f->arena);
    oa_free(f);
    return 0;
}

static void *make(fixture *f, size_t size)
{
    void *memory = oa_arena_alloc(&f->arena, size, 1);
    assert_non_null(memory);
    return memory;
}

const char *path_of(fixture *f, const char *name)
{
    size_t size = strlen(f->folder) + strlen(name) + 2;
    char *path = make(f, size);
    snprintf(path, size, "%s/%s", f->folder, name);
    return path;
}

const char *write_file(fixture *f, const char *name, const void *data, size_t size)
{
    const char *path = path_of(f, name);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(size ? fwrite(data, 1, size, stream) : 0, size);
    assert_int_equal(fclose(stream), 0);
    return path;
}

const char *write_text(fixture *f, const char *name, const char *text)
{
    return write_file(f, name, text, strlen(text));
}

const char *make_folder(fixture *f, const char *name)
{
    const char *path = path_of(f, name);
    assert_int_equal(mkdir(path, 0777), 0);
    return path;
}

char *read_file(fixture *f, const char *path, size_t *size)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        return NULL;
    }
    bytes b = new_bytes(f);
    unsigned char buffer[4096];
    for (size_t n = fread(buffer, 1, sizeof buffer, stream); n; n = fread(buffer, 1, sizeof buffer, stream)) {
        add(&b, buffer, n);
    }
    fclose(stream);
    if (size) {
        *size = b.size;
    }
    add_byte(&b, 0);
    return (char *)b.data;
}

size_t count_entries(const char *folder)
{
    size_t count = 0;
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(stream);
    return count;
}

bytes new_bytes(fixture *f)
{
    return (bytes){.f = f};
}

void add(bytes *b, const void *data, size_t size)
{
    if (b->size + size > b->capacity) {
        size_t capacity = 2 * (b->size + size) + 64;
        unsigned char *larger = make(b->f, capacity);
        if (b->size) {
            memcpy(larger, b->data, b->size);
        }
        b->data = larger;
        b->capacity = capacity;
    }
    if (size) {
        memcpy(b->data + b->size, data, size);
    }
    b->size += size;
}

void add_byte(bytes *b, unsigned value)
{
    unsigned char byte = (unsigned char)value;
    add(b, &byte, 1);
}

void add_big(bytes *b, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        add_byte(b, (unsigned)(value >> 8 * (i - 1) & 0xff));
    }
}

void add_little(bytes *b, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        add_byte(b, (unsigned)(value >> 8 * i & 0xff));
    }
}

bytes npy_raw(fixture *f, unsigned version, const char *description, const void *data, size_t size)
{
    bytes b = new_bytes(f);
    add(&b, "\x93NUMPY", 6);
    add_byte(&b, version);
    add_byte(&b, 0);
    add_little(&b, strlen(description), version == 1 ? 2 : 4);
    add(&b, description, strlen(description));
    add(&b, data, size);
    return b;
}

bytes npy(fixture *f, const char *descr, const char *order, const char *shape, const void *data, size_t size)
{
    char text[512];
    int length =
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape);
    assert_true(length > 0 && (size_t)length < sizeof text - 65);
    size_t end = (size_t)length;
    while ((10 + end + 1) % 64 != 0) {
        text[end++] = ' ';
    }
    text[end++] = '\n';
    text[end] = '\0';
    return npy_raw(f, 1, text, data, size);
}

bytes idx(fixture *f, unsigned code, size_t rank, const size_t *dims, const void *data, size_t size)
{
    bytes b = new_bytes(f);
    add_byte(&b, 0);
    add_byte(&b, 0);
    add_byte(&b, code);
    add_byte(&b, (unsigned)rank);
    for (size_t k = 0; k < rank; k++) {
        add_big(&b, dims[k], 4);
    }
    add(&b, data, size);
    return b;
}

static void add_varint(bytes *b, uint64_t value)
{
    while (value >= 0x80) {
        add_byte(b, (unsigned)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    add_byte(b, (unsigned)value);
}

bytes tensor_proto(fixture *f, unsigned data_type, size_t rank, const size_t *dims, const void *data, size_t size)
{
    bytes b = new_bytes(f);
    for (size_t k = 0; k < rank; k++) {
        add_varint(&b, 1 << 3 | 0);
        add_varint(&b, dims[k]);
    }
    add_varint(&b, 2 << 3 | 0);
    add_varint(&b, data_type);
    add_varint(&b, 9 << 3 | 2);
    add_varint(&b, size);
    add(&b, data, size);
    return b;
}

bytes gzip(fixture *f, const bytes *plain)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    bytes packed = new_bytes(f);
    size_t room = deflateBound(&stream, plain->size);
    packed.data = make(f, room);
    packed.capacity = room;
    stream.next_in = plain->data;
    stream.avail_in = (unsigned)plain->size;
    stream.next_out = packed.data;
    stream.avail_out = (unsigned)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.size = room - stream.avail_out;
    deflateEnd(&stream);
    return packed;
}

const char *write_bytes(fixture *f, const char *name, const bytes *b)
{
    return write_file(f, name, b->data, b->size);
}

oa_value declare(oa_dtype dtype, size_t rank, const int64_t *dims)
{
    oa_value declared = {.name = "x", .dtype = dtype, .has_shape = true, .rank = rank};
    for (size_t k = 0; k < rank; k++) {
        declared.dims[k] = dims[k];
    }
    return declared;
}

void message_has(const fixture *f, const char *text)
{
    if (!strstr(f->error.message, text)) {
        fail_msg("'%s' is not in the message: %s", text, f->error.message);
    }
}

enum { KEEP_ALL = 1 << 30, KEEP_NONE = 0 };

void held_free(held *samples)
{
    oa_array_free(&samples->data);
    oa_free(samples->labels);
    *samples = (held){0};
}

/* How a file is opened. */
typedef struct opening {
    const char *path;
    const oa_value *declared; /* NULL: labels */
    double scale;
    const oa_value *output; /* of labels, or NULL */
} opening;

static oa_status open_with(oa_batches *batches, const opening *o, size_t keep, oa_error *error)
{
    return o->declared ? oa_data_open(batches, o->path, o->declared, o->scale, keep, error)
                       : oa_labels_open(batches, o->path, o->output, keep, error);
}

/* All samples in one array. */
static oa_array read_whole(const oa_batches *batches)
{
    oa_array whole = {0};
    assert_int_equal(oa_batches_read(&whole, batches, 0, batches->count, batches->count, NULL), OA_OK);
    return whole;
}

static void check_batch(const oa_batches *batches, const oa_array *whole, size_t first, size_t n)
{
    oa_array batch = {0};
    oa_error error = {0};
    if (oa_batches_read(&batch, batches, first, n, n + 1, &error) != OA_OK) {
        fail_msg("samples %zu to %zu: %s", first, first + n, error.message);
    }
    size_t sample_size = whole->count / whole->dims[0] * oa_dtype_size(whole->dtype);
    assert_memory_equal(batch.data, (const char *)whole->data + first * sample_size, n * sample_size);
    assert_memory_equal((const char *)batch.data + n * sample_size,
                        (const char *)whole->data + (first + n - 1) * sample_size, sample_size);
    oa_array_free(&batch);
}

/* Batches of some sizes forward, then backward. */
static void check_batches(const oa_batches *batches, const oa_array *whole)
{
    const size_t total = batches->count;
    const size_t sizes[] = {1, 3, total / 2 + 1};
    for (size_t s = total > 2000 ? 2 : 0; s < COUNT_OF(sizes); s++) {
        for (size_t first = 0; first < total; first += sizes[s]) {
            check_batch(batches, whole, first, total - first < sizes[s] ? total - first : sizes[s]);
        }
    }
    size_t step = total / 5 + 1;
    for (size_t end = total; end > 0;) {
        size_t n = end < step ? end : step;
        end -= n;
        check_batch(batches, whole, end, n);
    }
}

static oa_status read_all(oa_array *whole, const opening *o, oa_error *error)
{
    oa_batches kept = {0};
    oa_batches streamed = {0};
    oa_error first = {0};
    oa_error second = {0};
    oa_status status = open_with(&kept, o, KEEP_ALL, &first);
    assert_int_equal(open_with(&streamed, o, KEEP_NONE, &second), status);
    if (status != OA_OK) {
        assert_string_equal(first.message, second.message);
        assert_true(kept.count == 0 && !kept.context && streamed.count == 0 && !streamed.context);
        if (error) {
            *error = first;
        }
        return status;
    }
    *whole = read_whole(&kept);
    oa_array other = read_whole(&streamed);
    assert_true(other.rank == whole->rank && other.dtype == whole->dtype);
    assert_memory_equal(other.dims, whole->dims, whole->rank * sizeof *whole->dims);
    assert_memory_equal(other.data, whole->data, whole->count * oa_dtype_size(whole->dtype));
    oa_array_free(&other);
    check_batches(&kept, whole);
    check_batches(&streamed, whole);
    oa_batches_close(&kept);
    oa_batches_close(&streamed);
    return OA_OK;
}

oa_status read_samples(held *samples, const char *path, const oa_value *declared, double scale, oa_error *error)
{
    oa_array whole = {0};
    oa_status status = read_all(&whole, &(opening){.path = path, .declared = declared, .scale = scale}, error);
    if (status == OA_OK) {
        oa_array_free(&samples->data);
        samples->data = whole;
    }
    return status;
}

oa_status read_labels(held *samples, const char *path, const oa_value *output, oa_error *error)
{
    oa_array whole = {0};
    oa_status status = read_all(&whole, &(opening){.path = path, .output = output}, error);
    if (status == OA_OK) {
        assert_int_equal(whole.dtype, OA_DTYPE_INT64);
        oa_free(samples->labels);
        samples->labels = whole.data;
        samples->label_count = whole.count;
    }
    return status;
}

void load(fixture *f, const char *path, const oa_value *declared)
{
    oa_status status = read_samples(&f->samples, path, declared, -1.0, &f->error);
    if (status != OA_OK) {
        fail_msg("status %d: %s", (int)status, f->error.message);
    }
    const oa_array *data = &f->samples.data;
    assert_int_equal(data->dtype, declared->dtype);
    size_t count = 1;
    for (size_t k = 0; k < data->rank; k++) {
        count *= data->dims[k];
    }
    assert_int_equal(data->count, count);
    assert_false(data->is_view);
}

void load_fails(fixture *f, const char *path, const oa_value *declared, const char *text, const char *other)
{
    held before = f->samples;
    f->error = (oa_error){0};
    oa_status status = read_samples(&f->samples, path, declared, -1.0, &f->error);
    if (status != OA_ERROR_INPUT) {
        fail_msg("status %d instead of the failure '%s' '%s'", (int)status, text, other);
    }
    assert_int_equal(f->error.status, OA_ERROR_INPUT);
    message_has(f, path);
    message_has(f, text);
    message_has(f, other);
    assert_memory_equal(&before, &f->samples, sizeof before);
    assert_int_equal(read_samples(&f->samples, path, declared, -1.0, NULL), OA_ERROR_INPUT);
}

void check_shape(const fixture *f, size_t rank, const size_t *dims)
{
    assert_int_equal(f->samples.data.rank, rank);
    for (size_t k = 0; k < rank; k++) {
        assert_int_equal(f->samples.data.dims[k], dims[k]);
    }
}

/* Element i as a double, by C's own conversions where there are any. */
static double element(const oa_array *array, size_t i)
{
    switch (array->dtype) {
    case OA_DTYPE_FLOAT:
        return (double)((const float *)array->data)[i];
    case OA_DTYPE_DOUBLE:
        return ((const double *)array->data)[i];
    case OA_DTYPE_UINT8:
    case OA_DTYPE_BOOL:
        return ((const uint8_t *)array->data)[i];
    case OA_DTYPE_INT8:
        return ((const int8_t *)array->data)[i];
    case OA_DTYPE_UINT16:
        return ((const uint16_t *)array->data)[i];
    case OA_DTYPE_INT16:
        return ((const int16_t *)array->data)[i];
    case OA_DTYPE_UINT32:
        return ((const uint32_t *)array->data)[i];
    case OA_DTYPE_INT32:
        return ((const int32_t *)array->data)[i];
    case OA_DTYPE_UINT64:
        return (double)((const uint64_t *)array->data)[i];
    case OA_DTYPE_INT64:
        return (double)((const int64_t *)array->data)[i];
    case OA_DTYPE_FLOAT16:
        return (double)oa_half_to_float(((const uint16_t *)array->data)[i]);
    case OA_DTYPE_BFLOAT16:
        return (double)oa_bfloat_to_float(((const uint16_t *)array->data)[i]);
    default:
        return NAN;
    }
}

void check_values(const fixture *f, size_t n, const double *values)
{
    assert_int_equal(f->samples.data.count, n);
    for (size_t i = 0; i < n; i++) {
        double value = element(&f->samples.data, i);
        if (!(value == values[i])) {
            fail_msg("element %zu is %.17g, expected %.17g", i, value, values[i]);
        }
    }
}
