/* Loss and accuracy, against numbers worked out by hand: the models hand their input on, so that samples are logits. */
#include "core/check/evaluate.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 7, CLASSES = 3 };

static float LOGITS[SAMPLES][CLASSES] = {{2, 1, 0},  {0, 0, 5},    {1, 1, 1},         {-1, 3, 2},
                                         {0, -2, 0}, {4, 4.5f, 4}, {1000, -1000, 999}};
static int64_t LABELS[SAMPLES] = {0, 2, 0, 2, 2, 1, 0};

/* Largest at the label: samples 0, 1, 2 (a tie, the first counts), 5, 6; sample 4 ties with class 0. */
static const double ACCURACY = 5.0 / 7.0;

/* -log(exp(own) / sum of exp), with numbers moved to where nothing overflows. */
static double loss_by_hand(void)
{
    double sum = 0.0;
    for (size_t i = 0; i < SAMPLES; i++) {
        double total = 0.0;
        double own = (double)LOGITS[i][LABELS[i]];
        for (size_t c = 0; c < CLASSES; c++) {
            total += exp((double)LOGITS[i][c] - own);
        }
        sum += log(total);
    }
    return sum / SAMPLES;
}

static const oa_graph *build(test_graph *g, int64_t batch)
{
    test_graph_output(g, NODE(g, "Identity", "", INPUT(g, "x", batch, CLASSES)));
    return test_graph_finish(g);
}

static const oa_array LOGITS_ARRAY = {.dtype = OA_DTYPE_FLOAT,
                                      .rank = 2,
                                      .dims = {SAMPLES, CLASSES},
                                      .count = SAMPLES * CLASSES,
                                      .data = LOGITS,
                                      .is_view = true};
static const oa_array LABELS_ARRAY = {
    .dtype = OA_DTYPE_INT64, .rank = 1, .dims = {SAMPLES}, .count = SAMPLES, .data = LABELS, .is_view = true};

static oa_samples samples(void)
{
    return (oa_samples){.data = oa_batches_of_array(&LOGITS_ARRAY), .targets = oa_batches_of_array(&LABELS_ARRAY)};
}

static void evaluate__equals_sums_by_hand(void **state)
{
    (void)state;
    /* An open batch in pieces of every size; fixed batches, the last one padded: what pads does not count. */
    for (int64_t batch = -1; batch <= SAMPLES + 3; batch++) {
        for (size_t step = 1; step <= SAMPLES + 1 && batch != 0; step++) {
            test_graph *g = test_graph_create(1);
            oa_evaluation evaluation = {0};
            oa_error error = {0};
            oa_samples s = samples();
            oa_runnable model = {.graph = build(g, batch)};
            if (oa_evaluate(&evaluation, &model, &s, step, &error) != OA_OK) {
                fail_msg("%s", error.message);
            }
            assert_int_equal(evaluation.count, SAMPLES);
            assert_true(fabs(evaluation.accuracy - ACCURACY) <= 1e-15);
            assert_true(fabs(evaluation.loss - loss_by_hand()) <= 1e-12);
            test_graph_destroy(g);
        }
    }
}

static void evaluate__runs_the_given_payloads(void **state)
{
    (void)state;
    static const float one[CLASSES] = {0, 0, 0};
    static const float bias[CLASSES] = {0, 0, 5000};
    test_graph *g = test_graph_create(1);
    size_t b = test_graph_constant(g, "b", OA_DTYPE_FLOAT, 1, TEST_DIMS(CLASSES), one);
    test_graph_output(g, NODE(g, "Add", "", INPUT(g, "x", -1, CLASSES), b));
    oa_payloads payloads;
    oa_evaluation evaluation = {0};
    oa_samples s = samples();
    oa_runnable model = {.graph = test_graph_finish(g), .payloads = &payloads};
    assert_int_equal(oa_payloads_init(&payloads, model.graph, NULL), OA_OK);
    payloads.data[0] = oa_malloc(CLASSES, sizeof *bias);
    assert_non_null(payloads.data[0]);
    memcpy(payloads.data[0], bias, sizeof bias);
    assert_int_equal(oa_evaluate(&evaluation, &model, &s, 4, NULL), OA_OK);
    assert_true(fabs(evaluation.accuracy - 3.0 / 7.0) <= 1e-15); /* those labelled 2 */
    oa_payloads_free(&payloads);
    test_graph_destroy(g);
}

