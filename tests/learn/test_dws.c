/* The DWS encoder: it computes what its formulas say, commutes with reordering, finds what was planted, has the right
 * gradients, and takes chains only. */
#include "core/learn/aligner.h"
#include "core/soft/adam.h"
#include "tests/learn/encoded.h"
#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/ref/dws_slow.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"

#include <math.h>
#include <string.h>

enum { CHAINS = 60, CHANNELS = 12, FEATURES = 16 };

static oa_aligner_config small_config(void)
{
    oa_aligner_config config = oa_aligner_config_default(OA_ENCODER_DWS);
    config.channels = CHANNELS;
    config.rounds = 2;
    config.features = FEATURES;
    config.inputs = 3;
    return config;
}

/* ---- Random chains ---- */

static int64_t between(oa_random *random, size_t low, size_t high)
{
    return (int64_t)(low + oa_random_below(random, high - low + 1));
}

static size_t activation(test_graph *g, oa_random *random, size_t x)
{
    static const char *const types[] = {"Relu", "Tanh", "Sigmoid"};
    return NODE(g, types[oa_random_below(random, 3)], "", x);
}

/* A dense layer in any of the ways in which exporters write it. */
static size_t any_dense(test_graph *g, oa_random *random, size_t x, int64_t in, int64_t out)
{
    switch (oa_random_below(random, 4)) {
    case 0:
        return NODE(g, "Gemm", "transB=1", x, WEIGHT(g, NULL, out, in), WEIGHT(g, NULL, out));
    case 1:
        return NODE(g, "Gemm", "", x, WEIGHT(g, NULL, in, out), WEIGHT(g, NULL, out));
    case 2:
        return NODE(g, "Add", "", NODE(g, "MatMul", "", x, WEIGHT(g, NULL, in, out)), WEIGHT(g, NULL, out));
    default:
        return NODE(g, "MatMul", "", x, WEIGHT(g, NULL, in, out));
    }
}

static size_t any_convolution(test_graph *g, oa_random *random, size_t x, int64_t in, int64_t out)
{
    int64_t kernel = between(random, 1, 2) * 2 - 1;
    x = NODE(g, "Conv", kernel == 3 ? "pads=[1,1,1,1]" : "", x, WEIGHT(g, NULL, out, in, kernel, kernel),
             WEIGHT(g, NULL, out));
    if (oa_random_below(random, 2)) {
        x = NODE(g, "BatchNormalization", "", x, POSITIVE(g, NULL, out), WEIGHT(g, NULL, out), WEIGHT(g, NULL, out),
                 POSITIVE(g, NULL, out));
    }
    return activation(g, random, x);
}

/* One to four hidden layers of 2 to 10 units; half of the chains begin with convolutions. */
static const oa_graph *build_chain(test_graph *g, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    int64_t width = between(&random, 1, 9);
    size_t x;
    if (oa_random_below(&random, 2)) {
        x = INPUT(g, "x", -1, width, 4, 4);
        for (size_t i = (size_t)between(&random, 1, 2); i-- > 0;) {
            int64_t next = between(&random, 2, 10);
            x = any_convolution(g, &random, x, width, next);
            width = next;
        }
        bool is_pooled = oa_random_below(&random, 2) == 1;
        x = NODE(g, "Flatten", "", is_pooled ? NODE(g, "GlobalAveragePool", "", x) : x);
        width *= is_pooled ? 1 : 16;
    } else {
        x = INPUT(g, "x", -1, width);
        int64_t next = between(&random, 2, 10);
        x = activation(g, &random, any_dense(g, &random, x, width, next));
        width = next;
    }
    for (size_t i = oa_random_below(&random, 3); i-- > 0;) {
        int64_t next = between(&random, 2, 10);
        x = activation(g, &random, any_dense(g, &random, x, width, next));
        width = next;
    }
    test_graph_output(g, any_dense(g, &random, x, width, between(&random, 1, 12)));
    return test_graph_finish(g);
}

/* Reordering changes the order of sums of up to some hundred float32 terms: 1e-5 of features of size one, which layer
 * norms over few features that are not zero may magnify. A wrong row is off by about 1. */
static const double FEATURE_TOLERANCE = 2e-3;

