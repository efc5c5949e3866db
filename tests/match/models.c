#include "tests/match/models.h"

#include <float.h>
#include <math.h>

static size_t dense(test_graph *g, size_t x, const char *w, const char *b, int64_t in, int64_t out)
{
    return NODE(g, "Gemm", "transB=1", x, WEIGHT(g, w, out, in), WEIGHT(g, b, out));
}

const oa_graph *build_mlp(test_graph *g)
{
    size_t h = NODE(g, "Relu", "", dense(g, INPUT(g, "x", -1, 20), "w1", "b1", 20, 32));
    h = NODE(g, "Relu", "", dense(g, h, "w2", "b2", 32, 24));
    h = NODE(g, "Relu", "", dense(g, h, "w3", "b3", 24, 16));
    test_graph_output(g, dense(g, h, "w4", "b4", 16, 5));
    return test_graph_finish(g);
}

const oa_graph *build_cnn(test_graph *g)
{
    size_t h = NODE(g, "Conv", "pads=[1,1,1,1]", INPUT(g, "x", -1, 3, 8, 8), WEIGHT(g, "w1", 12, 3, 3, 3));
    h = NODE(g, "BatchNormalization", "", h, WEIGHT(g, "scale", 12), WEIGHT(g, "shift", 12), WEIGHT(g, "mean", 12),
             POSITIVE(g, "variance", 12));
    h = NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", NODE(g, "Relu", "", h));
    h = NODE(g, "Relu", "", NODE(g, "Conv", "", h, WEIGHT(g, "w2", 16, 12, 3, 3), WEIGHT(g, "b2", 16)));
    h = NODE(g, "Flatten", "", h);
    h = NODE(g, "Relu", "", dense(g, h, "w3", "b3", 64, 20));
    test_graph_output(g, dense(g, h, "w4", "b4", 20, 5));
    return test_graph_finish(g);
}

const oa_graph *build_residual(test_graph *g)
{
    static const char *const names[][4] = {
        {"u1", "c1", "v1", "d1"}, {"u2", "c2", "v2", "d2"}, {"u3", "c3", "v3", "d3"}};
    size_t h = dense(g, INPUT(g, "x", -1, 10), "w0", "b0", 10, 16);
    for (size_t i = 0; i < 3; i++) {
        size_t inner = NODE(g, "Relu", "", dense(g, h, names[i][0], names[i][1], 16, 24));
        h = NODE(g, "Add", "", h, dense(g, inner, names[i][2], names[i][3], 24, 16));
    }
    test_graph_output(g, dense(g, h, "w9", "b9", 16, 5));
    return test_graph_finish(g);
}

const oa_graph *build_attention(test_graph *g)
{
    size_t parts[3], heads[3];
    size_t x = NODE(g, "MatMul", "", INPUT(g, "x", -1, -1, 10), WEIGHT(g, "w0", 10, 12));
    size_t fused = NODE(g, "MatMul", "", x, WEIGHT(g, "qkv", 12, 36));
    NODES(parts, g, "Split", "axis=2", NODE(g, "Add", "", fused, WEIGHT(g, "qkv_bias", 36)), INTS(g, 12, 12, 12));
    for (size_t i = 0; i < 3; i++) {
        heads[i] = NODE(g, "Reshape", "", parts[i], INTS(g, 0, 0, 3, 4));
        heads[i] = NODE(g, "Transpose", i == 1 ? "perm=[0,2,3,1]" : "perm=[0,2,1,3]", heads[i]);
    }
    size_t shares = NODE(g, "Softmax", "axis=-1", NODE(g, "MatMul", "", heads[0], heads[1]));
    size_t h = NODE(g, "Transpose", "perm=[0,2,1,3]", NODE(g, "MatMul", "", shares, heads[2]));
    h = NODE(g, "MatMul", "", NODE(g, "Reshape", "", h, INTS(g, 0, 0, 12)), WEIGHT(g, "out", 12, 12));
    test_graph_output(g, NODE(g, "MatMul", "", NODE(g, "Add", "", x, h), WEIGHT(g, "w9", 12, 5)));
    return test_graph_finish(g);
}

/* Heads of a projection [batch, steps, width]: [batch, heads, each, steps, units], or with steps last. */
static size_t shared_heads(test_graph *g, size_t projected, int64_t each, bool steps_last)
{
    size_t h = NODE(g, "Reshape", "", projected, INTS(g, 0, 0, 2, each, -1));
    return NODE(g, "Transpose", steps_last ? "perm=[0,2,3,4,1]" : "perm=[0,2,3,1,4]", h);
}

const oa_graph *build_grouped_queries(test_graph *g)
{
    size_t x = NODE(g, "MatMul", "", INPUT(g, "x", -1, -1, 10), WEIGHT(g, "w0", 10, 12));
    size_t q = shared_heads(g, NODE(g, "MatMul", "", x, WEIGHT(g, "q", 12, 18)), 3, false);
    size_t k = shared_heads(g, NODE(g, "MatMul", "", x, WEIGHT(g, "k", 12, 6)), 1, true);
    size_t v = shared_heads(g, NODE(g, "MatMul", "", x, WEIGHT(g, "v", 12, 8)), 1, false);
    size_t h = NODE(g, "MatMul", "", NODE(g, "Softmax", "axis=-1", NODE(g, "MatMul", "", q, k)), v);
    h = NODE(g, "Reshape", "", NODE(g, "Transpose", "perm=[0,3,1,2,4]", h), INTS(g, 0, 0, 24));
    h = NODE(g, "MatMul", "", h, WEIGHT(g, "out", 24, 12));
    test_graph_output(g, NODE(g, "MatMul", "", NODE(g, "Add", "", x, h), WEIGHT(g, "w9", 12, 5)));
    return test_graph_finish(g);
}

