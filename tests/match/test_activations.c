/* Matching by activations: planted reorderings of models of every kind, correlations against sums by hand, units that
 * do nothing, data that do not fit. */
#include "core/match/activation_plan.h"
#include "core/match/activations.h"
#include "core/match/two_levels.h"
#include "core/match/unit_sums.h"
#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Normal numbers of a shape. */
typedef struct samples {
    oa_array array;
    oa_batches batches;
} samples;

static void samples_make(samples *s, uint64_t seed, size_t rank, const size_t *dims)
{
    oa_random random;
    oa_random_init(&random, seed);
    *s = (samples){0};
    assert_int_equal(oa_array_init(&s->array, OA_DTYPE_FLOAT, dims, rank, NULL), OA_OK);
    for (size_t i = 0; i < s->array.count; i++) {
        ((float *)s->array.data)[i] = (float)oa_random_normal(&random);
    }
    s->batches = oa_batches_of_array(&s->array);
}

#define SAMPLES(s, seed, ...)                                                                                          \
    samples_make(s, seed, sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t), (const size_t[]){__VA_ARGS__})

static oa_activation_info match(oa_permutations *found, const pair *p, const oa_batches *data,
                                const oa_activation_settings *settings)
{
    oa_activation_info info = {0};
    oa_error error = {0};
    if (oa_match_activations(found, &p->problem, data, settings, &info, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    return info;
}

static size_t wrong_units(const oa_permutations *x, const oa_permutations *y, const oa_layout *layout)
{
    size_t wrong = 0;
    for (size_t g = 0; g < layout->group_count; g++) {
        for (size_t i = 0; i < layout->groups[g].size; i++) {
            wrong += x->of[g][i] != y->of[g][i];
        }
    }
    return wrong;
}

/* Plants random permutations without noise and expects them back, from the identity, by correlation and covariance. */
static void check_recovery(model_builder *build, const oa_batches *data, size_t passes, size_t unmatched)
{
    size_t alive = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        pair p;
        oa_random random;
        oa_permutations planted, found;
        oa_activation_settings settings = oa_activation_settings_default();
        pair_create(&p, build, seed, seed);
        oa_random_init(&random, 100 + seed);
        assert_int_equal(oa_permutations_init(&planted, p.layout, NULL), OA_OK);
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        oa_permutations_random(&planted, p.layout, &random);
        pair_plant(&p, &planted, 0.0, seed);
        settings.uses_covariance = seed % 2 == 0;
        settings.batch = 7 * (size_t)seed;
        oa_activation_info info = match(&found, &p, data, &settings);
        assert_int_equal(info.samples, data->count);
        assert_int_equal(info.passes, passes);
        assert_int_equal(info.unmatched, unmatched);
        assert_int_equal(info.matched + info.unmatched, p.layout->group_count);
        /* A dead unit finds its place only when no other one is left. */
        size_t wrong = wrong_units(&found, &planted, p.layout);
        if (wrong > (info.dead > 1 ? info.dead : 0)) {
            fail_msg("seed %llu: %zu units not recovered, %zu are dead", (unsigned long long)seed, wrong, info.dead);
        }
        alive += info.dead == 0;
        /* Units that are the same correlate fully; the sums of an order of their own differ by float32's rounding. */
        assert_true(settings.uses_covariance || info.dead || fabs(info.after - 1.0) <= 1e-5);
        assert_true(info.before < info.after);
        oa_permutations_free(&planted);
        oa_permutations_free(&found);
        pair_free(&p);
    }
    assert_true(alive > 0);
}

static void activations__recover_dense_layers(void **state)
{
    (void)state;
    samples data;
    SAMPLES(&data, 1, 150, 20);
    check_recovery(build_mlp, &data.batches, 1, 0);
    oa_array_free(&data.array);
}

static void activations__recover_convolutions_behind_a_flatten(void **state)
{
    (void)state;
    samples data;
    SAMPLES(&data, 2, 60, 3, 8, 8);
    check_recovery(build_cnn, &data.batches, 1, 0);
    oa_array_free(&data.array);
}

static void activations__recover_a_residual_stream(void **state)
{
    (void)state;
    samples data;
    SAMPLES(&data, 3, 120, 10);
    check_recovery(build_residual, &data.batches, 1, 0);
    oa_array_free(&data.array);
    SAMPLES(&data, 3, 120, 2);
    check_recovery(build_square, &data.batches, 1, 0);
    oa_array_free(&data.array);
    SAMPLES(&data, 3, 200, 3);
    check_recovery(build_recurrent, &data.batches, 1, 0);
    oa_array_free(&data.array);
}

/* Heads with their values in the first pass; queries and keys, whose heads lie on another axis, in the second. */
static void activations__recover_heads_and_what_is_inside(void **state)
{
    (void)state;
    samples data;
    SAMPLES(&data, 4, 90, 5, 10);
    check_recovery(build_attention, &data.batches, 1, 0);
    check_recovery(build_grouped_queries, &data.batches, 2, 0);
    oa_array_free(&data.array);
}

static void activations__recover_groups_of_convolutions(void **state)
{
    (void)state;
    samples data;
    SAMPLES(&data, 5, 40, 3, 6, 6);
    check_recovery(build_grouped, &data.batches, 1, 0);
    oa_array_free(&data.array);
}

/* Two halves of one axis that are concatenated and split again, one of them the same group as another. */
static const oa_graph *build_concat(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 6), parts[2];
    size_t a = NODE(g, "Relu", "", NODE(g, "MatMul", "", x, WEIGHT(g, "a", 6, 7)));
    size_t b = NODE(g, "Tanh", "", NODE(g, "MatMul", "", x, WEIGHT(g, "b", 6, 9)));
    size_t both = NODE(g, "Concat", "axis=1", a, b, NODE(g, "Sin", "", a));
    NODES(parts, g, "Split", "axis=1", both, INTS(g, 7, 16));
    size_t y = NODE(g, "MatMul", "", both, WEIGHT(g, "w", 23, 3));
    size_t z = NODE(g, "MatMul", "", parts[1], WEIGHT(g, "v", 16, 3));
    test_graph_output(g, NODE(g, "Sum", "", y, z));
    return test_graph_finish(g);
}

