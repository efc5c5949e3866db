/* The exponential and its kin on vectors, against the C library's in double precision. */
#include "core/linalg/exponentials.h"

#include "core/base/random.h"
#include "tests/support/cmocka_all.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { BLOCK = 1009 };

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double gelu(double x)
{
    return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1.0 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

/* The header promises `relative` of the result, plus `absolute` of the argument; below the normal numbers, a unit in
 * their last place is what rounding leaves, of the two factors' product and of the sum that is divided by. */
static const struct function {
    const char *name;
    void (*floats)(float *y, const float *x, size_t n);
    double (*exact)(double x);
    double relative, absolute;
} functions[] = {
    {"exp", oa_exp_floats, exp, 2e-7, 0.0},    {"sigmoid", oa_sigmoid_floats, sigmoid, 4e-7, 0.0},
    {"tanh", oa_tanh_floats, tanh, 4e-7, 0.0}, {"erf", oa_erf_floats, erf, 4e-7, 0.0},
    {"gelu", oa_gelu_floats, gelu, 0.0, 2e-7}, {"gelu_tanh", oa_gelu_tanh_floats, gelu_tanh, 0.0, 2e-7},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static void check(const struct function *f, const float *x, size_t n)
{
    float y[BLOCK];
    memcpy(y, x, n * sizeof *x);
    f->floats(y, y, n);
    for (size_t i = 0; i < n; i++) {
        double exact = f->exact((double)x[i]), room = f->relative * fabs(exact) + 0x1p-148;
        room += isinf(x[i]) ? 0.0 : f->absolute * fabs((double)x[i]);
        bool is_right = isnan(exact)          ? isnan(y[i])
                        : isinf((float)exact) ? y[i] == (float)exact
                                              : fabs((double)y[i] - exact) <= room;
        if (is_right) {
            continue;
        }
        fail_msg("%s(%.9g) is %.9g, not %.9g", f->name, (double)x[i], (double)y[i], exact);
    }
}

/* Every sign and exponent, with random mantissas: half a million of the 4 billion floats. */
static void exponentials__are_right_over_the_whole_range(void **state)
{
    (void)state;
    oa_random random;
    oa_random_init(&random, 11);
    for (size_t f = 0; f < FUNCTIONS; f++) {
        float x[BLOCK];
        for (uint32_t high = 0; high < 512; high++) {
            for (size_t i = 0; i < BLOCK; i++) {
                uint32_t bits = high << 23 | (uint32_t)(oa_random_next(&random) & 0x7fffff);
                memcpy(&x[i], &bits, sizeof bits);
            }
            check(&functions[f], x, BLOCK);
        }
    }
}

/* Where something happens: between -110 and 100, in steps of a thousandth, and around where one formula takes over. */
static void exponentials__are_right_where_they_bend(void **state)
{
    static const float places[] = {0.0f, 0.63f, 1.0f, 4.0f, 10.0f, 88.722839f, 87.33654f, 103.97208f, 105.0f, 89.0f};
    (void)state;
    for (size_t f = 0; f < FUNCTIONS; f++) {
        float x[BLOCK];
        for (int step = -110000; step < 100000; step += BLOCK) {
            for (size_t i = 0; i < BLOCK; i++) {
                x[i] = (float)(1e-3 * (double)(step + (int)i));
            }
            check(&functions[f], x, BLOCK);
        }
        for (size_t p = 0; p < 2 * sizeof places / sizeof *places; p++) {
            x[0] = p % 2 ? -places[p / 2] : places[p / 2];
            for (size_t i = 0; i < 200; i++) {
                x[0] = nextafterf(x[0], -INFINITY);
            }
            for (size_t i = 1; i < 400; i++) {
                x[i] = nextafterf(x[i - 1], INFINITY);
            }
            check(&functions[f], x, 400);
        }
    }
}

static void exponentials__have_limits(void **state)
{
    static const float odd[] = {INFINITY, -INFINITY, NAN, -NAN, FLT_MAX, -FLT_MAX, 0.0f, -0.0f};
    (void)state;
    for (size_t f = 0; f < FUNCTIONS; f++) {
        for (size_t at = 0; at < 40; at++) { /* in whole vectors and in what is left of them */
            float x[40];
            for (size_t i = 0; i < 40; i++) {
                x[i] = (float)i * 0.3f - 5.0f;
            }
            x[at] = odd[at % (sizeof odd / sizeof *odd)];
            check(&functions[f], x, 40);
        }
    }
    float zero = -0.0f;
    oa_tanh_floats(&zero, &zero, 1);
    assert_true(signbit(zero));
    oa_erf_floats(&zero, &zero, 1);
    assert_true(signbit(zero));
}

/* The bytes of an element must not depend on where its run begins, or threads would show. */
static void exponentials__are_the_same_in_any_run(void **state)
{
    (void)state;
    for (size_t f = 0; f < FUNCTIONS; f++) {
        float x[100], whole[100], alone;
        for (size_t i = 0; i < 100; i++) {
            x[i] = (float)i * 0.17f - 8.0f;
        }
        functions[f].floats(whole, x, 100);
        for (size_t i = 0; i < 100; i++) {
            functions[f].floats(&alone, &x[i], 1);
            assert_memory_equal(&alone, &whole[i], sizeof alone);
        }
    }
}

static void softmax__is_right_for_any_length(void **state)
{
    (void)state;
    oa_random random;
    oa_random_init(&random, 12);
    for (size_t n = 0; n < 150; n++) {
        float x[150], y[150];
        float best = -INFINITY;
        double sum = 0.0;
        for (size_t i = 0; i < n; i++) {
            x[i] = n % 7 == 3 && i % 2 ? -INFINITY : (float)(40.0 * oa_random_uniform(&random));
            best = x[i] > best ? x[i] : best;
        }
        for (size_t i = 0; i < n; i++) {
            sum += exp((double)(x[i] - best)); /* this difference is rounded by definition */
        }
        oa_softmax_floats(y, x, n);
        for (size_t i = 0; i < n; i++) {
            double exact = exp((double)(x[i] - best)) / sum;
            assert_true(fabs((double)y[i] - exact) <= 6e-7 * exact);
        }
    }
    float x[3] = {NAN, 1.0f, 2.0f};
    oa_softmax_floats(x, x, 3);
    assert_true(isnan(x[0]) && isnan(x[1]) && isnan(x[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponentials__are_right_over_the_whole_range),
        cmocka_unit_test(exponentials__are_right_where_they_bend),
        cmocka_unit_test(exponentials__have_limits),
        cmocka_unit_test(exponentials__are_the_same_in_any_run),
        cmocka_unit_test(softmax__is_right_for_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
