/* What discovery finds around operators that move elements: reshaping in all its forms, transposing, concatenating. */
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/symmetry_check.h"

/* [B, 5, 4, 4]: five free channels. */
static size_t channels(test_graph *g)
{
    return NODE(g, "Relu", "", NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 6, 6), WEIGHT(g, "w1", 5, 3, 3, 3)));
}

static void finish(test_graph *g, size_t h, int64_t units)
{
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", units, 3)));
}

static void flatten__behind_a_convolution_makes_blocks(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    finish(g, NODE(g, "Flatten", "", channels(g)), 80);
    CHECK(g, "5: w1.0 w2.0*16", "w2.0: neighbours matter");
}

static void flatten__around_other_axes(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(2);
    size_t h = NODE(g, "Flatten", "axis=2", NODE(g, "Transpose", "perm=[0,2,3,1]", channels(g))); /* [B*4, 4*5] */
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 20, 3)));
    CHECK(g, "5: w1.0 w2.0*4");
}

static void reshape__interleaves_behind_a_transpose(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(3);
    size_t h = NODE(g, "Transpose", "perm=[0,2,3,1]", channels(g));
    finish(g, NODE(g, "Reshape", "", h, INTS(g, -1, 80)), 80);
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    const oa_occurrence *o = &layout->occurrences[1];
    assert_int_equal(o->rest, 16);
    for (size_t i = 0; i < 80; i++) {
        assert_int_equal(o->positions[i], i % 16 * 5 + i / 16); /* unit i / 16, its element i % 16 */
    }
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

static void reshape__with_constant_sizes(void **state)
{
    (void)state;
    static const int64_t forms[][2] = {{-1, 80}, {0, 80}, {0, -1}};
    for (size_t i = 0; i < TEST_COUNT(forms); i++) {
        test_graph *g = test_graph_create(4);
        finish(g, NODE(g, "Reshape", "", channels(g), test_graph_ints(g, NULL, 2, forms[i])), 80);
        CHECK(g, "5: w1.0 w2.0*16");
    }
    test_graph *g = test_graph_create(5);
    g->version = 4;
    finish(g, NODE(g, "Reshape", "shape=[-1,80]", channels(g)), 80);
    CHECK_ONLY(g, "5: w1.0 w2.0*16");
}

/* The sizes as exporters compute them: Shape, Gather, Unsqueeze, Concat. */
static void reshape__with_computed_sizes(void **state)
{
    (void)state;
    for (size_t form = 0; form < 5; form++) {
        test_graph *g = test_graph_create(6);
        size_t h = channels(g);
        size_t shape = NODE(g, "Shape", "", h), sizes;
        size_t batch = NODE(g, "Gather", "axis=0", shape, test_graph_scalar(g, OA_DTYPE_INT64, 0.0));
        batch = NODE(g, "Unsqueeze", "", batch, INTS(g, 0));
        if (form == 1) {
            batch = NODE(g, "Slice", "", shape, INTS(g, 0), INTS(g, 1), INTS(g, 0));
        } else if (form == 2) {
            batch = NODE(g, "Shape", "start=0 end=1", h);
        } else if (form == 3) { /* the number of elements over 80 */
            batch = NODE(g, "Div", "", NODE(g, "Size", "", h), test_graph_scalar(g, OA_DTYPE_INT64, 80.0));
            batch = NODE(g, "Reshape", "", batch, INTS(g, 1));
        }
        size_t rest = INTS(g, -1);
        if (form == 4) { /* 5 * 16, from the shape too */
            size_t five = NODE(g, "Gather", "", shape, INTS(g, -3));
            size_t four = NODE(g, "Squeeze", "", NODE(g, "Gather", "", shape, INTS(g, 2)), INTS(g, 0));
            rest = NODE(g, "Mul", "", NODE(g, "Mul", "", five, four), NODE(g, "Gather", "", shape, INTS(g, 3)));
        }
        sizes = NODE(g, "Concat", "axis=0", batch, NODE(g, "Cast", "to=7", rest));
        finish(g, NODE(g, "Reshape", "", h, sizes), 80);
        CHECK(g, "5: w1.0 w2.0*16");
    }
}

/* Sizes picked by a matrix of places, transposed: [2, 6] becomes [6, 2]. */
static void reshape__with_sizes_out_of_a_matrix(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(29);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 12));
    size_t places = NODE(g, "Reshape", "", INTS(g, 0, 1, 2, 3), INTS(g, 2, 2));
    size_t sizes = NODE(g, "Transpose", "", NODE(g, "Gather", "", INTS(g, -1, 2, 6, 1), places));
    h = NODE(g, "Reshape", "", h, NODE(g, "Reshape", "", sizes, INTS(g, -1)));
    h = NODE(g, "Tanh", "", NODE(g, "Transpose", "perm=[0,2,1,3]", h));
    finish(g, NODE(g, "Reshape", "", h, INTS(g, 0, 12)), 12);
    CHECK(g, "6: w1.1*2 w2.0*2; 2: w1.1*6 w2.0*6");
}

