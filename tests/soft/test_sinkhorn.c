/* Sinkhorn normalisation against the log-domain iteration in double, value and gradient. */
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/soft/adam.h"
#include "core/soft/sinkhorn.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 40 };

static double log_sum(const double *x, size_t n)
{
    double most = -INFINITY, sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, x[i]);
    }
    for (size_t i = 0; i < n; i++) {
        sum += exp(x[i] - most);
    }
    return most + log(sum);
}

/* The definition: subtract the logsumexp of every row, then of every column, again and again. */
static void slow_sinkhorn(double *p, const double *scores, size_t n, size_t iterations)
{
    double line[MOST];
    memcpy(p, scores, n * n * sizeof *p);
    for (size_t t = 0; t < iterations; t++) {
        for (size_t i = 0; i < n; i++) {
            double sum = log_sum(p + i * n, n);
            for (size_t j = 0; j < n; j++) {
                p[i * n + j] -= sum;
            }
        }
        for (size_t j = 0; j < n; j++) {
            for (size_t i = 0; i < n; i++) {
                line[i] = p[i * n + j];
            }
            double sum = log_sum(line, n);
            for (size_t i = 0; i < n; i++) {
                p[i * n + j] -= sum;
            }
        }
    }
    for (size_t i = 0; i < n * n; i++) {
        p[i] = exp(p[i]);
    }
}

static double slow_loss(const double *scores, const double *weights, size_t n, size_t iterations)
{
    static double p[MOST * MOST];
    double sum = 0.0;
    slow_sinkhorn(p, scores, n, iterations);
    for (size_t i = 0; i < n * n; i++) {
        sum += p[i] * weights[i];
    }
    return sum;
}

/* Scores are float32 to both. Their rounding in S + f + g, at most 2^-24 times the range, is what the result may be off
 * by, relatively, and the fast exponential's 3e-7 a few times over. */
static void check(size_t n, size_t iterations, double range, uint64_t seed)
{
    static float scores[MOST * MOST], p[MOST * MOST], dp[MOST * MOST], ds[MOST * MOST];
    static double exact[MOST * MOST], expected[MOST * MOST], weights[MOST * MOST];
    oa_sinkhorn *s;
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t i = 0; i < n * n; i++) {
        scores[i] = (float)(range * (2.0 * oa_random_uniform(&random) - 1.0));
        exact[i] = (double)scores[i];
        dp[i] = (float)oa_random_normal(&random);
        weights[i] = (double)dp[i];
        ds[i] = 0.0f;
    }
    assert_int_equal(oa_sinkhorn_create(&s, n, iterations, NULL), OA_OK);
    assert_int_equal(oa_sinkhorn_forward(p, s, scores, NULL), OA_OK);
    slow_sinkhorn(expected, exact, n, iterations);
    double tolerance = 2e-5 + range * 5e-7 * (double)iterations;
    for (size_t i = 0; i < n * n; i++) {
        if (!(fabs((double)p[i] - expected[i]) <= tolerance)) {
            fail_msg("n %zu, range %g, seed %llu: element %zu is %g and not %g", n, range, (unsigned long long)seed, i,
                     (double)p[i], expected[i]);
        }
    }
    oa_sinkhorn_backward(ds, s, dp);
    for (size_t i = 0; i < n * n; i++) {
        const double step = 1e-5;
        double kept = exact[i];
        exact[i] = kept + step;
        double above = slow_loss(exact, weights, n, iterations);
        exact[i] = kept - step;
        double below = slow_loss(exact, weights, n, iterations);
        exact[i] = kept;
        double slope = (above - below) / (2.0 * step);
        if (!(fabs((double)ds[i] - slope) <= 10.0 * tolerance + 1e-4)) {
            fail_msg("n %zu, range %g, seed %llu: gradient %zu is %g and not %g", n, range, (unsigned long long)seed, i,
                     (double)ds[i], slope);
        }
    }
    oa_sinkhorn_destroy(s);
}

static void sinkhorn__equals_the_log_domain_iteration(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        check(1, 3, 5.0, seed);
        check(2, 1, 1.0, seed);
        check(5, 20, 3.0, seed);
        check(13, 20, 30.0, seed);
    }
    check(24, 20, 10.0, 9);
}

/* Where exp of the scores has no float: new frames. */
static void sinkhorn__holds_for_scores_of_any_size(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        check(6, 10, 300.0, seed);
        check(7, 5, 2000.0, seed);
    }
    static float scores[MOST * MOST], p[MOST * MOST];
    oa_sinkhorn *s;
    oa_random random;
    oa_random_init(&random, 3);
    for (size_t i = 0; i < MOST * MOST; i++) {
        scores[i] = (float)(2e4 * (oa_random_uniform(&random) - 0.5));
    }
    assert_int_equal(oa_sinkhorn_create(&s, MOST, 20, NULL), OA_OK);
    assert_int_equal(oa_sinkhorn_forward(p, s, scores, NULL), OA_OK);
    for (size_t j = 0; j < MOST; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < MOST; i++) {
            assert_true(p[i * MOST + j] >= 0.0f && isfinite(p[i * MOST + j]));
            sum += (double)p[i * MOST + j];
        }
        assert_true(fabs(sum - 1.0) < 1e-4);
    }
    oa_sinkhorn_destroy(s);
}

static void sinkhorn__refuses_scores_that_are_not_finite(void **state)
{
    float scores[4] = {0.0f, 1.0f, NAN, 2.0f}, p[4] = {7.0f, 7.0f, 7.0f, 7.0f};
    oa_sinkhorn *s;
    oa_error error;
    (void)state;
    assert_int_equal(oa_sinkhorn_create(&s, 2, 5, NULL), OA_OK);
    assert_int_equal(oa_sinkhorn_forward(p, s, scores, &error), OA_ERROR_INPUT);
    assert_true(p[0] == 7.0f);
    oa_sinkhorn_destroy(s);
}

/* Kingma and Ba's algorithm 1 in double, with decoupled decay. */
static void adam__follows_its_definition(void **state)
{
    float x[3] = {1.0f, -2.0f, 0.5f}, m[3] = {0}, v[3] = {0};
    double rx[3] = {1.0, -2.0, 0.5}, rm[3] = {0}, rv[3] = {0};
    oa_adam adam = oa_adam_default(0.01f);
    adam.decay = 0.1f;
    (void)state;
    for (size_t step = 1; step <= 50; step++) {
        float g[3];
        for (size_t i = 0; i < 3; i++) {
            g[i] = (float)sin((double)(step * (i + 1)));
            rm[i] = 0.9 * rm[i] + 0.1 * (double)g[i];
            rv[i] = 0.999 * rv[i] + 0.001 * (double)g[i] * (double)g[i];
            double mean = rm[i] / (1.0 - pow(0.9, (double)step)), square = rv[i] / (1.0 - pow(0.999, (double)step));
            rx[i] -= 0.01 * 0.1 * rx[i];
            rx[i] -= 0.01 * mean / (sqrt(square) + 1e-8);
        }
        oa_adam_step(x, g, m, v, 3, step, &adam);
        for (size_t i = 0; i < 3; i++) {
            assert_true(fabs((double)x[i] - rx[i]) < 1e-5); /* 50 steps of float rounding at size 2: 50 * 1.2e-7 */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sinkhorn__equals_the_log_domain_iteration),
        cmocka_unit_test(sinkhorn__holds_for_scores_of_any_size),
        cmocka_unit_test(sinkhorn__refuses_scores_that_are_not_finite),
        cmocka_unit_test(adam__follows_its_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
