/* Verifying and evaluating while the n-th allocation fails, for every n. */
#include "core/check/evaluate.h"
#include "core/check/judge.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/graph_builder.h"

#include <string.h>

enum { TOO_MANY = 2000 };

static const oa_graph *build(test_graph *g)
{
    INPUT(g, "idle", -1, 2);
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "", INPUT(g, "x", -1, 4), WEIGHT(g, "w1", 4, 5)));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 5, 3)));
    test_graph_output(g, h);
    return test_graph_finish(g);
}

static void assert_failed(oa_status status, const oa_error *error)
{
    assert_int_equal(status, OA_ERROR_MEMORY);
    assert_true(strlen(error->message) > 0);
}

static void verify__reports_every_failing_allocation(void **state)
{
    (void)state;
    static const size_t input_of[2] = {OA_NONE, 1};
    test_graph *g = test_graph_create(1);
    oa_runnable one = {.graph = build(g)}, two = {.graph = one.graph, .input_of = input_of};
    oa_verify_settings settings = oa_verify_settings_default();
    for (size_t n = 1;; n++) {
        oa_verify_info info = {.runs = 77};
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_verify(&info, &one, &two, &settings, &error);
        if (!allocation_has_failed()) {
            assert_true(status == OA_OK && info.is_same);
            break;
        }
        assert_failed(status, &error);
        assert_int_equal(info.runs, 77);
    }
    test_graph_destroy(g);
}

static float logits[5][2] = {{1, 2}, {3, 4}, {5, 6}, {8, 7}, {9, 10}};
static int64_t labels[5] = {0, 1, 0, 1, 0};
static const oa_array data = {.dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {5, 2}, .count = 10, .data = logits};
static const oa_array classes = {.dtype = OA_DTYPE_INT64, .rank = 1, .dims = {5}, .count = 5, .data = labels};

/* A model that answers to these samples with themselves. */
static oa_runnable build_answerer(test_graph *g)
{
    test_graph_output(g, NODE(g, "Relu", "", INPUT(g, "x", -1, 2)));
    return (oa_runnable){.graph = test_graph_finish(g)};
}

static void evaluate__reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    oa_runnable model = build_answerer(g);
    oa_samples samples = {.data = oa_batches_of_array(&data), .targets = oa_batches_of_array(&classes)};
    for (size_t n = 1;; n++) {
        oa_evaluation evaluation = {.count = 77};
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_evaluate(&evaluation, &model, &samples, 2, &error);
        if (!allocation_has_failed()) {
            assert_true(status == OA_OK && evaluation.count == 5);
            break;
        }
        assert_failed(status, &error);
        assert_int_equal(evaluation.count, 77);
    }
    test_graph_destroy(g);
}

/* Labels, targets or neither: answers to five samples, and the verdict on them. */
static void judge__reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    oa_runnable model = build_answerer(g);
    for (int kind = 0; kind < 4; kind++) {
        oa_samples samples = {.data = oa_batches_of_array(&data),
                              .loss = kind < 2 ? OA_LOSS_CROSS_ENTROPY : OA_LOSS_MSE};
        samples.targets = kind % 2 ? oa_batches_of_array(kind == 1 ? &classes : &data) : (oa_batches){0};
        for (size_t n = 1;; n++) {
            oa_answers answers[4] = {0};
            oa_verdict verdict = {.samples = 77};
            oa_evaluation evaluation;
            oa_error error = {0};
            oa_status status = OA_OK;
            assert_true(n < TOO_MANY);
            fail_allocation(n);
            for (size_t m = 0; m < 4 && status == OA_OK; m++) {
                status = oa_evaluate_answers(&evaluation, &answers[m], &model, &samples, 2, &error);
                assert_true(status == OA_OK || !answers[m].choice);
            }
            status = status == OA_OK ? oa_judge(&verdict, answers, 2, &answers[2], &answers[3], &error) : status;
            bool has_failed = allocation_has_failed();
            for (size_t m = 0; m < 4; m++) {
                oa_answers_free(&answers[m]);
            }
            assert_int_equal(verdict.samples, has_failed ? 77 : 5);
            if (!has_failed) {
                assert_int_equal(status, OA_OK);
                oa_verdict_free(&verdict);
                break;
            }
            assert_failed(status, &error);
        }
    }
    test_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify__reports_every_failing_allocation),
        cmocka_unit_test(evaluate__reports_every_failing_allocation),
        cmocka_unit_test(judge__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