static void reshape__into_heads_and_back(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(7);
    size_t x = INPUT(g, "x", -1, -1, 4);
    size_t h = NODE(g, "MatMul", "", x, WEIGHT(g, "w1", 4, 12));
    h = NODE(g, "Transpose", "perm=[0,2,1,3]", NODE(g, "Reshape", "", h, INTS(g, 0, 0, 3, 4)));
    h = NODE(g, "Tanh", "", NODE(g, "Mul", "", h, WEIGHT(g, "head", 3, 1, 1)));
    h = NODE(g, "Reshape", "", NODE(g, "Transpose", "perm=[0,2,1,3]", h), INTS(g, 0, 0, 12));
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 12, 3)));
    CHECK(g, "3b: head.0; 3x4i0: w1.1 w2.0");
}

static void reshape__merges_batch_and_time(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(8);
    size_t h = NODE(g, "Reshape", "", INPUT(g, "x", -1, -1, 4), INTS(g, -1, 4));
    h = NODE(g, "Relu", "", NODE(g, "Gemm", "", h, WEIGHT(g, "w1", 4, 8)));
    finish(g, h, 8);
    CHECK(g, "8: w1.1 w2.0");
}

static void reshape__across_the_units_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(9);
    size_t h = NODE(g, "Reshape", "", channels(g), INTS(g, 0, 8, 10)); /* 5 x 4 x 4 as 8 x 10 */
    finish(g, NODE(g, "ReduceMax", "axes=[1] keepdims=0", h), 10);
    g->version = 17;
    CHECK(g, "", "w1.0: a reshape cuts across it", "w2.0: a reshape cuts across it");
}

static void reshape__to_sizes_known_at_run_time_only_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(10);
    size_t sizes = test_graph_input(g, "sizes", OA_DTYPE_INT64, 1, TEST_DIMS(2));
    finish(g, NODE(g, "Reshape", "", channels(g), sizes), 80);
    CHECK_ONLY(g, "", "w1.0: this use of the operator is not understood", "w2.0: the axes of a product");
}

/* Swapping two halves of the units fixes the halves but not what lies inside. */
static void reshape__shuffles_channels(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(11);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 6));
    h = NODE(g, "Transpose", "perm=[0,2,1]", NODE(g, "Reshape", "", h, INTS(g, 0, 2, 3)));
    h = NODE(g, "Tanh", "", NODE(g, "Reshape", "", h, INTS(g, 0, 6)));
    finish(g, h, 6);
    CHECK(g, "2: w1.1*3 w2.0*3; 3: w1.1*2 w2.0*2");
}

static void squeeze__and_unsqueeze_in_both_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        test_graph *g = test_graph_create(12);
        g->version = i ? 11 : 13;
        size_t h = NODE(g, "Gemm", "", INPUT(g, "x", 2, 4), WEIGHT(g, "w1", 4, 6));
        h = i ? NODE(g, "Unsqueeze", "axes=[0,3]", h) : NODE(g, "Unsqueeze", "", h, INTS(g, 0, -1));
        h = NODE(g, "Mul", "", h, WEIGHT(g, "c", 6, 1));
        h = i == 0 ? NODE(g, "Squeeze", "", h, INTS(g, 3, 0)) : NODE(g, "Squeeze", i == 1 ? "axes=[0,-1]" : "", h);
        finish(g, h, 6);
        CHECK(g, "6: w1.1 c.0 w2.0");
    }
}

