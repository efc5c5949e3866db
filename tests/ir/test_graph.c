#include "core/ir/graph.h"

#include "tests/support/cmocka_all.h"
#include "text_graph.h"

#include "core/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

/* The labels of the nodes in order, separated by spaces. */
static const char *order_of(const oa_graph *graph, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < graph->node_count; i++) {
        length += (size_t)snprintf(text + length, size - length, i ? " %s" : "%s", graph->nodes[i].op_type);
        assert_true(length < size);
    }
    return text;
}

/* Producers point at nodes that have the value among their outputs, and come before all readers. */
static void check_finished(const oa_graph *graph)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const oa_node *node = &graph->nodes[i];
        assert_int_equal(node->is_live, i < graph->live_count);
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != OA_NONE) {
                assert_int_equal(graph->values[node->outputs[k]].producer, i);
            }
        }
        for (size_t k = 0; k < node->input_count + node->capture_count; k++) {
            size_t value = oa_node_source(node, k);
            size_t producer = value == OA_NONE ? OA_NONE : graph->values[value].producer;
            assert_true(producer == OA_NONE || producer < i);
            assert_true(producer == OA_NONE || !node->is_live || graph->nodes[producer].is_live);
        }
    }
}

static void order__is_from_the_outputs_along_the_inputs(void **state)
{
    (void)state;
    /* Depth first, each node after what it reads, inputs in their order; what no output needs comes last. */
    static const char text[] = "input x\n"
                               "node j Last f i\n"
                               "node i Fifth c h + g\n"
                               "node h Third c\n"
                               "node g Fourth b\n"
                               "node f Second c\n"
                               "node c First x\n"
                               "node b Other x\n"
                               "node d Dead c\n"
                               "node e DeadToo d\n"
                               "output j\n"
                               "output b\n";
    char names[200];
    for (uint64_t seed = 0; seed < 20; seed++) {
        text_graph t = text_graph_make(text, seed);
        check_finished(t.graph);
        assert_int_equal(t.graph->live_count, 7);
        assert_int_equal(t.graph->node_count, 9);
        const char *order = order_of(t.graph, names, sizeof names);
        assert_memory_equal(order, "First Second Third Other Fourth Fifth Last Dead", 47);
        text_graph_free(&t);
    }
}

/* A random graph as text: nodes with an operator of their own, read what comes before; two outputs; some of it dead. */
static void random_text(char *text, size_t size, oa_random *random)
{
    size_t nodes = 2 + oa_random_below(random, 40);
    size_t length = (size_t)snprintf(text, size, "input x\ninput y\nweight w float32 3\n");
    for (size_t i = 0; i < nodes; i++) {
        length += (size_t)snprintf(text + length, size - length, "node v%zu Op%zu", i, i);
        size_t inputs = 1 + oa_random_below(random, 3);
        for (size_t k = 0; k < inputs; k++) {
            size_t from = oa_random_below(random, i + 3);
            if (from >= i) {
                length += (size_t)snprintf(text + length, size - length, " %c", "xyw"[from - i]);
            } else {
                length += (size_t)snprintf(text + length, size - length, " v%zu", from);
            }
        }
        if (i > 3 && oa_random_below(random, 4) == 0) {
            length += (size_t)snprintf(text + length, size - length, " + v%zu", oa_random_below(random, i));
        }
        length += (size_t)snprintf(text + length, size - length, "\n");
    }
    length += (size_t)snprintf(text + length, size - length, "output v%zu\noutput v%zu\n", nodes - 1,
                               oa_random_below(random, nodes));
    assert_true(length < size);
}

static void order__does_not_depend_on_order_and_names_in_the_file(void **state)
{
    (void)state;
    const uint64_t seed = 41;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t round = 0; round < 100; round++) {
        char text[8000];
        random_text(text, sizeof text, &random);
        text_graph a = text_graph_make(text, 0);
        check_finished(a.graph);
        for (uint64_t other = 1; other < 6; other++) {
            text_graph b = text_graph_make(text, other);
            check_finished(b.graph);
            assert_int_equal(a.graph->live_count, b.graph->live_count);
            assert_int_equal(a.graph->node_count, b.graph->node_count);
            for (size_t i = 0; i < a.graph->live_count; i++) {
                assert_string_equal(a.graph->nodes[i].op_type, b.graph->nodes[i].op_type);
            }
            text_graph_free(&b);
        }
        text_graph_free(&a);
    }
}

