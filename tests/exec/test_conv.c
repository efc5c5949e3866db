/* Conv against a reference that walks all indices in double precision. */
#include "tests/exec/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct conv_case {
    size_t rank;                                     /* spatial axes */
    size_t batch, groups, in_channels, out_channels; /* channels of one group */
    size_t in[3], kernel[3], out[3];
    int64_t stride[3], dilation[3], pads[6];
    bool has_bias;
} conv_case;

/* The element of x that output `at` sees through tap `tap`: *index goes from its channel to it. False outside. */
static bool find_place(size_t *index, const conv_case *c, const size_t *at, const size_t *tap)
{
    bool is_inside = true;
    for (size_t d = 0; d < c->rank; d++) {
        int64_t place = (int64_t)at[2 + d] * c->stride[d] + (int64_t)tap[1 + d] * c->dilation[d] - c->pads[d];
        is_inside = is_inside && place >= 0 && place < (int64_t)c->in[d];
        *index = *index * c->in[d] + (is_inside ? (size_t)place : 0);
    }
    return is_inside;
}

/* y [batch, groups * out_channels, out...], from the definition. */
static oa_array reference(const conv_case *c, const oa_array *x, const oa_array *w, const oa_array *bias)
{
    size_t dims[5] = {c->batch, c->groups * c->out_channels}, kernel_dims[4] = {c->in_channels};
    for (size_t d = 0; d < c->rank; d++) {
        dims[2 + d] = c->out[d];
        kernel_dims[1 + d] = c->kernel[d];
    }
    oa_array y = make_array(OA_DTYPE_DOUBLE, dims, c->rank + 2);
    size_t taps = c->in_channels;
    for (size_t d = 0; d < c->rank; d++) {
        taps *= c->kernel[d];
    }
    for (size_t i = 0; i < y.count; i++) {
        size_t at[5], tap[4];
        unravel(at, i, dims, c->rank + 2);
        double sum = bias ? number_at(bias, at[1]) : 0.0;
        for (size_t t = 0; t < taps; t++) {
            unravel(tap, t, kernel_dims, c->rank + 1);
            size_t channel = at[1] / c->out_channels * c->in_channels + tap[0];
            size_t from = at[0] * c->groups * c->in_channels + channel;
            if (find_place(&from, c, at, tap)) {
                sum += number_at(x, from) * number_at(w, at[1] * taps + t);
            }
        }
        ((double *)y.data)[i] = sum;
    }
    return y;
}

static conv_case random_case(oa_random *random, size_t rank)
{
    conv_case c = {.rank = rank};
    c.batch = random_between(random, 1, 3);
    c.groups = random_between(random, 1, 4);
    c.in_channels = random_between(random, 1, 3);
    c.out_channels = random_between(random, 1, 6);
    c.has_bias = oa_random_below(random, 2);
    bool is_pointwise = oa_random_below(random, 6) == 0;
    for (size_t d = 0; d < rank; d++) {
        c.kernel[d] = is_pointwise ? 1 : random_between(random, 1, 4);
        c.stride[d] = is_pointwise ? 1 : (int64_t)random_between(random, 1, 3);
        c.dilation[d] = (int64_t)random_between(random, 1, 3);
        c.pads[d] = is_pointwise ? 0 : (int64_t)random_between(random, 0, 4);
        c.pads[rank + d] = is_pointwise ? 0 : (int64_t)random_between(random, 0, 4);
        size_t extent = (c.kernel[d] - 1) * (size_t)c.dilation[d] + 1;
        c.in[d] = random_between(random, 1, 9);
        size_t padded = c.in[d] + (size_t)c.pads[d] + (size_t)c.pads[rank + d];
        if (padded < extent) {
            c.in[d] += extent - padded;
            padded = extent;
        }
        c.out[d] = (padded - extent) / (size_t)c.stride[d] + 1;
    }
    return c;
}

static op conv_op(const conv_case *c)
{
    op node = {.type = "Conv", .version = 11};
    add_attribute(&node, attribute_ints("strides", c->stride, c->rank));
    add_attribute(&node, attribute_ints("dilations", c->dilation, c->rank));
    add_attribute(&node, attribute_ints("pads", c->pads, 2 * c->rank));
    add_attribute(&node, attribute_int("group", (int64_t)c->groups));
    return node;
}

