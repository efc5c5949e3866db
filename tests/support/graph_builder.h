/* Building graphs of the IR in a few lines:
 *
 *     test_graph *g = test_graph_create(seed);
 *     size_t x = INPUT(g, "x", -1, 4);                         -1: a symbolic size named like the input, "x0"
 *     size_t h = NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w1", 8, 4), WEIGHT(g, "b1", 8));
 *     test_graph_output(g, NODE(g, "Relu", "", h));
 *     const oa_graph *graph = test_graph_finish(g);
 *
 * Values are indices as in the graph itself. Weights are seeded normal numbers: the same calls with the same seed give
 * the same model. Whatever goes wrong while building fails the running test. */
#ifndef OA_TESTS_SUPPORT_GRAPH_BUILDER_H
#define OA_TESTS_SUPPORT_GRAPH_BUILDER_H

#include "core/base/random.h"
#include "core/ir/graph.h"

typedef struct test_graph {
    oa_graph *graph;
    oa_arena payloads;
    oa_random random;
    oa_dtype float_type; /* of the weights made from now on; float32 at first */
    double scale;        /* standard deviation of the weights made from now on; 0.5 at first */
    int64_t version;     /* of the operator set that the nodes made from now on belong to; 17 at first */
    size_t name_count;   /* of names made up so far */
} test_graph;

enum { TEST_ATTRIBUTES_MAX = 16, TEST_OUTPUTS_MAX = 8 };

test_graph *test_graph_create(uint64_t seed);
void test_graph_destroy(test_graph *g); /* NULL is fine */

/* A float input. A negative size -k becomes a symbol: "x0" (name and axis) for -1, "k" for others, so that two axes can
 * share a symbol. */
size_t test_graph_input(test_graph *g, const char *name, oa_dtype dtype, size_t rank, const int64_t *dims);
/* A constant of g->float_type with normal numbers, and one with numbers uniform in [low, high). */
size_t test_graph_weight(test_graph *g, const char *name, size_t rank, const int64_t *dims);
size_t test_graph_uniform(test_graph *g, const char *name, double low, double high, size_t rank, const int64_t *dims);
/* An int64 vector, and constants of any type with the given payload (copied). NULL names are made up. */
size_t test_graph_ints(test_graph *g, const char *name, size_t count, const int64_t *values);
size_t test_graph_constant(test_graph *g, const char *name, oa_dtype dtype, size_t rank, const int64_t *dims,
                           const void *data);
size_t test_graph_scalar(test_graph *g, oa_dtype dtype, double value);

/* A node with one output, or several. Attributes: "name=value ..." where a value with a point is a float, [1,2] is a
 * list of integers, [a,b] one of strings, a word is a string and all else is an integer. An input OA_NONE is an omitted
 * one. */
size_t test_graph_node(test_graph *g, const char *op_type, const char *attributes, const size_t *inputs, size_t count);
void test_graph_nodes(size_t *outputs, size_t output_count, test_graph *g, const char *op_type, const char *attributes,
                      const size_t *inputs, size_t count);
/* The same as test_graph_node for another domain, and with values that the node's subgraphs capture. */
size_t test_graph_foreign(test_graph *g, const char *domain, const char *op_type, const size_t *inputs, size_t count,
                          const size_t *captures, size_t capture_count);

/* Declares a value a graph output, without a shape. */
void test_graph_output(test_graph *g, size_t value);
const oa_graph *test_graph_finish(test_graph *g);

/* The tensor of that name; fails the test when there is none. */
size_t test_graph_tensor(const oa_graph *graph, const char *name);

#define TEST_COUNT(...) (sizeof(__VA_ARGS__) / sizeof(*(__VA_ARGS__)))
#define TEST_DIMS(...) ((const int64_t[]){__VA_ARGS__})
#define TEST_VALUES(...) ((const size_t[]){__VA_ARGS__})

#define INPUT(g, name, ...)                                                                                            \
    test_graph_input(g, name, (g)->float_type, TEST_COUNT(TEST_DIMS(__VA_ARGS__)), TEST_DIMS(__VA_ARGS__))
#define WEIGHT(g, name, ...) test_graph_weight(g, name, TEST_COUNT(TEST_DIMS(__VA_ARGS__)), TEST_DIMS(__VA_ARGS__))
#define POSITIVE(g, name, ...)                                                                                         \
    test_graph_uniform(g, name, 0.5, 1.5, TEST_COUNT(TEST_DIMS(__VA_ARGS__)), TEST_DIMS(__VA_ARGS__))
#define INTS(g, ...) test_graph_ints(g, NULL, TEST_COUNT(TEST_DIMS(__VA_ARGS__)), TEST_DIMS(__VA_ARGS__))
#define NODE(g, op_type, attributes, ...)                                                                              \
    test_graph_node(g, op_type, attributes, TEST_VALUES(__VA_ARGS__), TEST_COUNT(TEST_VALUES(__VA_ARGS__)))
#define NODES(outputs, g, op_type, attributes, ...)                                                                    \
    test_graph_nodes(outputs, TEST_COUNT(outputs), g, op_type, attributes, TEST_VALUES(__VA_ARGS__),                   \
                     TEST_COUNT(TEST_VALUES(__VA_ARGS__)))

#endif