/* y = first - second from samples for (first, second); the second model declares its inputs the other way around. */
static void evaluate__feeds_several_inputs(void **state)
{
    (void)state;
    static const size_t swapped[2] = {1, 0};
    static float zeros[SAMPLES][CLASSES];
    const oa_array nothing = {
        .dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {SAMPLES, CLASSES}, .count = SAMPLES * CLASSES, .data = zeros};
    for (int is_swapped = 0; is_swapped < 2; is_swapped++) {
        test_graph *g = test_graph_create(1);
        size_t x = INPUT(g, is_swapped ? "second" : "first", -1, CLASSES);
        size_t y = INPUT(g, is_swapped ? "first" : "second", -1, CLASSES);
        test_graph_output(g, NODE(g, "Sub", "", is_swapped ? y : x, is_swapped ? x : y));
        oa_runnable model = {.graph = test_graph_finish(g), .input_of = is_swapped ? swapped : NULL};
        oa_samples s = samples();
        oa_batches second = oa_batches_of_array(&nothing);
        oa_evaluation evaluation = {0};
        assert_int_equal(oa_batches_chain(&s.data, &second, NULL), OA_OK);
        assert_int_equal(oa_evaluate(&evaluation, &model, &s, 3, NULL), OA_OK);
        assert_true(evaluation.accuracy == ACCURACY && fabs(evaluation.loss - loss_by_hand()) <= 1e-12);
        oa_samples_close(&s);
        test_graph_destroy(g);
    }
}

static void assert_refused(const oa_graph *graph, const oa_samples *s, const char *words)
{
    oa_evaluation evaluation = {.count = 77};
    oa_error error = {0};
    assert_int_equal(oa_evaluate(&evaluation, &(oa_runnable){.graph = graph}, s, 4, &error), OA_ERROR_INPUT);
    if (!strstr(error.message, words)) {
        fail_msg("'%s' does not say '%s'", error.message, words);
    }
    assert_int_equal(evaluation.count, 77);
}

static void evaluate__refuses_what_does_not_fit(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1), *two = test_graph_create(1), *flat = test_graph_create(1);
    const oa_graph *graph = build(g, -1);
    oa_samples s = samples();
    int64_t labels[SAMPLES];
    memcpy(labels, LABELS, sizeof labels);
    oa_array other = LABELS_ARRAY;
    other.data = labels;
    s.targets = oa_batches_of_array(&other);
    labels[5] = CLASSES;
    assert_refused(graph, &s, "label 3 is outside");
    labels[5] = -1;
    assert_refused(graph, &s, "label -1 is outside");
    labels[5] = INT64_MAX;
    assert_refused(graph, &s, "outside");
    s = samples();
    s.targets.count = SAMPLES - 1;
    assert_refused(graph, &s, "7 samples and 6 labels");
    s.targets.count = 0;
    assert_refused(graph, &s, "0 labels");
    s = samples();
    test_graph_output(two, NODE(two, "Add", "", INPUT(two, "x", -1, CLASSES), INPUT(two, "y", -1, CLASSES)));
    assert_refused(test_graph_finish(two), &s, "input 'y' gets no samples");
    test_graph_output(flat, NODE(flat, "ReduceSum", "keepdims=0", INPUT(flat, "x", -1, CLASSES), INTS(flat, 1)));
    assert_refused(test_graph_finish(flat), &s, "last axis has to be that of the classes");
    test_graph_destroy(g);
    test_graph_destroy(two);
    test_graph_destroy(flat);
}