static void encoder__commutes_with_reordering_and_transposes_on_random_chains(void **state)
{
    (void)state;
    size_t groups = 0;
    oa_aligner_config config = small_config();
    print_message("seeds 1 to %d\n", CHAINS);
    for (uint64_t seed = 1; seed <= CHAINS; seed++) {
        test_graph *g = test_graph_create(seed);
        const oa_graph *graph = build_chain(g, seed);
        oa_layout *layout = discover(graph);
        check_reordering(graph, layout, &config, seed, FEATURE_TOLERANCE);
        groups += layout->group_count;
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
    assert_true(groups > 2 * CHAINS);
}

/* ---- Against the formulas ---- */

static const char *const WEIGHT_NAMES[DWS_SLOW_LAYERS_MAX] = {"w0", "w1", "w2", "w3", "w4", "w5"};
static const char *const BIAS_NAMES[DWS_SLOW_LAYERS_MAX] = {"b0", "b1", "b2", "b3", "b4", "b5"};

/* Dense layers with named weights, and what the slow encoder wants of them. */
typedef struct dense_chain {
    test_graph *g;
    const oa_graph *graph;
    oa_layout *layout;
    dws_slow_model slow;
    float **weights;
} dense_chain;

static void dense_chain_create(dense_chain *c, const size_t *sizes, size_t layer_count, bool has_biases, uint64_t seed)
{
    *c = (dense_chain){.g = test_graph_create(seed), .slow = {.layer_count = layer_count}};
    size_t x = INPUT(c->g, "x", -1, (int64_t)sizes[0]);
    for (size_t l = 0; l < layer_count; l++) {
        size_t w = WEIGHT(c->g, WEIGHT_NAMES[l], (int64_t)sizes[l + 1], (int64_t)sizes[l]);
        x = has_biases ? NODE(c->g, "Gemm", "transB=1", x, w, WEIGHT(c->g, BIAS_NAMES[l], (int64_t)sizes[l + 1]))
                       : NODE(c->g, "Gemm", "transB=1", x, w);
        x = l + 1 < layer_count ? NODE(c->g, "Relu", "", x) : x;
    }
    test_graph_output(c->g, x);
    c->graph = test_graph_finish(c->g);
    c->layout = discover(c->graph);
    c->weights = weights_of(c->graph, NULL);
    memcpy(c->slow.sizes, sizes, (layer_count + 1) * sizeof *sizes);
    for (size_t l = 0; l < layer_count; l++) {
        c->slow.weights[l] = c->weights[test_graph_tensor(c->graph, WEIGHT_NAMES[l])];
        c->slow.biases[l] = has_biases ? c->weights[test_graph_tensor(c->graph, BIAS_NAMES[l])] : NULL;
    }
}

static void dense_chain_free(dense_chain *c)
{
    free_weights(c->weights, c->graph);
    oa_layout_destroy(c->layout);
    test_graph_destroy(c->g);
}

typedef struct chain_shape {
    size_t layer_count;
    size_t sizes[DWS_SLOW_LAYERS_MAX + 1];
    bool has_biases;
} chain_shape;

static const chain_shape SHAPES[] = {
    {2, {5, 4, 2}, true},        /* both outer layers on one group */
    {3, {3, 6, 5, 4}, true},     /* as many inputs as learned ones */
    {4, {7, 5, 6, 4, 3}, true},  /* a layer between others only */
    {4, {2, 5, 4, 6, 9}, false}, /* fewer inputs than learned ones, no biases */
    {6, {4, 3, 4, 5, 4, 3, 2}, true},
};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof SHAPES[0] };

/* Which group of the layout hidden layer l is: the one on rows of weight l. */
static size_t group_of(const dense_chain *c, size_t l)
{
    size_t tensor = test_graph_tensor(c->graph, WEIGHT_NAMES[l]);
    for (size_t o = 0; o < c->layout->occurrence_count; o++) {
        if (c->layout->occurrences[o].tensor == tensor && c->layout->occurrences[o].axis == 0) {
            return c->layout->occurrences[o].group;
        }
    }
    fail();
    return 0;
}

static double *widened(const oa_aligner *aligner)
{
    double *values = oa_malloc(aligner->value_count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < aligner->value_count; i++) {
        values[i] = (double)aligner->values[i];
    }
    return values;
}

