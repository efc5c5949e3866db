/* Graphs from text, so that a test shows at a glance the two graphs that it compares. A line is one of
 *
 *     input x float32 ? 3 @side          name, type, sizes: ? is unknown, @name a symbol; "input x" declares no type
 *     weight w float32 8 4               an initializer with some numbers in it
 *     const s int64 2 = 1 -1             a constant with these numbers; no sizes: a scalar
 *     opaque o                           a value that the IR cannot look into
 *     version 13                         the operator set of the nodes that follow; 17 at first
 *     node fc Gemm x w - : transB=1      label, operator (or domain/operator), inputs (- is omitted), attributes
 *     node s Split x -> a b : axis=1     outputs by name; without ->, there is one with the node's label as its name
 *     node i If c + w v : then=#77       captured values
 *     output y
 *
 * Attributes: 1 (int), 1.0 (float), 'text', [1,2] (ints), (1.0,2.0) (floats), <a,b> (strings), %1.5 (a float32 tensor
 * with one element), #7 (something unreadable with that hash). Empty lines are skipped. */
#ifndef OA_TESTS_IR_TEXT_GRAPH_H
#define OA_TESTS_IR_TEXT_GRAPH_H

#include "core/ir/graph.h"

typedef struct text_graph {
    oa_graph *graph;
    oa_arena arena; /* payloads and attributes */
} text_graph;

/* The graph, finished. Whatever is wrong with the text fails the running test.
 *
 * With a seed that is not 0, the lines of nodes and constants come in a random order and every value and node gets
 * another name, "n" and a number: the same architecture, written by someone else. */
text_graph text_graph_make(const char *text, uint64_t seed);
void text_graph_free(text_graph *t);

/* The same without oa_graph_finish. */
text_graph text_graph_parse(const char *text, uint64_t seed);

#endif
