/* The pools against references that look at every tap of every window. */
#include "tests/exec/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct pool_case {
    size_t rank;
    size_t batch, channels;
    size_t in[3], kernel[3], out[3];
    int64_t kernel_shape[3], stride[3], dilation[3], pads[6];
    bool is_ceil;
    bool counts_padding;
    bool is_column_major;
    int64_t p;
} pool_case;

/* What a window holds. */
typedef struct window_sums {
    double largest, sum, powers;
    size_t real;   /* elements of input */
    size_t padded; /* of input or padding */
    size_t best;   /* index of the first largest in the plane, row-major */
    size_t best_column_major;
} window_sums;

static window_sums look(const pool_case *c, const oa_array *x, size_t plane, const size_t *out)
{
    window_sums found = {.largest = -INFINITY};
    size_t taps = 1, in_size = 1;
    for (size_t d = 0; d < c->rank; d++) {
        taps *= c->kernel[d];
        in_size *= c->in[d];
    }
    for (size_t t = 0; t < taps; t++) {
        size_t tap[3], at = 0, column_major = 0, step = 1;
        bool is_real = true, is_padded = true;
        unravel(tap, t, c->kernel, c->rank);
        for (size_t d = 0; d < c->rank; d++) {
            int64_t place = (int64_t)out[d] * c->stride[d] + (int64_t)tap[d] * c->dilation[d] - c->pads[d];
            is_real = is_real && place >= 0 && place < (int64_t)c->in[d];
            is_padded = is_padded && place < (int64_t)c->in[d] + c->pads[c->rank + d];
            at = at * c->in[d] + (is_real ? (size_t)place : 0);
            column_major += (is_real ? (size_t)place : 0) * step;
            step *= c->in[d];
        }
        found.padded += is_padded;
        if (is_real) {
            double value = number_at(x, plane * in_size + at);
            found.sum += value;
            found.powers += pow(fabs(value), (double)c->p);
            if (found.real == 0 || value > found.largest) {
                found.largest = value;
                found.best = plane * in_size + at;
                found.best_column_major = plane * in_size + column_major;
            }
            found.real++;
        }
    }
    return found;
}

/* Draws a case until every window holds input. */
static pool_case random_case(oa_random *random, size_t rank)
{
    pool_case c = {.rank = rank, .batch = random_between(random, 1, 2), .channels = random_between(random, 1, 3)};
    c.is_ceil = oa_random_below(random, 2);
    c.counts_padding = oa_random_below(random, 2);
    c.is_column_major = oa_random_below(random, 2);
    c.p = (int64_t)random_between(random, 1, 3);
    for (size_t d = 0; d < rank; d++) {
        c.kernel[d] = random_between(random, 1, 4);
        c.kernel_shape[d] = (int64_t)c.kernel[d];
        c.stride[d] = (int64_t)random_between(random, 1, 4);
        c.dilation[d] = (int64_t)random_between(random, 1, 2);
        c.pads[d] = (int64_t)oa_random_below(random, c.kernel[d]);
        c.pads[rank + d] = (int64_t)oa_random_below(random, c.kernel[d]);
        size_t extent = (c.kernel[d] - 1) * (size_t)c.dilation[d] + 1;
        c.in[d] = extent + random_between(random, 0, 6);
        if (oa_random_below(random, 3) ==
            0) { /* small: the padding is needed, and dilated windows may miss the input */
            size_t pads = (size_t)c.pads[d] + (size_t)c.pads[rank + d];
            c.in[d] = extent > pads ? extent - pads : 1;
        }
        size_t padded = c.in[d] + (size_t)c.pads[d] + (size_t)c.pads[rank + d];
        size_t stride = (size_t)c.stride[d];
        c.out[d] = (padded - extent) / stride + 1;
        /* Rounded up, unless the last window would start in the padding behind. */
        if (c.is_ceil && (padded - extent) % stride && c.out[d] * stride < c.in[d] + (size_t)c.pads[d]) {
            c.out[d]++;
        }
    }
    return c;
}

static bool has_empty_window(const pool_case *c)
{
    for (size_t d = 0; d < c->rank; d++) {
        for (size_t o = 0; o < c->out[d]; o++) {
            bool is_empty = true;
            for (size_t t = 0; t < c->kernel[d]; t++) {
                int64_t place = (int64_t)o * c->stride[d] + (int64_t)t * c->dilation[d] - c->pads[d];
                is_empty = is_empty && !(place >= 0 && place < (int64_t)c->in[d]);
            }
            if (is_empty) {
                return true;
            }
        }
    }
    return false;
}

static op pool_op(const char *type, int64_t version, const pool_case *c)
{
    op node = {.type = type, .version = version};
    add_attribute(&node, attribute_ints("kernel_shape", c->kernel_shape, c->rank));
    add_attribute(&node, attribute_ints("strides", c->stride, c->rank));
    add_attribute(&node, attribute_ints("dilations", c->dilation, c->rank));
    add_attribute(&node, attribute_ints("pads", c->pads, 2 * c->rank));
    add_attribute(&node, attribute_int("ceil_mode", c->is_ceil));
    return node;
}

