/* Whole models: what the graph of the IR looks like, and which files are refused. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLOAT = 1, INT = 2, STRING = 3, TENSOR = 4, GRAPH = 5, FLOATS = 6, INTS = 7, STRINGS = 8, GRAPHS = 10 };

static const int64_t PAIR[] = {2};

static const oa_node *node_of(const oa_model *model, const char *type)
{
    const oa_graph *graph = oa_model_graph(model);
    for (size_t i = 0; i < graph->node_count; i++) {
        if (strcmp(graph->nodes[i].op_type, type) == 0) {
            return &graph->nodes[i];
        }
    }
    fail_msg("there is no node %s", type);
    return NULL;
}

static void load__builds_the_graph(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__ValueInfoProto *x = f->graph->input[0];
    const int64_t dims[] = {1, 2, 3};
    Onnx__ValueInfoProto *unused = add_input(f, f->graph, "unused", 3, dims);
    Onnx__TensorShapeProto__Dimension *dim = unused->type->tensor_type->shape->dim[0];
    dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    dim->dim_param = oa_arena_strdup(&f->arena, "batch");
    unused->type->tensor_type->shape->dim[1]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE__NOT_SET;
    x->type->tensor_type->elem_type = OA_DTYPE_DOUBLE;
    char *path = write_model(f, "m.onnx");
    load(f, path);

    const oa_graph *graph = oa_model_graph(f->model);
    assert_string_equal(oa_model_path(f->model), path);
    assert_string_equal(graph->name, "g");
    assert_int_equal(graph->input_count, 2);
    assert_int_equal(graph->output_count, 1);
    assert_int_equal(graph->node_count, 1);
    assert_int_equal(graph->tensor_count, 1);
    const oa_value *first = &graph->values[graph->inputs[0]];
    assert_string_equal(first->name, "x");
    assert_int_equal(first->dtype, OA_DTYPE_DOUBLE);
    assert_true(first->has_shape);
    assert_int_equal(first->dims[0], 2);
    const oa_value *second = &graph->values[graph->inputs[1]];
    assert_int_equal(second->rank, 3);
    assert_int_equal(second->dims[0], -1);
    assert_string_equal(second->symbols[0], "batch");
    assert_int_equal(second->dims[1], -1);
    assert_null(second->symbols[1]);
    assert_int_equal(second->dims[2], 3);
    assert_false(graph->values[graph->outputs[0]].has_shape);
    const oa_node *node = &graph->nodes[0];
    assert_string_equal(node->op_type, "Add");
    assert_int_equal(node->version, 17);
    assert_int_equal(node->inputs[1], value_index(f->model, "w"));
}

static void load__an_initializer_that_is_an_input_is_no_true_input(void **state)
{
    fixture *f = *state;
    add_sum(f);
    add_input(f, f->graph, "w", 1, PAIR);
    load(f, write_model(f, "m.onnx"));
    assert_int_equal(oa_model_graph(f->model)->input_count, 1);
    assert_true(oa_model_graph(f->model)->values[value_index(f->model, "w")].has_shape);
}

static void load__normalises_domains_and_finds_their_versions(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__OperatorSetIdProto other = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    other.domain = oa_arena_strdup(&f->arena, "com.example");
    other.has_version = 1;
    other.version = 3;
    append(f, &f->message->opset_import, &f->message->n_opset_import, &other);
    f->message->opset_import[0]->domain = oa_arena_strdup(&f->arena, "ai.onnx");
    add_node(f, f->graph, "Special", "y", "s")->domain = other.domain;
    add_node(f, f->graph, "Stray", "y", "t")->domain = oa_arena_strdup(&f->arena, "nowhere");
    add_node(f, f->graph, "Relu", "y -", "r -")->domain = oa_arena_strdup(&f->arena, "ai.onnx");
    load(f, write_model(f, "m.onnx"));
    assert_string_equal(node_of(f->model, "Special")->domain, "com.example");
    assert_int_equal(node_of(f->model, "Special")->version, 3);
    assert_int_equal(node_of(f->model, "Stray")->version, 0);
    assert_string_equal(node_of(f->model, "Relu")->domain, "");
    assert_int_equal(node_of(f->model, "Relu")->version, 17);
    assert_int_equal(node_of(f->model, "Relu")->inputs[1], OA_NONE);
    assert_int_equal(node_of(f->model, "Relu")->outputs[1], OA_NONE);
}

static void check_odd_node(fixture *f, const float floats[2], const int64_t ints[3])
{
    const oa_node *odd = node_of(f->model, "Odd");
    assert_int_equal(odd->attribute_count, 9);
    assert_true(oa_node_float(odd, "float", 0) == 2.5f);
    assert_int_equal(oa_node_int(odd, "int", 0), -3);
    assert_true(oa_node_string_is(odd, "string", "hi"));
    assert_int_equal(oa_node_attribute(odd, "floats")->count, 2);
    assert_true(oa_node_attribute(odd, "floats")->floats[1] == 2);
    const int64_t *list;
    size_t count;
    oa_node_ints(&list, &count, odd, "ints");
    assert_int_equal(count, 3);
    assert_memory_equal(list, ints, 3 * sizeof *ints);
    assert_memory_equal(oa_node_attribute(odd, "strings")->strings[0].data, "hi", 2);
    const oa_tensor *tensor = oa_node_attribute(odd, "tensor")->tensor;
    assert_int_equal(tensor->count, 2);
    assert_memory_equal(tensor->data, floats, 2 * sizeof *floats);
    assert_int_equal(oa_node_attribute(odd, "reference")->kind, OA_ATTRIBUTE_OTHER);
    assert_int_equal(oa_node_attribute(odd, "future")->kind, OA_ATTRIBUTE_OTHER);
    assert_int_equal(oa_model_graph(f->model)->tensor_count, 1); /* the inner tensor is not among them */
}