static void activations__recover_parts_of_a_concatenation(void **state)
{
    (void)state;
    samples data;
    SAMPLES(&data, 6, 80, 6);
    check_recovery(build_concat, &data.batches, 1, 0);
    oa_array_free(&data.array);
}

static const oa_graph *build_fixed(test_graph *g)
{
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", INPUT(g, "x", 16, 6), WEIGHT(g, "w1", 6, 9)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 9, 2)));
    return test_graph_finish(g);
}

static void activations__of_a_fixed_batch_take_whole_batches(void **state)
{
    (void)state;
    const size_t counts[][2] = {{48, 48}, {63, 48}, {16, 16}, {12, 12}};
    for (size_t i = 0; i < 4; i++) {
        pair p;
        samples data;
        oa_permutations found;
        oa_activation_settings settings = oa_activation_settings_default();
        pair_create(&p, build_fixed, 1, 2);
        SAMPLES(&data, 7, counts[i][0], 6);
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        assert_int_equal(match(&found, &p, &data.batches, &settings).samples, counts[i][1]);
        oa_permutations_free(&found);
        oa_array_free(&data.array);
        pair_free(&p);
    }
}

/* The group of the outer product lies beside itself on its axis; no activation shows it alone but x itself: weights
 * tell. */
static void activations__leave_to_weights_what_they_do_not_show(void **state)
{
    (void)state;
    pair p;
    samples data;
    oa_permutations found, planted;
    oa_random random;
    oa_activation_settings settings = oa_activation_settings_default();
    pair_create(&p, build_outer_product, 1, 2);
    SAMPLES(&data, 8, 30, 5, 3);
    oa_random_init(&random, 8);
    assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
    assert_int_equal(oa_permutations_init(&planted, p.layout, NULL), OA_OK);
    oa_permutations_random(&planted, p.layout, &random);
    pair_plant(&p, &planted, 0.0, 8);
    oa_activation_info info = match(&found, &p, &data.batches, &settings);
    assert_int_equal(p.layout->group_count, 1);
    assert_true(info.matched == 0 && info.unmatched == 1 && info.passes == 0);
    assert_true(same_permutations(&found, &planted, p.layout));
    oa_permutations_free(&found);
    oa_permutations_free(&planted);
    oa_array_free(&data.array);
    pair_free(&p);
}

