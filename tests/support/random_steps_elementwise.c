/* Steps of random graphs: operators that work on each element by itself, with broadcasting. */
#include "tests/support/random_steps.h"

#include <stdio.h>

static bool unary(made *y, generator *r, const made *x)
{
    static const char *const operators[][2] = {
        {"Relu", ""},     {"Tanh", ""},     {"Sigmoid", ""}, {"LeakyRelu", "alpha=0.1"},
        {"Elu", ""},      {"Abs", ""},      {"Neg", ""},     {"Erf", ""},
        {"Softplus", ""}, {"Softsign", ""}, {"Sin", ""},     {"HardSigmoid", ""},
        {"Selu", ""},     {"Identity", ""}, {"Dropout", ""}, {"Atan", ""},
        {"Celu", ""},     {"Relu", ""},     {"Relu", ""},    {"Tanh", ""},
        {"HardSwish", ""}};
    const char *const *op = operators[below(r, TEST_COUNT(operators))];
    *y = *x;
    y->value = NODE(r->g, op[0], op[1], x->value);
    return true;
}

/* An operand that lines up with x from the right: some axes left out, some of size 1, never of the batch's size. */
static size_t small_operand(generator *r, const made *x)
{
    int64_t dims[RANDOM_RANK_MAX + 1];
    size_t rank = below(r, x->rank);
    for (size_t i = 0; i < rank; i++) {
        dims[i] = chance(r, 30) ? 1 : x->dims[x->rank - rank + i];
    }
    return weight_for(r, 1.0, rank, dims);
}

static bool with_weight(made *y, generator *r, const made *x)
{
    static const char *const operators[] = {"Add", "Mul", "Sub", "Max", "Min", "Sum", "Mean", "PRelu"};
    const char *op = operators[below(r, TEST_COUNT(operators))];
    *y = *x;
    y->value = NODE(r->g, op, "", x->value, small_operand(r, x));
    return true;
}

static bool with_partner(made *y, generator *r, const made *x)
{
    static const char *const operators[] = {"Add", "Add", "Add", "Mul", "Sub", "Max", "Mean", "Sum"};
    const char *op = operators[below(r, TEST_COUNT(operators))];
    *y = *x;
    y->value = NODE(r->g, op, "", x->value, partner(r, x, OA_NONE)->value);
    return true;
}

static bool of_three(made *y, generator *r, const made *x)
{
    static const char *const operators[] = {"Sum", "Max", "Min", "Mean"};
    const char *op = operators[below(r, TEST_COUNT(operators))];
    *y = *x;
    y->value = NODE(r->g, op, "", x->value, partner(r, x, OA_NONE)->value, small_operand(r, x));
    return true;
}

/* Where(x > w, x, w): continuous in x. */
static bool where(made *y, generator *r, const made *x)
{
    size_t w = small_operand(r, x);
    *y = *x;
    y->value = NODE(r->g, "Where", "", NODE(r->g, "Greater", "", x->value, w), x->value, w);
    return true;
}

static bool clip(made *y, generator *r, const made *x)
{
    *y = *x;
    if (r->g->float_type == OA_DTYPE_FLOAT && chance(r, 50)) {
        size_t low = test_graph_scalar(r->g, OA_DTYPE_FLOAT, -0.5);
        y->value = NODE(r->g, "Clip", "", x->value, low, test_graph_scalar(r->g, OA_DTYPE_FLOAT, 1.5));
        return true;
    }
    y->value = NODE(r->g, "Clip", "", x->value, OA_NONE, test_graph_scalar(r->g, r->g->float_type, 1.0));
    return true;
}

/* x / (1 + |x|) and x^2, by operators of two operands. */
static bool quotient(made *y, generator *r, const made *x)
{
    size_t one = test_graph_scalar(r->g, r->g->float_type, 1.0);
    *y = *x;
    y->value = NODE(r->g, "Div", "", x->value, NODE(r->g, "Add", "", one, NODE(r->g, "Abs", "", x->value)));
    if (chance(r, 50)) {
        y->value = NODE(r->g, "Pow", "", y->value, test_graph_scalar(r->g, r->g->float_type, 2.0));
    }
    return true;
}

random_steps random_steps_elementwise(void)
{
    static random_step *const steps[] = {unary,        unary,    unary, with_weight, with_weight, with_partner,
                                         with_partner, of_three, where, clip,        quotient};
    return (random_steps){steps, TEST_COUNT(steps)};
}