enum { UNITS_MAX = 16 };

typedef struct slow_features {
    double at[DWS_SLOW_LAYERS_MAX][UNITS_MAX * FEATURES];
} slow_features;

static void slow_encode(slow_features *f, const dense_chain *c, const oa_aligner *aligner, const double *values)
{
    double *list[DWS_SLOW_LAYERS_MAX];
    for (size_t l = 0; l < DWS_SLOW_LAYERS_MAX; l++) {
        list[l] = f->at[l];
    }
    dws_slow_encode(list, &c->slow, aligner, values);
}

static void encoder__computes_what_its_formulas_say(void **state)
{
    (void)state;
    static slow_features expected;
    oa_aligner_config config = small_config();
    for (size_t s = 0; s < SHAPE_COUNT; s++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            dense_chain one, two;
            encoded e;
            dense_chain_create(&one, SHAPES[s].sizes, SHAPES[s].layer_count, SHAPES[s].has_biases, seed);
            dense_chain_create(&two, SHAPES[s].sizes, SHAPES[s].layer_count, SHAPES[s].has_biases, seed + 100);
            encoded_create(&e, &config, one.layout, one.graph, seed, one.weights, two.weights);
            /* Biases start at zero: any numbers, so that leaving them out would show. */
            for (size_t i = 0; i < e.aligner->value_count; i++) {
                e.aligner->values[i] += 0.05f * (float)(i % 7);
            }
            encoded_again(&e, NULL);
            double *values = widened(e.aligner);
            for (size_t m = 0; m < 2; m++) {
                slow_encode(&expected, m ? &two : &one, e.aligner, values);
                for (size_t l = 0; l + 1 < SHAPES[s].layer_count; l++) {
                    size_t n = SHAPES[s].sizes[l + 1];
                    const float *f = oa_tape_data(e.tape, e.features[group_of(&one, l)]) + m * n * FEATURES;
                    for (size_t i = 0; i < n * FEATURES; i++) {
                        if (!(fabs((double)f[i] - expected.at[l][i]) <= 1e-4)) { /* float32, three norms deep */
                            fail_msg("shape %zu, seed %llu, model %zu, layer %zu, unit %zu: %g, expected %g", s,
                                     (unsigned long long)seed, m, l, i / FEATURES, (double)f[i], expected.at[l][i]);
                        }
                    }
                }
            }
            oa_free(values);
            encoded_free(&e);
            dense_chain_free(&one);
            dense_chain_free(&two);
        }
    }
}

/* The cross-entropy of exp(s) <f, f'> against the identity, summed over groups. */
static double slow_loss(const dense_chain *one, const dense_chain *two, const oa_aligner *aligner, const double *values)
{
    static slow_features f[2];
    double loss = 0.0, factor = exp(values[aligner->value_count - 1]);
    slow_encode(&f[0], one, aligner, values);
    slow_encode(&f[1], two, aligner, values);
    for (size_t l = 0; l + 1 < one->slow.layer_count; l++) {
        size_t n = one->slow.sizes[l + 1];
        for (size_t i = 0; i < n; i++) {
            double sum = 0.0, own = 0.0;
            for (size_t j = 0; j < n; j++) {
                double score = 0.0;
                for (size_t k = 0; k < FEATURES; k++) {
                    score += factor * f[0].at[l][i * FEATURES + k] * f[1].at[l][j * FEATURES + k];
                }
                sum += exp(score);
                own = i == j ? score : own;
            }
            loss += (log(sum) - own) / (double)n;
        }
    }
    return loss;
}