/* Random inputs for a case: x, w and maybe bias. */
static void make_inputs(oa_array *inputs, const conv_case *c, oa_random *random)
{
    size_t x_dims[5] = {c->batch, c->groups * c->in_channels};
    size_t w_dims[5] = {c->groups * c->out_channels, c->in_channels};
    for (size_t d = 0; d < c->rank; d++) {
        x_dims[2 + d] = c->in[d];
        w_dims[2 + d] = c->kernel[d];
    }
    inputs[0] = random_floats(random, x_dims, c->rank + 2);
    inputs[1] = random_floats(random, w_dims, c->rank + 2);
    inputs[2] = random_floats(random, w_dims, 1);
}

/* Runs a case in the given float type and compares; the tolerance is that of sums of a few hundred products. */
static void check_case(const conv_case *c, oa_dtype dtype, oa_random *random, uint64_t seed)
{
    oa_array made[3], inputs[3];
    make_inputs(made, c, random);
    for (size_t i = 0; i < 3; i++) {
        inputs[i] = floats_as(&made[i], dtype);
    }
    op node = conv_op(c);
    oa_array y = run_one(&node, (const oa_array *const[]){&inputs[0], &inputs[1], &inputs[2]}, c->has_bias ? 3 : 2);
    oa_array exact = reference(c, &inputs[0], &inputs[1], c->has_bias ? &inputs[2] : NULL);
    oa_array expected = floats_as(&exact, dtype);
    double relative = dtype == OA_DTYPE_DOUBLE    ? 1e-12
                      : dtype == OA_DTYPE_FLOAT   ? 1e-5
                      : dtype == OA_DTYPE_FLOAT16 ? 2e-3
                                                  : 2e-2;
    char what[128];
    snprintf(what, sizeof what, "Conv of %s, rank %zu, %zu groups of %zu to %zu", oa_dtype_name(dtype), c->rank,
             c->groups, c->in_channels, c->out_channels);
    assert_agree(&y, &expected, relative, relative * 4.0, what, seed);
    free_arrays(made, 3);
    free_arrays(inputs, 3);
    oa_array_free(&y);
    oa_array_free(&exact);
    oa_array_free(&expected);
}

static void conv__equals_the_definition(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16,
                                      OA_DTYPE_BFLOAT16};
    for (uint64_t seed = 1; seed <= 300; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        conv_case c = random_case(&random, 1 + seed % 3);
        check_case(&c, dtypes[seed % 5], &random, seed);
    }
    print_message("seeds 1 to 300\n");
}

static void conv__depthwise_equals_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        conv_case c = random_case(&random, 1 + seed % 3);
        c.in_channels = 1;
        c.groups = random_between(&random, 1, 6);
        c.out_channels = random_between(&random, 1, 6);
        check_case(&c, OA_DTYPE_FLOAT, &random, seed);
    }
    print_message("seeds 1 to 100\n");
}

/* Large enough for several tiles of columns, which end inside rows. */
static void conv__splits_large_outputs_into_tiles(void **state)
{
    (void)state;
    conv_case c = {.rank = 2,
                   .batch = 2,
                   .groups = 1,
                   .in_channels = 96,
                   .out_channels = 3,
                   .in = {60, 55},
                   .kernel = {3, 3},
                   .out = {60, 55},
                   .stride = {1, 1},
                   .dilation = {1, 1},
                   .pads = {1, 1, 1, 1},
                   .has_bias = true};
    oa_random random;
    oa_random_init(&random, 7);
    check_case(&c, OA_DTYPE_FLOAT, &random, 7);
    conv_case line = {.rank = 1,
                      .batch = 1,
                      .groups = 1,
                      .in_channels = 40,
                      .out_channels = 2,
                      .in = {9000},
                      .kernel = {5},
                      .out = {8998},
                      .stride = {1},
                      .dilation = {1},
                      .pads = {1, 1},
                      .has_bias = false};
    check_case(&line, OA_DTYPE_FLOAT, &random, 7);
}

/* So many channels and places that panels end inside of rows and images, and depths are in several blocks. */
static void conv__of_many_channels_equals_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        conv_case c = random_case(&random, 1 + seed % 3);
        c.groups = random_between(&random, 1, 2);
        c.in_channels = random_between(&random, 1, 40);
        c.out_channels = random_between(&random, 9, 25);
        size_t more = c.rank == 1 ? random_between(&random, 0, 150) : random_between(&random, 0, 12), d = c.rank - 1;
        c.in[d] += more * (size_t)c.stride[d];
        c.out[d] += more;
        check_case(&c, OA_DTYPE_FLOAT, &random, seed);
    }
    print_message("seeds 1 to 60\n");
}

