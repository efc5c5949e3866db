/* Reductions, ArgMax and ArgMin against a walk over all elements. */
#include "tests/exec/integers.h"

#include <math.h>
#include <stdio.h>

static const char *const types[] = {"ReduceSum",       "ReduceMean", "ReduceL1",  "ReduceL2",   "ReduceLogSum",
                                    "ReduceLogSumExp", "ReduceMax",  "ReduceMin", "ReduceProd", "ReduceSumSquare"};
enum { SUM, MEAN, L1, L2, LOG_SUM, LOG_SUM_EXP, MAX, MIN, PROD, SUM_SQUARE, TYPE_COUNT };

static double start_of(int kind)
{
    return kind == MAX ? -INFINITY : kind == MIN ? INFINITY : kind == PROD ? 1.0 : 0.0;
}

static double step_of(int kind, double sum, double x)
{
    switch (kind) {
    case L1:
        return sum + fabs(x);
    case L2:
    case SUM_SQUARE:
        return sum + x * x;
    case LOG_SUM_EXP:
        return sum + exp(x);
    case MAX:
        return fmax(sum, x);
    case MIN:
        return fmin(sum, x);
    case PROD:
        return sum * x;
    default:
        return sum + x;
    }
}

static double end_of(int kind, double sum, size_t count)
{
    switch (kind) {
    case MEAN:
        return sum / (double)count;
    case L2:
        return sqrt(sum);
    case LOG_SUM:
    case LOG_SUM_EXP:
        return log(sum);
    default:
        return sum;
    }
}

/* Random axes of a random array; the shape of the result without the reduced axes and with them as 1. */
typedef struct reduce_case {
    size_t rank, dims[4], kept[4];
    int64_t axes[4];
    size_t axis_count;
    bool keeps;
} reduce_case;

static reduce_case random_case(oa_random *random)
{
    reduce_case c = {.rank = random_between(random, 1, 4), .keeps = oa_random_below(random, 2)};
    for (size_t d = 0; d < c.rank; d++) {
        c.dims[d] = random_between(random, 1, oa_random_below(random, 8) ? 7 : 400 / (1 + d * 20));
        c.kept[d] = c.dims[d];
        if (oa_random_below(random, 2)) {
            c.kept[d] = 1;
            c.axes[c.axis_count++] = (int64_t)d - (oa_random_below(random, 2) ? (int64_t)c.rank : 0);
        }
    }
    for (size_t d = 0; d < c.rank && c.axis_count == 0; d++) { /* no axes: all of them */
        c.kept[d] = 1;
    }
    return c;
}

static oa_array reference(const reduce_case *c, const oa_array *x, int kind)
{
    oa_array y = make_array(OA_DTYPE_DOUBLE, c->kept, c->rank);
    for (size_t i = 0; i < y.count; i++) {
        ((double *)y.data)[i] = start_of(kind);
    }
    for (size_t i = 0; i < x->count; i++) {
        size_t at[4];
        unravel(at, i, c->dims, c->rank);
        double *place = &((double *)y.data)[ravel_broadcast(at, c->rank, c->kept, c->rank)];
        *place = step_of(kind, *place, number_at(x, i));
    }
    for (size_t i = 0; i < y.count; i++) {
        ((double *)y.data)[i] = end_of(kind, ((double *)y.data)[i], x->count / y.count);
    }
    if (!c->keeps) {
        y.rank = 0;
        for (size_t d = 0; d < c->rank; d++) {
            if (c->kept[d] != 1 || (c->axis_count && c->dims[d] == 1)) {
                bool is_reduced = false;
                for (size_t k = 0; k < c->axis_count; k++) {
                    is_reduced = is_reduced || (c->axes[k] + (int64_t)c->rank) % (int64_t)c->rank == (int64_t)d;
                }
                if (!is_reduced) {
                    y.dims[y.rank++] = c->dims[d];
                }
            }
        }
    }
    return y;
}