static double fast_loss(encoded *e, const dense_chain *c, float *gradient)
{
    static const size_t target[UNITS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    oa_var terms[DWS_SLOW_LAYERS_MAX];
    oa_error error = {0};
    encoded_again(e, gradient);
    for (size_t g = 0; g < c->layout->group_count; g++) {
        terms[g] = oa_op_cross_entropy(e->tape, encoded_scores(e, g, 0, 1), target);
    }
    oa_var loss = oa_op_sum(e->tape, terms, NULL, c->layout->group_count);
    assert_int_equal(oa_tape_backward(e->tape, loss, 1.0f, &error), OA_OK);
    return (double)oa_tape_data(e->tape, loss)[0];
}

/* Along random directions: the slope of the slow loss by central differences (1e-6: 1e-9 of error), for a loss of size
 * ten and slopes of size one in float32. */
static void gradients__are_those_of_the_formulas(void **state)
{
    (void)state;
    oa_aligner_config config = small_config();
    for (size_t s = 0; s < SHAPE_COUNT; s++) {
        dense_chain one, two;
        encoded e;
        dense_chain_create(&one, SHAPES[s].sizes, SHAPES[s].layer_count, SHAPES[s].has_biases, 11);
        dense_chain_create(&two, SHAPES[s].sizes, SHAPES[s].layer_count, SHAPES[s].has_biases, 12);
        encoded_create(&e, &config, one.layout, one.graph, 13, one.weights, two.weights);
        size_t count = e.aligner->value_count;
        e.aligner->values[count - 1] = 1.0f; /* scores of size one, all of which have a slope */
        float *gradient = oa_calloc(count, sizeof *gradient);
        double *values = widened(e.aligner), *moved = oa_malloc(count, sizeof *moved);
        assert_true(gradient && moved);
        double loss = fast_loss(&e, &one, gradient);
        assert_true(fabs(loss - slow_loss(&one, &two, e.aligner, values)) <= 1e-4 * loss);
        for (size_t p = 0; p < e.aligner->parameter_count; p++) { /* one direction a parameter, and none forgotten */
            const oa_parameter *q = &e.aligner->parameters[p];
            oa_random random;
            double slope = 0.0, size = 0.0, ends[2];
            oa_random_init(&random, p);
            memcpy(moved, values, count * sizeof *moved);
            for (size_t k = 0; k < 2; k++) {
                double step = k ? -1e-6 : 1e-6;
                oa_random_init(&random, p);
                slope = size = 0.0;
                for (size_t i = q->offset; i < q->offset + q->rows * q->columns; i++) {
                    double direction = oa_random_normal(&random);
                    moved[i] = values[i] + step * direction;
                    slope += direction * (double)gradient[i];
                    size += (double)gradient[i] * (double)gradient[i];
                }
                ends[k] = slow_loss(&one, &two, e.aligner, moved);
            }
            double expected = (ends[0] - ends[1]) / 2e-6;
            if (!(fabs(slope - expected) <= 1e-4 + 1e-3 * sqrt(size))) {
                fail_msg("shape %zu, %s: slope %.9g, expected %.9g", s, q->name, slope, expected);
            }
        }
        oa_free(gradient);
        oa_free(values);
        oa_free(moved);
        encoded_free(&e);
        dense_chain_free(&one);
        dense_chain_free(&two);
    }
}

/* A model and a noisy copy that the first parameters do not tell apart well: steps against the gradient must help. */
static void encoder__learns_to_see_through_noise(void **state)
{
    (void)state;
    enum { STEPS = 60 };
    static const size_t sizes[] = {6, 12, 14, 12, 5};
    oa_aligner_config config = small_config();
    oa_random random;
    dense_chain c;
    encoded e;
    dense_chain_create(&c, sizes, 4, true, 21);
    float **noisy = weights_of(c.graph, NULL);
    oa_random_init(&random, 22);
    for (size_t t = 0; t < c.graph->tensor_count; t++) {
        for (size_t i = 0; i < c.graph->tensors[t].count; i++) {
            noisy[t][i] += (float)(0.5 * oa_random_normal(&random)); /* as large as the weights themselves */
        }
    }
    encoded_create(&e, &config, c.layout, c.graph, 23, c.weights, noisy);
    size_t count = e.aligner->value_count;
    float *memory = oa_calloc(count, 3 * sizeof *memory);
    assert_non_null(memory);
    oa_adam adam = oa_adam_default(2e-3f);
    double first = 0.0, last = 0.0;
    for (size_t step = 1; step <= STEPS; step++) {
        memset(memory, 0, count * sizeof *memory);
        last = fast_loss(&e, &c, memory);
        first = step == 1 ? last : first;
        oa_adam_step(e.aligner->values, memory, memory + count, memory + 2 * count, count, step, &adam);
    }
    print_message("loss %.3f, after %d steps %.3f\n", first, STEPS, last);
    assert_true(last < 0.5 * first);
    oa_free(memory);
    encoded_free(&e);
    free_weights(noisy, c.graph);
    dense_chain_free(&c);
}

/* ---- Aligning ---- */

/* Proposition 5 of the paper: for weights in general position the planted reordering comes out, whatever the
 * parameters. */
static void deep_align__finds_what_was_planted_in_chains(void **state)
{
    (void)state;
    model_builder *builders[] = {build_mlp, build_cnn};
    oa_aligner_config config = small_config();
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        for (uint64_t seed = 1; seed <= 10; seed++) {
            pair p;
            oa_permutations planted, found;
            oa_random random;
            oa_error error = {0};
            oa_aligner_plan *plan = NULL;
            oa_aligner *aligner = NULL;
            oa_random_init(&random, seed);
            pair_create(&p, builders[i], seed, seed + 50);
            assert_int_equal(oa_permutations_init(&planted, p.layout, NULL), OA_OK);
            assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
            oa_permutations_random(&planted, p.layout, &random);
            pair_plant(&p, &planted, 0.0, seed);
            assert_int_equal(oa_aligner_plan_create(&plan, &config, p.layout, p.problem.a, &error), OA_OK);
            assert_int_equal(oa_aligner_create(&aligner, &config, plan, seed, &error), OA_OK);
            if (oa_match_deep_align(&found, NULL, aligner, &p.problem, 1 + seed % 2, &error) != OA_OK) {
                fail_msg("%s", error.message);
            }
            if (!same_permutations(&found, &planted, p.layout)) {
                fail_msg("model %zu, seed %llu: another reordering", i, (unsigned long long)seed);
            }
            oa_aligner_destroy(aligner);
            oa_aligner_plan_destroy(plan);
            oa_permutations_free(&planted);
            oa_permutations_free(&found);
            pair_free(&p);
        }
    }
}

