/* What discovery finds around operators that work on each element by itself, with broadcasting. */
#include "tests/support/cmocka_all.h"
#include "tests/support/symmetry_check.h"

#include <string.h>

/* [B, 8] hidden numbers in (0, 1), which every function here takes. */
static size_t hidden(test_graph *g)
{
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 8), WEIGHT(g, "b1", 8));
    return NODE(g, "Sigmoid", "", h);
}

static void finish(test_graph *g, size_t h, int64_t units)
{
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", units, 3)));
}

static void unary__functions_keep_the_units(void **state)
{
    (void)state;
    static const char *const operators[] = {
        "Abs",      "Acos",           "Asin", "Asinh", "Atan", "Atanh",      "Ceil",     "Celu",        "Cos",
        "Cosh",     "Dropout",        "Elu",  "Erf",   "Exp",  "Floor",      "Gelu",     "HardSigmoid", "HardSwish",
        "Identity", "LeakyRelu",      "Log",  "Mish",  "Neg",  "Reciprocal", "Relu",     "Round",       "Selu",
        "Shrink",   "Sigmoid",        "Sign", "Sin",   "Sinh", "Softplus",   "Softsign", "Sqrt",        "Tan",
        "Tanh",     "ThresholdedRelu"};
    for (size_t i = 0; i < TEST_COUNT(operators); i++) {
        bool can_be_zero = strcmp(operators[i], "Floor") == 0 || strcmp(operators[i], "ThresholdedRelu") == 0;
        test_graph *g = test_graph_create(1 + i);
        g->version = 20;
        size_t h = hidden(g);
        h = can_be_zero ? NODE(g, "Mul", "", h, test_graph_scalar(g, OA_DTYPE_FLOAT, 3.0)) : h;
        finish(g, NODE(g, operators[i], "", h), 8);
        CHECK(g, "8: w1.1 b1.0 w2.0");
    }
}

static void unary__acosh_cast_and_tests(void **state)
{
    (void)state;
    static const char *const tests[] = {"IsNaN", "IsInf", "Not"};
    test_graph *g = test_graph_create(2);
    size_t above_one = NODE(g, "Add", "", hidden(g), test_graph_scalar(g, OA_DTYPE_FLOAT, 1.5));
    size_t wide = NODE(g, "Cast", "to=11", NODE(g, "Acosh", "", above_one));
    finish(g, NODE(g, "CastLike", "", wide, test_graph_scalar(g, OA_DTYPE_FLOAT, 0.0)), 8);
    CHECK(g, "8: w1.1 b1.0 w2.0");
    for (size_t i = 0; i < TEST_COUNT(tests); i++) {
        g = test_graph_create(3);
        size_t h = hidden(g);
        size_t logical = i == 2 ? NODE(g, "Greater", "", h, WEIGHT(g, "c", 8)) : h;
        size_t truth = NODE(g, "Cast", "to=1", NODE(g, tests[i], "", logical));
        finish(g, NODE(g, "Add", "", truth, h), 8);
        CHECK(g, i == 2 ? "8: w1.1 b1.0 c.0 w2.0" : "8: w1.1 b1.0 w2.0");
    }
}

static void binary__operands_move_along(void **state)
{
    (void)state;
    static const char *const operators[] = {"Add", "Div", "Max", "Mean", "Min", "Mul", "Pow", "PRelu", "Sub", "Sum"};
    for (size_t i = 0; i < TEST_COUNT(operators); i++) {
        test_graph *g = test_graph_create(10 + i);
        finish(g, NODE(g, operators[i], "", hidden(g), POSITIVE(g, "c", 8)), 8);
        CHECK(g, "8: w1.1 b1.0 c.0 w2.0");
    }
}

static void binary__tests_move_along(void **state)
{
    (void)state;
    static const char *const operators[] = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"};
    static const char *const logic[] = {"And", "Or", "Xor"};
    for (size_t i = 0; i < TEST_COUNT(operators); i++) {
        test_graph *g = test_graph_create(30 + i);
        size_t h = hidden(g);
        size_t truth = NODE(g, operators[i], "", h, POSITIVE(g, "c", 8));
        truth = NODE(g, logic[i % 3], "", truth, NODE(g, "Greater", "", h, POSITIVE(g, "d", 1, 8)));
        finish(g, NODE(g, "Where", "", truth, h, WEIGHT(g, "e", 8)), 8);
        CHECK(g, "8: w1.1 b1.0 c.0 d.1 e.0 w2.0");
    }
}

