/* Steps of random graphs: products with weights, convolutions, pooling, reductions and normalisation. */
#include "tests/support/random_steps.h"

#include <stdio.h>
#include <string.h>

static int64_t any_width(generator *r)
{
    static const int64_t sizes[] = {2, 3, 4, 6, 6, 8, 12};
    return sizes[below(r, TEST_COUNT(sizes))];
}

static bool gemm(made *y, generator *r, const made *x)
{
    bool is_transposed = chance(r, 50);
    int64_t in = x->dims[1];
    int64_t out = any_width(r);
    if (x->rank != 2) {
        return false;
    }
    size_t w = weight_for(r, (double)in, 2, is_transposed ? TEST_DIMS(out, in) : TEST_DIMS(in, out));
    size_t bias = chance(r, 30)   ? OA_NONE
                  : chance(r, 70) ? weight_for(r, 1.0, 1, &out)
                                  : weight_for(r, 1.0, 2, TEST_DIMS(1, chance(r, 80) ? out : 1));
    *y = (made){.rank = 2, .dims = {x->dims[0], out}};
    y->value = NODE(r->g, "Gemm", is_transposed ? "transB=1" : "alpha=0.5 beta=2.0", x->value, w, bias);
    return true;
}

static bool matmul(made *y, generator *r, const made *x)
{
    size_t last = x->rank - 1;
    int64_t in = x->dims[last];
    *y = *x;
    y->dims[last] = any_width(r);
    y->value = NODE(r->g, "MatMul", "", x->value, weight_for(r, (double)in, 2, TEST_DIMS(in, y->dims[last])));
    if (chance(r, 60)) {
        y->value = NODE(r->g, "Add", "", weight_for(r, 1.0, 1, &y->dims[last]), y->value);
    }
    return true;
}

/* A matrix from the left, over the axis before the last. */
static bool mix_rows(made *y, generator *r, const made *x)
{
    if (x->rank < 3) {
        return false;
    }
    size_t axis = x->rank - 2;
    int64_t in = x->dims[axis];
    *y = *x;
    y->dims[axis] = any_width(r);
    y->value = NODE(r->g, "MatMul", "", weight_for(r, (double)in, 2, TEST_DIMS(y->dims[axis], in)), x->value);
    return true;
}

/* Softmax(q k^T) v with or without weights of its own, [batch, time, units]. */
static bool attention(made *y, generator *r, const made *x)
{
    if (x->rank != 3) {
        return false;
    }
    int64_t in = x->dims[2];
    int64_t inner = any_width(r);
    size_t q = NODE(r->g, "MatMul", "", x->value, weight_for(r, (double)in, 2, TEST_DIMS(in, inner)));
    size_t k = NODE(r->g, "MatMul", "", x->value, weight_for(r, (double)in, 2, TEST_DIMS(in, inner)));
    size_t scores = NODE(r->g, "MatMul", "", q, NODE(r->g, "Transpose", "perm=[0,2,1]", k));
    size_t shares = NODE(r->g, "Softmax", "axis=2", scores);
    *y = *x;
    y->value = NODE(r->g, "MatMul", "", shares, x->value);
    return true;
}

static const char *repeated(char *text, const char *name, int64_t value, size_t count)
{
    int length = snprintf(text, RANDOM_TEXT_SIZE, "%s=[", name);
    for (size_t i = 0; i < count; i++) {
        length += snprintf(text + length, RANDOM_TEXT_SIZE - (size_t)length, "%s%lld", i ? "," : "", (long long)value);
    }
    snprintf(text + length, RANDOM_TEXT_SIZE - (size_t)length, "]");
    return text;
}

/* kernel, stride and padding that fit, as attributes; y's spatial sizes. */
static bool window(char *text, made *y, int64_t *kernel, generator *r, const made *x, bool has_kernel_shape)
{
    char part[RANDOM_TEXT_SIZE];
    size_t spatial = x->rank - 2;
    int64_t stride = 1 + (int64_t)chance(r, 25);
    int64_t pad = 0;
    *kernel = 1 + (int64_t)below(r, 3);
    pad = *kernel > 1 ? (int64_t)below(r, 2) : 0;
    for (size_t i = 2; i < x->rank; i++) {
        int64_t room = x->dims[i] + 2 * pad - *kernel;
        if (room < 0) {
            return false;
        }
        y->dims[i] = room / stride + 1;
    }
    int length = snprintf(text, RANDOM_TEXT_SIZE, "%s", repeated(part, "strides", stride, spatial));
    length +=
        snprintf(text + length, RANDOM_TEXT_SIZE - (size_t)length, " %s", repeated(part, "pads", pad, 2 * spatial));
    if (has_kernel_shape) {
        snprintf(text + length, RANDOM_TEXT_SIZE - (size_t)length, " %s",
                 repeated(part, "kernel_shape", *kernel, spatial));
    }
    return true;
}

