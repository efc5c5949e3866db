/* Running single operators, and arrays to run them on. */
#ifndef OA_TESTS_EXEC_SUPPORT_H
#define OA_TESTS_EXEC_SUPPORT_H

/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/random.h"
#include "core/exec/exec.h"
#include "tests/exec/compare.h"

enum { MOST_SLOTS = 8 };

/* A node of the standard domain with its attributes. */
typedef struct op {
    const char *type;
    int64_t version;
    oa_attribute attributes[MOST_SLOTS];
    size_t attribute_count;
    size_t output_count; /* 0 means 1 */
} op;

oa_attribute attribute_int(const char *name, int64_t value);
oa_attribute attribute_float(const char *name, float value);
oa_attribute attribute_ints(const char *name, const int64_t *values, size_t count);
oa_attribute attribute_string(const char *name, const char *text);
oa_attribute attribute_tensor(const char *name, const oa_tensor *tensor);
void add_attribute(op *node, oa_attribute attribute);

/* Runs a graph of that one node; a NULL input is an omitted one. The outputs are the caller's on success. */
oa_status run_op(oa_array *outputs, const op *node, const oa_array *const *inputs, size_t input_count, oa_error *error);

/* The same, where success is expected: the test fails with the message otherwise. */
oa_array run_one(const op *node, const oa_array *const *inputs, size_t input_count);
/* Where failure is: the status must be `status`, and the message must name the operator. */
void expect_failure(const op *node, const oa_array *const *inputs, size_t input_count, oa_status status);

/* Arrays that own their elements. */
oa_array make_array(oa_dtype dtype, const size_t *dims, size_t rank);
oa_array random_floats(oa_random *random, const size_t *dims, size_t rank); /* standard normal, float32 */
oa_array random_integers(oa_random *random, oa_dtype dtype, const size_t *dims,
                         size_t rank); /* any bits; 0 or 1 for bool */
oa_array int64_list(const int64_t *values, size_t count);
oa_array float_list(const float *values, size_t count);
oa_array scalar_float(float value);
void free_arrays(oa_array *arrays, size_t count);
/* A copy rounded to another float type. */
oa_array floats_as(const oa_array *array, oa_dtype dtype);
/* Elements of any number type as double; integers beyond 2^53 are rounded. */
double number_at(const oa_array *array, size_t i);

/* Fails the test when the arrays do not agree; `what` and `seed` are named. Frees nothing. */
void assert_agree(const oa_array *actual, const oa_array *expected, double relative, double absolute, const char *what,
                  uint64_t seed);
/* Fails the test, naming what and seed, unless `is_true`. */
void assert_seeded(bool is_true, const char *what, uint64_t seed);

/* Uniform in low .. high. */
size_t random_between(oa_random *random, size_t low, size_t high);

/* Index arithmetic for references: the position of element `i` of a shape, and back (an axis of size 1 is broadcast).
 */
void unravel(size_t *position, size_t i, const size_t *dims, size_t rank);
size_t ravel_broadcast(const size_t *position, size_t position_rank, const size_t *dims, size_t rank);

#endif
