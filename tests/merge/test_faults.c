/* Merging and repairing while the n-th allocation fails, for every n. */
#include "core/check/repair_ends.h"
#include "core/merge/merge.h"
#include "core/merge/repair.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/graph_builder.h"
#include "tests/support/layout_text.h"

#include <string.h>

enum { TOO_MANY = 1000 };

static const oa_graph *build(test_graph *g)
{
    size_t h = NODE(g, "Conv", "", INPUT(g, "x", -1, 3, 5, 5), WEIGHT(g, "w1", 6, 3, 3, 3));
    h = NODE(g, "BatchNormalization", "", h, WEIGHT(g, "scale", 6), WEIGHT(g, "shift", 6), WEIGHT(g, "mean", 6),
             POSITIVE(g, "variance", 6));
    h = NODE(g, "Flatten", "", NODE(g, "GlobalMaxPool", "", h));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 6, 2)));
    return test_graph_finish(g);
}

static void merge__reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1), *k = test_graph_create(2);
    const oa_graph *a = build(g), *b = build(k);
    oa_layout *layout = discover(a);
    oa_permutations permutations;
    assert_int_equal(oa_permutations_init(&permutations, layout, NULL), OA_OK);
    size_t n = 1;
    for (bool has_failed = true; has_failed; n++) {
        oa_error error = {0};
        oa_payloads merged, donor;
        assert_true(n < TOO_MANY);
        assert_int_equal(oa_payloads_init(&merged, a, NULL), OA_OK);
        assert_int_equal(oa_payloads_init(&donor, b, NULL), OA_OK);
        assert_int_equal(oa_layout_apply(&donor, layout, b, NULL, &permutations, NULL), OA_OK);
        oa_merge_part parts[2] = {{.graph = b, .payloads = n % 2 ? &donor : NULL, .weight = 0.5},
                                  {.graph = b, .weight = 0.1}};
        fail_allocation(n);
        oa_status status = oa_merge(&merged, a, layout, parts, 2, &error);
        has_failed = allocation_has_failed();
        assert_int_equal(status, has_failed ? OA_ERROR_MEMORY : OA_OK);
        assert_true(!has_failed || strlen(error.message) > 0);
        oa_payloads_free(&merged);
        oa_payloads_free(&donor);
    }
    assert_true(n > 5);
    oa_permutations_free(&permutations);
    oa_layout_destroy(layout);
    test_graph_destroy(g);
    test_graph_destroy(k);
}

static oa_status repair_all(const oa_graph *a, const oa_graph *b, const oa_layout *layout, const oa_batches *data,
                            oa_error *error)
{
    oa_repair_end ends[2];
    oa_repair_info info;
    oa_repair *repair = NULL;
    oa_payloads merged = {0};
    oa_merge_part part = {.graph = b, .weight = 0.5};
    oa_repair_settings settings = oa_repair_settings_default();
    oa_status status = oa_repair_create(&repair, a, 2, data, &settings, error);
    status = status == OA_OK ? oa_repair_measure_parents(ends, repair, a, layout, &part, 1, error) : status;
    status = status == OA_OK ? oa_payloads_init(&merged, a, error) : status;
    status = status == OA_OK ? oa_merge(&merged, a, layout, &part, 1, error) : status;
    status = status == OA_OK ? oa_repair_apply(&merged, &info, repair, (double[]){0.5, 0.5}, error) : status;
    oa_payloads_free(&merged);
    oa_repair_destroy(repair);
    return status;
}

static void repair__reports_every_failing_allocation(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1), *k = test_graph_create(2);
    const oa_graph *a = build(g), *b = build(k);
    oa_layout *layout = discover(a);
    oa_array images = {0};
    assert_int_equal(oa_array_init(&images, OA_DTYPE_FLOAT, (size_t[]){4, 3, 5, 5}, 4, NULL), OA_OK);
    for (size_t i = 0; i < images.count; i++) {
        ((float *)images.data)[i] = (float)(i * 37 % 19);
    }
    oa_batches data = oa_batches_of_array(&images);
    size_t n = 1, reported = 0;
    for (bool has_failed = true; has_failed; n++) {
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = repair_all(a, b, layout, &data, &error);
        has_failed = allocation_has_failed();
        /* Without room for a chain of nodes the executor runs them one by one. */
        assert_true(status == OA_OK || (has_failed && status == OA_ERROR_MEMORY));
        assert_true(status == OA_OK || strlen(error.message) > 0);
        reported += status != OA_OK;
    }
    assert_true(n > 30 && reported + 10 > n);
    oa_array_free(&images);
    oa_layout_destroy(layout);
    test_graph_destroy(g);
    test_graph_destroy(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(merge__reports_every_failing_allocation),
                                       cmocka_unit_test(repair__reports_every_failing_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