static void squeeze__of_unknown_sizes_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(13);
    size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, -1, 4), WEIGHT(g, "w1", 4, 6));
    test_graph_output(g, NODE(g, "MatMul", "", NODE(g, "Squeeze", "", h), WEIGHT(g, "w2", 6, 3)));
    CHECK_ONLY(g, "", "w1.1: (Squeeze)", "w2.0: (MatMul)");
}

static void concat__of_branches_feeds_a_layer(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(14);
    size_t x = INPUT(g, "x", -1, 4);
    size_t a = NODE(g, "Relu", "", NODE(g, "Gemm", "", x, WEIGHT(g, "a", 4, 5)));
    size_t b = NODE(g, "Tanh", "", NODE(g, "Gemm", "", x, WEIGHT(g, "b", 4, 3)));
    finish(g, NODE(g, "Concat", "axis=-1", a, b, x, a), 17);
    CHECK(g, "5: a.1 w2.0 w2.0; 3: b.1 w2.0", "w2.0: graph input 'x'");
}

static void concat__with_other_borders_is_cut_at_all_of_them(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(15);
    size_t x = INPUT(g, "x", -1, 4);
    size_t one = NODE(g, "Concat", "axis=1", NODE(g, "Gemm", "", x, WEIGHT(g, "a", 4, 5)),
                      NODE(g, "Gemm", "", x, WEIGHT(g, "b", 4, 7)));
    size_t two = NODE(g, "Concat", "axis=1", NODE(g, "Gemm", "", x, WEIGHT(g, "c", 4, 8)),
                      NODE(g, "Gemm", "", x, WEIGHT(g, "d", 4, 4)));
    finish(g, NODE(g, "Relu", "", NODE(g, "Add", "", one, two)), 12);
    CHECK(g, "5: a.1 c.1 w2.0; 3: b.1 c.1 w2.0; 4: b.1 d.1 w2.0");
}

/* [B, 4, 4, 4] cut in two behind a flatten, where a concatenation of two dense layers is added. */
static void concat__meets_a_product(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(16);
    size_t x = INPUT(g, "x", -1, 3, 6, 6);
    size_t h = NODE(g, "Flatten", "", NODE(g, "Conv", "", x, WEIGHT(g, "w1", 4, 3, 3, 3)));
    size_t flat = NODE(g, "Flatten", "", x);
    size_t both = NODE(g, "Concat", "axis=1", NODE(g, "Gemm", "", flat, WEIGHT(g, "a", 108, 32)),
                       NODE(g, "Gemm", "", flat, WEIGHT(g, "b", 108, 32)));
    finish(g, NODE(g, "Relu", "", NODE(g, "Add", "", h, both)), 64);
    CHECK(g, "2: w1.0 a.1*16 w2.0*16; 2: w1.0 b.1*16 w2.0*16", "a.1: neighbours matter");
}

/* Dense connections: each layer reads all that came before. */
static void concat__of_concatenations(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(17);
    size_t x = INPUT(g, "x", -1, 4);
    size_t h = NODE(g, "Gemm", "", x, WEIGHT(g, "w0", 4, 3));
    static const char *const names[] = {"u1", "u2", "u3"};
    for (int64_t i = 0; i < 3; i++) {
        size_t new = NODE(g, "Gemm", "", NODE(g, "Relu", "", h), WEIGHT(g, names[i], 3 + 2 * i, 2));
        h = NODE(g, "Concat", "axis=1", h, new);
    }
    finish(g, h, 9);
    CHECK(g, "3: w0.1 u1.0 u2.0 u3.0 w2.0; 2: u1.1 u2.0 u3.0 w2.0; 2: u2.1 u3.0 w2.0; 2: u3.1 w2.0");
}

static void concat__of_single_elements_says_why_it_stays(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(18);
    size_t x = INPUT(g, "x", -1, 4);
    size_t h = NODE(g, "Concat", "axis=1", NODE(g, "Gemm", "", x, WEIGHT(g, "a", 4, 1)),
                    NODE(g, "Gemm", "", x, WEIGHT(g, "b", 4, 1)));
    finish(g, h, 2);
    CHECK(g, "", "w2.0: single element");
}