static void load__attributes_of_every_kind(void **state)
{
    fixture *f = *state;
    float floats[] = {1, 2};
    int64_t ints[] = {-1, 7, 9};
    ProtobufCBinaryData strings[] = {{.len = 2, .data = (uint8_t[]){'h', 'i'}}};
    add_sum(f);
    Onnx__NodeProto *node = add_node(f, f->graph, "Odd", "y", "z");
    add_attribute(f, node, "float", FLOAT)->f = 2.5f;
    node->attribute[0]->has_f = 1;
    add_attribute(f, node, "int", INT)->i = -3;
    node->attribute[1]->has_i = 1;
    add_attribute(f, node, "string", STRING)->s = strings[0];
    node->attribute[2]->has_s = 1;
    add_attribute(f, node, "floats", FLOATS)->floats = floats;
    node->attribute[3]->n_floats = 2;
    add_attribute(f, node, "ints", INTS)->ints = ints;
    node->attribute[4]->n_ints = 3;
    add_attribute(f, node, "strings", STRINGS)->strings = strings;
    node->attribute[5]->n_strings = 1;
    add_attribute(f, node, "tensor", TENSOR)->t = new_tensor(f, "inner", OA_DTYPE_FLOAT, 1, PAIR);
    set_raw(f, node->attribute[6]->t, floats, sizeof floats);
    add_attribute(f, node, "reference", INT)->ref_attr_name = oa_arena_strdup(&f->arena, "outer");
    add_attribute(f, node, "future", 99);
    load(f, write_model(f, "m.onnx"));
    check_odd_node(f, floats, ints);
    for (size_t i = 0; i < node->n_attribute; i++) {
        node->attribute[i]->has_type = 0; /* as in old files: the field in use tells */
    }
    load(f, write_model(f, "m.onnx"));
    check_odd_node(f, floats, ints);
}

static void load__hashes_tell_subgraphs_apart(void **state)
{
    fixture *f = *state;
    add_sum(f);
    for (int i = 0; i < 3; i++) {
        Onnx__GraphProto *inner = new_graph(f);
        add_node(f, inner, i < 2 ? "Relu" : "Tanh", "y", "r");
        add_output(f, inner, "r");
        char name[16];
        snprintf(name, sizeof name, "z%d", i);
        add_attribute(f, add_node(f, f->graph, name, "", name), "body", GRAPH)->g = inner;
    }
    load(f, write_model(f, "m.onnx"));
    uint64_t first = oa_node_attribute(node_of(f->model, "z0"), "body")->hash;
    assert_true(first == oa_node_attribute(node_of(f->model, "z1"), "body")->hash);
    assert_true(first != oa_node_attribute(node_of(f->model, "z2"), "body")->hash);
}