typedef enum pool_kind { POOL_MAX, POOL_AVERAGE, POOL_LP } pool_kind;

static oa_array reference(const pool_case *c, const oa_array *x, pool_kind kind)
{
    size_t dims[5] = {c->batch, c->channels};
    memcpy(dims + 2, c->out, c->rank * sizeof dims[0]);
    oa_array y = make_array(OA_DTYPE_DOUBLE, dims, c->rank + 2);
    size_t out_size = y.count / (c->batch * c->channels);
    for (size_t i = 0; i < y.count; i++) {
        size_t out[3];
        unravel(out, i % out_size, c->out, c->rank);
        window_sums found = look(c, x, i / out_size, out);
        size_t count = c->counts_padding ? found.padded : found.real;
        ((double *)y.data)[i] = kind == POOL_MAX       ? found.largest
                                : kind == POOL_AVERAGE ? found.sum / (double)count
                                                       : pow(found.powers, 1.0 / (double)c->p);
    }
    return y;
}

static oa_array random_input(const pool_case *c, oa_random *random, oa_dtype dtype)
{
    size_t dims[5] = {c->batch, c->channels};
    memcpy(dims + 2, c->in, c->rank * sizeof dims[0]);
    if (dtype == OA_DTYPE_INT8 || dtype == OA_DTYPE_UINT8) {
        return random_integers(random, dtype, dims, c->rank + 2);
    }
    oa_array made = random_floats(random, dims, c->rank + 2), x = floats_as(&made, dtype);
    oa_array_free(&made);
    return x;
}

/* The number `value` as an element of y's type. */
static void store(oa_array *y, size_t i, double value)
{
    if (y->dtype == OA_DTYPE_INT8) {
        ((int8_t *)y->data)[i] = (int8_t)value;
    } else if (y->dtype == OA_DTYPE_UINT8) {
        ((uint8_t *)y->data)[i] = (uint8_t)value;
    } else {
        oa_floats_from_f64((unsigned char *)y->data + i * oa_dtype_size(y->dtype), y->dtype, &value, 1);
    }
}

static void check(pool_case *c, pool_kind kind, oa_dtype dtype, oa_random *random, uint64_t seed)
{
    static const char *const names[] = {"MaxPool", "AveragePool", "LpPool"};
    op node = pool_op(names[kind], 19, c);
    if (kind == POOL_AVERAGE) {
        add_attribute(&node, attribute_int("count_include_pad", c->counts_padding));
    } else if (kind == POOL_LP) {
        add_attribute(&node, attribute_int("p", c->p));
    }
    oa_array x = random_input(c, random, dtype);
    oa_array exact = reference(c, &x, kind), expected = make_array(dtype, exact.dims, exact.rank);
    for (size_t i = 0; i < exact.count; i++) {
        store(&expected, i, ((double *)exact.data)[i]);
    }
    oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
    assert_agree(&y, &expected,
                 dtype == OA_DTYPE_BFLOAT16  ? 1e-2
                 : dtype == OA_DTYPE_FLOAT16 ? 1e-3
                                             : 1e-6,
                 1e-6, names[kind], seed);
    oa_array_free(&x);
    oa_array_free(&y);
    oa_array_free(&exact);
    oa_array_free(&expected);
}

static void pool__equals_the_definition(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT,    OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16,
                                      OA_DTYPE_BFLOAT16, OA_DTYPE_INT8,   OA_DTYPE_UINT8};
    size_t checked = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        pool_case c = random_case(&random, 1 + seed % 3);
        if (has_empty_window(&c)) {
            op node = pool_op("MaxPool", 12, &c);
            oa_array x = random_input(&c, &random, OA_DTYPE_FLOAT);
            expect_failure(&node, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
            oa_array_free(&x);
            continue;
        }
        checked++;
        check(&c, POOL_MAX, dtypes[seed % 6], &random, seed);
        check(&c, POOL_AVERAGE, dtypes[seed % 4], &random, seed);
        check(&c, POOL_LP, dtypes[seed % 2], &random, seed);
    }
    print_message("seeds 1 to 400, %zu with input in every window\n", checked);
    assert_true(checked > 200);
}

static void max_pool__gives_the_places_of_the_maxima(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        pool_case c = random_case(&random, 1 + seed % 3);
        if (has_empty_window(&c)) {
            continue;
        }
        /* Few values, so that the first of several equal ones must be found. */
        oa_array x = random_input(&c, &random, seed % 2 ? OA_DTYPE_UINT8 : OA_DTYPE_FLOAT);
        for (size_t i = 0; i < x.count; i++) {
            store(&x, i, (double)oa_random_below(&random, 3));
        }
        op node = pool_op("MaxPool", 12, &c);
        add_attribute(&node, attribute_int("storage_order", c.is_column_major));
        node.output_count = 2;
        oa_array y[2] = {{0}};
        oa_error error = {0};
        assert_seeded(run_op(y, &node, (const oa_array *const[]){&x}, 1, &error) == OA_OK, error.message, seed);
        size_t out_size = y[0].count / (c.batch * c.channels);
        for (size_t i = 0; i < y[1].count; i++) {
            size_t out[3];
            unravel(out, i % out_size, c.out, c.rank);
            window_sums found = look(&c, &x, i / out_size, out);
            size_t best = c.is_column_major ? found.best_column_major : found.best;
            assert_seeded(((int64_t *)y[1].data)[i] == (int64_t)best, "index of a maximum", seed);
        }
        oa_array_free(&x);
        oa_array_free(&y[0]);
        oa_array_free(&y[1]);
    }
    print_message("seeds 1 to 100\n");
}