static void expand__makes_copies_that_may_move(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(19);
    size_t x = NODE(g, "ReduceSum", "", INPUT(g, "x", -1, 4), INTS(g, 1)); /* [B, 1] */
    size_t wide = NODE(g, "Expand", "", x, INTS(g, 1, 6));
    finish(g, NODE(g, "Tanh", "", NODE(g, "Mul", "", wide, WEIGHT(g, "c", 6))), 6);
    CHECK(g, "6: c.0 w2.0");
}

static void expand__keeps_what_is_there(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(20);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 6));
    size_t wide = NODE(g, "Expand", "", h, INTS(g, 5, 1, 6));
    h = NODE(g, "ReduceMax", "axes=[0] keepdims=0", NODE(g, "Mul", "", wide, WEIGHT(g, "c", 5, 1, 6)));
    finish(g, h, 6);
    CHECK(g, "6: w1.1 c.2 w2.0; 5: c.0");
}

static void expand__makes_axes_that_a_flatten_merges(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(30);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 6));
    h = NODE(g, "Expand", "", NODE(g, "Unsqueeze", "", h, INTS(g, 1)), INTS(g, 1, 3, 6));
    finish(g, NODE(g, "Flatten", "", h), 18);
    CHECK(g, "6: w1.1 w2.0*3; 3: w2.0*6");
}

static void expand__to_computed_or_hostile_sizes(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(21);
    size_t x = INPUT(g, "x", -1, 4);
    size_t token = NODE(g, "Expand", "", WEIGHT(g, "token", 1, 6),
                        NODE(g, "Concat", "axis=0", NODE(g, "Shape", "start=0 end=1", x), INTS(g, 1)));
    finish(g, NODE(g, "Add", "", token, NODE(g, "Gemm", "", x, WEIGHT(g, "w1", 4, 6))), 6);
    CHECK(g, "6: token.1 w1.1 w2.0");
    g = test_graph_create(22);
    size_t wide = NODE(g, "Expand", "", WEIGHT(g, "token", 1, 6), INTS(g, -5, 1));
    test_graph_output(g, NODE(g, "MatMul", "", wide, WEIGHT(g, "w2", 6, 3)));
    CHECK_ONLY(g, "", "token.1: (Expand): this use of the operator");
}

static void shape__of_data_holds_no_axis(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(23);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 6));
    size_t zeros = NODE(g, "ConstantOfShape", "", NODE(g, "Shape", "", h));
    size_t count = NODE(g, "Cast", "to=1", NODE(g, "Size", "", h));
    h = NODE(g, "Add", "", NODE(g, "Add", "", h, zeros), count);
    finish(g, NODE(g, "Softmax", "", h), 6);
    CHECK(g, "6: w1.1 w2.0");
}

/* Sizes are numbers in an order, whatever is done with them. */
static void shape__as_numbers_is_fixed(void **state)
{
    (void)state;
    for (size_t is_reversed = 0; is_reversed < 2; is_reversed++) {
        test_graph *g = test_graph_create(28);
        size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, -1, 4), WEIGHT(g, "w1", 4, 6));
        size_t sizes = NODE(g, "Shape", "", h);
        if (is_reversed) {
            sizes = NODE(g, "Slice", "", sizes, INTS(g, -1), INTS(g, INT64_MIN), INTS(g, 0), INTS(g, -1));
        }
        sizes = NODE(g, "Mul", "", NODE(g, "Cast", "to=1", sizes), WEIGHT(g, "c", 3));
        h = NODE(g, "Add", "", h, NODE(g, "ReduceSum", "", NODE(g, "Sin", "", sizes)));
        test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 6, 3)));
        CHECK(g, "6: w1.1 w2.0", is_reversed ? "c.0: (Slice): it holds sizes" : "c.0: (Shape): it holds sizes");
    }
}