/* Of the two constants only one is the same for all units. */
static void binary__integers_that_vary_are_fixed(void **state)
{
    (void)state;
    static const unsigned char shifts[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    static const int64_t sevens[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (uint64_t varies = 0; varies < 2; varies++) {
        test_graph *g = test_graph_create(40 + varies);
        size_t scaled = NODE(g, "Mul", "", hidden(g), test_graph_scalar(g, OA_DTYPE_FLOAT, 30.0));
        size_t h = NODE(g, "BitShift", "direction=LEFT", NODE(g, "Cast", "to=2", scaled),
                        test_graph_constant(g, "shifts", OA_DTYPE_UINT8, 1, TEST_DIMS(8), shifts));
        h = NODE(g, "Cast", "to=7", h);
        if (varies) {
            h = NODE(g, "Mod", "", h, test_graph_constant(g, "sevens", OA_DTYPE_INT64, 1, TEST_DIMS(8), sevens));
        }
        finish(g, NODE(g, "Cast", "to=1", h), 8);
        if (varies) {
            CHECK(g, "", "sevens.0: it is no weight, so it cannot be averaged");
        } else {
            CHECK(g, "8: w1.1 b1.0 shifts.0 w2.0");
        }
    }
}

static void broadcast__of_single_elements_carries_nothing(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(50);
    size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, 5, 4), WEIGHT(g, "w1", 4, 8));
    h = NODE(g, "Mul", "", WEIGHT(g, "scalar", 1), h);
    h = NODE(g, "Add", "", h, WEIGHT(g, "column", 5, 1));
    h = NODE(g, "Add", "", h, WEIGHT(g, "row", 1, 1, 8));
    test_graph_output(g, NODE(g, "MatMul", "", h, WEIGHT(g, "w2", 8, 3)));
    CHECK(g, "8: w1.1 row.2 w2.0", "column.0: graph input 'x'");
}

static void broadcast__against_an_unknown_size_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(51);
    size_t h = NODE(g, "MatMul", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 8)); /* [x0, 8] */
    h = NODE(g, "Add", "", NODE(g, "Transpose", "", h), INPUT(g, "y", 8, -1));
    test_graph_output(g, NODE(g, "Mul", "", h, WEIGHT(g, "c", 1, 2)));
    CHECK_ONLY(g, "", "w1.1: graph input 'y'", "c.1: may be broadcast");
}

static void residual__stream_is_one_group(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(52);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w0", 4, 6));
    for (size_t i = 0; i < 2; i++) {
        size_t inner = NODE(g, "Relu", "", NODE(g, "Gemm", "", h, WEIGHT(g, i ? "u2" : "u1", 6, 8)));
        h = NODE(g, "Add", "", h, NODE(g, "Gemm", "", inner, WEIGHT(g, i ? "v2" : "v1", 8, 6)));
    }
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w9", 6, 3)));
    CHECK(g, "6: w0.1 u1.0 v1.1 u2.0 v2.1 w9.0; 8: u1.1 v1.0; 8: u2.1 v2.0");
}

static void where__moves_with_a_condition_that_is_the_same_for_all(void **state)
{
    (void)state;
    static const unsigned char mask[8] = {1, 0, 1, 1, 0, 0, 1, 0};
    test_graph *g = test_graph_create(53);
    size_t condition = test_graph_constant(g, "mask", OA_DTYPE_BOOL, 1, TEST_DIMS(8), mask);
    finish(g, NODE(g, "Where", "", condition, hidden(g), WEIGHT(g, "c", 8)), 8);
    CHECK(g, "", "mask.0: it is no weight, so it cannot be averaged");
    static const unsigned char all[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    g = test_graph_create(54);
    condition = test_graph_constant(g, "mask", OA_DTYPE_BOOL, 1, TEST_DIMS(8), all);
    finish(g, NODE(g, "Where", "", condition, hidden(g), WEIGHT(g, "c", 8)), 8);
    CHECK(g, "8: w1.1 b1.0 mask.0 c.0 w2.0");
}

static void clip__with_bounds_as_inputs_or_attributes(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(54);
    size_t low = test_graph_scalar(g, OA_DTYPE_FLOAT, 0.3);
    finish(g, NODE(g, "Clip", "", hidden(g), low, test_graph_scalar(g, OA_DTYPE_FLOAT, 0.6)), 8);
    CHECK(g, "8: w1.1 b1.0 w2.0");
    g = test_graph_create(55);
    g->version = 6;
    finish(g, NODE(g, "Clip", "min=0.3 max=0.6", hidden(g)), 8);
    CHECK(g, "8: w1.1 b1.0 w2.0");
}

static void prelu__slopes_line_up_with_the_channels(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(56);
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 7, 7), WEIGHT(g, "w1", 5, 3, 3, 3));
    h = NODE(g, "PRelu", "", h, WEIGHT(g, "slope", 5, 1, 1));
    h = NODE(g, "Flatten", "", NODE(g, "GlobalMaxPool", "", h));
    finish(g, h, 5);
    CHECK(g, "5: w1.0 slope.0 w2.0");
}