static void plan__refuses_what_is_not_a_chain(void **state)
{
    (void)state;
    static const struct {
        model_builder *build;
        const char *phrase;
    } cases[] = {{build_residual, "more or fewer matrices"},
                 {build_attention, "inside of blocks"},
                 {build_square, "on two axes of a tensor"},
                 {build_recurrent, "on two axes of a tensor"}};
    oa_aligner_config config = small_config();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_graph *g = test_graph_create(1);
        const oa_graph *graph = cases[i].build(g);
        oa_layout *layout = discover(graph);
        oa_aligner_plan *plan = NULL;
        oa_error error = {0};
        assert_int_equal(oa_aligner_plan_create(&plan, &config, layout, graph, &error), OA_ERROR_UNSUPPORTED);
        assert_null(plan);
        if (!strstr(error.message, cases[i].phrase)) {
            fail_msg("model %zu: %s", i, error.message);
        }
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
}

static size_t matmul(test_graph *g, size_t x, int64_t in, int64_t out)
{
    return NODE(g, "MatMul", "", x, WEIGHT(g, NULL, in, out));
}

/* A group with three others. */
static void build_fork(test_graph *g, size_t x)
{
    size_t stem = NODE(g, "Relu", "", matmul(g, x, 3, 4));
    for (size_t k = 0; k < 3; k++) {
        test_graph_output(g, matmul(g, NODE(g, "Relu", "", matmul(g, stem, 4, 5)), 5, 2));
    }
}

/* Two matrices between two groups, and a third group apart. */
static void build_apart(test_graph *g, size_t x)
{
    size_t h = matmul(g, x, 3, 4);
    size_t sum = NODE(g, "Add", "", matmul(g, NODE(g, "Relu", "", h), 4, 5), matmul(g, NODE(g, "Tanh", "", h), 4, 5));
    test_graph_output(g, matmul(g, NODE(g, "Relu", "", sum), 5, 2));
    test_graph_output(g, matmul(g, NODE(g, "Relu", "", matmul(g, x, 3, 6)), 6, 2));
}

static void build_without_units(test_graph *g, size_t x)
{
    test_graph_output(g, matmul(g, x, 3, 2));
}