/* x0 and the symbol 4 meet in an addition, so that one of them may be 1: the sum's size is neither. */
static void reshape__by_a_size_that_was_broadcast_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(25);
    size_t sum = NODE(g, "Add", "", INPUT(g, "x", -1, 6), INPUT(g, "y", -4, 6));
    size_t h = NODE(g, "MatMul", "", INPUT(g, "u", -4, 5), WEIGHT(g, "w1", 5, 12)); /* [4, 12], or [1, 12] */
    size_t sizes = NODE(g, "Concat", "axis=0", NODE(g, "Shape", "start=0 end=1", sum), INTS(g, -1));
    h = NODE(g, "Reshape", "", h, sizes); /* where the sum has two rows, this has two too, of 6 */
    test_graph_output(g, NODE(g, "ReduceMax", "axes=[1] keepdims=0", h));
    CHECK(g, "", "w1.1: (Reshape): this use of the operator");
}

/* A mask of another input's batch and time: exporters name the same size twice. A reshape to sizes that are all known
 * shows that they are the same. */
static void reshape__settles_sizes_of_two_names(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(26);
    size_t x = INPUT(g, "x", -1, 2, 4);
    size_t h = NODE(g, "MatMul", "", x, WEIGHT(g, "w1", 4, 12));
    h = NODE(g, "Reshape", "", h, INTS(g, 0, 0, 3, 4));
    h = NODE(g, "Tanh", "", NODE(g, "Add", "", h, INPUT(g, "mask", -4, 1, 1, 1)));
    size_t batch = NODE(g, "Shape", "start=0 end=1", x);
    h = NODE(g, "Reshape", "", h, NODE(g, "Concat", "axis=0", batch, INTS(g, 2, 12)));
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 12, 3)));
    CHECK(g, "3b; 3x4i0: w1.1 w2.0");
}

static void range__numbers_positions(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(24);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 6));
    size_t zero = test_graph_scalar(g, OA_DTYPE_INT64, 0.0), one = test_graph_scalar(g, OA_DTYPE_INT64, 1.0);
    size_t six = NODE(g, "Gather", "", NODE(g, "Shape", "", h), one);
    size_t numbers = NODE(g, "Cast", "to=1", NODE(g, "Range", "", zero, six, one));
    finish(g, NODE(g, "Add", "", h, numbers), 6);
    CHECK(g, "", "w1.1: (Add): it may be broadcast", "w2.0: (Add)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flatten__behind_a_convolution_makes_blocks),
        cmocka_unit_test(flatten__around_other_axes),
        cmocka_unit_test(reshape__interleaves_behind_a_transpose),
        cmocka_unit_test(reshape__with_constant_sizes),
        cmocka_unit_test(reshape__with_computed_sizes),
        cmocka_unit_test(reshape__with_sizes_out_of_a_matrix),
        cmocka_unit_test(reshape__into_heads_and_back),
        cmocka_unit_test(reshape__merges_batch_and_time),
        cmocka_unit_test(reshape__across_the_units_is_fixed),
        cmocka_unit_test(reshape__to_sizes_known_at_run_time_only_is_fixed),
        cmocka_unit_test(reshape__shuffles_channels),
        cmocka_unit_test(squeeze__and_unsqueeze_in_both_forms),
        cmocka_unit_test(squeeze__of_unknown_sizes_is_fixed),
        cmocka_unit_test(concat__of_branches_feeds_a_layer),
        cmocka_unit_test(concat__with_other_borders_is_cut_at_all_of_them),
        cmocka_unit_test(concat__meets_a_product),
        cmocka_unit_test(concat__of_concatenations),
        cmocka_unit_test(concat__of_single_elements_says_why_it_stays),
        cmocka_unit_test(expand__makes_copies_that_may_move),
        cmocka_unit_test(expand__keeps_what_is_there),
        cmocka_unit_test(expand__makes_axes_that_a_flatten_merges),
        cmocka_unit_test(expand__to_computed_or_hostile_sizes),
        cmocka_unit_test(shape__of_data_holds_no_axis),
        cmocka_unit_test(shape__as_numbers_is_fixed),
        cmocka_unit_test(reshape__by_a_size_that_was_broadcast_is_fixed),
        cmocka_unit_test(reshape__settles_sizes_of_two_names),
        cmocka_unit_test(range__numbers_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