/* Two ReLU units that a very low bias keeps at zero. */
static const oa_graph *build_dead(test_graph *g)
{
    static const float low[8] = {0, -1e6f, 0, 0, -1e6f, 0, 0, 0};
    size_t b = test_graph_constant(g, "b1", OA_DTYPE_FLOAT, 1, TEST_DIMS(8), low);
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", INPUT(g, "x", -1, 3), WEIGHT(g, "w1", 3, 8), b));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 8, 2)));
    return test_graph_finish(g);
}

static void activations__of_dead_units_tie(void **state)
{
    (void)state;
    for (size_t covariance = 0; covariance < 2; covariance++) {
        pair p;
        samples data;
        oa_permutations found;
        oa_activation_settings settings = oa_activation_settings_default();
        settings.uses_covariance = covariance == 1;
        pair_create(&p, build_dead, 1, 1);
        SAMPLES(&data, 9, 64, 3);
        assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
        oa_activation_info info = match(&found, &p, &data.batches, &settings);
        /* The same model: the live units find themselves, and the dead ones, which tie with one another, stay. */
        assert_int_equal(info.dead, 2);
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(found.of[0][i], i);
        }
        /* From another order of the dead ones, that order stays. */
        size_t *order = found.of[0];
        order[1] = 4;
        order[4] = 1;
        match(&found, &p, &data.batches, &settings);
        assert_true(order[1] == 4 && order[4] == 1);
        oa_permutations_free(&found);
        oa_array_free(&data.array);
        pair_free(&p);
    }
}

/* Correlation of two columns, two passes in long double: slow and plain. */
static double plain_profit(const float *x, const float *y, size_t samples_count, size_t n, size_t i, size_t j,
                           bool uses_covariance)
{
    long double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t s = 0; s < samples_count; s++) {
        mean_x += (long double)x[s * n + i] / (long double)samples_count;
        mean_y += (long double)y[s * n + j] / (long double)samples_count;
    }
    for (size_t s = 0; s < samples_count; s++) {
        long double dx = (long double)x[s * n + i] - mean_x, dy = (long double)y[s * n + j] - mean_y;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    return (double)(uses_covariance ? xy / (long double)samples_count : xx > 0 && yy > 0 ? xy / sqrtl(xx * yy) : 0);
}

/* Units of all magnitudes, means far from zero, and one that is constant. The first batch has another mean and spread
 * than the rest, so that the centre that comes from it is not where the mean is. */
static void fill_units(float *x, size_t samples_count, size_t n, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t s = 0; s < samples_count; s++) {
        double common = oa_random_normal(&random);
        for (size_t i = 0; i < n; i++) {
            double value = oa_random_normal(&random) + (double)(i % 3) * common + (s < 50 ? 0.0 : 1.0);
            double magnitude = pow(10.0, (double)(i % 5) * 6.0 - 12.0);
            x[s * n + i] = i == 2 ? 3.7f : (float)(magnitude * (value + (double)(i % 4) * 10.0));
        }
    }
}