/* In one group, in several, or depthwise with one or more outputs a channel. */
static bool conv(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    char attributes[RANDOM_TEXT_SIZE + 16];
    int64_t kernel;
    *y = *x;
    if (x->rank < 3 || !window(text, y, &kernel, r, x, false)) {
        return false;
    }
    int64_t groups = 1;
    if (chance(r, 50)) {
        static const int64_t divisors[] = {2, 3, 4};
        groups = chance(r, 40) ? x->dims[1] : divisors[below(r, TEST_COUNT(divisors))];
        groups = x->dims[1] % groups ? 1 : groups;
    }
    y->dims[1] = groups == 1 ? any_width(r) : groups * (int64_t)(1 + below(r, 3));
    int64_t shape[RANDOM_RANK_MAX + 1] = {y->dims[1], x->dims[1] / groups};
    double fan_in = (double)shape[1];
    for (size_t i = 2; i < x->rank; i++) {
        shape[i] = kernel;
        fan_in *= (double)kernel;
    }
    snprintf(attributes, sizeof attributes, "%s group=%lld", text, (long long)groups);
    size_t bias = chance(r, 60) ? weight_for(r, 1.0, 1, &y->dims[1]) : OA_NONE;
    y->value = NODE(r->g, "Conv", attributes, x->value, weight_for(r, fan_in, x->rank, shape), bias);
    return elements(y) > 0;
}

static bool batch_normalization(made *y, generator *r, const made *x)
{
    int64_t channels = x->dims[1];
    size_t scale = weight_for(r, 1.0, 1, &channels);
    size_t shift = weight_for(r, 1.0, 1, &channels);
    size_t mean = weight_for(r, 1.0, 1, &channels);
    *y = *x;
    y->value = NODE(r->g, "BatchNormalization", "", x->value, scale, shift, mean, POSITIVE(r->g, NULL, channels));
    return true;
}

static bool pooling(made *y, generator *r, const made *x)
{
    static const char *const operators[] = {"MaxPool", "AveragePool", "LpPool"};
    char text[RANDOM_TEXT_SIZE];
    int64_t kernel;
    *y = *x;
    if (x->rank < 3 || !window(text, y, &kernel, r, x, true)) {
        return false;
    }
    y->value = NODE(r->g, operators[below(r, TEST_COUNT(operators))], text, x->value);
    return true;
}

static bool global_pooling(made *y, generator *r, const made *x)
{
    static const char *const operators[] = {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"};
    if (x->rank < 3) {
        return false;
    }
    *y = *x;
    for (size_t i = 2; i < x->rank; i++) {
        y->dims[i] = 1;
    }
    y->value = NODE(r->g, operators[below(r, TEST_COUNT(operators))], "", x->value);
    return true;
}

/* Over one or two axes; the result may go back onto the data, as squeeze and excitation and layer norm do. */
static bool reduction(made *y, generator *r, const made *x)
{
    static const char *const operators[] = {"ReduceMean", "ReduceMean",      "ReduceSum",
                                            "ReduceMax",  "ReduceMin",       "ReduceL1",
                                            "ReduceL2",   "ReduceLogSumExp", "ReduceSumSquare"};
    const char *op = operators[below(r, TEST_COUNT(operators))];
    char text[RANDOM_TEXT_SIZE];
    char attributes[RANDOM_TEXT_SIZE + 16];
    int64_t axes[2] = {(int64_t)any_axis(r, x), 0};
    axes[1] = (int64_t)any_axis(r, x);
    size_t count = axes[0] != axes[1] && chance(r, 40) ? 2 : 1;
    bool keeps = chance(r, 60);
    bool goes_back = keeps && chance(r, 50);
    axes[0] -= chance(r, 30) ? (int64_t)x->rank : 0;
    size_t operand = list_operand(text, r, "axes", axes, count);
    snprintf(attributes, sizeof attributes, "%s keepdims=%d", text, keeps);
    *y = (made){0};
    for (size_t i = 0; i < x->rank; i++) {
        int64_t at = (int64_t)i;
        bool is_reduced = at == axes[0] || at == axes[0] + (int64_t)x->rank || (count == 2 && at == axes[1]);
        if (!is_reduced || keeps) {
            y->dims[y->rank++] = is_reduced ? 1 : x->dims[i];
        }
    }
    y->value = NODE(r->g, op, attributes, x->value, operand);
    if (goes_back) {
        const char *back = chance(r, 50) ? "Sub" : "Mul";
        size_t bounded = NODE(r->g, "Tanh", "", y->value);
        *y = *x;
        y->value = NODE(r->g, back, "", x->value, bounded);
    }
    return true;
}

static bool softmax(made *y, generator *r, const made *x)
{
    char text[RANDOM_TEXT_SIZE];
    snprintf(text, sizeof text, "axis=%zu", any_axis(r, x));
    *y = *x;
    y->value = NODE(r->g, chance(r, 80) ? "Softmax" : "LogSoftmax", text, x->value);
    return true;
}

random_steps random_steps_linear(void)
{
    static random_step *const steps[] = {
        gemm, gemm, matmul,  matmul,         mix_rows,  attention, conv,    conv,
        conv, conv, pooling, global_pooling, reduction, reduction, softmax, batch_normalization};
    return (random_steps){steps, TEST_COUNT(steps)};
}