/* Axes as an attribute or as input 1, whichever the operator set has. */
static oa_array run_reduction(const reduce_case *c, const oa_array *x, int kind, bool as_input)
{
    op node = {.type = types[kind], .version = as_input ? 18 : kind == SUM ? 11 : 13};
    oa_array axes = int64_list(c->axes, c->axis_count), y;
    add_attribute(&node, attribute_int("keepdims", c->keeps));
    if (!as_input && c->axis_count) {
        add_attribute(&node, attribute_ints("axes", c->axes, c->axis_count));
    }
    y = run_one(&node, (const oa_array *const[]){x, &axes}, as_input ? 2 : 1);
    oa_array_free(&axes);
    return y;
}

static void reduce__equals_a_walk(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16};
    static const double tolerances[] = {1e-5, 1e-11, 2e-3, 1.6e-2};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        reduce_case c = random_case(&random);
        size_t which = oa_random_below(&random, 4);
        int kind = (int)(seed % TYPE_COUNT);
        oa_array made = random_floats(&random, c.dims, c.rank);
        for (size_t i = 0; i < made.count; i++) { /* sums that have a logarithm, products that stay in range */
            float *value = &((float *)made.data)[i];
            *value = kind == LOG_SUM ? fabsf(*value) : kind == PROD ? 1.0f + *value * 0.01f : *value;
        }
        oa_array x = floats_as(&made, dtypes[which]);
        oa_array exact = reference(&c, &x, kind), expected = floats_as(&exact, dtypes[which]);
        oa_array y = run_reduction(&c, &x, kind, oa_random_below(&random, 2));
        assert_agree(&y, &expected, tolerances[which], tolerances[which] * 10.0, types[kind], seed);
        oa_array_free(&made);
        oa_array_free(&x);
        oa_array_free(&exact);
        oa_array_free(&expected);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 400\n");
}

/* Takes in one element modulo 2^128; the first one of a place begins it. */
static wide integer_step(int kind, wide sum, wide x, bool is_first)
{
    x = kind == L1 && x < 0 ? -x : x;
    x = kind == SUM_SQUARE ? (wide)((unsigned_wide)x * (unsigned_wide)x) : x;
    if (is_first) {
        return x;
    }
    switch (kind) {
    case PROD:
        return (wide)((unsigned_wide)sum * (unsigned_wide)x);
    case MAX:
        return x > sum ? x : sum;
    case MIN:
        return x < sum ? x : sum;
    default:
        return (wide)((unsigned_wide)sum + (unsigned_wide)x);
    }
}

/* Sums, products and extremes of integers are exact modulo the type's range. */
static void reduce__is_exact_for_integers(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_INT32,  OA_DTYPE_INT64, OA_DTYPE_UINT32,
                                      OA_DTYPE_UINT64, OA_DTYPE_INT8,  OA_DTYPE_UINT8};
    static const int kinds[] = {SUM, PROD, MAX, MIN, L1, SUM_SQUARE};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        reduce_case c = random_case(&random);
        int kind = kinds[seed % 6];
        oa_array x = random_integers(&random, dtypes[seed / 6 % 6], c.dims, c.rank);
        oa_array y = run_reduction(&c, &x, kind, seed % 2);
        wide *sums = oa_calloc(y.count, sizeof *sums);
        bool *is_begun = oa_calloc(y.count, sizeof *is_begun);
        assert_true(sums && is_begun);
        for (size_t i = 0; i < x.count; i++) {
            size_t at[4];
            unravel(at, i, c.dims, c.rank);
            size_t place = ravel_broadcast(at, c.rank, c.kept, c.rank);
            sums[place] = integer_step(kind, sums[place], integer_at(&x, i), !is_begun[place]);
            is_begun[place] = true;
        }
        for (size_t place = 0; place < y.count; place++) {
            assert_seeded(y.dtype == x.dtype && holds(&y, place, sums[place]), types[kind], seed);
        }
        oa_free(sums);
        oa_free(is_begun);
        oa_array_free(&x);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 200\n");
}

static void reduce__of_integers_cuts_off_means_and_roots(void **state)
{
    (void)state;
    static const int64_t values[] = {-3, -4, 0, 0};
    oa_array x = int64_list(values, 4);
    static const struct {
        int kind;
        int64_t expected;
    } cases[] = {{MEAN, -1}, {L2, 5}, {LOG_SUM_EXP, 0}};
    for (size_t i = 0; i < 3; i++) {
        reduce_case c = {.rank = 1, .dims = {4}};
        oa_array y = run_reduction(&c, &x, cases[i].kind, false);
        assert_int_equal(*(int64_t *)y.data, cases[i].expected);
        oa_array_free(&y);
    }
    oa_array_free(&x);
}