static void finish_fails(const char *text, const char *message, const char *other)
{
    text_graph t = text_graph_parse(text, 0);
    oa_error error = {0};
    oa_status status = oa_graph_finish(t.graph, &error);
    if (status != OA_ERROR_INPUT || !strstr(error.message, message) || !strstr(error.message, other)) {
        fail_msg("status %d, message '%s' without '%s' '%s'", (int)status, error.message, message, other);
    }
    assert_int_equal(oa_graph_finish(t.graph, NULL), OA_ERROR_INPUT);
    text_graph_free(&t);
}

static void finish__finds_cycles(void **state)
{
    (void)state;
    finish_fails("node a Relu a\noutput a", "cycle", "'a' (Relu)");
    finish_fails("node a Relu b\nnode b Tanh a\noutput a", "cycle", "");
    finish_fails("input x\nnode a Add x c\nnode b Relu a\nnode c Tanh b\nnode d Exp c\noutput d", "cycle", "");
    finish_fails("input x\nnode a If x + b\nnode b Relu a\noutput b", "cycle", "");
    finish_fails("input x\nnode a Relu x\nnode b Relu b\noutput a", "cycle", "'b' (Relu)"); /* even where dead */
}

static void finish__finds_values_that_nothing_produces(void **state)
{
    (void)state;
    finish_fails("node a Relu x\noutput a", "node 'a' (Relu) reads 'x', which nothing produces", "");
    finish_fails("input x\nnode a If x + y\noutput a", "'a' (If) reads 'y'", "");
    finish_fails("input x\nnode a Relu x\nnode b Relu z\noutput a", "'b' (Relu) reads 'z'", "");
    finish_fails("input x\noutput y", "nothing produces the graph output 'y'", "");
    finish_fails("input x", "no outputs", "");
}

static void finish__takes_what_needs_no_node(void **state)
{
    (void)state;
    text_graph t = text_graph_make("input x\nweight w float32 2\nopaque o\nnode a Custom x w o -\n"
                                   "output x\noutput w\noutput o\noutput a\noutput a",
                                   0);
    assert_int_equal(t.graph->live_count, 1);
    assert_int_equal(t.graph->output_count, 5);
    text_graph_free(&t);
    t = text_graph_make("weight w float32 0\noutput w", 0);
    assert_int_equal(t.graph->node_count, 0);
    text_graph_free(&t);
}

/* 100000 nodes, one after the other: no stack may be as deep. */
static void finish__goes_through_deep_chains(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    oa_graph *graph = oa_graph_create();
    assert_non_null(graph);
    assert_int_equal(oa_graph_add_input(graph, "v0", NULL, NULL), OA_OK);
    size_t first;
    assert_int_equal(oa_graph_value(&first, graph, "v0", NULL), OA_OK);
    /* From the end to the beginning. */
    for (size_t i = DEPTH; i > 0; i--) {
        char name[32];
        size_t from;
        size_t to;
        snprintf(name, sizeof name, "v%zu", i - 1);
        assert_int_equal(oa_graph_value(&from, graph, name, NULL), OA_OK);
        snprintf(name, sizeof name, "v%zu", i);
        assert_int_equal(oa_graph_value(&to, graph, name, NULL), OA_OK);
        const oa_node node = {
            .op_type = "Relu", .domain = "", .inputs = &from, .input_count = 1, .outputs = &to, .output_count = 1};
        assert_int_equal(oa_graph_add_node(graph, &node, NULL), OA_OK);
    }
    char last[32];
    snprintf(last, sizeof last, "v%d", DEPTH);
    assert_int_equal(oa_graph_add_output(graph, last, NULL, NULL), OA_OK);
    oa_error error = {0};
    assert_int_equal(oa_graph_finish(graph, &error), OA_OK);
    assert_int_equal(graph->live_count, DEPTH);
    assert_int_equal(graph->nodes[0].inputs[0], first);
    for (size_t i = 1; i < DEPTH; i++) {
        assert_int_equal(graph->values[graph->nodes[i].inputs[0]].producer, i - 1);
    }
    oa_graph_destroy(graph);
}

