/* Whole networks: operators together, and constants that several of them read. */
#include "tests/grad/differences.h"

enum { TIME = 3, WIDTH = 4, HEADS = 2, WORDS = 5 };

/* One head's worth of [batch, time, width] in front: [batch, heads, time, width / heads]. */
static size_t heads_of(test_graph *g, size_t x)
{
    return NODE(g, "Transpose", "perm=[0,2,1,3]", NODE(g, "Reshape", "", x, INTS(g, 0, 0, HEADS, WIDTH / HEADS)));
}

/* Attention over what came before, queries, keys and values out of one product. */
static size_t attention(test_graph *g, size_t x)
{
    const double later[TIME * TIME] = {0, -1e4, -1e4, 0, 0, -1e4, 0, 0, 0};
    const float later_float[TIME * TIME] = {0, -1e4f, -1e4f, 0, 0, -1e4f, 0, 0, 0};
    size_t mask = test_graph_constant(g, "mask", g->float_type, 2, TEST_DIMS(TIME, TIME),
                                      g->float_type == OA_DTYPE_FLOAT ? (const void *)later_float : later);
    size_t parts[3];
    NODES(parts, g, "Split", "axis=2",
          NODE(g, "Add", "", NODE(g, "MatMul", "", x, WEIGHT(g, "w_qkv", WIDTH, 3 * WIDTH)),
               WEIGHT(g, "b_qkv", 3 * WIDTH)),
          INTS(g, WIDTH, WIDTH, WIDTH));
    size_t keys = NODE(g, "Transpose", "perm=[0,1,3,2]", heads_of(g, parts[1]));
    size_t scores = NODE(g, "Add", "", NODE(g, "MatMul", "", heads_of(g, parts[0]), keys), mask);
    size_t taken = NODE(g, "MatMul", "", NODE(g, "Softmax", "axis=-1", scores), heads_of(g, parts[2]));
    size_t joined = NODE(g, "Reshape", "", NODE(g, "Transpose", "perm=[0,2,1,3]", taken), INTS(g, 0, 0, WIDTH));
    return NODE(g, "MatMul", "", joined, WEIGHT(g, "w_out", WIDTH, WIDTH));
}

/* A language model: tokens look up the same table that the output is multiplied by, turned around. */
static size_t build_language_model(test_graph *g)
{
    const int64_t tokens[2 * TIME] = {1, 4, 1, 0, 2, 4};
    size_t ids = test_graph_constant(g, "tokens", OA_DTYPE_INT64, 2, TEST_DIMS(2, TIME), tokens);
    size_t table = WEIGHT(g, "w_table", WORDS, WIDTH);
    size_t x = NODE(g, "Add", "", NODE(g, "Gather", "", table, ids), WEIGHT(g, "w_positions", TIME, WIDTH));
    size_t normed = NODE(g, "LayerNormalization", "", x, POSITIVE(g, "w_norm", WIDTH), WEIGHT(g, "b_norm", WIDTH));
    x = NODE(g, "Add", "", x, attention(g, normed));
    size_t hidden = NODE(g, "MatMul", "", x, WEIGHT(g, "w_in", WIDTH, 6));
    hidden = NODE(g, "Mul", "", hidden, NODE(g, "Add", "", NODE(g, "Erf", "", hidden), WEIGHT(g, "b_one", 1)));
    x = NODE(g, "Add", "", x, NODE(g, "MatMul", "", hidden, WEIGHT(g, "w_back", 6, WIDTH)));
    return NODE(g, "MatMul", "", x, NODE(g, "Transpose", "perm=[1,0]", table));
}

static void language_model__has_the_gradient_of_central_differences(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        check_gradient(build_language_model, seed, false, rounding);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(language_model__has_the_gradient_of_central_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
