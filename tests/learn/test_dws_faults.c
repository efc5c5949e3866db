/* The DWS encoder while the n-th allocation fails, for every n: a clean failure, outputs untouched, no leaks. */
#include "tests/learn/encoded.h"
#include "tests/match/models.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/layout_text.h"

#include <string.h>

enum { TOO_MANY = 2000 };

typedef struct setting {
    test_graph *g;
    const oa_graph *graph;
    oa_layout *layout;
    float **weights;
    oa_aligner_config config;
} setting;

/* Everything from the plan to the scores. */
static oa_status run(oa_aligner_plan **plan, oa_packed **packed, const setting *s, oa_error *error)
{
    oa_aligner *aligner = NULL;
    oa_tape *tape = NULL;
    oa_aligner_leaves leaves = {0};
    oa_var features[8] = {0};
    oa_status status = oa_aligner_plan_create(plan, &s->config, s->layout, s->graph, error);
    status = status == OA_OK ? oa_packed_create(packed, *plan, (const float *const *)s->weights, error) : status;
    status = status == OA_OK ? oa_aligner_create(&aligner, &s->config, *plan, 1, error) : status;
    status = status == OA_OK ? oa_tape_create(&tape, error) : status;
    status = status == OA_OK ? oa_aligner_leaves_init(&leaves, tape, aligner, NULL, error) : status;
    if (status == OA_OK) {
        const oa_packed *models[2] = {*packed, *packed};
        oa_aligner_encode(features, tape, &leaves, *plan, models, 2);
        for (size_t g = 0; g < s->layout->group_count; g++) {
            (void)oa_aligner_scores(tape, &leaves, *plan, models, features, g, 0, 1);
        }
        status = oa_tape_status(tape, error);
    }
    oa_aligner_leaves_free(&leaves);
    oa_tape_destroy(tape);
    oa_aligner_destroy(aligner);
    return status;
}

static void encoder__reports_every_failing_allocation(void **state)
{
    (void)state;
    setting s = {.g = test_graph_create(1), .config = oa_aligner_config_default(OA_ENCODER_DWS)};
    s.config.channels = 4;
    s.config.rounds = 1;
    s.config.features = 4;
    s.graph = build_cnn(s.g);
    s.layout = discover(s.graph);
    s.weights = weights_of(s.graph, NULL);
    assert_true(s.layout->group_count <= 8);
    size_t failures = 0;
    for (size_t n = 1; n < TOO_MANY; n++, failures++) {
        oa_aligner_plan *plan = NULL;
        oa_packed *packed = NULL;
        oa_error error = {0};
        fail_allocation(n);
        oa_status status = run(&plan, &packed, &s, &error);
        bool has_failed = allocation_has_failed();
        assert_int_equal(status, has_failed ? OA_ERROR_MEMORY : OA_OK);
        assert_int_equal(error.status, status);
        assert_true(!packed || plan); /* what was not made is still NULL */
        oa_packed_destroy(packed);
        oa_aligner_plan_destroy(plan);
        if (!has_failed) {
            break;
        }
        assert_true(strlen(error.message) > 0);
    }
    print_message("%zu failing allocations\n", failures);
    assert_true(failures > 20 && failures < TOO_MANY - 1);
    free_weights(s.weights, s.graph);
    oa_layout_destroy(s.layout);
    test_graph_destroy(s.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(encoder__reports_every_failing_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