static void unit_sums__equal_plain_correlations(void **state)
{
    (void)state;
    enum { N = 11, COUNT = 900 };
    static float x[COUNT * N], y[COUNT * N], turned[2][COUNT * N];
    size_t plain[N];
    fill_units(x, COUNT, N, 10);
    fill_units(y, COUNT, N, 10); /* the same, so that the units correlate, with noise on top */
    oa_random random;
    oa_random_init(&random, 11);
    for (size_t i = 0; i < N; i++) {
        plain[i] = i;
    }
    for (size_t s = 0; s < COUNT * N; s++) {
        y[s] *= s % N == 2 ? 1.0f : (float)(1.0 + 0.02 * oa_random_normal(&random));
        turned[0][s % N * COUNT + s / N] = x[s];
        turned[1][s % N * COUNT + s / N] = y[s];
    }
    for (size_t c = 0; c < 2; c++) {
        for (size_t by_unit = 0; by_unit < 2; by_unit++) {
            oa_unit_sums sums = {0};
            oa_unit_workspace workspace = {0};
            double profit[N * N] = {0};
            assert_int_equal(oa_unit_sums_init(&sums, N, NULL), OA_OK);
            /* In batches of 50, 300, 550. The other layout has samples behind the units; as one batch, for its stride.
             */
            const size_t ends[] = {0, 50, 350, 900};
            for (size_t b = 0; b < (by_unit ? 1 : 3); b++) {
                size_t count = ends[b + 1] - ends[b];
                oa_unit_view views[2];
                for (size_t m = 0; m < 2; m++) {
                    const float *rows = (m ? y : x) + ends[b] * N;
                    views[m] = by_unit ? (oa_unit_view){turned[m], 1, N, COUNT, 1, plain, NULL, NULL}
                                       : (oa_unit_view){rows, count, N, 1, 1, plain, NULL, NULL};
                }
                assert_int_equal(oa_unit_sums_add(&sums, &views[0], &views[1], &workspace, NULL), OA_OK);
            }
            assert_int_equal(sums.count, COUNT);
            assert_int_equal(oa_unit_sums_profit(profit, &sums, c == 1, NULL), OA_OK);
            for (size_t i = 0; i < N * N; i++) {
                double expected = plain_profit(x, y, COUNT, N, i / N, i % N, c == 1);
                /* Covariances are measured in units of the two spreads. */
                double scale = c == 1 ? sqrt(fabs(plain_profit(x, x, COUNT, N, i / N, i / N, true) *
                                                  plain_profit(y, y, COUNT, N, i % N, i % N, true)))
                                      : 1.0;
                /* Products of 550 terms of order one summed in float32, relative to their number: 550 half roundings of
                 * 6e-8 at worst; means of ten spreads cost the samples another digit. */
                if (!(fabs(profit[i] - expected) <= 5e-5 * scale)) {
                    fail_msg("units %zu and %zu: %.9g, expected %.9g", i / N, i % N, profit[i], expected);
                }
            }
            assert_true(profit[2 * N + 5] == 0.0 && profit[5 * N + 2] == 0.0 && profit[2 * N + 2] == 0.0);
            oa_unit_sums_free(&sums);
            oa_unit_workspace_free(&workspace);
        }
    }
}