/* A graph with an input, a constant and a node, not finished. */
static oa_graph *small_graph(text_graph *t)
{
    *t = text_graph_parse("input x float32 ? 2\nweight w float32 2\nnode a Add x w", 0);
    return t->graph;
}

static size_t named(oa_graph *graph, const char *name)
{
    size_t value;
    assert_int_equal(oa_graph_value(&value, graph, name, NULL), OA_OK);
    return value;
}

static void node_fails(oa_graph *graph, const size_t *outputs, size_t count, const char *message)
{
    size_t list[4];
    memcpy(list, outputs, count * sizeof *list);
    const oa_node node = {.name = "new", .op_type = "Split", .outputs = list, .output_count = count};
    oa_error error = {0};
    size_t before = graph->node_count;
    assert_int_equal(oa_graph_add_node(graph, &node, &error), OA_ERROR_INPUT);
    if (!strstr(error.message, message)) {
        fail_msg("'%s' is not in '%s'", message, error.message);
    }
    assert_int_equal(graph->node_count, before);
}

static void node__cannot_produce_what_is_there(void **state)
{
    (void)state;
    text_graph t;
    oa_graph *graph = small_graph(&t);
    const size_t fresh = named(graph, "fresh");
    node_fails(graph, (const size_t[]){fresh, named(graph, "a")}, 2, "'new' (Split) produces 'a', which is defined");
    node_fails(graph, (const size_t[]){named(graph, "w")}, 1, "produces 'w', which is defined");
    node_fails(graph, (const size_t[]){named(graph, "x")}, 1, "produces 'x', which is defined");
    node_fails(graph, (const size_t[]){fresh, fresh}, 2, "produces 'fresh', which is defined");
    /* Being refused leaves no trace: the value is free for another node. */
    assert_int_equal(graph->values[fresh].producer, OA_NONE);
    size_t output = fresh;
    const oa_node node = {.op_type = "Relu", .outputs = &output, .output_count = 1};
    oa_error error = {0};
    assert_int_equal(oa_graph_add_node(graph, &node, &error), OA_OK);
    assert_int_equal(oa_graph_add_output(graph, "fresh", NULL, &error), OA_OK);
    assert_int_equal(oa_graph_finish(graph, &error), OA_OK);
    check_finished(graph);
    assert_int_equal(graph->live_count, 1);
    text_graph_free(&t);
}

static void node__may_omit_outputs(void **state)
{
    (void)state;
    text_graph t = text_graph_make("input x\nnode d Dropout x -> y -\nnode e Dropout y -> - z\noutput z", 0);
    assert_int_equal(t.graph->live_count, 2);
    assert_int_equal(t.graph->nodes[0].outputs[1], OA_NONE);
    assert_string_equal(oa_node_label(t.graph, &t.graph->nodes[1]), "e");
    t.graph->nodes[1].name = "";
    assert_string_equal(oa_node_label(t.graph, &t.graph->nodes[1]), "z");
    t.graph->nodes[1].outputs[1] = OA_NONE;
    assert_string_equal(oa_node_label(t.graph, &t.graph->nodes[1]), "unnamed");
    text_graph_free(&t);
}

static void tensor_fails(oa_graph *graph, const oa_tensor *tensor, const char *message)
{
    oa_error error = {0};
    size_t index = 77;
    size_t before = graph->tensor_count;
    assert_int_equal(oa_graph_add_tensor(&index, graph, tensor, &error), OA_ERROR_INPUT);
    if (!strstr(error.message, message)) {
        fail_msg("'%s' is not in '%s'", message, error.message);
    }
    assert_int_equal(index, 77);
    assert_int_equal(graph->tensor_count, before);
}