/* The rows as positions of fewer samples, labels in every shape that fits: the means are those of as many samples. */
static void evaluate__means_over_every_position(void **state)
{
    (void)state;
    enum { COUNT = SAMPLES - 1 };
    const struct {
        size_t rank, label_rank;
        size_t dims[4], labels[4];
    } cases[] = {{3, 2, {3, 2, CLASSES}, {3, 2}},       {3, 3, {2, 3, CLASSES}, {2, 3, 1}},
                 {4, 2, {2, 1, 3, CLASSES}, {2, 3}},    {3, 2, {6, CLASSES, 1}, {6, 1}},
                 {4, 1, {6, CLASSES, 1, 1}, {6}},       {4, 3, {1, 3, 2, CLASSES}, {1, 3, 2}},
                 {4, 3, {2, 3, CLASSES, 1}, {2, 1, 3}}, {2, 1, {6, CLASSES}, {6}}};
    for (size_t k = 0; k < TEST_COUNT(cases); k++) {
        oa_array data = LOGITS_ARRAY, labels = LABELS_ARRAY;
        int64_t declared[4] = {-1};
        data.rank = cases[k].rank;
        data.count = COUNT * CLASSES;
        labels.rank = cases[k].label_rank;
        labels.count = COUNT;
        for (size_t d = 0; d < 4; d++) {
            data.dims[d] = cases[k].dims[d];
            labels.dims[d] = cases[k].labels[d];
            declared[d] = d ? (int64_t)data.dims[d] : -1;
        }
        test_graph *g = test_graph_create(1);
        oa_evaluation found = {0};
        oa_error error = {0};
        oa_samples s = {.data = oa_batches_of_array(&data), .targets = oa_batches_of_array(&labels)};
        test_graph_output(g, NODE(g, "Identity", "", test_graph_input(g, "x", OA_DTYPE_FLOAT, data.rank, declared)));
        if (oa_evaluate(&found, &(oa_runnable){.graph = test_graph_finish(g)}, &s, 2, &error) != OA_OK) {
            fail_msg("case %zu: %s", k, error.message);
        }
        assert_int_equal(found.count, data.dims[0]);
        /* Without the last row, whose largest is at its label and whose loss is log(1 + exp(-1)). */
        assert_true(fabs(found.accuracy - 4.0 / COUNT) <= 1e-15);
        assert_true(fabs(found.loss - (SAMPLES * loss_by_hand() - log1p(exp(-1.0))) / COUNT) <= 1e-12);
        test_graph_destroy(g);
    }
}

static void evaluate__refuses_labels_of_other_positions(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    test_graph_output(g, NODE(g, "Identity", "", INPUT(g, "x", -1, 2, CLASSES)));
    const oa_graph *graph = test_graph_finish(g);
    const size_t shapes[][3] = {{3, 1, 1}, {3, 2, CLASSES}, {3, 3, 1}, {3, 2, 2}};
    int64_t zeros[3 * 2 * CLASSES] = {0};
    oa_array data = LOGITS_ARRAY;
    data.rank = 3;
    data.dims[0] = 3;
    data.dims[1] = 2;
    data.dims[2] = CLASSES;
    data.count = 3 * 2 * CLASSES;
    for (size_t k = 0; k < TEST_COUNT(shapes); k++) {
        oa_array labels = LABELS_ARRAY;
        labels.data = zeros;
        labels.rank = 3;
        labels.count = shapes[k][0] * shapes[k][1] * shapes[k][2];
        memcpy(labels.dims, shapes[k], sizeof shapes[k]);
        oa_samples s = {.data = oa_batches_of_array(&data), .targets = oa_batches_of_array(&labels)};
        assert_refused(graph, &s, "whose last axis has to be that of the classes");
    }
    test_graph_destroy(g);
}

/* The same numbers as targets in every shape that fits an output [n, 3], and what the mean of squares is by hand. */
static void evaluate__means_squares_of_differences(void **state)
{
    (void)state;
    float targets[SAMPLES * CLASSES];
    double expected = 0.0;
    for (size_t i = 0; i < SAMPLES * CLASSES; i++) {
        targets[i] = (float)i * 0.25f - 2.0f;
        double difference = (double)(&LOGITS[0][0])[i] - (double)targets[i];
        expected += difference * difference / (SAMPLES * CLASSES);
    }
    const oa_array shapes[] = {
        {.dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {SAMPLES, CLASSES}, .count = SAMPLES * CLASSES, .data = targets},
        {.dtype = OA_DTYPE_FLOAT,
         .rank = 4,
         .dims = {SAMPLES, 1, CLASSES, 1},
         .count = SAMPLES * CLASSES,
         .data = targets},
    };
    for (size_t k = 0; k < TEST_COUNT(shapes); k++) {
        for (int64_t batch = -1; batch <= SAMPLES + 1; batch += 2) {
            test_graph *g = test_graph_create(1);
            oa_evaluation evaluation = {.has_accuracy = true, .accuracy = 0.5};
            oa_samples s = samples();
            s.loss = OA_LOSS_MSE;
            s.targets = oa_batches_of_array(&shapes[k]);
            assert_int_equal(oa_evaluate(&evaluation, &(oa_runnable){.graph = build(g, batch)}, &s, 4, NULL), OA_OK);
            assert_int_equal(evaluation.count, SAMPLES);
            assert_true(!evaluation.has_accuracy && evaluation.accuracy == 0.0);
            /* Sums of 21 terms in double, in two orders. */
            assert_true(fabs(evaluation.loss - expected) <= 1e-13 * expected);
            test_graph_destroy(g);
        }
    }
}