/* The first two have one matrix less than groups, as chains have. */
static void plan__refuses_what_only_counts_like_a_chain(void **state)
{
    (void)state;
    static const struct {
        void (*build)(test_graph *g, size_t x);
        size_t groups;
        const char *phrase;
    } cases[] = {{build_fork, 4, "more than two matrices"},
                 {build_apart, 3, "hang together in a line"},
                 {build_without_units, 0, "no units"}};
    oa_aligner_config config = small_config();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_graph *g = test_graph_create(1);
        cases[i].build(g, INPUT(g, "x", -1, 3));
        const oa_graph *graph = test_graph_finish(g);
        oa_layout *layout = discover(graph);
        oa_aligner_plan *plan = NULL;
        oa_error error = {0};
        assert_int_equal(layout->group_count, cases[i].groups);
        assert_int_equal(oa_aligner_plan_create(&plan, &config, layout, graph, &error), OA_ERROR_UNSUPPORTED);
        if (!strstr(error.message, cases[i].phrase)) {
            fail_msg("case %zu: %s", i, error.message);
        }
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
}

static void plan__refuses_sizes_of_nothing(void **state)
{
    (void)state;
    dense_chain c;
    dense_chain_create(&c, SHAPES[0].sizes, SHAPES[0].layer_count, true, 1);
    for (size_t i = 0; i < 4; i++) {
        oa_aligner_config config = small_config();
        size_t *sizes[] = {&config.channels, &config.features, &config.inputs, &config.channels};
        oa_aligner_plan *plan = NULL;
        *sizes[i] = i < 3 ? 0 : SIZE_MAX;
        assert_int_equal(oa_aligner_plan_create(&plan, &config, c.layout, c.graph, NULL), OA_ERROR_INPUT);
    }
    dense_chain_free(&c);
}

static void encoder__refuses_an_aligner_for_another_architecture(void **state)
{
    (void)state;
    oa_aligner_config config = small_config();
    dense_chain here, there;
    oa_aligner_plan *plan = NULL;
    oa_aligner *aligner = NULL, *empty = NULL;
    encoded e;
    dense_chain_create(&here, SHAPES[2].sizes, SHAPES[2].layer_count, true, 1);
    dense_chain_create(&there, SHAPES[3].sizes, SHAPES[3].layer_count, false, 1);
    encoded_create(&e, &config, here.layout, here.graph, 1, here.weights, here.weights);
    assert_int_equal(oa_aligner_plan_create(&plan, &config, there.layout, there.graph, NULL), OA_OK);
    assert_int_equal(oa_aligner_create(&aligner, &config, plan, 1, NULL), OA_OK);
    assert_int_equal(oa_aligner_create(&empty, &config, NULL, 1, NULL), OA_OK); /* no plan, no parameters */
    for (size_t i = 0; i < 2; i++) {
        oa_aligner_leaves leaves;
        oa_tape_reset(e.tape);
        assert_int_equal(oa_aligner_leaves_init(&leaves, e.tape, i ? empty : aligner, NULL, NULL), OA_OK);
        oa_aligner_encode(e.features, e.tape, &leaves, e.plan, (const oa_packed *const *)e.packed, 2);
        assert_int_equal(
            oa_aligner_scores(e.tape, &leaves, e.plan, (const oa_packed *const *)e.packed, e.features, 0, 0, 1), 0);
        assert_int_equal(oa_tape_status(e.tape, NULL), OA_ERROR_ARCHITECTURE);
        oa_aligner_leaves_free(&leaves);
    }
    oa_aligner_destroy(aligner);
    oa_aligner_destroy(empty);
    oa_aligner_plan_destroy(plan);
    encoded_free(&e);
    dense_chain_free(&here);
    dense_chain_free(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder__commutes_with_reordering_and_transposes_on_random_chains),
        cmocka_unit_test(encoder__computes_what_its_formulas_say),
        cmocka_unit_test(gradients__are_those_of_the_formulas),
        cmocka_unit_test(encoder__learns_to_see_through_noise),
        cmocka_unit_test(deep_align__finds_what_was_planted_in_chains),
        cmocka_unit_test(plan__refuses_what_is_not_a_chain),
        cmocka_unit_test(plan__refuses_what_only_counts_like_a_chain),
        cmocka_unit_test(plan__refuses_sizes_of_nothing),
        cmocka_unit_test(encoder__refuses_an_aligner_for_another_architecture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