static void conv__gives_the_bias_where_there_are_no_channels(void **state)
{
    (void)state;
    conv_case c = {.rank = 1,
                   .batch = 2,
                   .groups = 1,
                   .in_channels = 0,
                   .out_channels = 2,
                   .in = {4},
                   .kernel = {2},
                   .out = {3},
                   .stride = {1},
                   .dilation = {1},
                   .has_bias = true};
    oa_random random;
    oa_random_init(&random, 3);
    check_case(&c, OA_DTYPE_FLOAT, &random, 3);
    c.has_bias = false;
    check_case(&c, OA_DTYPE_FLOAT, &random, 3);
}

/* SAME padding: as many outputs as strides begin inside the input, the odd half where its name says. */
static void conv__pads_automatically(void **state)
{
    (void)state;
    const int64_t strides[1] = {2};
    for (size_t in = 1; in <= 7; in++) {
        for (int lower = 0; lower < 2; lower++) {
            oa_random random;
            oa_random_init(&random, in);
            size_t out = (in + 1) / 2, total = (out - 1) * 2 + 4 > in ? (out - 1) * 2 + 4 - in : 0;
            conv_case c = {.rank = 1,
                           .batch = 1,
                           .groups = 1,
                           .in_channels = 2,
                           .out_channels = 2,
                           .in = {in},
                           .kernel = {4},
                           .out = {out},
                           .stride = {2},
                           .dilation = {1}};
            c.pads[0] = (int64_t)(lower ? total - total / 2 : total / 2);
            oa_array inputs[3];
            make_inputs(inputs, &c, &random);
            op node = {.type = "Conv", .version = 1};
            add_attribute(&node, attribute_ints("strides", strides, 1));
            add_attribute(&node, attribute_string("auto_pad", lower ? "SAME_LOWER" : "SAME_UPPER"));
            oa_array y = run_one(&node, (const oa_array *const[]){&inputs[0], &inputs[1]}, 2);
            oa_array exact = reference(&c, &inputs[0], &inputs[1], NULL);
            oa_array expected = floats_as(&exact, OA_DTYPE_FLOAT);
            assert_agree(&y, &expected, 1e-5, 1e-5, "SAME padding", in);
            oa_array_free(&y);
            oa_array_free(&exact);
            oa_array_free(&expected);
            free_arrays(inputs, 3);
        }
    }
}

/* What the convolution of c does to its input, run backwards: each element of x [batch, groups * out_channels, out...]
 * goes where its window reads, in float64. The bias is of y's channels. */
static oa_array transposed_reference(const conv_case *c, const oa_array *x, const oa_array *w, const oa_array *bias)
{
    size_t dims[5] = {c->batch, c->groups * c->in_channels}, x_dims[5], kernel_dims[4] = {c->in_channels};
    size_t taps = c->in_channels, plane = 1;
    x_dims[0] = c->batch;
    x_dims[1] = c->groups * c->out_channels;
    for (size_t d = 0; d < c->rank; d++) {
        dims[2 + d] = c->in[d];
        x_dims[2 + d] = c->out[d];
        kernel_dims[1 + d] = c->kernel[d];
        taps *= c->kernel[d];
        plane *= c->in[d];
    }
    oa_array y = make_array(OA_DTYPE_DOUBLE, dims, c->rank + 2);
    for (size_t i = 0; i < y.count; i++) {
        ((double *)y.data)[i] = bias ? number_at(bias, i / plane % dims[1]) : 0.0;
    }
    for (size_t i = 0; i < x->count; i++) {
        size_t at[5], tap[4];
        unravel(at, i, x_dims, c->rank + 2);
        for (size_t t = 0; t < taps; t++) {
            unravel(tap, t, kernel_dims, c->rank + 1);
            size_t to = at[0] * dims[1] + at[1] / c->out_channels * c->in_channels + tap[0];
            if (find_place(&to, c, at, tap)) {
                ((double *)y.data)[to] += number_at(x, i) * number_at(w, at[1] * taps + t);
            }
        }
    }
    return y;
}

