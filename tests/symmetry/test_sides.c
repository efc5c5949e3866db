/* On which side of its reader a constant's axis lies, which reader that is, and which activations show the units. */
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/symmetry_check.h"

#include "core/base/memory.h"

#include <stdio.h>
#include <string.h>

/* Every group as "w1.0> w2.1< | Relu.1*9": an axis and whether its units come out (>) or go in (<), and behind the bar
 * the operators whose results are the carriers, with the axis and, when there are several, the elements a unit. */
static char *sides_text(const oa_layout *layout, const oa_graph *graph)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    for (size_t g = 0; g < layout->group_count; g++) {
        const oa_group *group = &layout->groups[g];
        fprintf(stream, "%s", g ? "; " : "");
        for (size_t i = 0; i < group->occurrence_count; i++) {
            const oa_occurrence *o = &layout->occurrences[group->first_occurrence + i];
            fprintf(stream, "%s.%zu%s ", graph->tensors[o->tensor].name, o->own_axis, o->is_input ? "<" : ">");
        }
        fprintf(stream, "|");
        for (size_t i = 0; i < group->carrier_count; i++) {
            const oa_place *c = &layout->places[layout->carriers[group->first_carrier + i]];
            assert_true(c->group == g && c->is_summed);
            size_t producer = graph->values[c->value].producer;
            assert_true(producer != OA_NONE);
            fprintf(stream, " %s.%zu", graph->nodes[producer].op_type, c->axis);
            if (c->rest != 1) {
                fprintf(stream, "*%zu", c->rest);
            }
        }
    }
    fclose(stream);
    assert_non_null(text);
    return text;
}

static void check_sides(test_graph *g, const char *expected)
{
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    char *text = sides_text(layout, graph);
    if (strcmp(text, expected) != 0) {
        fail_msg("\nfound    %s\nexpected %s", text, expected);
    }
    oa_free(text);
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

/* The reader of a constant as "Gemm 1"; "" when it has none. */
static void check_reader(const oa_layout *layout, const oa_graph *graph, const char *tensor, const char *op_type,
                         size_t slot)
{
    const oa_layout_tensor *info = &layout->tensors[test_graph_tensor(graph, tensor)];
    const char *found = info->op_type ? info->op_type : "";
    if (strcmp(found, op_type) != 0 || info->slot != slot) {
        fail_msg("%s: found '%s' %zu, expected '%s' %zu", tensor, found, info->slot, op_type, slot);
    }
}

static void sides__of_dense_layers(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t h = NODE(g, "Gemm", "transB=1", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 8, 4), WEIGHT(g, "b1", 8));
    h = NODE(g, "Gemm", "", NODE(g, "Relu", "", h), WEIGHT(g, "w2", 8, 6), WEIGHT(g, "b2", 6));
    h = NODE(g, "Add", "", NODE(g, "MatMul", "", NODE(g, "Tanh", "", h), WEIGHT(g, "w3", 6, 5)), WEIGHT(g, "b3", 5));
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w4", 5, 2)));
    check_sides(g, "w1.0> b1.0> w2.0< | Relu.1; w2.1> b2.0> w3.0< | Tanh.1; w3.1> b3.0> w4.0< | Add.1");
}

static void sides__of_weights_in_front_of_the_data(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(2);
    size_t x = NODE(g, "Transpose", "", INPUT(g, "x", -1, 4));
    size_t h = NODE(g, "Gemm", "", WEIGHT(g, "w1", 8, 4), x, WEIGHT(g, "b1", 8, 1));
    h = NODE(g, "Gemm", "transA=1", WEIGHT(g, "w2", 8, 3), NODE(g, "Relu", "", h));
    test_graph_output(g, h);
    check_sides(g, "w1.0> b1.0> w2.0< | Relu.0");
}

static void sides__of_convolutions_with_batch_norm_behind_a_flatten(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(3);
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 5, 5), WEIGHT(g, "w1", 8, 3, 3, 3), WEIGHT(g, "b1", 8));
    h = NODE(g, "BatchNormalization", "", h, WEIGHT(g, "scale", 8), WEIGHT(g, "shift", 8), WEIGHT(g, "mean", 8),
             POSITIVE(g, "var", 8));
    h = NODE(g, "Flatten", "", NODE(g, "Relu", "", h));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 72, 2)));
    check_sides(g, "w1.0> b1.0> scale.0> shift.0> mean.0> var.0> w2.0< | Flatten.1*9");
}

static void sides__of_grouped_and_depthwise_convolutions(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(4);
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 5, 5), WEIGHT(g, "w1", 8, 3, 1, 1));
    h = NODE(g, "Conv", "group=8", NODE(g, "Relu", "", h), WEIGHT(g, "deep", 8, 1, 3, 3));
    h = NODE(g, "Conv", "", NODE(g, "Tanh", "", h), WEIGHT(g, "w2", 6, 8, 1, 1));
    h = NODE(g, "Conv", "group=2", NODE(g, "Sigmoid", "", h), WEIGHT(g, "two", 4, 3, 1, 1));
    test_graph_output(g, NODE(g, "Conv", "", NODE(g, "Elu", "", h), WEIGHT(g, "w3", 2, 4, 1, 1)));
    /* The 8 channels pass the depthwise convolution, which does not sum over them; neither does the one in two groups
     * sum over its groups, but over the three channels inside each. */
    check_sides(g, "w1.0> deep.0> w2.1< | Tanh.1; |; w2.0> two.1< | Sigmoid.1; two.0> w3.1< | Elu.1");
}