static void reduce__stays_finite_where_exponentials_are_not(void **state)
{
    (void)state;
    static const struct {
        float values[2];
        float expected;
    } cases[] = {{{1000.0f, 1000.0f}, 1000.693147f},  {{-1000.0f, -1000.0f}, -999.306853f},
                 {{-INFINITY, -INFINITY}, -INFINITY}, {{-INFINITY, 3.0f}, 3.0f},
                 {{INFINITY, 3.0f}, INFINITY},        {{NAN, 3.0f}, NAN}};
    for (size_t i = 0; i < 6; i++) {
        oa_array x = float_list(cases[i].values, 2), expected = scalar_float(cases[i].expected);
        reduce_case c = {.rank = 1, .dims = {2}};
        oa_array y = run_reduction(&c, &x, LOG_SUM_EXP, false);
        assert_agree(&y, &expected, 1e-6, 0.0, "ReduceLogSumExp", i);
        oa_array_free(&x);
        oa_array_free(&y);
        oa_array_free(&expected);
    }
}

static void reduce__of_nothing_is_the_neutral_element(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 0};
    static const int64_t last[] = {1};
    static const struct {
        int kind;
        float expected;
    } cases[] = {{SUM, 0.0f}, {PROD, 1.0f}, {MAX, -INFINITY}, {MIN, INFINITY}, {LOG_SUM_EXP, -INFINITY}};
    oa_array x = make_array(OA_DTYPE_FLOAT, dims, 2), integers = make_array(OA_DTYPE_INT32, dims, 2);
    for (size_t i = 0; i < 5; i++) {
        reduce_case c = {.rank = 2, .axis_count = 1, .axes = {1}};
        oa_array y = run_reduction(&c, &x, cases[i].kind, true);
        assert_int_equal(y.count, 2);
        assert_true(((float *)y.data)[0] == cases[i].expected && ((float *)y.data)[1] == cases[i].expected);
        oa_array_free(&y);
    }
    op mean = {.type = "ReduceMean", .version = 13}, max = {.type = "ReduceMax", .version = 13};
    add_attribute(&mean, attribute_ints("axes", last, 1));
    add_attribute(&max, attribute_ints("axes", last, 1));
    expect_failure(&mean, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
    expect_failure(&max, (const oa_array *const[]){&integers}, 1, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&integers);
}

static void reduce__does_nothing_when_told(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 2), none = int64_list(NULL, 0);
    op sum = {.type = "ReduceSum", .version = 13}, squares = {.type = "ReduceSumSquare", .version = 18};
    add_attribute(&sum, attribute_int("noop_with_empty_axes", 1));
    add_attribute(&squares, attribute_int("noop_with_empty_axes", 1));
    oa_array y = run_one(&sum, (const oa_array *const[]){&x, &none}, 2);
    assert_agree(&y, &x, 0.0, 0.0, "noop", 1);
    expect_failure(&squares, (const oa_array *const[]){&x}, 1, OA_ERROR_UNSUPPORTED);
    oa_array_free(&x);
    oa_array_free(&y);
    oa_array_free(&none);
}

static void reduce__refuses_axes_that_do_not_fit(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3};
    static const int64_t bad[][2] = {{2, 0}, {-3, 0}, {1, 1}, {0, -2}};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, dims, 2), bools = random_integers(&random, OA_DTYPE_BOOL, dims, 2);
    for (size_t i = 0; i < 4; i++) {
        oa_array axes = int64_list(bad[i], i < 2 ? 1 : 2);
        op node = {.type = "ReduceMax", .version = 18}, old = {.type = "ReduceMax", .version = 12};
        expect_failure(&node, (const oa_array *const[]){&x, &axes}, 2, OA_ERROR_INPUT);
        expect_failure(&old, (const oa_array *const[]){&x, &axes}, 2, OA_ERROR_INPUT); /* an attribute then */
        add_attribute(&old, attribute_ints("axes", bad[i], i < 2 ? 1 : 2));
        expect_failure(&old, (const oa_array *const[]){&x}, 1, OA_ERROR_INPUT);
        add_attribute(&node, attribute_ints("axes", bad[i], 1));
        expect_failure(&node, (const oa_array *const[]){&x}, 1, OA_ERROR_UNSUPPORTED); /* no longer an attribute */
        oa_array_free(&axes);
    }
    op sum = {.type = "ReduceSum", .version = 13};
    expect_failure(&sum, (const oa_array *const[]){&bools}, 1, OA_ERROR_UNSUPPORTED);
    expect_failure(&sum, (const oa_array *const[]){&x, &x}, 2, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&bools);
}