static void load__constant_nodes_become_tensors(void **state)
{
    fixture *f = *state;
    float floats[] = {1, 2};
    int64_t ints[] = {4, 5, 6};
    ProtobufCBinaryData hello = {.len = 5, .data = (uint8_t[]){'h', 'e', 'l', 'l', 'o'}};
    add_sum(f);
    Onnx__AttributeProto *a = add_attribute(f, add_node(f, f->graph, "Constant", "", "tensor"), "value", TENSOR);
    a->t = new_tensor(f, "", OA_DTYPE_FLOAT, 1, PAIR);
    set_raw(f, a->t, floats, sizeof floats);
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "float"), "value_float", FLOAT);
    a->has_f = 1;
    a->f = 0.5f;
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "floats"), "value_floats", FLOATS);
    a->n_floats = 2;
    a->floats = floats;
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "int"), "value_int", INT);
    a->has_i = 1;
    a->i = -9;
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "ints"), "value_ints", INTS);
    a->n_ints = 3;
    a->ints = ints;
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "string"), "value_string", STRING);
    a->has_s = 1;
    a->s = hello;
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "strings"), "value_strings", STRINGS);
    a->n_strings = 1;
    a->strings = &hello;
    add_attribute(f, add_node(f, f->graph, "Constant", "", "none"), "value_ints", INTS);
    add_attribute(f, add_node(f, f->graph, "Constant", "", "sparse"), "sparse_value", 11);
    load(f, write_model(f, "m.onnx"));

    const float half = 0.5f;
    const int64_t minus_nine = -9;
    check_bytes(f->model, "tensor", floats, sizeof floats);
    assert_false(tensor_of(f->model, "tensor")->is_initializer);
    check_bytes(f->model, "float", &half, sizeof half);
    assert_int_equal(tensor_of(f->model, "float")->rank, 0);
    check_bytes(f->model, "floats", floats, sizeof floats);
    check_bytes(f->model, "int", &minus_nine, sizeof minus_nine);
    check_bytes(f->model, "ints", ints, sizeof ints);
    const oa_string_view *strings = tensor_of(f->model, "strings")->data;
    assert_memory_equal(strings[0].data, "hello", 5);
    assert_int_equal(((const oa_string_view *)tensor_of(f->model, "string")->data)->size, 5);
    assert_int_equal(tensor_of(f->model, "none")->count, 0);
    assert_int_equal(oa_model_graph(f->model)->node_count, 2); /* Add and the sparse Constant */
}

static void load__captures_of_nested_subgraphs(void **state)
{
    fixture *f = *state;
    add_sum(f);
    add_node(f, f->graph, "Relu", "x", "a");
    add_node(f, f->graph, "Tanh", "x", "b");
    Onnx__GraphProto *inner = new_graph(f);
    add_input(f, inner, "local", 0, NULL);
    append(f, &inner->initializer, &inner->n_initializer, new_tensor(f, "own", OA_DTYPE_FLOAT, 0, NULL));
    Onnx__SparseTensorProto sparse = ONNX__SPARSE_TENSOR_PROTO__INIT;
    sparse.values = new_tensor(f, "sparse", OA_DTYPE_FLOAT, 1, PAIR);
    append(f, &inner->sparse_initializer, &inner->n_sparse_initializer, &sparse);
    add_node(f, inner, "Sum", "local - own sparse a middle", "deep"); /* only a is the main graph's */
    add_output(f, inner, "deep");
    add_output(f, inner, "b"); /* returned as it is */
    Onnx__GraphProto *outer = new_graph(f);
    add_node(f, outer, "Neg", "w", "middle");
    add_attribute(f, add_node(f, outer, "Loop", "middle a", "result -"), "body", GRAPH)->g = inner;
    add_output(f, outer, "result");
    Onnx__GraphProto *empty = new_graph(f);
    add_output(f, empty, "y");
    Onnx__NodeProto *node = add_node(f, f->graph, "If", "x", "z");
    add_attribute(f, node, "then_branch", GRAPH)->g = outer;
    Onnx__AttributeProto *branches = add_attribute(f, node, "branches", GRAPHS);
    append(f, &branches->graphs, &branches->n_graphs, empty);
    load(f, write_model(f, "m.onnx"));

    const oa_node *found = node_of(f->model, "If");
    const char *const expected[] = {"w", "a", "b", "y"};
    assert_int_equal(found->capture_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(found->captures[i], value_index(f->model, expected[i]));
    }
    assert_int_equal(node_of(f->model, "Add")->capture_count, 0);
    assert_int_equal(oa_model_graph(f->model)->tensor_count, 1); /* the subgraph's initializer is its own */
}

