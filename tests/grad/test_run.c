/* The loss of a batch: cross-entropy against sums by hand, and targets that do not fit. */
#include "tests/grad/differences.h"
#include "tests/support/close.h"

#include <math.h>
#include <string.h>

enum { BATCH = 2, POSITIONS = 3, CLASSES = 4, ROWS = BATCH * POSITIONS };

static const int64_t LABELS[ROWS] = {0, 3, 1, 1, 2, 3};

/* A model whose outputs are its constant `w`, of the given shape. */
typedef struct constant_model {
    test_graph *g;
    const oa_graph *graph;
    oa_gradient *gradient;
    float *found; /* [elements] */
} constant_model;

static constant_model model_with(oa_loss_kind loss, size_t rank, const int64_t *dims)
{
    constant_model m = {.g = test_graph_create(7)};
    test_graph_output(m.g, NODE(m.g, "Identity", "", test_graph_weight(m.g, "w", rank, dims)));
    m.graph = test_graph_finish(m.g);
    const bool wants[] = {true};
    const oa_gradient_settings settings = {.loss = loss};
    assert_int_equal(oa_gradient_create(&m.gradient, m.graph, wants, &settings, NULL), OA_OK);
    m.found = oa_calloc(m.graph->tensors[0].count, sizeof *m.found);
    assert_non_null(m.found);
    return m;
}

static constant_model model_of(size_t rank, const int64_t *dims)
{
    return model_with(OA_LOSS_CROSS_ENTROPY, rank, dims);
}

static void model_free(constant_model *m)
{
    oa_free(m->found);
    oa_gradient_destroy(m->gradient);
    test_graph_destroy(m->g);
}

/* The mean over rows of -log softmax at the label, and (softmax - one-hot) / rows, in double. */
static double by_hand(float *gradient, const float *w)
{
    double loss = 0.0;
    for (size_t n = 0; n < ROWS; n++) {
        double sum = 0.0;
        for (size_t c = 0; c < CLASSES; c++) {
            sum += exp((double)w[n * CLASSES + c]);
        }
        for (size_t c = 0; c < CLASSES; c++) {
            double share = exp((double)w[n * CLASSES + c]) / sum;
            gradient[n * CLASSES + c] = (float)((share - (LABELS[n] == (int64_t)c)) / ROWS);
            loss -= LABELS[n] == (int64_t)c ? log(share) / ROWS : 0.0;
        }
    }
    return loss;
}

static void cross_entropy__is_the_mean_over_every_position(void **state)
{
    (void)state;
    const struct {
        size_t rank;
        int64_t dims[4];
    } shapes[] = {{2, {ROWS, CLASSES}},
                  {3, {BATCH, POSITIONS, CLASSES}},
                  {4, {BATCH, POSITIONS, CLASSES, 1}},
                  {4, {ROWS, CLASSES, 1, 1}}};
    for (size_t k = 0; k < TEST_COUNT(shapes); k++) {
        constant_model m = model_of(shapes[k].rank, shapes[k].dims);
        const oa_target target = {.labels = LABELS, .label_count = ROWS};
        float expected[ROWS * CLASSES];
        double loss = 0.0, expected_loss = by_hand(expected, m.graph->tensors[0].data);
        oa_error error = {0};
        if (oa_gradient_run(&loss, &m.found, m.gradient, NULL, &target, NULL, &error) != OA_OK) {
            fail_msg("shape %zu: %s", k, error.message);
        }
        /* Exponentials are of float32. */
        assert_true(fabs(loss - expected_loss) <= 1e-6 * expected_loss);
        assert_all_close(m.found, expected, OA_DTYPE_FLOAT, ROWS * CLASSES, 1e-5, 1e-7);
        model_free(&m);
    }
}

/* Against shares: the mean over rows of -sum p log softmax, and (softmax - p) / rows, in double; with all of the share
 * at one class it is the same as with labels. */