static void tensor__must_be_new_and_consistent(void **state)
{
    (void)state;
    text_graph t;
    oa_graph *graph = small_graph(&t);
    const float data[6] = {0};
    oa_tensor tensor = {.name = "v",
                        .dtype = OA_DTYPE_FLOAT,
                        .rank = 2,
                        .dims = {2, 3},
                        .count = 6,
                        .data = data,
                        .is_initializer = true};
    oa_tensor bad = tensor;
    bad.name = "w";
    tensor_fails(graph, &bad, "'w' is defined twice");
    bad.name = "a"; /* a node's output */
    tensor_fails(graph, &bad, "'a' is defined twice");
    bad.name = "x"; /* a true input */
    tensor_fails(graph, &bad, "'x' is defined twice");
    bad.name = "";
    tensor_fails(graph, &bad, "without a name");
    bad = tensor;
    bad.count = 5;
    tensor_fails(graph, &bad, "shape does not fit");
    bad.dims[0] = SIZE_MAX;
    tensor_fails(graph, &bad, "shape does not fit");
    bad = tensor;
    bad.rank = OA_MAX_RANK + 1;
    tensor_fails(graph, &bad, "dimensions");

    size_t index;
    char name[] = "v";
    tensor.name = name;
    assert_int_equal(oa_graph_add_tensor(&index, graph, &tensor, NULL), OA_OK);
    name[0] = 'z'; /* the name is copied, the payload is not */
    assert_string_equal(graph->tensors[index].name, "v");
    assert_ptr_equal(graph->tensors[index].data, data);
    assert_int_equal(graph->values[graph->tensors[index].value].tensor, index);
    assert_int_equal(oa_names_find(&graph->value_names, "v"), graph->tensors[index].value);
    text_graph_free(&t);
}

static void input__with_an_initializer_is_only_declared(void **state)
{
    (void)state;
    text_graph t;
    oa_graph *graph = small_graph(&t);
    char symbol[] = "batch";
    const oa_value declared = {
        .dtype = OA_DTYPE_FLOAT, .has_shape = true, .rank = 2, .dims = {-1, 7}, .symbols = {symbol, NULL}};
    assert_int_equal(oa_graph_add_input(graph, "w", &declared, NULL), OA_OK);
    size_t w = named(graph, "w");
    assert_int_equal(graph->input_count, 1);
    assert_false(graph->values[w].is_input);
    assert_int_equal(graph->values[w].dtype, OA_DTYPE_FLOAT);
    symbol[0] = 'B'; /* symbols are copied */
    assert_string_equal(graph->values[w].symbols[0], "batch");
    assert_null(graph->values[w].symbols[1]);
    assert_int_equal(graph->values[w].dims[1], 7);
    /* Declaring an input again changes its declaration, not the list. */
    assert_int_equal(oa_graph_add_input(graph, "x", &declared, NULL), OA_OK);
    assert_int_equal(graph->input_count, 1);
    assert_int_equal(graph->values[named(graph, "x")].dims[1], 7);
    assert_true(graph->values[named(graph, "x")].is_input);
    const oa_value deep = {.has_shape = true, .rank = OA_MAX_RANK + 1};
    assert_int_equal(oa_graph_add_input(graph, "y", &deep, NULL), OA_ERROR_INPUT);
    assert_int_equal(oa_graph_add_input(graph, "a", NULL, NULL), OA_ERROR_INPUT); /* a node's output */
    assert_int_equal(graph->input_count, 1);
    assert_int_equal(oa_graph_add_input(graph, "", NULL, NULL), OA_ERROR_INPUT);
    assert_int_equal(oa_graph_add_output(graph, NULL, NULL, NULL), OA_ERROR_INPUT);
    text_graph_free(&t);
}

