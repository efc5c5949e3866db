/* Steps of random graphs: concatenating, splitting, cutting out, picking. */
#include "tests/support/random_steps.h"

#include <stdio.h>
#include <string.h>

/* With another value or with itself. */
static bool concat(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    size_t axis = any_axis(r, x);
    const made *other = partner(r, x, axis);
    snprintf(text, sizeof text, "axis=%zu", axis);
    *y = *x;
    y->dims[axis] += other->dims[axis];
    y->value = NODE(r->g, "Concat", text, x->value, other->value);
    return true;
}

/* Two concatenations of the same length whose borders differ, added. */
static bool crossed_concats(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    size_t axis = any_axis(r, x);
    const made *other = partner(r, x, axis);
    snprintf(text, sizeof text, "axis=%zu", axis);
    *y = *x;
    y->dims[axis] += other->dims[axis];
    size_t one = NODE(r->g, "Concat", text, x->value, other->value);
    y->value = NODE(r->g, "Add", "", one, NODE(r->g, "Concat", text, other->value, x->value));
    return true;
}

/* In two or three parts; then one of them, all in another order, or a gate. */
static bool split(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    char attributes[RANDOM_TEXT_SIZE + 16];
    size_t axis = any_axis(r, x);
    int64_t size = x->dims[axis];
    int64_t first = 1 + (int64_t)below(r, 6);
    size_t parts[2];
    if (first >= size) {
        return false;
    }
    bool is_even = size % 2 == 0 && chance(r, 50);
    int64_t sizes[2] = {is_even ? size / 2 : first, is_even ? size / 2 : size - first};
    size_t operand = list_operand(text, r, "split", sizes, 2);
    snprintf(attributes, sizeof attributes, "%s axis=%zu", text, axis);
    NODES(parts, r->g, "Split", attributes, x->value, operand);
    *y = *x;
    if (is_even && chance(r, 50)) {
        y->dims[axis] = size / 2;
        y->value = NODE(r->g, "Mul", "", parts[0], NODE(r->g, "Sigmoid", "", parts[1]));
    } else if (chance(r, 50)) {
        snprintf(text, sizeof text, "axis=%zu", axis);
        y->value = NODE(r->g, "Concat", text, parts[1], NODE(r->g, "Tanh", "", parts[0]));
    } else {
        size_t which = below(r, 2);
        y->dims[axis] = sizes[which];
        y->value = parts[which];
    }
    return true;
}

/* Three equal parts of one product, as fused queries, keys and values come. */
static bool split_three(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    char attributes[RANDOM_TEXT_SIZE + 16];
    size_t parts[3];
    size_t last = x->rank - 1;
    int64_t in = x->dims[last];
    size_t fused = NODE(r->g, "MatMul", "", x->value, weight_for(r, (double)in, 2, TEST_DIMS(in, 12)));
    size_t operand = list_operand(text, r, "split", TEST_DIMS(4, 4, 4), 3);
    snprintf(attributes, sizeof attributes, "%s axis=-1", text);
    NODES(parts, r->g, "Split", attributes, fused, operand);
    *y = *x;
    y->dims[last] = 4;
    size_t gated = NODE(r->g, "Mul", "", parts[0], NODE(r->g, "Tanh", "", parts[1]));
    y->value = NODE(r->g, "Add", "", gated, parts[2]);
    return true;
}

static bool slice(made *y, generator *r, const made *x)
{
    char attributes[RANDOM_TEXT_SIZE];
    size_t axis = any_axis(r, x);
    int64_t size = x->dims[axis];
    int64_t start = (int64_t)below(r, (size_t)size);
    int64_t end = start + 1 + (int64_t)below(r, (size_t)(size - start));
    int64_t step = r->is_old || chance(r, 80) ? 1 : 2;
    int64_t far = end == size && chance(r, 50) ? INT64_MAX : end;
    *y = *x;
    y->dims[axis] = (end - start + step - 1) / step;
    if (r->is_old) {
        r->g->version = 9;
        snprintf(attributes, sizeof attributes, "starts=[%lld] ends=[%lld] axes=[%zu]", (long long)start,
                 (long long)far, axis);
        y->value = NODE(r->g, "Slice", attributes, x->value);
        r->g->version = 11;
        return true;
    }
    y->value = NODE(r->g, "Slice", "", x->value, INTS(r->g, start), INTS(r->g, far),
                    INTS(r->g, (int64_t)axis - (int64_t)x->rank), INTS(r->g, step));
    return true;
}

/* Rows picked by constant indices; one index takes the axis away. */
static bool gather(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    size_t axis = any_axis(r, x);
    int64_t size = x->dims[axis];
    int64_t at[3];
    for (size_t i = 0; i < 3; i++) {
        at[i] = (int64_t)below(r, (size_t)size);
    }
    snprintf(text, sizeof text, "axis=%zu", axis);
    *y = *x;
    if (x->rank > 2 && chance(r, 40)) {
        y->rank--;
        memmove(y->dims + axis, x->dims + axis + 1, (x->rank - axis - 1) * sizeof *y->dims);
        y->value = NODE(r->g, "Gather", text, x->value, test_graph_scalar(r->g, OA_DTYPE_INT64, (double)at[0]));
        return true;
    }
    y->dims[axis] = 3;
    y->value = NODE(r->g, "Gather", text, x->value, test_graph_ints(r->g, NULL, 3, at));
    return true;
}

/* Pad has no rule: everything that it touches is fixed. */
static bool pad(made *y, generator *r, const made *x)
{
    int64_t pads[2 * RANDOM_RANK_MAX] = {0};
    size_t axis = any_axis(r, x);
    if (r->is_old || chance(r, 60)) {
        return false;
    }
    pads[axis] = 1;
    *y = *x;
    y->dims[axis]++;
    y->value = NODE(r->g, "Pad", "", x->value, test_graph_ints(r->g, NULL, 2 * x->rank, pads));
    return true;
}

/* Places of maxima are numbers that count in the order of the channels. */
static bool pool_with_places(made *y, generator *r, const made *x)
{
    size_t outputs[2];
    if (x->rank != 4 || x->dims[2] < 2 || x->dims[3] < 2 || chance(r, 50)) {
        return false;
    }
    NODES(outputs, r->g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", x->value);
    *y = *x;
    y->dims[2] /= 2;
    y->dims[3] /= 2;
    size_t places = NODE(r->g, "Cast", r->g->float_type == OA_DTYPE_FLOAT ? "to=1" : "to=11", outputs[1]);
    size_t scaled = NODE(r->g, "Mul", "", places, test_graph_scalar(r->g, r->g->float_type, 0.01));
    y->value = NODE(r->g, "Add", "", outputs[0], scaled);
    return true;
}

random_steps random_steps_select(void)
{
    static random_step *const steps[] = {concat, concat,      crossed_concats, split, split,
                                         slice,  split_three, gather,          pad,   pool_with_places};
    return (random_steps){steps, TEST_COUNT(steps)};
}