static void soft_cross_entropy__is_from_shares(void **state)
{
    (void)state;
    const int64_t shapes[][4] = {{ROWS, CLASSES}, {ROWS, CLASSES, 1, 1}};
    const size_t ranks[] = {2, 4};
    for (size_t k = 0; k < 4; k++) {
        bool are_labels = k >= 2;
        constant_model m = model_with(OA_LOSS_SOFT_CROSS_ENTROPY, ranks[k % 2], shapes[k % 2]);
        const float *w = m.graph->tensors[0].data;
        float shares[ROWS * CLASSES], expected[ROWS * CLASSES];
        double loss = 0.0, expected_loss = 0.0;
        oa_random random;
        oa_random_init(&random, k);
        for (size_t n = 0; n < ROWS; n++) {
            double sum = 0.0, total = 0.0;
            for (size_t c = 0; c < CLASSES; c++) {
                shares[n * CLASSES + c] = are_labels ? LABELS[n] == (int64_t)c : (float)oa_random_uniform(&random);
                total += (double)shares[n * CLASSES + c];
                sum += exp((double)w[n * CLASSES + c]);
            }
            for (size_t c = 0; c < CLASSES; c++) {
                double share = exp((double)w[n * CLASSES + c]) / sum;
                shares[n * CLASSES + c] = (float)((double)shares[n * CLASSES + c] / total);
                expected[n * CLASSES + c] = (float)((share - (double)shares[n * CLASSES + c]) / ROWS);
                expected_loss -= (double)shares[n * CLASSES + c] * log(share) / ROWS;
            }
        }
        if (are_labels) {
            expected_loss = by_hand(expected, w);
        }
        const oa_target target = {.values = shares};
        assert_int_equal(oa_gradient_run(&loss, &m.found, m.gradient, NULL, &target, NULL, NULL), OA_OK);
        assert_true(fabs(loss - expected_loss) <= 1e-6 * expected_loss);
        assert_all_close(m.found, expected, OA_DTYPE_FLOAT, ROWS * CLASSES, 1e-5, 1e-7);
        model_free(&m);
    }
    constant_model m = model_with(OA_LOSS_SOFT_CROSS_ENTROPY, 3, TEST_DIMS(BATCH, POSITIONS, CLASSES));
    const float values[ROWS * CLASSES] = {0};
    oa_error error = {0};
    double loss;
    assert_int_equal(oa_gradient_run(&loss, &m.found, m.gradient, NULL, &(oa_target){.values = values}, NULL, &error),
                     OA_ERROR_INPUT);
    assert_non_null(strstr(error.message, "shares of classes do not fit"));
    model_free(&m);
}

static void cross_entropy__refuses_what_does_not_fit(void **state)
{
    (void)state;
    const int64_t high[ROWS] = {0, 1, 2, 3, 4, 0}, negative[ROWS] = {0, 1, 2, 3, -1, 0};
    const struct {
        oa_target target;
        const char *words;
    } cases[] = {
        {{.labels = LABELS, .label_count = BATCH}, "for each of 2 labels"},
        {{.labels = LABELS, .label_count = ROWS - 1}, "for each of 5 labels"},
        {{.labels = LABELS, .label_count = 0}, "for each of 0 labels"},
        {{.label_count = ROWS}, "needs labels"},
        {{.labels = high, .label_count = ROWS}, "label 4 at place 4"},
        {{.labels = negative, .label_count = ROWS}, "label -1 at place 4"},
    };
    constant_model m = model_of(3, TEST_DIMS(BATCH, POSITIONS, CLASSES));
    for (size_t k = 0; k < TEST_COUNT(cases); k++) {
        oa_error error = {0};
        double loss = 77.0;
        assert_int_equal(oa_gradient_run(&loss, &m.found, m.gradient, NULL, &cases[k].target, NULL, &error),
                         OA_ERROR_INPUT);
        if (!strstr(error.message, cases[k].words)) {
            fail_msg("'%s' does not say '%s'", error.message, cases[k].words);
        }
        assert_true(loss == 77.0);
    }
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy__is_the_mean_over_every_position),
        cmocka_unit_test(soft_cross_entropy__is_from_shares),
        cmocka_unit_test(cross_entropy__refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