/* Elements of the axis and the maps of b: every sample by its place, one at a time. */
static void unit_sums__go_by_positions_and_maps(void **state)
{
    (void)state;
    enum { OUTER = 6, AXIS = 10, INNER = 7, N = 4, REST = 2 };
    const size_t positions[2][N * REST] = {{0, 9, 1, 8, 2, 7, 3, 6}, {5, 4, 0, 1, 9, 8, 3, 2}};
    const size_t outer_map[OUTER] = {5, 3, 1, 0, 2, 4}, inner_map[INNER] = {6, 5, 4, 3, 2, 1, 0};
    static float data[2][OUTER * AXIS * INNER], rows[2][OUTER * REST * INNER * N];
    oa_random random;
    oa_random_init(&random, 12);
    for (size_t k = 0; k < 2 * OUTER * AXIS * INNER; k++) {
        (&data[0][0])[k] = (float)oa_random_normal(&random);
    }
    for (size_t inner = 1; inner <= INNER; inner += INNER - 1) {
        size_t count = OUTER * REST * inner;
        oa_unit_sums sums = {0};
        oa_unit_workspace workspace = {0};
        double profit[N * N] = {0};
        const oa_unit_view a = {data[0], OUTER, AXIS, inner, REST, positions[0], NULL, NULL};
        const oa_unit_view b = {data[1], OUTER,        AXIS,      inner,
                                REST,    positions[1], outer_map, inner > 1 ? inner_map : NULL};
        for (size_t s = 0; s < count; s++) {
            size_t t = s % inner, r = s / inner % REST, o = s / inner / REST;
            size_t t_b = inner > 1 ? inner_map[t] : t;
            for (size_t i = 0; i < N; i++) {
                rows[0][s * N + i] = data[0][(o * AXIS + positions[0][i * REST + r]) * inner + t];
                rows[1][s * N + i] = data[1][(outer_map[o] * AXIS + positions[1][i * REST + r]) * inner + t_b];
            }
        }
        assert_int_equal(oa_unit_sums_init(&sums, N, NULL), OA_OK);
        assert_int_equal(oa_unit_sums_add(&sums, &a, &b, &workspace, NULL), OA_OK);
        assert_int_equal(sums.count, count);
        assert_int_equal(oa_unit_sums_profit(profit, &sums, false, NULL), OA_OK);
        for (size_t i = 0; i < N * N; i++) {
            double expected = plain_profit(rows[0], rows[1], count, N, i / N, i % N, false);
            assert_true(fabs(profit[i] - expected) <= 5e-6); /* at most 84 terms of order one in float32 */
        }
        oa_unit_sums_free(&sums);
        oa_unit_workspace_free(&workspace);
    }
}

static void assert_refused(const pair *p, const oa_batches *data, const char *words)
{
    oa_permutations found;
    oa_activation_settings settings = oa_activation_settings_default();
    oa_activation_info info = {.samples = 77};
    oa_error error = {0};
    assert_int_equal(oa_permutations_init(&found, p->layout, NULL), OA_OK);
    found.of[0][0] = 1;
    found.of[0][1] = 0;
    assert_int_equal(oa_match_activations(&found, &p->problem, data, &settings, &info, &error), OA_ERROR_INPUT);
    if (!strstr(error.message, words)) {
        fail_msg("'%s' does not say '%s'", error.message, words);
    }
    assert_true(found.of[0][0] == 1 && found.of[0][1] == 0 && info.samples == 77);
    oa_permutations_free(&found);
}

static const oa_graph *build_two_inputs(test_graph *g)
{
    size_t x = NODE(g, "Add", "", INPUT(g, "x", -1, 3), INPUT(g, "y", -1, 3));
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", x, WEIGHT(g, "w1", 3, 5)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 5, 2)));
    return test_graph_finish(g);
}

/* The same model with its inputs declared the other way around. */
static const oa_graph *build_two_inputs_swapped(test_graph *g)
{
    size_t y = INPUT(g, "y", -1, 3), x = INPUT(g, "x", -1, 3);
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", NODE(g, "Add", "", x, y), WEIGHT(g, "w1", 3, 5)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 5, 2)));
    return test_graph_finish(g);
}

static void activations__recover_with_several_inputs(void **state)
{
    (void)state;
    samples data, more;
    SAMPLES(&data, 5, 100, 3);
    SAMPLES(&more, 6, 100, 3);
    oa_batches second = more.batches;
    assert_int_equal(oa_batches_chain(&data.batches, &second, NULL), OA_OK);
    check_recovery(build_two_inputs, &data.batches, 1, 0);
    check_recovery(build_two_inputs_swapped, &data.batches, 1, 0);
    oa_batches_close(&data.batches);
    oa_array_free(&data.array);
    oa_array_free(&more.array);
}

static void activations__refuse_what_does_not_fit(void **state)
{
    (void)state;
    pair p;
    samples data;
    pair_create(&p, build_six, 1, 2);
    SAMPLES(&data, 13, 20, 3);
    oa_batches none = data.batches;
    none.count = 0;
    assert_refused(&p, &none, "no samples");
    ((float *)data.array.data)[31] = INFINITY;
    assert_refused(&p, &data.batches, "NaN, infinite or too large");
    oa_array_free(&data.array);
    SAMPLES(&data, 13, 20, 4);
    assert_refused(&p, &data.batches, "which is not the shape that the model declares");
    pair_free(&p);
    oa_array_free(&data.array);
    SAMPLES(&data, 13, 20, 3);
    pair_create(&p, build_two_inputs, 1, 2);
    assert_refused(&p, &data.batches, "input 'y' gets no samples");
    pair_free(&p);
    oa_array_free(&data.array);
}