/* Cross-entropy against shares of the classes, by hand. */
static void evaluate__takes_shares_of_classes(void **state)
{
    (void)state;
    float shares[SAMPLES * CLASSES];
    double expected = 0.0;
    for (size_t i = 0; i < SAMPLES; i++) {
        double sum = 0.0;
        for (size_t c = 0; c < CLASSES; c++) {
            shares[i * CLASSES + c] = c == i % CLASSES ? 0.5F : 0.25F; /* exact, and 1 in all */
            sum += exp((double)LOGITS[i][c]);
        }
        for (size_t c = 0; c < CLASSES; c++) {
            expected -= (double)shares[i * CLASSES + c] * ((double)LOGITS[i][c] - log(sum)) / SAMPLES;
        }
    }
    const oa_array array = {
        .dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {SAMPLES, CLASSES}, .count = SAMPLES * CLASSES, .data = shares};
    assert_int_equal(CLASSES, 3);
    for (int64_t batch = -1; batch <= SAMPLES + 1; batch += 2) {
        test_graph *g = test_graph_create(1);
        oa_evaluation evaluation = {.has_accuracy = true};
        oa_samples s = samples();
        s.loss = OA_LOSS_SOFT_CROSS_ENTROPY;
        s.targets = oa_batches_of_array(&array);
        assert_int_equal(oa_evaluate(&evaluation, &(oa_runnable){.graph = build(g, batch)}, &s, 4, NULL), OA_OK);
        assert_true(evaluation.count == SAMPLES && !evaluation.has_accuracy);
        assert_true(fabs(evaluation.loss - expected) <= 1e-13 * expected);
        test_graph_destroy(g);
    }
}

static void evaluate__refuses_targets_that_do_not_fit(void **state)
{
    (void)state;
    float numbers[SAMPLES * CLASSES] = {0};
    test_graph *g = test_graph_create(1), *wide = test_graph_create(1);
    const oa_graph *graph = build(g, -1);
    test_graph_output(wide, NODE(wide, "Reshape", "", INPUT(wide, "x", -1, 2, 3), INTS(wide, 0, 3, 2)));
    const oa_graph *turned = test_graph_finish(wide);
    oa_array flat = {.dtype = OA_DTYPE_FLOAT, .rank = 1, .dims = {SAMPLES}, .count = SAMPLES, .data = numbers};
    oa_samples s = samples();
    s.loss = OA_LOSS_MSE;
    assert_refused(graph, &s, "int64"); /* classes are no numbers */
    s.targets = oa_batches_of_array(&flat);
    assert_refused(graph, &s, "targets of shape [] a sample do not fit an output of shape [3]");
    s.targets.count = 3;
    assert_refused(graph, &s, "7 samples and 3 targets");
    /* As many numbers, but in another arrangement. */
    oa_array rows = {.dtype = OA_DTYPE_FLOAT, .rank = 3, .dims = {3, 2, 3}, .count = 18, .data = numbers};
    s.data = s.targets = oa_batches_of_array(&rows);
    assert_refused(turned, &s, "targets of shape [2, 3] a sample do not fit an output of shape [3, 2]");
    s = samples();
    s.targets = oa_batches_of_array(&flat);
    assert_refused(graph, &s, "float32"); /* nor are numbers classes */
    test_graph_destroy(g);
    test_graph_destroy(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluate__equals_sums_by_hand),
        cmocka_unit_test(evaluate__takes_shares_of_classes),
        cmocka_unit_test(evaluate__runs_the_given_payloads),
        cmocka_unit_test(evaluate__feeds_several_inputs),
        cmocka_unit_test(evaluate__refuses_what_does_not_fit),
        cmocka_unit_test(evaluate__means_over_every_position),
        cmocka_unit_test(evaluate__refuses_labels_of_other_positions),
        cmocka_unit_test(evaluate__means_squares_of_differences),
        cmocka_unit_test(evaluate__refuses_targets_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
