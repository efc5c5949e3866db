/* The interface to engines: the built-in one behind it, and one that a test plays. */
#include "core/exec/engine.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"

#include <string.h>

/* h = Relu(x), y = h + 1, and an output beside */
static const oa_graph *build(test_graph *g, size_t *h, size_t *y)
{
    *h = NODE(g, "Relu", "", INPUT(g, "x", -1, 2));
    *y = NODE(g, "Add", "", *h, test_graph_scalar(g, OA_DTYPE_FLOAT, 1.0));
    test_graph_output(g, NODE(g, "Neg", "", *y));
    return test_graph_finish(g);
}

typedef struct seen {
    size_t count, value;
    float first;
    bool refuses;
} seen;

static oa_status see(void *context, size_t value, const oa_array *array, oa_error *error)
{
    seen *s = context;
    s->count++;
    s->value = value;
    s->first = ((const float *)array->data)[0];
    return s->refuses ? oa_fail(error, OA_ERROR_INPUT, "that will do") : OA_OK;
}

static void builtin__shows_what_is_wanted_and_nothing_else(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t h, y;
    const oa_graph *graph = build(g, &h, &y);
    float data[2] = {3, -4};
    oa_array x = {.dtype = OA_DTYPE_FLOAT, .rank = 2, .dims = {1, 2}, .count = 2, .data = data};
    bool *wanted = oa_calloc(graph->value_count, sizeof *wanted);
    assert_non_null(wanted);
    for (size_t pick = 0; pick < 2; pick++) {
        size_t value = pick ? y : h;
        oa_session *session = NULL;
        seen s = {0};
        memset(wanted, 0, graph->value_count * sizeof *wanted);
        wanted[value] = true;
        assert_int_equal(oa_session_create(&session, NULL, graph, NULL, wanted, NULL), OA_OK);
        assert_int_equal(oa_session_run(NULL, session, &x, see, &s, NULL), OA_OK);
        assert_true(s.count == 1 && s.value == value && s.first == (pick ? 4.0f : 3.0f));
        s.refuses = true;
        oa_error error = {0};
        assert_int_equal(oa_session_run(NULL, session, &x, see, &s, &error), OA_ERROR_INPUT);
        assert_non_null(strstr(error.message, "that will do"));
        oa_session_destroy(session);
    }
    oa_free(wanted);
    oa_session_destroy(NULL);
    test_graph_destroy(g);
}

/* An engine that notes what it is asked. */
typedef struct played {
    const oa_graph *graph;
    const oa_payloads *payloads;
    const bool *wanted;
    const oa_array *inputs;
    size_t open;
} played;

static oa_status prepare_played(void **session, void *context, const oa_graph *graph, const oa_payloads *payloads,
                                const bool *wanted, oa_error *error)
{
    played *p = context;
    if (!graph) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "no graph");
    }
    p->graph = graph;
    p->payloads = payloads;
    p->wanted = wanted;
    p->open++;
    *session = p;
    return OA_OK;
}

static oa_status run_played(oa_array *outputs, void *session, const oa_array *inputs, oa_watcher *watcher,
                            void *watcher_context, oa_error *error)
{
    (void)outputs;
    ((played *)session)->inputs = inputs;
    return watcher(watcher_context, 7, inputs, error);
}

static void finish_played(void *session)
{
    ((played *)session)->open--;
}

static void session__hands_everything_to_its_engine(void **state)
{
    (void)state;
    played p = {0};
    const oa_engine engine = {
        .name = "played", .context = &p, .prepare = prepare_played, .run = run_played, .finish = finish_played};
    const oa_graph graph = {0};
    const oa_payloads payloads = {0};
    const bool wanted[1] = {true};
    float number = 5.0f;
    const oa_array input = {.dtype = OA_DTYPE_FLOAT, .count = 1, .data = &number};
    oa_session *session = NULL;
    oa_array output = {0};
    seen s = {0};
    oa_error error = {0};
    assert_string_equal(oa_engine_name(&engine), "played");
    assert_string_equal(oa_engine_name(NULL), "builtin");
    assert_int_equal(oa_session_create(&session, &engine, NULL, NULL, NULL, &error), OA_ERROR_UNSUPPORTED);
    assert_null(session);
    assert_int_equal(oa_session_create(&session, &engine, &graph, &payloads, wanted, NULL), OA_OK);
    assert_true(p.open == 1 && p.graph == &graph && p.payloads == &payloads && p.wanted == wanted);
    assert_int_equal(oa_session_run(&output, session, &input, see, &s, NULL), OA_OK);
    assert_true(p.inputs == &input && s.value == 7 && s.first == 5.0f);
    oa_session_destroy(session);
    assert_int_equal(p.open, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin__shows_what_is_wanted_and_nothing_else),
        cmocka_unit_test(session__hands_everything_to_its_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
