#include "everything.h"

#include <string.h>

static const int64_t PAIR[] = {2};

static void add_typed_tensors(fixture *f)
{
    Onnx__TensorProto *half = add_initializer(f, "half", OA_DTYPE_FLOAT16, 1, PAIR);
    half->n_int32_data = 2;
    half->int32_data = make(f, 2, sizeof *half->int32_data);
    half->int32_data[1] = 0x3c00;
    Onnx__TensorProto *unsigned_numbers = add_initializer(f, "unsigned", OA_DTYPE_UINT32, 1, PAIR);
    unsigned_numbers->n_uint64_data = 2;
    unsigned_numbers->uint64_data = make(f, 2, sizeof *unsigned_numbers->uint64_data);
    Onnx__TensorProto *doubles = add_initializer(f, "doubles", OA_DTYPE_DOUBLE, 1, PAIR);
    doubles->n_double_data = 2;
    doubles->double_data = make(f, 2, sizeof *doubles->double_data);
    Onnx__TensorProto *strings = add_initializer(f, "strings", OA_DTYPE_STRING, 1, PAIR);
    strings->n_string_data = 2;
    strings->string_data = make(f, 2, sizeof *strings->string_data);
    strings->string_data[0] = (ProtobufCBinaryData){.len = 2, .data = make(f, 2, 1)};
    set_raw(f, add_initializer(f, "float8", 17, 1, PAIR), "ab", 2);
}

static void add_externals(fixture *f)
{
    set_external(f, add_initializer(f, "external", OA_DTYPE_FLOAT, 1, PAIR), "data.bin", "4", "8");
    set_external(f, add_initializer(f, "tied", OA_DTYPE_FLOAT, 1, PAIR), "data.bin", "4", "8");
    Onnx__TensorProto *odd = add_initializer(f, "odd", OA_DTYPE_FLOAT, 1, PAIR); /* has to be copied */
    set_external(f, odd, "data.bin", "13", NULL);
    add_entry(f, odd, "checksum", "00");
    write_file(f, "data.bin", "0123456789abcdefghijklmn", 24);
}

static void add_attributes(fixture *f, Onnx__NodeProto *node)
{
    Onnx__AttributeProto *strings = add_attribute(f, node, "names", 8);
    strings->n_strings = 1;
    strings->strings = make(f, 1, sizeof *strings->strings);
    Onnx__AttributeProto *tensor = add_attribute(f, node, "table", 4);
    tensor->t = new_tensor(f, "inner", OA_DTYPE_INT8, 1, PAIR);
    tensor->t->n_int32_data = 2;
    tensor->t->int32_data = make(f, 2, sizeof *tensor->t->int32_data);
    Onnx__AttributeProto *axis = add_attribute(f, node, "axis", 2);
    axis->has_i = 1;
    axis->i = -1;
    add_unknown(f, &node->base, 9, "unknown");
}

static void add_constants(fixture *f)
{
    Onnx__AttributeProto *a = add_attribute(f, add_node(f, f->graph, "Constant", "", "c1"), "value_float", 1);
    a->has_f = 1;
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "c2"), "value_strings", 8);
    a->n_strings = 1;
    a->strings = make(f, 1, sizeof *a->strings);
    a = add_attribute(f, add_node(f, f->graph, "Constant", "", "c3"), "value", 4);
    a->t = new_tensor(f, "", OA_DTYPE_FLOAT, 0, NULL);
    set_raw(f, a->t, "abcd", 4);
}

static void add_branch(fixture *f)
{
    Onnx__GraphProto *inner = new_graph(f);
    Onnx__TensorProto *hidden = new_tensor(f, "hidden", OA_DTYPE_FLOAT, 1, PAIR);
    set_external(f, hidden, "data.bin", "0", "8");
    append(f, &inner->initializer, &inner->n_initializer, hidden);
    add_node(f, inner, "Add", "hidden y", "sum");
    add_output(f, inner, "sum");
    add_output(f, inner, "w");
    add_attribute(f, add_node(f, f->graph, "If", "x", "z -"), "then_branch", 5)->g = inner;
}

/* Both branches of an If, and a loop in one of them; names of the net and of the other branch come again. */
static void add_bodies(fixture *f)
{
    static const char *const branches[] = {"then_branch", "else_branch"};
    Onnx__NodeProto *choice = add_node(f, f->graph, "If", "x", "chosen");
    for (size_t i = 0; i < 2; i++) {
        Onnx__GraphProto *branch = new_graph(f);
        Onnx__TensorProto *own = new_tensor(f, "own", OA_DTYPE_FLOAT, 1, PAIR);
        set_raw(f, own, "abcdefgh", 8);
        append(f, &branch->initializer, &branch->n_initializer, own);
        Onnx__AttributeProto *a = add_attribute(f, add_node(f, branch, "Constant", "", "c1"), "value", 4);
        a->t = new_tensor(f, "", OA_DTYPE_FLOAT, 0, NULL);
        set_raw(f, a->t, "ijkl", 4);
        add_node(f, branch, "Add", "own c1", "sum");
        if (i == 0) {
            Onnx__GraphProto *step = new_graph(f);
            add_input(f, step, "i", 0, NULL);
            add_input(f, step, "go", 0, NULL);
            add_input(f, step, "state", 1, PAIR);
            add_node(f, step, "Sum", "state sum y own", "next");
            add_output(f, step, "go");
            add_output(f, step, "next");
            add_attribute(f, add_node(f, branch, "Loop", "- - sum", "last"), "body", 5)->g = step;
        }
        add_output(f, branch, i == 0 ? "last" : "sum");
        add_attribute(f, choice, branches[i], 5)->g = branch;
    }
}

void build_everything(fixture *f)
{
    const int64_t dims[] = {2, 3};
    add_sum(f);
    add_typed_tensors(f);
    add_externals(f);
    add_constants(f);
    add_attributes(f, f->graph->node[0]);
    add_branch(f);
    add_bodies(f);
    Onnx__ValueInfoProto *batch = add_input(f, f->graph, "batch", 2, dims);
    Onnx__TensorShapeProto__Dimension *dim = batch->type->tensor_type->shape->dim[0];
    dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    dim->dim_param = oa_arena_strdup(&f->arena, "n");
    Onnx__SparseTensorProto *sparse = make(f, 1, sizeof *sparse);
    onnx__sparse_tensor_proto__init(sparse);
    sparse->values = new_tensor(f, "sparse", OA_DTYPE_FLOAT, 1, PAIR);
    append(f, &f->graph->sparse_initializer, &f->graph->n_sparse_initializer, sparse);
    Onnx__OperatorSetIdProto *import = make(f, 1, sizeof *import);
    onnx__operator_set_id_proto__init(import);
    import->domain = oa_arena_strdup(&f->arena, "com.example");
    import->has_version = 1;
    import->version = 1;
    append(f, &f->message->opset_import, &f->message->n_opset_import, import);
    add_unknown(f, &f->message->base, 1000, "unknown");
}