/* Before operator set 7 a vector of slopes lay along axis 1, where broadcasting as it is now puts it on the last axis;
 * here both have five elements. */
static void prelu__of_old_operator_sets_does_not_broadcast_as_now(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(57);
    g->version = 6;
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 7, 7), WEIGHT(g, "w1", 5, 3, 3, 3));
    h = NODE(g, "PRelu", "", h, WEIGHT(g, "slope", 5));
    h = NODE(g, "Flatten", "", NODE(g, "GlobalMaxPool", "", h));
    finish(g, h, 5);
    CHECK(g, "5: w1.0 slope.0 w2.0");
    g = test_graph_create(57);
    g->version = 6;
    h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 7, 7), WEIGHT(g, "w1", 5, 3, 3, 3));
    h = NODE(g, "PRelu", "", h, WEIGHT(g, "slope", 1));
    finish(g, NODE(g, "Flatten", "", NODE(g, "GlobalMaxPool", "", h)), 5);
    CHECK(g, "5: w1.0 w2.0");
    g = test_graph_create(57);
    g->version = 6;
    h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 7, 7), WEIGHT(g, "w1", 5, 3, 3, 3));
    h = NODE(g, "PRelu", "", h, WEIGHT(g, "slope", 5, 1, 1));
    finish(g, NODE(g, "Flatten", "", NODE(g, "GlobalMaxPool", "", h)), 5);
    CHECK_ONLY(g, "", "w1.0: (PRelu): this use of the operator", "slope.0: (PRelu)");
}

static void broadcast__by_attribute_of_old_operator_sets_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(58);
    g->version = 6;
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 7, 7), WEIGHT(g, "w1", 5, 3, 3, 3));
    h = NODE(g, "Add", "broadcast=1 axis=1", h, WEIGHT(g, "bias", 5));
    finish(g, NODE(g, "Flatten", "", NODE(g, "GlobalMaxPool", "", h)), 5);
    CHECK_ONLY(g, "", "w1.0: (Add)", "bias.0: (Add)");
}

static void dropout__at_inference_is_nothing(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(59);
    size_t ratio = test_graph_scalar(g, OA_DTYPE_FLOAT, 0.5);
    finish(g, NODE(g, "Dropout", "", hidden(g), ratio, test_graph_scalar(g, OA_DTYPE_BOOL, 0.0)), 8);
    CHECK(g, "8: w1.1 b1.0 w2.0");
}

static void dropout__while_training_is_fixed(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(60);
    size_t ratio = test_graph_scalar(g, OA_DTYPE_FLOAT, 0.5);
    finish(g, NODE(g, "Dropout", "", hidden(g), ratio, test_graph_scalar(g, OA_DTYPE_BOOL, 1.0)), 8);
    CHECK_ONLY(g, "", "w1.1: (Dropout): this use of the operator", "w2.0: (Gemm)");
    g = test_graph_create(61);
    g->version = 6;
    finish(g, NODE(g, "Dropout", "", hidden(g)), 8);
    CHECK_ONLY(g, "", "w1.1: (Dropout): this use of the operator");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary__functions_keep_the_units),
        cmocka_unit_test(unary__acosh_cast_and_tests),
        cmocka_unit_test(binary__operands_move_along),
        cmocka_unit_test(binary__tests_move_along),
        cmocka_unit_test(binary__integers_that_vary_are_fixed),
        cmocka_unit_test(broadcast__of_single_elements_carries_nothing),
        cmocka_unit_test(broadcast__against_an_unknown_size_is_fixed),
        cmocka_unit_test(residual__stream_is_one_group),
        cmocka_unit_test(where__moves_with_a_condition_that_is_the_same_for_all),
        cmocka_unit_test(clip__with_bounds_as_inputs_or_attributes),
        cmocka_unit_test(prelu__slopes_line_up_with_the_channels),
        cmocka_unit_test(prelu__of_old_operator_sets_does_not_broadcast_as_now),
        cmocka_unit_test(broadcast__by_attribute_of_old_operator_sets_is_fixed),
        cmocka_unit_test(dropout__at_inference_is_nothing),
        cmocka_unit_test(dropout__while_training_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
