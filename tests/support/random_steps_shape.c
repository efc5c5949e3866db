/* Steps of random graphs: operators that only move elements. */
#include "tests/support/random_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool transpose(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    size_t order[RANDOM_RANK_MAX + 1];
    int length = snprintf(text, sizeof text, "perm=[0");
    oa_random_permutation(order, x->rank - 1, &r->random);
    *y = *x;
    for (size_t i = 1; i < x->rank; i++) {
        y->dims[i] = x->dims[order[i - 1] + 1];
        length += snprintf(text + length, sizeof text - (size_t)length, ",%zu", order[i - 1] + 1);
    }
    snprintf(text + length, sizeof text - (size_t)length, "]");
    y->value = NODE(r->g, "Transpose", text, x->value);
    return true;
}

/* There with the batch moved, and back: [time, batch, units] is what recurrent models use. */
static bool transpose_batch(made *y, generator *r, const made *x)
{
    if (x->rank != 3) {
        return false;
    }
    size_t moved = NODE(r->g, "Transpose", "perm=[1,0,2]", x->value);
    size_t mixed = NODE(r->g, "MatMul", "", moved, weight_for(r, (double)x->dims[2], 2, TEST_DIMS(x->dims[2], 4)));
    *y = *x;
    y->dims[2] = 4;
    y->value = NODE(r->g, "Transpose", "perm=[1,0,2]", mixed);
    return true;
}

static bool flatten(made *y, generator *r, const made *x)
{
    *y = (made){.rank = 2, .dims = {x->dims[0], elements(x)}};
    y->value = NODE(r->g, "Flatten", chance(r, 50) ? "" : "axis=1", x->value);
    return true;
}

/* The sizes of y, the batch among them computed from x's own shape. */
static size_t computed_sizes(generator *r, const made *x, const made *y)
{
    size_t batch =
        NODE(r->g, "Gather", "axis=0", NODE(r->g, "Shape", "", x->value), test_graph_scalar(r->g, OA_DTYPE_INT64, 0.0));
    size_t batch_list =
        r->is_old ? NODE(r->g, "Unsqueeze", "axes=[0]", batch) : NODE(r->g, "Unsqueeze", "", batch, INTS(r->g, 0));
    size_t rest = test_graph_ints(r->g, NULL, y->rank - 1, y->dims + 1);
    return NODE(r->g, "Concat", "axis=0", batch_list, rest);
}

/* The sizes of y as Reshape's operand: computed, or constants with 0, -1 or both. */
static size_t reshape_sizes(generator *r, const made *x, const made *y)
{
    int64_t sizes[RANDOM_RANK_MAX + 1];
    memcpy(sizes, y->dims, sizeof sizes);
    size_t open = below(r, y->rank);
    size_t form = below(r, 4);
    if (form == 0) {
        return computed_sizes(r, x, y);
    }
    sizes[0] = form == 1 ? -1 : 0;
    if (form == 2 && open > 0) {
        sizes[open] = -1;
    }
    return test_graph_ints(r->g, NULL, y->rank, sizes);
}

static bool reshape(made *y, generator *r, const made *x)
{
    y->value = NODE(r->g, "Reshape", "", x->value, reshape_sizes(r, x, y));
    return true;
}

static bool split_axis(made *y, generator *r, const made *x)
{
    size_t axis = any_axis(r, x);
    int64_t outer = 2 + (int64_t)below(r, 3);
    if (x->rank == RANDOM_RANK_MAX || x->dims[axis] % outer != 0 || x->dims[axis] == outer) {
        return false;
    }
    *y = *x;
    y->rank++;
    memmove(y->dims + axis + 1, y->dims + axis, (x->rank - axis) * sizeof *y->dims);
    y->dims[axis] = outer;
    y->dims[axis + 1] = x->dims[axis] / outer;
    return reshape(y, r, x);
}