/* An If whose branches, and a scan in one of them, use names of their own again. */
static void load__subgraphs_as_bodies(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__NodeProto *node = add_node(f, f->graph, "If", "x", "z");
    Onnx__GraphProto *branches[2];
    for (size_t i = 0; i < 2; i++) {
        Onnx__GraphProto *branch = branches[i] = new_graph(f);
        const float floats[] = {(float)i, 7};
        Onnx__TensorProto *own = new_tensor(f, "own", OA_DTYPE_FLOAT, 1, PAIR);
        set_raw(f, own, floats, sizeof floats);
        append(f, &branch->initializer, &branch->n_initializer, own);
        Onnx__AttributeProto *a = add_attribute(f, add_node(f, branch, "Constant", "", "number"), "value_int", INT);
        a->has_i = 1;
        a->i = (int64_t)i;
        add_node(f, branch, "Neg", "sum", "unused");
        add_node(f, branch, "Sum", "own number x", "sum");
        add_output(f, branch, "sum");
        add_attribute(f, node, i == 0 ? "else_branch" : "then_branch", GRAPH)->g = branch;
    }
    load(f, write_model(f, "m.onnx"));
    const oa_graph *graph = oa_model_graph(f->model);
    const oa_node *found = node_of(f->model, "If");
    assert_int_equal(found->body_count, 2);
    assert_int_equal(graph->step_count, graph->live_count + (found->is_live ? 2 : 0));
    for (size_t b = 0; b < 2; b++) {
        const oa_body *body = &graph->bodies[found->bodies[b]];
        assert_string_equal(body->attribute, b == 0 ? "then_branch" : "else_branch");
        assert_int_equal(body->node_count, 1);
        const oa_tensor *own = oa_node_constant(graph, &body->nodes[0], 0);
        const oa_tensor *number = oa_node_constant(graph, &body->nodes[0], 1);
        assert_true(((const float *)own->data)[0] == (float)(1 - b));
        assert_int_equal(*(const int64_t *)number->data, 1 - b);
        assert_int_equal(body->nodes[0].inputs[2], value_index(f->model, "x"));
        assert_int_equal(body->outputs[0], body->nodes[0].outputs[0]);
    }
    /* A name that is defined twice: what it means cannot be told. */
    add_node(f, branches[1], "Abs", "x", "own");
    load(f, write_model(f, "m.onnx"));
    assert_int_equal(node_of(f->model, "If")->body_count, 0);
    assert_int_equal(oa_model_graph(f->model)->body_count, 0);
}

static void load__refuses_captures_that_nothing_defines(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__GraphProto *inner = new_graph(f);
    add_output(f, inner, "ghost");
    add_attribute(f, add_node(f, f->graph, "If", "x", "z"), "then_branch", GRAPH)->g = inner;
    refused(f, "'ghost'", "If");
}

static Onnx__SparseTensorProto *add_sparse(fixture *f, const char *name)
{
    Onnx__SparseTensorProto *sparse = make(f, 1, sizeof *sparse);
    onnx__sparse_tensor_proto__init(sparse);
    sparse->values = new_tensor(f, name, OA_DTYPE_FLOAT, 1, PAIR);
    append(f, &f->graph->sparse_initializer, &f->graph->n_sparse_initializer, sparse);
    return sparse;
}

static void load__what_is_no_tensor_is_opaque(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__TypeProto__Sequence sequence = ONNX__TYPE_PROTO__SEQUENCE__INIT;
    Onnx__ValueInfoProto *s = add_input(f, f->graph, "s", 0, NULL);
    s->type->value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE;
    s->type->sequence_type = &sequence;
    add_input(f, f->graph, "untyped", 0, NULL)->type = NULL;
    add_sparse(f, "p");
    add_input(f, f->graph, "p", 0, NULL);
    add_node(f, f->graph, "Use", "s p untyped", "u");
    load(f, write_model(f, "m.onnx"));
    const oa_graph *graph = oa_model_graph(f->model);
    assert_true(graph->values[value_index(f->model, "s")].is_opaque);
    assert_true(graph->values[value_index(f->model, "p")].is_opaque);
    assert_false(graph->values[value_index(f->model, "p")].is_input); /* it need not be fed */
    assert_false(graph->values[value_index(f->model, "untyped")].is_opaque);
    assert_int_equal(graph->values[value_index(f->model, "untyped")].dtype, OA_DTYPE_UNDEFINED);
    assert_int_equal(graph->input_count, 3);
}