static void max_pool__carries_nan_and_minus_infinity(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 1, 4};
    static const int64_t two[] = {2};
    oa_array x = make_array(OA_DTYPE_FLOAT, dims, 3);
    const float values[] = {NAN, 1.0f, -INFINITY, -INFINITY};
    memcpy(x.data, values, sizeof values);
    op node = {.type = "MaxPool", .version = 12};
    add_attribute(&node, attribute_ints("kernel_shape", two, 1));
    add_attribute(&node, attribute_ints("strides", two, 1));
    oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
    assert_int_equal(y.count, 2);
    assert_true(isnan(((float *)y.data)[0]));
    assert_true(((float *)y.data)[1] == -INFINITY);
    oa_array_free(&x);
    oa_array_free(&y);
}

static void global_pool__equals_the_definition(void **state)
{
    (void)state;
    static const char *const names[] = {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        pool_case c = {.rank = 1 + seed % 3, .batch = 2, .channels = 3, .p = 1 + (int64_t)seed % 3};
        for (size_t d = 0; d < c.rank; d++) {
            c.in[d] = c.kernel[d] = random_between(&random, 1, 7);
            c.out[d] = 1;
            c.stride[d] = c.dilation[d] = 1;
        }
        for (int kind = POOL_MAX; kind <= POOL_LP; kind++) {
            oa_array x = random_input(&c, &random, seed % 2 ? OA_DTYPE_FLOAT : OA_DTYPE_DOUBLE);
            oa_array exact = reference(&c, &x, (pool_kind)kind), expected = floats_as(&exact, x.dtype);
            op node = {.type = names[kind], .version = kind == POOL_LP && seed % 5 == 0 ? 1 : 11};
            if (kind == POOL_LP) {
                add_attribute(&node, node.version == 1 ? attribute_float("p", (float)c.p) : attribute_int("p", c.p));
            }
            oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
            assert_agree(&y, &expected, 1e-6, 1e-6, names[kind], seed);
            oa_array_free(&x);
            oa_array_free(&y);
            oa_array_free(&exact);
            oa_array_free(&expected);
        }
    }
    print_message("seeds 1 to 60\n");
}

static void pool__refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 2, 5, 5}, empty_dims[] = {1, 2, 0, 5};
    static const int64_t three[] = {3, 3}, none[] = {0, 0}, pads[] = {3, 0, 0, 0}, many[] = {INT64_MAX, 2};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 4), flat = random_floats(&random, dims, 2);
    oa_array empty = make_array(OA_DTYPE_FLOAT, empty_dims, 4),
             integers = random_integers(&random, OA_DTYPE_INT32, dims, 4);
    static const char *const names[] = {"MaxPool", "AveragePool", "LpPool"};
    for (size_t i = 0; i < 3; i++) {
        op plain = {.type = names[i], .version = 11};
        expect_failure(&plain, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT); /* no kernel_shape */
        op fitting = plain;
        add_attribute(&fitting, attribute_ints("kernel_shape", three, 2));
        expect_failure(&fitting, (const oa_array *const[]){&flat}, 1, OA_ERROR_INPUT);
        expect_failure(&fitting, (const oa_array *const[]){&empty}, 1, OA_ERROR_INPUT);
        expect_failure(&fitting, (const oa_array *const[]){&integers}, 1, OA_ERROR_UNSUPPORTED);
        op padded = fitting;
        add_attribute(&padded, attribute_ints("pads", pads, 4));
        expect_failure(&padded, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
        op empty_kernel = plain;
        add_attribute(&empty_kernel, attribute_ints("kernel_shape", none, 2));
        expect_failure(&empty_kernel, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
        op large = plain;
        add_attribute(&large, attribute_ints("kernel_shape", many, 2));
        expect_failure(&large, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
        op unknown = fitting;
        add_attribute(&unknown, attribute_string("auto_pad", "SAME"));
        expect_failure(&unknown, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    }
    op global = {.type = "GlobalMaxPool", .version = 1};
    expect_failure(&global, (const oa_array *const[]){&empty}, 1, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&flat);
    oa_array_free(&empty);
    oa_array_free(&integers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool__equals_the_definition),
        cmocka_unit_test(max_pool__gives_the_places_of_the_maxima),
        cmocka_unit_test(max_pool__carries_nan_and_minus_infinity),
        cmocka_unit_test(global_pool__equals_the_definition),
        cmocka_unit_test(pool__refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
