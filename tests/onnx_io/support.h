/* What the tests of onnx_io share: a folder of their own, models built as protobuf messages, and loading with checks.
 */
#ifndef OA_TESTS_ONNX_IO_SUPPORT_H
#define OA_TESTS_ONNX_IO_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/memory.h"
#include "onnx_io/model.h"

#include <onnx.pb-c.h>

/* One test's world; *state points to it. */
typedef struct fixture {
    oa_arena arena;
    char folder[200];
    Onnx__ModelProto *message; /* in the arena; with versions and an empty graph to start with */
    Onnx__GraphProto *graph;   /* the message's */
    oa_model *model;           /* what load() has read */
    oa_error error;            /* of the last call */
} fixture;

int set_up(void **state);
int tear_down(void **state);

/* Allocates zeroed memory for the time of the test. */
void *make(fixture *f, size_t count, size_t size);
/* Appends a pointer to a message's list. */
void append(fixture *f, void *list, size_t *count, void *item);

/* A tensor, with and without a place in the graph. */
Onnx__TensorProto *new_tensor(fixture *f, const char *name, int type, size_t rank, const int64_t *dims);
Onnx__TensorProto *add_initializer(fixture *f, const char *name, int type, size_t rank, const int64_t *dims);
void set_raw(fixture *f, Onnx__TensorProto *tensor, const void *data, size_t size);
/* offset and length may be NULL: no such entry. */
void set_external(fixture *f, Onnx__TensorProto *tensor, const char *location, const char *offset, const char *length);
void add_entry(fixture *f, Onnx__TensorProto *tensor, const char *key, const char *value);

Onnx__GraphProto *new_graph(fixture *f);
/* inputs and outputs: names with spaces between them, "-" for an omitted one. */
Onnx__NodeProto *add_node(fixture *f, Onnx__GraphProto *graph, const char *type, const char *inputs,
                          const char *outputs);
Onnx__AttributeProto *add_attribute(fixture *f, Onnx__NodeProto *node, const char *name, int type);
/* dims may be NULL: no shape. */
Onnx__ValueInfoProto *add_input(fixture *f, Onnx__GraphProto *graph, const char *name, size_t rank,
                                const int64_t *dims);
Onnx__ValueInfoProto *add_output(fixture *f, Onnx__GraphProto *graph, const char *name);
/* An unknown field: `number`, length-delimited, with the given text. */
void add_unknown(fixture *f, ProtobufCMessage *message, uint32_t number, const char *text);

/* x -> Add(x, w) -> y, with w [2] = {1, 2} as raw float32; returns w. */
Onnx__TensorProto *add_sum(fixture *f);

/* A path in the test's folder, files in it, and their bytes. */
char *path_of(fixture *f, const char *name);
char *write_file(fixture *f, const char *name, const void *data, size_t size);
unsigned char *read_file(fixture *f, const char *path, size_t *size);
bool file_exists(const char *path);
/* How many entries the folder has. */
size_t count_files(const char *folder);

unsigned char *pack_message(fixture *f, const ProtobufCMessage *message, size_t *size);
/* Writes f->message to a file of the folder. */
char *write_model(fixture *f, const char *name);

/* Loads into f->model, which must work. */
void load(fixture *f, const char *path);
/* Loading must fail with this status and a message with both texts (and the path). */
void load_fails(fixture *f, const char *path, oa_status status, const char *text, const char *other);
/* Writes f->message and expects such a failure with OA_ERROR_INPUT. */
void refused(fixture *f, const char *text, const char *other);

/* The constant called `name`; the test fails without one. */
const oa_tensor *tensor_of(const oa_model *model, const char *name);
size_t tensor_index(const oa_model *model, const char *name);
size_t value_index(const oa_model *model, const char *name);
/* Fails unless the constant has these bytes. */
void check_bytes(const oa_model *model, const char *name, const void *bytes, size_t size);
/* Saves f->model with one payload replaced by a copy of data [size] (name NULL: none); must work. */
void save_with(fixture *f, const char *path, const char *name, const void *data, size_t size);

#define ONNX_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
