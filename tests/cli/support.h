/* What the tests of sample and permutation files share: a folder of their own, bytes put together by hand, and calls
 * that must fail. */
#ifndef OA_TESTS_CLI_SUPPORT_H
#define OA_TESTS_CLI_SUPPORT_H

#include "tests/support/cmocka_all.h"

#include "core/base/memory.h"
#include "core/base/random.h"
#include "plugin/cli/files.h"

/* A whole file in memory. */
typedef struct held {
    oa_array data;
    int64_t *labels; /* [label_count] */
    size_t label_count;
} held;

/* Open samples or labels (files.h) and read all of them. Every call does so three times: kept in memory, then from the
 * file again in batches of one size after another, then in batches from the last to the first. All must agree in every
 * bit, and when they fail, in status and message. On failure *samples is untouched. */
oa_status read_samples(held *samples, const char *path, const oa_value *declared, double scale, oa_error *error);
oa_status read_labels(held *samples, const char *path, const oa_value *output, oa_error *error);
void held_free(held *samples);

/* One test's world; *state points to it. */
typedef struct fixture {
    oa_arena arena;
    char folder[200];
    held samples;   /* what the last call has read */
    oa_error error; /* of the last call */
} fixture;

int set_up(void **state);
int tear_down(void **state);

/* A path in the test's folder; a file there with these bytes; a folder in it. All live as long as the fixture. */
const char *path_of(fixture *f, const char *name);
const char *write_file(fixture *f, const char *name, const void *data, size_t size);
const char *write_text(fixture *f, const char *name, const char *text);
const char *make_folder(fixture *f, const char *name);
/* The whole file, terminated; NULL when there is none. */
char *read_file(fixture *f, const char *path, size_t *size);
/* How many entries a folder has. */
size_t count_entries(const char *folder);

/* Bytes that grow. They live as long as the fixture. */
typedef struct bytes {
    fixture *f;
    unsigned char *data;
    size_t size, capacity;
} bytes;

bytes new_bytes(fixture *f);
void add(bytes *b, const void *data, size_t size);
void add_byte(bytes *b, unsigned value);
/* The lowest `size` bytes of value, the highest first. */
void add_big(bytes *b, uint64_t value, size_t size);
/* ... the lowest first. */
void add_little(bytes *b, uint64_t value, size_t size);

/* A .npy file: the header in the way of NumPy (version 1.0, data at a multiple of 64) and the data. `order` is "False"
 * or "True", `shape` like "(2, 3)". */
bytes npy(fixture *f, const char *descr, const char *order, const char *shape, const void *data, size_t size);
/* The same with any text as the description and any version. */
bytes npy_raw(fixture *f, unsigned version, const char *description, const void *data, size_t size);
/* An IDX file of the given element code. */
bytes idx(fixture *f, unsigned code, size_t rank, const size_t *dims, const void *data, size_t size);
/* A TensorProto in protobuf's wire format: dims, data_type, raw_data. */
bytes tensor_proto(fixture *f, unsigned data_type, size_t rank, const size_t *dims, const void *data, size_t size);
/* Packed by gzip. */
bytes gzip(fixture *f, const bytes *plain);

const char *write_bytes(fixture *f, const char *name, const bytes *b);

/* A declared input 'x'; sizes below 0 are unknown. */
oa_value declare(oa_dtype dtype, size_t rank, const int64_t *dims);

/* Loading must work, with scale -1, into f->samples; then shape and type are as declared for n samples. */
void load(fixture *f, const char *path, const oa_value *declared);
/* Loading must fail with OA_ERROR_INPUT and a message with the path and both texts, and leave f->samples alone. */
void load_fails(fixture *f, const char *path, const oa_value *declared, const char *text, const char *other);
/* The message of f->error must contain the text. */
void message_has(const fixture *f, const char *text);

/* Fails unless the samples have this shape. */
void check_shape(const fixture *f, size_t rank, const size_t *dims);
/* Fails unless the elements are these numbers, exactly. */
void check_values(const fixture *f, size_t n, const double *values);

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define COUNT_OF(list) (sizeof(list) / sizeof *(list))
#define SIZES(...) (sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t)), ((const size_t[]){__VA_ARGS__})
#define DIMS(...) (sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), ((const int64_t[]){__VA_ARGS__})
#define NUMBERS(...) (sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), ((const double[]){__VA_ARGS__})

#endif