static void refuse__names_defined_twice(void **state)
{
    fixture *f = *state;
    Onnx__TensorProto *w = add_sum(f);
    append(f, &f->graph->initializer, &f->graph->n_initializer, w);
    refused(f, "'w'", "twice");
    f->graph->n_initializer = 1;
    add_sparse(f, "w");
    refused(f, "'w'", "twice");
    f->graph->n_sparse_initializer = 0;
    add_input(f, f->graph, "x", 0, NULL);
    refused(f, "two graph inputs", "'x'");
    f->graph->n_input = 1;
    add_node(f, f->graph, "Relu", "x", "y");
    refused(f, "'y'", "Relu");
    f->graph->n_node = 1;
    add_node(f, f->graph, "Relu", "x", "w");
    refused(f, "'w'", "Relu");
    f->graph->n_node = 1;
    add_sparse(f, "p");
    add_node(f, f->graph, "Relu", "x", "p");
    refused(f, "'p'", "Relu");
    f->graph->n_node = 1;
    Onnx__AttributeProto *a = add_attribute(f, add_node(f, f->graph, "Constant", "", "y"), "value_float", FLOAT);
    a->has_f = 1;
    refused(f, "'y'", "twice");
    f->graph->node[1]->output[0] = oa_arena_strdup(&f->arena, "x");
    refused(f, "'x'", "twice");
}

static void refuse__a_graph_that_does_not_close(void **state)
{
    fixture *f = *state;
    add_sum(f);
    add_node(f, f->graph, "Relu", "ghost", "z");
    refused(f, "'ghost'", "Relu");
    f->graph->n_node = 1;
    add_output(f, f->graph, "nothing");
    refused(f, "'nothing'", "output");
    f->graph->n_output = 1;
    add_node(f, f->graph, "Relu", "q", "p");
    add_node(f, f->graph, "Tanh", "p", "q");
    refused(f, "cycle", "Relu");
}

static void refuse__missing_parts(void **state)
{
    fixture *f = *state;
    add_sum(f);
    f->message->graph = NULL;
    refused(f, "no graph", "");
    f->message->graph = f->graph;
    f->message->has_ir_version = 0;
    refused(f, "ir_version", "");
    f->message->has_ir_version = 1;
    f->message->n_opset_import = 0;
    refused(f, "opset_import", "");
    f->message->n_opset_import = 1;
    f->message->opset_import[0]->has_version = 0;
    refused(f, "ai.onnx", "without a version");
    f->message->opset_import[0]->has_version = 1;
    f->graph->node[0]->op_type = NULL;
    refused(f, "node 0", "no operator");
    f->graph->node[0]->op_type = oa_arena_strdup(&f->arena, "Add");
    f->graph->initializer[0]->name = NULL;
    refused(f, "initializer 0", "no name");
    f->graph->initializer[0]->name = oa_arena_strdup(&f->arena, "w");
    f->graph->output[0]->name = NULL;
    refused(f, "output 0", "no name");
    f->graph->n_output = 0;
    refused(f, "no outputs", "");
}

static void refuse__too_many_dimensions_of_an_input(void **state)
{
    fixture *f = *state;
    int64_t dims[OA_MAX_RANK + 1] = {0};
    add_sum(f);
    add_input(f, f->graph, "large", OA_MAX_RANK + 1, dims);
    refused(f, "'large'", "17 dimensions");
}

static void refuse__tensor_attribute_that_is_malformed(void **state)
{
    fixture *f = *state;
    add_sum(f);
    Onnx__NodeProto *node = add_node(f, f->graph, "Odd", "y", "z");
    Onnx__AttributeProto *attribute = add_attribute(f, node, "shape", TENSOR);
    refused(f, "'shape'", "Odd");
    attribute->t = new_tensor(f, "", OA_DTYPE_FLOAT, 1, PAIR);
    refused(f, "'shape'", "no elements");
}

static void refuse__files_that_are_no_models(void **state)
{
    fixture *f = *state;
    load_fails(f, path_of(f, "missing.onnx"), OA_ERROR_INPUT, "No such file", "");
    load_fails(f, f->folder, OA_ERROR_INPUT, "not a regular file", "");
    load_fails(f, write_file(f, "empty.onnx", "", 0), OA_ERROR_INPUT, "empty", "");
    load_fails(f, write_file(f, "text.onnx", "hello, world\n", 13), OA_ERROR_INPUT, "", "");
    load_fails(f, write_file(f, "image.onnx", "\x89PNG\r\n\x1a\n", 8), OA_ERROR_INPUT, "damaged", "byte 0");
    assert_int_equal(mkfifo(path_of(f, "pipe"), 0600), 0);
    load_fails(f, path_of(f, "pipe"), OA_ERROR_INPUT, "not a regular file", "");
}