static void dims__are_counted_with_care(void **state)
{
    (void)state;
    size_t count = 5;
    assert_int_equal(oa_dims_count(&count, NULL, 0, NULL), OA_OK);
    assert_int_equal(count, 1);
    assert_int_equal(oa_dims_count(&count, (const size_t[]){3, 0, 4}, 3, NULL), OA_OK);
    assert_int_equal(count, 0);
    assert_int_equal(oa_dims_count(&count, (const size_t[]){3, 5, 4}, 3, NULL), OA_OK);
    assert_int_equal(count, 60);
    assert_int_equal(oa_dims_count(&count, (const size_t[]){SIZE_MAX, 2}, 2, NULL), OA_ERROR_INPUT);
    assert_int_equal(oa_dims_count(&count, (const size_t[]){SIZE_MAX, 0, 2}, 3, NULL), OA_ERROR_INPUT);
    assert_int_equal(count, 60);
}

static void attributes__are_read_by_name_and_kind(void **state)
{
    (void)state;
    text_graph t = text_graph_make("input x\nnode a Op x : i=3 f=0.5 s='text' empty='' ints=[1,-2] floats=(1.0)\n"
                                   "node b com.x/Op a\noutput b",
                                   0);
    const oa_node *node = &t.graph->nodes[0];
    assert_int_equal(oa_node_int(node, "i", 9), 3);
    assert_int_equal(oa_node_int(node, "f", 9), 9);
    assert_int_equal(oa_node_int(node, "none", 9), 9);
    assert_true(oa_node_float(node, "f", 9.0f) == 0.5f);
    assert_true(oa_node_float(node, "i", 9.0f) == 9.0f);
    assert_true(oa_node_string_is(node, "s", "text"));
    assert_false(oa_node_string_is(node, "s", "tex"));
    assert_false(oa_node_string_is(node, "s", "texts"));
    assert_false(oa_node_string_is(node, "i", "3"));
    assert_false(oa_node_string_is(node, "none", ""));
    assert_true(oa_node_string_is(node, "empty", ""));
    ((oa_attribute *)oa_node_attribute(node, "empty"))->s = (oa_string_view){NULL, 0};
    assert_true(oa_node_string_is(node, "empty", ""));
    const int64_t *ints;
    size_t count;
    oa_node_ints(&ints, &count, node, "ints");
    assert_int_equal(count, 2);
    assert_int_equal(ints[1], -2);
    oa_node_ints(&ints, &count, node, "floats");
    assert_int_equal(count, 0);
    assert_null(ints);
    assert_null(oa_node_attribute(node, "none"));
    assert_true(oa_node_is(node, "Op"));
    assert_false(oa_node_is(node, "Opp"));
    assert_false(oa_node_is(&t.graph->nodes[1], "Op")); /* of another domain */
    text_graph_free(&t);
}

static void slots__may_be_absent(void **state)
{
    (void)state;
    text_graph t = text_graph_make("input x\nweight w float32 2\nnode a Op x - w\noutput a", 0);
    const oa_node *node = &t.graph->nodes[0];
    assert_int_equal(oa_node_input(node, 0), named(t.graph, "x"));
    assert_int_equal(oa_node_input(node, 1), OA_NONE);
    assert_int_equal(oa_node_input(node, 3), OA_NONE);
    assert_null(oa_node_constant(t.graph, node, 0));
    assert_null(oa_node_constant(t.graph, node, 1));
    assert_null(oa_node_constant(t.graph, node, 3));
    assert_string_equal(oa_node_constant(t.graph, node, 2)->name, "w");
    text_graph_free(&t);
}

static void axis__counts_from_both_ends(void **state)
{
    (void)state;
    for (int64_t rank = 0; rank < 5; rank++) {
        for (int64_t given = -7; given < 7; given++) {
            size_t axis = 99;
            bool is_in = given >= -rank && given < rank;
            assert_int_equal(oa_axis_normalise(&axis, given, (size_t)rank), is_in);
            assert_int_equal(axis, is_in ? (given + rank) % rank : 99);
        }
    }
    size_t axis;
    assert_false(oa_axis_normalise(&axis, INT64_MIN, 3));
    assert_false(oa_axis_normalise(&axis, INT64_MAX, 3));
}