static void arg__finds_the_first_or_the_last(void **state)
{
    (void)state;
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_FLOAT16, OA_DTYPE_INT8, OA_DTYPE_UINT64, OA_DTYPE_INT64};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        reduce_case c = random_case(&random);
        size_t axis = oa_random_below(&random, c.rank);
        bool is_min = oa_random_below(&random, 2), is_last = oa_random_below(&random, 2);
        oa_dtype dtype = dtypes[seed % 5];
        oa_array x = make_array(dtype, c.dims, c.rank);
        for (size_t i = 0; i < x.count; i++) { /* few values, so that there are equal ones */
            double value = (double)oa_random_below(&random, 5) - 2.0;
            int64_t integer = (int64_t)value;
            if (oa_dtype_is_float(dtype)) {
                oa_floats_from_f64((char *)x.data + i * oa_dtype_size(dtype), dtype, &value, 1);
            } else {
                memcpy((char *)x.data + i * oa_dtype_size(dtype), &integer, oa_dtype_size(dtype));
            }
        }
        op node = {.type = is_min ? "ArgMin" : "ArgMax", .version = 13};
        add_attribute(&node, attribute_int("axis", (int64_t)axis - (seed % 2 ? (int64_t)c.rank : 0)));
        add_attribute(&node, attribute_int("keepdims", c.keeps));
        add_attribute(&node, attribute_int("select_last_index", is_last));
        oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
        assert_seeded(y.rank == c.rank - !c.keeps && y.dtype == OA_DTYPE_INT64, "shape", seed);
        size_t inner = 1;
        for (size_t d = axis + 1; d < c.rank; d++) {
            inner *= c.dims[d];
        }
        for (size_t i = 0; i < y.count; i++) {
            size_t base = i / inner * inner * c.dims[axis] + i % inner, best = 0;
            for (size_t k = 1; k < c.dims[axis]; k++) {
                /* The numbers are whole, so that integers can stand for floats too. */
                wide value = integer_at(&x, base + k * inner), held = integer_at(&x, base + best * inner);
                bool is_better = is_min ? value < held : value > held;
                best = is_better || (is_last && value == held) ? k : best;
            }
            assert_seeded(((int64_t *)y.data)[i] == (int64_t)best, "index", seed);
        }
        oa_array_free(&x);
        oa_array_free(&y);
    }
    print_message("seeds 1 to 200\n");
}

static void arg__finds_a_nan_first(void **state)
{
    (void)state;
    static const float values[] = {1.0f, NAN, INFINITY, NAN, -INFINITY};
    oa_array x = float_list(values, 5);
    for (int i = 0; i < 4; i++) {
        op node = {.type = i & 1 ? "ArgMin" : "ArgMax", .version = 13};
        add_attribute(&node, attribute_int("select_last_index", i >> 1));
        oa_array y = run_one(&node, (const oa_array *const[]){&x}, 1);
        assert_int_equal(*(int64_t *)y.data, i >> 1 ? 3 : 1);
        oa_array_free(&y);
    }
    oa_array_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reduce__equals_a_walk),
        cmocka_unit_test(reduce__is_exact_for_integers),
        cmocka_unit_test(reduce__of_integers_cuts_off_means_and_roots),
        cmocka_unit_test(reduce__stays_finite_where_exponentials_are_not),
        cmocka_unit_test(reduce__of_nothing_is_the_neutral_element),
        cmocka_unit_test(reduce__does_nothing_when_told),
        cmocka_unit_test(reduce__refuses_axes_that_do_not_fit),
        cmocka_unit_test(arg__finds_the_first_or_the_last),
        cmocka_unit_test(arg__finds_a_nan_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