static void refuse__two_gibibytes_with_advice(void **state)
{
    fixture *f = *state;
    char *path = write_file(f, "large.onnx", "x", 1);
    assert_int_equal(truncate(path, (off_t)1 << 31), 0); /* a hole: it takes no room */
    load_fails(f, path, OA_ERROR_INPUT, "2 GiB", "external data");
}

static void refuse__a_nul_inside_a_name(void **state)
{
    fixture *f = *state;
    add_sum(f);
    size_t size;
    unsigned char *data = pack_message(f, &f->message->base, &size);
    for (size_t i = 0; i + 2 < size; i++) {
        if (memcmp(data + i, "Add", 3) == 0) {
            data[i + 1] = 0;
        }
    }
    load_fails(f, write_file(f, "m.onnx", data, size), OA_ERROR_INPUT, "NUL", "op_type");
}

/* graph { node { attribute { g { node { ... as deep as asked, built from the inside. */
static void refuse__hostile_nesting(void **state)
{
    fixture *f = *state;
    enum { LEVELS = 20000, SIZE = LEVELS * 5 + 8 };
    static const unsigned char tags[] = {0x0a, 0x2a, 0x32}; /* graph.node, node.attribute, attribute.g */
    unsigned char *data = make(f, SIZE, 1);
    size_t start = SIZE;
    for (size_t level = LEVELS; level > 0; level--) {
        size_t length = SIZE - start;
        unsigned char prefix[5];
        size_t used = 0;
        prefix[used++] = level == 1 ? 0x3a : tags[(level + 1) % 3]; /* the outermost is model.graph */
        do {
            prefix[used++] = (unsigned char)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
            length >>= 7;
        } while (length);
        start -= used;
        memcpy(data + start, prefix, used);
    }
    load_fails(f, write_file(f, "deep.onnx", data + start, SIZE - start), OA_ERROR_INPUT, "deeper than 100", "");
}

/* An empty attribute takes two bytes in a file and over two hundred in memory. */
static void refuse__a_small_file_that_asks_for_much_memory(void **state)
{
    fixture *f = *state;
    const size_t count = (size_t)1 << 20;
    unsigned char *data = make(f, 2 * count + 16, 1);
    size_t used = 0;
    const size_t lengths[] = {2 * count + 5, 2 * count};
    const unsigned char tags[] = {0x3a, 0x0a}; /* graph, node */
    for (size_t i = 0; i < 2; i++) {
        data[used++] = tags[i];
        for (size_t shift = 0; shift <= 21; shift += 7) {
            data[used++] = (unsigned char)(((lengths[i] >> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
        }
    }
    for (size_t i = 0; i < count; i++) {
        data[used++] = 0x2a;
        data[used++] = 0;
    }
    load_fails(f, write_file(f, "greedy.onnx", data, used), OA_ERROR_INPUT, "memory", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(load__builds_the_graph),
        ONNX_TEST(load__an_initializer_that_is_an_input_is_no_true_input),
        ONNX_TEST(load__normalises_domains_and_finds_their_versions),
        ONNX_TEST(load__attributes_of_every_kind),
        ONNX_TEST(load__hashes_tell_subgraphs_apart),
        ONNX_TEST(load__constant_nodes_become_tensors),
        ONNX_TEST(load__captures_of_nested_subgraphs),
        ONNX_TEST(load__subgraphs_as_bodies),
        ONNX_TEST(load__refuses_captures_that_nothing_defines),
        ONNX_TEST(load__what_is_no_tensor_is_opaque),
        ONNX_TEST(refuse__names_defined_twice),
        ONNX_TEST(refuse__a_graph_that_does_not_close),
        ONNX_TEST(refuse__missing_parts),
        ONNX_TEST(refuse__too_many_dimensions_of_an_input),
        ONNX_TEST(refuse__tensor_attribute_that_is_malformed),
        ONNX_TEST(refuse__files_that_are_no_models),
        ONNX_TEST(refuse__two_gibibytes_with_advice),
        ONNX_TEST(refuse__a_nul_inside_a_name),
        ONNX_TEST(refuse__hostile_nesting),
        ONNX_TEST(refuse__a_small_file_that_asks_for_much_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