static void conv_transpose__undoes_the_shape_of_conv(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        conv_case c = random_case(&random, 1 + seed % 3);
        int64_t rest[3]; /* places at the end that no window reads */
        size_t x_dims[5] = {c.batch, c.groups * c.out_channels}, channels = c.groups * c.in_channels;
        size_t w_dims[5] = {c.groups * c.out_channels, c.in_channels};
        for (size_t d = 0; d < c.rank; d++) {
            x_dims[2 + d] = c.out[d];
            w_dims[2 + d] = c.kernel[d];
            rest[d] = (int64_t)c.in[d] + c.pads[d] + c.pads[c.rank + d] - ((int64_t)c.kernel[d] - 1) * c.dilation[d] -
                      1 - ((int64_t)c.out[d] - 1) * c.stride[d];
        }
        oa_array made[3] = {random_floats(&random, x_dims, c.rank + 2), random_floats(&random, w_dims, c.rank + 2),
                            random_floats(&random, &channels, 1)};
        oa_array inputs[3];
        oa_dtype dtype = seed % 2 ? OA_DTYPE_FLOAT : OA_DTYPE_DOUBLE;
        for (size_t i = 0; i < 3; i++) {
            inputs[i] = floats_as(&made[i], dtype);
        }
        op node = conv_op(&c);
        node.type = "ConvTranspose";
        add_attribute(&node, attribute_ints("output_padding", rest, c.rank));
        oa_array y = run_one(&node, (const oa_array *const[]){&inputs[0], &inputs[1], &inputs[2]}, c.has_bias ? 3 : 2);
        oa_array exact = transposed_reference(&c, &inputs[0], &inputs[1], c.has_bias ? &inputs[2] : NULL);
        oa_array expected = floats_as(&exact, dtype);
        assert_agree(&y, &expected, 1e-5, 4e-5, "ConvTranspose", seed);
        free_arrays(made, 3);
        free_arrays(inputs, 3);
        oa_array_free(&y);
        oa_array_free(&exact);
        oa_array_free(&expected);
    }
    print_message("seeds 1 to 150\n");
}

static void conv__refuses_shapes_that_do_not_fit(void **state)
{
    (void)state;
    static const size_t x_dims[] = {1, 4, 5, 5}, w_dims[] = {4, 4, 3, 3}, narrow[] = {4, 3, 3, 3},
                        wide[] = {4, 4, 7, 3};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, x_dims, 4), w = random_floats(&random, w_dims, 4);
    oa_array w_narrow = random_floats(&random, narrow, 4), w_wide = random_floats(&random, wide, 4);
    oa_array flat = random_floats(&random, x_dims, 2), doubles = floats_as(&w, OA_DTYPE_DOUBLE);
    op node = {.type = "Conv", .version = 11};
    expect_failure(&node, (const oa_array *const[]){&x, &w_narrow}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, &w_wide}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, &w, &flat}, 3, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&flat, &w}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, &doubles}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&x, NULL}, 2, OA_ERROR_INPUT);
    static const int64_t bad[][4] = {{-1, 1, 0, 0}, {0, 1, 0, 0}, {INT64_MAX, 1, 0, 0}};
    for (size_t i = 0; i < 3; i++) {
        op strided = {.type = "Conv", .version = 11};
        add_attribute(&strided, attribute_ints("strides", bad[i], 2));
        if (i < 2) {
            expect_failure(&strided, (const oa_array *const[]){&x, &w}, 2, OA_ERROR_INPUT);
        }
        op dilated = {.type = "Conv", .version = 11};
        add_attribute(&dilated, attribute_ints("dilations", bad[i], 2));
        expect_failure(&dilated, (const oa_array *const[]){&x, &w}, 2, OA_ERROR_INPUT);
        op padded = {.type = "Conv", .version = 11};
        add_attribute(&padded, attribute_ints("pads", (const int64_t[]){bad[i][0] - 1, 0, 0, 0}, 4));
        if (i < 2) {
            expect_failure(&padded, (const oa_array *const[]){&x, &w}, 2, OA_ERROR_INPUT);
        }
    }
    op grouped = {.type = "Conv", .version = 11};
    add_attribute(&grouped, attribute_int("group", 3));
    expect_failure(&grouped, (const oa_array *const[]){&x, &w}, 2, OA_ERROR_INPUT);
    op shaped = {.type = "Conv", .version = 11};
    add_attribute(&shaped, attribute_ints("kernel_shape", (const int64_t[]){3, 2}, 2));
    expect_failure(&shaped, (const oa_array *const[]){&x, &w}, 2, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&w);
    oa_array_free(&w_narrow);
    oa_array_free(&w_wide);
    oa_array_free(&flat);
    oa_array_free(&doubles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv__equals_the_definition),
        cmocka_unit_test(conv__depthwise_equals_the_definition),
        cmocka_unit_test(conv__splits_large_outputs_into_tiles),
        cmocka_unit_test(conv__of_many_channels_equals_the_definition),
        cmocka_unit_test(conv__gives_the_bias_where_there_are_no_channels),
        cmocka_unit_test(conv__pads_automatically),
        cmocka_unit_test(conv_transpose__undoes_the_shape_of_conv),
        cmocka_unit_test(conv__refuses_shapes_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