static void payloads__stand_in_for_tensors(void **state)
{
    (void)state;
    text_graph t = text_graph_make("weight v float32 2\nweight w float32 2\noutput v\noutput w", 0);
    oa_payloads payloads = {0};
    assert_ptr_equal(oa_payload(NULL, t.graph, 1), t.graph->tensors[1].data);
    assert_ptr_equal(oa_payload(&payloads, t.graph, 1), t.graph->tensors[1].data);
    assert_int_equal(oa_payloads_init(&payloads, t.graph, NULL), OA_OK);
    assert_ptr_equal(oa_payload(&payloads, t.graph, 1), t.graph->tensors[1].data);
    payloads.data[1] = oa_calloc(2, sizeof(float));
    assert_ptr_equal(oa_payload(&payloads, t.graph, 1), payloads.data[1]);
    assert_ptr_equal(oa_payload(&payloads, t.graph, 0), t.graph->tensors[0].data);
    oa_payloads_free(&payloads);
    assert_null(payloads.data);
    oa_payloads_free(&payloads);
    oa_payloads_free(NULL);
    oa_graph_destroy(NULL);
    text_graph_free(&t);
}

/* The labels of the nodes that a value needs. */
static const char *needs_of(const oa_graph *graph, const char *value, char *text, size_t size)
{
    bool values[32] = {false}, nodes[32];
    size_t length = 0;
    assert_true(graph->value_count <= 32 && graph->live_count <= 32);
    values[oa_names_find(&graph->value_names, value)] = true;
    memset(nodes, 1, sizeof nodes);
    oa_graph_needs(nodes, graph, values);
    text[0] = '\0';
    for (size_t i = 0; i < graph->live_count; i++) {
        length += nodes[i]
                      ? (size_t)snprintf(text + length, size - length, length ? " %s" : "%s", graph->nodes[i].op_type)
                      : 0;
    }
    return text;
}

static void needs__are_what_leads_to_a_value(void **state)
{
    (void)state;
    text_graph t = text_graph_make("input x\nweight w float32 2\n"
                                   "node a One x\n"
                                   "node b Two a w\n"
                                   "node c Three x\n"
                                   "node d If c + b\n"
                                   "node e Four d\n"
                                   "node f Dead e\n"
                                   "output e\noutput c",
                                   0);
    char text[64];
    assert_string_equal(needs_of(t.graph, "b", text, sizeof text), "One Two");
    assert_string_equal(needs_of(t.graph, "c", text, sizeof text), "Three");
    assert_string_equal(needs_of(t.graph, "d", text, sizeof text), "Three One Two If");
    assert_string_equal(needs_of(t.graph, "x", text, sizeof text), "");
    assert_string_equal(needs_of(t.graph, "w", text, sizeof text), "");
    assert_string_equal(needs_of(t.graph, "f", text, sizeof text), "");
    text_graph_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order__is_from_the_outputs_along_the_inputs),
        cmocka_unit_test(order__does_not_depend_on_order_and_names_in_the_file),
        cmocka_unit_test(finish__finds_cycles),
        cmocka_unit_test(finish__finds_values_that_nothing_produces),
        cmocka_unit_test(finish__takes_what_needs_no_node),
        cmocka_unit_test(finish__goes_through_deep_chains),
        cmocka_unit_test(node__cannot_produce_what_is_there),
        cmocka_unit_test(node__may_omit_outputs),
        cmocka_unit_test(tensor__must_be_new_and_consistent),
        cmocka_unit_test(input__with_an_initializer_is_only_declared),
        cmocka_unit_test(dims__are_counted_with_care),
        cmocka_unit_test(attributes__are_read_by_name_and_kind),
        cmocka_unit_test(slots__may_be_absent),
        cmocka_unit_test(needs__are_what_leads_to_a_value),
        cmocka_unit_test(axis__counts_from_both_ends),
        cmocka_unit_test(payloads__stand_in_for_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