const oa_graph *build_grouped(test_graph *g)
{
    size_t h = NODE(g, "Relu", "", NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 6, 6), WEIGHT(g, "w1", 8, 3, 3, 3)));
    h = NODE(g, "Tanh", "", NODE(g, "Conv", "group=8 pads=[1,1,1,1]", h, WEIGHT(g, "deep", 8, 1, 3, 3)));
    h = NODE(g, "Sigmoid", "", NODE(g, "Conv", "", h, WEIGHT(g, "w2", 12, 8, 1, 1)));
    h = NODE(g, "Elu", "", NODE(g, "Conv", "group=4", h, WEIGHT(g, "four", 8, 3, 1, 1), WEIGHT(g, "b", 8)));
    test_graph_output(g, NODE(g, "Conv", "", h, WEIGHT(g, "w3", 2, 8, 1, 1)));
    return test_graph_finish(g);
}

const oa_graph *build_masked(test_graph *g)
{
    static const float mask[2][3][3] = {{{0, -INFINITY, -INFINITY}, {0, 0, -INFINITY}, {0, 0, 0}},
                                        {{0, -FLT_MAX, -FLT_MAX}, {0, 0, -FLT_MAX}, {0, 0, 0}}};
    size_t x = NODE(g, "MatMul", "", INPUT(g, "x", -1, 3, 8), WEIGHT(g, "w0", 8, 12));
    size_t q = NODE(g, "MatMul", "", x, WEIGHT(g, "q", 12, 10));
    size_t k = NODE(g, "MatMul", "", x, WEIGHT(g, "k", 12, 10));
    size_t scores = NODE(g, "MatMul", "", q, NODE(g, "Transpose", "perm=[0,2,1]", k));
    scores = NODE(g, "Add", "", scores, test_graph_constant(g, "m1", OA_DTYPE_FLOAT, 2, TEST_DIMS(3, 3), mask[0]));
    scores = NODE(g, "Max", "", scores, test_graph_constant(g, "m2", OA_DTYPE_FLOAT, 2, TEST_DIMS(3, 3), mask[1]));
    size_t h = NODE(g, "MatMul", "", NODE(g, "Softmax", "", scores), x);
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w9", 12, 4)));
    return test_graph_finish(g);
}

const oa_graph *build_square(test_graph *g)
{
    static const char *const names[][2] = {{"s1", "c1"}, {"s2", "c2"}, {"s3", "c3"}};
    size_t h = dense(g, INPUT(g, "x", -1, 2), "w0", "b0", 2, 16);
    for (size_t i = 0; i < 3; i++) {
        h = NODE(g, "Add", "", h, NODE(g, "Tanh", "", dense(g, h, names[i][0], names[i][1], 16, 16)));
    }
    test_graph_output(g, dense(g, h, "w9", "b9", 16, 2));
    return test_graph_finish(g);
}

const oa_graph *build_square_only(test_graph *g)
{
    static const char *const names[] = {"s1", "s2", "s3"};
    size_t x = NODE(g, "ReduceSum", "", INPUT(g, "x", -1, 3), INTS(g, 1));
    size_t h = NODE(g, "Expand", "", x, INTS(g, 1, 16));
    for (size_t i = 0; i < 3; i++) {
        h = NODE(g, "Add", "", h, NODE(g, "Tanh", "", NODE(g, "Gemm", "", h, WEIGHT(g, names[i], 16, 16))));
    }
    test_graph_output(g, NODE(g, "ReduceSum", "", h, INTS(g, 1)));
    return test_graph_finish(g);
}

const oa_graph *build_recurrent(test_graph *g)
{
    size_t w = WEIGHT(g, "w", 16, 16);
    size_t h = dense(g, INPUT(g, "x", -1, 3), "w0", "b0", 3, 16);
    for (size_t i = 0; i < 3; i++) {
        h = NODE(g, "Tanh", "", NODE(g, "Gemm", "", h, w));
    }
    test_graph_output(g, dense(g, h, "w9", "b9", 16, 2));
    return test_graph_finish(g);
}

const oa_graph *build_outer_product(test_graph *g)
{
    size_t x = NODE(g, "MatMul", "", INPUT(g, "x", -1, 5, 3), WEIGHT(g, "w0", 3, 8)); /* [B, 5, 8] */
    size_t h = NODE(g, "MatMul", "", NODE(g, "Transpose", "perm=[0,2,1]", x), x);
    test_graph_output(g, dense(g, NODE(g, "Reshape", "", h, INTS(g, 0, 64)), "w9", "b9", 64, 3));
    return test_graph_finish(g);
}

const oa_graph *build_six(test_graph *g)
{
    size_t h = NODE(g, "Relu", "", dense(g, INPUT(g, "x", -1, 3), "w1", "b1", 3, 6));
    test_graph_output(g, dense(g, h, "w2", "b2", 6, 2));
    return test_graph_finish(g);
}

const oa_graph *build_four_and_four(test_graph *g)
{
    size_t h = NODE(g, "Relu", "", dense(g, INPUT(g, "x", -1, 2), "w1", "b1", 2, 4));
    h = NODE(g, "Relu", "", dense(g, h, "w2", "b2", 4, 4));
    test_graph_output(g, dense(g, h, "w3", "b3", 4, 2));
    return test_graph_finish(g);
}