/* The best of all pairs of permutations, by trying them. */
static double best_of_all(const double *profit, size_t n_blocks, size_t n_inner, size_t *blocks, size_t *inner,
                          size_t depth)
{
    double best = -INFINITY;
    size_t *list = depth < n_blocks ? blocks : inner;
    size_t n = depth < n_blocks ? n_blocks : n_inner, at = depth < n_blocks ? depth : depth - n_blocks;
    if (depth == n_blocks + n_inner) {
        double sum = 0.0;
        for (size_t u = 0; u < n_blocks * n_inner; u++) {
            sum += profit[u * n_blocks * n_inner + blocks[u / n_inner] * n_inner + inner[u % n_inner]];
        }
        return sum;
    }
    for (size_t k = at; k < n; k++) {
        size_t swapped = list[k];
        list[k] = list[at];
        list[at] = swapped;
        best = fmax(best, best_of_all(profit, n_blocks, n_inner, blocks, inner, depth + 1));
        list[at] = list[k];
        list[k] = swapped;
    }
    return best;
}

/* A planted pair under noise that does not hide it: found from any start, and never worse than the best of all pairs
 * that brute force finds. */
static void two_levels__find_what_stands_out(void **state)
{
    (void)state;
    enum { BLOCKS = 4, INNER = 3, N = BLOCKS * INNER };
    for (uint64_t seed = 1; seed <= 50; seed++) {
        double profit[N * N];
        size_t blocks[BLOCKS], inner[INNER], found_blocks[BLOCKS], found_inner[INNER];
        oa_random random;
        oa_random_init(&random, seed);
        for (size_t i = 0; i < N * N; i++) {
            profit[i] = 0.3 * oa_random_normal(&random);
        }
        oa_random_permutation(blocks, BLOCKS, &random);
        oa_random_permutation(inner, INNER, &random);
        for (size_t u = 0; u < N; u++) {
            profit[u * N + blocks[u / INNER] * INNER + inner[u % INNER]] += 1.0;
        }
        oa_random_permutation(found_blocks, BLOCKS, &random);
        oa_random_permutation(found_inner, INNER, &random);
        assert_int_equal(oa_match_two_levels(found_blocks, found_inner, profit, BLOCKS, INNER, NULL), OA_OK);
        double sum = 0.0;
        for (size_t u = 0; u < N; u++) {
            sum += profit[u * N + found_blocks[u / INNER] * INNER + found_inner[u % INNER]];
        }
        double best = best_of_all(profit, BLOCKS, INNER, blocks, inner, 0);
        if (!(sum >= best - 1e-12)) {
            fail_msg("seed %llu: %g, the best is %g", (unsigned long long)seed, sum, best);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations__recover_dense_layers),
        cmocka_unit_test(activations__recover_convolutions_behind_a_flatten),
        cmocka_unit_test(activations__recover_a_residual_stream),
        cmocka_unit_test(activations__recover_heads_and_what_is_inside),
        cmocka_unit_test(activations__recover_groups_of_convolutions),
        cmocka_unit_test(activations__recover_parts_of_a_concatenation),
        cmocka_unit_test(activations__of_a_fixed_batch_take_whole_batches),
        cmocka_unit_test(activations__leave_to_weights_what_they_do_not_show),
        cmocka_unit_test(activations__of_dead_units_tie),
        cmocka_unit_test(unit_sums__equal_plain_correlations),
        cmocka_unit_test(unit_sums__go_by_positions_and_maps),
        cmocka_unit_test(activations__recover_with_several_inputs),
        cmocka_unit_test(activations__refuse_what_does_not_fit),
        cmocka_unit_test(two_levels__find_what_stands_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
