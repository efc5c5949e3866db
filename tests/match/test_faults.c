/* Pairing and matching while the n-th allocation fails, for every n: a clean failure, outputs untouched, no leaks. */
#include "core/match/activations.h"
#include "core/match/frozen.h"
#include "core/match/similarity.h"
#include "tests/match/models.h"
#include "tests/match/problem.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"

#include <string.h>

enum { TOO_MANY = 20000 };

static model_builder *const MODELS[] = {build_six, build_four_and_four, build_outer_product, build_attention};

static void assert_failed(oa_status status, const oa_error *error)
{
    assert_int_equal(status, OA_ERROR_MEMORY);
    assert_int_equal(error->status, OA_ERROR_MEMORY);
    assert_true(strlen(error->message) > 0);
}

static void pair__reports_every_failing_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        test_graph *a = test_graph_create(1), *b = test_graph_create(2);
        const oa_graph *graph_a = MODELS[i](a), *graph_b = MODELS[i](b);
        for (size_t n = 1; n < TOO_MANY; n++) {
            oa_pairing pairing = {0};
            oa_error error = {0};
            fail_allocation(n);
            oa_status status = oa_pair_graphs(&pairing, graph_a, graph_b, &error);
            if (!allocation_has_failed()) {
                assert_int_equal(status, OA_OK);
                oa_pairing_free(&pairing);
                break;
            }
            assert_failed(status, &error);
            assert_null(pairing.tensor_b);
        }
        test_graph_destroy(a);
        test_graph_destroy(b);
    }
}

static void match__reports_every_failing_allocation(void **state)
{
    (void)state;
    size_t failures = 0;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        pair p;
        pair_create(&p, MODELS[i], 1, 2);
        oa_match_settings settings = {.starts = 2, .sweeps_max = 3};
        for (size_t n = 1; n < TOO_MANY; n++, failures++) {
            oa_permutations found;
            oa_match_info info = {.starts = 77};
            oa_error error = {0};
            assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
            size_t last = p.layout->groups[0].size - 1;
            found.of[0][0] = last;
            found.of[0][last] = 0;
            fail_allocation(n);
            oa_status status = oa_match_weights(&found, &p.problem, &settings, &info, &error);
            bool has_failed = allocation_has_failed();
            if (has_failed) {
                assert_failed(status, &error);
                assert_true(found.of[0][0] == last && found.of[0][last] == 0 && info.starts == 77);
            }
            oa_permutations_free(&found);
            if (!has_failed) {
                assert_int_equal(status, OA_OK);
                break;
            }
        }
        pair_free(&p);
    }
    print_message("%zu failing allocations\n", failures);
}

static void activations__report_every_failing_allocation(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{4, 3}, {4, 2}, {4, 5, 3}, {4, 5, 10}};
    static const size_t ranks[] = {2, 2, 3, 3};
    size_t failures = 0;
    for (size_t i = 0; i < TEST_COUNT(MODELS); i++) {
        pair p;
        oa_array array = {0};
        pair_create(&p, MODELS[i], 1, 2);
        assert_int_equal(oa_array_init(&array, OA_DTYPE_FLOAT, shapes[i], ranks[i], NULL), OA_OK);
        for (size_t k = 0; k < array.count; k++) {
            ((float *)array.data)[k] = (float)(k * k % 17) - 8.0f;
        }
        oa_batches data = oa_batches_of_array(&array);
        oa_activation_settings settings = {.batch = 3};
        for (size_t n = 1; n < TOO_MANY; n++, failures++) {
            oa_permutations found;
            oa_activation_info info = {.samples = 77};
            oa_error error = {0};
            assert_int_equal(oa_permutations_init(&found, p.layout, NULL), OA_OK);
            size_t last = p.layout->groups[0].size - 1;
            found.of[0][0] = last;
            found.of[0][last] = 0;
            fail_allocation(n);
            oa_status status = oa_match_activations(&found, &p.problem, &data, &settings, &info, &error);
            bool has_failed = allocation_has_failed();
            if (has_failed) {
                assert_failed(status, &error);
                assert_true(found.of[0][0] == last && found.of[0][last] == 0 && info.samples == 77);
            }
            oa_permutations_free(&found);
            if (!has_failed) {
                assert_true(status == OA_OK && info.samples == (i == 2 ? 0 : 4));
                break;
            }
        }
        oa_array_free(&array);
        pair_free(&p);
    }
    print_message("%zu failing allocations\n", failures);
}

static void distance_and_frozen_axes__report_every_failing_allocation(void **state)
{
    (void)state;
    pair p;
    pair_create(&p, build_attention, 1, 1);
    for (size_t n = 1; n < TOO_MANY; n++) {
        double distance = -1.0;
        oa_error error = {0};
        fail_allocation(n);
        oa_status status = oa_match_distance(&distance, &p.problem, NULL, &error);
        if (!allocation_has_failed()) {
            assert_true(status == OA_OK && distance == 0.0);
            break;
        }
        assert_failed(status, &error);
        assert_true(distance == -1.0);
    }
    for (size_t n = 1; n < TOO_MANY; n++) {
        oa_fixed_axis *list = NULL;
        size_t count = 0, capacity = 0;
        oa_error error = {0};
        fail_allocation(n);
        oa_status status = oa_frozen_axes(&list, &count, &capacity, &p.problem, &error);
        bool has_failed = allocation_has_failed();
        if (has_failed) {
            assert_failed(status, &error);
        }
        oa_free(list);
        if (!has_failed) {
            assert_true(status == OA_OK && count > 0);
            break;
        }
    }
    pair_free(&p);
}

static void similarity__reports_every_failing_allocation(void **state)
{
    (void)state;
    pair p;
    pair_create(&p, build_attention, 1, 1);
    for (size_t n = 1;; n++) {
        oa_similarity found = {.shown = 77};
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_similarity_measure(&found, &p.problem, 0, NULL, 4, &error);
        if (!allocation_has_failed()) {
            assert_int_equal(status, OA_OK);
            oa_similarity_free(&found);
            break;
        }
        assert_failed(status, &error);
        assert_int_equal(found.shown, 77);
    }
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair__reports_every_failing_allocation),
        cmocka_unit_test(match__reports_every_failing_allocation),
        cmocka_unit_test(activations__report_every_failing_allocation),
        cmocka_unit_test(distance_and_frozen_axes__report_every_failing_allocation),
        cmocka_unit_test(similarity__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
