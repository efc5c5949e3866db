/* Soft permutations on two levels: doubly stochastic, the product that is promised, and its gradient. */
#include "core/base/random.h"
#include "core/soft/sinkhorn.h"
#include "core/soft/soft_levels.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <string.h>

enum { BLOCKS = 3, INSIDE = 4, N = BLOCKS * INSIDE, ITERATIONS = 30 };

static const oa_group outer = {.size = BLOCKS, .kind = OA_GROUP_BLOCKS, .parent = OA_NONE, .block_count = 1};
static const oa_group inner = {.size = N, .kind = OA_GROUP_INSIDE, .block_count = BLOCKS};

typedef struct both {
    oa_level *outer, *inner;
    float blocks[BLOCKS * BLOCKS], s[N * N];
} both;

static void run(both *b, const float *outer_scores, const float *scores)
{
    assert_int_equal(oa_level_forward(b->blocks, b->outer, outer_scores, NULL, NULL), OA_OK);
    assert_int_equal(oa_level_forward(b->s, b->inner, scores, b->blocks, NULL), OA_OK);
}

static double loss(both *b, const float *outer_scores, const float *scores, const float *weights)
{
    double sum = 0.0;
    run(b, outer_scores, scores);
    for (size_t i = 0; i < N * N; i++) {
        sum += (double)weights[i] * (double)b->s[i];
    }
    return sum;
}

static void draw(float *x, size_t count, oa_random *random)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)oa_random_normal(random);
    }
}

static void soft_levels__are_doubly_stochastic_and_a_product(void **state)
{
    both *b = *state;
    float outer_scores[BLOCKS * BLOCKS], scores[N * N], part[INSIDE * INSIDE];
    oa_random random;
    oa_random_init(&random, 3);
    oa_sinkhorn *sinkhorn;
    assert_int_equal(oa_sinkhorn_create(&sinkhorn, INSIDE, ITERATIONS, NULL), OA_OK);
    for (size_t round = 0; round < 20; round++) {
        draw(outer_scores, BLOCKS * BLOCKS, &random);
        draw(scores, N * N, &random);
        run(b, outer_scores, scores);
        for (size_t i = 0; i < N; i++) {
            double row = 0.0, column = 0.0;
            for (size_t j = 0; j < N; j++) {
                row += (double)b->s[i * N + j];
                column += (double)b->s[j * N + i];
            }
            assert_true(fabs(row - 1.0) < 1e-3); /* rows are right as far as the iteration has come */
            assert_true(fabs(column - 1.0) < 1e-5);
        }
        for (size_t h = 0; h < BLOCKS; h++) {
            for (size_t k = 0; k < BLOCKS; k++) {
                for (size_t i = 0; i < INSIDE * INSIDE; i++) {
                    part[i] = scores[(h * INSIDE + i / INSIDE) * N + k * INSIDE + i % INSIDE];
                }
                assert_int_equal(oa_sinkhorn_forward(part, sinkhorn, part, NULL), OA_OK);
                for (size_t i = 0; i < INSIDE * INSIDE; i++) {
                    float found = b->s[(h * INSIDE + i / INSIDE) * N + k * INSIDE + i % INSIDE];
                    assert_true(fabsf(found - b->blocks[h * BLOCKS + k] * part[i]) < 1e-6f);
                }
            }
        }
    }
    oa_sinkhorn_destroy(sinkhorn);
}

/* Central differences with a step of 1e-2: float32 values of the sum err by some 1e-6, so these by 1e-4; the third
 * derivative adds as much. */
static void assert_gradient(both *b, float *varied, size_t count, const float *gradient, const float *outer_scores,
                            const float *scores, const float *weights)
{
    const float step = 1e-2f;
    for (size_t i = 0; i < count; i++) {
        float old = varied[i];
        varied[i] = old + step;
        double more = loss(b, outer_scores, scores, weights);
        varied[i] = old - step;
        double less = loss(b, outer_scores, scores, weights);
        varied[i] = old;
        double expected = (more - less) / (2.0 * (double)step);
        if (fabs(expected - (double)gradient[i]) > 1e-3) {
            fail_msg("entry %zu: %g, by differences %g", i, (double)gradient[i], expected);
        }
    }
}

static void soft_levels__have_the_gradient_of_differences(void **state)
{
    both *b = *state;
    float outer_scores[BLOCKS * BLOCKS], scores[N * N], weights[N * N];
    float gradient[N * N] = {0}, of_blocks[BLOCKS * BLOCKS] = {0}, outer_gradient[BLOCKS * BLOCKS] = {0};
    oa_random random;
    oa_random_init(&random, 8);
    draw(outer_scores, BLOCKS * BLOCKS, &random);
    draw(scores, N * N, &random);
    draw(weights, N * N, &random);
    run(b, outer_scores, scores);
    oa_level_backward(gradient, of_blocks, b->inner, weights, b->blocks);
    oa_level_backward(outer_gradient, NULL, b->outer, of_blocks, NULL);
    assert_gradient(b, scores, N * N, gradient, outer_scores, scores, weights);
    assert_gradient(b, outer_scores, BLOCKS * BLOCKS, outer_gradient, outer_scores, scores, weights);
}

/* Blocks that are all but decided: no unit leaves them, and nothing is not a number. */
static void soft_levels__hold_for_blocks_that_never_meet(void **state)
{
    both *b = *state;
    float outer_scores[BLOCKS * BLOCKS] = {0}, scores[N * N], weights[N * N];
    float gradient[N * N] = {0}, of_blocks[BLOCKS * BLOCKS] = {0};
    oa_random random;
    oa_random_init(&random, 9);
    draw(scores, N * N, &random);
    draw(weights, N * N, &random);
    for (size_t h = 0; h < BLOCKS; h++) {
        outer_scores[h * BLOCKS + (h + 1) % BLOCKS] = 60.0f;
    }
    run(b, outer_scores, scores);
    oa_level_backward(gradient, of_blocks, b->inner, weights, b->blocks);
    for (size_t i = 0; i < N * N; i++) {
        bool is_met = i % N / INSIDE == (i / N / INSIDE + 1) % BLOCKS;
        assert_true(isfinite(b->s[i]) && isfinite(gradient[i]));
        assert_true(is_met || (b->s[i] < 1e-6f && gradient[i] == 0.0f));
    }
}

static int make(void **state)
{
    static both made;
    *state = &made;
    return oa_level_create(&made.outer, &outer, ITERATIONS, NULL) != OA_OK ||
           oa_level_create(&made.inner, &inner, ITERATIONS, NULL) != OA_OK;
}

static int release(void **state)
{
    both *b = *state;
    oa_level_destroy(b->outer);
    oa_level_destroy(b->inner);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_levels__are_doubly_stochastic_and_a_product),
        cmocka_unit_test(soft_levels__have_the_gradient_of_differences),
        cmocka_unit_test(soft_levels__hold_for_blocks_that_never_meet),
    };
    return cmocka_run_group_tests(tests, make, release);
}