static bool merge_axes(made *y, generator *r, const made *x)
{
    size_t axis = any_axis(r, x);
    if (axis + 1 >= x->rank) {
        return false;
    }
    *y = *x;
    y->rank--;
    y->dims[axis] = x->dims[axis] * x->dims[axis + 1];
    memmove(y->dims + axis + 1, x->dims + axis + 2, (x->rank - axis - 2) * sizeof *y->dims);
    return reshape(y, r, x);
}

/* Any sizes with the same product: mostly cuts across the axes. */
static bool reshape_across(made *y, generator *r, const made *x)
{
    int64_t count = elements(x);
    int64_t outer = 2 + (int64_t)below(r, 5);
    if (count % outer) {
        return false;
    }
    *y = (made){.rank = 3, .dims = {x->dims[0], outer, count / outer}};
    return reshape(y, r, x);
}

/* Rows of all samples as one matrix, a product, and back by the shape of what was there. */
static bool rows_as_batch(made *y, generator *r, const made *x)
{
    if (x->rank != 3) {
        return false;
    }
    int64_t in = x->dims[2];
    size_t rows = NODE(r->g, "Reshape", "", x->value, INTS(r->g, -1, in));
    *y = *x;
    y->dims[2] = 6;
    size_t mixed = NODE(r->g, "Gemm", "", rows, weight_for(r, (double)in, 2, TEST_DIMS(in, 6)));
    y->value =
        NODE(r->g, "Reshape", "", mixed, chance(r, 50) ? computed_sizes(r, x, y) : INTS(r->g, -1, y->dims[1], 6));
    return true;
}

/* Groups of channels, then the other way round: what shuffling networks do. */
static bool shuffle(made *y, generator *r, const made *x)
{
    int64_t count = x->dims[1];
    if (x->rank != 2 || count % 2 || count == 2) {
        return false;
    }
    size_t apart = NODE(r->g, "Reshape", "", x->value, INTS(r->g, 0, 2, count / 2));
    size_t swapped = NODE(r->g, "Transpose", "perm=[0,2,1]", apart);
    *y = *x;
    y->value = NODE(r->g, "Reshape", "", swapped, INTS(r->g, 0, -1));
    return true;
}

static bool unsqueeze(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    size_t axis = 1 + below(r, x->rank);
    if (x->rank == RANDOM_RANK_MAX) {
        return false;
    }
    *y = *x;
    y->rank++;
    memmove(y->dims + axis + 1, y->dims + axis, (x->rank - axis) * sizeof *y->dims);
    y->dims[axis] = 1;
    size_t operand = list_operand(text, r, "axes", TEST_DIMS((int64_t)axis), 1);
    y->value = NODE(r->g, "Unsqueeze", text, x->value, operand);
    return true;
}

static bool squeeze(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    for (size_t axis = 1; axis < x->rank; axis++) {
        if (x->dims[axis] == 1) {
            *y = *x;
            y->rank--;
            memmove(y->dims + axis, x->dims + axis + 1, (x->rank - axis - 1) * sizeof *y->dims);
            size_t operand = list_operand(text, r, "axes", TEST_DIMS((int64_t)axis), 1);
            y->value = NODE(r->g, "Squeeze", text, x->value, operand);
            return true;
        }
    }
    return false;
}

/* Copies along an axis of size 1, or along a new one. */
static bool expand(made *y, generator *r, const made *x)
{
    for (size_t axis = 1; axis < x->rank; axis++) {
        if (x->dims[axis] == 1) {
            *y = *x;
            y->dims[axis] = 2 + (int64_t)below(r, 4);
            int64_t sizes[RANDOM_RANK_MAX + 1];
            memcpy(sizes, y->dims, sizeof sizes);
            sizes[0] = 1;
            y->value = NODE(r->g, "Expand", "", x->value, test_graph_ints(r->g, NULL, y->rank, sizes));
            return true;
        }
    }
    return false;
}

random_steps random_steps_shape(void)
{
    static random_step *const steps[] = {transpose,  transpose,  transpose_batch, flatten,        split_axis,
                                         split_axis, merge_axes, merge_axes,      reshape_across, unsqueeze,
                                         squeeze,    expand,     rows_as_batch,   shuffle};
    return (random_steps){steps, TEST_COUNT(steps)};
}