static void sides__of_a_square_weight_in_a_residual_stream(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(5);
    size_t stream = NODE(g, "MatMul", "", INPUT(g, "x", -1, 4), WEIGHT(g, "embed", 4, 6));
    size_t own = NODE(g, "MatMul", "", NODE(g, "Relu", "", stream), WEIGHT(g, "square", 6, 6));
    stream = NODE(g, "Add", "", stream, own);
    size_t turned = NODE(g, "Transpose", "", WEIGHT(g, "turned", 6, 6));
    own = NODE(g, "MatMul", "", NODE(g, "Tanh", "", stream), turned);
    stream = NODE(g, "Sub", "", stream, own);
    test_graph_output(g, NODE(g, "MatMul", "", stream, WEIGHT(g, "head", 6, 3)));
    check_sides(g, "embed.1> square.0< square.1> turned.0> turned.1< head.0< | Relu.1 Tanh.1 Sub.1");
}

static void sides__of_one_weight_in_two_layers_are_those_of_the_first(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(6);
    size_t shared = WEIGHT(g, "shared", 5, 7);
    size_t h = NODE(g, "Gemm", "transB=1", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 7, 4));
    h = NODE(g, "Gemm", "transB=1", NODE(g, "Relu", "", h), shared);
    h = NODE(g, "Gemm", "", NODE(g, "Tanh", "", h), shared);
    test_graph_output(g, NODE(g, "Gemm", "", NODE(g, "Elu", "", h), WEIGHT(g, "w2", 7, 2)));
    check_sides(g, "w1.0> shared.1< w2.0< | Relu.1 Elu.1; shared.0> | Tanh.1");
}

static void carriers__are_each_value_once_and_none_of_open_size(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(7);
    size_t h = NODE(g, "Relu", "", NODE(g, "MatMul", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 6)));
    size_t left = NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 6, 3));
    size_t right = NODE(g, "MatMul", "", h, WEIGHT(g, "w3", 6, 3));
    size_t mean = NODE(g, "ReduceMean", "axes=[1] keepdims=1", NODE(g, "Tanh", "", h));
    size_t all =
        NODE(g, "ReduceSum", "keepdims=0", NODE(g, "Reshape", "", NODE(g, "Abs", "", h), INTS(g, -1)), INTS(g, 0));
    test_graph_output(g, NODE(g, "Sum", "", left, right, mean));
    test_graph_output(g, all);
    check_sides(g, "w1.1> w2.0< w3.0< | Relu.1 Tanh.1");
}

static void readers__are_found_behind_what_only_passes_constants_on(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(8);
    size_t w1 = NODE(g, "Identity", "", NODE(g, "Identity", "", WEIGHT(g, "w1", 8, 4)));
    size_t h = NODE(g, "Gemm", "transB=1", INPUT(g, "x", -1, 4), w1, NODE(g, "Identity", "", WEIGHT(g, "b1", 8)));
    h = NODE(g, "BatchNormalization", "", h, WEIGHT(g, "scale", 8), WEIGHT(g, "shift", 8), WEIGHT(g, "mean", 8),
             POSITIVE(g, "var", 8));
    size_t w2 = WEIGHT(g, "w2", 3, 8);
    test_graph_output(g, NODE(g, "Shape", "", w2));
    size_t scaled = NODE(g, "Mul", "", NODE(g, "Transpose", "", w2), WEIGHT(g, "gain", 8, 1));
    test_graph_output(g, NODE(g, "MatMul", "", NODE(g, "Relu", "", h), scaled));
    size_t lonely = WEIGHT(g, "lonely", 2);
    test_graph_output(g, NODE(g, "Size", "", lonely));
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    check_reader(layout, graph, "w1", "Gemm", 1);
    check_reader(layout, graph, "b1", "Gemm", 2);
    check_reader(layout, graph, "scale", "BatchNormalization", 1);
    check_reader(layout, graph, "var", "BatchNormalization", 4);
    check_reader(layout, graph, "w2", "MatMul", 1);
    check_reader(layout, graph, "gain", "MatMul", 1);
    check_reader(layout, graph, "lonely", "", 0);
    for (size_t i = 0; i < layout->occurrence_count; i++) {
        const char *name = graph->tensors[layout->occurrences[i].tensor].name;
        bool is_next = strcmp(name, "w2") == 0 || strcmp(name, "gain") == 0;
        assert_int_equal(layout->occurrences[i].is_input, is_next);
    }
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides__of_dense_layers),
        cmocka_unit_test(sides__of_weights_in_front_of_the_data),
        cmocka_unit_test(sides__of_convolutions_with_batch_norm_behind_a_flatten),
        cmocka_unit_test(sides__of_grouped_and_depthwise_convolutions),
        cmocka_unit_test(sides__of_a_square_weight_in_a_residual_stream),
        cmocka_unit_test(sides__of_one_weight_in_two_layers_are_those_of_the_first),
        cmocka_unit_test(carriers__are_each_value_once_and_none_of_open_size),
        cmocka_unit_test(readers__are_found_behind_what_only_passes_constants_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
